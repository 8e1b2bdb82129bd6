import Testing
import Topologies

@testable import PaymentNetwork

/// The fee market as the timeline shows it.
struct HourlyFeerateTests {
    /// A channel that stays open, and a payment an hour: nobody wants anything of layer 1. Seed 1.
    private func network(layerOne: String, faults: String = "") throws -> Topology {
        try topology(
            """
            millrace: 1
            duration: 20h
            layer_1: \(layerOne)
            nodes: [alice, bob]
            channels:
              - {from: alice, to: bob, capacity_sat: 1_000_000, standing: true, balance_sat: 900_000}
            traffic:
              - {from: alice, to: bob, rate_per_hour: 4, amount_sat: 100}
            \(faults)
            """)
    }

    private func feerates(_ topology: Topology) throws -> [UInt64] {
        try run(topology).timeline.map(\.feeratePerKiloweight)
    }

    @Test func `without a market it is the fixed rate`() throws {
        let rates = try feerates(network(layerOne: "{feerate_sat_per_vbyte: 3}"))
        #expect(rates.count >= 19 && rates.allSatisfy { $0 == 750 })
    }

    @Test func `with a market it is that of each hour, though nobody waited for its blocks`() throws {
        let rates = try feerates(network(layerOne: "{profile: bitcoin}"))
        #expect(rates.count >= 19 && rates.allSatisfy { $0 >= 253 })
        #expect(Set(rates).count > 1)
    }

    /// Blocks that come before the spike know nothing of it, even where they are looked at after it.
    @Test func `a spike raises rates from its time on`() throws {
        let calm = try feerates(network(layerOne: "{profile: bitcoin}"))
        let spiked = try feerates(
            network(
                layerOne: "{profile: bitcoin}", faults: "faults: [{kind: fee-spike, at: 15h, factor: 50}]"))
        #expect(spiked.count == calm.count)
        #expect(spiked[..<15] == calm[..<15])
        #expect(spiked[17] > 4 * calm[17], "\(spiked) \(calm)")
    }

    @Test func `blocks that somebody waited for give the same rates`() throws {
        let calm = try feerates(network(layerOne: "{profile: bitcoin}"))
        // Nothing confirms but the closing: it is the demand of everybody else that makes the rates.
        let closing = try feerates(
            network(
                layerOne: "{profile: bitcoin}", faults: "faults: [{kind: force-close, node: alice, at: 19h}]")
        )
        #expect(closing[..<19] == calm[..<19])
    }
}
