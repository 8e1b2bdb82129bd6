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
        var settings = RunSettings()
        settings.measuresUse = true
        settings.paymentsMaximum = 1
        let simulation = try NetworkSimulation(network, settings: settings)
        _ = try simulation.run()
        let use = try #require(simulation.liquidityUse)
        #expect(use.slots == [1, 0, 1, 0])
        #expect(use.lockedMaximum == 100_100_000 + 100_000_000)
    }

    @Test func `changes no result`() throws {
        var settings = RunSettings()
        let plain = try run(busyNetwork(), settings)
        settings.measuresUse = true
        let measured = try NetworkSimulation(busyNetwork(), settings: settings)
        #expect(try measured.run().digest == plain.digest)
        let use = try #require(measured.liquidityUse)
        #expect(use.slots.contains { $0 > 1 } && use.lockedMaximum > 0)
        #expect(try NetworkSimulation(busyNetwork(), settings: RunSettings()).liquidityUse == nil)
    }
}
