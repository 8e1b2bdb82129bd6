import Foundation
import LightningTypes
import Testing

@testable import Routing

struct BeliefTests {
    private let direction = DirectionIndex(6)

    private func satoshis(_ amount: UInt64) -> Millisatoshi { Millisatoshi(Satoshi(amount)) }

    @Test func `a success and a failure bound a channel from both sides, and both directions tell`() {
        var beliefs = Beliefs()
        beliefs.recordSuccess(direction, satoshis(300), at: 100)
        beliefs.recordFailure(direction, satoshis(700), at: 100)
        let bounds = LiquidityBounds(beliefs, at: 100)
        #expect(bounds.bounds(of: direction, capacity: 1_000_000) == (300_000, 700_000))
        #expect(bounds.bounds(of: direction.reversed, capacity: 1_000_000) == (300_000, 700_000))
        #expect(bounds.bounds(of: DirectionIndex(8), capacity: 1_000_000) == (0, 1_000_000))
    }

    @Test func `bounds move half of the way back in a half-life`() {
        var beliefs = Beliefs()
        beliefs.recordSuccess(direction, satoshis(300), at: 100)
        beliefs.recordFailure(direction, satoshis(700), at: 100)
        let bounds = LiquidityBounds(beliefs, at: 1_900).bounds(of: direction, capacity: 1_000_000)
        #expect(abs(Int(bounds.lower) - 150_000) <= 1)
        #expect(abs(Int(bounds.upper) - 850_000) <= 1)
        #expect(
            LiquidityBounds(beliefs, at: .max).bounds(of: direction, capacity: 1_000_000) == (0, 1_000_000))
    }

    @Test func `a success above a failure lifts it, a failure below a success lowers that`() {
        var beliefs = Beliefs()
        beliefs.recordFailure(direction, satoshis(500), at: 10)
        beliefs.recordSuccess(direction, satoshis(600), at: 20)
        #expect(beliefs.entry(direction)?.failure == 601)
        beliefs.recordFailure(direction, satoshis(400), at: 30)
        #expect(beliefs.entry(direction)?.success == 399)
        // Too soon after the last to be believed, and late enough.
        beliefs.recordFailure(direction, satoshis(450), at: 89)
        #expect(beliefs.entry(direction)?.failure == 400)
        beliefs.recordFailure(direction, satoshis(450), at: 90)
        #expect(beliefs.entry(direction)?.failure == 450)
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `agrees with a dictionary, and forgets what is oldest`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var beliefs = Beliefs(directionsMaximum: 30)
        var latest: [UInt32: UInt32] = [:]
        for step in 1...2_000 as ClosedRange<UInt32> {
            let direction = DirectionIndex(UInt32(random.below(60)))
            if latest[direction.rawValue] == nil, latest.count == 30 {
                let oldest = latest.min { ($0.value, $0.key) < ($1.value, $1.key) }!
                latest[oldest.key] = nil
            }
            latest[direction.rawValue] = step * 100
            let amount = satoshis(UInt64(1 + random.below(1_000)))
            if random.oneIn(2) {
                beliefs.recordSuccess(direction, amount, at: step * 100)
            } else {
                beliefs.recordFailure(direction, amount, at: step * 100)
            }
            let entry = beliefs.entry(direction)!
            #expect(entry.failureTime == 0 || entry.success < entry.failure)
        }
        #expect(beliefs.entries.map(\.direction.rawValue) == latest.keys.sorted())
        #expect(beliefs.entries.allSatisfy { latest[$0.direction.rawValue] == $0.latest })
    }

    @Test func `100,000 payers with full memories fit into 1 GB, and empty ones take nothing`() {
        #expect(Beliefs().memorySize <= 16)
        var beliefs = Beliefs()
        for channel in 0..<1_000 {
            beliefs.recordFailure(DirectionIndex(channel: channel, from: .first), satoshis(5), at: 7)
        }
        #expect(beliefs.count == 256)
        #expect(beliefs.memorySize * 100_000 < 700_000_000)
    }

    /// Node 1 forwards over channels 1 and 2; node 0 pays.
    private static let graph: ChannelGraph = {
        let policy = ChannelPolicy(
            baseFee: .zero, proportionalFee: 0, cltvExpiryDelta: 0, htlcMaximum: Millisatoshi(.max))
        let ends: [(Int32, Int32)] = [(0, 1), (1, 2), (1, 3)]
        return ChannelGraph(
            nodeCount: 4,
            channels: ends.enumerated().map { index, ends in
                ChannelGraph.Channel(
                    node1: ends.0, node2: ends.1, shortChannelID: ShortChannelID(UInt64(index)),
                    capacity: Satoshi(1_000_000), policy1: policy, policy2: policy)
            })
    }()

    private func hop(_ channel: Int, _ amount: UInt64) -> HopView {
        Self.graph.view(
            of: RouteHop(
                direction: DirectionIndex(channel: channel, from: .first), amount: satoshis(amount),
                cltvExpiryDelta: 0))
    }

    @Test func `mission control remembers as lnd does`() {
        var beliefs = Beliefs()
        beliefs.recordSuccess(DirectionIndex(channel: 1, from: .first), satoshis(1_000), at: 1_000)
        beliefs.recordFailure(DirectionIndex(channel: 2, from: .first), satoshis(1_000), at: 1_000)
        let now = { MissionControl(beliefs, of: Self.graph, at: $0) }
        let apriori = LNDModel.Estimator.apriori()
        let probability = { (channel: Int, amount: UInt64, seconds: UInt32) in
            now(seconds).probability(of: hop(channel, amount), isFirst: false, by: apriori)
        }
        // What succeeded is believed in; a fresh failure leaves nothing.
        #expect(probability(1, 900, 1_000) == 0.95)
        #expect(abs(probability(2, 1_000, 1_000)) < 1e-12)
        // After an hour, half of what the node is believed to be: (0.6 + 0.95) / (1 + 1 + ½).
        #expect(abs(probability(2, 1_000, 4_600) - 0.5 * (0.6 + 0.95) / 2.5) < 1e-9)
        // Above what succeeded, the node's word counts, with the other channel's failure in it.
        #expect(abs(probability(1, 2_000, 1_000) - 0.6 / 2) < 1e-9)
        let bimodal = LNDModel.Estimator.bimodal()
        #expect(now(1_000).probability(of: hop(1, 900), isFirst: false, by: bimodal) == 1)
        #expect(now(1_000).probability(of: hop(2, 1_000), isFirst: false, by: bimodal) == 0)
        // The payer's own channel.
        #expect(now(1_000).probability(of: hop(0, 900), isFirst: true, by: bimodal) == 1)
        #expect(now(1_000).probability(of: hop(0, 900), isFirst: true, by: apriori) == 0.95)
    }

    /// lnd's bimodal estimator, integrated in small steps: the density e^(−x/s) + e^((x−c)/s) + 1/c between what is
    /// known, which fades over a week; after a week what the node's other channels did counts for a fifth, fading too.
    @Test(arguments: [303_400, 605_799, 605_800, 1_210_600] as [UInt32], [1, 2])
    func `mission control fades as lnd's does`(seconds: UInt32, channel: Int) {
        var beliefs = Beliefs()
        beliefs.recordSuccess(DirectionIndex(channel: 1, from: .first), satoshis(100_000), at: 1_000)
        beliefs.recordFailure(DirectionIndex(channel: 2, from: .first), satoshis(600_000), at: 1_000)
        let control = MissionControl(beliefs, of: Self.graph, at: seconds)
        let (scale, capacity, amount) = (3e8, 1e9, 4e8)
        let fading = Foundation.exp(-Double(seconds - 1_000) / 604_800)
        let lower = channel == 1 ? 1e8 * fading : 0
        let upper = channel == 2 ? capacity - (capacity - 6e8) * fading : capacity
        func mass(_ from: Double, _ to: Double) -> Double {
            let step = (to - from) / 10_000
            return (0..<10_000).reduce(0) { sum, index in
                let x = from + (Double(index) + 0.5) * step
                return sum + step
                    * (Foundation.exp(-x / scale) + Foundation.exp((x - capacity) / scale) + 1 / capacity)
            }
        }
        let direct = mass(amount, upper) / mass(lower, upper)
        let share = seconds >= 605_800 ? 0.2 * fading : 0
        let expected = (direct + (channel == 2 ? share : 0)) / (1 + share)
        let found = control.probability(of: hop(channel, 400_000), isFirst: false, by: .bimodal())
        #expect(abs(found - expected) < 1e-6)
    }

    @Test(arguments: [RoutingModel.ldk, .lnd, .lndBimodal, .lndExact])
    func `a payer who learned avoids the channel that refused`(model: RoutingModel) throws {
        let policy = { (fee: UInt64) in
            ChannelPolicy(
                baseFee: Millisatoshi(fee), proportionalFee: 0, cltvExpiryDelta: 0,
                htlcMaximum: Millisatoshi(.max))
        }
        let graph = ChannelGraph(
            nodeCount: 3,
            channels: [(0, 1, 0), (1, 2, 0), (1, 2, 9_000)].enumerated().map { index, channel in
                ChannelGraph.Channel(
                    node1: channel.0, node2: channel.1, shortChannelID: ShortChannelID(UInt64(index)),
                    capacity: Satoshi(1_000_000), policy1: policy(UInt64(channel.2)), policy2: nil)
            })
        let request = RouteRequest(source: 0, destination: 2, amount: satoshis(5_000))
        let search = RouteSearch(for: graph)
        #expect(try search.route(request, in: graph, by: model).hops[1].direction.channel == 1)
        var beliefs = Beliefs()
        beliefs.recordFailure(DirectionIndex(channel: 1, from: .first), satoshis(5_000), at: 50)
        let route = try search.route(request, in: graph, by: model, beliefs: beliefs, at: 51)
        #expect(route.hops[1].direction.channel == 2)
    }
}
