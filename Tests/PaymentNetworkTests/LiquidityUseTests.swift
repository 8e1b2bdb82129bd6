import LightningTypes
import Testing
import Topologies

@testable import PaymentNetwork

@Suite struct `The use of liquidity` {
    /// One payment over two channels: for a moment its HTLCs lie in both, and no more than one in either.
    @Test func `is what HTLCs take up at once`() throws {
        let network = try topology(
            """
            millrace: 1
            nodes: [a, b, c]
            channels:
              - {from: a, to: b, capacity_sat: 1_000_000, standing: true, balance_sat: 900_000}
              - {from: b, to: c, capacity_sat: 1_000_000, standing: true, balance_sat: 900_000, policy: {base_fee_msat: 0, fee_ppm: 1000}}
            traffic:
              - {from: a, to: c, rate_per_hour: 1000, amount_sat: 100_000}
            """)
        let use = try use(of: network, payments: 1)
        #expect(use.slots == [1, 0, 1, 0])
        #expect(use.lockedMaximum == 100_100_000 + 100_000_000 && use.countMaximum == 2)
        #expect(use.locked == 0 && use.count == 0)
    }

    private func use(of network: Topology, payments: UInt64, rateFactor: Double = 1) throws -> LiquidityUse {
        var settings = RunSettings()
        settings.measuresUse = true
        settings.paymentsMaximum = payments
        settings.rateFactor = rateFactor
        let simulation = try NetworkSimulation(network, settings: settings)
        _ = try simulation.run()
        return try #require(simulation.liquidityUse)
    }

    /// What an HTLC brings is offered back before that HTLC is irrevocably removed: the money lies in the new one
    /// alone.
    @Test(arguments: [1.0, 1_000, 6_000, 60_000, 6_000_000])
    func `of a channel is its capacity at the most, however fast money goes to and fro`(rateFactor: Double)
        throws
    {
        var network = try oneChannel(balance: 500_000, amount: 100_000)
        network.duration = nil
        let use = try use(of: network, payments: 1_000, rateFactor: rateFactor)
        #expect(use.lockedMaximum <= 1_000_000_000 && use.countMaximum <= 10)
        if rateFactor >= 60_000 { #expect(use.lockedMaximum == 1_000_000_000 && use.countMaximum == 10) }
        #expect(use.locked == 0 && use.count == 0)
    }

    /// The money of an HTLC that failed is offered again as soon as its offerer may: for three HTLCs there is room.
    @Test func `counts what comes back once, whatever fails`() throws {
        let network = try topology(
            """
            millrace: 1
            nodes: [a, b, c]
            channels:
              - {from: a, to: b, capacity_sat: 1_000_000, standing: true, balance_sat: 1_000_000}
              - {from: b, to: c, capacity_sat: 1_000_000, standing: true, balance_sat: 0, policy: {base_fee_msat: 0, fee_ppm: 0}}
            traffic:
              - {from: a, to: c, rate_per_second: 1000, amount_sat: 300_000}
            """)
        let use = try use(of: network, payments: 2_000)
        #expect(use.lockedMaximum == 900_000_000 && use.countMaximum == 3 && use.slots[0] == 3)
        #expect(use.locked == 0 && use.count == 0)
    }

    @Test func `changes no result`() throws {
        var settings = RunSettings()
        let plain = try run(busyNetwork(), settings)
        settings.measuresUse = true
        let measured = try NetworkSimulation(busyNetwork(), settings: settings)
        #expect(try measured.run().digest == plain.digest)
        let use = try #require(measured.liquidityUse)
        #expect(use.slots.contains { $0 > 1 } && use.lockedMaximum > 0)
        #expect(use.locked == 0 && use.count == 0)
        #expect(try NetworkSimulation(busyNetwork(), settings: RunSettings()).liquidityUse == nil)
    }
}
