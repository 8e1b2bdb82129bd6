/// One of the two ends of a channel. BOLT 7 orders them: `first` has the lesser node id (`node_id_1`).
@frozen public enum Side: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    case first = 0
    case second = 1

    @inlinable public var other: Side { self == .first ? .second : .first }
}

/// A channel in one direction: channel index times two, plus the side that offers HTLCs in it.
///
/// Dense, so that it indexes arrays of policies, balances and marks.
public struct DirectionIndex: Hashable, Comparable, Sendable, BitwiseCopyable {
    public var rawValue: UInt32

    @inlinable public init(_ rawValue: UInt32) { self.rawValue = rawValue }
    @inlinable public init(channel: Int, from side: Side) {
        rawValue = UInt32(truncatingIfNeeded: channel) << 1 | UInt32(side.rawValue)
    }

    @inlinable public var channel: Int { Int(rawValue >> 1) }
    @inlinable public var side: Side { rawValue & 1 == 0 ? .first : .second }
    @inlinable public var reversed: DirectionIndex { DirectionIndex(rawValue ^ 1) }
    @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}
