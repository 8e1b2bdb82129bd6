import LightningTypes
import Testing

@testable import Routing

/// A network of the real one's shape: few hubs, many leaves, parallel channels, zero fees common.
struct RandomNetwork {
    let nodeCount: Int
    let channels: [ChannelGraph.Channel]

    init(nodeCount: Int, seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var ends: [Int] = [0, 1]
        var pairs: [(Int, Int)] = [(0, 1)]
        for node in 2..<nodeCount {
            for _ in 0..<random.pick([1, 1, 1, 2, 4, 8]) {
                // Who has channels is likelier to get more.
                let peer = random.pick(ends)
                guard peer != node else { continue }
                pairs.append((min(peer, node), max(peer, node)))
                ends += [peer, node]
            }
        }
        self.nodeCount = nodeCount
        channels = pairs.enumerated().map { index, pair in
            let capacity = 20_000 * (UInt64(1) << UInt64(random.below(12)))
            let policy = { (random: inout SeededGenerator) -> ChannelPolicy? in
                if random.oneIn(10) { return nil }
                return ChannelPolicy(
                    baseFee: Millisatoshi(random.pick([0, 0, 1, 1_000, 1_000, 5_000])),
                    proportionalFee: random.pick([0, 1, 1, 50, 100, 500, 2_000]),
                    cltvExpiryDelta: random.pick([18, 40, 80, 144]), isDisabled: random.oneIn(12),
                    htlcMinimum: Millisatoshi(random.pick([0, 1, 1_000, 1_000])),
                    htlcMaximum: Millisatoshi(capacity * random.pick([450, 990, 1_000])))
            }
            return ChannelGraph.Channel(
                node1: Int32(pair.0), node2: Int32(pair.1), shortChannelID: ShortChannelID(UInt64(index) * 7),
                capacity: Satoshi(capacity), policy1: policy(&random), policy2: policy(&random))
        }
    }
}

/// 100,000 queries in all; 10,000 in a debug build.
struct RandomNetworkTests {
    @Test(arguments: 0..<4 as Range<UInt64>)
    func `agrees with a plain Dijkstra on random queries, to the channel`(seed: UInt64) throws {
        let network = RandomNetwork(nodeCount: 1_500, seed: seed)
        let graph = ChannelGraph(nodeCount: network.nodeCount, channels: network.channels)
        let search = RouteSearch(for: graph)
        let plain = PlainDijkstra(nodeCount: network.nodeCount, channels: network.channels)
        var random = SeededGenerator(seed: seed + 100)
        var (routable, compared) = (0, 0)
        let sources = 250
        for _ in 0..<extent(10, all: 100) {
            let destination = random.below(network.nodeCount)
            let amount = 1_000 * (UInt64(1) << UInt64(random.below(20))) + UInt64(random.below(1_000))
            let ways = plain.ways(to: destination, amount: amount)
            for _ in 0..<sources {
                let source = random.below(network.nodeCount)
                guard source != destination else { continue }
                compared += 1
                let request = RouteRequest(
                    source: Int32(source), destination: Int32(destination), amount: Millisatoshi(amount),
                    hopsMaximum: 255, cltvMaximum: .max)
                let expected = plain.route(from: source, by: ways)
                switch Result(catching: { () throws(RoutingFailure) in
                    try search.cheapestRoute(request, in: graph)
                }) {
                case .success(let route):
                    routable += 1
                    try #require(route.totalFee.rawValue == expected?.fee)
                    try #require(route.hops.map(\.direction) == expected?.directions)
                case .failure(let failure):
                    try #require(failure == .noRoute && expected == nil)
                }
            }
        }
        #expect(search.labelSearchCount == 0, "every amount meets every minimum")
        #expect(routable > compared / 3)
    }
}
