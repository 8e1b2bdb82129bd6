import Dispatch
import LightningTypes
import Randomness
import Routing
import Topologies

/// A public graph and pairs of its nodes, drawn alike among those between which 1,000 sat have a route.
struct RouteQueries {
    let graph: ChannelGraph
    let pairs: [(source: Int32, destination: Int32)]

    init(_ topology: Topology, count: Int) {
        graph = ChannelGraph(
            nodeCount: topology.nodes.count,
            channels: topology.channels.map { channel in
                ChannelGraph.Channel(
                    node1: channel.node1, node2: channel.node2, shortChannelID: channel.shortChannelID,
                    capacity: channel.capacity, policy1: channel.policy1, policy2: channel.policy2)
            })
        let connected = Set(topology.channels.flatMap { [$0.node1, $0.node2] }).sorted()
        var stream = RandomStream(seed: 1, purpose: .init("benchmark pairs"), process: 0)
        let search = RouteSearch(for: graph)
        var pairs: [(source: Int32, destination: Int32)] = []
        while pairs.count < count {
            let source = Int(stream.below(UInt64(connected.count)))
            let others = Int(stream.below(UInt64(connected.count - 1))) + 1
            let request = RouteRequest(
                source: connected[source], destination: connected[(source + others) % connected.count],
                amount: Millisatoshi(1_000_000))
            guard (try? search.cheapestRoute(request, in: graph)) != nil else { continue }
            pairs.append((request.source, request.destination))
        }
        self.pairs = pairs
    }

    func request(_ pair: Int, _ amount: Satoshi) -> RouteRequest {
        RouteRequest(
            source: pairs[pair].source, destination: pairs[pair].destination, amount: Millisatoshi(amount))
    }
}

/// What a query takes, one thread: with warm caches, where the whole graph has just been searched, and with cold ones,
/// where all caches were filled with something else before each query (a fifth of them: to fill caches takes longer).
func benchmarkRoutes(_ path: String) throws {
    let queries = RouteQueries(try topology(at: path, rate: nil), count: 1_000)
    let graph = queries.graph
    let title = "\(graph.nodeCount) nodes, \(graph.channelCount) channels, \(graph.memorySize) bytes"
    let table = Table(
        "Routes: \(title); microseconds of routable queries",
        [
            "model, sat", "routable", "median", "mean", "p99", "cold med.", "cold mean", "search bytes",
            "sum of fees",
        ])
    var evictor = CacheEvictor()
    for model in [RoutingModel.cheapestFee, .ldk, .eclair, .coreLightning, .lnd, .lndBimodal] {
        for amount in [Satoshi(100), Satoshi(1_000), Satoshi(100_000), Satoshi(1_000_000)] {
            let search = RouteSearch(for: graph)
            let count = model == .lnd || model == .lndBimodal ? 200 : queries.pairs.count
            var fees = Millisatoshi.zero
            func times(of count: Int, _ prepare: () -> Void) -> [Double] {
                fees = .zero
                return (0..<count).compactMap { pair in
                    prepare()
                    let start = DispatchTime.now().uptimeNanoseconds
                    let route = try? search.route(queries.request(pair, amount), in: graph, by: model)
                    let end = DispatchTime.now().uptimeNanoseconds
                    guard let route else { return nil }
                    fees += route.totalFee
                    return Double(end - start) / 1_000
                }.sorted()
            }
            let cold = times(of: count / 5) { evictor.evict() }
            _ = times(of: count) {}
            let warm = times(of: count) {}
            guard !warm.isEmpty, !cold.isEmpty else { continue }
            table.row([
                "\(model.rawValue), \(amount.rawValue)", "\(warm.count)", warm[warm.count / 2].text(1),
                warm.mean.text(1),
                warm[warm.count * 99 / 100].text(0), cold[cold.count / 2].text(1), cold.mean.text(1),
                "\(search.memorySize)", "\(fees.rawValue)",
            ])
        }
    }
    precondition(evictor.sum > 0, "the caches were filled with nothing")
}

/// Fills the caches of a processor with something else than what it works with.
struct CacheEvictor {
    /// 64 MB: more than a core's share of any cache.
    private var words = [UInt64](repeating: 1, count: 1 << 23)
    private(set) var sum: UInt64 = 0

    mutating func evict() {
        for index in stride(from: 0, to: words.count, by: 8) {
            words[index] &+= 1
            sum &+= words[index]
        }
    }
}

extension [Double] {
    var mean: Double { reduce(0, +) / Double(count) }
}
