import LightningTypes
import Testing

@testable import Routing

/// A payer and a payee behind dear channels, and between them a plateau of free ones.
struct Plateau {
    static let size = 3_000
    static let payer = 0
    static let payee = 1
    let channels: [ChannelGraph.Channel]
    static let nodeCount = 6 + size

    init(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var channels: [ChannelGraph.Channel] = []
        func add(_ near: Int, _ far: Int, base: UInt64, proportional: UInt32) {
            func policy(_ base: UInt64, _ proportional: UInt32) -> ChannelPolicy {
                ChannelPolicy(
                    baseFee: Millisatoshi(base), proportionalFee: proportional, cltvExpiryDelta: 1,
                    htlcMaximum: Millisatoshi(.max))
            }
            // Back from the plateau nobody goes.
            let (there, back) = (policy(base, proportional), base == 0 ? policy(0, 0) : policy(1_000_000, 0))
            channels.append(
                ChannelGraph.Channel(
                    node1: Int32(min(near, far)), node2: Int32(max(near, far)),
                    shortChannelID: ShortChannelID(UInt64(channels.count)), capacity: Satoshi(100_000_000),
                    policy1: near < far ? there : back, policy2: near < far ? back : there))
        }
        // 0 – 2 – 3 – 4 – plateau – 5 – 1: each asks a share of what those behind it ask.
        add(Self.payer, 2, base: 1, proportional: 0)
        add(2, 3, base: 1, proportional: UInt32(2_000 + random.below(3_000)))
        add(3, 4, base: UInt64(500 + random.below(1_000)), proportional: UInt32(random.below(3_000)))
        for _ in 0..<3 {
            add(4, 6 + random.below(Self.size), base: UInt64(1 + random.below(3_000)), proportional: 1)
            add(6 + random.below(Self.size), 5, base: UInt64(1 + random.below(3)), proportional: 1)
        }
        add(5, Self.payee, base: 1_000, proportional: UInt32(random.below(3_000)))
        for node in 6..<Self.nodeCount {
            for _ in 0..<3 {
                let other = 6 + random.below(Self.size)
                if other != node { add(node, other, base: 0, proportional: 0) }
            }
        }
        self.channels = channels
    }
}

struct PlateauTests {
    @Test(arguments: 0..<16 as Range<UInt64>)
    func `a plateau is not settled for what dear channels before it ask of one another`(seed: UInt64) throws {
        let plateau = Plateau(seed: seed)
        let graph = ChannelGraph(nodeCount: Plateau.nodeCount, channels: plateau.channels)
        let search = RouteSearch(for: graph)
        let plain = PlainDijkstra(nodeCount: Plateau.nodeCount, channels: plateau.channels)
        for amount: UInt64 in [100_000, 10_000_000, 36_744_000, 1_000_000_007] {
            let request = RouteRequest(
                source: Int32(Plateau.payer), destination: Int32(Plateau.payee), amount: Millisatoshi(amount),
                hopsMaximum: 255)
            let route = try search.cheapestRoute(request, in: graph)
            let expected = plain.route(
                from: Plateau.payer, by: plain.ways(to: Plateau.payee, amount: amount))
            #expect(route.totalFee.rawValue == expected?.fee)
            #expect(route.hops.map(\.direction) == expected?.directions)
            #expect(search.directionsReadBack < graph.directionCount / 8, "of the way back from the payee")
        }
    }
}
