import Cryptography
import PaymentChannels

/// Cryptographic primitives that the nodes of a run carried out: what a real node's processor would spend most of its
/// time on. Counted where they are done and by the shard that does them; no part of the digest, since lazy signatures
/// leave most of them out. What layer 1 checks on its own is not among them.
public struct PrimitiveCounts: Sendable, Equatable {
    /// Ed25519 key pairs made of seeds, when a channel first needs them.
    public var keyPairs: UInt64 = 0
    /// Ed25519 signatures made, and those checked.
    public var signatures: UInt64 = 0
    public var verifications: UInt64 = 0
    /// SHA-256 of a whole transaction: what a signature of it commits to.
    public var transactionHashes: UInt64 = 0
    /// SHA-256 and BLAKE2b of a short input: secrets, points, preimages, payment hashes.
    public var hashes: UInt64 = 0
    /// Multiplications of a point of ristretto255, and of its base point.
    public var pointMultiplications: UInt64 = 0
    public var basePointMultiplications: UInt64 = 0
    /// HMAC-SHA256 of a short input, and of an onion's 1,300 bytes and a payment hash.
    public var keyedHashes: UInt64 = 0
    public var onionHashes: UInt64 = 0
    /// ChaCha20.
    public var streamBytes: UInt64 = 0

    public init() {}

    mutating func add(_ other: PrimitiveCounts) {
        keyPairs += other.keyPairs
        signatures += other.signatures
        verifications += other.verifications
        transactionHashes += other.transactionHashes
        hashes += other.hashes
        pointMultiplications += other.pointMultiplications
        basePointMultiplications += other.basePointMultiplications
        keyedHashes += other.keyedHashes
        onionHashes += other.onionHashes
        streamBytes += other.streamBytes
    }

    // MARK: What a step costs in hashes

    /// A preimage: its purpose's key, then itself; and the payment hash one more.
    static let preimage: UInt64 = 2
    static let paymentHash: UInt64 = preimage + 1

    /// A session: for each party the channel's seed, a key's seed for each of five and one for the secrets; the peer's
    /// points of the commitments 0 and 1, and one's own secret of commitment 0, each derived from its seed in as many
    /// hashes as its index has one bits.
    mutating func countSession() {
        keyPairs += 10
        let depths = [0, 1].map { UInt64(ChannelKeys.secretIndex(ofCommitment: $0).nonzeroBitCount) }
        hashes += 2 * (2 + 6) + depths[0] + 1 + depths[1] + 1 + depths[0]
    }

    /// The signatures of a commitment: the transaction shows a payment hash for each of its HTLCs that
    /// has a signature.
    mutating func count(signaturesMade made: Int) {
        signatures += UInt64(made)
        transactionHashes += UInt64(made)
        hashes += UInt64(made - 1) * Self.paymentHash
    }

    /// The same for those that are checked, and the point of the commitment.
    mutating func count(signaturesVerified verified: Int) {
        verifications += UInt64(verified)
        transactionHashes += UInt64(verified)
        hashes += UInt64(verified - 1) * Self.paymentHash + 1
    }

    /// Every node's onion key and its point.
    mutating func countOnionPoints(_ nodes: Int) {
        hashes += 2 * UInt64(nodes)
        basePointMultiplications += UInt64(nodes)
    }

    /// The keys that a sender shares with so many hops: for each the secret and a blinding factor.
    mutating func countRoute(_ hops: Int) {
        let hops = UInt64(hops)
        pointMultiplications += hops
        basePointMultiplications += hops
        // And the session key.
        hashes += 2 * hops + 2
    }

    /// Wrapping an onion for so many hops, their keys apart: each layer has two keys and its stream; what stands at the
    /// end is made of one key and twice the stream for all but one; and the padding.
    mutating func countOnion(_ hops: Int) {
        let hops = UInt64(hops)
        let size = UInt64(OnionPacket.payloadsSize)
        basePointMultiplications += 1
        keyedHashes += 2 * hops + (hops - 1) + 1
        onionHashes += hops
        streamBytes += size * (hops + 2 * (hops - 1) + 1)
        hashes += Self.paymentHash
    }

    /// Taking a layer off; the last hop blinds nothing.
    mutating func countPeeling(isLast: Bool) {
        pointMultiplications += isLast ? 1 : 2
        keyedHashes += 2
        onionHashes += 1
        streamBytes += 2 * UInt64(OnionPacket.payloadsSize)
        hashes += (isLast ? 1 : 2) + 2 + Self.paymentHash
    }

    /// The stream over an error, and its key.
    mutating func countErrorStream() {
        keyedHashes += 1
        streamBytes += UInt64(OnionError.size)
    }

    /// The authentication of an error, and its key; as much as three of the short ones.
    mutating func countErrorHash() { keyedHashes += 3 }

    /// Revealing the secret of commitment `number`: deriving the one two commitments on, and its point.
    mutating func countRevocation(of number: UInt64) {
        hashes += Self.derivation(ofCommitment: number + 2) + 1
    }

    /// Checking a revealed secret: its point, and the secrets it must yield.
    mutating func countRevealedSecret(of number: UInt64) {
        hashes += 1 + UInt64(ChannelKeys.secretIndex(ofCommitment: number).trailingZeroBitCount)
    }

    /// Going on to the next secret of a sequence: as many hashes as the index before it ends in zeros.
    static func derivation(ofCommitment number: UInt64) -> UInt64 {
        UInt64((ChannelKeys.secretIndex(ofCommitment: number) + 1).trailingZeroBitCount)
    }
}
