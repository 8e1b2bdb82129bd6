/// Writes a state field by field: integers in little-endian order, each of its own width, lists after their length.
///
/// Never the memory of a value: padding, handles and the layout of a type are nobody's business but the compiler's.
///
/// ```swift
/// var writer = SnapshotWriter()
/// writer.write(channel.localNumber)
/// writer.write(channel.awaitsRevocation)
/// let bytes = writer.finish()
/// ```
public struct SnapshotWriter: ~Copyable {
    @usableFromInline var bytes: UnsafeMutableRawPointer
    @usableFromInline var capacity: Int
    @usableFromInline var count = 0

    /// - Parameter capacity: bytes to make room for at once; more is made when needed.
    public init(capacity: Int = 1 << 16) {
        precondition(capacity > 0, "a writer needs room")
        self.capacity = capacity
        bytes = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { bytes.deallocate() }

    @inlinable public mutating func write<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number) {
        reserve(MemoryLayout<Number>.size)
        bytes.storeBytes(of: number.littleEndian, toByteOffset: count, as: Number.self)
        count += MemoryLayout<Number>.size
    }

    /// One byte, 0 or 1.
    @inlinable public mutating func write(_ flag: Bool) { write(flag ? UInt8(1) : 0) }

    /// The bits of the number (IEEE 754).
    @inlinable public mutating func write(_ number: Double) { write(number.bitPattern) }

    /// How many elements follow.
    @inlinable public mutating func write(count: Int) { write(UInt64(count)) }

    /// The bytes themselves, without a length.
    @inlinable public mutating func write(_ source: UnsafeRawBufferPointer) {
        guard let start = source.baseAddress, source.count > 0 else { return }
        reserve(source.count)
        (bytes + count).copyMemory(from: start, byteCount: source.count)
        count += source.count
    }

    /// A length, then the bytes.
    @inlinable public mutating func write(list: [UInt8]) {
        write(count: list.count)
        list.withUnsafeBytes { write($0) }
    }

    /// Lends what was written so far.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        body(UnsafeRawBufferPointer(start: bytes, count: count))
    }

    /// All that was written.
    public consuming func finish() -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: bytes, count: count))
    }

    @inlinable mutating func reserve(_ size: Int) {
        if count + size > capacity { grow(by: size) }
    }

    @usableFromInline mutating func grow(by size: Int) {
        let larger = max(capacity * 2, count + size)
        let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        moved.copyMemory(from: bytes, byteCount: count)
        bytes.deallocate()
        bytes = moved
        capacity = larger
    }
}
