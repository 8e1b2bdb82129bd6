import LightningTypes
import Testing

@testable import Topologies

/// Faults, watchtowers and profiles of layer 1, as a file gives them: what is read, and what every mistake is told.
struct FaultReaderTests {
    /// Alice, bob and carol in a row, on Bitcoin with a fee market; its channels stand open as 0x1x0 and 0x2x0.
    private static func file(_ lines: String, layerOne: String = "{profile: bitcoin}") -> String {
        """
        millrace: 1
        duration: 10h
        layer_1: \(layerOne)
        nodes: [alice, bob, carol]
        channels:
          - {from: alice, to: bob, capacity_sat: 1_000_000, standing: true, balance_sat: 500_000}
          - {from: bob, to: carol, capacity_sat: 1_000_000, standing: true, balance_sat: 500_000}
        traffic:
          - {from: alice, to: carol, rate_per_hour: 60, amount_sat: 1000}
        \(lines)
        """
    }

    private static func befalling(_ keys: String) -> String { "faults:\n  - {\(keys)}" }

    // MARK: What is read

    @Test func `every kind is read with its keys`() throws {
        let topology = try read(
            Self.file(
                """
                watchtower: {nodes: [alice, carol], reward_permille: 100}
                faults:
                  - {kind: offline, node: bob, at: 1h, for: 30m}
                  - {kind: disconnect, node: [alice, bob], rate_per_day: 24, for: 5s, short_channel_id: 0x1x0}
                  - {kind: stale-backup, node: carol, at: 2h, for: 10m, age: 1h}
                  - {kind: cheat, node: all, at: 3h}
                  - {kind: force-close, node: bob, at: 4h, short_channel_id: 0x2x0}
                  - {kind: hold, node: carol, at: 0s, for: 2h, delay: 90s}
                  - {kind: watchtower-outage, at: 1h, for: 2h}
                  - {kind: fee-spike, at: 1h, factor: 2.5}
                  - {kind: empty-blocks, at: 1h, for: 2h}
                  - {kind: reorg, rate_per_day: 1, depth: 6}
                  - {kind: latency-jitter, node: bob, at: 1h, for: 10m, delay: 200ms, short_channel_id: 0x1x0}
                """))
        #expect(topology.faults.map(\.kind) == Topology.Fault.Kind.allCases)
        #expect(topology.watchtower == Topology.Watchtower(nodes: [0, 2], rewardPermille: 100))
        let faults = topology.faults
        #expect(faults[0].nodes == [1] && faults[0].timing == .at(.seconds(3_600)))
        #expect(faults[0].duration == .seconds(1_800))
        #expect(faults[1].nodes == [0, 1] && faults[1].timing == .rate(24.0 / 86_400))
        #expect(faults[1].channel == topology.channels[0].shortChannelID)
        #expect(faults[2].age == .seconds(3_600))
        #expect(faults[3].nodes == [0, 1, 2] && faults[3].duration == nil && faults[3].channel == nil)
        #expect(faults[4].channel == topology.channels[1].shortChannelID)
        #expect(faults[5].delay == .seconds(90) && faults[5].duration == .seconds(7_200))
        #expect(faults[7].factor == 2.5 && faults[7].nodes.isEmpty)
        #expect(faults[9].depth == 6)
        #expect(faults[10].delay == .milliseconds(200) && faults[10].duration == .seconds(600))
        #expect(faults[10].nodes == [1] && faults[10].channel == topology.channels[0].shortChannelID)
        #expect(topology.faultCounts.map(\.count) == Array(repeating: 1, count: 11))
    }

    @Test func `a tower watches for all and asks nothing where the file does not say`() throws {
        let topology = try read(Self.file("watchtower: {reward_permille: 0}"))
        #expect(topology.watchtower == Topology.Watchtower(nodes: [0, 1, 2], rewardPermille: 0))
        #expect(try read(Self.file("")).watchtower == nil)
    }

    @Test func `stress can leave faults out`() throws {
        var topology = try read(Self.file(Self.befalling("kind: hold, node: carol, at: 1h")))
        topology.leaveOutFaults()
        #expect(topology.faults.isEmpty && topology.plannedFaults(until: .seconds(36_000)).isEmpty)
    }

    // MARK: When they happen

    @Test func `a fault at a time befalls each of its nodes, however late that is`() throws {
        let topology = try read(
            Self.file(Self.befalling("kind: offline, node: [carol, alice], at: 20h, for: 1h")))
        let planned = topology.plannedFaults(until: .seconds(36_000))
        #expect(planned.map(\.node) == [0, 2])
        #expect(planned.allSatisfy { $0.start == 72_000_000_000 && $0.end == 75_600_000_000 })
    }

    @Test func `a rate is that of each node, and each fault draws for itself`() throws {
        let rates = "{kind: disconnect, node: all, rate_per_day: 480, for: 1s}"
        let alone = try read(Self.file("faults:\n  - \(rates)"))
        let planned = alone.plannedFaults(until: .seconds(864_000))
        // 3 nodes, 10 days: 14,400 on average, within four standard deviations.
        #expect(abs(planned.count - 14_400) < 480)
        #expect(planned == planned.sorted { ($0.start, $0.node ?? -1) < ($1.start, $1.node ?? -1) })
        #expect(planned.allSatisfy { $0.end == $0.start + 1_000_000 && $0.start < 864_000_000_000 })
        let both = try read(Self.file("faults:\n  - \(rates)\n  - {kind: reorg, rate_per_day: 10, depth: 1}"))
        let others = both.plannedFaults(until: .seconds(864_000)).filter { $0.fault == 0 }
        #expect(others == planned)
        #expect(planned != (try reseeded(rates)))
    }

    private func reseeded(_ rates: String) throws -> [Topology.PlannedFault] {
        try read(Self.file("seed: 2\nfaults:\n  - \(rates)")).plannedFaults(until: .seconds(864_000))
    }

    // MARK: Profiles

    @Test func `a profile gives the figures that the file does not`() throws {
        let bitcoin = try read(Self.file(""))
        #expect(bitcoin.layerOne.profile?.name == "bitcoin" && bitcoin.layerOne.hasFeeMarket)
        #expect(bitcoin.channels[0].limits.toSelfDelay == 144)
        #expect(bitcoin.channels[0].limits.feeratePerKiloweight == 2_000)
        let liquid = try read(Self.file("", layerOne: "{profile: liquid}"))
        #expect(liquid.layerOne.blockInterval == .seconds(60) && liquid.layerOne.hasRegularBlocks)
        #expect(liquid.layerOne.confirmations == 2 && liquid.channels[0].limits.toSelfDelay == 1_440)
        #expect(bitcoin.layerOne.exitDelay == .zero)
        let rollup = try read(Self.file("", layerOne: "{profile: optimistic-rollup}"))
        #expect(rollup.layerOne.exitDelay == .seconds(7 * 86_400))
        let quick = try read(Self.file("", layerOne: "{profile: zk-rollup, exit_delay: 1h}"))
        #expect(quick.layerOne.exitDelay == .seconds(3_600))
        let own = try read(
            Self.file(
                "defaults: {to_self_delay: 10, feerate_per_kw: 300}",
                layerOne: "{profile: ethereum, block_interval: 6s, confirmations: 1, block_weight: 50_000}"))
        #expect(own.layerOne.blockInterval == .seconds(6) && own.layerOne.confirmations == 1)
        #expect(own.layerOne.blockWeight == 50_000 && own.layerOne.hasRegularBlocks)
        #expect(own.channels[0].limits.toSelfDelay == 10)
        #expect(own.channels[0].limits.feeratePerKiloweight == 300)
    }

    @Test func `a fixed rate takes the place of the market, and without a profile there is none`() throws {
        let fixed = try read(Self.file("", layerOne: "{profile: bitcoin, feerate_sat_per_vbyte: 7}"))
        #expect(!fixed.layerOne.hasFeeMarket && fixed.layerOne.feeratePerVirtualByte == 7)
        let plain = try read(Self.file("", layerOne: "{confirmations: 3}"))
        #expect(!plain.layerOne.hasFeeMarket && plain.layerOne.profile == nil)
        #expect(plain.channels[0].limits.feeratePerKiloweight == 2_500)
    }

    // MARK: Mistakes

    struct Mistake: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var text: String
        var says: String
        var line: Int

        init(_ name: String, _ text: String, says: String, line: Int = 11) {
            (testDescription, self.text, self.says, self.line) = (name, text, says, line)
        }
    }

    static let mistakes = [
        Mistake("a fault that is none", file("faults:\n  - 5"), says: "expected a fault as a mapping"),
        Mistake("no list", file("faults: {kind: cheat}"), says: "expected a list", line: 10),
        Mistake(
            "too many", file("faults: [" + Array(repeating: "1", count: 10_001).joined(separator: ",") + "]"),
            says: "10001 faults; at most 10000", line: 10),
        Mistake(
            "no kind", file(befalling("at: 1h")), says: "a fault lacks 'kind', such as offline or cheat"),
        Mistake(
            "an unknown kind", file(befalling("kind: cheet, at: 1h")),
            says: "'kind': expected one of offline, disconnect, stale-backup, cheat, force-close, hold, "),
        Mistake(
            "a key nobody knows", file(befalling("kind: cheat, node: bob, att: 1h")),
            says: "unknown key 'att' in a fault; did you mean 'at'?"),
        Mistake(
            "a key of another kind", file(befalling("kind: offline, node: bob, at: 1h, for: 1h, depth: 2")),
            says: "'depth': a fault of the kind offline has no such key, but 'node', 'for'"),
        Mistake(
            "a node of layer 1", file(befalling("kind: reorg, node: bob, at: 1h, depth: 2")),
            says: "'node': a fault of the kind reorg has no such key, but 'depth'"),
        Mistake(
            "nobody", file(befalling("kind: cheat, at: 1h")), says: "a fault of the kind cheat lacks 'node'"),
        Mistake(
            "no one at all", file(befalling("kind: cheat, at: 1h, node: []")),
            says: "'node': it befalls nobody"),
        Mistake(
            "a stranger", file(befalling("kind: cheat, at: 1h, node: crol")),
            says: "unknown node 'crol'; did you mean 'carol'?"),
        Mistake(
            "no length", file(befalling("kind: offline, at: 1h, node: bob")),
            says: "a fault of the kind offline lacks 'for', how long it lasts"),
        Mistake(
            "an outage without end", file("watchtower: {}\n" + befalling("kind: watchtower-outage, at: 1h")),
            says: "lacks 'for'", line: 12),
        Mistake(
            "no time", file(befalling("kind: cheat, node: bob")),
            says: "a fault needs either 'at' or 'rate_per_day'"),
        Mistake(
            "two times", file(befalling("kind: cheat, node: bob, at: 1h, rate_per_day: 1")),
            says: "a fault needs either 'at' or 'rate_per_day'"),
        Mistake(
            "no rate", file(befalling("kind: cheat, node: bob, rate_per_day: 0")),
            says: "'rate_per_day': expected a positive number"),
        Mistake(
            "all the time", file(befalling("kind: disconnect, node: all, for: 1s, rate_per_day: 10000000")),
            says: "faults and changes of policies come to about 91,666,667 events in all, some 14 GB"),
        Mistake(
            "a channel that is not there",
            file(befalling("kind: cheat, node: bob, at: 1h, short_channel_id: 9x9x9")),
            says: "'short_channel_id': "),
        Mistake(
            "somebody else's channel",
            file(befalling("kind: cheat, node: alice, at: 1h, short_channel_id: 0x2x0")),
            says: "'short_channel_id': the channel 0x2x0 is none of the node's"),
        Mistake(
            "a backup of no age", file(befalling("kind: stale-backup, node: bob, at: 1h, for: 1h")),
            says: "a stale backup lacks 'age', how old what was saved is"),
        Mistake(
            "a jitter of no length", file(befalling("kind: latency-jitter, node: bob, at: 1h, for: 1h")),
            says: "a latency jitter lacks 'delay', by how much messages are late on average"),
        Mistake(
            "a jitter of more than a minute",
            file(befalling("kind: latency-jitter, node: bob, at: 1h, for: 1h, delay: 61s")),
            says: "'delay': '61s' is too long"),
        Mistake(
            "a spike without a market",
            file(befalling("kind: fee-spike, at: 1h, factor: 2"), layerOne: "{confirmations: 3}"),
            says: "nobody bids for block space here; 'layer_1' needs a 'profile' and no fixed rate"),
        Mistake(
            "a spike beside a fixed rate",
            file(
                befalling("kind: fee-spike, at: 1h, factor: 2"),
                layerOne: "{profile: bitcoin, feerate_sat_per_vbyte: 1}"),
            says: "nobody bids for block space here"),
        Mistake(
            "a spike of no height", file(befalling("kind: fee-spike, at: 1h")),
            says: "a fee spike needs 'factor', from 1 to 1000"),
        Mistake(
            "a spike beyond all measure", file(befalling("kind: fee-spike, at: 1h, factor: 1001")),
            says: "a fee spike needs 'factor', from 1 to 1000"),
        Mistake(
            "a reorganisation of nothing", file(befalling("kind: reorg, at: 1h")),
            says: "a reorg lacks 'depth', 1 to 6 blocks"),
        Mistake(
            "a reorganisation too deep", file(befalling("kind: reorg, at: 1h, depth: 7")),
            says: "'depth': 7 is too large; at most 6"),
        Mistake(
            "a reorganisation that the chain does not have",
            file(befalling("kind: reorg, at: 1h, depth: 3"), layerOne: "{profile: ethereum}"),
            says: "'depth': ethereum undoes 2 blocks at the most"),
        Mistake(
            "no tower to be out", file(befalling("kind: watchtower-outage, at: 1h, for: 1h")),
            says: "'kind': there is no watchtower; 'watchtower' describes one"),
        Mistake(
            "a tower of a stranger", file("watchtower: {nodes: [alcie]}"),
            says: "unknown node 'alcie'; did you mean 'alice'?", line: 10),
        Mistake(
            "a greedy tower", file("watchtower: {reward_permille: 1001}"),
            says: "'reward_permille': 1001 is too large; at most 1000", line: 10),
        Mistake(
            "a tower's unknown key", file("watchtower: {node: all}"),
            says: "unknown key 'node' in 'watchtower'; did you mean 'nodes'?", line: 10),
        Mistake(
            "an unknown profile", file("", layerOne: "{profile: bitcion}"),
            says:
                "'profile': expected one of bitcoin, liquid, ethereum, optimistic-rollup, zk-rollup, found 'bitcion'; did you mean 'bitcoin'?",
            line: 3),
    ]

    @Test(arguments: mistakes)
    func `a mistake ends in one line with its place`(_ mistake: Mistake) throws {
        let error = try #require(
            fault(Array(mistake.text.utf8)), "the file was accepted")
        #expect(error.message.contains(mistake.says), "\(error)")
        #expect(error.description.hasPrefix("t.yaml:\(mistake.line): "), "\(error)")
        #expect(!error.description.contains("\n") && error.description.utf8.count < 400)
    }
}
