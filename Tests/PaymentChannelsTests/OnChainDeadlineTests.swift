import LightningTypes
import Testing

@testable import PaymentChannels

@Suite struct `The deadline for going on chain` {
    private func pair() throws -> ChannelPair {
        let pair = ChannelPair(.free(), alice: sat(500_000))
        try pair.add(sat(1_000), from: .first, payment: 1, expiry: BlockHeight(100))
        try pair.add(sat(1_000), from: .first, payment: 2, expiry: BlockHeight(90))
        try pair.add(sat(1_000), from: .second, payment: 3, expiry: BlockHeight(70))
        try pair.add(sat(1_000), from: .second, payment: 4, expiry: BlockHeight(10))
        return pair
    }

    private func deadline(
        _ peer: Peer, _ deadlines: OnChainDeadlines = .standard, knowing known: Set<UInt64> = []
    ) -> UInt32? {
        peer.channel.onChainDeadline(deadlines, in: peer.pool) { known.contains($0) }?.rawValue
    }

    @Test func `is none without HTLCs`() {
        #expect(deadline(ChannelPair(.free(), alice: sat(1)).alice) == nil)
    }

    @Test func `lies after the expiry of what was offered`() throws {
        let pair = try pair()
        #expect(deadline(pair.alice) == 92)
        #expect(deadline(pair.alice, OnChainDeadlines(grace: 5, fulfillment: 18)) == 95)
        // What Bob received does not press him while he knows no preimage; what he offered expires at 70 and 10.
        #expect(deadline(pair.bob) == 12)
    }

    @Test func `lies before the expiry of what was received and can be fulfilled`() throws {
        let pair = try pair()
        #expect(deadline(pair.alice, knowing: [3]) == 52)
        #expect(deadline(pair.alice, knowing: [3, 4]) == 0, "too late already")
        // Fulfilled, and not committed yet.
        pair.resolve(.fulfilled, by: .first)
        #expect(deadline(pair.alice) == 52)
        pair.resolve(.failed, by: .first)
        #expect(deadline(pair.alice, knowing: [4]) == 52, "a failed HTLC presses nobody")
        try pair.settle()
        #expect(deadline(pair.alice) == 92)
    }
}
