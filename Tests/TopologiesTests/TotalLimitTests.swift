import LightningTypes
import Testing

@testable import Topologies

/// Small files with large appetites: what all their lines together ask for is counted, and refused before it is taken.
struct TotalLimitTests {
    /// A ring of so many nodes, with traffic for an hour.
    private static func ring(_ nodes: Int, _ lines: String) -> String {
        "millrace: 1\ngenerate: {kind: ring, nodes: \(nodes)}\nduration: 1h\ntraffic: assumed\n\(lines)"
    }

    private static func list(_ key: String, _ line: String, _ count: Int) -> String {
        "\(key):\n" + String(repeating: "  - {\(line)}\n", count: count)
    }

    private func error(_ text: String, _ options: Topology.ReadOptions = .init()) throws -> TopologyError {
        try #require(throws: TopologyError.self) { _ = try read(text, options: options) }
    }

    @Test func `faults are counted by how often they happen, all of them together`() throws {
        // An hour of 400,000 a day, one node with two channels: 16,667 times 10 events.
        let line = "kind: disconnect, node: n001, rate_per_day: 400_000, for: 1s"
        #expect(try read(Self.ring(100, Self.list("faults", line, 60))).faults.count == 60)
        let refused = try error(Self.ring(100, Self.list("faults", line, 1_000)))
        #expect(refused.line == 66)
        #expect(
            refused.message.hasPrefix(
                "faults and changes of policies come to about 166,666,667 events in all, some 25 GB of memory"
            ))
        #expect(refused.message.hasSuffix("lower rates, fewer nodes or a shorter duration take less"))
    }

    @Test(arguments: ["offline", "disconnect", "latency-jitter", "hold", "cheat", "stale-backup"])
    func `a fault of all nodes counts each of them`(kind: String) throws {
        var line = "kind: \(kind), node: all, at: 1m"
        if kind != "cheat" { line += ", for: 1s" }
        if kind == "latency-jitter" { line += ", delay: 10ms" }
        if kind == "stale-backup" { line += ", age: 1m" }
        let text = Self.ring(3_000, Self.list("faults", line, 10_000))
        #expect(try error(text).message.contains("events in all, some "))
    }

    @Test(arguments: ["at: 1m", "rate_per_day: 5"])
    func `changes of policies count each direction they concern`(when: String) throws {
        let text = Self.ring(3_000, Self.list("policy_changes", "\(when), policy: {fee_ppm: 1}", 10_000))
        #expect(try error(text).message.contains("at most 10,000,000 (1.5 GB)"))
        // One channel has two.
        let one = Self.list(
            "policy_changes", "\(when), short_channel_id: 1x0x0, policy: {fee_ppm: 1}", 10_000)
        #expect(try read(Self.ring(3_000, one)).policyChanges.count == 10_000)
    }

    @Test func `faults and changes of policies are one sum`() throws {
        let changes = Self.list("policy_changes", "at: 1m, policy: {fee_ppm: 1}", 900)
        let faults = Self.list("faults", "kind: offline, node: all, at: 1m, for: 1s", 200)
        #expect(throws: Never.self) { try read(Self.ring(3_000, changes)) }
        #expect(throws: Never.self) { try read(Self.ring(3_000, faults)) }
        #expect(throws: TopologyError.self) { try read(Self.ring(3_000, changes + faults)) }
    }

    @Test func `a longer duration makes more of the same faults`() throws {
        var topology = try read(
            Self.ring(100, "faults: [{kind: disconnect, node: all, rate_per_day: 1_000, for: 1s}]"))
        try topology.checkPlannedEvents()
        topology.duration = .seconds(365 * 86_400)
        #expect(throws: TopologyError.self) { try topology.checkPlannedEvents() }
        // So many payments are over before.
        topology.faultsEnd = .seconds(3_600)
        try topology.checkPlannedEvents()
        #expect(topology.faultHorizon == .seconds(3_600))
    }

    @Test func `flows are counted by whom they name`() throws {
        let flow = "rate_per_hour: 1, amount_sat: 1_000"
        let text = "millrace: 1\ngenerate: {kind: ring, nodes: 60_000}\n" + Self.list("traffic", flow, 1_000)
        let refused = try error(text)
        #expect(refused.line == 837)
        #expect(
            refused.message
                == "flows name 120,000,000 payers and payees in all, some 2.4 GB of memory; at most 100,000,000: fewer "
                + "flows, or smaller groups in them")
    }

    @Test func `a graph that does not fit is refused before it is drawn`() throws {
        let allowed = MemoryAllowance(bytes: 8e9, owner: "this machine has", purpose: .run)
        var options = Topology.ReadOptions()
        options.memory = allowed
        let refused = try error("millrace: 1\ngenerate: {kind: mainnet-like, nodes: 10_000_000}", options)
        #expect(refused.line == 2)
        #expect(
            refused.message
                == "'nodes': a run of 10,000,000 nodes and 29,328,099 channels would take some 69 GB of memory; "
                + "this machine has 8 GB, enough for about 1,100,000 nodes like these")
        #expect(allowed.refusal(nodes: 1e6, channels: 2.93e6) == nil)
        let look = MemoryAllowance(bytes: 8e9, owner: "", purpose: .look)
        #expect(look.refusal(nodes: 4e6, channels: 11.7e6) == nil)
        let recipe = try GraphRecipe(.star, nodes: 10_000_000)
        #expect(throws: GraphRecipe.Fault.self) {
            try recipe.topologyText(memory: MemoryAllowance(bytes: 1e9, owner: "", purpose: .look))
        }
    }

    @Test func `churn that would fill the memory is refused before it is drawn`() throws {
        let churn = "churn: {nodes_joining_per_day: 1_000_000, node_lifetime: 60s}"
        var topology = try read(Self.ring(100, churn))
        let refused = try #require(throws: TopologyError.self) {
            try topology.drawChurn(until: .seconds(365 * 86_400))
        }
        #expect(
            refused.message.hasPrefix(
                "churn: about 365,000,000 nodes would join and 730,000,000 channels open"))
        let small = MemoryAllowance(bytes: 1e8, owner: "this machine has", purpose: .run)
        #expect(throws: TopologyError.self) {
            try topology.drawChurn(until: .seconds(86_400), memory: small)
        }
        #expect(topology.churn != nil)
    }

    @Test func `nodes of a key are the same in whatever words`() throws {
        let text = """
            millrace: 1
            nodes: [e, d, c, b, a, {name: f}, g, h, i, j, k, l, m, n, o, p, q, r]
            groups: {some: {members: [d, b]}}
            traffic:
              - {from: some, to: all, rate_per_hour: 1, amount_sat: 1}
              - {from: [c, some, c], to: [e], rate_per_hour: 1, amount_sat: 1}
              - {from: b, to: [all, c], rate_per_hour: 1, amount_sat: 1}
            """
        guard case .flows(let flows) = try read(text).traffic else { preconditionFailure("flows") }
        #expect(flows.map(\.payers) == [[1, 3], [1, 2, 3], [1]])
        #expect(flows.map(\.payees) == [Array(0..<18), [4], Array(0..<18)])
    }

    @Test func `values of a comma and a letter are counted before they are made`() throws {
        let text = "millrace: 1\nnodes: [" + String(repeating: "a,", count: 10_000_000) + "a]\n"
        #expect(
            try error(text).message
                == "some 10,000,002 values, which would take 2 GB of memory to read; at most 10,000,000: a large graph "
                + "stands in tables or in a file of its own")
        // A table has commas that divide no values.
        let table =
            "millrace: 1\ngraph:\n  format: table\n  node_table: |\n    id\n"
            + String(repeating: "    " + String(repeating: ",", count: 1_000) + "\n", count: 11_000)
        #expect(try !error(table).message.contains("values, which"))
    }
}
