import LightningTypes
import Testing

@testable import Routing

private let destinationCount = extent(40, all: 400)
private let sourcesPerDestination = 250

/// Skipped where the snapshot does not lie beside the repository.
@Suite(.enabled(if: MainnetSnapshot.isPresent))
struct MainnetTests {
    let snapshot: MainnetSnapshot

    init() throws { snapshot = try MainnetSnapshot.shared.get() }

    @Test func `finds all 2,000 least fees of an independent pathfinder`() throws {
        let search = RouteSearch(for: snapshot.graph)
        #expect(snapshot.queries.count == 2_000)
        for query in snapshot.queries {
            let request = RouteRequest(
                source: query.source, destination: query.destination, amount: Millisatoshi(query.amount),
                hopsMaximum: 255, cltvMaximum: .max)
            let route = try search.cheapestRoute(request, in: snapshot.graph)
            #expect(route.totalFee.rawValue == query.fee)
        }
    }

    /// 10,000 queries in a debug build, 100,000 in a release build.
    @Test func `agrees with a plain Dijkstra on random queries, to the channel`() throws {
        var random = SeededGenerator(seed: 4)
        let search = RouteSearch(for: snapshot.graph)
        let plain = PlainDijkstra(nodeCount: snapshot.graph.nodeCount, channels: snapshot.channels)
        let sources = (0..<snapshot.graph.nodeCount).filter { isSender($0) }
        var (routable, notLookedFor) = (0, 0)
        for _ in 0..<destinationCount {
            let destination = random.pick(sources)
            // Log-uniform from 1 sat to 0.1 BTC, most amounts no round figures.
            let amount = 1_000 * (UInt64(1) << UInt64(random.below(23))) + UInt64(random.below(1_000))
            let ways = plain.ways(to: destination, amount: amount)
            for _ in 0..<sourcesPerDestination {
                let source = random.pick(sources)
                guard source != destination else { continue }
                let request = RouteRequest(
                    source: Int32(source), destination: Int32(destination), amount: Millisatoshi(amount),
                    hopsMaximum: 255, cltvMaximum: .max, feeMaximum: Millisatoshi(amount))
                let undecided = search.labelSearchCount
                let answer = Result { () throws(RoutingFailure) in
                    try search.cheapestRoute(request, in: snapshot.graph)
                }
                // Where minimums decide, the plain search finds too dear a route or none.
                if search.labelSearchCount > undecided { continue }
                let expected = plain.route(from: source, by: ways)
                switch answer {
                case .success(let route):
                    routable += 1
                    try #require(route.totalFee.rawValue == expected?.fee)
                    try #require(route.hops.map(\.direction) == expected?.directions)
                case .failure(.feeLimitExceeded(let least)):
                    try #require(least.rawValue == expected?.fee)
                case .failure(let failure):
                    // Where a minimum above the amount decides, routes above the fee limit are not looked for.
                    try #require(failure == .noRoute)
                    if let expected {
                        try #require(expected.fee > amount)
                        notLookedFor += 1
                    }
                }
            }
        }
        #expect(routable > destinationCount * sourcesPerDestination / 2)
        #expect(notLookedFor < destinationCount * sourcesPerDestination / 1_000)
        #expect(search.labelSearchCount < destinationCount * sourcesPerDestination / 50)
    }

    private func isSender(_ node: Int) -> Bool {
        let row = snapshot.graph.layout.outgoingRows[node]
        return row.end > row.start
    }

    @Test func `fits the graph into 16 MB and a search into 2 MB`() {
        #expect(snapshot.graph.memorySize < 16_000_000)
        #expect(RouteSearch(for: snapshot.graph).memorySize < 2_000_000)
    }
}
