/// Money in thousandths of a satoshi, the unit in which channels count (BOLT 2).
///
/// Arithmetic traps on overflow and on a negative result: an amount that cannot exist is a bug, never a value.
public struct Millisatoshi: Hashable, Comparable, Sendable, BitwiseCopyable {
    /// The number of millisatoshis. Raw access is for storage, digests and file formats.
    public var rawValue: UInt64

    @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// The exact millisatoshi worth of a whole number of satoshis; traps above 2^64 msat.
    @inlinable public init(_ amount: Satoshi) { rawValue = amount.rawValue * 1_000 }

    @inlinable public static var zero: Millisatoshi { Millisatoshi(0) }

    /// Whole satoshis, rounded down, as BOLT 3 rounds every output.
    @inlinable public var roundedDown: Satoshi { Satoshi(rawValue / 1_000) }

    @inlinable public static func + (a: Self, b: Self) -> Self { Self(a.rawValue + b.rawValue) }
    @inlinable public static func - (a: Self, b: Self) -> Self { Self(a.rawValue - b.rawValue) }
    @inlinable public static func += (a: inout Self, b: Self) { a.rawValue += b.rawValue }
    @inlinable public static func -= (a: inout Self, b: Self) { a.rawValue -= b.rawValue }
    @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

    /// `self - other`, or zero where that would be negative.
    @inlinable public func subtractingOrZero(_ other: Self) -> Self {
        Self(rawValue > other.rawValue ? rawValue - other.rawValue : 0)
    }
}

/// Money in satoshis, the unit in which layer 1 counts.
public struct Satoshi: Hashable, Comparable, Sendable, BitwiseCopyable {
    /// The number of satoshis. Raw access is for storage, digests and file formats.
    public var rawValue: UInt64

    @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    @inlinable public static var zero: Satoshi { Satoshi(0) }

    /// All the bitcoin there can be: 21 million in satoshis. No amount in a file may exceed it.
    public static let supplyMaximum = Satoshi(2_100_000_000_000_000)

    @inlinable public static func + (a: Self, b: Self) -> Self { Self(a.rawValue + b.rawValue) }
    @inlinable public static func - (a: Self, b: Self) -> Self { Self(a.rawValue - b.rawValue) }
    @inlinable public static func += (a: inout Self, b: Self) { a.rawValue += b.rawValue }
    @inlinable public static func -= (a: inout Self, b: Self) { a.rawValue -= b.rawValue }
    @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

    /// `self - other`, or zero where that would be negative.
    @inlinable public func subtractingOrZero(_ other: Self) -> Self {
        Self(rawValue > other.rawValue ? rawValue - other.rawValue : 0)
    }
}

extension Millisatoshi: CustomStringConvertible {
    public var description: String { "\(rawValue) msat" }
}

extension Satoshi: CustomStringConvertible {
    public var description: String { "\(rawValue) sat" }
}
