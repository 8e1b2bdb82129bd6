import Foundation
import LightningTypes
import Testing

@testable import Topologies

/// What graphs of other programs become.
struct ImportTests {
    // MARK: sim-ln

    @Test func `sim-ln's channels are evenly split and have no reserve, dust or fee`() throws {
        let topology = try read(GraphSamples.simLN)
        #expect(topology.nodes.map(\.id) == ["020a", "0344", "035c"])
        #expect(topology.nodes.map(\.alias) == ["020a", "Alice", "035c"])
        let channel = topology.channels[0]
        #expect(channel.shortChannelID == ShortChannelID(1))
        #expect(channel.capacity == Satoshi(250))
        #expect(channel.balance1 == Millisatoshi(125_000))
        // 0344 comes second in order of keys.
        #expect(channel.policy2?.proportionalFee == 100)
        #expect(channel.policy1?.baseFee == Millisatoshi(2_000))
        #expect(channel.policy1?.htlcMaximum == Millisatoshi(50_000))
        #expect(channel.limits.acceptedHTLCsMaximum == 15)
        #expect(channel.limits.htlcValueInFlightMaximum == Millisatoshi(100_000))
        #expect(channel.limits.channelReserve == .zero)
        #expect(channel.limits.commitmentCost == .zero)
        // No maximum is the capacity; 500 HTLCs are more than BOLT 2 has.
        #expect(topology.channels[1].policy2?.htlcMaximum == Millisatoshi(101_000))
        #expect(topology.channels[1].balance1 == Millisatoshi(50_500))
        #expect(topology.channels[1].limits.acceptedHTLCsMaximum == 200)
    }

    @Test func `sim-ln's activity is the traffic`() throws {
        let topology = try read(GraphSamples.simLN)
        guard case .flows(let flows) = topology.traffic else {
            Issue.record("expected flows")
            return
        }
        #expect(flows.count == 2)
        #expect(flows[0].payers == [1] && flows[0].payees == [2])
        #expect(flows[0].rate == 0.25)
        #expect(flows[0].amount == .fixed(Millisatoshi(2_000)))
        #expect(flows[0].endsAt == nil)
        #expect(flows[1].payers == [2] && flows[1].payees == [1])
        #expect(flows[1].rate == 0.4)
        #expect(flows[1].amount == .uniform(lowest: Satoshi(2), highest: Satoshi(9)))
        #expect(flows[1].startsAt == .seconds(20))
        #expect(flows[1].endsAt == .seconds(45))
        #expect(flows.allSatisfy { !$0.isAssumed })
        #expect(topology.duration == .seconds(3_620))
    }

    @Test func `without activity sim-ln's nodes pay each other, but for those that only forward`() throws {
        let network = GraphSamples.simLN.components(separatedBy: ", \"activity\"")[0]
        let plain = try read(network + "}")
        #expect(plain.flows.map(\.payers) == [[0, 1, 2]])
        #expect(plain.flows.map(\.isAssumed) == [true])
        let excluded = try read(network + ", \"exclude\": [\"020a\"]}")
        #expect(excluded.flows.map(\.payers) == [[1, 2]])
        let forwarding = try read(
            network.replacing("\"forward_only\": false", with: "\"forward_only\": true") + "}")
        #expect(forwarding.flows.map(\.payees) == [[0, 1]])
    }

    @Test(arguments: [
        ("\"interval_secs\": 4", "\"interval_secs\": 0", "no interval"),
        ("\"amount_msat\": 2000", "\"amount_msat\": [1100, 1900]", "no whole satoshi"),
        ("\"amount_msat\": 2000", "\"amount_msat\": [3, 2]", "expected [LOW, HIGH]"),
        ("\"destination\": \"035c\"", "\"destination\": \"0355\"", "did you mean '035c'"),
        ("\"destination\": \"035c\"", "\"destination\": \"Alice\"", "pays itself"),
        ("\"count\": 10", "\"count\": 999999999999", "no time, or more than 100 years"),
        ("\"capacity_msat\": 101000", "\"capacity_msat\": 101001", "whole satoshis"),
        ("\"scid\": 2", "\"scid\": 1", "stands twice"),
        ("\"base_fee\": 3000,", "", "without 'base_fee'"),
    ])
    func `a sim-ln file that is wrong is an error with a place`(old: String, new: String, part: String) throws
    {
        let text = GraphSamples.simLN.replacing(old, with: new)
        let error = try #require(fault(Array(text.utf8)))
        #expect(error.message.contains(part), "\(error)")
        #expect((error.line ?? 0) > 1)
    }

    // MARK: CLoTH

    private func cloth(_ change: (inout [String]) -> Void = { _ in }) throws(TopologyError) -> Topology {
        var tables = GraphSamples.cloth
        change(&tables)
        let files = ReferencedFiles(
            given: zip(Topology.cloTHFileNames, tables).map { (path: "net/" + $0, bytes: Array($1.utf8)) })
        return try read(
            "millrace: 1\ngraph: {format: cloth, file: net}", options: .init(files: files))
    }

    @Test func `CLoTH's balances and policies are used as they are`() throws {
        let topology = try cloth()
        #expect(topology.nodes.map(\.id) == ["0", "1", "2"])
        let (first, second) = (topology.channels[0], topology.channels[1])
        #expect(first.capacity == Satoshi(50_000))
        #expect(first.balance1 == Millisatoshi(4_300_909))
        #expect(first.policy1?.cltvExpiryDelta == 144)
        #expect(first.policy2?.proportionalFee == 2)
        #expect(first.policy1?.htlcMinimum == Millisatoshi(1_000))
        #expect(first.policy1?.htlcMaximum == Millisatoshi(50_000_000))
        // Its first node is 2, which comes second here.
        #expect(second.node1 == 1 && second.node2 == 2)
        #expect(second.balance1 == Millisatoshi(19_157_026))
        #expect(second.policy1?.baseFee == Millisatoshi(7))
        #expect(second.policy2?.proportionalFee == 3)
    }

    @Test func `CLoTH's columns may stand in any order and bear units`() throws {
        let plain = try cloth()
        let other = try cloth { tables in
            tables[0] = "id,name\r\n2,c\r\n0,a\r\n1,b\r\n"
            tables[1] = """
                capacity(millisat),id,edge1_id,edge2_id,node1_id,node2_id
                20000000,1,2,3,2,1
                50000000,0,0,1,0,1
                """
        }
        #expect(plain.channels == other.channels)
    }

    @Test(arguments: [
        (0, "0\n1", "0\n0", "stands twice"), (0, "id\n", "", "no column 'id'"),
        (1, "0,0,1,0,1,50000000", "0,0,1,0,7,50000000", "no node '7'"),
        (1, "0,0,1,0,1,50000000", "0,0,1,0,0,50000000", "to itself"),
        (1, "50000000", "50000001", "whole satoshis"),
        (1, "1,2,3,2,1,", "0,2,3,2,1,", "stands twice"),
        (1, "1,2,3,2,1,20000000", "1,2,3,2,1", "5 fields; the header has 6"),
        (2, "0,0,1,0,1,4300909", "0,0,1,0,1,4300908", "come to 49999999"),
        (2, "0,0,1,0,1,4300909", "0,9,1,0,1,4300909", "no channel '9'"),
        (2, "0,0,1,0,1,4300909", "5,0,1,0,1,4300909", "are '0' and '1'"),
        (2, "0,0,1,0,1,4300909", "0,0,1,0,2,4300909", "does not join"),
        (2, "3,1,2,1,2,19157026,7,4,1000,144\n", "", "lacks an edge"),
        (2, "0,0,1,0,1,4300909", "0,0,1,0,1,-5", "expected a whole number"),
    ])
    func `CLoTH tables that do not fit together are an error with a place`(
        table: Int, old: String, new: String, part: String
    ) throws {
        do {
            _ = try cloth { $0[table] = $0[table].replacing(old, with: new) }
            Issue.record("expected an error with \(part)")
        } catch {
            #expect(error.message.contains(part), "\(error)")
            #expect(error.line != nil)
        }
    }

    // MARK: GraphML

    @Test func `a plain graph gets the assumed capacity and lnd's default policy`() throws {
        let topology = try read(GraphSamples.plainGraphML)
        #expect(topology.nodes.map(\.alias) == ["Köln & Bonn", "Paris", "2"])
        #expect(topology.channels.count == 2)
        for channel in topology.channels {
            #expect(channel.capacity == Satoshi(1_000_000))
            #expect(channel.policy1 == PolicyDraft().resolved(capacity: Satoshi(1_000_000)))
            #expect(channel.policy1 == channel.policy2)
            #expect(channel.balance1 == nil)
        }
        #expect(topology.flows.map(\.isAssumed) == [true])
    }

    @Test func `directed edges with one short channel id, or opposite ways, are one channel`() throws {
        let topology = try read(GraphSamples.directedGraphML)
        #expect(topology.channels.map(\.capacity.rawValue) == [2_000, 3_000, 1_000])
        let identified = topology.channels[2]
        #expect(identified.shortChannelID == ShortChannelID("5x1x0"))
        #expect(identified.policy1?.baseFee == .zero)
        #expect(identified.policy2?.baseFee == Millisatoshi(7))
        #expect(identified.policy2?.proportionalFee == 250)
        #expect(identified.balance1 == Millisatoshi(599_999))
        #expect(topology.channels[0].policy1 != nil && topology.channels[0].policy2 != nil)
        #expect(topology.channels[1].policy1 != nil && topology.channels[1].policy2 == nil)
    }

    @Test(arguments: [
        ("<edge source=\"1\" target=\"2\"/>", "<edge source=\"1\" target=\"9\"/>", "no node of the graph"),
        ("<edge source=\"1\" target=\"2\"/>", "<edge source=\"1\" target=\"1\"/>", "to itself"),
        ("<node id=\"2\"/>", "<node id=\"1\"/>", "stands twice"),
        ("</graph>", "", "expected that of 'graph'"),
        ("&amp;", "&bomb;", "an entity"),
        ("<graphml ", "<!DOCTYPE g [<!ENTITY a \"b\">]><graphml ", "declarations of its own"),
        ("undirected", "sideways", "expected directed or undirected"),
    ])
    func `GraphML that is wrong is an error with a place`(old: String, new: String, part: String) throws {
        let text = GraphSamples.plainGraphML.replacing(old, with: new)
        let error = try #require(fault(Array(text.utf8)))
        #expect(error.message.contains(part), "\(error)")
        #expect((error.line ?? 0) > 1)
    }

    @Test func `many edges one way cost no more than their number`() throws {
        var text = "<graphml><graph edgedefault=\"directed\"><node id=\"a\"/><node id=\"b\"/>"
        for _ in 0..<20_000 { text += "<edge source=\"a\" target=\"b\"/>" }
        for _ in 0..<20_000 { text += "<edge source=\"b\" target=\"a\"/>" }
        let topology = try read(text + "</graph></graphml>")
        #expect(topology.channels.count == 20_000)
        #expect(topology.channels.allSatisfy { $0.policy1 != nil && $0.policy2 != nil })
    }

    // MARK: Anywhere

    @Test(arguments: [GraphSamples.simLN, GraphSamples.plainGraphML, GraphSamples.directedGraphML])
    func `a file cut off anywhere is an error with a place`(text: String) throws {
        let bytes = Array(text.utf8)
        for length in 1..<(bytes.count - 1) {
            let error = try #require(fault(Array(bytes[..<length])), "\(length)")
            #expect(error.line != nil)
        }
    }

    @Test func `a graph of any format may be referred to, and bring its traffic`() throws {
        let files = ReferencedFiles(given: [
            (path: "sim.json", bytes: Array(GraphSamples.simLN.utf8)),
            (path: "zoo.graphml", bytes: Array(GraphSamples.plainGraphML.utf8)),
        ])
        let given = try read(
            "millrace: 1\ngraph: {format: sim-ln, file: sim.json}", options: .init(files: files))
        #expect(given.flows.map(\.name) == ["activity 1", "activity 2"])
        #expect(given.duration == .seconds(3_620))
        let replaced = try read(
            """
            millrace: 1
            graph: {format: sim-ln, file: sim.json}
            traffic: [{from: Alice, to: 020a, rate_per_hour: 1, amount_sat: 1}]
            """, options: .init(files: files))
        #expect(replaced.flows.map(\.payers) == [[1]])
        let silent = try read(
            "millrace: 1\ngraph: {format: graphml, file: zoo.graphml}", options: .init(files: files))
        #expect(silent.flows.isEmpty)
        let assumed = try read(
            "millrace: 1\ngraph: {format: graphml, file: zoo.graphml}\ntraffic: assumed",
            options: .init(files: files))
        #expect(assumed.flows.map(\.isAssumed) == [true])
        #expect(assumed.duration == .seconds(3_600))
    }
}

extension Topology {
    /// The flows of a topology that has no trace.
    fileprivate var flows: [Flow] {
        guard case .flows(let flows) = traffic else { return [] }
        return flows
    }
}
