import Foundation
import LightningTypes

@testable import Routing

/// Bitcoin mainnet's public graph of 3 February 2026 with 2,000 queries and their least fees, if it lies beside
/// the repository: real data are not part of it.
struct MainnetSnapshot {
    /// Beside the repository, or where the environment variable `MILLRACE_SNAPSHOT` says.
    static let folder =
        ProcessInfo.processInfo.environment["MILLRACE_SNAPSHOT"].map { URL(filePath: $0) }
        ?? URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../../shared/data/mainnet-2026-02-03").standardizedFileURL

    static var isPresent: Bool {
        FileManager.default.fileExists(atPath: folder.appending(path: "routes.csv").path)
    }

    /// Read once for all tests.
    static let shared = Result { try MainnetSnapshot() }

    let nodes: [String: Int32]
    let channels: [ChannelGraph.Channel]
    let graph: ChannelGraph
    /// Source, destination, amount, least fee.
    let queries: [(source: Int32, destination: Int32, amount: UInt64, fee: UInt64)]

    private struct Graph: Decodable {
        struct Node: Decodable {
            var key: String
            enum CodingKeys: String, CodingKey { case key = "pub_key" }
        }
        struct Policy: Decodable {
            var cltvExpiryDelta: UInt16
            var htlcMinimum: String
            var baseFee: String
            var proportionalFee: String
            var htlcMaximum: String
            var isDisabled: Bool
            enum CodingKeys: String, CodingKey {
                case cltvExpiryDelta = "time_lock_delta"
                case htlcMinimum = "min_htlc"
                case baseFee = "fee_base_msat"
                case proportionalFee = "fee_rate_milli_msat"
                case htlcMaximum = "max_htlc_msat"
                case isDisabled = "disabled"
            }
        }
        struct Edge: Decodable {
            var id: String
            var node1: String
            var node2: String
            var capacity: String
            var policy1: Policy?
            var policy2: Policy?
            enum CodingKeys: String, CodingKey {
                case id = "channel_id"
                case node1 = "node1_pub"
                case node2 = "node2_pub"
                case capacity
                case policy1 = "node1_policy"
                case policy2 = "node2_policy"
            }
        }
        var nodes: [Node]
        var edges: [Edge]
    }

    private init() throws {
        let file = try JSONDecoder().decode(Graph.self, from: Self.unpacked("describegraph.json.gz"))
        let keys = file.nodes.map(\.key).sorted()
        let nodes = Dictionary(uniqueKeysWithValues: keys.enumerated().map { ($1, Int32($0)) })
        let policy = { (policy: Graph.Policy?) in
            policy.map {
                ChannelPolicy(
                    baseFee: Millisatoshi(UInt64($0.baseFee)!),
                    proportionalFee: UInt32($0.proportionalFee)!, cltvExpiryDelta: $0.cltvExpiryDelta,
                    isDisabled: $0.isDisabled, htlcMinimum: Millisatoshi(UInt64($0.htlcMinimum)!),
                    htlcMaximum: Millisatoshi(UInt64($0.htlcMaximum)!))
            }
        }
        self.nodes = nodes
        channels = file.edges.map {
            ChannelGraph.Channel(
                node1: nodes[$0.node1]!, node2: nodes[$0.node2]!,
                shortChannelID: ShortChannelID(UInt64($0.id)!),
                capacity: Satoshi(UInt64($0.capacity)!),
                policy1: policy($0.policy1), policy2: policy($0.policy2))
        }.sorted { $0.shortChannelID < $1.shortChannelID }
        graph = ChannelGraph(nodeCount: nodes.count, channels: channels)
        let lines = try String(contentsOf: Self.folder.appending(path: "routes.csv"), encoding: .utf8)
        queries = lines.split(whereSeparator: \.isNewline).dropFirst().map { line in
            let fields = line.split(separator: ",").map(String.init)
            return (nodes[fields[0]]!, nodes[fields[1]]!, UInt64(fields[2])!, UInt64(fields[3])!)
        }
    }

    private static func unpacked(_ name: String) throws -> Data {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: "/bin/gzip")
        process.arguments = ["-dc", folder.appending(path: name).path]
        process.standardOutput = pipe
        try process.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return data
    }
}
