import Foundation
import LightningTypes
import Testing

@testable import Topologies

struct OverrideTests {
    static let two = row + "\n  - {from: bob, to: carol, rate_per_hour: 180, amount_sat: {from: 1, to: 2}}"

    static func flows(_ topology: Topology) throws -> [Topology.Flow] {
        guard case .flows(let flows) = topology.traffic else { throw CancellationError() }
        return flows
    }

    @Test func `a rate is for all flows together and keeps their shares`() throws {
        var topology = try read(Self.two)
        try topology.apply(.init(rate: 8))
        #expect(try Self.flows(topology).map(\.rate) == [2, 6])
    }

    @Test func `an amount replaces that of every flow`() throws {
        var topology = try read(Self.two)
        try topology.apply(.init(amount: .fixed(Millisatoshi(7))))
        #expect(try Self.flows(topology).map(\.amount) == [.fixed(Millisatoshi(7)), .fixed(Millisatoshi(7))])
    }

    @Test func `what is not overridden stays`() throws {
        let before = try read(Self.two)
        var topology = before
        try topology.apply(.init())
        #expect(try Self.flows(topology) == Self.flows(before))
        try topology.apply(.init(duration: .seconds(5), seed: 9, balances: .even))
        #expect(topology.duration == .seconds(5))
        #expect(topology.seed == 9)
        #expect(topology.balances == .even)
        #expect(try Self.flows(topology) == Self.flows(before))
    }

    @Test func `a trace replaces all flows`() throws {
        var topology = try read(Self.two)
        let csv =
            "time_seconds,source,destination,amount_msat\r\n0,alice,bob,1\r\n0.000001,bob,\"carol\",20\r\n"
        try topology.apply(.init(trace: (Array(csv.utf8), "t.csv")))
        guard case .trace(let payments) = topology.traffic else {
            Issue.record("no trace")
            return
        }
        #expect(payments.map(\.microseconds) == [0, 1])
        #expect(payments.map(\.source) == [0, 1])
        #expect(payments.map(\.destination) == [1, 2])
        #expect(payments.map(\.amount) == [Millisatoshi(1), Millisatoshi(20)])
        #expect(topology.duration == nil)
        #expect(throws: TopologyError.self) { try topology.apply(.init(rate: 1)) }
    }

    @Test(
        arguments: [
            ("", "expected the header", 1),
            ("a,b\n", "expected the header", 1),
            ("@", "a trace without payments", 1),
            ("@x,alice,bob,1", "time_seconds: expected seconds", 2),
            ("@-1,alice,bob,1", "time_seconds: expected seconds", 2),
            ("@0.0000001,alice,bob,1", "time_seconds: expected seconds", 2),
            ("@nan,alice,bob,1", "time_seconds: expected seconds", 2),
            ("@2,alice,bob,1\n1,alice,bob,1", "the time goes back", 3),
            ("@1,alcie,bob,1", "source: unknown node 'alcie'; did you mean 'alice'?", 2),
            ("@1,alice,alice,1", "pays itself", 2),
            ("@1,alice,bob,0", "amount_msat: expected", 2),
            ("@1,alice,bob,1.5", "amount_msat: expected", 2),
            ("@1,alice,bob,99999999999999999999", "amount_msat: expected", 2),
            ("@1,alice,bob", "3 fields", 2),
            ("@\n1,alice,bob,1", "an empty line", 2),
            ("@1,\"alice,bob,1", "a quote without its end", 2),
            ("@1,\"alice\"x,bob,1", "text after a closing quote", 2),
        ] as [(String, String, Int)])
    func `a malformed trace names its line`(_ text: String, _ says: String, _ line: Int) throws {
        var topology = try read(row)
        let csv = text.replacing("@", with: "time_seconds,source,destination,amount_msat\n")
        let error = try #require(throws: TopologyError.self) {
            try topology.apply(.init(trace: (Array(csv.utf8), "t.csv")))
        }
        #expect(error.description.hasPrefix("t.csv:\(line): "), "\(error)")
        #expect(error.message.contains(says), "\(error)")
    }

    @Test func `an override that contradicts the file is an error`() throws {
        var quiet = try read("millrace: 1\nnodes: [a, b]")
        #expect(throws: TopologyError.self) { try quiet.apply(.init(rate: 1)) }
        #expect(throws: TopologyError.self) { try quiet.apply(.init(amount: .fixed(Millisatoshi(1)))) }
        var topology = try read(row + "\nwarmup: 10m")
        for rate in [0, -1, .nan, .infinity, 1e300] {
            #expect(throws: TopologyError.self) { try topology.apply(.init(rate: rate)) }
        }
        #expect(throws: TopologyError.self) { try topology.apply(.init(duration: .seconds(600))) }
        #expect(throws: TopologyError.self) { try topology.apply(.init(duration: .zero)) }
        #expect(throws: TopologyError.self) {
            try topology.apply(.init(amount: .uniform(lowest: Satoshi(2), highest: Satoshi(1))))
        }
        #expect(throws: TopologyError.self) { try topology.apply(.init(amount: .fixed(.zero))) }
    }

    @Test func `a node is found by name, alias or key`() throws {
        let key = "02" + String(repeating: "ab", count: 32)
        let topology = try read(
            "millrace: 1\nnodes: [alice, {name: b, alias: Bert}, {name: c, public_key: \(key)}, {name: d, alias: twin}, "
                + "{name: e, alias: twin}]")
        #expect(topology.nodes[Int(try topology.nodeIndex(named: "alice"))].id == "alice")
        #expect(topology.nodes[Int(try topology.nodeIndex(named: "Bert"))].id == "b")
        #expect(topology.nodes[Int(try topology.nodeIndex(named: "b"))].id == "b")
        #expect(topology.nodes[Int(try topology.nodeIndex(named: "c"))].id == key)
        #expect(topology.nodes[Int(try topology.nodeIndex(named: key))].id == key)
        let ambiguous = try #require(throws: TopologyError.self) { try topology.nodeIndex(named: "twin") }
        #expect(ambiguous.message == "2 nodes have the alias 'twin'; write the public key: d, e")
        let unknown = try #require(throws: TopologyError.self) { try topology.nodeIndex(named: "alcie") }
        #expect(unknown.message == "unknown node 'alcie'; did you mean 'alice'?")
    }

    @Test func `a topology adds its own nodes to a graph it refers to`() throws {
        try withDirectory { directory in
            let graph = GraphTests.lnd(GraphTests.edge("1x1x0"))
            try graph.write(toFile: directory + "/g.json", atomically: true, encoding: .utf8)
            try "time_seconds,source,destination,amount_msat\n1,mine,02b,5\n".write(
                toFile: directory + "/t.csv", atomically: true, encoding: .utf8)
            let text = """
                millrace: 1
                graph: {format: lnd, file: g.json}
                nodes: [mine]
                channels: [{from: mine, to: Anna, capacity_sat: 50000}]
                trace: t.csv
                """
            let topology = try read(text, directory: directory)
            #expect(topology.nodes.map(\.id) == ["02a", "02b", "mine"])
            #expect(topology.channels.map(\.shortChannelID.description) == ["0x1x0", "1x1x0"])
            #expect((topology.channels[0].node1, topology.channels[0].node2) == (0, 2))
            #expect(topology.channels[0].funder == .second)
            guard case .trace(let payments) = topology.traffic else {
                Issue.record("no trace")
                return
            }
            #expect(payments.map(\.source) == [2])
            #expect(payments.map(\.destination) == [1])
            let twice = text.replacing(
                "capacity_sat: 50000", with: "capacity_sat: 50000, short_channel_id: 1x1x0")
            let error = try #require(throws: TopologyError.self) { try read(twice, directory: directory) }
            #expect(error.message == "the short channel id 1x1x0 stands twice, first in the graph")
            let taken = text.replacing("nodes: [mine]", with: "nodes: [mine, Anna]")
            let clash = try #require(throws: TopologyError.self) { try read(taken, directory: directory) }
            #expect(clash.message.contains("give its public_key (02a)"))
        }
    }
}
