import Testing
import Topologies

@testable import PaymentNetwork

/// A node that opens several channels at once pays for one with the change of another.
struct FundingOrderTests {
    /// A second opening of alice's begins a little after the first, and its peer is nearer.
    private func network(_ seed: UInt64) throws -> Topology {
        var network = try topology(
            """
            millrace: 1
            seed: \(seed)
            duration: 1h
            nodes: [alice, bob, carol]
            channels:
              - {from: alice, to: bob, capacity_sat: 1_000_000}
              - {from: bob, to: carol, capacity_sat: 1_000_000}
            traffic: [{from: alice, to: carol, rate_per_hour: 60, amount_sat: 1000}]
            churn: {channels_opened_per_day: 100_000}
            """)
        try network.drawChurn(until: .seconds(600))
        return network
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func `a funding transaction is broadcast after those it spends from`(seed: UInt64) throws {
        let network = try network(seed)
        let result = try NetworkSimulation(network, settings: RunSettings()).run()
        #expect(result.chain.channelsOpened > 500)
        #expect(result.chain.channelsOpened + result.chain.openingsRefused == UInt64(network.channels.count))
    }

    @Test func `a run goes on from a state in which one waits for another`() throws {
        let network = try network(1)
        let whole = try NetworkSimulation(network, settings: RunSettings()).run()
        var states: [[UInt8]] = []
        let simulation = try NetworkSimulation(network, settings: RunSettings())
        _ = simulation.advance(batch: 64) {
            let waits = simulation.simulation.models[0].fundingTransactions.keys.contains {
                simulation.world.channels[Int($0.rawValue)].phase == .awaitingReady
            }
            if waits, states.count < 3 { states.append(simulation.state()) }
            return states.count == 3
        }
        #expect(!states.isEmpty)
        for state in states {
            let resumed = try NetworkSimulation(network, settings: RunSettings(), resuming: state)
            #expect(try resumed.run().digest == whole.digest)
        }
    }
}
