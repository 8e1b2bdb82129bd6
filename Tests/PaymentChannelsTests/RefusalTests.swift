import LightningTypes
import Testing

@testable import PaymentChannels

@Suite struct `An offer is refused` {
    private func refusal(_ pair: ChannelPair, _ amount: Millisatoshi, from side: Side = .first)
        -> HTLCRefusal?
    {
        do throws(HTLCRefusal) {
            try pair.offer(amount, from: side)
            return nil
        } catch {
            return error
        }
    }

    @Test func `while the channel is not open`() throws {
        let terms = ChannelTerms.free()
        var channel = Channel(terms: terms, isFunder: true, ours: sat(500_000), phase: .planned)
        #expect(channel.refusal(of: sat(1)) == .notUsable(.planned) && channel.spendable == .zero)
        try channel.beginOpening()
        #expect(channel.refusal(of: sat(1)) == .notUsable(.opening) && channel.capital == .zero)
        try channel.fund()
        #expect(channel.refusal(of: sat(1)) == .notUsable(.awaitingReady) && channel.capital == sat(500_000))
        try channel.sendReady()
        #expect(channel.refusal(of: sat(1)) == .notUsable(.awaitingReady), "one channel_ready is not both")
        try channel.receiveReady()
        #expect(channel.refusal(of: sat(1)) == nil && channel.isUsable)
        channel.stopOffering()
        #expect(channel.refusal(of: sat(1)) == .notUsable(.normal) && channel.spendable == .zero)

        let pair = ChannelPair(terms, alice: sat(500_000))
        pair.shutdown(by: .first)
        #expect(refusal(pair, sat(1)) == .notUsable(.shuttingDown))
        try pair.settle()
        #expect(refusal(pair, sat(1), from: .second) == .notUsable(.shuttingDown))
    }

    @Test func `above the balance, and not at it`() {
        let pair = ChannelPair(.free(), alice: sat(1_000))
        #expect(refusal(pair, sat(1_000) + Millisatoshi(1)) == .insufficientBalance(spendable: sat(1_000)))
        #expect(refusal(pair, sat(1_000)) == nil)
        #expect(pair.alice.channel.spendable == .zero)
    }

    @Test func `below the reserve`() {
        let pair = ChannelPair(.free(reserve: 10_000), alice: sat(50_000))
        #expect(refusal(pair, sat(40_001)) == .insufficientBalance(spendable: sat(40_000)))
        #expect(refusal(pair, sat(40_000)) == nil)
    }

    /// A fee spike buffer: twice the fee with this HTLC and one more, and both anchors, stay with the funder.
    @Test func `where the funder would lose its fee spike buffer`() {
        let terms = ChannelTerms.free(reserve: 1_000, feerate: 2_500, anchors: true)
        let pair = ChannelPair(terms, alice: sat(100_000))
        let kept: UInt64 = 1_000 + 2 * 330 + 2 * (2_500 * (1_124 + 2 * 172) / 1_000)
        #expect(pair.alice.channel.spendable == sat(100_000 - kept))
        #expect(
            refusal(pair, sat(100_000 - kept + 1)) == .insufficientBalance(spendable: sat(100_000 - kept)))
        #expect(refusal(pair, sat(100_000 - kept)) == nil)
    }

    /// Of the two commitments, the one with more HTLC outputs decides.
    @Test func `where the funder could pay for the peer's commitment but not for its own`() throws {
        let pair = ChannelPair(.free(feerate: 2_500), alice: sat(100_000))
        let before = pair.alice.channel.spendable
        try pair.offer(sat(10_000), from: .second)
        try pair.deliver(to: .first)
        // Bob's HTLC is in Alice's next commitment and not in Bob's yet.
        #expect(pair.alice.channel.remote.untrimmedCount == 0 && pair.alice.channel.local.untrimmedCount == 1)
        #expect(before == pair.alice.channel.spendable + sat(2 * 172 * 2_500 / 1_000))
    }

    @Test func `where its funder, the peer, could not pay for it above its reserve`() {
        let terms = ChannelTerms.free(reserve: 1_000, feerate: 2_500, anchors: true)
        let needed: UInt64 = 1_000 + 2 * 330 + 2_500 * (1_124 + 172) / 1_000
        let poor = ChannelPair(terms, alice: sat(needed - 1))
        #expect(refusal(poor, sat(2_000), from: .second) == .peerCannotPayFee)
        #expect(poor.bob.channel.spendable == .zero)
        let able = ChannelPair(terms, alice: sat(needed))
        #expect(refusal(able, sat(2_000), from: .second) == nil)
        #expect(refusal(able, sat(2_000), from: .second) == .peerCannotPayFee)
    }

    @Test func `where more would be in flight than allowed`() throws {
        let pair = ChannelPair(.free(inFlight: sat(5_000)), alice: sat(500_000))
        #expect(pair.alice.channel.spendable == sat(5_000))
        try pair.add(sat(3_000), from: .first)
        #expect(refusal(pair, sat(2_001)) == .tooMuchInFlight(room: sat(2_000)))
        #expect(refusal(pair, sat(2_000), from: .second) == nil, "each direction has its own limit")
        #expect(refusal(pair, sat(2_000)) == nil)
    }

    @Test func `where more HTLCs would be pending than allowed`() throws {
        let pair = ChannelPair(.free(slots: 2), alice: sat(500_000))
        for _ in 0..<2 { try pair.add(sat(1), from: .first) }
        #expect(refusal(pair, sat(1)) == .tooManyHTLCs && pair.alice.channel.spendable == .zero)
        #expect(refusal(pair, sat(1), from: .second) == nil)

        // The slot is free once the removal is committed in the peer's commitment, not before.
        pair.resolve(.failed, by: .second)
        try pair.deliver(to: .first)
        #expect(refusal(pair, sat(1)) == .tooManyHTLCs)
        try pair.settle()
        #expect(refusal(pair, sat(1)) == nil)
    }
}

@Suite struct `A channel's life` {
    @Test func `goes from the plan to the closing and allows nothing out of order`() throws {
        var channel = Channel(terms: .free(), isFunder: true, ours: sat(1), phase: .planned)
        #expect(throws: ProtocolViolation.unexpectedMessage(.planned)) { try channel.fund() }
        #expect(throws: ProtocolViolation.unexpectedMessage(.planned)) { try channel.sendReady() }
        #expect(throws: ProtocolViolation.unexpectedMessage(.planned)) { try channel.receiveShutdown() }
        #expect(throws: ProtocolViolation.unexpectedMessage(.planned)) { try channel.beginClosing() }
        try channel.beginOpening()
        #expect(throws: ProtocolViolation.unexpectedMessage(.opening)) { try channel.beginOpening() }
        try channel.fund()
        try channel.sendReady()
        try channel.receiveReady()
        try channel.receiveReady()
        #expect(channel.phase == .normal, "a channel_ready that comes again is ignored")
        #expect(!channel.canCommit && channel.isQuiet && channel.isFunded)
        channel.sendShutdown()
        #expect(throws: ProtocolViolation.unexpectedMessage(.shuttingDown)) { try channel.beginClosing() }
        try channel.receiveShutdown()
        #expect(throws: ProtocolViolation.unexpectedMessage(.shuttingDown)) { try channel.receiveShutdown() }
        try channel.beginClosing()
        #expect(channel.phase == .closing && channel.isFunded)
        channel.close()
        #expect(channel.phase == .closed && !channel.isFunded)
    }

    @Test func `may end before it began`() throws {
        var channel = Channel(terms: .free(), isFunder: false, ours: .zero, phase: .planned)
        try channel.beginOpening()
        channel.abandonOpening()
        #expect(channel.phase == .closed && channel.capital == .zero)
    }

    /// BOLT 2: no shutdown while there are updates the other side has not signed for.
    @Test func `answers a shutdown once nothing of its own is under way`() throws {
        let pair = ChannelPair(.free(), alice: sat(500_000))
        try pair.offer(sat(1_000), from: .second)
        #expect(!pair.bob.channel.owesShutdown)
        pair.shutdown(by: .first)
        try pair.deliver(to: .second)
        #expect(!pair.bob.channel.owesShutdown, "an update is not signed for")
        pair.commit(by: .second)
        #expect(!pair.bob.channel.owesShutdown, "its commitment is not revoked")
        try pair.settle()
        #expect(pair.bob.channel.owesShutdown && !pair.alice.channel.owesShutdown)
        pair.shutdown(by: .second)
        #expect(!pair.bob.channel.owesShutdown)
    }

    @Test func `finishes the HTLCs that are pending at its shutdown, and those that crossed it`() throws {
        let pair = ChannelPair(.free(), alice: sat(500_000))
        try pair.add(sat(1_000), from: .first)
        try pair.offer(sat(2_000), from: .second)
        pair.shutdown(by: .first)
        try pair.settle()
        #expect(!pair.alice.channel.canSignClosing && pair.bob.channel.hasReceivedShutdown)
        pair.shutdown(by: .second)
        pair.resolve(.fulfilled, by: .second)
        pair.resolve(.failed, by: .first)
        try pair.settle()
        pair.expectQuiet()
        #expect(pair.alice.channel.canSignClosing && pair.bob.channel.canSignClosing)
        #expect(pair.alice.channel.local.ours == sat(499_000))
    }
}
