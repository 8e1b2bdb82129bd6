import LightningTypes
import Testing
import Topologies

@testable import PaymentNetwork

/// HTLCs whose preimage was told and that the chain gave back all the same. Seed 1.
struct LateClaimTests {
    /// Five HTLCs wait at the payee, which tells their preimages and goes on chain before they are removed; then miners
    /// take nothing until they have expired.
    private func network() throws -> Topology {
        try topology(
            """
            millrace: 1
            duration: 1h
            layer_1: {regular_blocks: true}
            payments: {final_cltv_expiry_delta: 40}
            defaults: {capacity_sat: 2_000_000, max_accepted_htlcs: 5, anchors: false, policy: {cltv_expiry_delta: 40}}
            nodes: [payer, router, payee]
            channels:
              - {from: payer, to: router, standing: true, balance_sat: 1_900_000}
              - {from: router, to: payee, standing: true, balance_sat: 1_900_000}
            traffic:
              - {from: payer, to: payee, rate_per_second: 1, amount_sat: 20_000}
            faults:
              - {kind: hold, node: payee, at: 0s, for: 14399995ms}
              - {kind: force-close, node: payee, at: 14400000ms}
              - {kind: empty-blocks, at: 252m, for: 4h}
            """)
    }

    @Test func `a payee that tells preimages and claims too late loses the payments to the router`() throws {
        let topology = try network()
        let result = try run(topology)
        #expect(result.payments.settled == 5)
        #expect(result.disputes.unilateralCloses > 0)
        let router = try #require(topology.nodes.firstIndex { $0.id == "router" })
        // It has what the payer paid, and has not paid it on.
        #expect(result.nodeIncome[router].principal == 5 * 20_001_020)
        let payee = try #require(topology.nodes.firstIndex { $0.id == "payee" })
        #expect(result.nodeIncome[payee].net <= 0)
        for shards in [2, 3] { #expect(try run(topology, shards: shards).digest == result.digest) }
    }
}
