import Foundation

/// What is measured, by the name it is asked for with.
private enum Topic: String, CaseIterable {
    case phold, queues, channels, primitives, routes, lnd, eager, run
}

/// `swift run -c release --package-path Benchmarks Benchmarks [TOPIC...] [--repetitions N] [--snapshot FILE]`
///
/// Without topics all are measured. A snapshot is any file that `millrace run` reads; without one the whole run is that
/// of the village.
@main
struct Benchmarks {
    private var topics: [Topic] = []
    private var repetitions = 5
    private var network = Self.village

    private static let village = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../../topologies/village.yaml").standardized.path

    static func main() throws {
        guard let benchmarks = Benchmarks(Array(CommandLine.arguments.dropFirst())) else {
            let names = Topic.allCases.map(\.rawValue).joined(separator: "|")
            print("usage: Benchmarks [\(names)]... [--repetitions N] [--snapshot FILE]")
            exit(64)
        }
        try benchmarks.run()
    }

    /// Nil where the arguments make no sense.
    private init?(_ arguments: [String]) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--repetitions":
                guard let count = rest.popFirst().flatMap({ Int($0) }), count > 0 else { return nil }
                repetitions = count
            case "--snapshot":
                guard let path = rest.popFirst() else { return nil }
                network = path
            case let name:
                guard let topic = Topic(rawValue: name) else { return nil }
                topics.append(topic)
            }
        }
        if topics.isEmpty { topics = Topic.allCases }
    }

    private func run() throws {
        for topic in topics {
            switch topic {
            case .phold: benchmarkPHOLD(repetitions: repetitions)
            case .queues: benchmarkQueues(repetitions: repetitions)
            case .channels: try benchmarkChannels(repetitions: repetitions)
            case .primitives: benchmarkPrimitives(repetitions: repetitions)
            case .routes: try benchmarkRoutes(network)
            case .lnd: try benchmarkLNDRule(network)
            case .eager: try benchmarkEagerCost(network, repetitions: repetitions)
            case .run: try benchmarkWholeRun(network, repetitions: repetitions)
            }
        }
    }
}
