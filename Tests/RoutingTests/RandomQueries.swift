import LightningTypes

@testable import Routing

/// SplitMix64 (Steele, Lea, Flood 2014): a test's own stream, the same on every machine.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
    mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }
    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}

/// What is made hard in a generated graph.
enum Nastiness: CaseIterable {
    /// Mostly zero fees and no bounds: ties everywhere.
    case plateaus
    /// Minimums and maximums within a few fees of the amount.
    case tightBounds
    /// Figures nobody means, up to the largest the protocol can say.
    case absurd
    /// All of it, with limits on hops, time and fees.
    case everything
}

extension Query {
    /// A multigraph of 2 to 6 nodes and up to 12 channels, with a query on it.
    static func random(_ nastiness: Nastiness, seed: UInt64) -> Query {
        var random = SeededGenerator(seed: seed)
        let nodeCount = 2 + random.below(5)
        let amount: UInt64 =
            nastiness == .absurd
            ? random.pick([1, 1_000_000, 1 << 40, 2_100_000_000_000_000_000])
            : random.pick([1, 7, 1_000, 1_000_000])
        var channels: [ChannelGraph.Channel] = []
        for index in 0..<(1 + random.below(12)) {
            let node1 = random.below(nodeCount)
            let node2 = (node1 + 1 + random.below(nodeCount - 1)) % nodeCount
            channels.append(
                ChannelGraph.Channel(
                    node1: Int32(min(node1, node2)), node2: Int32(max(node1, node2)),
                    shortChannelID: ShortChannelID(UInt64(index * 3)),
                    capacity: random.oneIn(6)
                        ? Satoshi(amount / 1_000 + UInt64(random.below(3))) : .supplyMaximum,
                    policy1: policy(nastiness, amount, &random), policy2: policy(nastiness, amount, &random),
                    isOpen: !random.oneIn(15)))
        }
        let source = random.below(nodeCount)
        var request = RouteRequest(
            source: Int32(source),
            destination: Int32((source + 1 + random.below(nodeCount - 1)) % nodeCount),
            amount: Millisatoshi(amount), hopsMaximum: 255, cltvMaximum: .max)
        var query = Query(nodeCount: nodeCount, channels: channels, request: request)
        if nastiness == .everything {
            request.hopsMaximum = 1 + random.below(6)
            request.cltvMaximum = UInt32(random.pick([30, 60, 200, 2_016]))
            if random.oneIn(3) { request.feeMaximum = Millisatoshi(UInt64(random.below(20))) }
            query.request = request
        }
        if random.oneIn(3) {
            query.excluded = (0..<2).map { _ in
                DirectionIndex(channel: random.below(channels.count), from: random.pick([.first, .second]))
            }
        }
        if random.oneIn(3) {
            query.spendable = (0..<2 * channels.count).map { _ in
                Millisatoshi(random.oneIn(3) ? amount + UInt64(random.below(4)) - 1 : 4 * amount)
            }
        }
        return query
    }

    private static func policy(
        _ nastiness: Nastiness, _ amount: UInt64, _ random: inout SeededGenerator
    ) -> ChannelPolicy? {
        if random.oneIn(8) { return nil }
        var policy = ChannelPolicy(
            baseFee: Millisatoshi(random.pick([0, 0, 0, 1, 2, 3])),
            proportionalFee: random.pick([0, 0, 0, 1, 500, 1_000]),
            cltvExpiryDelta: random.pick([0, 10, 40, 144]), isDisabled: random.oneIn(15),
            htlcMaximum: Millisatoshi(.max))
        if nastiness == .absurd {
            policy.baseFee = Millisatoshi(random.pick([0, 1, 1_000, 1 << 24, (1 << 32) - 1, 1 << 32]))
            policy.proportionalFee = random.pick([0, 1, 1_000_000, 1 << 31, .max])
            policy.cltvExpiryDelta = random.pick([0, 40, .max])
        }
        if nastiness == .tightBounds || nastiness == .everything {
            let near = { (random: inout SeededGenerator) in
                Millisatoshi(amount + UInt64(random.below(9)) - min(amount, 1))
            }
            if random.oneIn(2) { policy.htlcMinimum = near(&random) }
            if random.oneIn(2) { policy.htlcMaximum = near(&random) }
        }
        return policy
    }
}
