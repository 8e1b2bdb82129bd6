import Foundation
import Testing

@testable import Topologies

/// The schema and the reader draw the same lines: every number's least and greatest, every word, every type.
struct SchemaBoundsTests {
    /// A mapping of the format: where the schema describes it, and a file in which nothing but its keys are missing.
    struct Place: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var path: [String]
        /// With `%` where `key: value` goes.
        var file: String
        /// Keys that need another beside them, or one less; `%` as above.
        var files: [String: String] = [:]
        /// What a word needs beside it.
        var companions: [String: String] = [:]

        func text(_ key: String, _ value: String) -> String {
            let beside = companions[value].map { ", \($0)" } ?? ""
            return (files[key] ?? file).replacing("%", with: "\(key): \(value)\(beside)")
        }
    }

    private static let channel = "millrace: 1\nnodes: [a, b]\nchannels:\n  - {from: a, to: b, %}\n"
    private static let opened = channel.replacing("%", with: "capacity_sat: 2_000_000_000_000_000, %")
    private static let standing = opened.replacing("%", with: "standing: true, %")
    private static let flow = "millrace: 1\nnodes: [a, b]\ntraffic:\n  - {%}\n"

    private static let change =
        opened.replacing("%", with: "standing: true") + "policy_changes:\n  - {%}\n"

    private static let faulty =
        "millrace: 1\nlayer_1: {profile: bitcoin}\nwatchtower: {nodes: all}\n"
        + opened.dropFirst("millrace: 1\n".count).replacing("%", with: "standing: true")
        + "faults:\n  - {%}\n"

    private static func befalling(_ keys: String) -> String { faulty.replacing("%", with: "\(keys), %") }

    static let places = [
        Place(
            testDescription: "the topology", path: ["properties"], file: "millrace: 1\n%\n",
            files: ["millrace": "%\n"]),
        Place(
            testDescription: "layer_1", path: ["properties", "layer_1", "properties"],
            file: "millrace: 1\nlayer_1: {%}\n"),
        Place(
            testDescription: "latency", path: ["properties", "latency", "properties"],
            file: "millrace: 1\nlatency: {%}\n"),
        Place(
            testDescription: "payments", path: ["properties", "payments", "properties"],
            file: "millrace: 1\npayments: {%}\n"),
        Place(
            testDescription: "defaults", path: ["properties", "defaults", "properties"],
            file: "millrace: 1\ndefaults: {%}\n"),
        Place(
            testDescription: "a group", path: ["properties", "groups", "additionalProperties", "properties"],
            file: "millrace: 1\ngroups: {g: {%}}\n"),
        Place(
            testDescription: "a node",
            path: ["properties", "nodes", "items", "oneOf", "1", "properties"],
            file: "millrace: 1\nnodes: [{name: a, %}]\n",
            files: ["name": "millrace: 1\nnodes: [{%}]\n"]),
        Place(
            testDescription: "a channel", path: ["properties", "channels", "items", "properties"],
            file: opened,
            files: [
                "capacity_sat": channel.replacing("%", with: "feerate_per_kw: 0, anchors: false, %"),
                "balance_sat": standing, "opening_cost_sat": standing, "standing": opened,
                "from": "millrace: 1\nnodes: [a, b]\nchannels: [{to: b, capacity_sat: 50_000, %}]\n",
                "to": "millrace: 1\nnodes: [a, b]\nchannels: [{from: b, capacity_sat: 50_000, %}]\n",
            ]),
        Place(testDescription: "limits", path: ["$defs", "limits", "properties"], file: standing),
        Place(
            testDescription: "a policy", path: ["$defs", "policy", "properties"],
            file: "millrace: 1\ndefaults: {policy: {%}}\n"),
        Place(
            testDescription: "a change of policies",
            path: ["properties", "policy_changes", "items", "properties"],
            file: change.replacing("%", with: "at: 1h, policy: {fee_ppm: 1}, %"),
            files: [
                "at": change.replacing("%", with: "policy: {fee_ppm: 1}, %"),
                "rate_per_day": change.replacing("%", with: "policy: {fee_ppm: 1}, %"),
                "policy": change.replacing("%", with: "at: 1h, %"),
                "fee_factor": change.replacing("%", with: "at: 1h, %"),
            ]),
        Place(
            testDescription: "churn", path: ["properties", "churn", "properties"],
            file: "millrace: 1\nchurn: {%}\n"),
        Place(
            testDescription: "a watchtower", path: ["properties", "watchtower", "properties"],
            file: "millrace: 1\nnodes: [a]\nwatchtower: {%}\n"),
        Place(
            testDescription: "a fault", path: ["properties", "faults", "items", "properties"], file: faulty,
            files: [
                "at": befalling("kind: cheat, node: a"), "rate_per_day": befalling("kind: cheat, node: a"),
                "node": befalling("kind: cheat, at: 1h"),
                "short_channel_id": befalling("kind: cheat, at: 1h, node: a"),
                "for": befalling("kind: offline, at: 1h, node: a"),
                "delay": befalling("kind: hold, at: 1h, node: a"),
                "outcome": befalling("kind: hold, at: 1h, node: a"),
                "age": befalling("kind: stale-backup, at: 1h, node: a, for: 1h"),
                "factor": befalling("kind: fee-spike, at: 1h"), "depth": befalling("kind: reorg, at: 1h"),
            ],
            companions: [
                "offline": "at: 1h, node: a, for: 1h", "disconnect": "at: 1h, node: a, for: 1h",
                "stale-backup": "at: 1h, node: a, for: 1h, age: 1h", "cheat": "at: 1h, node: a",
                "force-close": "at: 1h, node: a", "hold": "at: 1h, node: a",
                "watchtower-outage": "at: 1h, for: 1h", "fee-spike": "at: 1h, factor: 2",
                "empty-blocks": "at: 1h, for: 1h", "reorg": "at: 1h, depth: 1",
            ]),
        Place(
            testDescription: "a flow", path: ["properties", "traffic", "items", "properties"],
            file: flow.replacing("%", with: "rate_per_hour: 1, amount_sat: 1, %"),
            files: [
                "rate_per_second": flow.replacing("%", with: "amount_sat: 1, %"),
                "rate_per_hour": flow.replacing("%", with: "amount_sat: 1, %"),
                "rate_per_day": flow.replacing("%", with: "amount_sat: 1, %"),
                "amount_sat": flow.replacing("%", with: "rate_per_hour: 1, %"),
                "amount_msat": flow.replacing("%", with: "rate_per_hour: 1, %"),
            ]),
    ]

    private let schema: Any

    init() throws {
        let path = TopologiesTests.Place.repository.appendingPathComponent("topologies/topology.schema.json")
        schema = try JSONSerialization.jsonObject(with: Data(contentsOf: path))
    }

    private func value(at path: [String]) throws -> Any {
        try path.reduce(schema) { value, step in
            if let list = value as? [Any] { return list[try #require(Int(step))] }
            return try #require((value as? [String: Any])?[step], "\(path)")
        }
    }

    /// A key's description with what it refers to; its own words prevail.
    private func resolved(_ description: [String: Any]) throws -> [String: Any] {
        guard let reference = description["$ref"] as? String else { return description }
        let path = reference.split(separator: "/").dropFirst().map(String.init)
        let other = try resolved(try #require(try value(at: path) as? [String: Any]))
        return other.merging(description) { $1 }
    }

    private func keys(of place: Place) throws -> [(key: String, description: [String: Any])] {
        let properties = try #require(try value(at: place.path) as? [String: Any])
        return try properties.keys.sorted().map { key in
            (key, try resolved(try #require(properties[key] as? [String: Any])))
        }
    }

    /// Whether this error is about the size of a number.
    private func isOfSize(_ error: TopologyError?) -> Bool {
        guard let error else { return false }
        return ["too large", "too small", "is negative", "more than", "less than", "expected a positive"]
            .contains { error.message.contains($0) }
            // What follows from a number that is fine by itself.
            && !["the capacity", "there can be", "first commitment"].contains { error.message.contains($0) }
    }

    @Test(arguments: places)
    func `whole numbers have the schema's least and greatest`(place: Place) throws {
        for (key, description) in try keys(of: place) where description["type"] as? String == "integer" {
            let least = try #require(description["minimum"] as? NSNumber, "\(key)").uint64Value
            let greatest = try #require(description["maximum"] as? NSNumber, "\(key)").uint64Value
            for value in [least, greatest] {
                let error = fault(Array(place.text(key, "\(value)").utf8))
                #expect(!isOfSize(error), "\(key): \(value): \(error?.description ?? "")")
            }
            var outside = [greatest == .max ? "18446744073709551616" : "\(greatest + 1)"]
            outside.append(least == 0 ? "-1" : "\(least - 1)")
            for value in outside {
                #expect(isOfSize(fault(Array(place.text(key, value).utf8))), "\(key): \(value)")
            }
        }
    }

    @Test(arguments: ["rate_per_second", "rate_per_hour", "rate_per_day"])
    func `rates have the schema's least and greatest`(key: String) throws {
        let place = try #require(Self.places.last)
        let found = try keys(of: place).first { $0.key == key }
        let description = try #require(found).description
        let least = try #require(description["minimum"] as? Double)
        let greatest = try #require(description["maximum"] as? Double)
        for value in [least * 1.001, greatest] {
            #expect(fault(Array(place.text(key, "\(value)").utf8)) == nil)
        }
        for value in [least * 0.999, greatest * 1.001, 0, -1] {
            #expect(isOfSize(fault(Array(place.text(key, "\(value)").utf8))), "\(value)")
        }
    }

    /// Values of every type there is, and some of none.
    static let oddValues = [
        "[1]", "[]", "{a: 1}", "{}", "", "~", "null", "\"\"", "-1", "-0", "+1", "1e400", "1e3", "0x10",
        "0o17",
        "010", "1_000", "1__0", "_1", ".5", "5.", ".nan", ".inf", "true", "yes", "1 2",
        "99999999999999999999999",
        "\"1\\n2\"", "'1'", "!!int 5", "!!binary aGk=", "2026-01-01", "12:30:45", "&a 5", "\"\\0\"",
        "\"\\u202E\"",
        "|\n   5\n   6", "0s", "5", "5ms", "٣", "1e-400", "1.0",
    ]

    @Test(arguments: places)
    func `a value of another type is a short line with its place`(place: Place) throws {
        for (key, description) in try keys(of: place) {
            for value in Self.oddValues {
                let error = fault(Array(place.text(key, value).utf8))
                guard let error else { continue }
                #expect(error.line != nil && error.description.utf8.count < 300, "\(key): \(value): \(error)")
                #expect(!error.description.contains { $0.isNewline }, "\(key): \(value)")
            }
            guard let type = description["type"] as? String else { continue }
            let wrong: [String: [String]] = [
                "integer": ["[1]", "{a: 1}", "", "true", "1.0", "1e3", "0x10", "010"],
                "number": ["[1]", "{a: 1}", "", "true", ".nan", "0x10"],
                "boolean": ["[1]", "{a: 1}", "", "5", "yes"], "string": ["[1]", "{a: 1}", ""],
                "array": ["{a: 1}", "", "5", "true"], "object": ["[1]", "", "5", "true"],
            ]
            for value in try #require(wrong[type], "\(type)") {
                #expect(fault(Array(place.text(key, value).utf8)) != nil, "\(key): \(value)")
            }
        }
    }

    @Test(arguments: places)
    func `a word is one of the schema's`(place: Place) throws {
        for (key, description) in try keys(of: place) {
            guard let words = description["enum"] as? [String] else { continue }
            for word in words { #expect(fault(Array(place.text(key, word).utf8)) == nil, "\(key): \(word)") }
            let error = try #require(fault(Array(place.text(key, "wombat").utf8)))
            #expect(error.message.contains("expected one of \(words.joined(separator: ", "))"), "\(error)")
        }
    }

    /// Least, greatest, one below and one above, for every duration of the format.
    @Test(arguments: [
        ("layer_1: {block_interval: %}", "100ms", "30d", "99999us", "30.000001d"),
        ("latency: {floor: %}", "1us", "10m", "0s", "600.000001s"),
        ("latency: {fixed: %}", "5ms", "10m", "4999us", "600.000001s"),
        ("payments: {commitment_interval: %}", "0s", "10m", "-1s", "601s"),
        ("payments: {gossip_interval: %}", "0s", "30d", "-1s", "721h"),
        ("churn: {channel_lifetime: %}", "60s", "36500d", "59s", "36501d"),
        ("churn: {node_lifetime: %}", "60s", "36500d", "59s", "36501d"),
        ("payments: {policy_grace: %}", "0s", "30d", "-1s", "721h"),
        ("policy_changes: [{policy: {fee_ppm: 1}, at: %}]", "0s", "36500d", "-1s", "36501d"),
        ("nodes: [a]\nfaults: [{kind: hold, node: a, at: %}]", "0s", "36500d", "-1s", "36501d"),
        ("nodes: [a]\nfaults: [{kind: hold, node: a, at: 1h, for: %}]", "1s", "36500d", "999ms", "36501d"),
        ("nodes: [a]\nfaults: [{kind: hold, node: a, at: 1h, delay: %}]", "1ms", "36500d", "0s", "36501d"),
        (
            "nodes: [a]\nfaults: [{kind: stale-backup, node: a, at: 1h, for: 1h, age: %}]", "1ms", "36500d",
            "0s", "36501d"
        ),
        ("duration: %", "1us", "36500d", "0s", "36501d"),
        ("warmup: %", "0s", "36500d", "-1s", "36501d"),
        ("defaults: {opens_at: %}", "0s", "36500d", "-1s", "36501d"),
        ("defaults: {closes_at: %}", "0s", "36500d", "-1s", "36501d"),
        ("layer_1: {block_interval: 100ms}\nduration: %", "1us", "2485d", "0s", "2485.1d"),
        ("layer_1: {block_interval: 1s}\ndefaults: {closes_at: %}", "0s", "24855d", "-1s", "24856d"),
    ])
    func `durations are bounded`(line: String, least: String, greatest: String, below: String, above: String)
    {
        func fault(_ value: String) -> TopologyError? {
            TopologiesTests.fault(Array("millrace: 1\n\(line.replacing("%", with: value))\n".utf8))
        }
        for value in [least, greatest] { #expect(fault(value) == nil, "\(value)") }
        for value in [below, above] {
            #expect(fault(value)?.line == 2 + line.count(where: { $0 == "\n" }), "\(value)")
        }
    }
}
