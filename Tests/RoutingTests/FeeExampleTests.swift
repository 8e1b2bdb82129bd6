import LightningTypes
import Testing

@testable import Routing

/// BOLT 7, "Routing Example": four nodes A, B, C, D in a square.
struct FeeExampleTests {
    /// Channels A-B, B-C, C-D, D-A; every node asks its own fee in both its channels.
    static let graph: ChannelGraph = {
        let policies = [(100, 1_000, 10), (200, 2_000, 20), (300, 3_000, 30), (400, 4_000, 40)].map {
            ChannelPolicy(
                baseFee: Millisatoshi($0.0), proportionalFee: UInt32($0.1), cltvExpiryDelta: UInt16($0.2),
                htlcMaximum: Millisatoshi(10_000_000_000))
        }
        let ends: [(Int32, Int32)] = [(0, 1), (1, 2), (2, 3), (0, 3)]
        return ChannelGraph(
            nodeCount: 4,
            channels: ends.enumerated().map { index, ends in
                ChannelGraph.Channel(
                    node1: ends.0, node2: ends.1, shortChannelID: ShortChannelID(UInt64(index + 1)),
                    capacity: Satoshi(10_000_000), policy1: policies[Int(ends.0)],
                    policy2: policies[Int(ends.1)])
            })
    }()

    /// 18 blocks for the invoice and the example's shadow route of 42.
    func request(from source: Int32) -> RouteRequest {
        RouteRequest(
            source: source, destination: 2, amount: Millisatoshi(4_999_999), finalCLTVExpiryDelta: 18 + 42)
    }

    @Test func `A sends 5,010,198 msat over B`() throws {
        let route = try RouteSearch(for: Self.graph).cheapestRoute(request(from: 0), in: Self.graph)
        #expect(route.hops.map(\.amount.rawValue) == [5_010_198, 4_999_999])
        #expect(route.hops.map(\.cltvExpiryDelta) == [80, 60])
        #expect(route.totalFee == Millisatoshi(10_199))
    }

    @Test func `A sends 5,020,398 msat over D when B is excluded`() throws {
        let route = try RouteSearch(for: Self.graph).cheapestRoute(
            request(from: 0), in: Self.graph, excluding: [DirectionIndex(channel: 1, from: .first)])
        #expect(route.hops.map(\.amount.rawValue) == [5_020_398, 4_999_999])
        #expect(route.hops.map(\.cltvExpiryDelta) == [100, 60])
        #expect(route.totalFee == Millisatoshi(20_399))
    }

    @Test func `B pays no fee on its own channel`() throws {
        let route = try RouteSearch(for: Self.graph).cheapestRoute(request(from: 1), in: Self.graph)
        #expect(
            route.hops == [
                RouteHop(
                    direction: DirectionIndex(channel: 1, from: .first), amount: Millisatoshi(4_999_999),
                    cltvExpiryDelta: 60)
            ])
    }
}
