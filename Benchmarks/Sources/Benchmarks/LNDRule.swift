import LightningTypes
import Randomness
import Routing
import Topologies

/// How often lnd's own rule misses the best route by lnd's own cost, and by how much: for payers who know nothing, and
/// for payers who learn from payment to payment against balances drawn alike.
func benchmarkLNDRule(_ path: String) throws {
    let queries = RouteQueries(try topology(at: path, rate: nil), count: 2_000)
    let table = Table(
        "lnd's rule against the best route by lnd's cost",
        ["estimator, sat, payer", "routes", "other", "worse", "mean %", "worst %", "found alone"])
    for isBimodal in [false, true] {
        for amount in [Satoshi(1_000), Satoshi(100_000), Satoshi(1_000_000)] {
            for learns in [false, true] {
                let comparison = LNDComparison(queries, amount, isBimodal: isBimodal, learns: learns)
                table.row([
                    "\(isBimodal ? "bimodal" : "a priori"), \(amount.rawValue), \(learns ? "learning" : "knows nothing")",
                    "\(comparison.routes)", "\(comparison.different)", "\(comparison.worse)",
                    (comparison.excess * 100 / Double(max(comparison.worse, 1))).text(),
                    (comparison.worst * 100).text(), "\(comparison.missing)",
                ])
            }
        }
    }
}

/// Counts over all queries at one amount.
private struct LNDComparison {
    /// Queries to which both found a route.
    var routes = 0
    /// Those of them where the routes are not the same, and where lnd's costs more.
    var different = 0
    var worse = 0
    /// The cost above the best, as a share of it: of all `worse` together, and the greatest.
    var excess = 0.0
    var worst = 0.0
    /// Queries to which the exact search alone found one.
    var missing = 0

    /// Payments of one payer before the next begins.
    private static let paymentsOfPayer = 100
    private static let attemptsMaximum = 10

    init(_ queries: RouteQueries, _ amount: Satoshi, isBimodal: Bool, learns: Bool) {
        let graph = queries.graph
        let search = RouteSearch(for: graph)
        let balances = Self.balances(of: graph)
        var beliefs = Beliefs()
        for pair in queries.pairs.indices {
            var request = queries.request(pair, amount)
            // A payment a minute.
            let seconds = UInt32(pair % Self.paymentsOfPayer + 1) * 60
            if learns {
                if pair % Self.paymentsOfPayer == 0 { beliefs = Beliefs() }
                request.source = queries.pairs[pair - pair % Self.paymentsOfPayer].source
                guard request.source != request.destination else { continue }
            }
            for attempt in 0..<(learns ? Self.attemptsMaximum : 1) {
                var model = LNDModel(estimator: isBimodal ? .bimodal() : .apriori())
                if learns { model.memory = MissionControl(beliefs, of: graph, at: seconds) }
                let route = try? search.route(request, in: graph, by: model, isExact: false)
                if attempt == 0 {
                    let exact = try? search.route(request, in: graph, by: model, isExact: true)
                    compare(route, exact, by: model, graph)
                }
                guard learns, let route, !Self.isSettled(route, balances, &beliefs, seconds) else { break }
            }
        }
    }

    private mutating func compare(
        _ route: Route?, _ exact: Route?, by model: LNDModel, _ graph: ChannelGraph
    ) {
        guard let exact else { return }
        guard let route else {
            missing += 1
            return
        }
        routes += 1
        guard route != exact else { return }
        different += 1
        let share = model.cost(of: route, in: graph).cost / model.cost(of: exact, in: graph).cost - 1
        guard share > 1e-9 else { return }
        worse += 1
        excess += share
        worst = max(worst, share)
    }

    /// By direction, msat: uniform over each channel.
    private static func balances(of graph: ChannelGraph) -> [UInt64] {
        var stream = RandomStream(seed: 1, purpose: .init("benchmark balances"), process: 0)
        return (0..<graph.channelCount).flatMap { channel in
            let capacity = Millisatoshi(graph.capacity(ofChannel: channel)).rawValue
            let balance = stream.within(0...capacity)
            return [balance, capacity - balance]
        }
    }

    /// Whether every channel holds what it has to carry; the payer learns from each up to the first that does not.
    private static func isSettled(
        _ route: Route, _ balances: [UInt64], _ beliefs: inout Beliefs, _ seconds: UInt32
    ) -> Bool {
        for hop in route.hops {
            guard balances[Int(hop.direction.rawValue)] >= hop.amount.rawValue else {
                beliefs.recordFailure(hop.direction, hop.amount, at: seconds)
                return false
            }
            beliefs.recordSuccess(hop.direction, hop.amount, at: seconds)
        }
        return true
    }
}
