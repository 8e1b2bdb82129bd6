/// Where a channel's funding output stands in the chain: block, transaction and output, packed as BOLT 7 does.
public struct ShortChannelID: Hashable, Comparable, Sendable, BitwiseCopyable {
    /// Block in the upper 24 bits, transaction index in the next 24, output index in the lowest 16.
    public let rawValue: UInt64

    @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// Nil where a part exceeds its width (24, 24 and 16 bits).
    public init?(block: UInt64, transaction: UInt64, output: UInt64) {
        guard block < 1 << 24, transaction < 1 << 24, output < 1 << 16 else { return nil }
        self.init(block << 40 | transaction << 16 | output)
    }

    /// Reads `700000x12x1`, `700000:12:1` or lnd's plain 64-bit number; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(omittingEmptySubsequences: false) { $0 == "x" || $0 == ":" }
        let numbers = parts.compactMap { part in
            part.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? UInt64(part) : nil
        }
        guard numbers.count == parts.count else { return nil }
        switch numbers.count {
        case 1: self.init(numbers[0])
        case 3: self.init(block: numbers[0], transaction: numbers[1], output: numbers[2])
        default: return nil
        }
    }

    public var block: UInt64 { rawValue >> 40 }
    public var transaction: UInt64 { (rawValue >> 16) & 0xFF_FFFF }
    public var output: UInt64 { rawValue & 0xFFFF }

    @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

extension ShortChannelID: CustomStringConvertible {
    /// The specification's form, `700000x12x1`.
    public var description: String { "\(block)x\(transaction)x\(output)" }
}
