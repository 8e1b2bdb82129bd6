import LightningTypes
import Testing

@testable import Topologies

/// Small graphs in the forms lnd and Core Lightning print them.
struct GraphTests {
    static func lnd(
        _ edges: String..., nodes: String = #"{"pub_key":"02a","alias":"Anna"},{"pub_key":"02b","alias":""}"#
    )
        -> String
    {
        #"{"nodes":["# + nodes + #"],"edges":["# + edges.joined(separator: ",\n") + "]}"
    }

    static func edge(_ id: String = "1", _ changes: (String, String)...) -> String {
        var text = """
            {"channel_id":"\(id)","node1_pub":"02a","node2_pub":"02b","capacity":"50000",
             "node1_policy":{"time_lock_delta":40,"min_htlc":"1000","fee_base_msat":"1","fee_rate_milli_msat":"2","disabled":false,"max_htlc_msat":"49500000"},
             "node2_policy":null}
            """.replacing("\n", with: "")
        for (old, new) in changes { text = text.replacing(old, with: new) }
        return text
    }

    static func cln(_ entries: String...) -> String {
        #"{"channels":["# + entries.joined(separator: ",\n") + "]}"
    }

    static func entry(_ source: String, _ destination: String, _ changes: (String, String)...) -> String {
        var text = """
            {"source":"\(source)","destination":"\(destination)","short_channel_id":"1x1x0","amount_msat":50000000,\
            "active":true,"base_fee_millisatoshi":1,"fee_per_millionth":2,"delay":40,"htlc_minimum_msat":1000,\
            "htlc_maximum_msat":49500000}
            """
        for (old, new) in changes { text = text.replacing(old, with: new) }
        return text
    }

    @Test func `lnd's numbers may stand bare or in quotes`() throws {
        let quoted = try read(Self.lnd(Self.edge()))
        let bare = try read(Self.lnd(Self.edge().replacing(#/"([0-9]+)"/#) { "\($0.output.1)" }))
        #expect(quoted.channels == bare.channels)
        let channel = try #require(quoted.channels.first)
        #expect(channel.shortChannelID == ShortChannelID(1))
        #expect(channel.capacity == Satoshi(50_000))
        #expect(
            channel.policy1
                == ChannelPolicy(
                    baseFee: Millisatoshi(1), proportionalFee: 2, cltvExpiryDelta: 40,
                    htlcMinimum: Millisatoshi(1_000),
                    htlcMaximum: Millisatoshi(49_500_000)))
        #expect(channel.policy2 == nil)
        #expect(channel.opensAt == nil && channel.funder == nil && channel.balance1 == nil)
        #expect(quoted.nodes.map(\.alias) == ["Anna", "02b"])
        #expect(quoted.duration == .seconds(3_600))
    }

    @Test func `lnd's ends are put in BOLT 7's order`() throws {
        let swapped = Self.edge(
            "1", (#""node1_pub":"02a","node2_pub":"02b""#, #""node1_pub":"02b","node2_pub":"02a""#))
        let channel = try #require(try read(Self.lnd(swapped)).channels.first)
        #expect((channel.node1, channel.node2) == (0, 1))
        #expect(channel.policy1 == nil)
        #expect(channel.policy2?.proportionalFee == 2)
    }

    @Test func `Core Lightning's amounts may carry their unit`() throws {
        let plain = try read(Self.cln(Self.entry("02a", "02b"), Self.entry("02b", "02a", ("true", "false"))))
        let unit = try read(
            Self.cln(
                Self.entry("02b", "02a", ("true", "false"), ("50000000,", #""50000000msat","#)),
                Self.entry("02a", "02b", ("50000000,", #""50000000msat","#), ("49500000", #""49500000msat""#))
            ))
        #expect(plain.channels == unit.channels)
        let channel = try #require(plain.channels.first)
        #expect(channel.capacity == Satoshi(50_000))
        #expect(channel.policy1?.isDisabled == false)
        #expect(channel.policy2?.isDisabled == true)
    }

    @Test func `the largest HTLC is the capacity where none is given, and never more`() throws {
        for change in [
            ("49500000", "0"), (#","htlc_maximum_msat":49500000"#, ""), ("49500000", "18446744073709551615"),
        ] {
            let topology = try read(Self.cln(Self.entry("02a", "02b", change)))
            #expect(topology.channels[0].policy1?.htlcMaximum == Millisatoshi(50_000_000))
        }
    }

    @Test func `files of 2019 give satoshis`() throws {
        let old = Self.entry("02a", "02b", (#""amount_msat":50000000"#, #""satoshis":50000"#))
        #expect(try read(Self.cln(old)).channels[0].capacity == Satoshi(50_000))
    }

    @Test func `aliases of every script arrive whole`() throws {
        let nodes =
            #"{"pub_key":"02a","alias":"Sunny \u2600\ufe0f \ud83d\udc19 \"q\" \\ \/ é"},{"pub_key":"02b","alias":"🧄"}"#
        let topology = try read(Self.lnd(Self.edge(), nodes: nodes))
        #expect(topology.nodes.map(\.alias) == ["Sunny \u{2600}\u{FE0F} \u{1F419} \"q\" \\ / é", "🧄"])
    }

    @Test func `a raw graph gets assumed traffic over its largest strong component`() throws {
        let both = Self.edge(
            "1",
            (
                #""node2_policy":null"#,
                #""node2_policy":{"time_lock_delta":40,"fee_base_msat":1,"fee_rate_milli_msat":2}"#
            ))
        let topology = try read(Self.lnd(both))
        guard case .flows(let flows) = topology.traffic else {
            Issue.record("no flows")
            return
        }
        #expect(
            flows == [
                Topology.Flow(
                    name: "assumed", rate: 2.5,
                    amount: .uniform(lowest: Satoshi(1_000), highest: Satoshi(100_000)),
                    payers: [0, 1], payees: [0, 1], startsAt: .zero, endsAt: nil, isAssumed: true)
            ])
        guard case .flows(let none) = try read(Self.lnd(Self.edge())).traffic else {
            Issue.record("no flows")
            return
        }
        #expect(none.isEmpty, "one direction alone connects no pair")
    }

    @Test func `dropping takes channels without a policy and the nodes they leave alone`() throws {
        let nodes = ["02a", "02b", "02c"].map { #"{"pub_key":"\#($0)"}"# }.joined(separator: ",")
        let silent =
            #"{"channel_id":"2","node1_pub":"02b","node2_pub":"02c","capacity":"9","node1_policy":null}"#
        let text = Self.lnd(Self.edge(), silent, nodes: nodes)
        #expect(try read(text).nodes.count == 3)
        let dropped = try read(text, options: .init(channelsWithoutPolicy: .drop))
        #expect(dropped.nodes.map(\.id) == ["02a", "02b"])
        #expect(dropped.channels.count == 1)
        #expect(dropped.channels[0].node2 == 1)
    }

    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            (lnd(edge("1"), edge("1")), "the short channel id 0x0x1 stands twice: edges 1 and 2", 2),
            (lnd(edge("1", (#""50000""#, #""0""#))), "channel 0x0x1 has no capacity", 1),
            (lnd(edge("1", (#""50000""#, #""-5""#))), "capacity: a negative number", 1),
            (lnd(edge("1", (#""50000""#, "-5"))), "capacity: a negative number", 1),
            (lnd(edge("1", (#""50000""#, "5.5"))), "capacity: expected a whole number, found '5.5'", 1),
            (lnd(edge("1", (#""50000""#, "1e5"))), "capacity: expected a whole number", 1),
            (lnd(edge("1", (#""50000""#, "007"))), "capacity: expected a whole number", 1),
            (
                lnd(edge("1", (#""50000""#, #""99999999999999999999""#))),
                "capacity: the number is too large", 1
            ),
            (lnd(edge("1", (#""50000""#, #""2100000000000001""#))), "more than there can be", 1),
            (lnd(edge("1", (#""50000""#, "[]"))), "capacity: expected a whole number, found '['", 1),
            (lnd(edge("1", (":40", ":65536"))), "time_lock_delta: 65536 is too large; at most 65535", 1),
            (lnd(edge("1", (#""fee_base_msat":"1","#, ""))), "a policy without 'fee_base_msat'", 1),
            (lnd(edge("1", (#""min_htlc""#, #""fee_base_msat""#))), "'fee_base_msat' stands twice", 1),
            (lnd(edge("1", ("false", #""no""#))), "expected true or false", 1),
            (lnd(edge("1", ("02b", "02c"))), "names '02c', which 'nodes' lacks", 1),
            (lnd(edge("1", ("02b", "02a"))), "joins '02a' to itself", 1),
            (lnd(edge("one")), "expected a short channel id", 1),
            (lnd(edge(), nodes: #"{"pub_key":"02a"},{"pub_key":"02a"}"#), "'02a' is listed twice", 1),
            (lnd(edge(), nodes: #"{"pub_key":5}"#), "expected a public key", 1),
            (lnd(edge(), nodes: #"{"pub_key":"02a","alias":"\ud83d"}"#), "half of a surrogate pair", 1),
            (lnd(edge()) + "x", "something follows", 1),
            (String(lnd(edge()).dropLast(40)), "the file ends", 1),
            (String(lnd(edge()).prefix(40)), "the file ends inside a string", 1),
            (#"{"nodes":[{"pub_key":"02a"}]}"#, "without 'edges'", 1),
            (#"{"nodes":[],"edges":1000000000}"#, "expected an array, found '1000000000'", 1),
            (#"{"nodes":[{"nodeid":"02a"}]}"#, "a list of nodes (listnodes)", 1),
            (#"{"some":{"other":["json"]}}"#, "neither a topology", 1),
            (#"{"edges":[],"x":"# + String(repeating: "[", count: 100_000), "nested more than 32 deep", 1),
            (#"{"edges":[],"x":01}"#, "is no JSON number", 1),
            (#"{"edges":[],"x":nul}"#, "expected a value", 1),
            (
                cln(entry("02a", "02b"), entry("02a", "02b")),
                "a direction of channel 1x1x0 stands twice: entries 1 and 2", 2
            ),
            (cln(entry("02a", "02b"), entry("02b", "02c")), "joins different nodes in entries 1 and 2", 2),
            (
                cln(entry("02a", "02b"), entry("02b", "02a", ("50000000", "60000000"))),
                "differs in capacity", 2
            ),
            (
                cln(entry("02a", "02b", (#""active""#, #""direction":1,"active""#))),
                "its keys' order makes it 0", 1
            ),
            (cln(entry("02a", "02b", (#""delay":40,"#, ""))), "lacks 'delay'", 1),
            (
                cln(entry("02a", "02b", ("50000000", #""50000000sat""#))),
                "amount_msat: expected a whole number", 1
            ),
        ] as [(String, String, Int)])
    func `a malformed graph ends in one short line with its place`(
        _ text: String, _ says: String, _ line: Int
    ) throws {
        let error = try #require(fault(Array(text.utf8)), "the graph was accepted")
        #expect(error.message.contains(says), "\(error)")
        #expect(error.line == line, "\(error)")
        #expect(error.description.utf8.count < 300 && !error.description.contains("\n"))
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `a graph with bytes changed at random never crashes the reader`(seed: UInt64) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        let graphs = [Self.lnd(Self.edge("1"), Self.edge("2")), Self.cln(Self.entry("02a", "02b"))]
        for round in 0..<100 {
            var bytes = Array(graphs[round % 2].utf8)
            for _ in 0...next(3) { bytes[next(bytes.count)] = UInt8(next(256)) }
            if round % 5 == 0 { bytes.removeLast(next(bytes.count)) }
            if let error = fault(bytes) { #expect(!error.description.contains("\n"), "\(error)") }
        }
    }
}
