import LightningTypes
import Testing

@testable import PaymentChannels

/// A peer that does what BOLT 2 forbids: each message is made by hand and refused without a trace.
@Suite struct `A peer is refused` {
    private func violation(_ body: () throws(ProtocolViolation) -> Void) -> ProtocolViolation? {
        do throws(ProtocolViolation) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    /// Bob takes in Alice's `update_add_htlc`; what is refused changes nothing.
    private func add(
        _ amount: Millisatoshi, id: UInt64 = 0, expiry: BlockHeight = BlockHeight(500), to pair: ChannelPair,
        _ side: Side = .second
    ) -> ProtocolViolation? {
        let peer = pair[side]
        let before = peer.channel.local
        let violation = violation { () throws(ProtocolViolation) in
            _ = try peer.channel.receiveAdd(id: id, amount, payment: 7, expiry: expiry, in: &peer.pool)
        }
        if violation != nil { #expect(peer.channel.local == before) }
        return violation
    }

    private func remove(_ id: UInt64, from peer: Peer) -> ProtocolViolation? {
        violation { () throws(ProtocolViolation) in
            _ = try peer.channel.receiveRemoval(id: id, as: .failed, in: &peer.pool)
        }
    }

    private func commit(_ number: UInt64, _ fingerprint: UInt64, to peer: Peer) -> ProtocolViolation? {
        violation { () throws(ProtocolViolation) in
            let message = CommitmentSigned(number: number, fingerprint: fingerprint)
            _ = try peer.channel.receiveCommit(message, in: &peer.pool, &peer.settled)
        }
    }

    private func revoke(_ number: UInt64, to peer: Peer) -> ProtocolViolation? {
        violation { () throws(ProtocolViolation) in
            try peer.channel.receiveRevocation(of: number, in: &peer.pool, &peer.settled)
        }
    }

    private func open(_ terms: ChannelTerms = .free(), alice: UInt64 = 500_000) -> ChannelPair {
        ChannelPair(terms, alice: sat(alice))
    }

    // MARK: Adding

    @Test func `that adds an HTLC before the channel is open or after its shutdown`() throws {
        let pair = open()
        pair.bob.channel.phase = .awaitingReady
        #expect(add(sat(1), to: pair) == .unexpectedMessage(.awaitingReady))
        pair.bob.channel.phase = .normal
        pair.shutdown(by: .second)
        #expect(add(sat(1), to: pair) == nil, "an HTLC may cross the receiver's own shutdown")
        try pair.bob.channel.receiveShutdown()
        #expect(add(sat(1), id: 1, to: pair) == .unexpectedMessage(.shuttingDown))
    }

    @Test func `that adds an HTLC of nothing`() {
        #expect(add(.zero, to: open()) == .zeroAmount)
    }

    @Test func `that leaves out or repeats an id`() {
        let pair = open()
        #expect(add(sat(1), id: 1, to: pair) == .htlcIDOutOfOrder(expected: 0, received: 1))
        #expect(add(sat(1), to: pair) == nil)
        #expect(add(sat(1), to: pair) == .htlcIDOutOfOrder(expected: 1, received: 0))
    }

    @Test func `whose HTLC expires at a time in place of a height`() {
        let pair = open()
        #expect(add(sat(1), expiry: BlockHeight(500_000_000), to: pair) == .expiryOutOfRange)
        #expect(add(sat(1), expiry: BlockHeight(499_999_999), to: pair) == nil)
    }

    @Test func `that cannot pay for its HTLC above its reserve`() {
        let pair = open(.free(reserve: 10_000), alice: 50_000)
        #expect(add(sat(40_000) + Millisatoshi(1), to: pair) == .peerCannotAfford)
        #expect(add(Millisatoshi(.max), to: pair) == .peerCannotAfford, "no amount from the wire overflows")
        #expect(add(sat(40_000), to: pair) == nil)
    }

    @Test func `that pays the fee and has not kept it`() {
        let terms = ChannelTerms.free(feerate: 2_500, anchors: true)
        let fee: UInt64 = 2_500 * (1_124 + 172) / 1_000 + 660
        let pair = open(terms, alice: 50_000)
        #expect(add(sat(50_000 - fee + 1), to: pair) == .peerCannotAfford)
        #expect(add(sat(50_000 - fee), to: pair) == nil, "what it need not keep is the spike buffer")
        // The other party pays no fee.
        #expect(add(sat(950_000), to: pair, .first) == nil)
    }

    @Test func `that has too much in flight`() {
        let pair = open(.free(inFlight: sat(5_000)))
        #expect(add(sat(5_000) + Millisatoshi(1), to: pair) == .tooMuchInFlight)
        #expect(add(sat(3_000), to: pair) == nil)
        #expect(add(sat(2_001), id: 1, to: pair) == .tooMuchInFlight)
    }

    @Test func `that has too many HTLCs pending`() {
        let pair = open(.free(slots: 1))
        #expect(add(sat(1), to: pair) == nil)
        #expect(add(sat(1), id: 1, to: pair) == .tooManyHTLCs)
    }

    // MARK: Removing

    @Test func `that removes an HTLC it was never offered`() throws {
        let pair = open()
        #expect(remove(0, from: pair.alice) == .unknownHTLC(id: 0))
        try pair.add(sat(1), from: .second)
        #expect(remove(0, from: pair.alice) == .unknownHTLC(id: 0), "the id is that of its own HTLC")
        pair.alice.channel.phase = .closing
        #expect(remove(0, from: pair.alice) == .unexpectedMessage(.closing))
    }

    /// At each step before the HTLC is irrevocably committed, and again after its removal.
    @Test func `that removes an HTLC too early or twice`() throws {
        let pair = open()
        try pair.offer(sat(1), from: .first)
        #expect(remove(0, from: pair.alice) == .htlcNotRemovable(id: 0, .sentAdd))
        try pair.deliver(to: .second)
        pair.commit(by: .first)
        #expect(remove(0, from: pair.alice) == .htlcNotRemovable(id: 0, .sentAddCommit))
        try pair.deliver(to: .second)
        try pair.deliver(to: .first)
        #expect(remove(0, from: pair.alice) == .htlcNotRemovable(id: 0, .receivedAddRevocation))
        #expect(pair.bob.held.isEmpty, "not to be forwarded yet")
        try pair.settle()
        #expect(pair.bob.held.count == 1)
        pair.resolve(.fulfilled, by: .second)
        try pair.deliver(to: .first)
        #expect(remove(0, from: pair.alice) == .htlcNotRemovable(id: 0, .receivedRemove))
        pair.commit(by: .second)
        try pair.deliver(to: .first)
        #expect(remove(0, from: pair.alice) == .htlcNotRemovable(id: 0, .sentRemoveRevocation))
        try pair.settle()
        #expect(remove(0, from: pair.alice) == .unknownHTLC(id: 0))
        #expect(pair.alice.removed.map(\.removal) == [.fulfilled])
    }

    // MARK: Committing and revoking

    @Test func `that signs a commitment out of order, of other content or before the channel is open`() throws
    {
        let pair = open()
        try pair.offer(sat(1), from: .first)
        try pair.deliver(to: .second)
        pair.commit(by: .first)
        guard case .commit(let signed) = pair.bob.inbox.first?.body else {
            Issue.record("no commitment_signed is on its way")
            return
        }
        #expect(commit(0, signed.fingerprint, to: pair.bob) == .commitmentMismatch(number: 0))
        #expect(commit(2, signed.fingerprint, to: pair.bob) == .commitmentMismatch(number: 2))
        for bit in 0..<64 as Range<UInt64> {
            #expect(commit(1, signed.fingerprint ^ 1 << bit, to: pair.bob) == .commitmentMismatch(number: 1))
        }
        pair.bob.channel.phase = .closed
        #expect(commit(1, signed.fingerprint, to: pair.bob) == .unexpectedMessage(.closed))
        pair.bob.channel.phase = .normal
        #expect(commit(1, signed.fingerprint, to: pair.bob) == nil)
    }

    @Test func `that signs a commitment without any change`() {
        let pair = open()
        let unchanged = pair.bob.channel.fingerprint(of: pair.bob.channel.local, number: 1, ownerIsUs: true)
        #expect(commit(1, unchanged, to: pair.bob) == .emptyCommitment)
        #expect(pair.bob.channel.localNumber == 0)
    }

    @Test func `that revokes what nobody asked it to`() throws {
        let pair = open()
        #expect(revoke(0, to: pair.alice) == .unexpectedRevocation)
        try pair.add(sat(1), from: .first)
        #expect(revoke(0, to: pair.alice) == .unexpectedRevocation)
    }

    @Test func `that revokes another commitment than the last`() throws {
        let pair = open()
        try pair.add(sat(1), from: .first)
        try pair.offer(sat(1), from: .first)
        pair.commit(by: .first)
        for number in [0, 2, .max] as [UInt64] {
            #expect(revoke(number, to: pair.alice) == .wrongSecret(number: number))
        }
        #expect(revoke(1, to: pair.alice) == nil)
    }
}

@Suite struct `A fingerprint` {
    private func fingerprint(_ change: (inout ChannelPair) throws -> Void) rethrows -> UInt64 {
        var pair = ChannelPair(.free(), alice: sat(500_000))
        try change(&pair)
        return pair.alice.channel.fingerprint(of: pair.alice.channel.remote, number: 1, ownerIsUs: false)
    }

    @Test func `tells commitments apart by number, feerate, balances and every field of an HTLC`() throws {
        let amount = Millisatoshi(70_000)
        var all: Set<UInt64> = []
        all.insert(try fingerprint { try $0.offer(amount, from: .first) })
        all.insert(try fingerprint { try $0.offer(amount + Millisatoshi(1), from: .first) })
        all.insert(try fingerprint { try $0.offer(amount, from: .first, payment: 8) })
        all.insert(try fingerprint { try $0.offer(amount, from: .first, expiry: BlockHeight(501)) })
        all.insert(
            try fingerprint {
                $0.alice.channel.nextOfferedID = 1
                try $0.offer(amount, from: .first)
            })
        all.insert(
            try fingerprint {
                try $0.add(amount, from: .second)
                $0.alice.channel.remote.ours = sat(500_000) - amount
                $0.alice.channel.remote.theirs = sat(500_000)
            })
        all.insert(fingerprint { _ in })
        all.insert(fingerprint { $0 = ChannelPair(.free(), alice: sat(400_000)) })
        all.insert(fingerprint { $0 = ChannelPair(.free(feerate: 1), alice: sat(500_000)) })
        #expect(all.count == 9)

        let channel = ChannelPair(.free(), alice: sat(500_000)).alice.channel
        #expect(
            channel.fingerprint(of: channel.local, number: 1, ownerIsUs: true)
                != channel.fingerprint(of: channel.local, number: 2, ownerIsUs: true))
    }
}
