/// Why bytes are no saved state.
public enum SnapshotError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The bytes end at `offset`, within a field or a list.
    case truncated(offset: Int)
    /// A field has a value that it cannot have; `what` names it.
    case implausible(what: String, offset: Int)
    /// The state is complete and bytes follow.
    case trailingBytes(count: Int)

    public var description: String {
        switch self {
        case .truncated(let offset): "it ends early, at byte \(offset)"
        case .implausible(let what, let offset): "\(what) at byte \(offset) makes no sense"
        case .trailingBytes(let count): "\(count) bytes follow its end"
        }
    }
}

/// Takes fields from the front of bytes that may be anything and end anywhere: it throws, and never traps.
public struct SnapshotReader {
    @usableFromInline let bytes: [UInt8]
    /// Where the next field begins.
    @usableFromInline var offset: Int

    public init(_ bytes: [UInt8], from offset: Int = 0) {
        precondition((0...bytes.count).contains(offset), "reading begins within the bytes")
        self.bytes = bytes
        self.offset = offset
    }

    @inlinable public var remaining: Int { bytes.count - offset }

    @inlinable public mutating func read<Number: FixedWidthInteger & BitwiseCopyable>(
        _: Number.Type = Number.self
    ) throws(SnapshotError) -> Number {
        let start = try skip(MemoryLayout<Number>.size)
        return Number(
            littleEndian: bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: start, as: Number.self) })
    }

    /// A byte that is 0 or 1.
    @inlinable public mutating func readFlag(_ what: String = "a flag") throws(SnapshotError) -> Bool {
        let byte = try read(UInt8.self)
        guard byte <= 1 else { throw implausible(what) }
        return byte == 1
    }

    public mutating func readDouble() throws(SnapshotError) -> Double {
        Double(bitPattern: try read(UInt64.self))
    }

    /// How many elements follow, of at least `size` bytes each: a count alone reserves nothing.
    public mutating func readCount(of size: Int = 1, _ what: String = "a count") throws(SnapshotError) -> Int
    {
        let count = try read(UInt64.self)
        guard count <= UInt64(remaining / max(size, 1)) else { throw implausible(what) }
        return Int(count)
    }

    public mutating func readBytes(_ count: Int) throws(SnapshotError) -> ArraySlice<UInt8> {
        let start = try skip(count)
        return bytes[start..<offset]
    }

    /// A length, then so many bytes.
    public mutating func readList(_ what: String = "a length") throws(SnapshotError) -> [UInt8] {
        Array(try readBytes(try readCount(of: 1, what)))
    }

    /// The case of an enumeration with this raw value.
    @inlinable public mutating func readCase<Value: RawRepresentable>(
        _ what: String, _: Value.Type = Value.self
    ) throws(SnapshotError) -> Value where Value.RawValue: FixedWidthInteger & BitwiseCopyable {
        guard let value = Value(rawValue: try read(Value.RawValue.self)) else { throw implausible(what) }
        return value
    }

    /// Everything has been read.
    public func finish() throws(SnapshotError) {
        guard remaining == 0 else { throw .trailingBytes(count: remaining) }
    }

    /// The error for a field just read.
    @inlinable public func implausible(_ what: String) -> SnapshotError {
        .implausible(what: what, offset: offset)
    }

    /// Throws unless the field just read makes sense.
    @inlinable public func check(_ holds: Bool, _ what: @autoclosure () -> String) throws(SnapshotError) {
        if !holds { throw implausible(what()) }
    }

    @inlinable mutating func skip(_ count: Int) throws(SnapshotError) -> Int {
        guard count >= 0, count <= remaining else { throw .truncated(offset: bytes.count) }
        defer { offset += count }
        return offset
    }
}
