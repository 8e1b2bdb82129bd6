import LightningTypes
import PaymentChannels
import Testing
import Topologies

@testable import PaymentNetwork

/// A ring of four on a market that moves within minutes, commitments slow enough for links to break in between.
func movingFees(
    seed: UInt64, anchors: Bool = true, layerOne: String = "{profile: bitcoin, block_interval: 30s}",
    faults: String = ""
) throws -> Topology {
    try topology(
        """
        millrace: 1
        seed: \(seed)
        duration: 4h
        balances: even
        layer_1: \(layerOne)
        payments: {commitment_interval: 5s}
        defaults: {capacity_sat: 1_000_000, anchors: \(anchors), policy: {cltv_expiry_delta: 80}}
        nodes: [ada, ben, cyd, dan]
        channels:
          - {from: ada, to: ben, standing: true}
          - {from: ben, to: cyd, standing: true}
          - {from: cyd, to: dan, standing: true}
          - {from: dan, to: ada, standing: true}
          - {from: ada, to: cyd, opens_at: 20m, closes_at: 150m}
        traffic:
          - {rate_per_hour: 60, amount_sat: {from: 500, to: 100_000}}
        \(faults)
        """)
}

let flickering = """
    faults:
      - {kind: disconnect, node: ada, rate_per_day: 3000, for: 5s}
      - {kind: fee-spike, at: 90m, factor: 10}
      - {kind: offline, node: ben, at: 100m, for: 30m}
      - {kind: force-close, node: cyd, at: 170m}
      - {kind: latency-jitter, node: dan, rate_per_day: 100, for: 5m, delay: 2s}
    """

@Suite struct `Commitments of a run with a fee market` {
    private func updates(_ result: RunResult) -> UInt64 {
        result.messages.first { $0.name == "update_fee" }?.count ?? 0
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>, [false, true])
    func `follow it, to one digest however the run is made`(seed: UInt64, anchors: Bool) throws {
        for faults in ["", flickering] {
            let network = try movingFees(seed: seed, anchors: anchors, faults: faults)
            let result = try run(network)
            #expect(updates(result) > 0)
            var settings = RunSettings()
            settings.threads = 2
            #expect(try run(network, settings, shards: 3).digest == result.digest)
            // A hundred times the work.
            guard seed <= 2 else { continue }
            settings.signatures = .eager
            #expect(try run(network, settings, shards: 5).digest == result.digest)
        }
    }

    /// Of channels that stay open, both ends' rates at the end of a run.
    private func rates(_ network: Topology) throws -> [UInt32] {
        let simulation = try NetworkSimulation(network, settings: RunSettings(), shardCount: 1)
        _ = try simulation.run()
        return (0..<4).map { channel in
            let first = simulation.world.channels[2 * channel].terms.feeratePerKiloweight
            #expect(first == simulation.world.channels[2 * channel + 1].terms.feeratePerKiloweight)
            #expect(!simulation.world.channels[2 * channel].isFeeUnderWay)
            return first
        }
    }

    @Test func `pay 10 sat a virtual byte at the most with anchors, and what the market asks for without`()
        throws
    {
        let spike = "faults: [{kind: fee-spike, at: 170m, factor: 50}]"
        #expect(try rates(movingFees(seed: 1, faults: spike)).allSatisfy { $0 == 2_500 })
        #expect(try rates(movingFees(seed: 1, anchors: false, faults: spike)).allSatisfy { $0 > 5_000 })
    }

    @Test func `stay as they were without a market`() throws {
        let layer = "{profile: bitcoin, feerate_sat_per_vbyte: 3}"
        let network = try movingFees(seed: 1, layerOne: layer)
        #expect(try updates(run(network)) == 0)
        #expect(try rates(network).allSatisfy { $0 == 2_000 })
    }

    /// BOLT 2: the receiver of a rate that is "too low for timely processing, or is unreasonably large" fails the
    /// channel; a funder that follows the rule proposes none.
    @Test(arguments: [
        (252, "feerateOutOfRange(252)"), (450_000, "feerateOutOfRange"),
    ])
    func `are told no rate that would end their channel`(feerate: UInt64, says: String) throws {
        let simulation = try NetworkSimulation(movingFees(seed: 1), settings: RunSettings(), shardCount: 1)
        simulation.simulation.models[0].tamper = { message, _ in
            if message.kind == .updateFee { message.amount = feerate }
            return true
        }
        #expect { try simulation.run() } throws: { "\($0)".contains(says) }
    }

    /// Ada, who pays, has spent all but what she must keep; no peer may be told a rate she cannot pay.
    @Test func `follow it as far as the funder's money goes`() throws {
        let network = try topology(
            """
            millrace: 1
            duration: 4h
            layer_1: {profile: bitcoin, block_interval: 30s}
            nodes: [ada, ben]
            channels:
              - {from: ada, to: ben, capacity_sat: 60_000, standing: true, balance_sat: 60_000, anchors: false, feerate_per_kw: 253}
            traffic:
              - {from: ada, to: ben, rate_per_hour: 600, amount_sat: 500}
            faults: [{kind: fee-spike, at: 60m, factor: 50}]
            """)
        let simulation = try NetworkSimulation(network, settings: RunSettings(), shardCount: 1)
        let result = try simulation.run()
        #expect(updates(result) > 0)
        let channel = simulation.world.channels[0]
        let kept = Satoshi(
            channel.terms.channelReserve.rawValue
                + channel.terms.commitmentFee(untrimmedHTLCs: 0).rawValue)
        #expect(channel.terms.feeratePerKiloweight > 253 && channel.local.ours >= Millisatoshi(kept))
    }
}
