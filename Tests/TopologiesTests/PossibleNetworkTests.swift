import LightningTypes
import Testing

@testable import Topologies

/// Networks that read well and could not be: more money than there is, times no clock reaches, policies that nothing
/// meets; and those at the edge that can.
struct PossibleNetworkTests {
    private static let all = Satoshi.supplyMaximum.rawValue

    private func network(_ channels: [String], nodes: String = "[a, b, c]", more: String = "") -> String {
        (["millrace: 1", "nodes: \(nodes)", "channels:"] + channels.map { "  - {\($0)}" } + [more])
            .joined(separator: "\n")
    }

    private func channel(_ capacity: UInt64, _ more: String = "standing: true") -> String {
        "from: a, to: b, capacity_sat: \(capacity), \(more)"
    }

    private func refusal(_ text: String) -> TopologyError? { fault(Array(text.utf8)) }

    @Test func `the genesis block has room for all there is`() throws {
        #expect(refusal(network([channel(Self.all)])) == nil)
        #expect(refusal(network([channel(Self.all - 10_000), channel(10_000)])) == nil)
        let wallets = "[{name: a, wallet_sat: \(Self.all - 50_000)}, b]"
        #expect(refusal(network([channel(50_000)], nodes: wallets)) == nil)
        #expect(refusal(network([channel(2_000_000, "opens_at: 1h")], nodes: wallets)) == nil)
    }

    @Test func `and for no more, wherever it lies`() throws {
        let half = Self.all / 2 + 1
        let cases: [(String, Int)] = [
            (network([channel(half), channel(half)]), 5),
            (network([channel(half, "opens_at: 1h"), channel(half, "opens_at: 2h")]), 5),
            (network([channel(Self.all, "opens_at: 1h")]), 4),
            (network([channel(half, "standing: true, opening_cost_sat: \(half)")]), 4),
            (network([channel(half)], nodes: "[{name: a, wallet_sat: \(half)}, b]"), 4),
            (
                network(
                    [], nodes: "[{name: a, wallet_sat: \(half)}, {name: b, wallet_sat: \(half)}]",
                    more: "  []"), 2
            ),
            (
                network(
                    [channel(9_000)], nodes: "[{name: a, wallet_sat: \(half)}, b]",
                    more: "groups: {g: {members: [x], wallet_sat: \(half)}}"), 5
            ),
            // Bounded by themselves, though every wallet is given.
            (
                network(
                    Array(repeating: channel(Self.all, "opens_at: 1h"), count: 9_000),
                    nodes: "[{name: a, wallet_sat: 0}, b]"), 5
            ),
        ]
        for (text, line) in cases {
            let error = try #require(refusal(text), "\(text.prefix(200))")
            #expect(error.message.contains("more than there can be (2100000000000000 sat)"), "\(error)")
            #expect(error.line == line, "\(error)")
        }
    }

    @Test func `a graph file holds no more than there is either`() throws {
        let half = "\(Self.all / 2 + 1)"
        let edges = ["1", "2"].map { GraphTests.edge($0, (#""50000""#, #""\#(half)""#)) }
        let lnd = try #require(fault(Array(GraphTests.lnd(edges[0], edges[1]).utf8)))
        #expect(lnd.message.contains("more than there can be"), "\(lnd)")
        let entries = ["1x1x0", "2x1x0"].map {
            GraphTests.entry("02a", "02b", ("1x1x0", $0), ("50000000", "\(half)000"))
        }
        let cln = try #require(fault(Array(GraphTests.cln(entries[0], entries[1]).utf8)))
        #expect(cln.message.contains("more than there can be"), "\(cln)")
    }

    @Test func `wallets nobody gives hold what their channels need, others what they are given`() throws {
        let text = network(
            [
                channel(100_000, "opens_at: 1h"), channel(50_000, "funder: b"),
                "from: c, to: b, capacity_sat: 70_000",
            ],
            nodes: "[a, b, {name: c, wallet_sat: 5}]", more: "layer_1: {feerate_sat_per_vbyte: 4}")
        #expect(
            try read(text).startingWallets.map(\.rawValue) == [100_000 + 975 + 294, 50_000 + 975 + 294, 5])
    }

    @Test func `times of the network lie within its blocks' heights`() throws {
        let fast = "layer_1: {block_interval: 100ms}"
        let trace = "time_seconds,source,destination,amount_msat\n214_704_001,a,b,5\n".replacing(
            "_0", with: "0")
        for line in [
            "channels: [{from: a, to: b, capacity_sat: 50_000, closes_at: 3000d}]",
            "channels: [{from: a, to: b, capacity_sat: 50_000, opens_at: 3000d}]",
            "traffic: [{rate_per_hour: 1, amount_sat: 1, starts_at: 3000d}]",
            "traffic: [{rate_per_hour: 1, amount_sat: 1, ends_at: 3000d}]",
        ] {
            let error = try #require(refusal("millrace: 1\nnodes: [a, b]\n\(fast)\n\(line)"))
            #expect(
                error.line == 4 && error.message.contains("'3000d' is too long; at most 2485d"), "\(error)")
        }
        var topology = try read("millrace: 1\nnodes: [a, b]\n\(fast)\n")
        #expect(topology.timeMaximum == .seconds(2_485 * 86_400))
        #expect(throws: TopologyError.self) { try topology.apply(.init(duration: .seconds(3_000 * 86_400))) }
        let late = Array(trace.replacing("214_704", with: "214704").utf8)
        let error = #expect(throws: TopologyError.self) { try topology.apply(.init(trace: (late, "t.csv"))) }
        #expect(error?.description == "t.csv:2: time_seconds: later than 2485d, the longest a run may be")
        #expect(try read("millrace: 1\n").timeMaximum == .seconds(36_500 * 86_400))
    }

    @Test(arguments: [
        ("policy: {htlc_minimum_msat: 6, htlc_maximum_msat: 5}", 4, "'htlc_minimum_msat': above"),
        ("from_policy: {htlc_minimum_msat: 6, htlc_maximum_msat: 5}", 4, "'htlc_minimum_msat': above"),
        ("policy: {htlc_minimum_msat: 50_000_001}", 4, "50000001 above its htlc_maximum_msat of 50000000"),
        (
            "to_policy: {htlc_maximum_msat: 5}, policy: {htlc_minimum_msat: 6}", 4,
            "the policy of 'b' in this channel"
        ),
    ])
    func `a policy that no HTLC meets is an error`(keys: String, line: Int, says: String) throws {
        let error = try #require(refusal(network([channel(50_000, keys)])))
        #expect(error.line == line && error.message.contains(says), "\(error)")
    }

    @Test func `a policy that no HTLC meets is one wherever its parts stand`() throws {
        let merged = network(
            [channel(50_000, "policy: {htlc_maximum_msat: 5}")],
            more: "defaults: {policy: {htlc_minimum_msat: 6}}")
        #expect(refusal(merged)?.line == 4)
        #expect(
            refusal("millrace: 1\ndefaults: {policy: {htlc_minimum_msat: 6, htlc_maximum_msat: 5}}\n")?.line
                == 2)
        #expect(
            refusal(network([channel(50_000, "policy: {htlc_minimum_msat: 5, htlc_maximum_msat: 5}")])) == nil
        )
        // Real graphs have such directions; they are of no use to anybody.
        let graph = GraphTests.lnd(
            GraphTests.edge("1", (#""min_htlc":"1000""#, #""min_htlc":"99999999999""#)))
        #expect(fault(Array(graph.utf8)) == nil)
    }

    @Test func `a payer with nobody but itself to pay has no part in a flow`() throws {
        func flow(_ from: String, _ to: String) throws(TopologyError) -> Topology.Flow? {
            let text =
                "millrace: 1\ngroups: {g: {members: [a, b]}}\nnodes: [c]\ntraffic:\n"
                + "  - {from: \(from), to: \(to), rate_per_hour: 1, amount_sat: 1}\n"
            guard case .flows(let flows) = try read(text).traffic else { return nil }
            return flows.first
        }
        #expect(try flow("all", "a")?.payers == [1, 2])
        #expect(try flow("g", "[a, a]")?.payers == [1])
        #expect(try flow("g", "g")?.payers == [0, 1])
        for (from, to) in [("a", "a"), ("[a, a]", "[a]"), ("[]", "a"), ("a", "[]")] {
            let error = #expect(throws: TopologyError.self) { try flow(from, to) }
            #expect(error?.line == 5 && error?.message.contains("no pair of two different nodes") == true)
        }
    }

    @Test func `suggestions ignore capitals, and an error lists six keys at most`() throws {
        func message(_ key: String) -> String? { refusal(network([channel(50_000, "\(key): 1")]))?.message }
        #expect(
            message("Capacity_Sat") == "unknown key 'Capacity_Sat' in a channel; did you mean 'capacity_sat'?"
        )
        #expect(
            message("wombat")
                == "unknown key 'wombat' in a channel; its keys are from, to, capacity_sat, balance_sat, push_sat, "
                + "policy, …")
        let node = refusal(network(["from: A, to: b, capacity_sat: 5"], nodes: "[alice, Bob]"))?.message
        #expect(node == "unknown node 'A'")
        let bob = refusal(network(["from: BOB, to: alice, capacity_sat: 5"], nodes: "[alice, Bob]"))?.message
        #expect(bob == "unknown node 'BOB'; did you mean 'Bob'?")
    }

    @Test func `paths are split at their last slash`() {
        for (path, directory, name) in [
            ("x", "", "x"), ("", "", ""), ("/", "/", ""), ("/x", "/", "x"), ("a/b", "a", "b"),
            ("a/b/", "a/b", ""),
            ("./x", ".", "x"), ("../x.yaml", "..", "x.yaml"), ("ä/ö", "ä", "ö"),
        ] {
            #expect(PathText.directory(of: path) == directory && PathText.name(of: path) == name, "\(path)")
        }
        #expect(
            PathText.join("", "x") == "x" && PathText.join("/", "x") == "/x"
                && PathText.join("a", "x") == "a/x")
    }
}
