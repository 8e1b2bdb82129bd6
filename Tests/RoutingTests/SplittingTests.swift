import LightningTypes
import Testing

@testable import Routing

private let graphCount: UInt64 = extent(400, all: 20_000)

struct SplittingTests {
    /// Channels a fraction of the amount wide, so that most queries need several parts.
    private func narrow(_ nastiness: Nastiness, _ seed: UInt64) -> Query {
        var query = Query.random(nastiness, seed: seed)
        var random = SeededGenerator(seed: seed + 1)
        let amount = UInt64(random.pick([20_000, 100_000, 1_000_000]))
        query.request.amount = Millisatoshi(Satoshi(amount))
        query.request.hopsMaximum = 20
        query.request.cltvMaximum = 2_016
        query.request.feeMaximum = random.oneIn(3) ? Millisatoshi(amount * 2) : nil
        for index in query.channels.indices {
            query.channels[index].capacity = Satoshi(amount / 4 * UInt64(1 + random.below(6)))
        }
        let capacities = query.channels.map { $0.capacity.rawValue * 1_000 }
        query.spendable = query.spendable.map { balances in
            balances.indices.map { _ in Millisatoshi(random.pick(capacities)) }
        }
        return query
    }

    private func request(_ query: Query, _ splitting: Splitting) -> SplitRequest {
        var request = SplitRequest(query.request, splitting: splitting)
        request.excluded = query.excluded.map { Exclusion($0) }
        request.spendable = query.spendable.map { balances in
            { direction, _ in balances[Int(direction.rawValue)] }
        }
        return request
    }

    @Test(arguments: [Nastiness.plateaus, .tightBounds, .everything], [Splitting.halving, .minimumCostFlow])
    func `parts sum to the amount and keep every limit exactly`(nastiness: Nastiness, splitting: Splitting)
        throws
    {
        var divided = 0
        for seed in 0..<graphCount {
            let query = narrow(nastiness, seed)
            let graph = ChannelGraph(nodeCount: query.nodeCount, channels: query.channels)
            guard let parts = try? RouteSearch(for: graph).parts(request(query, splitting), in: graph) else {
                continue
            }
            if parts.count > 1 { divided += 1 }
            try #require(parts.count <= 16)
            try #require(parts.reduce(.zero) { $0 + $1.amountDelivered } == query.request.amount)
            let fees = parts.reduce(Millisatoshi.zero) { $0 + $1.totalFee }
            try #require(query.request.feeMaximum.map { fees <= $0 } ?? true, "seed \(seed)")
            var locked = [UInt64](repeating: 0, count: query.channels.count * 2)
            for part in parts {
                try #require(part.hops.count <= 20 && part.cltvExpiryDelta <= 2_016)
                var single = query.request
                single.amount = part.amountDelivered
                try #require(part == Route(along: part.hops.map(\.direction), of: graph, for: single))
                for (index, hop) in part.hops.enumerated() {
                    let policy = try #require(query.policy(hop.direction), "seed \(seed)")
                    try #require(
                        policy.htlcMinimum <= hop.amount && hop.amount <= policy.htlcMaximum, "seed \(seed)")
                    try #require(!query.excluded.contains(hop.direction))
                    let far = query.source(hop.direction.reversed)
                    let next = index + 1 < part.hops.count ? part.hops[index + 1].direction : nil
                    try #require(far == next.map { query.source($0) } ?? query.request.destination)
                    locked[Int(hop.direction.rawValue)] += hop.amount.rawValue
                }
            }
            for (direction, amount) in locked.enumerated() where amount > 0 {
                let index = DirectionIndex(UInt32(direction))
                let isOwn = query.source(index) == query.request.source
                if isOwn, let spendable = query.spendable {
                    try #require(amount <= spendable[direction].rawValue, "seed \(seed)")
                }
                if splitting == .minimumCostFlow {
                    let capacity = query.channels[index.channel].capacity.rawValue * 1_000
                    try #require(amount <= capacity, "seed \(seed)")
                }
            }
        }
        #expect(divided > Int(graphCount / 20), "\(divided) payments were divided")
    }

    @Test func `a flow costs least among all ways to spread its units`() throws {
        var compared = 0
        for seed in 0..<graphCount {
            let query = narrow(.plateaus, seed)
            let graph = ChannelGraph(nodeCount: query.nodeCount, channels: query.channels)
            let paths = BruteForce(everyPath(of: query)).paths.map {
                $0.directions.map { DirectionIndex($0) }
            }
            guard paths.count <= 12 else { continue }
            let units = 3
            let unit = (query.request.amount.rawValue - 1) / UInt64(units) + 1
            let limits = FlowLimits(request(query, .minimumCostFlow), graph, partMinimum: unit)
            var flow = MinimumCostFlow(
                graph, from: query.request.source, to: query.request.destination, limits: limits,
                natCost: 500_000, unit: unit, usualUnits: 2)
            defer { flow.deallocate() }
            // Of all multisets of paths, the least cost.
            var best: UInt64?
            func spread(_ left: Int, from first: Int, _ carried: [DirectionIndex: UInt32], _ cost: UInt64) {
                guard left > 0 else {
                    best = min(best ?? cost, cost)
                    return
                }
                for index in first..<paths.count {
                    var more = carried
                    var dearer = cost
                    var fits = true
                    for direction in paths[index] {
                        more[direction, default: 0] += 1
                        guard let step = flow.cost(ofUnit: more[direction]!, in: direction) else {
                            fits = false
                            break
                        }
                        dearer += step
                    }
                    if fits { spread(left - 1, from: index, more, dearer) }
                }
            }
            if !paths.isEmpty { spread(units, from: 0, [:], 0) }
            let isSent = flow.send(units: units)
            try #require(isSent == (best != nil), "seed \(seed)")
            guard let best else { continue }
            compared += 1
            var found: UInt64 = 0
            var carried: [DirectionIndex: UInt32] = [:]
            for way in flow.ways(from: query.request.source, to: query.request.destination) {
                for direction in way.directions {
                    carried[direction, default: 0] += UInt32(way.amount / unit)
                }
            }
            for (direction, count) in carried {
                for number in 1...count { found += try #require(flow.cost(ofUnit: number, in: direction)) }
            }
            try #require(found == best, "seed \(seed)")
        }
        #expect(compared > Int(graphCount / 10), "\(compared) flows were compared")
    }

    /// Whatever its amounts: the flow itself knows what fits.
    private func everyPath(of query: Query) -> Query {
        var query = query
        query.request.amount = Millisatoshi(1)
        query.request.feeMaximum = nil
        query.spendable = nil
        return query
    }

    @Test func `halving takes what fits, and then what is left`() throws {
        let policy = ChannelPolicy(
            baseFee: .zero, proportionalFee: 0, cltvExpiryDelta: 10, htlcMaximum: Millisatoshi(.max))
        let graph = ChannelGraph(
            nodeCount: 2,
            channels: [40_000, 70_000].enumerated().map { index, capacity in
                ChannelGraph.Channel(
                    node1: 0, node2: 1, shortChannelID: ShortChannelID(UInt64(index)),
                    capacity: Satoshi(capacity), policy1: policy, policy2: policy)
            })
        var request = SplitRequest(
            RouteRequest(source: 0, destination: 1, amount: Millisatoshi(Satoshi(100_000))),
            splitting: .halving)
        request.spendable = { direction, _ in
            direction.channel == 0 ? Millisatoshi(Satoshi(40_000)) : Millisatoshi(Satoshi(70_000))
        }
        let parts = try RouteSearch(for: graph).parts(request, in: graph)
        // 50,000 by the second; of the rest the half, 25,000, by the first; then 12,500 by it; what is left by the
        // second.
        #expect(parts.map(\.amountDelivered.rawValue) == [50_000_000, 25_000_000, 12_500_000, 12_500_000])
        #expect(parts.map { $0.hops[0].direction.channel } == [1, 0, 0, 1])
    }

    @Test func `an unlikely channel is spared, and a known one used`() throws {
        let policy = ChannelPolicy(
            baseFee: .zero, proportionalFee: 0, cltvExpiryDelta: 10, htlcMaximum: Millisatoshi(.max))
        // 0 pays 3 over 1 or 2, by channels of the same width.
        let graph = ChannelGraph(
            nodeCount: 4,
            channels: [(0, 1), (0, 2), (1, 3), (2, 3)].enumerated().map { index, ends in
                ChannelGraph.Channel(
                    node1: ends.0, node2: ends.1, shortChannelID: ShortChannelID(UInt64(index)),
                    capacity: Satoshi(1_000_000), policy1: policy, policy2: policy)
            })
        var request = SplitRequest(
            RouteRequest(source: 0, destination: 3, amount: Millisatoshi(Satoshi(800_000))),
            splitting: .minimumCostFlow)
        let search = RouteSearch(for: graph)
        // Without knowledge, halves are likeliest.
        #expect(
            try search.parts(request, in: graph).map(\.amountDelivered.rawValue) == [
                400_000_000, 400_000_000,
            ])
        var beliefs = Beliefs()
        beliefs.recordSuccess(
            DirectionIndex(channel: 2, from: .first), Millisatoshi(Satoshi(900_000)), at: 100)
        request.beliefs = beliefs
        request.seconds = 100
        let parts = try search.parts(request, in: graph)
        #expect(parts.map { $0.hops[1].direction.channel } == [2])
    }

    @Test func `what is under way is not there for others`() throws {
        let policy = ChannelPolicy(
            baseFee: .zero, proportionalFee: 0, cltvExpiryDelta: 10, htlcMaximum: Millisatoshi(.max))
        let graph = ChannelGraph(
            nodeCount: 3,
            channels: [(0, 1), (1, 2), (1, 2)].enumerated().map { index, ends in
                ChannelGraph.Channel(
                    node1: ends.0, node2: ends.1, shortChannelID: ShortChannelID(UInt64(index)),
                    capacity: Satoshi(1_000_000), policy1: policy, policy2: policy)
            })
        let route = RouteRequest(source: 0, destination: 2, amount: Millisatoshi(Satoshi(450_000)))
        let search = RouteSearch(for: graph)
        var request = SplitRequest(route, splitting: .minimumCostFlow)
        request.underway = [
            try #require(
                Route(
                    along: [
                        DirectionIndex(channel: 0, from: .first), DirectionIndex(channel: 1, from: .first),
                    ],
                    of: graph, for: route))
        ]
        #expect(try search.parts(request, in: graph).allSatisfy { $0.hops[1].direction.channel == 2 })
    }

    @Test(.enabled(if: MainnetSnapshot.isPresent))
    func `divides 0,1 BTC on mainnet within every channel`() throws {
        let snapshot = try MainnetSnapshot.shared.get()
        let search = RouteSearch(for: snapshot.graph)
        var divided = 0
        for query in snapshot.queries.prefix(extent(16, all: 400)) {
            let request = SplitRequest(
                RouteRequest(
                    source: query.source, destination: query.destination,
                    amount: Millisatoshi(Satoshi(10_000_000))), splitting: .minimumCostFlow)
            guard let parts = try? search.parts(request, in: snapshot.graph) else { continue }
            if parts.count > 1 { divided += 1 }
            var locked: [DirectionIndex: UInt64] = [:]
            for hop in parts.flatMap(\.hops) { locked[hop.direction, default: 0] += hop.amount.rawValue }
            for (direction, amount) in locked {
                try #require(amount <= snapshot.channels[direction.channel].capacity.rawValue * 1_000)
            }
        }
        #expect(divided > 0)
    }
}
