import LightningTypes
import Testing
import Topologies

@testable import PaymentNetwork

/// Runs in which nodes cheat, lose their data or keep HTLCs, towers answer, links break and blocks are undone, taken up
/// again and again: what is known only inside a dispute, a reorganisation or a grace time has to be in the state too.
/// A digest does not see what is only counted, so everything that a run tells is compared.
@Suite struct `A run with faults that lives many lives` {
    enum Trouble: String, CaseIterable, Sendable {
        case cheats, lateClaims, keptHTLCs, lostData, brokenLinks, market, circulation, changingPolicies
    }

    private func network(_ trouble: Trouble) throws -> Topology {
        let lines =
            switch trouble {
            case .cheats:
                // Ben and Clara are away; the tower is out when Clara is cheated, comes back in time for Ben, and is
                // undone; Anna answers herself. Blocks without room make penalties wait.
                """
                duration: 2h
                layer_1: {regular_blocks: true}
                defaults: {capacity_sat: 1_000_000, to_self_delay: 60, anchors: false}
                nodes: [mallory, anna, ben, clara, dave]
                channels:
                  - {from: mallory, to: anna, standing: true, balance_sat: 990_000, short_channel_id: 8x1x0}
                  - {from: mallory, to: ben, standing: true, balance_sat: 990_000, short_channel_id: 8x2x0}
                  - {from: mallory, to: clara, standing: true, balance_sat: 990_000, short_channel_id: 8x3x0}
                  - {from: mallory, to: dave, standing: true, balance_sat: 990_000, short_channel_id: 8x4x0}
                traffic:
                  - {from: mallory, to: [anna, ben, clara, dave], rate_per_hour: 25, amount_sat: {from: 4_000, to: 12_000}}
                watchtower: {nodes: [ben, clara], reward_permille: 100}
                faults:
                  - {kind: hold, node: [ben, clara], at: 110m, for: 20h}
                  - {kind: offline, node: [ben, clara, dave], at: 3h, for: 5d}
                  - {kind: watchtower-outage, at: 115m, for: 90m}
                  - {kind: cheat, node: mallory, short_channel_id: 8x1x0, at: 4h}
                  - {kind: cheat, node: mallory, short_channel_id: 8x2x0, at: 4h}
                  - {kind: cheat, node: mallory, short_channel_id: 8x4x0, at: 4h}
                  - {kind: empty-blocks, at: 245m, for: 1h}
                  - {kind: reorg, at: 330m, depth: 4}
                  - {kind: reorg, at: 400m, depth: 6}
                  - {kind: watchtower-outage, at: 9h, for: 30h}
                  - {kind: cheat, node: mallory, short_channel_id: 8x3x0, at: 10h}
                """
            case .lateClaims:
                // As in `LateClaimTests`: preimages are told, and the chain gives the HTLCs back all the same.
                """
                duration: 1h
                layer_1: {regular_blocks: true}
                payments: {final_cltv_expiry_delta: 40}
                defaults: {capacity_sat: 2_000_000, max_accepted_htlcs: 5, anchors: false, policy: {cltv_expiry_delta: 40}}
                nodes: [payer, router, payee]
                channels:
                  - {from: payer, to: router, standing: true, balance_sat: 1_900_000}
                  - {from: router, to: payee, standing: true, balance_sat: 1_900_000}
                traffic:
                  - {from: payer, to: payee, rate_per_hour: 100, amount_sat: 20_000}
                faults:
                  - {kind: hold, node: payee, at: 0s, for: 14399995ms}
                  - {kind: force-close, node: payee, at: 14400000ms}
                  - {kind: empty-blocks, at: 252m, for: 4h}
                """
            case .keptHTLCs:
                // Payees keep HTLCs until they expire, on channels with anchors, whose claims need coins; some learn
                // that they are paid while they are cut off. Blocks are undone while all that is settled.
                """
                duration: 2h
                warmup: 20m
                layer_1: {regular_blocks: true, feerate_sat_per_vbyte: 12}
                payments: {split: halving, commitment_interval: 200ms}
                defaults: {capacity_sat: 800_000, to_self_delay: 20, policy: {base_fee_msat: 1000, cltv_expiry_delta: 40}}
                nodes:
                  - {name: ada, wallet_sat: 3_000_000}
                  - {name: ben, wallet_sat: 3_000_000}
                  - {name: cyd, wallet_sat: 3_000_000}
                  - {name: dan, wallet_sat: 3_000_000}
                channels:
                  - {from: ada, to: ben, standing: true, balance_sat: 700_000}
                  - {from: ben, to: cyd, standing: true, balance_sat: 700_000}
                  - {from: cyd, to: dan, standing: true}
                  - {from: dan, to: ada, standing: true}
                  - {from: ada, to: cyd, opens_at: 5m, push_sat: 200_000}
                  - {from: ben, to: dan, capacity_sat: 400_000, opens_at: 10m, push_sat: 90_000, closes_at: 100m}
                traffic:
                  - {rate_per_hour: 60, amount_sat: {from: 2_000, to: 90_000}}
                faults:
                  - {kind: hold, node: cyd, at: 60m, for: 90m}
                  - {kind: disconnect, node: cyd, at: 70m, for: 30h}
                  - {kind: hold, node: dan, at: 80m}
                  - {kind: force-close, node: ben, at: 90m}
                  - {kind: reorg, at: 130m, depth: 3}
                  - {kind: reorg, at: 420m, depth: 5}
                  - {kind: empty-blocks, at: 440m, for: 40m}
                """
            case .lostData:
                """
                duration: 2h
                layer_1: {regular_blocks: true}
                defaults: {capacity_sat: 900_000, to_self_delay: 20, anchors: false}
                nodes: [ada, ben, cyd, dan]
                channels:
                  - {from: ada, to: ben, standing: true, balance_sat: 500_000}
                  - {from: ben, to: cyd, standing: true, balance_sat: 500_000}
                  - {from: cyd, to: dan, standing: true, balance_sat: 500_000}
                traffic:
                  - {rate_per_hour: 60, amount_sat: {from: 2_000, to: 60_000}}
                faults:
                  - {kind: stale-backup, node: ben, at: 60m, for: 10m, age: 20m}
                  - {kind: stale-backup, node: dan, at: 65m, for: 15m, age: 30m}
                  - {kind: hold, node: ada, at: 30m, for: 40m, outcome: fail}
                """
            case .brokenLinks:
                // Links that break in the middle of an update and deliver late, payments in parts, blocks undone before a
                // channel is open, and closings by agreement that wait for their HTLCs.
                """
                duration: 20m
                warmup: 2m
                layer_1: {block_interval: 30s, regular_blocks: true, confirmations: 4}
                payments: {commitment_interval: 2s, split: halving}
                latency: {floor: 20ms}
                defaults: {capacity_sat: 500_000, max_accepted_htlcs: 4, policy: {base_fee_msat: 1000, cltv_expiry_delta: 40}}
                nodes: [ada, ben, cyd, dan]
                channels:
                  - {from: ada, to: ben, standing: true, balance_sat: 250_000}
                  - {from: ben, to: cyd, standing: true, balance_sat: 250_000, closes_at: 12m}
                  - {from: cyd, to: dan, opens_at: 1m, push_sat: 200_000}
                  - {from: dan, to: ada, standing: true, balance_sat: 250_000}
                traffic:
                  - {rate_per_hour: 700, amount_sat: {from: 2_000, to: 200_000}}
                faults:
                  - {kind: disconnect, node: ben, rate_per_day: 3_000, for: 4s}
                  - {kind: latency-jitter, node: all, at: 3m, for: 10m, delay: 2s}
                  - {kind: reorg, at: 150s, depth: 2}
                  - {kind: hold, node: dan, at: 9m, for: 5m, delay: 20s}
                """
            case .market:
                """
                duration: 3h
                layer_1: {profile: bitcoin, block_interval: 60s}
                defaults: {capacity_sat: 700_000, to_self_delay: 12}
                nodes: [ada, ben, cyd]
                channels:
                  - {from: ada, to: ben, standing: true, balance_sat: 350_000}
                  - {from: ben, to: cyd, standing: true, balance_sat: 350_000}
                traffic:
                  - {rate_per_hour: 30, amount_sat: {from: 2_000, to: 60_000}}
                faults:
                  - {kind: fee-spike, at: 20m, factor: 8}
                  - {kind: force-close, node: ben, at: 40m}
                  - {kind: reorg, at: 44m, depth: 3}
                """
            case .circulation:
                """
                duration: 6m
                defaults: {capacity_sat: 900_000, policy: {base_fee_msat: 1000, cltv_expiry_delta: 40}}
                nodes: [ada, ben, cyd, dan]
                channels:
                  - {from: ada, to: ben, standing: true, balance_sat: 450_000}
                  - {from: ben, to: cyd, standing: true, balance_sat: 450_000}
                  - {from: cyd, to: dan, standing: true, balance_sat: 450_000}
                traffic:
                  - rate_per_hour: 600
                    amount_sat: {from: 2_000, to: 60_000}
                    circulation: {spend: 0.3, give_back: 0.2, swap: 0.4, swap_nodes: [cyd], after: 20s}
                """
            case .changingPolicies: ""
            }
        if trouble == .changingPolicies {
            // Payers learn of policies by their failures, and routers honour former ones for a while.
            var network = try changingNetwork(grace: "2s")
            network.duration = .seconds(15)
            return network
        }
        return try topology("millrace: 1\nseed: 1\n" + lines, name: "\(trouble).yaml")
    }

    /// Thrown away and restored so often on its way, in another number of shards each time: at instants spread over its
    /// events, most of which are payments, or over its time, most of which passes on the chain.
    private func result(of topology: Topology, lives: UInt64, _ whole: NetworkSimulation, byTime: Bool) throws
        -> String
    {
        let notebook = Notebook()
        let (events, time) = (whole.eventCount, whole.simulatedTime)
        var state: [UInt8]?
        for life in 1..<lives {
            let simulation = try NetworkSimulation(
                topology, settings: RunSettings(), recorder: notebook, shardCount: Int(life % 3) + 1,
                resuming: state)
            let lookahead = simulation.world.lookahead
            let end = byTime ? time / lives * life / lookahead * lookahead : .max
            _ = simulation.advance(batch: 1, until: end) {
                !byTime && simulation.eventCount >= events * life / lives
            }
            try RecordBuffer.deliver(simulation.simulation.models, to: notebook)
            state = simulation.state()
        }
        let last = try NetworkSimulation(
            topology, settings: RunSettings(), recorder: notebook, resuming: state)
        return story(try last.run(), notebook)
    }

    @Test(arguments: Trouble.allCases, [false, true])
    func `ends with the same result as one that was never stopped`(trouble: Trouble, byTime: Bool) throws {
        let topology = try network(trouble)
        let notebook = Notebook()
        let whole = try NetworkSimulation(topology, settings: RunSettings(), recorder: notebook)
        let expected = story(try whole.run(), notebook)
        // A market's past is simulated anew in every life.
        let lives: UInt64 = trouble == .market ? 4 : byTime ? 90 : 40
        let found = try result(of: topology, lives: lives, whole, byTime: byTime)
        #expect(found == expected, "\(firstDifference(found, expected))")
    }
}
