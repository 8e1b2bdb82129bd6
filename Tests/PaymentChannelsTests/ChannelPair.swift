import Cryptography
import LightningTypes
import Settlement
import Testing

@testable import PaymentChannels

/// What two parties of a channel send each other, with what the sender knew when it sent it.
struct Message: Hashable {
    enum Body: Hashable {
        case add(id: UInt64, Millisatoshi, payment: UInt64, BlockHeight)
        case remove(id: UInt64, HTLCRemoval)
        case commit(CommitmentSigned)
        case revoke(UInt64)
        case shutdown
        case fee(UInt32)
        case malformed(id: UInt64, code: UInt16)
        case reestablish(ChannelReestablish)
        case ready
    }
    var body: Body
    /// The receiver's next commitment as the sender sees it; messages arrive in order, so the receiver must agree. None
    /// where messages may have been lost.
    var view: CommitmentView?
}

/// One party: its copy of the channel, its HTLCs and the messages on their way to it.
final class Peer {
    let keys: ChannelKeys
    var channel: Channel
    var pool = HTLCPool(capacity: 1)
    var inbox: [Message] = []
    /// HTLCs of the other party, irrevocably committed and not resolved yet.
    var held: [HTLCIndex] = []
    var removed: [HTLC] = []
    var settled = SettledHTLCs()
    /// Why the last reconnection ended the channel.
    var failure: ReestablishFailure?
    /// Commitments of this party whose `commitment_signed` is on its way, as the signer made them.
    var announced: [CommitmentTransaction] = []
    /// The commitment of this party that the other one signed last, as the signer made it, where it was made.
    var signed: CommitmentTransaction?

    init(keys: ChannelKeys, channel: Channel) {
        self.keys = keys
        self.channel = channel
    }

    /// Keeps what a commitment step settled.
    func collect() {
        held += settled.committed
        removed += settled.removed
        settled.clear()
    }

    var htlcs: [HTLC] { channel.htlcs(in: pool) }

    func canUpdateFee(to feerate: UInt32) -> Bool { channel.canUpdateFee(to: feerate, in: pool) }

    /// A peer in the same state that goes its own way; also what a backup of it would restore.
    func copy() -> Peer {
        let copy = Peer(keys: keys, channel: channel)
        copy.channel.firstHTLC = .none
        copy.channel.lastHTLC = .none
        for index in channel.htlcIndices(in: pool) {
            let place = copy.channel.restore(pool[index], in: &copy.pool)
            if held.contains(index) { copy.held.append(place) }
        }
        copy.inbox = inbox
        copy.removed = removed
        copy.announced = announced
        copy.signed = signed
        return copy
    }
}

extension CommitmentView {
    /// The same commitment as the other party sees it.
    var mirrored: CommitmentView {
        var view = CommitmentView(ours: theirs, theirs: ours)
        (view.offered, view.received) = (received, offered)
        (view.offeredCount, view.receivedCount) = (receivedCount, offeredCount)
        (view.untrimmedCount, view.htlcSum) = (untrimmedCount, htlcSum)
        return view
    }
}

/// Two parties of one channel and the messages between them, delivered in order, one when a test says so.
struct ChannelPair {
    let alice: Peer
    let bob: Peer
    /// Whether every `commitment_signed` also makes the transactions it is for, as eager signatures do.
    var makesTransactions = false
    /// Whether secrets that come with `channel_reestablish` are those they should be.
    var provesSecrets = true

    static let aliceKeys = ChannelKeys(seed: Bytes32(words: 1, 0, 0, 0))
    static let bobKeys = ChannelKeys(seed: Bytes32(words: 2, 0, 0, 0))

    /// A channel that stands open; Alice is its funder unless told otherwise.
    init(_ terms: ChannelTerms, alice balance: Millisatoshi, aliceFunds: Bool = true) {
        let rest = Millisatoshi(terms.capacity) - balance
        alice = Peer(
            keys: Self.aliceKeys,
            channel: Channel(terms: terms, isFunder: aliceFunds, ours: balance, phase: .normal))
        bob = Peer(
            keys: Self.bobKeys,
            channel: Channel(terms: terms, isFunder: !aliceFunds, ours: rest, phase: .normal))
    }

    private init(alice: Peer, bob: Peer) {
        self.alice = alice
        self.bob = bob
    }

    func copy() -> ChannelPair { ChannelPair(alice: alice.copy(), bob: bob.copy()) }

    /// The same pair with another in a party's place: one that restarts from a backup, for example.
    func replacing(_ side: Side, by peer: Peer) -> ChannelPair {
        side == .first ? ChannelPair(alice: peer, bob: bob) : ChannelPair(alice: alice, bob: peer)
    }

    subscript(side: Side) -> Peer { side == .first ? alice : bob }

    // MARK: Steps

    @discardableResult
    func offer(
        _ amount: Millisatoshi, from side: Side, payment: UInt64 = 7, expiry: BlockHeight = BlockHeight(500)
    ) throws(HTLCRefusal) -> HTLCIndex {
        let peer = self[side]
        let index = try peer.channel.offer(amount, payment: payment, expiry: expiry, in: &peer.pool)
        send(.add(id: peer.pool[index].id, amount, payment: payment, expiry), from: side)
        return index
    }

    /// Resolves the oldest HTLC that the party holds.
    func resolve(_ removal: HTLCRemoval, by side: Side, at place: Int = 0) {
        let peer = self[side]
        let index = peer.held.remove(at: place)
        peer.channel.remove(index, as: removal, in: &peer.pool)
        // Who waits for the peer's `channel_reestablish` sends nothing; it is sent again then.
        guard !peer.channel.awaitsReestablish else { return }
        send(.remove(id: peer.pool[index].id, removal), from: side)
    }

    func failMalformed(by side: Side, code: UInt16) {
        let peer = self[side]
        let index = peer.held.removeFirst()
        peer.channel.removeMalformed(index, code: code, in: &peer.pool)
        send(.malformed(id: peer.pool[index].id, code: code), from: side)
    }

    func commit(by side: Side) {
        let (peer, other) = (self[side], self[side.other])
        let message = peer.channel.commit(in: &peer.pool, &peer.settled)
        peer.collect()
        if makesTransactions {
            let point = other.keys.perCommitmentPoint(peer.channel.remoteNumber)
            other.announced.append(
                peer.channel.signedRemoteCommitment(context(of: side), point: point, in: peer.pool))
        }
        send(.commit(message), from: side)
    }

    func updateFee(to feerate: UInt32, by side: Side) {
        let peer = self[side]
        peer.channel.updateFee(to: feerate, in: peer.pool)
        send(.fee(feerate), from: side)
    }

    /// The connection breaks, all that was on its way is lost, and it is back at once.
    func reconnect() {
        for peer in [alice, bob] {
            peer.inbox = []
            peer.channel.disconnect(in: &peer.pool)
        }
        for side in Side.allCases {
            self[side.other].inbox.append(
                Message(body: .reestablish(self[side].channel.reestablish), view: nil))
        }
    }

    func shutdown(by side: Side) {
        self[side].channel.sendShutdown()
        send(.shutdown, from: side)
    }

    /// Delivers the oldest message on its way to `side`; a `commitment_signed` is revoked at once.
    func deliver(to side: Side) throws(ProtocolViolation) {
        let peer = self[side]
        let message = peer.inbox.removeFirst()
        switch message.body {
        case .add(let id, let amount, let payment, let expiry):
            _ = try peer.channel.receiveAdd(id: id, amount, payment: payment, expiry: expiry, in: &peer.pool)
        case .remove(let id, let removal):
            _ = try peer.channel.receiveRemoval(id: id, as: removal, in: &peer.pool)
        case .commit(let signed):
            let revoked = try peer.channel.receiveCommit(signed, in: &peer.pool, &peer.settled)
            if makesTransactions { peer.signed = peer.announced.removeFirst() }
            send(.revoke(revoked), from: side)
        case .revoke(let number):
            try peer.channel.receiveRevocation(of: number, in: &peer.pool, &peer.settled)
        case .shutdown:
            try peer.channel.receiveShutdown()
        case .fee(let feerate):
            try peer.channel.receiveFee(feerate, acceptable: 100...100_000, in: peer.pool)
        case .malformed(let id, let code):
            _ = try peer.channel.receiveMalformed(id: id, code: code, in: &peer.pool)
        case .reestablish(let reestablish):
            do throws(ReestablishFailure) {
                let again = try peer.channel.receiveReestablish(
                    reestablish, provesSecret: provesSecrets, in: peer.pool)
                for message in again { retransmit(message, from: side) }
            } catch {
                peer.failure = error
            }
        case .ready:
            try peer.channel.receiveReady()
        }
        peer.collect()
        guard let view = message.view, !peer.channel.awaitsReestablish else { return }
        #expect(peer.channel.local.mirrored == view, "both rebuild the same commitment at every message")
    }

    /// The views that stand beside messages sent again are those of another time.
    private func retransmit(_ message: Retransmission, from side: Side) {
        let pool = { self[side].pool[$0] }
        let body: Message.Body =
            switch message {
            case .channelReady: .ready
            case .removal(let index): .remove(id: pool(index).id, pool(index).removal)
            case .fee(let feerate): .fee(feerate)
            case .add(let index):
                .add(id: pool(index).id, pool(index).amount, payment: pool(index).payment, pool(index).expiry)
            case .commitmentSigned(let signed): .commit(signed)
            case .revokeAndAck(let number): .revoke(number)
            case .shutdown: .shutdown
            }
        self[side.other].inbox.append(Message(body: body, view: nil))
    }

    private func send(_ body: Message.Body, from side: Side) {
        self[side.other].inbox.append(Message(body: body, view: self[side].channel.remote))
    }

    // MARK: Going on until nothing is left to do

    /// Delivers, commits and revokes until neither party owes the other a message.
    func settle() throws(ProtocolViolation) {
        while true {
            if !alice.inbox.isEmpty {
                try deliver(to: .first)
            } else if !bob.inbox.isEmpty {
                try deliver(to: .second)
            } else if alice.channel.canCommit {
                commit(by: .first)
            } else if bob.channel.canCommit {
                commit(by: .second)
            } else {
                return
            }
        }
    }

    /// Offers and settles: the HTLC is irrevocably committed at its end.
    func add(
        _ amount: Millisatoshi, from side: Side, payment: UInt64 = 7, expiry: BlockHeight = BlockHeight(500)
    ) throws {
        try offer(amount, from: side, payment: payment, expiry: expiry)
        try settle()
    }

    /// Claims after `settle()` at a channel without HTLCs: every copy of every view says the same.
    func expectQuiet() {
        for peer in [alice, bob] {
            #expect(peer.channel.isQuiet && peer.pool.count == 0 && peer.inbox.isEmpty && peer.held.isEmpty)
            #expect(peer.channel.local == peer.channel.remote)
            #expect(peer.channel.local.offered == .zero && peer.channel.local.received == .zero)
            #expect(peer.channel.local.htlcSum == 0 && peer.channel.local.untrimmedCount == 0)
        }
        #expect(alice.channel.local == bob.channel.remote.mirrored)
        #expect(alice.channel.localNumber == bob.channel.remoteNumber)
        #expect(bob.channel.localNumber == alice.channel.remoteNumber)
    }

    // MARK: Transactions

    /// Where the channel's money lies: the first output of block 0.
    static let funding = Chain.genesisOutpoint(0)

    var fundingOutput: Output {
        PaymentChannels.fundingOutput(
            capacity: alice.channel.terms.capacity, alice.keys.funding.publicKey, bob.keys.funding.publicKey)
    }

    func context(of side: Side) -> CommitmentContext {
        CommitmentContext(
            funding: Self.funding, ours: self[side].keys.publicKeys, theirs: self[side.other].keys.publicKeys,
            paymentHash: { sha256(preimage($0)) })
    }

    /// The party's latest commitment, rebuilt now.
    func latest(of side: Side) -> CommitmentTransaction? {
        let peer = self[side]
        let point = peer.keys.perCommitmentPoint(peer.channel.localNumber)
        return peer.channel.latestCommitment(context(of: side), point: point, in: peer.pool)
    }
}

/// The preimage of a payment of these tests.
func preimage(_ payment: UInt64) -> Bytes32 { Bytes32(words: payment, 0, 0, 0) }

func sat(_ value: UInt64) -> Millisatoshi { Millisatoshi(Satoshi(value)) }

extension ChannelTerms {
    /// Terms without limits, fees or dust, but for those given.
    static func free(
        capacity: UInt64 = 1_000_000, dust: UInt64 = 0, reserve: UInt64 = 0, inFlight: Millisatoshi? = nil,
        slots: UInt16 = 483, feerate: UInt32 = 0, anchors: Bool = false, delay: UInt16 = 144
    ) -> ChannelTerms {
        ChannelTerms(
            capacity: Satoshi(capacity), dustLimit: Satoshi(dust), channelReserve: Satoshi(reserve),
            htlcValueInFlightMaximum: inFlight ?? sat(capacity), acceptedHTLCsMaximum: slots,
            toSelfDelay: delay,
            feeratePerKiloweight: feerate, hasAnchors: anchors)
    }
}
