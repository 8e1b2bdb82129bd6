/// Thirty-two bytes: a hash, a seed, a secret, a preimage or a public key's encoding.
///
/// Lies in memory exactly as it travels, so that libsodium reads it in place. Compares, hashes and moves as
/// four machine words; the order is that of the bytes, which is the order of the hexadecimal text.
@frozen public struct Bytes32: Hashable, Sendable, BitwiseCopyable {
    // Each word's bytes in memory are eight of the thirty-two; `bigEndian` turns one into a number in their order.
    @usableFromInline let word0, word1, word2, word3: UInt64

    @inlinable init(inMemory word0: UInt64, _ word1: UInt64, _ word2: UInt64, _ word3: UInt64) {
        self.word0 = word0
        self.word1 = word1
        self.word2 = word2
        self.word3 = word3
    }

    /// Four numbers, the first in the first eight bytes, each with its most significant byte first.
    @inlinable public init(words a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64) {
        self.init(inMemory: a.bigEndian, b.bigEndian, c.bigEndian, d.bigEndian)
    }

    /// Copies exactly 32 bytes; another length is a bug of the caller.
    @inlinable public init(bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == 32, "Bytes32 holds 32 bytes, not \(bytes.count)")
        self.init(
            inMemory: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
            bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
            bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
            bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
    }

    /// Copies exactly 32 bytes; another length is a bug of the caller.
    @inlinable public init(bytes: some Sequence<UInt8>) {
        let copy = Array(bytes)
        self = copy.withUnsafeBytes { Bytes32(bytes: $0) }
    }

    /// Reads 64 hexadecimal digits of either case; nil for anything else.
    public init?(hex: some StringProtocol) {
        guard hex.utf8.count == 64 else { return nil }
        var words = [UInt64](repeating: 0, count: 4)
        for (place, character) in hex.utf8.enumerated() {
            let digit: UInt8
            switch character {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = character - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = character - UInt8(ascii: "A") + 10
            default: return nil
            }
            words[place / 16] = words[place / 16] << 4 | UInt64(digit)
        }
        self.init(words: words[0], words[1], words[2], words[3])
    }

    /// Thirty-two zero bytes.
    @inlinable public static var zero: Bytes32 { Bytes32(inMemory: 0, 0, 0, 0) }

    /// The four numbers of `init(words:)`.
    @inlinable public var words: (UInt64, UInt64, UInt64, UInt64) {
        (word0.bigEndian, word1.bigEndian, word2.bigEndian, word3.bigEndian)
    }

    /// The byte at `index`, 0 to 31, in the order in which bytes are written.
    @inlinable public subscript(index: Int) -> UInt8 {
        precondition((0..<32).contains(index), "a Bytes32 has no byte \(index)")
        return withUnsafeBytes { $0[index] }
    }

    /// Lends the 32 bytes in order.
    @inlinable public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // `Swift.withUnsafeBytes` rethrows untyped; the box carries the typed outcome across it.
        var outcome: Swift.Result<Result, Failure>?
        Swift.withUnsafeBytes(of: self) { bytes in
            do throws(Failure) { outcome = .success(try body(bytes)) } catch { outcome = .failure(error) }
        }
        return try outcome!.get()
    }
}

extension Bytes32: Comparable {
    @inlinable public static func < (a: Self, b: Self) -> Bool {
        if a.word0 != b.word0 { return a.word0.bigEndian < b.word0.bigEndian }
        if a.word1 != b.word1 { return a.word1.bigEndian < b.word1.bigEndian }
        if a.word2 != b.word2 { return a.word2.bigEndian < b.word2.bigEndian }
        return a.word3.bigEndian < b.word3.bigEndian
    }
}

extension Bytes32: CustomStringConvertible {
    /// Sixty-four lower-case hexadecimal digits.
    public var description: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(unsafeUninitializedCapacity: 64) { text in
            withUnsafeBytes { bytes in
                for (index, byte) in bytes.enumerated() {
                    text[2 * index] = digits[Int(byte >> 4)]
                    text[2 * index + 1] = digits[Int(byte & 15)]
                }
            }
            return 64
        }
    }
}
