import Snapshots
import Testing

private enum Colour: UInt8, CaseIterable { case red, green }

private func written() -> [UInt8] {
    var writer = SnapshotWriter(capacity: 1)
    writer.write(UInt8(7))
    writer.write(UInt16(0x0102))
    writer.write(Int32(-5))
    writer.write(UInt64.max)
    writer.write(true)
    writer.write(-0.0)
    writer.write(list: [1, 2, 3])
    writer.write(list: [])
    writer.write(Colour.green.rawValue)
    return writer.finish()
}

private func read(_ bytes: [UInt8]) throws(SnapshotError) {
    var reader = SnapshotReader(bytes)
    let (a, b, c) = (try reader.read(UInt8.self), try reader.read(UInt16.self), try reader.read(Int32.self))
    let (d, e, f) = (try reader.read(UInt64.self), try reader.readFlag(), try reader.readDouble())
    let (g, h) = (try reader.readList(), try reader.readList())
    let colour: Colour = try reader.readCase("a colour")
    try reader.finish()
    #expect(a == 7 && b == 0x0102 && c == -5 && d == .max && e && f.bitPattern == (-0.0).bitPattern)
    #expect(g == [1, 2, 3] && h.isEmpty && colour == .green)
}

@Suite struct `A saved state` {
    @Test func `reads back as it was written, least significant byte first`() throws {
        #expect(Array(written().prefix(3)) == [7, 2, 1])
        try read(written())
    }

    @Test func `is refused when it ends anywhere too early or goes on`() {
        for length in 0..<written().count {
            #expect(throws: SnapshotError.self) { try read(Array(written().prefix(length))) }
        }
        #expect(throws: SnapshotError.trailingBytes(count: 1)) { try read(written() + [0]) }
    }

    @Test func `is refused for a flag, a case or a count that cannot be`() {
        var reader = SnapshotReader([2, 2, 255, 255, 255, 255, 255, 255, 255, 255])
        #expect(throws: SnapshotError.self) { try reader.readFlag() }
        #expect(throws: SnapshotError.self) { try reader.readCase("a colour", Colour.self) }
        // A count alone must not reserve memory.
        #expect(throws: SnapshotError.self) { try reader.readCount(of: 1) }
    }

    /// Three items of four bytes follow.
    @Test func `is refused for more items than have room`() throws {
        for count in 0...4 as ClosedRange<UInt8> {
            let bytes = [count, 0, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 1, count: 12)
            var reader = SnapshotReader(bytes)
            if count <= 3 {
                #expect(try reader.readCount(of: 4) == Int(count))
            } else {
                #expect(throws: SnapshotError.self) { try reader.readCount(of: 4) }
            }
        }
    }
}
