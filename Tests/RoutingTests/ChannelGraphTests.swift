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

    /// Every policy replaced at random, in versions made anew and in place, is as good as a graph built of the last
    /// ones.
    @Test(arguments: 0..<300 as Range<UInt64>)
    func `changed policies route as a graph built anew`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed &+ 5_000)
        let query = Query.random(seed % 2 == 0 ? .tightBounds : .plateaus, seed: seed)
        let first = ChannelGraph(nodeCount: query.nodeCount, channels: query.channels)
        let inPlace = ChannelGraph(copying: first)
        let view = PrivateGraph()
        var version = first
        var changed = query
        var updates: [DirectionUpdate] = []
        for _ in 0..<(1 + random.below(20)) {
            let direction = DirectionIndex(UInt32(random.below(2 * query.channels.count)))
            let policy = ChannelPolicy(
                baseFee: Millisatoshi(random.pick([0, 1, 2, 3, 499, 500, 1_000])),
                proportionalFee: UInt32(random.below(3)) * 400,
                cltvExpiryDelta: UInt16(random.below(200)), isDisabled: random.oneIn(5),
                htlcMinimum: Millisatoshi(UInt64(random.below(3))),
                htlcMaximum: Millisatoshi(Satoshi.supplyMaximum))
            let update = DirectionUpdate(direction, isUsable: !policy.isDisabled, policy: policy)
            updates.append(update)
            version = version.withUpdates([update])
            let isKnown =
                (direction.side == .first
                    ? query.channels[direction.channel].policy1
                    : query.channels[direction.channel].policy2) != nil
            guard isKnown else { continue }
            changed.channels[direction.channel].isOpen = true
            if direction.side == .first {
                changed.channels[direction.channel].policy1 = policy
            } else {
                changed.channels[direction.channel].policy2 = policy
            }
        }
        // A channel opened in one direction stays shut in the other.
        for index in changed.channels.indices
        where !query.channels[index].isOpen && changed.channels[index].isOpen {
            let touched = Set(updates.map(\.direction))
            if !touched.contains(DirectionIndex(channel: index, from: .first)) {
                changed.channels[index].policy1?.isDisabled = true
            }
            if !touched.contains(DirectionIndex(channel: index, from: .second)) {
                changed.channels[index].policy2?.isDisabled = true
            }
        }
        inPlace.advance(past: first, updates)
        let truth = BruteForce(changed).expected.map(\.directions)
        for graph in [version, inPlace] {
            expectGroups(graph.incomingRows, graph.incoming, of: graph)
            expectGroups(graph.outgoingRows, graph.outgoing, of: graph)
            let answer = Result { () throws(RoutingFailure) in
                try changed.search(RouteSearch(for: graph), graph)
            }
            #expect(answer.map { $0.hops.map(\.direction.rawValue) } == truth)
        }
        // A sender that knows them for itself finds the same, where the public graph has a use for the directions.
        let isOpen = query.channels.allSatisfy {
            $0.isOpen && $0.policy1?.isDisabled != true && $0.policy2?.isDisabled != true
        }
        let last = Dictionary(updates.map { ($0.direction, $0) }) { $1 }
        for _ in 0..<2 where isOpen {
            let known = view.view(of: first, knowing: last.values.sorted { $0.direction < $1.direction })
            let answer = Result { () throws(RoutingFailure) in
                try changed.search(RouteSearch(for: known), known)
            }
            #expect(answer.map { $0.hops.map(\.direction.rawValue) } == truth)
            let plain = view.view(of: first, knowing: [])
            for direction in (0..<2 * UInt32(query.channels.count)).map({ DirectionIndex($0) }) {
                #expect(plain.policy(of: direction) == first.policy(of: direction))
            }
        }
    }

    /// Rows stand as `GraphLayout` says: two groups towards the core, each in order of proportional fee, then the rest.
    private func expectGroups(
        _ rows: UnsafeMutablePointer<GraphLayout.Row>, _ edges: EdgeTable,
        of graph: ChannelGraph
    ) {
        for row in (0..<graph.nodeCount).map({ rows[$0] }) {
            for (start, end) in [
                (row.start, row.dearStart), (row.dearStart, row.coreEnd), (row.coreEnd, row.end),
            ] {
                let group = (start..<end).map { edges[Int($0)] }
                let fees = group.map(\.proportionalFee)
                #expect(fees == fees.sorted())
                for edge in group where end <= row.coreEnd {
                    #expect(UInt64(edge.baseFee) >= GraphLayout.dearBaseFee || start < row.dearStart)
                    #expect(UInt64(edge.baseFee) < GraphLayout.dearBaseFee || start >= row.dearStart)
                }
            }
        }
    }

    @Test func `the magnitude of an amount never decides against one that fits`() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<100_000 {
            let amount = 1 + UInt64(random.below(1 << 62)) >> UInt64(random.below(62))
            let magnitude = EdgeTable.magnitude(amount)
            #expect(magnitude > EdgeTable.magnitude(0) && magnitude <= EdgeTable.magnitude(amount + 1))
            #expect(EdgeTable.magnitude(amount + amount >> 20 + 1) > magnitude)
        }
        #expect(EdgeTable.magnitude(.max) > EdgeTable.magnitude(.max >> 1))
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

extension ChannelGraph {
    /// The version of this graph in which these directions are usable, or not, under the policies they have.
    ///
    /// Enabling a direction without a policy leaves it unusable. A direction in both lists ends disabled.
    fileprivate func withDirections(enabled: [DirectionIndex], disabled: [DirectionIndex]) -> ChannelGraph {
        withUpdates(
            enabled.map { DirectionUpdate($0, isUsable: true) }
                + disabled.map { DirectionUpdate($0, isUsable: false) })
    }
}
