import LightningTypes
import Testing

@testable import Routing

struct ChannelGraphTests {
    let graph = FeeExampleTests.graph

    @Test func `answers what it was built from`() {
        let direction = DirectionIndex(channel: 3, from: .second)
        #expect(graph.source(of: direction) == 3)
        #expect(graph.destination(of: direction) == 0)
        #expect(graph.policy(of: direction)?.baseFee == Millisatoshi(400))
        #expect(graph.shortChannelID(ofChannel: 3) == ShortChannelID(4))
        #expect(graph.capacity(ofChannel: 3) == Satoshi(10_000_000))
        #expect(graph.directionCount == 8)
    }

    @Test func `a version changes what is usable and leaves the older version alone`() throws {
        let direction = DirectionIndex(channel: 1, from: .first)
        let request = RouteRequest(source: 0, destination: 2, amount: Millisatoshi(4_999_999))
        let search = RouteSearch(for: graph)
        let without = graph.withDirections(enabled: [], disabled: [direction])
        #expect(!without.isUsable(direction))
        #expect(without.policy(of: direction)?.isDisabled == true)
        #expect(try search.cheapestRoute(request, in: without).totalFee == Millisatoshi(20_399))
        #expect(try search.cheapestRoute(request, in: graph).totalFee == Millisatoshi(10_199))
        let again = without.withDirections(enabled: [direction], disabled: [])
        #expect(again.policy(of: direction) == graph.policy(of: direction))
        #expect(try search.cheapestRoute(request, in: again).totalFee == Millisatoshi(10_199))
    }

    @Test func `enabling a direction without a policy leaves it unusable`() {
        let graph = ChannelGraph(
            nodeCount: 2,
            channels: [
                ChannelGraph.Channel(
                    node1: 0, node2: 1, shortChannelID: ShortChannelID(1), capacity: Satoshi(1_000),
                    policy1: ChannelPolicy(
                        baseFee: .zero, proportionalFee: 0, cltvExpiryDelta: 0,
                        htlcMaximum: Millisatoshi(.max)),
                    policy2: nil, isOpen: false)
            ])
        let both = [
            DirectionIndex(channel: 0, from: .first), DirectionIndex(channel: 0, from: .second),
        ]
        #expect(both.allSatisfy { !graph.isUsable($0) })
        let version = graph.withDirections(enabled: both, disabled: [])
        #expect(both.map { version.isUsable($0) } == [true, false])
    }

    /// Every direction switched at random, in one epoch or in one epoch each.
    @Test(arguments: 0..<200 as Range<UInt64>)
    func `a version routes as a graph built anew`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed &+ 1_000)
        let query = Query.random(.plateaus, seed: seed)
        var version = ChannelGraph(nodeCount: query.nodeCount, channels: query.channels)
        var changed = query
        for index in query.channels.indices {
            changed.channels[index].isOpen = true
            for side in Side.allCases {
                let isEnabled = random.oneIn(2)
                let direction = [DirectionIndex(channel: index, from: side)]
                version = version.withDirections(
                    enabled: isEnabled ? direction : [], disabled: isEnabled ? [] : direction)
                if side == .first {
                    changed.channels[index].policy1?.isDisabled = !isEnabled
                } else {
                    changed.channels[index].policy2?.isDisabled = !isEnabled
                }
            }
        }
        let answer = Result { () throws(RoutingFailure) in
            try changed.search(RouteSearch(for: version), version)
        }
        let truth = BruteForce(changed).expected.map(\.directions)
        #expect(answer.map { $0.hops.map(\.direction.rawValue) } == truth)
    }

    /// A triangle with a tree on it, and a pair apart.
    @Test func `the core is what routes can pass through`() {
        let ends: [(Int32, Int32)] = [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (5, 6)]
        let policy = ChannelPolicy(
            baseFee: .zero, proportionalFee: 0, cltvExpiryDelta: 0, htlcMaximum: Millisatoshi(.max))
        let graph = ChannelGraph(
            nodeCount: 7,
            channels: ends.enumerated().map {
                ChannelGraph.Channel(
                    node1: $1.0, node2: $1.1, shortChannelID: ShortChannelID(UInt64($0)),
                    capacity: Satoshi(1), policy1: policy, policy2: policy)
            })
        #expect(graph.layout.isCore == [true, true, true, false, false, false, false])
        let search = RouteSearch(for: graph)
        let hops = { (source: Int32, destination: Int32) in
            try? search.cheapestRoute(
                RouteRequest(source: source, destination: destination, amount: Millisatoshi(1)), in: graph
            ).hops.map { graph.source(of: $0.direction) }
        }
        #expect(hops(4, 0) == [4, 3, 2])
        #expect(hops(0, 4) == [0, 2, 3])
        #expect(hops(5, 6) == [5])
        #expect(hops(5, 0) == nil)
    }
}
