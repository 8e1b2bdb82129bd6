import Cryptography
import EventSimulation
import LightningTypes
import PaymentChannels
import Settlement

// Opening (BOLT 2, "Channel Establishment v1") and cooperative closing ("Channel Close") on layer 1. The funder pays.
extension NetworkShard {
    // MARK: Opening

    /// How long a node waits for a peer that is away before it tries again: ten minutes.
    private static let retryInterval: UInt64 = 600_000_000

    func beginOpening(
        of end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) throws(ProtocolViolation) {
        // The funder looks into its wallet first: what it cannot pay for it does not begin.
        let node = Int(shard.process)
        guard world.nodes[node].wallet.total > world.topology.channels[end.channel].capacity else {
            statistics.openingsRefused += 1
            return
        }
        if isCutOff(end) {
            shard.send(
                to: shard.process, after: Self.retryInterval, NetworkMessage(.openTimer, end: end))
        } else if world.hasFeeMarket {
            ask(.funding, of: end, &shard)
        } else {
            try sendOpen(end, &shard)
        }
    }

    private func isCutOff(_ end: DirectionIndex) -> Bool {
        world.links?[Int(end.rawValue)].isDown ?? false
            || world.nodes[Int(world.owners[Int(end.rawValue)])].isAway
    }

    /// The fees are known.
    func sendOpen(_ end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) throws(ProtocolViolation) {
        try world.channels[Int(end.rawValue)].beginOpening()
        send(NetworkMessage(.openChannel, end: end), from: end, &shard)
    }

    func receiveOpen(at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) throws(ProtocolViolation) {
        try world.channels[Int(end.rawValue)].beginOpening()
        send(NetworkMessage(.acceptChannel, end: end), from: end, &shard)
    }

    func receiveAccept(at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) throws(ProtocolViolation)
    {
        let position = Int(end.rawValue)
        let output = world.fundingOutput(ofChannel: end.channel)
        let node = Int32(shard.process)
        let paid = world.nodes[Int(node)].wallet.pay(
            output, feeratePerKiloweight: feerates.removeValue(forKey: end) ?? world.feeratePerKiloweight,
            with: world.keys.walletKey(node))
        guard let paid else {
            // Another opening took the money in between.
            statistics.openingsRefused += 1
            world.channels[position].abandonOpening()
            return
        }
        world.fundings[position] = paid.transaction.outpoint(0)
        world.books(of: end).pointee.measured.openingCost += Millisatoshi(paid.fee)
        fundingTransactions[end] = paid.transaction
        fundingOrder.made(paid.transaction.outpoint(0).transaction)
        statistics.primitives.signatures += UInt64(paid.transaction.inputs.count)
        statistics.primitives.transactionHashes += 1
        var message = NetworkMessage(.fundingCreated, end: end)
        message.attachment = shard.attachments.allocate(count: fundingSize)
        writeFunding(paid.transaction.outpoint(0), end, to: message.attachment, &shard)
        shard.fold(paid.transaction.id.bytes.words.0, paid.fee.rawValue)
        send(message, from: end, &shard)
    }

    func receiveFundingCreated(
        _ message: NetworkMessage, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) throws(ProtocolViolation) {
        let position = Int(end.rawValue)
        world.fundings[position] = try readFunding(message.attachment, at: end, &shard)
        try world.channels[position].fund()
        let channel = world.topology.channels[end.channel]
        world.books(of: end).pointee.receivedPush = channel.pushed
        noteCapital(of: end, shard)
        var answer = NetworkMessage(.fundingSigned, end: end)
        answer.attachment = shard.attachments.allocate(count: fundingSize)
        writeFunding(world.fundings[position], end, to: answer.attachment, &shard)
        watch(world.fundings[position].transaction, .funding, end, &shard)
        send(answer, from: end, &shard)
    }

    func receiveFundingSigned(
        _ message: NetworkMessage, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) throws(ProtocolViolation) {
        let position = Int(end.rawValue)
        _ = try readFunding(message.attachment, at: end, &shard)
        try world.channels[position].fund()
        world.books(of: end).pointee.pushed = world.topology.channels[end.channel].pushed
        noteCapital(of: end, shard)
        guard let transaction = fundingTransactions[end] else {
            preconditionFailure("funding_signed for a transaction that was never made")
        }
        if fundingOrder.mustWait(end, transaction) {
            watch(transaction.id, .funding, end, &shard)
            return
        }
        broadcastFunding(transaction, of: end, &shard)
        watch(transaction.id, .funding, end, &shard)
        for (child, transaction) in released(by: transaction) {
            broadcastFunding(transaction, of: child, &shard)
        }
    }

    private func broadcastFunding(
        _ transaction: Transaction, of end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) {
        fundingTransactions[end] = nil
        fundingOrder.sent(transaction.id)
        broadcast(transaction, .funding, end, &shard)
    }

    /// The signed funding transactions that only waited for this one, and those that waited for them, in order.
    private func released(by transaction: Transaction) -> [(end: DirectionIndex, transaction: Transaction)] {
        var all: [(end: DirectionIndex, transaction: Transaction)] = []
        var parents = [transaction.id]
        while let parent = parents.popLast() {
            for end in fundingOrder.waiting(for: parent) {
                guard let child = fundingTransactions[end] else {
                    preconditionFailure("a transaction that waits was never made")
                }
                if fundingOrder.mustWait(end, child) { continue }
                fundingOrder.sent(child.id)
                all.append((end, child))
                parents.append(child.id)
            }
        }
        return all
    }

    /// BOLT 2: `channel_ready` follows `minimum_depth` confirmations; the channel is usable once both have sent it.
    private func fundingConfirmed(_ end: DirectionIndex, _ shard: inout Shard<NetworkMessage>)
        throws(ProtocolViolation)
    {
        try world.channels[Int(end.rawValue)].sendReady()
        send(NetworkMessage(.channelReady, end: end), from: end, &shard)
        announceIfReady(end, &shard)
    }

    func receiveReady(at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) throws(ProtocolViolation)
    {
        // After a broken connection it may come again.
        let isAwaited = world.channels[Int(end.rawValue)].phase == .awaitingReady
        try world.channels[Int(end.rawValue)].receiveReady()
        if isAwaited { announceIfReady(end, &shard) }
    }

    private func announceIfReady(_ end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        let position = Int(end.rawValue)
        guard world.channels[position].phase == .normal else { return }
        if world.channels[position].isFunder { statistics.channelsOpened += 1 }
        if world.channels[position].isUsable {
            announce(end, isEnabled: true, &shard)
        } else {
            // The time to close came while the channel was still opening.
            beginClosing(of: end, &shard)
        }
    }

    func announce(_ end: DirectionIndex, isEnabled: Bool, _ shard: inout Shard<NetworkMessage>) {
        if isEnabled, world.policies[Int(end.rawValue)] != world.firstPolicy(of: end) {
            return announcePolicy(of: end, &shard)
        }
        var message = NetworkMessage(.channelUpdate, end: end)
        message.id = isEnabled ? 1 : 0
        shard.send(to: world.gossipProcess, after: world.lookahead, message)
    }

    // MARK: funding_created and funding_signed carry an outpoint and, with eager signatures, one of commitment 0.

    private var fundingSize: Int { 36 + (isEager ? MemoryLayout<Signature>.size : 0) }

    private func writeFunding(
        _ outpoint: Outpoint, _ end: DirectionIndex, to attachment: Attachment,
        _ shard: inout Shard<NetworkMessage>
    ) {
        let bytes = shard.attachments.bytes(of: attachment)
        outpoint.transaction.bytes.withUnsafeBytes { bytes.copyBytes(from: $0) }
        bytes.storeBytes(of: outpoint.index, toByteOffset: 32, as: UInt32.self)
        guard isEager else { return }
        let session = session(of: end)
        let commitment = world.channels[Int(end.rawValue)].signedRemoteCommitment(
            context(of: end), point: session.theirPoint(0), in: htlcs)
        statistics.primitives.count(signaturesMade: 1)
        CommitmentSignatures(commitment, with: session.keys).all[0].withUnsafeBytes {
            UnsafeMutableRawBufferPointer(rebasing: bytes[36...]).copyBytes(from: $0)
        }
    }

    /// The outpoint; the channel fails where the signature is not valid.
    private func readFunding(
        _ attachment: Attachment, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) throws(ProtocolViolation) -> Outpoint {
        let bytes = UnsafeRawBufferPointer(shard.attachments.bytes(of: attachment))
        let outpoint = Outpoint(
            transaction: TransactionID(Bytes32(bytes: UnsafeRawBufferPointer(rebasing: bytes[..<32]))),
            index: bytes.loadUnaligned(fromByteOffset: 32, as: UInt32.self))
        let signature = isEager ? Signature(bytes: UnsafeRawBufferPointer(rebasing: bytes[36...])) : nil
        shard.attachments.release(attachment)
        if let signature {
            world.fundings[Int(end.rawValue)] = outpoint
            let session = session(of: end)
            let commitment = world.channels[Int(end.rawValue)].latestCommitment(
                context(of: end), point: session.point(0), in: htlcs)
            statistics.primitives.count(signaturesVerified: 1)
            guard let commitment,
                CommitmentSignatures(all: [signature]).areValid(for: commitment, by: session.theirs)
            else { throw .badSignature(number: 0) }
        }
        return outpoint
    }

    // MARK: Layer 1

    func broadcast(
        _ transaction: Transaction, _ purpose: TransactionPurpose, _ end: DirectionIndex,
        _ shard: inout Shard<NetworkMessage>
    ) {
        var message = NetworkMessage(.broadcastTransaction, end: end)
        message.purpose = purpose
        message.attachment = shard.attach(transaction.encoded())
        shard.send(to: world.layerOneProcess, after: world.lookahead, message)
    }

    private func watch(
        _ id: TransactionID, _ purpose: TransactionPurpose, _ end: DirectionIndex,
        _ shard: inout Shard<NetworkMessage>
    ) {
        var message = NetworkMessage(.watchTransaction, end: end)
        message.purpose = purpose
        // Where blocks may be undone, what an agreed closing brings is not reckoned with at once.
        let closingDepth = world.hasFaults ? world.finality : 1
        message.id = UInt64(purpose == .funding ? world.topology.layerOne.confirmations : closingDepth)
        message.attachment = shard.attach([id.bytes])
        shard.send(to: world.layerOneProcess, after: world.lookahead, message)
    }

    func receiveConfirmation(
        _ message: NetworkMessage, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) throws(ProtocolViolation) {
        switch message.purpose {
        case .funding:
            if world.channels[Int(end.rawValue)].phase == .awaitingReady { try fundingConfirmed(end, &shard) }
        case .closing: closingConfirmed(end, &shard)
        case .commitment, .feeBump, .claim, .penalty:
            preconditionFailure("nobody waits for a \(message.purpose)")
        }
    }

    // MARK: Closing

    /// The funder asks for a cooperative close, or will once the channel is open.
    func beginClosing(of end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        let position = Int(end.rawValue)
        world.channels[position].stopOffering()
        guard world.channels[position].phase == .normal else { return }
        if world.channels[position].changesToCommit == 0, !world.channels[position].awaitsReestablish {
            shutDown(end, &shard)
        } else {
            // BOLT 2: no shutdown while own updates are not signed for.
            let isWaiting = isCutOff(end) || world.channels[position].awaitsReestablish
            shard.send(
                to: shard.process,
                after: isWaiting ? Self.retryInterval : max(world.commitmentInterval, 1_000),
                NetworkMessage(.closeTimer, end: end))
        }
    }

    private func shutDown(_ end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        world.channels[Int(end.rawValue)].sendShutdown()
        announce(end, isEnabled: false, &shard)
        send(NetworkMessage(.shutdown, end: end), from: end, &shard)
    }

    func receiveShutdown(at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>)
        throws(ProtocolViolation)
    {
        let position = Int(end.rawValue)
        // Agreed already: the peer, whose connection broke, will propose the same again.
        if world.channels[position].phase == .closing { return }
        try world.channels[position].receiveShutdown()
        continueClosing(of: end, &shard)
    }

    /// Answers `shutdown` once own changes are signed for, and begins `closing_signed` once nothing is pending.
    func continueClosing(of end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        let position = Int(end.rawValue)
        if world.channels[position].owesShutdown { shutDown(end, &shard) }
        guard world.channels[position].isFunder, world.channels[position].canSignClosing,
            closings[end] == nil
        else { return }
        if world.hasFeeMarket, feerates[end] == nil { return ask(.closing, of: end, &shard) }
        let feerate = feerates.removeValue(forKey: end) ?? world.feeratePerKiloweight
        guard let closing = closing(of: end, feerate) else {
            // A channel too small to pay for its closing stays as it is; after another connection it may try again.
            return
        }
        closings[end] = closing
        sendClosingSigned(closing, feerate, end, &shard)
    }

    private func closing(of end: DirectionIndex, _ feerate: UInt64) -> Transaction? {
        let node = Int32(world.owners[Int(end.rawValue)])
        let peer = Int32(world.owners[Int(end.reversed.rawValue)])
        return closingTransaction(
            world.channels[Int(end.rawValue)], funding: world.fundings[Int(end.rawValue)],
            fundedBy: world.fundingOutput(ofChannel: end.channel), ours: world.keys.walletKey(node).publicKey,
            theirs: world.keys.walletKey(peer).publicKey, feeratePerKiloweight: feerate)
    }

    private func sendClosingSigned(
        _ closing: Transaction, _ feerate: UInt64, _ end: DirectionIndex,
        _ shard: inout Shard<NetworkMessage>
    ) {
        let paid = closing.outputs.reduce(Satoshi.zero) { $0 + $1.value }
        var message = NetworkMessage(.closingSigned, end: end)
        message.amount = (world.topology.channels[end.channel].capacity - paid).rawValue
        if world.hasFeeMarket { message.expiry = UInt32(clamping: feerate) }
        message.attachment = shard.attach([world.keys.fundingKey(end).signature(of: closing.signatureHash)])
        statistics.primitives.signatures += 1
        statistics.primitives.transactionHashes += 1
        send(message, from: end, &shard)
    }

    func receiveClosingSigned(
        _ message: NetworkMessage, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) throws(ProtocolViolation) {
        let position = Int(end.rawValue)
        let signature: [Signature] = detach(message.attachment, &shard)
        // The funder pays, so its first proposal is the one to accept; what it comes to follows from its rate.
        let feerate = world.hasFeeMarket ? UInt64(message.expiry) : world.feeratePerKiloweight
        let isAgain = world.channels[position].phase == .closing
        guard let closing = closings.removeValue(forKey: end) ?? closing(of: end, feerate) else {
            throw .closingFeeOutOfRange
        }
        let theirKey = world.keys.fundingKey(end.reversed).publicKey
        let paid = closing.outputs.reduce(Satoshi.zero) { $0 + $1.value }
        guard message.amount == (world.topology.channels[end.channel].capacity - paid).rawValue else {
            throw .closingFeeOutOfRange
        }
        let hash = closing.signatureHash
        statistics.primitives.verifications += 1
        statistics.primitives.transactionHashes += 1
        guard theirKey.verifies(signature[0], of: hash) else {
            throw .badSignature(number: world.channels[position].localNumber)
        }
        let isFunder = world.channels[position].isFunder
        if !isFunder { sendClosingSigned(closing, feerate, end, &shard) }
        if isAgain {
            closings[end] = closing
            return
        }
        try world.channels[position].beginClosing()
        shard.fold(closing.id.bytes.words.0, paid.rawValue)
        watch(closing.id, .closing, end, &shard)
        // Where messages may be lost, whoever has both signatures sees to it that the transaction gets out.
        if isFunder || world.hasFaults {
            let ownKey = world.keys.fundingKey(end)
            var complete = closing
            complete.inputs[0].witness = fundingWitness(
                (ownKey.publicKey, ownKey.signature(of: hash)), (theirKey, signature[0]))
            statistics.primitives.signatures += 1
            broadcast(complete, .closing, end, &shard)
        }
        closings[end] = closing
    }

    /// The channel's money is back in the wallet; what the transaction took or dropped is this side's cost.
    private func closingConfirmed(_ end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        let position = Int(end.rawValue)
        guard let closing = closings.removeValue(forKey: end) else {
            // A commitment has taken its place.
            precondition(world.hasFaults, "an unknown closing transaction is confirmed")
            return
        }
        let key = world.keys.walletKey(Int32(shard.process)).publicKey
        var cost = world.channels[position].local.ours
        for (index, output) in closing.outputs.enumerated() where output.conditions[0].keys == [key] {
            let outpoint = closing.outpoint(UInt32(index))
            world.nodes[Int(shard.process)].wallet.receive(
                Wallet.Coin(outpoint: outpoint, value: output.value))
            cost -= Millisatoshi(output.value)
        }
        world.books(of: end).pointee.measured.closingCost += cost
        world.channels[position].close()
        world.books(of: end).pointee.capital.close(at: shard.now)
        if world.channels[position].isFunder { statistics.channelsClosed += 1 }
    }
}
