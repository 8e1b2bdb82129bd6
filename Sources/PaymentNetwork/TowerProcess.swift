import EventSimulation
import LightningTypes
import PaymentChannels
import Settlement

/// The watchtower as a process: it takes appointments, sees blocks while it is not out, and broadcasts penalties that
/// its clients signed in advance.
///
/// A penalty is a pure function of the revoked commitment and the client's keys, so it is signed when the commitment is
/// seen: the same bytes as if the client had handed it over. What the tower has in place of it is which commitments it
/// was handed over for.
final class TowerProcess {
    let world: NetworkWorld
    /// By a client's end: the peer's commitments below this one can be punished.
    var handedOver: [DirectionIndex: UInt64] = [:]
    /// By a client's end: what is under way against a breach.
    var watches: [DirectionIndex: Watchtower] = [:]
    /// What came while it was out.
    var missed: [NetworkMessage] = []

    init(_ world: NetworkWorld) { self.world = world }

    private func isOut(_ now: UInt64) -> Bool { world.faults.towerReturns(now) != nil }

    func accept(_ message: NetworkMessage, _ shard: borrowing Shard<NetworkMessage>) {
        // Who does not reach it tries until it is back.
        if isOut(shard.now) { return missed.append(message) }
        handedOver[message.end] = max(handedOver[message.end] ?? 0, message.id + 1)
    }

    func receive(_ message: NetworkMessage, _ shard: inout Shard<NetworkMessage>) {
        if isOut(shard.now) { return missed.append(message) }
        let height = BlockHeight(UInt32(message.id))
        guard message.kind == .blockNews else {
            watches[message.end]?.disconnect(to: height)
            return
        }
        let bytes = UnsafeRawBufferPointer(shard.attachments.bytes(of: message.attachment))
        guard let news = ChainNews(decoding: bytes) else { preconditionFailure("layer 1 told nonsense") }
        shard.attachments.release(message.attachment)
        for transaction in news.transactions { recognise(transaction, against: message.end) }
        guard let answers = watches[message.end]?.connect(news.transactions, at: height, news.estimates)
        else { return }
        for transaction in answers {
            shard.fold(transaction.id.bytes.words.0, UInt64(message.end.rawValue))
            var broadcast = NetworkMessage(.broadcastTransaction, end: message.end)
            broadcast.purpose = .penalty
            broadcast.attachment = shard.attach(transaction.encoded())
            shard.send(to: world.layerOneProcess, after: world.lookahead, broadcast)
        }
        guard watches[message.end]?.isBusy == true else { return }
        var question = NetworkMessage(.layerOneQuestion, end: message.end)
        question.purpose = .claim
        question.id = UInt64(height.rawValue) + 1
        shard.send(to: world.layerOneProcess, after: world.lookahead, question)
    }

    /// Looks at what it missed.
    func comeBack(_ shard: inout Shard<NetworkMessage>) {
        if isOut(shard.now) { return }
        let messages = missed
        missed = []
        for message in messages {
            if message.kind == .towerUpdate { accept(message, shard) } else { receive(message, &shard) }
        }
    }

    /// Whether a transaction is a revoked commitment of the client's peer that the tower has an answer to.
    private func recognise(_ transaction: Transaction, against end: DirectionIndex) {
        guard let watchtower = world.topology.watchtower,
            transaction.inputs.first?.outpoint == world.fundings[Int(end.rawValue)]
        else { return }
        let channel = world.topology.channels[end.channel]
        let keys = world.keys.channelKeys(end)
        let peer = world.keys.channelKeys(end.reversed)
        let context = CommitmentContext(
            funding: world.fundings[Int(end.rawValue)], ours: keys.publicKeys, theirs: peer.publicKeys,
            paymentHash: { [keys = world.keys] in keys.paymentHash($0) })
        let isFunder = channel.payer(balance1: world.startingBalances[2 * end.channel]) == end.side
        guard let number = context.commitmentNumber(of: transaction, isFunder: isFunder),
            number < handedOver[end] ?? 0
        else { return }
        let client = TowerClient(
            keys: keys, terms: ChannelTerms(channel),
            tower: TowerTerms(
                feerates: [UInt64](sequence(first: 253) { $0 < 256_000 ? $0 * 2 : nil }),
                rewardPermille: watchtower.rewardPermille, key: world.keys.towerKey.publicKey),
            wallet: world.keys.walletKey(Int32(world.owners[Int(end.rawValue)])).publicKey)
        let secret = peer.perCommitmentSecret(number)
        guard let appointment = client.appointment(for: transaction, secret: secret) else { return }
        watches[end, default: Watchtower()].accept(appointment)
    }
}
