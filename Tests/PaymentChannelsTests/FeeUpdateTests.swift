import LightningTypes
import Settlement
import Testing

@testable import PaymentChannels

@Suite struct `A fee update` {
    private let terms = ChannelTerms.free(dust: 354, reserve: 1_000, feerate: 1_000)

    private func violation(
        _ feerate: UInt32, to peer: Peer, acceptable: ClosedRange<UInt32> = 253...5_000
    ) -> ProtocolViolation? {
        do throws(ProtocolViolation) {
            try peer.channel.receiveFee(feerate, acceptable: acceptable, in: peer.pool)
            return nil
        } catch {
            return error
        }
    }

    @Test func `reaches both commitments, one after the other`() throws {
        let pair = ChannelPair(terms, alice: sat(500_000))
        try pair.add(sat(2_000), from: .first)
        #expect(pair.latest(of: .first)?.fee == Satoshi(724 + 172), "1,000 for 1,000 weight")
        pair.updateFee(to: 3_000, by: .first)
        #expect(pair.alice.channel.feerate(ownerIsUs: false) == 3_000)
        #expect(pair.alice.channel.feerate(ownerIsUs: true) == 1_000)
        pair.commit(by: .first)
        try pair.deliver(to: .second)
        try pair.deliver(to: .second)
        // Bob's commitment has the new rate, at which the HTLC is trimmed; Alice's has the old one.
        #expect(pair.latest(of: .second)?.fee == Satoshi(724 * 3 + 2_000))
        #expect(pair.latest(of: .first)?.fee == Satoshi(724 + 172))
        try pair.settle()
        for side in Side.allCases {
            #expect(pair.latest(of: side)?.fee == Satoshi(724 * 3 + 2_000))
            #expect(pair[side].channel.terms.feeratePerKiloweight == 3_000)
            #expect(!pair[side].channel.isFeeUnderWay)
        }
        // Back again, and the HTLC has an output again.
        pair.updateFee(to: 253, by: .first)
        try pair.settle()
        #expect(pair.latest(of: .first)?.secondStage.count == 1)
        pair.resolve(.fulfilled, by: .second)
        try pair.settle()
        pair.expectQuiet()
    }

    /// BOLT 2: `closing_signed` waits until "all updates are included on both commitments".
    @Test func `is through before a channel is closed`() throws {
        let pair = ChannelPair(terms, alice: sat(500_000))
        pair.updateFee(to: 2_000, by: .first)
        pair.commit(by: .first)
        pair.shutdown(by: .first)
        pair.shutdown(by: .second)
        while !pair.bob.inbox.isEmpty { try pair.deliver(to: .second) }
        while !pair.alice.inbox.isEmpty { try pair.deliver(to: .first) }
        // Bob has it and has revoked; Alice's own commitment has it not.
        #expect(!pair.alice.channel.canSignClosing && !pair.bob.channel.canSignClosing)
        try pair.settle()
        #expect(pair.alice.channel.canSignClosing && pair.bob.channel.canSignClosing)
        #expect(!pair.alice.canUpdateFee(to: 1_000), "closing_signed may be on its way")
    }

    @Test func `is the funder's alone, one at a time, at a rate it can pay`() throws {
        let pair = ChannelPair(terms, alice: sat(20_000))
        #expect(!pair.bob.canUpdateFee(to: 2_000))
        #expect(!pair.alice.canUpdateFee(to: 1_000), "it is that already")
        #expect(!pair.alice.canUpdateFee(to: 0))
        // 20,000 less the reserve of 1,000 pay for 724 weight at this rate, fees being rounded down.
        let most = UInt32((19_001 * 1_000 - 1) / 724)
        #expect(pair.alice.canUpdateFee(to: most))
        #expect(!pair.alice.canUpdateFee(to: most + 1))
        pair.updateFee(to: 2_000, by: .first)
        #expect(!pair.alice.canUpdateFee(to: 3_000))
        try pair.settle()
        #expect(pair.alice.canUpdateFee(to: 3_000))
    }

    @Test func `is refused where BOLT 2 says so`() throws {
        let pair = ChannelPair(terms, alice: sat(3_000))
        #expect(violation(2_000, to: pair.alice) == .feeNotTheirs)
        #expect(violation(252, to: pair.bob) == .feerateOutOfRange(252))
        #expect(violation(5_001, to: pair.bob) == .feerateOutOfRange(5_001))
        #expect(violation(0, to: pair.bob, acceptable: 0...5_000) == .feerateOutOfRange(0))
        #expect(violation(2_800, to: pair.bob) == .peerCannotAfford)
        #expect(violation(2_700, to: pair.bob) == nil)
        #expect(violation(2_600, to: pair.bob) == .feeUpdateUnderWay)
        pair.bob.channel.phase = .awaitingReady
        #expect(violation(2_000, to: pair.bob) == .unexpectedMessage(.awaitingReady))
    }

    @Test func `limits what can be offered by the higher of two rates`() throws {
        let pair = ChannelPair(terms, alice: sat(50_000))
        let before = pair.alice.channel.spendable
        pair.updateFee(to: 4_000, by: .first)
        #expect(pair.alice.channel.spendable < before)
        #expect(throws: HTLCRefusal.self) { try pair.offer(before, from: .first) }
        try pair.offer(pair.alice.channel.spendable, from: .first)
        try pair.settle()
        #expect(pair.bob.held.count == 1)
    }
}

@Suite struct `A rate that follows the market` {
    private func wanted(
        _ estimate: UInt64, at present: UInt32, alice: UInt64 = 500_000, anchors: Bool = false,
        lowest: UInt32 = 253
    ) -> UInt32? {
        let terms = ChannelTerms.free(dust: 354, reserve: 10_000, feerate: present, anchors: anchors)
        let pair = ChannelPair(terms, alice: sat(alice))
        #expect(
            pair.bob.channel.feerateWanted(estimate: estimate, lowest: lowest, in: pair.bob.pool) == nil)
        return pair.alice.channel.feerateWanted(estimate: estimate, lowest: lowest, in: pair.alice.pool)
    }

    @Test func `changes when it is a tenth off, up or down`() {
        #expect(wanted(1_099, at: 1_000) == nil && wanted(1_100, at: 1_000) == 1_100)
        #expect(wanted(901, at: 1_000) == nil && wanted(900, at: 1_000) == 900)
        #expect(wanted(1_000, at: 1_000) == nil && wanted(3, at: 3, lowest: 1) == nil)
    }

    @Test func `is never below what is relayed, and at once what it is where it was`() {
        #expect(wanted(100, at: 1_000) == 253)
        #expect(wanted(253, at: 250) == 253, "less than a tenth, but not relayed")
    }

    @Test func `is 10 sat a virtual byte at the most with anchors`() {
        #expect(wanted(60_000, at: 1_000, anchors: true) == 2_500)
        #expect(wanted(60_000, at: 2_500, anchors: true) == nil)
        #expect(wanted(60_000, at: 5_000, anchors: true) == 2_500)
        #expect(wanted(60_000, at: 1_000) == 60_000)
    }

    /// 12,000 sat less the reserve are 2,000 for 724 weight and two HTLCs that may cross.
    @Test func `is what the funder can pay, but no less than it was`() {
        #expect(wanted(60_000, at: 1_000, alice: 12_000) == UInt32(2_000 * 1_000 / (724 + 2 * 172)))
        #expect(wanted(60_000, at: 1_800, alice: 12_000) == nil)
        #expect(wanted(900, at: 1_800, alice: 12_000) == 900)
        // Half of the balance at the most.
        #expect(wanted(1_000_000, at: 1_000, alice: 100_000) == UInt32(50_000 * 1_000 / (724 + 2 * 172)))
    }

    @Test func `is taken by its peer, which takes none that nobody relays or that eats half the channel`() {
        let pair = ChannelPair(.free(dust: 354, feerate: 1_000), alice: sat(500_000))
        let range = pair.bob.channel.acceptableFeerates(from: 253)
        #expect(range == 253...UInt32(500_000 * 1_000 / 724))
        #expect(pair.bob.channel.acceptableFeerates(from: 0).lowerBound == 1)
    }
}

@Suite struct `A malformed onion` {
    @Test func `is reported with the BADONION bit and fails its HTLC`() throws {
        let pair = ChannelPair(.free(), alice: sat(500_000))
        try pair.add(sat(50_000), from: .first)
        pair.failMalformed(by: .second, code: Channel.badOnionBit | 0x4000 | 5)
        try pair.settle()
        pair.expectQuiet()
        #expect(pair.alice.removed.map(\.removal) == [.failed])
        #expect(pair.alice.channel.local.ours == sat(500_000))
    }

    @Test func `without the bit fails the channel`() throws {
        let pair = ChannelPair(.free(), alice: sat(500_000))
        try pair.add(sat(50_000), from: .first)
        #expect(throws: ProtocolViolation.badOnionBitMissing(code: 5)) {
            try pair.alice.channel.receiveMalformed(id: 0, code: 5, in: &pair.alice.pool)
        }
        #expect(pair.alice.htlcs[0].state == .sentAddAckRevocation)
    }
}
