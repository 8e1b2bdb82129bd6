import Cryptography
import EventSimulation
import LightningTypes
import PaymentChannels
import Settlement

extension OnChainDeadlines {
    /// BOLT 2's, but for three blocks in which an HTLC can be removed in the usual way (rust-lightning's
    /// `LATENCY_GRACE_PERIOD_BLOCKS`). A payment's last HTLC comes 18 blocks before its expiry where the invoice says
    /// no more: without them, every block that comes while it is being settled would force its channel on chain.
    fileprivate static let network = OnChainDeadlines(grace: 2, fulfillment: 15)
}

// Channels that are resolved on chain (BOLT 5): when a node goes there, what it does with what layer 1 tells, and what
// it books.
extension NetworkShard {
    // MARK: Deadlines

    /// Sees to it that the node looks at a channel's HTLCs when the first of them may force it on chain.
    func armDeadline(of end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        guard let links = world.links,
            PlantedBug.planted != .missesDeadlines,
            let height = nextDeadline(of: end, shard), height < links[Int(end.rawValue)].deadline
        else { return }
        links[Int(end.rawValue)].deadline = height
        shard.send(
            to: shard.process, at: max(clock.time(of: height), shard.now),
            NetworkMessage(.deadlineTimer, end: end))
    }

    /// The next height at which an HTLC may have to be resolved on chain, as far as is known by now.
    private func nextDeadline(
        of end: DirectionIndex, _ shard: borrowing Shard<NetworkMessage>
    ) -> BlockHeight? {
        let channel = world.channels[Int(end.rawValue)]
        switch channel.phase {
        case .normal, .shuttingDown: break
        case .planned, .opening, .awaitingReady, .closing, .closed, .failed, .lostData: return nil
        }
        let next = height(shard) + 1
        return channel.htlcs(in: htlcs).map { htlc in
            let deadlines = OnChainDeadlines.network
            if htlc.state.isOffered { return max(htlc.expiry + deadlines.grace, next) }
            let expiry = htlc.expiry.rawValue
            return max(BlockHeight(expiry - min(expiry, deadlines.fulfillment)), next)
        }.min()
    }

    func checkDeadline(of end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        // An HTLC with a nearer deadline may have come after this timer was set.
        if let links = world.links, links[Int(end.rawValue)].deadline <= height(shard) {
            links[Int(end.rawValue)].deadline = BlockHeight(.max)
        }
        // It looks again when it is back.
        guard !world.nodes[Int(shard.process)].isAway else { return }
        let channel = world.channels[Int(end.rawValue)]
        let isAlive = channel.phase == .normal || channel.phase == .shuttingDown
        if isAlive,
            let deadline = channel.onChainDeadline(.network, in: htlcs, knowsPreimage: { _ in false }),
            deadline <= height(shard)
        {
            goOnChain(with: end, &shard)
        } else {
            armDeadline(of: end, &shard)
        }
    }

    // MARK: Going on chain

    /// Gives a channel up; its latest commitment, or a cheat's choice, is published once layer 1 has told the fees.
    func goOnChain(
        with end: DirectionIndex, cheating old: OldCommitment? = nil, _ shard: inout Shard<NetworkMessage>
    ) {
        let position = Int(end.rawValue)
        switch world.channels[position].phase {
        case .awaitingReady, .normal, .shuttingDown: break
        // By a `channel_reestablish` that shows that the peer has lost its state.
        case .failed where disputes[end] == nil: break
        // What both have agreed on is on its way already.
        case .planned, .opening, .closing, .closed, .failed, .lostData: return
        }
        giveUp(end, &shard)
        disputes[end] = Dispute(cheatsWith: old, isBreach: old != nil)
        ask(.commitment, of: end, &shard)
    }

    private func giveUp(_ end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        let position = Int(end.rawValue)
        closings[end] = nil
        feerates[end] = nil
        switch world.channels[position].phase {
        case .awaitingReady, .normal, .shuttingDown, .closing:
            world.channels[position].fail()
            announce(end, isEnabled: false, &shard)
        case .failed: announce(end, isEnabled: false, &shard)
        case .planned, .opening, .closed, .lostData: break
        }
    }

    /// Asks layer 1 for fees and for what concerns a channel, at once or at a height.
    func ask(
        _ purpose: TransactionPurpose, of end: DirectionIndex, at height: BlockHeight = BlockHeight(0),
        _ shard: inout Shard<NetworkMessage>
    ) {
        var message = NetworkMessage(.layerOneQuestion, end: end)
        message.purpose = purpose
        message.id = UInt64(height.rawValue)
        shard.send(to: world.layerOneProcess, after: world.lookahead, message)
    }

    // MARK: Cheats

    /// Keeps the commitment that is about to be revoked, if it is better for this party than the one kept.
    func archive(at end: DirectionIndex) {
        let channel = world.channels[Int(end.rawValue)]
        guard
            let commitment = channel.latestCommitment(
                context(of: end), point: session(of: end).keys.perCommitmentPoint(channel.localNumber),
                in: htlcs)
        else { return }
        let own = session(of: end).publicKeys.delayedPayment
        let worth = commitment.transaction.outputs.reduce(Satoshi.zero) { sum, output in
            output.conditions.count == 2 && output.conditions[1].keys == [own] ? sum + output.value : sum
        }
        if let kept = archives[end], kept.worth >= worth { return }
        archives[end] = OldCommitment(number: channel.localNumber, commitment: commitment, worth: worth)
    }

    func cheat(at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        guard let old = archives.removeValue(forKey: end),
            old.number < world.channels[Int(end.rawValue)].localNumber
        else { return }
        switch world.channels[Int(end.rawValue)].phase {
        case .normal, .shuttingDown:
            goOnChain(with: end, cheating: old, &shard)
        case .planned, .opening, .awaitingReady, .closing, .closed, .failed, .lostData: return
        }
    }

    // MARK: What layer 1 tells

    func receiveNews(
        _ message: NetworkMessage, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) throws(ProtocolViolation) {
        let height = BlockHeight(UInt32(message.id))
        guard message.kind == .blockNews else {
            guard disputes[end]?.monitor != nil else { return }
            let effects = disputes[end]!.monitor!.disconnect(to: height)
            return perform(effects, at: end, height, &shard)
        }
        let bytes = UnsafeRawBufferPointer(shard.attachments.bytes(of: message.attachment))
        guard let news = ChainNews(decoding: bytes) else { preconditionFailure("layer 1 told nonsense") }
        shard.attachments.release(message.attachment)
        let position = Int(end.rawValue)
        switch message.purpose {
        case .funding where world.channels[position].phase == .planned:
            feerates[end] = news.estimates.feerate(within: 6)
            return try sendOpen(end, &shard)
        case .closing where world.channels[position].phase == .shuttingDown:
            feerates[end] = news.estimates.feerate(within: 6)
            continueClosing(of: end, &shard)
        case .funding, .closing, .commitment, .feeBump, .claim, .penalty: break
        }
        // Whatever it tells, layer 1 waits for another question.
        disputes[end]?.asked = nil
        if disputes[end] == nil {
            guard let spend = news.transactions.first, world.channels[position].isFunded,
                spend.inputs.first?.outpoint == world.fundings[position],
                // Waited for already; a proposal whose answer was lost is not.
                world.channels[position].phase != .closing || closings[end]?.id != spend.id
            else { return }
            giveUp(end, &shard)
            disputes[end] = Dispute()
        }
        var wallet = feeWallet(of: shard.process)
        let before = wallet.total
        let isNew = disputes[end]!.monitor == nil
        if isNew {
            guard message.purpose == .commitment || !news.transactions.isEmpty else { return }
            disputes[end]!.monitor = makeMonitor(of: end)
        }
        let effects =
            if isNew, news.transactions.isEmpty {
                disputes[end]!.monitor!.publish(
                    try ownCommitment(of: end, disputes[end]!.cheatsWith), at: height, news.estimates, &wallet
                )
            } else {
                disputes[end]!.monitor!.connect(news.transactions, at: height, news.estimates, &wallet)
            }
        disputes[end]!.balance -= Int64(before.rawValue) - Int64(wallet.total.rawValue)
        world.nodes[Int(shard.process)].wallet.coins = wallet.coins
        perform(effects, at: end, height, &shard)
    }

    private func feeWallet(of node: UInt32) -> FeeWallet {
        FeeWallet(key: world.keys.walletKey(Int32(node)), coins: world.nodes[Int(node)].wallet.coins)
    }

    /// A monitor of a channel as it was given up, or as an old backup has it.
    private func makeMonitor(of end: DirectionIndex) -> ChannelMonitor {
        let surroundings = surroundings(of: end)
        if let backup = backups[end], backup.isInUse {
            var pool = HTLCPool()
            return ChannelMonitor(backup.restored(in: &pool), in: pool, surroundings)
        }
        let channel = world.channels[Int(end.rawValue)]
        var monitor = ChannelMonitor(channel, in: htlcs, surroundings)
        for htlc in channel.htlcs(in: htlcs) {
            if htlc.state.isOffered {
                guard htlc.partnerChannel < refundedUpstreamMark, !HTLCIndex(htlc.partner).isNone else {
                    continue
                }
                monitor.setUpstreamExpiry(
                    htlcs[HTLCIndex(htlc.partner)].expiry, of: .init(isOffered: true, id: htlc.id))
            } else if htlc.removal == .fulfilled {
                monitor.learn(world.keys.preimage(htlc.payment))
            }
        }
        for payment in disputes[end]?.preimages ?? [] { monitor.learn(world.keys.preimage(payment)) }
        return monitor
    }

    func surroundings(of end: DirectionIndex) -> ChannelMonitor.Surroundings {
        let peer = world.keys.channelKeys(end.reversed)
        var rules = world.rules
        // Where rates never change, none is to be waited for.
        if !world.hasFeeMarket {
            rules.feerateMinimum = max(rules.feerateMinimum, world.feeratePerKiloweight)
        }
        return ChannelMonitor.Surroundings(
            context: context(of: end), keys: session(of: end).keys, rules: rules,
            finality: world.finality,
            // What the peer has revealed; with lazy signatures it is derived when it is needed.
            revocationSecret: { peer.perCommitmentSecret($0) })
    }

    /// The commitment to publish, signed by both. With lazy signatures the peer's are made now: the same bytes.
    private func ownCommitment(
        of end: DirectionIndex, _ old: OldCommitment?
    ) throws(ProtocolViolation) -> OwnCommitment {
        let session = session(of: end)
        let channel = world.channels[Int(end.rawValue)]
        let latest = channel.latestCommitment(
            context(of: end), point: session.keys.perCommitmentPoint(channel.localNumber), in: htlcs)
        guard let commitment = old?.commitment ?? latest else {
            throw .commitmentMismatch(number: channel.localNumber)
        }
        let theirs = CommitmentSignatures(commitment, with: world.keys.channelKeys(end.reversed))
        statistics.primitives.count(signaturesMade: theirs.all.count)
        return OwnCommitment(commitment, theirs: theirs, keys: session.keys, peer: session.theirs)
    }

    // MARK: What the monitor finds

    private func perform(
        _ effects: [MonitorEffect], at end: DirectionIndex, _ height: BlockHeight,
        _ shard: inout Shard<NetworkMessage>
    ) {
        let node = Int(shard.process)
        for effect in effects {
            switch effect {
            case .broadcast(let transaction):
                shard.fold(transaction.id.bytes.words.0, UInt64(end.rawValue))
                broadcast(transaction, purpose(of: transaction, at: end), end, &shard)
            case .learned(_, let htlc): learn(htlc.key, at: end, &shard)
            case .resolved(let htlc, let removal): resolve(htlc.key, as: removal, at: end, &shard)
            case .breach:
                disputes[end]!.isBreach = true
                statistics.breaches += 1
            case .received(let coin): credit([coin], to: node, at: end, &shard)
            case .released(let coins): credit(coins, to: node, at: end, &shard)
            case .closed(let spend): conclude(end, spend, &shard)
            }
        }
        askAgain(end, &shard)
    }

    private func credit(
        _ coins: [FeeWallet.Coin], to node: Int, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) {
        for coin in coins {
            world.nodes[node].wallet.receive(coin)
            disputes[end]!.balance += Int64(coin.value.rawValue)
            guard disputes[end]!.isConcluded else { continue }
            world.books(of: end).pointee.measured.penalties += Int64(Millisatoshi(coin.value).rawValue)
            shard.fold(coin.value.rawValue, UInt64(end.rawValue))
        }
    }

    /// Has layer 1 tell at the next height at which there is something to do.
    private func askAgain(_ end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        guard let dispute = disputes[end], let next = dispute.monitor?.nextHeight, dispute.asked != next
        else { return }
        disputes[end]!.asked = next
        ask(.claim, of: end, at: next, &shard)
    }

    private func purpose(of transaction: Transaction, at end: DirectionIndex) -> TransactionPurpose {
        guard let input = transaction.inputs.first else { return .claim }
        if input.outpoint == world.fundings[Int(end.rawValue)] { return .commitment }
        guard let witness = input.witness, witness.condition == 0 else { return .claim }
        if witness.secret != nil { return .penalty }
        // An anchor's, or the balance on the peer's commitment.
        return transaction.inputs.count > 1 ? .feeBump : .claim
    }

    private func place(of key: MonitoredHTLC.Key, at end: DirectionIndex) -> HTLCIndex? {
        world.channels[Int(end.rawValue)].htlcIndices(in: htlcs).first {
            htlcs[$0].id == key.id && htlcs[$0].state.isOffered == key.isOffered
        }
    }

    /// The chain has shown a preimage.
    private func learn(
        _ key: MonitoredHTLC.Key, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) {
        guard let index = place(of: key, at: end), !htlcs[index].hasPreimage else { return }
        htlcs[index].keepPreimage()
        passOn(htlcs[index], &shard)
    }

    /// A preimage for an HTLC of a channel that is on chain.
    func claim(_ index: HTLCIndex, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        guard disputes[end] != nil else { return }
        disputes[end]!.preimages.insert(htlcs[index].payment)
        disputes[end]!.monitor?.learn(world.keys.preimage(htlcs[index].payment))
        // At the next block there may be something to claim.
        ask(.claim, of: end, &shard)
    }

    private func resolve(
        _ key: MonitoredHTLC.Key, as removal: HTLCRemoval, at end: DirectionIndex,
        _ shard: inout Shard<NetworkMessage>
    ) {
        guard let index = place(of: key, at: end) else { return }
        releaseOnion(of: index, &shard)
        if removal == .fulfilled, htlcs[index].state.isOffered, !htlcs[index].hasPreimage,
            PlantedBug.planted != .ignoresPreimagesOnChain
        {
            learn(key, at: end, &shard)
        }
        if htlcs[index].hasPreimage {
            // Whatever the chain made of it. Of one received, the mark says what became of its other half.
            if htlcs[index].state.isOffered { htlcs[index].keepPreimage() }
        } else if removal == .failed {
            // This node's own channel failed: as near as can be.
            htlcs[index].failure = UInt16(FailureName.permanentChannelFailure.rawValue) << 8 | 0xFF
        }
        let resolved = world.channels[Int(end.rawValue)].resolve(key, as: removal, in: &htlcs)
        noteCapital(of: end, shard)
        statistics.lastRevocation = shard.now
        if let resolved { finish(resolved, at: end, &shard) }
    }

    /// Nothing is left to do on chain: what came of it is booked.
    private func conclude(
        _ end: DirectionIndex, _ spend: FundingSpend, _ shard: inout Shard<NetworkMessage>
    ) {
        let position = Int(end.rawValue)
        // What an old backup knew nothing of is lost with it, but not what its receiver had fulfilled: that is paid.
        for htlc in world.channels[position].htlcs(in: htlcs) {
            let isPaid = htlc.state.isOffered && htlc.hasPreimage
            // Whoever does not know what became of a payment does not try again.
            if htlc.partnerChannel == ownPartMark, !isPaid { giveUpPayment(ofPart: htlc.partner) }
            resolve(
                .init(isOffered: htlc.state.isOffered, id: htlc.id), as: isPaid ? .fulfilled : .failed,
                at: end, &shard)
        }
        guard var dispute = disputes.removeValue(forKey: end) else { return }
        if let old = dispute.cheatsWith {
            // The other side's commitment may have been there first; revoked, it is a breach as well.
            let isOurs = spend == .ours(number: old.number)
            dispute.isBreach = isOurs || spend.isRevoked
            if isOurs, world.faults.isCheat(shard.process) { statistics.cheats += 1 }
        }
        backups[end] = nil
        archives[end] = nil
        if dispute.isBreach, world.isTowerClient(end) {
            disputes[end] = Dispute(monitor: dispute.monitor, isBreach: true, isConcluded: true)
        }
        let due = world.channels[position].local.ours
        let difference = dispute.balance * 1_000 - Int64(due.rawValue)
        let books = world.books(of: end)
        if dispute.isBreach {
            books.pointee.measured.penalties += difference
        } else if difference <= 0 {
            books.pointee.measured.closingCost += Millisatoshi(difference.magnitude)
            if PlantedBug.planted == .countsClosingTwice {
                books.pointee.measured.closingCost += Millisatoshi(difference.magnitude)
            }
        } else {
            books.pointee.measured.principal += difference
        }
        world.channels[position].close()
        books.pointee.capital.close(at: shard.now)
        shard.fold(UInt64(bitPattern: dispute.balance), due.rawValue)
        if world.channels[position].isFunder { statistics.channelsClosed += 1 }
    }
}
