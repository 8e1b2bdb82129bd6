import LightningTypes
import Testing

@testable import Routing

struct RouteSearchTests {
    /// Nodes 0, 1, … in a line of free channels, and a dear channel from the first to the one before last.
    static func line(nodeCount: Int, shortcutFee: UInt64, cltvExpiryDelta: UInt16 = 1) -> ChannelGraph {
        let policy = { (fee: UInt64) in
            ChannelPolicy(
                baseFee: Millisatoshi(fee), proportionalFee: 0, cltvExpiryDelta: cltvExpiryDelta,
                htlcMaximum: Millisatoshi(.max))
        }
        var channels = (1..<nodeCount).map {
            ChannelGraph.Channel(
                node1: Int32($0 - 1), node2: Int32($0), shortChannelID: ShortChannelID(UInt64($0)),
                capacity: Satoshi(10), policy1: policy(0), policy2: policy(0))
        }
        channels.append(
            ChannelGraph.Channel(
                node1: 1, node2: Int32(nodeCount - 2), shortChannelID: ShortChannelID(UInt64(nodeCount)),
                capacity: Satoshi(10), policy1: policy(shortcutFee), policy2: policy(shortcutFee)))
        return ChannelGraph(nodeCount: nodeCount, channels: channels)
    }

    func request(_ graph: ChannelGraph, amount: UInt64 = 1_000) -> RouteRequest {
        RouteRequest(
            source: 0, destination: Int32(graph.nodeCount - 1), amount: Millisatoshi(amount),
            finalCLTVExpiryDelta: 10)
    }

    @Test(arguments: [22, 100, 255, 256, 257, 258, 300, 600])
    func `pays for a shortcut when the free way has too many hops`(nodeCount: Int) throws {
        let graph = Self.line(nodeCount: nodeCount, shortcutFee: 7)
        let search = RouteSearch(for: graph)
        let route = try search.cheapestRoute(request(graph), in: graph)
        #expect(route.hops.count == 3)
        #expect(route.totalFee == Millisatoshi(7))
        #expect(search.undecidedCount == 0)
    }

    /// A key counts 255 hops: one more must not be taken for none.
    @Test(arguments: [255, 256, 257, 258, 300, 600])
    func `takes 255 free hops where they are the limit, and no more`(nodeCount: Int) throws {
        let graph = Self.line(nodeCount: nodeCount, shortcutFee: 7)
        var patient = request(graph)
        patient.hopsMaximum = 255
        patient.cltvMaximum = .max
        for route in [
            try RouteSearch(for: graph).cheapestRoute(patient, in: graph),
            try RouteSearch(for: graph).bestRoute(patient, in: graph, by: EclairCost()),
        ] {
            #expect(route.hops.count <= 255)
        }
        let route = try RouteSearch(for: graph).cheapestRoute(patient, in: graph)
        #expect(route.hops.count == (nodeCount <= 256 ? nodeCount - 1 : 3))
    }

    @Test func `takes 20 free hops, which are the limit`() throws {
        let graph = Self.line(nodeCount: 21, shortcutFee: 7)
        let route = try RouteSearch(for: graph).cheapestRoute(request(graph), in: graph)
        #expect(route.hops.count == 20)
        #expect(route.totalFee == .zero)
        #expect(route.cltvExpiryDelta == 29)
    }

    @Test func `pays for a shortcut when the free way locks money for too long`() throws {
        let graph = Self.line(nodeCount: 10, shortcutFee: 7, cltvExpiryDelta: 300)
        let route = try RouteSearch(for: graph).cheapestRoute(request(graph), in: graph)
        #expect(route.hops.count == 3)
        #expect(route.cltvExpiryDelta == 610)
        var impatient = request(graph)
        impatient.cltvMaximum = 609
        #expect(throws: RoutingFailure.limitsExceeded) {
            try RouteSearch(for: graph).cheapestRoute(impatient, in: graph)
        }
    }

    @Test func `names the least fee when it is above the limit`() {
        let graph = Self.line(nodeCount: 30, shortcutFee: 7)
        var request = request(graph)
        request.feeMaximum = Millisatoshi(6)
        #expect(throws: RoutingFailure.feeLimitExceeded(least: Millisatoshi(7))) {
            try RouteSearch(for: graph).cheapestRoute(request, in: graph)
        }
    }

    @Test func `refuses a payment to oneself and one that no channel holds`() {
        let graph = Self.line(nodeCount: 5, shortcutFee: 7)
        let search = RouteSearch(for: graph)
        #expect(throws: RoutingFailure.destinationIsSource) {
            try search.cheapestRoute(
                RouteRequest(source: 2, destination: 2, amount: Millisatoshi(1)), in: graph)
        }
        #expect(throws: RoutingFailure.noRoute) {
            try search.cheapestRoute(request(graph, amount: 10_001), in: graph)
        }
    }

    @Test func `asks for what is spendable only where the source offers`() throws {
        let graph = FeeExampleTests.graph
        var asked: [DirectionIndex] = []
        let request = RouteRequest(source: 0, destination: 2, amount: Millisatoshi(4_999_999))
        let route = try RouteSearch(for: graph).cheapestRoute(request, in: graph) { direction, _ in
            asked.append(direction)
            // Over B, one millisatoshi is missing.
            return Millisatoshi(direction.channel == 0 ? 5_010_197 : 6_000_000)
        }
        #expect(route.totalFee == Millisatoshi(20_399))
        #expect(asked.allSatisfy { graph.source(of: $0) == 0 })
    }

    /// A payer, 400 neighbours and a payee: the n-th neighbour asks for n millisatoshis. Whoever has enough on all its
    /// channels need not be asked about all of them; who has it on one alone finds that.
    @Test func `a payer with many channels asks for few of them`() throws {
        let neighbours = 1...400
        let channels = neighbours.flatMap { node in
            [(0, node), (node, 401)].map { ends in
                let policy = ChannelPolicy(
                    baseFee: Millisatoshi(UInt64(node)), proportionalFee: 0, cltvExpiryDelta: 1,
                    htlcMaximum: Millisatoshi(10_000))
                return ChannelGraph.Channel(
                    node1: Int32(ends.0), node2: Int32(ends.1),
                    shortChannelID: ShortChannelID(UInt64(1_000 * ends.0 + ends.1)), capacity: Satoshi(10),
                    policy1: policy, policy2: policy)
            }
        }.sorted { $0.shortChannelID < $1.shortChannelID }
        let graph = ChannelGraph(nodeCount: 402, channels: channels)
        let search = RouteSearch(for: graph)
        for (model, isRich) in [(0, true), (1, true), (0, false), (1, false)] {
            var asked = 0
            let spendable: Spendable = { direction, _ in
                asked += 1
                return isRich || direction.channel == 199 ? Millisatoshi(5_000) : Millisatoshi(999)
            }
            let route =
                model == 0
                ? try search.bestRoute(
                    request(graph), in: graph, by: CheapestFee(), excluding: [], spendable: spendable)
                : try search.bestRoute(
                    request(graph), in: graph, by: LDKCost(), excluding: [], spendable: spendable)
            #expect(route.totalFee == Millisatoshi(isRich ? 1 : 200))
            #expect(asked < (isRich ? 100 : 2_000), "\(asked) times, model \(model)")
        }
    }

    /// From payer 0 to payee 4 the way over 1 and 2 is found first and costs 2 sat; that over 3 costs 1 sat. Nothing leaves
    /// the payee, so that a search from the payer, who has no other ways, does not come to it.
    @Test func `a way is not lost behind a payee that forwards nothing`() throws {
        let policy = { (baseFee: UInt64, proportionalFee: UInt32) in
            ChannelPolicy(
                baseFee: Millisatoshi(baseFee), proportionalFee: proportionalFee, cltvExpiryDelta: 1,
                htlcMaximum: Millisatoshi(10_000_000))
        }
        let dear = policy(0, 20_000)
        let channels: [(Int32, Int32, ChannelPolicy, ChannelPolicy?)] = [
            (0, 1, dear, dear), (0, 3, dear, dear), (1, 2, policy(2_000, 0), dear), (1, 3, dear, dear),
            (2, 3, dear, dear), (2, 4, policy(0, 0), nil), (3, 4, policy(0, 1_000), nil),
        ]
        let graph = ChannelGraph(
            nodeCount: 5,
            channels: channels.enumerated().map { index, channel in
                ChannelGraph.Channel(
                    node1: channel.0, node2: channel.1, shortChannelID: ShortChannelID(UInt64(index + 1)),
                    capacity: Satoshi(10_000), policy1: channel.2, policy2: channel.3)
            })
        let request = request(graph, amount: 1_000_000)
        let search = RouteSearch(for: graph)
        #expect(try search.cheapestRoute(request, in: graph).totalFee == Millisatoshi(1_000))
        #expect(try search.bestRoute(request, in: graph, by: EclairCost()).hops.count == 2)
    }

    /// One search used for all queries in two orders, and a fresh search for each.
    @Test func `answers do not depend on what was asked before`() {
        let queries = (0..<300).map { Query.random(.plateaus, seed: $0) }.filter { $0.nodeCount == 6 }
        let channelCount = 12
        let padded = queries.map { query in
            var query = query
            while query.channels.count < channelCount {
                var channel = query.channels[0]
                channel.isOpen = false
                channel.shortChannelID = ShortChannelID(UInt64(query.channels.count * 3))
                query.channels.append(channel)
                query.spendable?.append(contentsOf: [.zero, .zero])
            }
            return query
        }
        let graphs = padded.map { ChannelGraph(nodeCount: 6, channels: $0.channels) }
        let answer = { (index: Int, search: RouteSearch) in
            Result { () throws(RoutingFailure) in try padded[index].search(search, graphs[index]) }
        }
        let shared = RouteSearch(nodeCount: 6, channelCount: channelCount)
        let forwards = padded.indices.map { answer($0, shared) }
        let backwards = padded.indices.reversed().map { answer($0, shared) }
        let fresh = padded.indices.map { answer($0, RouteSearch(for: graphs[$0])) }
        #expect(forwards == fresh)
        #expect(Array(backwards.reversed()) == fresh)
        #expect(fresh.count > 20)
    }
}
