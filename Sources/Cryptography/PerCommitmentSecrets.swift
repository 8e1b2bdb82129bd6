// BOLT 3, "Per-commitment Secret Requirements" and "Efficient Per-commitment Secret Storage".
//
// Every commitment has a secret, shown when the commitment is revoked. The 2^48 secrets of a channel are the
// leaves of a binary tree over one seed: from the root down, a 0 in the index keeps the value and a 1 flips that
// bit of it and hashes. The value at an inner node yields every leaf below it, so that who has received all
// secrets down to some index needs only the at most 49 nodes that cover them.

extension Bytes32 {
    /// The value `bit` levels above a leaf, taken down the branch where that bit of the index is 1.
    fileprivate func descending(through bit: Int) -> Bytes32 {
        // BOLT 3: "flip(B) alternates the (B mod 8) bit of byte (B div 8) of the value". Bits below 48 lie in the
        // first word, whose least significant byte in memory order is byte 0.
        let flipped = word0.littleEndian ^ (1 << UInt64(bit))
        return sha256(Bytes32(inMemory: flipped.littleEndian, word1, word2, word3))
    }

    /// BOLT 3 `derive_secret(base, bits, I)`: the leaf `index` below a node whose lowest `bits` bits are free.
    fileprivate func descending(from bits: Int, toward index: UInt64) -> Bytes32 {
        var value = self
        for bit in stride(from: bits - 1, through: 0, by: -1) where index >> UInt64(bit) & 1 == 1 {
            value = value.descending(through: bit)
        }
        return value
    }
}

/// The seed of a channel's per-commitment secrets, kept by the party whose commitments they revoke.
public struct PerCommitmentSeed: Sendable {
    /// Secrets are numbered from 2^48 - 1, the first commitment's, down to 0.
    public static let firstIndex: UInt64 = 1 << 48 - 1

    fileprivate let value: Bytes32

    public init(_ value: Bytes32) { self.value = value }

    /// The secret of one index (BOLT 3 `generate_from_seed`): as many hashes as the index has one bits.
    public func secret(at index: UInt64) -> Bytes32 {
        precondition(index <= Self.firstIndex, "a per-commitment index has 48 bits")
        return value.descending(from: 48, toward: index)
    }
}

extension PerCommitmentSeed: CustomStringConvertible, CustomReflectable {
    /// Shows nothing: the seed yields every secret.
    public var description: String { "per-commitment seed" }

    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

/// The secrets of a seed one after another, downwards from an index, at one hash each on average.
///
/// Keeps the values on the path from the root to the last leaf. The next leaf shares all but the lowest
/// levels of that path: stepping down from an index that ends in k zeros costs k hashes, and half of all
/// numbers end in none, a quarter in one, and so on. Deriving each from the seed costs as many as its index has one
/// bits, about 40 for those that are used.
public struct PerCommitmentSecretSequence: Sendable {
    // path[b] is the value after the bits 47 to b were taken; path[48] is the seed and path[0] the last secret.
    private var path: [Bytes32]
    private var lastIndex: UInt64?
    private var remaining: UInt64

    /// The secrets from `index` on, by default from the first commitment's.
    public init(seed: PerCommitmentSeed, startingAt index: UInt64 = PerCommitmentSeed.firstIndex) {
        precondition(index <= PerCommitmentSeed.firstIndex, "a per-commitment index has 48 bits")
        path = Array(repeating: seed.value, count: 49)
        remaining = index + 1
    }

    /// The next secret with its index; nil after index 0, when the channel has used them all up.
    public mutating func next() -> (index: UInt64, secret: Bytes32)? {
        guard remaining > 0 else { return nil }
        remaining -= 1
        let index = remaining
        // The lowest level that both paths share is above the highest bit in which the two indices differ.
        let differing = lastIndex.map { 64 - ($0 ^ index).leadingZeroBitCount } ?? 48
        for bit in stride(from: differing - 1, through: 0, by: -1) {
            let above = path[bit + 1]
            path[bit] = index >> UInt64(bit) & 1 == 1 ? above.descending(through: bit) : above
        }
        lastIndex = index
        return (index, path[0])
    }
}

extension PerCommitmentSecretSequence: CustomStringConvertible, CustomReflectable {
    /// Names the next index only: the path yields every secret.
    public var description: String { "per-commitment secrets, \(remaining) left" }

    public var customMirror: Mirror { Mirror(self, children: ["remaining": remaining]) }
}

/// Why a revealed secret was not accepted.
public enum PerCommitmentSecretRefusal: Error, Hashable, Sendable {
    /// The secret of `index` does not yield the secret received earlier for `earlier`: they are of two seeds.
    /// BOLT 2 has the receiver of such a `revoke_and_ack` fail the channel.
    case inconsistent(index: UInt64, earlier: UInt64)
}

/// The peer's revealed secrets in the 49 values at most that yield them all (BOLT 3).
///
/// Invariant: bucket b holds the last secret received whose index ends in exactly b zeros, and the buckets
/// yield every secret from `PerCommitmentSeed.firstIndex` down to the last one inserted.
public struct PerCommitmentSecretStore: Hashable, Sendable {
    private struct Entry: Hashable, Sendable, BitwiseCopyable {
        var index: UInt64
        var secret: Bytes32
    }
    private var buckets: [Entry] = []

    /// The index whose secret must come next; nil when all 2^48 have come.
    public private(set) var nextIndex: UInt64? = PerCommitmentSeed.firstIndex

    public init() {}

    /// The values held now, at most 49.
    public var count: Int { buckets.count }

    /// The values held and their indices, bucket by bucket: what a store can be made of again.
    public var values: [(index: UInt64, secret: Bytes32)] { buckets.map { ($0.index, $0.secret) } }

    /// The store that holds these values; nil where no store holds such.
    public init?(values: [(index: UInt64, secret: Bytes32)]) {
        guard values.count <= 49 else { return nil }
        for (bucket, value) in values.enumerated() {
            let fits = min(value.index.trailingZeroBitCount, 48) == bucket
            guard value.index <= PerCommitmentSeed.firstIndex, fits else { return nil }
        }
        buckets = values.map { Entry(index: $0.index, secret: $0.secret) }
        // Secrets come downwards, so the least index is the last that came.
        guard let last = values.lazy.map(\.index).min() else { return }
        nextIndex = last > 0 ? last - 1 : nil
    }

    /// Stores a secret (BOLT 3 `insert_secret`), or refuses it and stays as it was.
    ///
    /// `index` must be `nextIndex`: it comes from our own count of commitments, never from the peer. Costs about
    /// one hash on average, at most a few hundred.
    public mutating func insert(
        _ secret: Bytes32, at index: UInt64
    ) throws(PerCommitmentSecretRefusal) {
        precondition(index == nextIndex, "per-commitment secrets come one by one, downwards")
        let bucket = min(index.trailingZeroBitCount, 48)
        // BOLT 3: the new secret must yield those it replaces, or the earlier ones could not be derived any more.
        for earlier in buckets.prefix(bucket) {
            guard secret.descending(from: bucket, toward: earlier.index) == earlier.secret else {
                throw .inconsistent(index: index, earlier: earlier.index)
            }
        }
        let entry = Entry(index: index, secret: secret)
        if bucket < buckets.count { buckets[bucket] = entry } else { buckets.append(entry) }
        nextIndex = index > 0 ? index - 1 : nil
    }

    /// A secret received earlier; nil where it has not come. At most 48 hashes.
    public func secret(at index: UInt64) -> Bytes32? {
        precondition(index <= PerCommitmentSeed.firstIndex, "a per-commitment index has 48 bits")
        for (bucket, entry) in buckets.enumerated() {
            guard entry.index >> UInt64(bucket) == index >> UInt64(bucket) else { continue }
            return entry.secret.descending(from: bucket, toward: index)
        }
        return nil
    }
}
