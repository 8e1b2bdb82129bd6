import Foundation
import Testing

@testable import Topologies

/// The schema and the reference page say what the reader does, key by key.
struct FormatDocumentationTests {
    /// Each section's keys as the reader knows them, and where the schema lists them.
    static let sections: [(path: [String], keys: [String])] = [
        (["properties"], TopologyReader.keys),
        (["properties", "layer_1", "properties"], TopologyReader.layerOneKeys),
        (["properties", "latency", "properties"], TopologyReader.latencyKeys),
        (["properties", "payments", "properties"], TopologyReader.paymentKeys),
        (["properties", "graph", "properties"], TopologyReader.graphKeys),
        (["properties", "generate", "properties"], TopologyReader.generateKeys),
        (["properties", "groups", "additionalProperties", "properties"], TopologyReader.groupKeys),
        (["properties", "traffic", "items", "properties"], TopologyReader.flowKeys),
        (["properties", "policy_changes", "items", "properties"], TopologyReader.policyChangeKeys),
        (["properties", "churn", "properties"], TopologyReader.churnKeys),
        (["properties", "watchtower", "properties"], TopologyReader.watchtowerKeys),
        (["properties", "faults", "items", "properties"], TopologyReader.faultKeys),
        (["$defs", "policy", "properties"], TopologyReader.policyKeys),
        (["$defs", "limits", "properties"], TopologyReader.limitKeys),
        (
            ["properties", "defaults", "properties"],
            TopologyReader.defaultKeys.filter { !TopologyReader.limitKeys.contains($0) }
        ),
        (
            ["properties", "channels", "items", "properties"],
            TopologyReader.channelKeys.filter { !TopologyReader.limitKeys.contains($0) }
        ),
    ]

    @Test func `the schema lists the keys the reader knows`() throws {
        let path = Place.repository.appendingPathComponent("topologies/topology.schema.json")
        let schema = try #require(
            try JSONSerialization.jsonObject(with: Data(contentsOf: path)) as? [String: Any])
        for section in Self.sections {
            var value = schema
            for step in section.path {
                value = try #require(value[step] as? [String: Any], "\(section.path)")
            }
            #expect(value.keys.sorted() == section.keys.sorted(), "\(section.path)")
        }
    }

    @Test func `the reference page names every key`() throws {
        let path = Place.repository.appendingPathComponent("docs/TOPOLOGY.md")
        let page = try String(contentsOf: path, encoding: .utf8)
        for key in Self.sections.flatMap(\.keys) + TopologyReader.nodeKeys {
            #expect(page.contains("`\(key)`"), "\(key)")
        }
    }

    @Test func `the page's first example reads`() throws {
        let path = Place.repository.appendingPathComponent("docs/TOPOLOGY.md")
        let page = try String(contentsOf: path, encoding: .utf8)
        let example = try #require(page.components(separatedBy: "```yaml\n").dropFirst().first)
        let topology = try read(try #require(example.components(separatedBy: "```").first))
        #expect(topology.nodes.map(\.id) == ["alice", "bob", "carol"])
    }
}
