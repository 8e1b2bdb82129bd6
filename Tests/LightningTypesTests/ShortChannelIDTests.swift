import LightningTypes
import Testing

struct ShortChannelIDTests {
    @Test(arguments: ["700000x12x1", "700000:12:1", "769658139443986433"])
    func `reads every common form`(_ text: String) throws {
        let id = try #require(ShortChannelID(text))
        #expect(id.block == 700_000)
        #expect(id.transaction == 12)
        #expect(id.output == 1)
        #expect("\(id)" == "700000x12x1")
    }

    @Test(arguments: [
        "", "x", "xx", "1x", "1x2", "1x2x", "x2x3", "1x2x3x4", "1xx3", "-1x2x3", "+1x2x3", " 1x2x3", "1x2x3 ",
        "1x2x0x3",
        "0x1", "1.5", "1e3", "٣x1x1", "16777216x0x0", "0x16777216x0", "0x0x65536", "18446744073709551616",
        "99999999999999999999x0x0", "1X2X3", "1-2-3",
    ])
    func `refuses everything else`(_ text: String) {
        #expect(ShortChannelID(text) == nil)
    }

    @Test func `keeps the largest parts apart`() throws {
        let id = try #require(ShortChannelID(block: 0xFF_FFFF, transaction: 0xFF_FFFF, output: 0xFFFF))
        #expect(id.rawValue == .max)
        #expect(ShortChannelID(block: 1 << 24, transaction: 0, output: 0) == nil)
        #expect(ShortChannelID(block: 0, transaction: 1 << 24, output: 0) == nil)
        #expect(ShortChannelID(block: 0, transaction: 0, output: 1 << 16) == nil)
    }

    @Test(arguments: 0..<64 as Range<UInt64>)
    func `reads back what it writes`(seed: UInt64) {
        let id = ShortChannelID(seed &* 0x9E37_79B9_7F4A_7C15)
        #expect(ShortChannelID("\(id)") == id)
        #expect(ShortChannelID("\(id.rawValue)") == id)
    }

    @Test func `orders by block, then transaction, then output`() throws {
        let texts = ["1x0x0", "1x0x9", "1x2x0", "2x0x0", "10x0x0"]
        let ids = try texts.map { try #require(ShortChannelID($0)) }
        #expect(ids == ids.sorted())
    }
}
