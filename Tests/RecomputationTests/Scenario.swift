import Foundation
import PaymentNetwork
import Recomputation
import TortureSuite

/// A small network in which one or two things happen that figures depend on. Seeds are the files'.
struct Scenario: Sendable, CustomStringConvertible {
    var description: String
    var text: String
    /// Of `trace.csv`.
    var trace: String?
    var threads = 1
    var signatures = SignatureMode.lazy

    init(
        _ name: String, threads: Int = 1, signatures: SignatureMode = .lazy, trace: String? = nil,
        _ text: String
    ) {
        description = name
        self.text = "millrace: 1\nname: \(name)\n" + text
        self.trace = trace
        self.threads = threads
        self.signatures = signatures
    }

    func run() throws -> RecomputedRun {
        var settings = RunSettings()
        settings.threads = threads
        settings.signatures = signatures
        return try RecomputedRun(text, trace: trace, name: description, settings: settings)
    }

    /// All of them, each run once.
    static let accounts: [String: Account] = {
        nonisolated(unsafe) var accounts = [Account?](repeating: nil, count: all.count)
        let lock = NSLock()
        DispatchQueue.concurrentPerform(iterations: all.count) { index in
            var account = Account()
            do { account = try all[index].run().recomputed() } catch {
                account = Account(violations: ["\(error)"])
            }
            lock.withLock { accounts[index] = account }
        }
        return Dictionary(uniqueKeysWithValues: zip(all.map(\.description), accounts.map { $0! }))
    }()
}

extension Scenario {
    static let all = calm + moving + disputed

    /// Nobody's policy changes, nothing goes wrong: all is exact but the moments at which HTLCs settle.
    static let calm = [
        Scenario(
            "days",
            """
            seed: 5
            duration: 50h
            warmup: 5h
            layer_1: {block_interval: 10m, regular_blocks: true, feerate_sat_per_vbyte: 20, confirmations: 2}
            latency: {floor: 5ms, fixed: 40ms}
            payments: {commitment_interval: 20ms, channel_lifetime_days: 200}
            defaults: {capacity_sat: 400_000, policy: {base_fee_msat: 700, fee_ppm: 900}}
            groups:
              routers: {members: [mill, weir, lock], wallet_sat: 3_000_000, policy: {fee_ppm: 1_500}}
              people: {members: [alice, bob, carol, dora], wallet_sat: 2_000_000}
            nodes:
              - {name: inn, alias: The Inn, wallet_sat: 1_000_000, policy: {base_fee_msat: 11}}
            channels:
              - {from: alice, to: mill, standing: true, balance_sat: 350_000, opening_cost_sat: 1_234}
              - {from: bob, to: mill, standing: true, balance_sat: 30_000, policy: {fee_ppm: 10}}
              - {from: carol, to: weir, standing: true, balance_sat: 200_000}
              - {from: dora, to: lock, standing: true, balance_sat: 399_000, funder: dora}
              - {from: mill, to: weir, standing: true, balance_sat: 150_000, anchors: false, feerate_per_kw: 253}
              - {from: weir, to: lock, standing: true, balance_sat: 250_000, from_policy: {base_fee_msat: 3}}
              - {from: lock, to: mill, opens_at: 3h, push_sat: 100_000}
              - {from: inn, to: weir, opens_at: 7h, closes_at: 30h}
              - {from: inn, to: mill, capacity_sat: 500_000, opens_at: 9h, push_sat: 120_000, to_policy: none}
              - {from: carol, to: lock, standing: true, balance_sat: 123_456, closes_at: 20h, to_policy: {disabled: true}}
              - {from: dora, to: inn, capacity_sat: 5_000_000, opens_at: 8h}
              - {from: bob, to: inn, capacity_sat: 6_000_000, opens_at: 8h}
              - {from: alice, to: bob, capacity_sat: 3_000, standing: true, balance_sat: 3_000, closes_at: 11h, feerate_per_kw: 253}
            traffic:
              - {from: people, to: [alice, bob, carol, dora, inn], rate_per_hour: 24, amount_sat: {from: 100, to: 40_000}}
            """),
        // Just on this side of every threshold, and just on the other.
        Scenario(
            "thresholds",
            trace: """
                time_seconds,source,destination,amount_msat
                599.999999,a,c,1000000
                600,a,c,1000000
                600.000001,a,c,1000000
                """,
            """
            duration: 2h
            warmup: 10m
            latency: {fixed: 40ms}
            defaults: {capacity_sat: 1_000_000, channel_reserve_sat: 0, feerate_per_kw: 0, anchors: false, policy: {fee_ppm: 100}}
            nodes: [a, b, c, x, y]
            channels:
              - {from: a, to: b, standing: true, balance_sat: 500_000}
              - {from: b, to: c, standing: true, balance_sat: 500_000}
              - {from: x, to: y, standing: true, balance_sat: 10_000}
              - {from: x, to: y, standing: true, balance_sat: 9_999}
              - {from: x, to: y, standing: true, balance_sat: 990_000}
              - {from: x, to: y, standing: true, balance_sat: 990_001}
            trace: trace.csv
            """),
        Scenario(
            "slots",
            """
            seed: 9
            duration: 2m
            latency: {fixed: 30ms}
            payments: {attempts_maximum: 3, channel_lifetime_days: 30}
            balances: even
            layer_1: {exit_delay: 36h}
            defaults: {capacity_sat: 90_000_000, max_accepted_htlcs: 3, policy: {fee_ppm: 300}}
            nodes: [a, b, c, d, e]
            channels:
              - {from: a, to: c, standing: true, max_accepted_htlcs: 483}
              - {from: b, to: c, standing: true, max_accepted_htlcs: 483}
              - {from: c, to: d, standing: true}
              - {from: c, to: e, standing: true, max_htlc_value_in_flight_msat: 900_000_000, max_accepted_htlcs: 483}
            traffic:
              - {from: [a, b], to: [d, e], rate_per_second: 8, amount_sat: {from: 100_000, to: 400_000}}
            """),
        Scenario(
            "halves", threads: 2,
            """
            seed: 3
            duration: 90m
            warmup: 20m
            payments: {split: halving, parts_maximum: 8}
            balances: one-sided
            defaults: {capacity_sat: 300_000, policy: {base_fee_msat: 900, fee_ppm: 2_100}}
            nodes: [a, b, c, d, e, f]
            channels:
              - {from: a, to: b, standing: true}
              - {from: b, to: a, standing: true}
              - {from: a, to: c, standing: true}
              - {from: b, to: d, standing: true}
              - {from: c, to: d, standing: true}
              - {from: c, to: d, standing: true, capacity_sat: 700_000}
              - {from: d, to: e, standing: true}
              - {from: e, to: f, standing: true}
              - {from: f, to: a, standing: true}
              - {from: b, to: e, standing: true}
            traffic:
              - {rate_per_hour: 200, amount_sat: {from: 1_000, to: 250_000}}
            """),
        Scenario(
            "flow", signatures: .eager,
            """
            seed: 4
            duration: 30m
            payments: {split: mcf}
            defaults: {capacity_sat: 300_000, policy: {base_fee_msat: 0, fee_ppm: 800}}
            nodes: [a, b, c, d, e]
            channels:
              - {from: a, to: b, standing: true}
              - {from: a, to: c, standing: true}
              - {from: b, to: d, standing: true}
              - {from: c, to: d, standing: true}
              - {from: d, to: e, standing: true, capacity_sat: 900_000}
              - {from: b, to: c, standing: true}
            traffic:
              - {rate_per_hour: 100, amount_sat: {from: 1_000, to: 200_000}}
            """),
        Scenario(
            "learners", threads: 2,
            """
            seed: 11
            duration: 3h
            warmup: 1h
            layer_1: {profile: optimistic-rollup, feerate_sat_per_vbyte: 2}
            payments: {model: lnd, attempts_maximum: 4}
            defaults: {capacity_sat: 400_000, policy: {fee_ppm: 400}, feerate_per_kw: 500}
            nodes: [a, b, c, d, e, f, g]
            channels:
              - {from: a, to: b, standing: true}
              - {from: b, to: c, standing: true}
              - {from: c, to: d, standing: true}
              - {from: d, to: e, standing: true}
              - {from: e, to: f, standing: true}
              - {from: f, to: g, standing: true}
              - {from: g, to: a, standing: true}
              - {from: b, to: f, standing: true}
              - {from: c, to: g, opens_at: 10m}
            traffic:
              - {rate_per_hour: 300, amount_sat: {mean: 20_000, median: 6_000}}
            """),
        Scenario(
            "kept",
            """
            seed: 21
            duration: 26h
            latency: {fixed: 20ms}
            defaults: {capacity_sat: 600_000, policy: {fee_ppm: 900}}
            nodes: [a, b, c]
            channels:
              - {from: a, to: b, standing: true, balance_sat: 500_000}
              - {from: b, to: c, standing: true, balance_sat: 500_000}
            traffic:
              - {from: a, to: c, rate_per_hour: 30, amount_sat: {from: 1_000, to: 9_000}, starts_at: 22h}
            faults:
              - {kind: hold, node: c, at: 22h, for: 5h, delay: 30m}
            """),
        Scenario(
            "assumed",
            """
            seed: 22
            duration: 3m
            balances: even
            defaults: {capacity_sat: 9_000_000}
            nodes: [a, b, c, d]
            channels:
              - {from: a, to: b, standing: true}
              - {from: b, to: c, standing: true}
              - {from: c, to: d, standing: true}
            traffic: assumed
            """),
    ]

    /// Policies, channels and fees move; nothing goes wrong.
    static let moving = [
        Scenario(
            "dearer",
            """
            seed: 6
            duration: 4h
            latency: {fixed: 50ms}
            payments: {model: ldk}
            defaults: {capacity_sat: 900_000, policy: {fee_ppm: 500}}
            nodes: [a, b, c, d]
            channels:
              - {from: a, to: b, standing: true, balance_sat: 500_000}
              - {from: b, to: c, standing: true, balance_sat: 450_000}
              - {from: c, to: d, standing: true, balance_sat: 400_000}
            policy_changes:
              - {at: 1h, from: b, to: c, policy: {fee_ppm: 2_000}}
              - {at: 2h, from: c, to: b, policy: {base_fee_msat: 5}}
              - {at: 3h, from: c, to: d, policy: {disabled: true}}
            traffic:
              - {from: [a, b], to: [c, d], rate_per_hour: 60, amount_sat: {from: 100, to: 9_000}}
              - {from: d, to: a, rate_per_hour: 60, amount_sat: {from: 100, to: 9_000}}
            """),
        Scenario(
            "churn",
            """
            seed: 8
            duration: 30h
            warmup: 2h
            churn: {channels_opened_per_day: 12, channel_lifetime: 20h, nodes_joining_per_day: 4}
            policy_changes:
              - {rate_per_day: 6, fee_factor: {from: 0.5, to: 2}}
            balances: even
            defaults: {capacity_sat: 800_000, policy: {fee_ppm: 700}}
            nodes: [a, b, c, d, e]
            channels:
              - {from: a, to: b, standing: true}
              - {from: b, to: c, standing: true}
              - {from: c, to: d, standing: true}
              - {from: d, to: e, standing: true}
              - {from: e, to: a, standing: true}
            traffic:
              - {rate_per_hour: 20, amount_sat: {from: 100, to: 30_000}}
            """),
        Scenario(
            "market",
            """
            seed: 12
            duration: 8h
            layer_1: {profile: ethereum, block_interval: 60s}
            balances: even
            defaults: {capacity_sat: 2_000_000, policy: {fee_ppm: 700}}
            nodes: [a, b, c, d]
            channels:
              - {from: a, to: b, standing: true}
              - {from: b, to: c, standing: true}
              - {from: c, to: d, opens_at: 1h, push_sat: 700_000}
              - {from: b, to: d, opens_at: 2h, closes_at: 5h}
            traffic:
              - {from: [a, b], rate_per_hour: 40, amount_sat: {from: 100, to: 30_000}}
            """),
    ]

    static let disputed = [
        Scenario(
            "cheats",
            """
            seed: 1
            duration: 6h
            warmup: 1h
            layer_1: {regular_blocks: true}
            defaults: {capacity_sat: 1_000_000, to_self_delay: 144, policy: {fee_ppm: 600}}
            nodes: [mallory, anna, ben, clara, dave]
            channels:
              - {from: mallory, to: anna, standing: true, balance_sat: 990_000}
              - {from: mallory, to: ben, standing: true, balance_sat: 990_000}
              - {from: mallory, to: clara, standing: true, balance_sat: 990_000}
              - {from: mallory, to: dave, standing: true, balance_sat: 990_000}
            watchtower: {nodes: [ben, clara], reward_permille: 100}
            traffic:
              - {from: mallory, to: [anna, ben, clara, dave], rate_per_hour: 60, amount_sat: {from: 2_000, to: 6_000}}
              - {from: anna, to: dave, rate_per_hour: 20, amount_sat: {from: 20, to: 600}}
            faults:
              - {kind: offline, node: [ben, dave], at: 6h, for: 5d}
              - {kind: cheat, node: mallory, at: 8h}
            """),
        Scenario(
            "held",
            """
            seed: 2
            duration: 5h
            latency: {fixed: 20ms}
            layer_1: {block_interval: 5m, regular_blocks: true, feerate_sat_per_vbyte: 3}
            payments: {final_cltv_expiry_delta: 20}
            defaults: {capacity_sat: 600_000, policy: {fee_ppm: 900, cltv_expiry_delta: 40}}
            nodes: [a, b, c, d]
            channels:
              - {from: a, to: b, standing: true, balance_sat: 500_000}
              - {from: b, to: c, standing: true, balance_sat: 500_000}
              - {from: b, to: d, standing: true, balance_sat: 300_000}
            traffic:
              - {from: a, to: [c, d], rate_per_hour: 20, amount_sat: {from: 1_000, to: 9_000}}
              - {from: d, to: c, rate_per_hour: 10, amount_sat: {from: 1_000, to: 9_000}}
            faults:
              - {kind: hold, node: c, at: 1h, for: 12h}
              - {kind: hold, node: d, at: 30m, for: 90m, delay: 20m}
              - {kind: disconnect, node: c, at: 2h, for: 30h}
            """),
        Scenario(
            "looted",
            """
            seed: 1
            duration: 4m
            layer_1: {block_weight: 8_000, feerate_sat_per_vbyte: 10}
            payments: {final_cltv_expiry_delta: 60}
            defaults: {capacity_sat: 2_000_000, max_accepted_htlcs: 40, anchors: false, policy: {fee_ppm: 100, cltv_expiry_delta: 20}}
            nodes: [source, ada, ben, cyd, dan, sink]
            channels:
              - {from: source, to: ada, standing: true, balance_sat: 1_900_000}
              - {from: source, to: ben, standing: true, balance_sat: 1_900_000}
              - {from: source, to: cyd, standing: true, balance_sat: 1_900_000}
              - {from: source, to: dan, standing: true, balance_sat: 1_900_000}
              - {from: cyd, to: sink, standing: true, balance_sat: 1_900_000}
              - {from: dan, to: sink, standing: true, balance_sat: 1_900_000}
              - {from: ada, to: sink, standing: true, balance_sat: 1_900_000}
              - {from: ben, to: sink, standing: true, balance_sat: 1_900_000}
            traffic:
              - {from: source, to: sink, rate_per_second: 1, amount_sat: 20_000}
            faults:
              - {kind: hold, node: sink, at: 0s, for: 4h}
              - {kind: disconnect, node: source, at: 1h, for: 2d}
            """),
        Scenario(
            "undone",
            """
            seed: 43
            duration: 30h
            layer_1: {profile: bitcoin, confirmations: 1}
            defaults: {capacity_sat: 3_000_000}
            nodes: [prudent, hasty, shop]
            channels:
              - {from: prudent, to: shop, opens_at: 2h}
              - {from: hasty, to: shop, opens_at: 20h}
              - {from: hasty, to: prudent, opens_at: 1h, closes_at: 25h}
            traffic:
              - {from: [prudent, hasty], to: shop, rate_per_hour: 20, amount_sat: 1_000, starts_at: 3h}
            faults:
              - {kind: fee-spike, at: 1211m, factor: 2}
              - {kind: reorg, at: 1255m, depth: 6}
              - {kind: reorg, at: 26h, depth: 3}
              - {kind: stale-backup, node: prudent, at: 28h, for: 20m, age: 3h}
              - {kind: force-close, node: hasty, at: 31h}
            """),
    ]
}
