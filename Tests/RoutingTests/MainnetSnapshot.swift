import Foundation
import LightningTypes

@testable import Routing

/// Bitcoin mainnet's public graph of 3 February 2026 with 2,000 queries and their least fees, if it lies beside
/// the repository: real data are not part of it.
struct MainnetSnapshot {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
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
        struct Node: Decodable { var pub_key: String }
        struct Policy: Decodable {
            var time_lock_delta: UInt16
            var min_htlc: String
            var fee_base_msat: String
            var fee_rate_milli_msat: String
            var max_htlc_msat: String
            var disabled: Bool
        }
        struct Edge: Decodable {
            var channel_id: String
            var node1_pub: String
            var node2_pub: String
            var capacity: String
            var node1_policy: Policy?
            var node2_policy: Policy?
        }
        var nodes: [Node]
        var edges: [Edge]
    }

    private init() throws {
        let file = try JSONDecoder().decode(Graph.self, from: Self.unpacked("describegraph.json.gz"))
        let keys = file.nodes.map(\.pub_key).sorted()
        let nodes = Dictionary(uniqueKeysWithValues: keys.enumerated().map { ($1, Int32($0)) })
        let policy = { (policy: Graph.Policy?) in
            policy.map {
                ChannelPolicy(
                    baseFee: Millisatoshi(UInt64($0.fee_base_msat)!),
                    proportionalFee: UInt32($0.fee_rate_milli_msat)!, cltvExpiryDelta: $0.time_lock_delta,
                    isDisabled: $0.disabled, htlcMinimum: Millisatoshi(UInt64($0.min_htlc)!),
                    htlcMaximum: Millisatoshi(UInt64($0.max_htlc_msat)!))
            }
        }
        self.nodes = nodes
        channels = file.edges.map {
            ChannelGraph.Channel(
                node1: nodes[$0.node1_pub]!, node2: nodes[$0.node2_pub]!,
                shortChannelID: ShortChannelID(UInt64($0.channel_id)!),
                capacity: Satoshi(UInt64($0.capacity)!),
                policy1: policy($0.node1_policy), policy2: policy($0.node2_policy))
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
