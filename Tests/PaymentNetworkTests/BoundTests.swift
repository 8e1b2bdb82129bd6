import LightningTypes
import Testing
import Topologies

@testable import PaymentNetwork

/// What a bound still allows and what is one beyond it, in runs of one route: ada, ben, cyd.
@Suite struct `A bound` {
    private func network(
        _ policy: String = "", payments: String = "", amount: String = "50_000", faults: [String] = [],
        closing: String = ""
    ) throws -> Topology {
        var lines = """
            millrace: 1
            seed: 1
            duration: 1h
            layer_1: {regular_blocks: true}
            payments: {attempts_maximum: 1\(payments)}
            defaults:
              {capacity_sat: 2_000_000, anchors: false, policy: {base_fee_msat: 0, fee_ppm: 0, cltv_expiry_delta: 40\(policy)}}
            nodes: [ada, ben, cyd]
            channels:
              - {from: ada, to: ben, standing: true, balance_sat: 1_900_000\(closing)}
              - {from: ben, to: cyd, standing: true, balance_sat: 1_900_000}
            traffic:
              - {from: ada, to: cyd, rate_per_hour: 20, amount_sat: \(amount)}
            """
        if !faults.isEmpty { lines += "\nfaults:\n" + faults.map { "  - {\($0)}" }.joined(separator: "\n") }
        return try topology(lines)
    }

    private func settles(_ topology: Topology) throws -> Bool {
        let counts = try run(topology).payments
        #expect(counts.settled == 0 || counts.failed == 0)
        return counts.settled > 0
    }

    /// A router wants more than three blocks to claim (BOLT 2: it must not offer what expires at once), and lets money be
    /// locked for two weeks.
    @Test func `of how soon and how far away an HTLC may expire`() throws {
        func delivers(_ final: Int, _ delta: Int) throws -> Bool {
            var topology = try network(payments: ", final_cltv_expiry_delta: \(final)")
            for index in topology.channels.indices {
                topology.channels[index].policy1?.cltvExpiryDelta = UInt16(delta)
            }
            return try settles(topology)
        }
        // A payer adds a block.
        #expect(try !delivers(2, 40) && delivers(3, 40))
        #expect(try delivers(2_015, 0) && !delivers(2_016, 0))
    }

    @Test func `of what a channel's policy lets through`() throws {
        #expect(try settles(network(", htlc_maximum_msat: 50_000_000")))
        #expect(try !settles(network(", htlc_maximum_msat: 49_999_999")))
        #expect(try settles(network(", htlc_minimum_msat: 50_000_000")))
        #expect(try !settles(network(", htlc_minimum_msat: 50_000_001")))
    }

    /// A share of the amount, but of small ones a fixed fee.
    @Test func `of what a payer is ready to pay`() throws {
        func pays(_ fee: Int) throws -> Bool {
            let limits = ", fee_limit_ppm: 1_000, fee_limit_minimum_msat: 5_000"
            var topology = try network(payments: limits, amount: "100")
            topology.channels[1].policy1?.baseFee = Millisatoshi(UInt64(fee))
            return try settles(topology)
        }
        #expect(try pays(5_000) && !pays(5_001))
    }

    private func commitmentHeights(_ topology: Topology) throws -> [UInt32] {
        let notebook = Notebook()
        var settings = RunSettings()
        settings.paymentsMaximum = 1
        _ = try NetworkSimulation(topology, settings: settings, recorder: notebook).run()
        return notebook.transactions.filter { $0.kind == .commitment }.map(\.height)
    }

    /// The payment starts in block 0, so that its last HTLC expires at 19 and the one before it at 59.
    @Test func `of when a channel goes on chain`() throws {
        // Cyd keeps it: two blocks of grace after it expired, and a block to be confirmed in.
        let kept = try network(faults: ["kind: hold, node: cyd, at: 0s"])
        #expect(try commitmentHeights(kept) == [19 + 2 + 1])
        // Ben knows the preimage and cannot tell Ada: 15 blocks before it expires.
        let cut = try network(faults: [
            "kind: hold, node: cyd, at: 0s, for: 30m", "kind: disconnect, node: ada, at: 10m, for: 60h",
        ])
        #expect(try commitmentHeights(cut) == [59 - 15 + 1])
    }

    /// Its funding is in block 1, after ten minutes, and has so many confirmations some blocks later.
    @Test(arguments: [1, 4] as [UInt64])
    func `of when a new channel can be used`(confirmations: UInt64) throws {
        let topology = try topology(
            """
            millrace: 1
            duration: 90m
            layer_1: {regular_blocks: true, confirmations: \(confirmations)}
            nodes: [ada, ben]
            channels:
              - {from: ada, to: ben, capacity_sat: 2_000_000, opens_at: 1s}
            traffic:
              - {from: ada, to: ben, rate_per_hour: 600, amount_sat: 1_000}
            """)
        let notebook = Notebook()
        _ = try NetworkSimulation(topology, settings: RunSettings(), recorder: notebook).run()
        let first = try #require(notebook.payments.filter { $0.failure == nil }.map(\.startedAt).min())
        let ready = confirmations * 600_000_000
        #expect((ready..<ready + 180_000_000).contains(first), "after \(first) µs")
    }

    /// Where blocks may be undone, a closing is booked once six blocks lie on its own.
    @Test(arguments: [false, true])
    func `of how deep a closing lies before it is believed`(hasFaults: Bool) throws {
        let faults = hasFaults ? ["kind: disconnect, node: cyd, at: 1m, for: 1s"] : []
        let topology = try network(faults: faults, closing: ", closes_at: 50m")
        let notebook = Notebook()
        let simulation = try NetworkSimulation(topology, settings: RunSettings(), recorder: notebook)
        #expect(try simulation.run().chain.channelsClosed == 1)
        let closing = try #require(notebook.transactions.first { $0.kind == .closing })
        for side in Side.allCases {
            let closedAt = simulation.world.booked(DirectionIndex(channel: 0, from: side)).capital.closedAt
            #expect(closedAt / 600_000_000 == UInt64(closing.height) + (hasFaults ? 6 : 0))
        }
    }
}
