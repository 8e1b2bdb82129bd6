import Foundation
import LightningTypes
import Testing

@testable import Topologies

struct ReaderTests {
    @Test(arguments: ["triangle", "one-channel", "village", "hub-and-spoke"])
    func `every shipped topology reads`(_ name: String) throws {
        let path = Place.repository.appendingPathComponent("topologies/\(name).yaml")
        let bytes = Array(try Data(contentsOf: path))
        let topology = try Topology(
            bytes: bytes, fileName: path.path, directory: path.deletingLastPathComponent().path)
        #expect(topology.name == name)
        #expect(topology.connectedNodes.count == topology.nodes.count)
        #expect(bytes.first == UInt8(ascii: "#"), "a shipped file opens with what it shows")
        guard case .flows(let flows) = topology.traffic else {
            Issue.record("no flows")
            return
        }
        #expect(!flows.isEmpty)
        try #require(topology.duration != nil)
    }

    @Test func `the village opens and closes all of its channels itself`() throws {
        let path = Place.repository.appendingPathComponent("topologies/village.yaml")
        let village = try Topology(
            bytes: Array(try Data(contentsOf: path)), fileName: path.path, directory: "")
        #expect(village.nodes.count == 30)
        #expect(village.channels.allSatisfy { $0.opensAt != nil && $0.closesAt != nil })
        #expect(village.nodes.allSatisfy { $0.wallet != nil && $0.group != nil })
        // What a node opens, its wallet pays.
        var committed = [UInt64](repeating: 0, count: village.nodes.count)
        for channel in village.channels {
            let funder = channel.funder == .first ? channel.node1 : channel.node2
            committed[Int(funder)] += channel.capacity.rawValue + 10_000
        }
        for (node, sum) in zip(village.nodes, committed) {
            #expect(sum <= node.wallet!.rawValue, "\(node.id)")
        }
    }

    @Test func `nodes stand in order of id, channels in order of id, sides in order of nodes`() throws {
        let topology = try read(
            """
            millrace: 1
            nodes: [zoe, adam, mia]
            channels:
              - {from: zoe, to: adam, capacity_sat: 100_000, short_channel_id: 9x1x0, push_sat: 1000, from_policy: {fee_ppm: 7}}
              - {from: adam, to: mia, capacity_sat: 50_000, short_channel_id: 2x1x0, standing: true, balance_sat: 20_000, funder: mia}
              - {from: mia, to: adam, capacity_sat: 50_000, short_channel_id: 3x1x0, standing: true, balance_sat: 20_000}
            """)
        #expect(topology.nodes.map(\.id) == ["adam", "mia", "zoe"])
        #expect(topology.channels.map(\.shortChannelID.block) == [2, 3, 9])
        let (second, third, ninth) = (topology.channels[0], topology.channels[1], topology.channels[2])
        #expect(second.balance1 == Millisatoshi(Satoshi(20_000)))
        #expect(second.funder == .second)
        #expect(second.opensAt == nil)
        #expect(third.balance1 == Millisatoshi(Satoshi(30_000)))
        #expect(third.funder == nil)
        #expect((ninth.node1, ninth.node2) == (0, 2))
        #expect(ninth.funder == .second)
        #expect(ninth.pushed == Millisatoshi(Satoshi(1_000)))
        #expect(ninth.opensAt == .zero)
        #expect(ninth.policy2?.proportionalFee == 7)
        #expect(ninth.policy1?.proportionalFee == 1)
    }

    @Test func `names stay text, whatever YAML thinks of them`() throws {
        let topology = try read(
            "millrace: 1\nnodes: [no, 0123, 1e3, ~, null, true, 2001-01-01, .nan, '', \"a b\"]".replacing(
                "'', ", with: ""))
        #expect(
            topology.nodes.map(\.id) == [
                ".nan", "0123", "1e3", "2001-01-01", "a b", "no", "null", "true", "~",
            ])
    }

    @Test func `a policy comes from the channel, then the node, then the group, then the defaults`() throws {
        let topology = try read(
            """
            millrace: 1
            defaults: {policy: {base_fee_msat: 1, fee_ppm: 1, cltv_expiry_delta: 1, htlc_minimum_msat: 1}}
            groups: {g: {members: [b], policy: {fee_ppm: 2, cltv_expiry_delta: 2, htlc_minimum_msat: 2}}}
            nodes: [{name: a, group: g, policy: {cltv_expiry_delta: 3, htlc_minimum_msat: 3}}]
            channels:
              - {from: a, to: b, capacity_sat: 50_000, policy: {htlc_minimum_msat: 4}, to_policy: {disabled: true}}
              - {from: a, to: b, capacity_sat: 50_000, to_policy: none}
            """)
        let policy = try #require(topology.channels[0].policy1)
        #expect(policy.baseFee == Millisatoshi(1))
        #expect(policy.proportionalFee == 2)
        #expect(policy.cltvExpiryDelta == 3)
        #expect(policy.htlcMinimum == Millisatoshi(4))
        #expect(policy.htlcMaximum == Millisatoshi(Satoshi(50_000)))
        #expect(topology.channels[0].policy2?.isDisabled == true)
        #expect(topology.channels[0].policy2?.cltvExpiryDelta == 2)
        #expect(topology.channels[1].policy2 == nil)
    }

    @Test func `every key reaches the topology`() throws {
        let topology = try read(
            """
            millrace: 1
            name: everything
            seed: 18446744073709551615
            duration: 2d
            warmup: 1.5h
            balances: one-sided
            layer_1: {block_interval: 1m, regular_blocks: true, confirmations: 6, feerate_sat_per_vbyte: 0, block_weight: 8000}
            latency: {floor: 1ms, fixed: 20ms}
            payments:
              attempts_maximum: 3
              fee_limit_ppm: 4
              fee_limit_minimum_msat: 5
              final_cltv_expiry_delta: 6
              commitment_interval: 0s
              gossip_interval: 7s
              channel_lifetime_days: 8
              model: lnd
              split: halving
              parts_maximum: 9
            defaults:
              capacity_sat: 70_000
              dust_limit_sat: 1
              channel_reserve_sat: 2
              max_htlc_value_in_flight_msat: 3
              max_accepted_htlcs: 4
              to_self_delay: 5
              feerate_per_kw: 6
              anchors: false
              opens_at: 1s
              closes_at: 1d
            groups: {g: {members: [b], wallet_sat: 9}}
            nodes: [{name: a, alias: Anna, wallet_sat: 10}]
            channels:
              - {from: a, to: b}
              - {from: a, to: b, standing: true, opening_cost_sat: 11, to_self_delay: 12, closes_at: 2s}
            traffic:
              - {name: f, from: Anna, to: g, rate_per_day: 86400, amount_msat: 13, starts_at: 14s, ends_at: 15s}
              - {from: all, to: connected, rate_per_second: 0.5, amount_sat: {from: 16, to: 17}}
            """)
        #expect(topology.name == "everything")
        #expect(topology.seed == .max)
        #expect(topology.duration == .seconds(172_800))
        #expect(topology.warmup == .seconds(5_400))
        #expect(topology.balances == .oneSided)
        #expect(
            topology.layerOne
                == Topology.LayerOne(
                    blockInterval: .seconds(60), hasRegularBlocks: true, confirmations: 6,
                    feeratePerVirtualByte: 0,
                    blockWeight: 8_000))
        #expect(topology.latency == Topology.Latency(floor: .milliseconds(1), fixed: .milliseconds(20)))
        #expect(
            topology.payments
                == Topology.PaymentRules(
                    attemptsMaximum: 3, feeLimitProportional: 4, feeLimitMinimum: Millisatoshi(5),
                    finalCLTVExpiryDelta: 6, commitmentInterval: .zero, gossipInterval: .seconds(7),
                    policyGrace: .seconds(600),
                    channelLifetimeDays: 8, model: .lnd, splitting: .halving, partsMaximum: 9))
        #expect(
            topology.nodes == [
                Topology.Node(id: "a", alias: "Anna", group: nil, wallet: Satoshi(10)),
                Topology.Node(id: "b", alias: "b", group: "g", wallet: Satoshi(9)),
            ])
        let (opened, standing) = (topology.channels[0], topology.channels[1])
        #expect(opened.capacity == Satoshi(70_000))
        #expect(opened.opensAt == .seconds(1))
        #expect(opened.closesAt == .seconds(86_400))
        #expect(opened.shortChannelID == ShortChannelID(block: 0, transaction: 1, output: 0))
        #expect(
            opened.limits
                == Topology.ChannelLimits(
                    dustLimit: Satoshi(1), channelReserve: Satoshi(2),
                    htlcValueInFlightMaximum: Millisatoshi(3),
                    acceptedHTLCsMaximum: 4, toSelfDelay: 5, feeratePerKiloweight: 6, hasAnchors: false))
        #expect(standing.opensAt == nil)
        #expect(standing.openingCost == Satoshi(11))
        #expect(standing.funder == .first)
        #expect(standing.limits.toSelfDelay == 12)
        #expect(standing.closesAt == .seconds(2))
        guard case .flows(let flows) = topology.traffic else {
            Issue.record("no flows")
            return
        }
        #expect(
            flows == [
                Topology.Flow(
                    name: "f", rate: 1, amount: .fixed(Millisatoshi(13)), payers: [0], payees: [1],
                    startsAt: .seconds(14), endsAt: .seconds(15), isAssumed: false),
                Topology.Flow(
                    name: "flow 2", rate: 0.5, amount: .uniform(lowest: Satoshi(16), highest: Satoshi(17)),
                    payers: [0, 1], payees: [0, 1], startsAt: .zero, endsAt: nil, isAssumed: false),
            ])
    }

    @Test func `what a file leaves out is what the documentation says`() throws {
        let topology = try read(row)
        #expect(topology.name == "t")
        #expect(topology.seed == 1)
        #expect(topology.duration == .seconds(3_600))
        #expect(topology.warmup == .zero)
        #expect(topology.balances == .uniform)
        #expect(topology.layerOne == .standard)
        let limits = topology.channels[0].limits
        #expect(limits.dustLimit == Satoshi(354))
        #expect(limits.channelReserve == Satoshi(10_000))
        #expect(limits.htlcValueInFlightMaximum == Millisatoshi(Satoshi(1_000_000)))
        #expect(limits.acceptedHTLCsMaximum == 483)
        #expect(limits.toSelfDelay == 144)
        #expect(limits.feeratePerKiloweight == 2_500)
        #expect(limits.hasAnchors)
        let small = try read(row.replacing("1_000_000", with: "20000")).channels[0].limits
        #expect(small.channelReserve == Satoshi(354), "one per cent would be below the dust limit")
    }

    @Test func `a byte order mark, carriage returns and JSON change nothing`() throws {
        let plain = try read(row)
        let json = """
            {"millrace": 1, "nodes": ["alice", "bob", "carol"],
             "channels": [{"from": "alice", "to": "bob", "capacity_sat": 1000000},
            \t{"from": "bob", "to": "carol", "capacity_sat": "1000000"}],
             "traffic": [{"from": "alice", "to": "carol", "rate_per_hour": 60, "amount_sat": 1000}]}
            """
        for text in ["\u{FEFF}" + row, row.replacing("\n", with: "\r\n"), json, "\u{FEFF}" + json] {
            let topology = try read(text)
            #expect(topology.nodes == plain.nodes)
            #expect(topology.channels == plain.channels)
        }
    }

    @Test func `anchors repeat a value where a few of them do`() throws {
        let topology = try read(
            """
            millrace: 1
            nodes: [a, b, {name: c, policy: &cheap {fee_ppm: 9}}, {name: d, policy: *cheap}]
            channels: [{from: c, to: d, capacity_sat: 50000}]
            """)
        #expect(topology.channels[0].policy1?.proportionalFee == 9)
        #expect(topology.channels[0].policy2?.proportionalFee == 9)
    }

    @Test func `a file without traffic is a network all the same`() throws {
        let topology = try read("millrace: 1\nnodes: [a, b]")
        guard case .flows(let flows) = topology.traffic else {
            Issue.record("no flows")
            return
        }
        #expect(flows.isEmpty)
        #expect(topology.duration == nil)
        #expect(topology.describe().nodes == 2)
    }
}
