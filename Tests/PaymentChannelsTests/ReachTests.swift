import Cryptography
import LightningTypes
import Testing

@testable import PaymentChannels

/// What a party may refuse, without the figures that go with it: a new case of the library's must be named here, and
/// then be reached.
private enum OfferRefusal: String, CaseIterable {
    case notUsable, insufficientBalance, peerCannotPayFee, tooMuchInFlight, tooManyHTLCs

    init(_ refusal: HTLCRefusal) {
        self =
            switch refusal {
            case .notUsable: .notUsable
            case .insufficientBalance: .insufficientBalance
            case .peerCannotPayFee: .peerCannotPayFee
            case .tooMuchInFlight: .tooMuchInFlight
            case .tooManyHTLCs: .tooManyHTLCs
            }
    }
}

private enum Violation: String, CaseIterable {
    case unexpectedMessage, zeroAmount, htlcIDOutOfOrder, unknownHTLC, htlcNotRemovable, expiryOutOfRange
    case peerCannotAfford, tooMuchInFlight, tooManyHTLCs, emptyCommitment, commitmentMismatch
    case unexpectedRevocation, wrongSecret, badOnionBitMissing, feeNotTheirs, feerateOutOfRange
    case feeUpdateUnderWay
    // What takes a node that knows keys and preimages to notice: `PaymentNetworkTests` reach them.
    case wrongPreimage, badSignature, closingFeeOutOfRange

    static let ofNodes: Set<Violation> = [.wrongPreimage, .badSignature, .closingFeeOutOfRange]

    init(_ violation: ProtocolViolation) {
        self =
            switch violation {
            case .unexpectedMessage: .unexpectedMessage
            case .zeroAmount: .zeroAmount
            case .htlcIDOutOfOrder: .htlcIDOutOfOrder
            case .unknownHTLC: .unknownHTLC
            case .htlcNotRemovable: .htlcNotRemovable
            case .wrongPreimage: .wrongPreimage
            case .expiryOutOfRange: .expiryOutOfRange
            case .peerCannotAfford: .peerCannotAfford
            case .tooMuchInFlight: .tooMuchInFlight
            case .tooManyHTLCs: .tooManyHTLCs
            case .emptyCommitment: .emptyCommitment
            case .commitmentMismatch: .commitmentMismatch
            case .badSignature: .badSignature
            case .unexpectedRevocation: .unexpectedRevocation
            case .wrongSecret: .wrongSecret
            case .closingFeeOutOfRange: .closingFeeOutOfRange
            case .badOnionBitMissing: .badOnionBitMissing
            case .feeNotTheirs: .feeNotTheirs
            case .feerateOutOfRange: .feerateOutOfRange
            case .feeUpdateUnderWay: .feeUpdateUnderWay
            }
    }
}

private enum Reconnection: String, CaseIterable {
    case lostData, peerLostData, inconsistent, notAwaited

    init(_ failure: ReestablishFailure) {
        self =
            switch failure {
            case .lostData: .lostData
            case .peerLostData: .peerLostData
            case .inconsistent: .inconsistent
            case .notAwaited: .notAwaited
            }
    }
}

@Suite struct `There is a way to` {
    private func missing<Case: CaseIterable & Hashable>(_ reached: [Case]) -> [Case] {
        Case.allCases.filter { !reached.contains($0) }
    }

    @Test func `every refusal of an offer`() throws {
        func refusal(_ pair: ChannelPair, _ amount: Millisatoshi, from side: Side = .first) -> HTLCRefusal? {
            pair[side].channel.refusal(of: amount)
        }
        let closed = ChannelPair(.free(), alice: sat(500_000))
        closed.shutdown(by: .first)
        let slots = ChannelPair(.free(slots: 0), alice: sat(500_000))
        let poor = ChannelPair(.free(reserve: 1_000, feerate: 2_500), alice: sat(1_000))
        let all = [
            refusal(closed, sat(1)), refusal(ChannelPair(.free(), alice: sat(1)), sat(2)),
            refusal(poor, sat(2_000), from: .second),
            refusal(ChannelPair(.free(inFlight: sat(1)), alice: sat(9)), sat(2)), refusal(slots, sat(1)),
        ]
        #expect(missing(all.compactMap { $0.map(OfferRefusal.init) }) == [])
    }

    @Test func `every violation of the protocol that a channel notices`() throws {
        var reached: [Violation] = []
        func attempt(_ body: () throws(ProtocolViolation) -> Void) {
            do throws(ProtocolViolation) { try body() } catch { reached.append(Violation(error)) }
        }
        func add(
            _ amount: Millisatoshi, id: UInt64 = 0, expiry: BlockHeight = BlockHeight(500),
            _ terms: ChannelTerms = .free()
        ) {
            let bob = ChannelPair(terms, alice: sat(500_000)).bob
            attempt { () throws(ProtocolViolation) in
                _ = try bob.channel.receiveAdd(id: id, amount, payment: 7, expiry: expiry, in: &bob.pool)
            }
        }
        add(.zero)
        add(sat(1), id: 1)
        add(sat(1), expiry: BlockHeight(500_000_000))
        add(sat(500_001))
        add(sat(2), .free(inFlight: sat(1)))
        add(sat(1), .free(slots: 0))

        let pair = ChannelPair(.free(feerate: 1_000), alice: sat(500_000))
        let (alice, bob) = (pair.alice, pair.bob)
        func remove(_ id: UInt64, malformed code: UInt16? = nil) {
            attempt { () throws(ProtocolViolation) in
                if let code {
                    _ = try alice.channel.receiveMalformed(id: id, code: code, in: &alice.pool)
                } else {
                    _ = try alice.channel.receiveRemoval(id: id, as: .failed, in: &alice.pool)
                }
            }
        }
        remove(0)
        try pair.offer(sat(1), from: .first)
        remove(0)
        remove(0, malformed: 15)
        func commit(_ fingerprint: UInt64) {
            attempt { () throws(ProtocolViolation) in
                let message = CommitmentSigned(number: 1, fingerprint: fingerprint)
                _ = try bob.channel.receiveCommit(message, in: &bob.pool, &bob.settled)
            }
        }
        func revoke(_ number: UInt64) {
            attempt { () throws(ProtocolViolation) in
                try alice.channel.receiveRevocation(of: number, in: &alice.pool, &alice.settled)
            }
        }
        commit(bob.channel.fingerprint(of: bob.channel.local, number: 1, ownerIsUs: true))
        commit(1)
        revoke(0)
        pair.commit(by: .first)
        revoke(1)
        func fee(_ feerate: UInt32, to peer: Peer) {
            attempt { () throws(ProtocolViolation) in
                try peer.channel.receiveFee(feerate, acceptable: 253...5_000, in: peer.pool)
            }
        }
        fee(2_000, to: alice)
        fee(252, to: bob)
        fee(2_000, to: bob)
        fee(3_000, to: bob)
        attempt { () throws(ProtocolViolation) in try alice.channel.beginOpening() }
        #expect(Set(missing(reached)) == Violation.ofNodes)
    }

    @Test func `every end of a reconnection that fails`() throws {
        var reached: [Reconnection] = []
        func attempt(_ commitment: UInt64, _ revocation: UInt64, isAwaited: Bool = true) throws {
            let pair = ChannelPair(.free(), alice: sat(500_000))
            try pair.add(sat(1), from: .first)
            try pair.add(sat(1), from: .first)
            if isAwaited { pair.reconnect() }
            do throws(ReestablishFailure) {
                _ = try pair.bob.channel.receiveReestablish(
                    ChannelReestablish(nextCommitmentNumber: commitment, nextRevocationNumber: revocation),
                    provesSecret: true, in: pair.bob.pool)
            } catch {
                reached.append(Reconnection(error))
            }
        }
        try attempt(9, 9)
        try attempt(1, 0)
        try attempt(0, 0)
        try attempt(3, 2, isAwaited: false)
        #expect(missing(reached) == [])
    }

    /// An HTLC of Alice's at both ends, through its whole life. `commitment_signed` takes an HTLC two steps at once.
    @Test func `every state of an HTLC`() throws {
        var reached: [HTLCState] = []
        let pair = ChannelPair(.free(), alice: sat(500_000))
        func see() {
            for side in Side.allCases {
                for htlc in pair[side].htlcs {
                    reached.append(htlc.state)
                    if case .commit = pair[side].inbox.first?.body {
                        reached += [htlc.state.advanced(by: .receivedCommit)].compactMap { $0 }
                    }
                }
                reached += pair[side].removed.map(\.state)
            }
        }
        func settle() throws {
            while true {
                see()
                if let side = Side.allCases.first(where: { !pair[$0].inbox.isEmpty }) {
                    try pair.deliver(to: side)
                } else if let side = Side.allCases.first(where: { pair[$0].channel.canCommit }) {
                    pair.commit(by: side)
                } else {
                    return
                }
            }
        }
        try pair.offer(sat(1), from: .first)
        try settle()
        pair.resolve(.fulfilled, by: .second)
        try settle()
        #expect(missing(reached) == [])
    }
}
