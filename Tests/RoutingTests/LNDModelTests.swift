import LightningTypes
import Testing

@testable import Routing

private let graphCount: UInt64 = extent(500, all: 30_000)
private let mainnetQueries = extent(10, all: 400)

struct LNDModelTests {
    @Test(arguments: Nastiness.allCases, [true, false])
    func `the exact search finds the least cost of all simple paths, lnd's rule never less`(
        nastiness: Nastiness, isBimodal: Bool
    ) throws {
        let model = LNDModel(estimator: isBimodal ? .bimodal(scale: 1_000_000) : .apriori())
        var routes = 0
        for seed in 0..<graphCount {
            var query = Query.random(nastiness, seed: seed)
            query.request.hopsMaximum = 1 + Int(seed % 6)
            // Judges the route found, and so hides which it was.
            query.request.feeMaximum = nil
            // Capacities near the amount, so that probabilities differ.
            for index in query.channels.indices where index % 2 == 0 {
                let most = 1 + query.request.amount.rawValue / 1_000 * UInt64(1 + index % 5)
                query.channels[index].capacity = min(Satoshi(most), .supplyMaximum)
            }
            let graph = ChannelGraph(nodeCount: query.nodeCount, channels: query.channels)
            let search = RouteSearch(for: graph)
            let answer = { (isExact: Bool) in
                try? search.route(
                    query.request, in: graph, by: model, isExact: isExact, excluding: query.excluded,
                    spendable: query.spendable.map { balances in
                        { direction, _ in balances[Int(direction.rawValue)] }
                    })
            }
            let best = BruteForce(query).paths.filter {
                $0.directions.count <= query.request.hopsMaximum && $0.cltv <= query.request.cltvMaximum
            }
            .compactMap { path -> Double? in
                let directions = path.directions.map { DirectionIndex($0) }
                let route = Route(along: directions, of: graph, for: query.request)!
                let cost = model.cost(of: route, in: graph).cost
                return cost.isFinite && cost < Double(feeCeiling) ? cost : nil
            }.min()
            let exact = answer(true).map { model.cost(of: $0, in: graph).cost }
            try #require(search.undecidedCount == 0, "seed \(seed)")
            if let best {
                routes += 1
                try #require(abs(try #require(exact, "seed \(seed)") - best) <= best * 1e-11, "seed \(seed)")
            } else if let exact {
                try #require(exact >= Double(feeCeiling), "seed \(seed)")
            }
            if let greedy = answer(false), let best {
                try #require(model.cost(of: greedy, in: graph).cost >= best * (1 - 1e-11), "seed \(seed)")
            }
        }
        #expect(routes > Int(graphCount / 5))
    }

    /// Two ways to node 1: a likely and dear one, and an unlikely and cheap one that the rest of the route punishes.
    @Test func `lnd's rule can miss the best route, since what a failure costs grows along the way`() throws {
        let policy = { (fee: UInt64) in
            ChannelPolicy(
                baseFee: Millisatoshi(fee), proportionalFee: 0, cltvExpiryDelta: 0,
                htlcMaximum: Millisatoshi(.max))
        }
        let channel = { (node1: Int32, node2: Int32, id: UInt64, capacity: UInt64, fee: UInt64) in
            ChannelGraph.Channel(
                node1: node1, node2: node2, shortChannelID: ShortChannelID(id), capacity: Satoshi(capacity),
                policy1: policy(fee), policy2: policy(fee))
        }
        // 3 pays 0 over 2 and 1, of which 1 reaches 0 by two channels: a full one for nothing, an empty one for a fee.
        let graph = ChannelGraph(
            nodeCount: 4,
            channels: [
                channel(0, 1, 1, 1_000, 0), channel(0, 1, 2, 1_000_000, 75_000),
                channel(1, 2, 3, 1_000_000, 0), channel(2, 3, 4, 1_000_000, 0),
            ])
        let request = RouteRequest(source: 3, destination: 0, amount: Millisatoshi(1_000_000))
        let model = LNDModel()
        let search = RouteSearch(for: graph)
        let greedy = try search.route(request, in: graph, by: model, isExact: false)
        let exact = try search.route(request, in: graph, by: model, isExact: true)
        #expect(greedy.totalFee == .zero)
        #expect(exact.totalFee == Millisatoshi(75_000))
        #expect(model.cost(of: exact, in: graph).cost < model.cost(of: greedy, in: graph).cost)
    }

    @Test func `probabilities are those of lnd's formulas`() {
        let hop = { (amount: UInt64) in
            HopView(
                direction: DirectionIndex(0), amount: amount, fee: 0, capacity: 1_000_000_000,
                amountMaximum: 1_000_000_000, cltvExpiryDelta: 0)
        }
        let apriori = LNDModel.Estimator.apriori()
        #expect(abs(apriori.probability(of: hop(1_000), isFirst: false) - 0.6) < 1e-9)
        // 1 − ½ / (1 + e^(−0.0001 / 0.025)) at the whole capacity.
        #expect(abs(apriori.probability(of: hop(1_000_000_000), isFirst: false) - 0.6 * 0.7495) < 1e-4)
        #expect(apriori.probability(of: hop(1_000), isFirst: true) == 0.95)
        let bimodal = LNDModel.Estimator.bimodal()
        #expect(abs(bimodal.probability(of: hop(500_000_000), isFirst: false) - 0.5) < 1e-12)
        #expect(bimodal.probability(of: hop(1_000_000_000), isFirst: false) == 0)
        // Half of the density's mass lies below: most of what is left lies near the other end.
        #expect(bimodal.probability(of: hop(300_000_000), isFirst: false) > 0.5)
    }

    @Test(.enabled(if: MainnetSnapshot.isPresent))
    func `on mainnet, lnd's rule is close to the best by its own cost`() throws {
        let snapshot = try MainnetSnapshot.shared.get()
        let search = RouteSearch(for: snapshot.graph)
        for isBimodal in [false, true] {
            let model = LNDModel(estimator: isBimodal ? .bimodal() : .apriori())
            var (missed, excess, worst) = (0, 0.0, 0.0)
            for query in snapshot.queries.prefix(mainnetQueries) {
                let request = RouteRequest(
                    source: query.source, destination: query.destination, amount: Millisatoshi(query.amount))
                guard let exact = try? search.route(request, in: snapshot.graph, by: model, isExact: true)
                else { continue }
                let greedy = try? search.route(request, in: snapshot.graph, by: model, isExact: false)
                let best = model.cost(of: exact, in: snapshot.graph).cost
                let found = greedy.map { model.cost(of: $0, in: snapshot.graph).cost } ?? .infinity
                try #require(found >= best * (1 - 1e-11))
                guard found > best + 1 else { continue }
                missed += 1
                excess += found / best - 1
                worst = max(worst, found / best - 1)
            }
            print(
                "lnd \(isBimodal ? "bimodal" : "a priori"): \(missed) of \(mainnetQueries) missed, mean excess "
                    + "\(excess / Double(max(missed, 1))), worst \(worst)")
            #expect(missed < mainnetQueries)
        }
    }
}
