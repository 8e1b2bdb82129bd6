import LightningTypes
import Testing

@testable import Topologies

/// What `inspect` says of a network that can be counted by hand: a triangle with a tail, and a node on its own.
struct DescriptionTests {
    private func description() throws -> GraphDescription {
        try read(
            """
            millrace: 1
            nodes: [a, b, c, d, alone]
            channels:
              - {from: a, to: b, capacity_sat: 1_000_000, policy: {fee_ppm: 10}}
              - {from: b, to: c, capacity_sat: 2_000_000, policy: {fee_ppm: 20}}
              - {from: a, to: c, capacity_sat: 4_000_000, from_policy: {fee_ppm: 30}, to_policy: none}
              - {from: a, to: d, capacity_sat: 9_000_000, standing: true, policy: {fee_ppm: 40, disabled: true}}
            """
        ).describe()
    }

    @Test func `counts channels, directions and leaves`() throws {
        let network = try description()
        #expect(network.nodes == 5 && network.channels == 4)
        #expect(network.openedChannels == 3 && network.standingChannels == 1)
        #expect(network.channelsBothWays == 3 && network.channelsOneWay == 1)
        #expect(network.directionsWithPolicy == 7 && network.disabledDirections == 2)
        #expect(network.nodesWithoutPolicy == 1 && network.leaves == 1)
        #expect(network.weaklyConnectedComponents == 2 && network.largestStronglyConnectedComponent == 3)
    }

    /// By the nearest rank: of n values the p-th percentile is number ⌈n p ÷ 100⌉.
    @Test func `gives the middle of capacities and the places of sorted lists`() throws {
        let network = try description()
        #expect(network.capacityTotal == Satoshi(16_000_000))
        #expect(network.capacityMedian == Satoshi(3_000_000))
        // 0, 1, 2, 2, 3: the second, third, fourth and fifth.
        let degree = network.degree
        #expect((degree.p25, degree.p50, degree.p75, degree.p90) == (1, 2, 2, 3))
        #expect((degree.p99, degree.maximum) == (3, 3))
        // 10, 10, 20, 20, 30: enabled directions alone.
        let fees = network.proportionalFeePPM
        #expect((fees.p25, fees.p50, fees.p75, fees.p90) == (10, 20, 20, 30))
    }
}
