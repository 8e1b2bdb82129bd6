/// The number of a block; 0 is the genesis block.
public struct BlockHeight: Hashable, Comparable, Sendable, BitwiseCopyable {
    public var rawValue: UInt32

    @inlinable public init(_ rawValue: UInt32) { self.rawValue = rawValue }

    @inlinable public static func + (height: Self, blocks: UInt32) -> Self { Self(height.rawValue + blocks) }
    @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

extension BlockHeight: CustomStringConvertible {
    public var description: String { "block \(rawValue)" }
}
