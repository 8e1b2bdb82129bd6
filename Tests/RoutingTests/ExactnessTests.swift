import LightningTypes
import Testing

@testable import Routing

private let graphsPerBatch: UInt64 = extent(500, all: 20_000)

/// The search against every simple path of small graphs: 8 batches of each nastiness, 500 graphs a batch in a
/// debug build (16,000 in all) and 20,000 in a release build (640,000).
struct ExactnessTests {
    @Test(arguments: Nastiness.allCases, 0..<8 as Range<UInt64>)
    func `finds the one best route among all simple paths`(nastiness: Nastiness, batch: UInt64) throws {
        var routes = 0
        var labelSearches = 0
        for seed in batch * graphsPerBatch..<(batch + 1) * graphsPerBatch {
            let query = Query.random(nastiness, seed: seed)
            let graph = ChannelGraph(nodeCount: query.nodeCount, channels: query.channels)
            let search = RouteSearch(for: graph)
            let truth = BruteForce(query)
            let answer = Result { () throws(RoutingFailure) in try query.search(search, graph) }
            try #require(search.undecidedCount == 0, "seed \(seed)")
            switch (truth.expected, answer) {
            case (.success(let path), .success(let route)):
                routes += 1
                labelSearches += search.labelSearchCount
                try #require(route.totalFee.rawValue == path.fee, "seed \(seed)")
                try #require(route.hops.map(\.direction.rawValue) == path.directions, "seed \(seed)")
                try #require(UInt64(route.cltvExpiryDelta) == path.cltv, "seed \(seed)")
            case (.failure(let expected), .failure(let failure)):
                // Where minimums decide, routes above the fee limit are not looked for; a fee named is true.
                var isPrecise = !truth.hasThresholds
                if case .feeLimitExceeded = failure { isPrecise = true }
                try #require(failure == expected || !isPrecise, "seed \(seed): \(failure), not \(expected)")
            case (let expected, let answer):
                try #require(Bool(false), "seed \(seed): \(answer), not \(expected)")
            }
        }
        #expect(routes > Int(graphsPerBatch / 10), "the generator must make routable queries")
        if nastiness == .tightBounds { #expect(labelSearches > 0, "minimums must decide some routes") }
    }
}
