import Testing
import Topologies

@testable import PaymentNetwork

/// When HTLCs force a channel on chain. Seed 1.
struct DeadlineTests {
    /// Payments whose last HTLC comes exactly 18 blocks before it expires, and blocks every five seconds: one in twenty
    /// or so is being settled while a block comes. The fault is for the deadlines; it comes when all is over.
    @Test func `a block that comes while an HTLC is being settled forces nobody on chain`() throws {
        let result = try run(
            topology(
                """
                millrace: 1
                duration: 1h
                layer_1: {block_interval: 5s, regular_blocks: true}
                payments: {final_cltv_expiry_delta: 18}
                nodes: [alice, bob]
                channels:
                  - {from: alice, to: bob, capacity_sat: 1_000_000, standing: true, balance_sat: 900_000}
                traffic:
                  - {from: alice, to: bob, rate_per_hour: 1200, amount_sat: 100}
                faults:
                  - {kind: disconnect, node: bob, at: 2h, for: 1s}
                """))
        #expect(result.payments.settled > 1_000 && result.payments.failed == 0)
        #expect(result.disputes.isEmpty)
    }

    /// Bob settles what he has kept when Alice is gone; she is back too late.
    @Test func `an HTLC settled with a peer that is gone is claimed on chain before it expires`() throws {
        let result = try run(
            topology(
                """
                millrace: 1
                duration: 10m
                layer_1: {regular_blocks: true}
                payments: {final_cltv_expiry_delta: 40}
                nodes: [alice, bob]
                channels:
                  - {from: alice, to: bob, capacity_sat: 1_000_000, standing: true, balance_sat: 900_000}
                traffic:
                  - {from: alice, to: bob, rate_per_hour: 12, amount_sat: 50_000}
                faults:
                  - {kind: hold, node: bob, at: 0s, for: 1h}
                  - {kind: offline, node: alice, at: 30m, for: 2d}
                """))
        #expect(result.payments.settled == result.payments.attempted && result.payments.settled > 0)
        #expect(result.disputes.unilateralCloses == 1)
        #expect(result.nodeIncome.allSatisfy { $0.principal == 0 })
    }

    /// Bob keeps what comes through Alice for ten minutes and fails it: she had her money in it, and earns nothing.
    @Test func `what a payee keeps and fails comes back to who sent it`() throws {
        let topology = try topology(
            """
            millrace: 1
            duration: 1h
            nodes: [carol, alice, bob]
            channels:
              - {from: carol, to: alice, capacity_sat: 1_000_000, standing: true, balance_sat: 900_000}
              - {from: alice, to: bob, capacity_sat: 1_000_000, standing: true, balance_sat: 900_000}
            traffic:
              - {from: carol, to: bob, rate_per_hour: 12, amount_sat: 50_000}
            faults:
              - {kind: hold, node: bob, at: 0s, for: 2h, delay: 10m, outcome: fail}
            """)
        let notebook = Notebook()
        let result = try NetworkSimulation(topology, settings: RunSettings(), recorder: notebook).run()
        #expect(result.payments.settled == 0 && result.payments.failed > 5)
        #expect(result.failures.map(\.name) == [.incorrectOrUnknownPaymentDetails])
        #expect(result.feesPaid == .zero && result.disputes.isEmpty)
        #expect(notebook.payments.allSatisfy { $0.endedAt - $0.startedAt > 600_000_000 })
    }
}
