import Cryptography
import LightningTypes
import Randomness
import Settlement
import Testing

@testable import PaymentChannels

@Suite struct `A reconnection` {
    private let terms = ChannelTerms.free(dust: 354, reserve: 1_000, feerate: 253)

    private func open() -> ChannelPair { ChannelPair(terms, alice: sat(500_000)) }

    @Test func `after nothing was said sends nothing again`() throws {
        let pair = open()
        try pair.add(sat(50_000), from: .first)
        pair.reconnect()
        for side in Side.allCases {
            #expect(
                pair[side].channel.reestablish
                    == ChannelReestablish(nextCommitmentNumber: 2, nextRevocationNumber: 1))
            #expect(!pair[side].channel.isUsable && !pair[side].channel.canCommit)
            try pair.deliver(to: side)
            #expect(pair[side].channel.isUsable)
        }
        #expect(pair.alice.inbox.isEmpty && pair.bob.inbox.isEmpty)
    }

    /// What was changed and not signed for is forgotten by its receiver and sent again by its sender.
    @Test func `sends changes again that were not signed for`() throws {
        let pair = open()
        try pair.add(sat(50_000), from: .second)
        try pair.offer(sat(70_000), from: .first)
        pair.updateFee(to: 400, by: .first)
        pair.resolve(.fulfilled, by: .first)
        while !pair.bob.inbox.isEmpty { try pair.deliver(to: .second) }
        #expect(pair.bob.channel.nextReceivedID == 1 && pair.bob.channel.isFeeUnderWay)
        pair.reconnect()
        #expect(pair.bob.channel.nextReceivedID == 0 && !pair.bob.channel.isFeeUnderWay)
        #expect(pair.bob.htlcs.map(\.state) == [.sentAddAckRevocation] && pair.bob.htlcs[0].removal == .none)
        try pair.deliver(to: .first)
        #expect(
            pair.bob.inbox.map(\.body) == [
                .reestablish(ChannelReestablish(nextCommitmentNumber: 2, nextRevocationNumber: 1)),
                .remove(id: 0, .fulfilled), .fee(400),
                .add(id: 0, sat(70_000), payment: 7, BlockHeight(500)),
            ])
        try pair.settle()
        #expect(
            pair.alice.channel.local.ours == sat(480_000) && pair.bob.channel.local.theirs == sat(480_000))
        #expect(pair.bob.channel.terms.feeratePerKiloweight == 400)
    }

    @Test func `sends a commitment_signed again that did not come, for what it was for`() throws {
        let pair = open()
        try pair.offer(sat(50_000), from: .first)
        pair.commit(by: .first)
        let lost = pair.bob.inbox.last?.body
        try pair.offer(sat(10_000), from: .first)
        pair.reconnect()
        try pair.deliver(to: .first)
        let again = pair.bob.inbox.dropFirst().map(\.body)
        #expect(again.count == 3 && again[1] == lost, "the later offer is no part of it")
        try pair.settle()
        #expect(pair.alice.channel.local.ours == sat(440_000))
    }

    /// With eager signatures the transaction is made again, and what was changed since is no part of it either.
    @Test func `signs again what it had signed, whatever has changed since`() throws {
        let pair = open()
        try pair.add(sat(20_000), from: .second)
        try pair.offer(sat(50_000), from: .first)
        pair.commit(by: .first)
        func signed() -> CommitmentTransaction {
            let point = pair.bob.keys.perCommitmentPoint(pair.alice.channel.remoteNumber)
            return pair.alice.channel.signedRemoteCommitment(
                pair.context(of: .first), point: point, in: pair.alice.pool)
        }
        let first = signed()
        try pair.offer(sat(10_000), from: .first)
        pair.updateFee(to: 400, by: .first)
        pair.resolve(.fulfilled, by: .first)
        #expect(signed().transaction == first.transaction && signed().secondStage == first.secondStage)
        pair.reconnect()
        #expect(signed().transaction == first.transaction && signed().secondStage == first.secondStage)
        try pair.settle()
        #expect(signed().transaction != first.transaction)
    }

    @Test func `sends a revoke_and_ack again that did not come`() throws {
        let pair = open()
        try pair.offer(sat(50_000), from: .first)
        pair.commit(by: .first)
        try pair.deliver(to: .second)
        try pair.deliver(to: .second)
        pair.reconnect()
        try pair.deliver(to: .second)
        #expect(pair.alice.inbox.dropFirst().map(\.body) == [.revoke(0)])
        try pair.settle()
        #expect(pair.alice.channel.localNumber == 1 && pair.bob.channel.localNumber == 1)
    }

    /// Bob signs before or after he revokes; both are lost, and come again in that order.
    @Test(arguments: [false, true])
    func `sends both again in the order they were sent in`(revokedFirst: Bool) throws {
        let pair = open()
        try pair.offer(sat(50_000), from: .first)
        try pair.offer(sat(20_000), from: .second)
        pair.commit(by: .first)
        try pair.deliver(to: .second)
        if !revokedFirst { pair.commit(by: .second) }
        try pair.deliver(to: .second)
        if revokedFirst { pair.commit(by: .second) }
        pair.reconnect()
        try pair.deliver(to: .second)
        let kinds = pair.alice.inbox.dropFirst().map { message in
            switch message.body {
            case .add: "add"
            case .commit: "commit"
            case .revoke: "revoke"
            case .remove, .shutdown, .fee, .malformed, .reestablish, .ready: "other"
            }
        }
        #expect(kinds == (revokedFirst ? ["revoke", "add", "commit"] : ["add", "commit", "revoke"]))
        try pair.settle()
        #expect(pair.alice.channel.local.ours == sat(450_000))
    }

    /// Both have sent `channel_ready` over a connection that broke before it arrived.
    private func brokenBeforeReady() throws -> ChannelPair {
        let pair = open()
        for side in Side.allCases {
            pair[side].channel = Channel(
                terms: terms, isFunder: side == .first, ours: sat(500_000), phase: .awaitingReady)
            try pair[side].channel.sendReady()
        }
        pair.reconnect()
        return pair
    }

    @Test func `sends channel_ready and shutdown again`() throws {
        let pair = try brokenBeforeReady()
        for side in Side.allCases { try pair.deliver(to: side) }
        #expect(pair.alice.inbox.map(\.body) == [.ready] && pair.bob.inbox.map(\.body) == [.ready])
        try pair.settle()
        #expect(pair.alice.channel.phase == .normal && pair.bob.channel.phase == .normal)
        pair.shutdown(by: .first)
        pair.reconnect()
        try pair.settle()
        #expect(pair.bob.channel.hasReceivedShutdown && pair.bob.channel.phase == .shuttingDown)
    }

    /// Bob's `channel_ready` comes again when Alice has signed the first HTLC already.
    @Test func `ignores a channel_ready that comes again behind an own signature`() throws {
        let pair = try brokenBeforeReady()
        try pair.settle()
        pair.reconnect()
        for side in Side.allCases { try pair.deliver(to: side) }
        #expect(pair.alice.inbox.map(\.body) == [.ready] && pair.alice.channel.phase == .normal)
        _ = try pair.offer(sat(10_000), from: .first)
        pair.commit(by: .first)
        try pair.settle()
        #expect(pair.bob.held.count == 1)
        #expect(throws: ProtocolViolation.unexpectedMessage(.normal)) {
            try pair.alice.channel.receiveReady()
        }
    }

    /// Bob has agreed to the closing transaction, and his `closing_signed` is lost.
    @Test func `lets both sign the closing transaction again`() throws {
        let pair = open()
        for side in Side.allCases { pair.shutdown(by: side) }
        try pair.settle()
        try pair.bob.channel.beginClosing()
        pair.reconnect()
        #expect(!pair.alice.channel.canSignClosing && !pair.alice.canUpdateFee(to: 2_000))
        try pair.settle()
        for side in Side.allCases {
            #expect(pair[side].channel.canSignClosing)
            try pair[side].channel.beginClosing()
            #expect(pair[side].channel.phase == .closing)
        }
    }

    /// Connections break again and again, also while what was lost is sent again.
    @Test(arguments: 0..<512 as Range<UInt64>)
    func `repairs the channel however often connections break`(seed: UInt64) throws {
        var stream = RandomStream(seed: seed, purpose: .init("reconnections"), process: 0)
        let anchors = stream.below(2) == 0
        let pair = ChannelPair(
            .free(dust: 354, reserve: 1_000, feerate: 253, anchors: anchors), alice: sat(500_000))
        for _ in 0..<400 {
            let side: Side = stream.below(2) == 0 ? .first : .second
            let peer = pair[side]
            switch stream.below(12) {
            case 0, 1:
                let amount = sat(1 + stream.below(40_000))
                if peer.channel.refusal(of: amount) == nil { try pair.offer(amount, from: side) }
            case 2, 3: if peer.channel.canCommit { pair.commit(by: side) }
            case 4, 5:
                let removal: HTLCRemoval = stream.below(2) == 0 ? .fulfilled : .failed
                if !peer.held.isEmpty { pair.resolve(removal, by: side) }
            case 6: if stream.below(4) == 0 { pair.reconnect() }
            case 7:
                let feerate = 253 + UInt32(stream.below(2_000))
                if pair.alice.canUpdateFee(to: feerate) {
                    pair.updateFee(to: feerate, by: .first)
                }
            default: if !peer.inbox.isEmpty { try pair.deliver(to: side) }
            }
            #expect(pair.alice.failure == nil && pair.bob.failure == nil)
        }
        try pair.settle()
        for side in Side.allCases {
            while !pair[side].held.isEmpty { pair.resolve(.failed, by: side) }
        }
        try pair.settle()
        pair.expectQuiet()
        #expect(pair.alice.channel.terms == pair.bob.channel.terms)
    }
}

@Suite struct `A party that restarts from a stale backup` {
    private let terms = ChannelTerms.free(dust: 354, reserve: 1_000, feerate: 253)

    private func restarted() throws -> ChannelPair {
        let pair = ChannelPair(terms, alice: sat(500_000))
        try pair.add(sat(50_000), from: .first)
        let backup = pair.alice.copy()
        pair.resolve(.fulfilled, by: .second)
        try pair.settle()
        return pair.replacing(.first, by: backup)
    }

    @Test func `learns it, publishes nothing, and the peer gives the channel up`() throws {
        let pair = try restarted()
        pair.reconnect()
        for side in Side.allCases { try pair.deliver(to: side) }
        #expect(pair.alice.failure == .lostData && pair.alice.channel.phase == .lostData)
        #expect(pair.bob.failure == .peerLostData && pair.bob.channel.phase == .failed)
        #expect(pair.latest(of: .second) != nil, "which the peer can publish")
    }

    @Test func `believes nobody who does not show the secret`() throws {
        var pair = try restarted()
        pair.provesSecrets = false
        pair.reconnect()
        try pair.deliver(to: .first)
        #expect(pair.alice.failure == .inconsistent && pair.alice.channel.phase == .failed)
    }

    @Test func `is no match for numbers that fit no history`() throws {
        let pair = ChannelPair(terms, alice: sat(500_000))
        try pair.add(sat(50_000), from: .first)
        func failure(_ commitment: UInt64, _ revocation: UInt64) -> ReestablishFailure? {
            let copy = pair.copy()
            copy.reconnect()
            do throws(ReestablishFailure) {
                _ = try copy.bob.channel.receiveReestablish(
                    ChannelReestablish(nextCommitmentNumber: commitment, nextRevocationNumber: revocation),
                    provesSecret: true, in: copy.bob.pool)
                return nil
            } catch { return error }
        }
        #expect(failure(2, 1) == nil)
        #expect(failure(2, 0) == nil, "a lost revoke_and_ack")
        #expect(failure(0, 1) == .inconsistent)
        #expect(failure(3, 1) == .inconsistent)
        #expect(failure(1, 1) == .peerLostData, "a commitment that was revoked already")
        #expect(failure(2, 2) == .lostData)
        #expect(failure(2, .max) == .inconsistent)
        #expect(throws: ReestablishFailure.notAwaited) {
            try pair.bob.channel.receiveReestablish(
                pair.alice.channel.reestablish, provesSecret: true, in: pair.bob.pool)
        }
    }
}
