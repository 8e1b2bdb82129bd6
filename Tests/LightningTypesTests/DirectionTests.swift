import LightningTypes
import Testing

struct DirectionTests {
    @Test(arguments: [0, 1, 2, 50_807, 0x7FFF_FFFF])
    func `a direction is its channel and its side`(_ channel: Int) {
        for side in Side.allCases {
            let direction = DirectionIndex(channel: channel, from: side)
            #expect(direction.channel == channel)
            #expect(direction.side == side)
            #expect(direction.reversed.channel == channel)
            #expect(direction.reversed.side == side.other)
            #expect(direction.reversed.reversed == direction)
        }
    }

    @Test func `the sides of a channel are two`() {
        #expect(Side.first.other == .second)
        #expect(Side.second.other == .first)
        #expect(Side.allCases.map(\.rawValue) == [0, 1])
    }

    @Test func `directions lie densely in order of channel and side`() {
        let directions = (0..<3).flatMap { channel in
            Side.allCases.map { DirectionIndex(channel: channel, from: $0) }
        }
        #expect(directions.map(\.rawValue) == [0, 1, 2, 3, 4, 5])
        #expect(directions == directions.sorted())
    }

    @Test func `a height counts blocks`() {
        #expect(BlockHeight(5) + 3 == BlockHeight(8))
        #expect(BlockHeight(5) < BlockHeight(6))
        #expect("\(BlockHeight(7))" == "block 7")
    }
}
