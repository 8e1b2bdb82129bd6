import LightningTypes
import Testing

@testable import Routing

private let graphsPerBatch: UInt64 = extent(300, all: 10_000)

/// A model made to be hard: what a channel costs has nothing to do with its fee, and jumps with the amount, so that
/// the way of least cost is seldom the one of least amount.
struct CapriciousCost: CostModel {
    var amount: UInt64
    var seed: UInt64

    func cost(of hop: HopView) -> UInt64 {
        var random = SeededGenerator(seed: seed &+ UInt64(hop.direction.rawValue))
        let (price, jump) = (UInt64(random.below(4)), UInt64(random.below(4)))
        return hop.fee + price + (hop.amount > amount + jump ? jump * 5 : 0)
    }
}

struct CostModelTests {
    @Test(arguments: Nastiness.allCases, 0..<4 as Range<UInt64>)
    func `finds the one best route of every sum among all simple paths`(nastiness: Nastiness, batch: UInt64)
        throws
    {
        var routes = 0
        for seed in batch * graphsPerBatch..<(batch + 1) * graphsPerBatch {
            let query = Query.random(nastiness, seed: seed)
            let graph = ChannelGraph(nodeCount: query.nodeCount, channels: query.channels)
            let search = RouteSearch(for: graph)
            let truth = BruteForce(query)
            let capricious = CapriciousCost(amount: query.request.amount.rawValue, seed: seed)
            routes += try compare(capricious, query, graph, search, truth, seed)
            routes += try compare(CheapestFee(), query, graph, search, truth, seed)
            // One real model a graph: each meets a fourth of them.
            switch seed % 4 {
            case 0: routes += try compare(CoreLightningCost(), query, graph, search, truth, seed)
            case 1: routes += try compare(EclairCost(), query, graph, search, truth, seed)
            case 2: routes += try compare(LDKCost(), query, graph, search, truth, seed)
            default:
                let bounds = LiquidityBounds(Self.memories(of: graph, seed: seed), at: 1_000)
                routes += try compare(LDKCost(bounds: bounds), query, graph, search, truth, seed)
            }
        }
        #expect(routes > Int(graphsPerBatch / 5), "the generator must make routable queries")
    }

    /// What a payer may have seen of some of the channels, at any time up to second 1,000.
    private static func memories(of graph: ChannelGraph, seed: UInt64) -> Beliefs {
        var random = SeededGenerator(seed: seed)
        var beliefs = Beliefs()
        for _ in 0..<random.below(2 * graph.channelCount) {
            let direction = DirectionIndex(UInt32(random.below(2 * graph.channelCount)))
            let capacity = graph.capacity(ofChannel: direction.channel).rawValue
            let amount = Millisatoshi(Satoshi(UInt64(random.below(Int(clamping: capacity) + 1))))
            if random.below(2) == 0 {
                beliefs.recordSuccess(direction, amount, at: UInt32(random.below(1_000)))
            } else {
                beliefs.recordFailure(direction, amount, at: UInt32(random.below(1_000)))
            }
        }
        return beliefs
    }

    /// 1 where a route was compared.
    private func compare(
        _ model: some CostModel, _ query: Query, _ graph: ChannelGraph, _ search: RouteSearch,
        _ truth: BruteForce, _ seed: UInt64
    ) throws -> Int {
        let request = query.request
        let candidates = truth.paths.compactMap { path -> (cost: UInt64, path: BruteForce.Path)? in
            let directions = path.directions.map { DirectionIndex($0) }
            let route = Route(along: directions, of: graph, for: request)!
            let cost = route.cost(by: model, in: graph)
            return cost < feeCeiling ? (cost, path) : nil
        }
        let kept = candidates.filter {
            $0.path.directions.count <= request.hopsMaximum && $0.path.cltv <= UInt64(request.cltvMaximum)
        }
        let expected = kept.min { a, b in
            if a.cost != b.cost { return a.cost < b.cost }
            if a.path.directions.count != b.path.directions.count {
                return a.path.directions.count < b.path.directions.count
            }
            return a.path.precedes(b.path)
        }
        let undecided = search.undecidedCount
        let answer = Result { () throws(RoutingFailure) in
            try search.bestRoute(
                request, in: graph, by: model, excluding: query.excluded,
                spendable: query.spendable.map { balances in
                    { direction, _ in balances[Int(direction.rawValue)] }
                })
        }
        try #require(search.undecidedCount == undecided, "seed \(seed)")
        switch answer {
        case .success(let route):
            let expected = try #require(expected, "seed \(seed), \(model)")
            try #require(
                route.hops.map(\.direction.rawValue) == expected.path.directions, "seed \(seed), \(model)")
            return 1
        case .failure(.feeLimitExceeded(let least)):
            try #require(least.rawValue == expected?.path.fee, "seed \(seed), \(model)")
        case .failure(let failure):
            if !truth.hasThresholds || request.feeMaximum == nil {
                try #require(expected == nil, "seed \(seed), \(model): \(failure)")
            }
        }
        return 0
    }

    @Test func `hops in the middle cost, the payer's own channel does not`() throws {
        let graph = RouteSearchTests.line(nodeCount: 6, shortcutFee: 7)
        let request = RouteRequest(source: 0, destination: 5, amount: Millisatoshi(1_000))
        let route = try RouteSearch(for: graph).bestRoute(request, in: graph, by: LDKCost())
        // The shortcut's 7 msat are less than the penalties of two more hops.
        #expect(route.hops.count == 3)
        #expect(route.totalFee == Millisatoshi(7))
        #expect(
            try RouteSearch(for: graph).bestRoute(request, in: graph, by: CheapestFee()).totalFee == .zero)
    }

    /// Values computed by hand from the formulas in each model's comment.
    @Test func `each model's cost of one hop is what its source says`() {
        let hop = HopView(
            direction: DirectionIndex(0), amount: 500_000_000, fee: 51_000, capacity: 1_000_000_000,
            amountMaximum: 990_000_000, cltvExpiryDelta: 144)
        // (51,000 + 500,051,000 × 0.1 × 144 / 52,596 + 1) × (1 + ln 2)
        #expect(CoreLightningCost().cost(of: hop) == UInt64((51_000.0 + 136_906 + 1) * 1.693_147_178))
        // 51,000 + 100,500 + 720.07 + (2,000 + 250,025.5) × ln 2
        #expect(EclairCost().cost(of: hop) == 51_000 + 275_910)
        // 51,000 + 1,024 + 61,035 + 250 + log10(2 × 78/64) × (10,000 + 596,046.4)
        #expect(abs(Int(LDKCost().cost(of: hop)) - (51_000 + 62_309 + 234_506)) <= 2)
        #expect(CheapestFee().cost(of: hop) == 51_000)
        // LDK asks 250 more of channels that announce half of their capacity or more; a full channel has 1 msat left.
        var half = hop
        half.amountMaximum = 500_000_000
        #expect(LDKCost().cost(of: half) == LDKCost().cost(of: hop))
        half.amountMaximum -= 1
        #expect(LDKCost().cost(of: half) == LDKCost().cost(of: hop) - 250)
        var full = hop
        full.amount = 1_000_000_000
        // (51,000 + 1,000,051,000 × 0.1 × 144 / 52,596 + 1) × (1 + ln 1,000,000,001)
        #expect(CoreLightningCost().cost(of: full) == UInt64((51_000.0 + 273_799 + 1) * 21.723_265_838))
    }

    @Test func `costs never fall when the amount rises`() {
        var random = SeededGenerator(seed: 9)
        for _ in 0..<20_000 {
            let capacity = UInt64(1_000 + random.below(1_000_000_000_000))
            let amount = UInt64(1 + random.below(Int(capacity - 1)))
            let hop = { (amount: UInt64) in
                HopView(
                    direction: DirectionIndex(0), amount: amount, fee: amount / 1_000, capacity: capacity,
                    amountMaximum: capacity, cltvExpiryDelta: 80)
            }
            let more = min(amount + UInt64(random.below(1_000)), capacity)
            func check(_ model: some CostModel) {
                #expect(
                    model.cost(of: hop(amount)) <= model.cost(of: hop(more)), "\(model) \(amount) \(more)")
                #expect(
                    model.cost(of: hop(amount)) >= hop(amount).fee
                        + model.leastSurcharge(forwarding: amount))
                #expect(
                    model.leastSurchargeOfUnknown(forwarding: amount)
                        >= model.leastSurcharge(forwarding: amount))
                if !model.mayKnow(DirectionIndex(0)) {
                    #expect(
                        model.cost(of: hop(amount)) >= hop(amount).fee
                            + model.leastSurchargeOfUnknown(forwarding: amount))
                }
            }
            check(CoreLightningCost())
            check(EclairCost())
            check(LDKCost())
            var beliefs = Beliefs()
            beliefs.recordSuccess(DirectionIndex(UInt32(random.below(2))), Millisatoshi(amount / 2), at: 5)
            check(LDKCost(bounds: LiquidityBounds(beliefs, at: 10)))
            var others = Beliefs()
            others.recordSuccess(DirectionIndex(2), Millisatoshi(amount), at: 5)
            check(LDKCost(bounds: LiquidityBounds(others, at: 10)))
        }
    }

    @Test func `the exponentials agree with the C library to 14 digits`() {
        for step in 1..<5_000 {
            let x = Double(step) * 0.137
            #expect(abs(Exponentials.log(x) - referenceLog(x)) < 1e-13 * max(1, abs(referenceLog(x))))
            let y = Double(step - 2_500) * 0.11
            #expect(abs(Exponentials.exp(y) / referenceExp(y) - 1) < 1e-13)
        }
    }
}
