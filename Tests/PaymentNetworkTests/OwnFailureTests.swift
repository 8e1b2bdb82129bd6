import Testing
import Topologies

@testable import PaymentNetwork

/// Why a payment never left its payer.
@Suite struct `A payment without a route` {
    /// Two ways whose second halves run dry, while the payer has enough for all of it.
    private func parallelWays(_ rule: String, payerHas balance: Int = 10_000_000) throws -> Topology {
        try topology(
            """
            millrace: 1
            duration: 10h
            latency: {fixed: 50ms}
            payments: {\(rule)}
            nodes:
              - s
              - {name: cheap, policy: {base_fee_msat: 100, fee_ppm: 100}}
              - {name: dear, policy: {base_fee_msat: 500, fee_ppm: 1_000}}
              - d
            defaults: {channel_reserve_sat: 0, dust_limit_sat: 0, feerate_per_kw: 0, anchors: false, capacity_sat: 10_000_000}
            channels:
              - {from: s, to: cheap, standing: true, balance_sat: \(balance)}
              - {from: cheap, to: d, standing: true, balance_sat: 2_000_000}
              - {from: s, to: dear, standing: true, balance_sat: \(balance)}
              - {from: dear, to: d, standing: true, balance_sat: 1_000_000}
            traffic:
              - {from: s, to: d, rate_per_hour: 100, amount_sat: 10_000}
            """)
    }

    @Test(arguments: ["model: lnd", "model: lnd-bimodal", "split: mcf"])
    func `that its payer believes in has none, whatever the payer has`(rule: String) throws {
        let network = try parallelWays(rule)
        let result = try run(network)
        let names = result.failures.map(\.name)
        #expect(names.contains(.noRoute) && !names.contains(.insufficientLocalBalance), "\(names)")
        var settings = RunSettings()
        settings.threads = 2
        #expect(try run(network, settings, shards: 3).digest == result.digest)
    }

    @Test(arguments: ["model: cheapest-fee", "model: lnd", "model: ldk", "split: halving", "split: mcf"])
    func `for want of its payer's balance says so`(rule: String) throws {
        let result = try run(parallelWays(rule, payerHas: 5_000))
        // Two parts of 5,000 would do but for their fees.
        #expect(result.failures.map(\.name) == [.insufficientLocalBalance])
        #expect(result.payments.routable == 0)
    }

    @Test(arguments: ["offline", "disconnect"], ["a", "hub"])
    func `has none while its payer is not connected`(kind: String, node: String) throws {
        let network = try topology(
            """
            millrace: 1
            duration: 6h
            latency: {fixed: 50ms}
            nodes: [a, hub, b]
            defaults: {capacity_sat: 2_000_000}
            channels:
              - {from: a, to: hub, standing: true, balance_sat: 1_500_000}
              - {from: hub, to: b, standing: true, balance_sat: 1_500_000}
            traffic:
              - {from: a, to: b, rate_per_hour: 60, amount_sat: 1_000}
            faults:
              - {kind: \(kind), node: \(node), at: 1h, for: 2h}
            """)
        let result = try run(network)
        let names = result.failures.map(\.name)
        #expect(names.contains(.noRoute) && !names.contains(.insufficientLocalBalance), "\(names)")
        #expect(result.payments.settled > 100)
        var settings = RunSettings()
        settings.threads = 2
        #expect(try run(network, settings, shards: 3).digest == result.digest)
    }
}
