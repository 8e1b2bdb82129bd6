import LightningTypes
import Testing

@testable import Topologies

struct StandingTests {
    /// Opened by the first node in order and by the second, with and without something pushed, and two that stand.
    private static let text = """
        millrace: 1
        nodes: [{name: ann, wallet_sat: 9_000_000}, bob]
        channels:
          - {from: ann, to: bob, capacity_sat: 100_000}
          - {from: ann, to: bob, capacity_sat: 200_000, opens_at: 20h, closes_at: 30h, push_sat: 50_000}
          - {from: bob, to: ann, capacity_sat: 300_000, opens_at: 1h, push_sat: 60_000}
          - {from: bob, to: ann, capacity_sat: 400_000, standing: true, balance_sat: 70_000, closes_at: 2h}
          - {from: ann, to: bob, capacity_sat: 500_000, standing: true}
        """

    @Test func `channels of the run stand open with what their opening puts on either side`() throws {
        let before = try read(Self.text)
        var topology = before
        topology.openFromTheBeginning()
        #expect(topology.channels.allSatisfy { $0.opensAt == nil && $0.closesAt == nil })
        let balances = topology.channels.sorted { $0.capacity < $1.capacity }.map(\.balance1)
        #expect(
            balances == [
                Millisatoshi(100_000_000), Millisatoshi(150_000_000), Millisatoshi(60_000_000),
                Millisatoshi(330_000_000), nil,
            ])
        #expect(topology.channels.map(\.funder) == before.channels.map(\.funder))
        #expect(topology.startingWallets == [.zero, .zero])
    }

    @Test func `a network that stands open stays as it is`() throws {
        let before = try read(row)
        var once = before
        once.openFromTheBeginning()
        var twice = once
        twice.openFromTheBeginning()
        #expect(once.channels == twice.channels && once.nodes == twice.nodes)
    }
}
