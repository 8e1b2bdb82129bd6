import Cryptography
import EventSimulation
import LightningTypes
import PaymentChannels
import Settlement
import Topologies

/// What a node saved of a channel some time before it lost the rest.
struct StaleBackup {
    var channel: Channel
    /// Oldest first.
    var htlcs: [HTLC]
    /// Whether it is all the node has of the channel.
    var isInUse = false

    /// The channel as it was, its HTLCs put into a pool.
    func restored(in pool: inout HTLCPool) -> Channel {
        var channel = channel.withoutHTLCs
        for htlc in htlcs { _ = channel.restore(htlc, in: &pool) }
        return channel
    }
}

/// Marks a forward's outgoing HTLC whose incoming one the chain gave back.
let refundedUpstreamMark = UInt32.max - 3

extension HTLC {
    /// Set where the preimage came with a message that was lost with its connection: it was passed on all the same.
    private static var knownPreimage: UInt16 { .max }

    /// Of an HTLC that was offered: whether this node has its preimage.
    var hasPreimage: Bool { removal == .fulfilled || hasKeptPreimage }

    /// Of an HTLC that was offered: whether the preimage was passed on before the HTLC was removed.
    var hasKeptPreimage: Bool { failure == Self.knownPreimage }

    mutating func keepPreimage() { failure = Self.knownPreimage }
}

// Links that break and come back (BOLT 2, "Message Retransmission"), and nodes that are away.
extension NetworkShard {
    /// Whether a message still reaches its receiver; its attachment is released, or kept for a node that is away.
    func isHeard(
        _ message: NetworkMessage, _ links: UnsafeMutablePointer<LinkState>,
        _ shard: inout Shard<NetworkMessage>
    ) -> Bool {
        if message.kind.isChainNews {
            guard shard.process < UInt32(world.nodeCount), world.nodes[Int(shard.process)].isAway else {
                return true
            }
            world.nodes[Int(shard.process)].missed.append(message)
            return false
        }
        guard message.kind.isWire, !message.kind.isEstablishment else { return true }
        let link = links[Int(message.end.rawValue)]
        let isOpen: Bool
        switch world.channels[Int(message.end.rawValue)].phase {
        case .planned, .closed, .failed, .lostData: isOpen = false
        case .opening, .awaitingReady, .normal, .shuttingDown, .closing: isOpen = true
        }
        if !link.isDown, link.connection == message.connection, isOpen { return true }
        shard.attachments.release(message.attachment)
        return false
    }

    // MARK: Breaking

    func linkDown(at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        guard let links = world.links else { return }
        let position = Int(end.rawValue)
        links[position].downCount += 1
        guard links[position].downCount == 1 else { return }
        links[position].connection &+= 1
        switch world.channels[position].phase {
        case .planned, .opening, .closing, .closed, .failed, .lostData: return
        case .awaitingReady, .normal, .shuttingDown: break
        }
        for index in world.channels[position].htlcIndices(in: htlcs) {
            // What the peer changed and did not sign for is forgotten.
            guard htlcs[index].state == .receivedAdd || htlcs[index].state == .receivedRemove else {
                continue
            }
            if htlcs[index].removal == .fulfilled { htlcs[index].keepPreimage() }
            releaseOnion(of: index, &shard)
        }
        world.channels[position].disconnect(in: &htlcs)
        noteCapital(of: end, shard)
        // The negotiation begins anew.
        if world.channels[position].phase == .shuttingDown { closings[end] = nil }
    }

    func releaseOnion(of index: HTLCIndex, _ shard: inout Shard<NetworkMessage>) {
        shard.attachments.release(Attachment(slot: htlcs[index].onion))
        htlcs[index].onion = Attachment.none.slot
    }

    // MARK: Coming back

    func linkUp(at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        guard let links = world.links else { return }
        let position = Int(end.rawValue)
        links[position].downCount -= 1
        guard !links[position].isDown else { return }
        let channel = world.channels[position]
        switch channel.phase {
        case .planned, .opening, .closed, .failed: return
        case .closing where channel.isFunder: return
        // The peer may not have heard that it is to publish its commitment.
        case .awaitingReady, .normal, .shuttingDown, .closing, .lostData: break
        }
        let numbers = (backups[end].flatMap { $0.isInUse ? $0.channel : nil } ?? channel).reestablish
        var message = NetworkMessage(.channelReestablish, end: end)
        message.id = numbers.nextCommitmentNumber
        message.amount = numbers.nextRevocationNumber
        send(message, from: end, &shard)
    }

    func receiveReestablish(
        _ message: NetworkMessage, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) {
        let position = Int(end.rawValue)
        let numbers = ChannelReestablish(
            nextCommitmentNumber: message.id, nextRevocationNumber: message.amount)
        if let backup = backups[end], backup.isInUse {
            return compare(backup, with: numbers, at: end, &shard)
        }
        guard world.channels[position].awaitsReestablish else { return }
        do throws(ReestablishFailure) {
            let again = try world.channels[position].receiveReestablish(
                numbers, provesSecret: true, in: htlcs)
            for message in again { retransmit(message, at: end, &shard) }
            if world.channels[position].phase == .shuttingDown { continueClosing(of: end, &shard) }
            scheduleCommit(at: end, &shard)
        } catch {
            switch error {
            case .peerLostData: goOnChain(with: end, &shard)
            case .lostData, .inconsistent, .notAwaited:
                breakdown =
                    breakdown ?? "\(describe(end)) cannot go on after a reconnection: \(error)"
            }
        }
    }

    /// BOLT 2, "Message Retransmission".
    private func retransmit(
        _ message: Retransmission, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) {
        switch message {
        case .channelReady: send(NetworkMessage(.channelReady, end: end), from: end, &shard)
        case .removal(let index): sendRemoval(of: index, at: end, &shard)
        case .fee(let feerate): sendFee(feerate, from: end, &shard)
        case .add(let index): sendAdd(index, from: end, &shard)
        case .commitmentSigned(let signed): send(signed, at: end, &shard)
        case .revokeAndAck(let number):
            var answer = NetworkMessage(.revokeAndAck, end: end)
            answer.id = number
            if isEager {
                let secret = session(of: end).revocationAgain(number)
                answer.attachment = shard.attach([secret.secret, secret.nextPoint])
            }
            send(answer, from: end, &shard)
        case .shutdown: send(NetworkMessage(.shutdown, end: end), from: end, &shard)
        }
    }

    // MARK: Nodes that are away

    /// A planned fault begins or ends.
    func happen(_ message: NetworkMessage, _ shard: inout Shard<NetworkMessage>) {
        let fault = world.faults.fault(Int(message.id))
        guard let moment = FaultMoment(rawValue: message.amount) else {
            preconditionFailure("no such moment of a fault")
        }
        switch fault.kind {
        case .offline: changePresence(moment, &shard)
        case .staleBackup:
            switch moment {
            case .backup: save(&shard)
            case .begin: changePresence(.begin, &shard)
            case .end:
                restoreBackups(&shard)
                changePresence(.end, &shard)
            }
        case .cheat:
            for end in world.ends(of: Int(shard.process), concernedBy: fault) { cheat(at: end, &shard) }
        case .forceClose:
            for end in world.ends(of: Int(shard.process), concernedBy: fault) {
                goOnChain(with: end, &shard)
            }
        case .feeSpike: layerOne?.raiseDemand(by: fault.factor, &shard, &clock)
        case .reorganisation: layerOne?.planReorganisation(of: fault.depth, &shard, &clock)
        case .towerOutage: tower?.comeBack(&shard)
        case .disconnect, .hold, .emptyBlocks, .latencyJitter: preconditionFailure("a fault without moments")
        }
    }

    private func changePresence(_ moment: FaultMoment, _ shard: inout Shard<NetworkMessage>) {
        let node = Int(shard.process)
        guard moment == .end else {
            world.nodes[node].awayCount += 1
            return
        }
        world.nodes[node].awayCount -= 1
        guard !world.nodes[node].isAway else { return }
        let missed = world.nodes[node].missed
        world.nodes[node].missed = []
        for message in missed where PlantedBug.planted != .ignoresWhatItMissed {
            do throws(ProtocolViolation) {
                if message.kind == .transactionConfirmed {
                    try receiveConfirmation(message, at: message.end, &shard)
                } else {
                    try receiveNews(message, at: message.end, &shard)
                }
            } catch {
                breakdown = breakdown ?? "\(describe(message.end)) broke the protocol: \(error)"
            }
        }
        for end in world.ends(of: node) { armDeadline(of: end, &shard) }
    }

    /// Saves the node's channels as they are.
    private func save(_ shard: inout Shard<NetworkMessage>) {
        for end in world.ends(of: Int(shard.process)) {
            let channel = world.channels[Int(end.rawValue)]
            guard channel.isFunded, channel.phase != .lostData, channel.phase != .failed else { continue }
            backups[end] = StaleBackup(channel: channel, htlcs: channel.htlcs(in: htlcs))
        }
    }

    /// The node starts from what it had saved. Channels that have changed since are lost; which, their peers will tell.
    private func restoreBackups(_ shard: inout Shard<NetworkMessage>) {
        for end in world.ends(of: Int(shard.process)) {
            guard let backup = backups[end] else { continue }
            let channel = world.channels[Int(end.rawValue)]
            switch channel.phase {
            case .awaitingReady, .normal, .shuttingDown:
                if backup.channel.reestablish == channel.reestablish {
                    backups[end] = nil
                } else {
                    backups[end]?.isInUse = true
                }
            case .planned, .opening, .closing, .closed, .failed, .lostData: backups[end] = nil
            }
        }
    }

    /// A node that knows an old state alone hears what its peer knows: as a rule more (`option_data_loss_protect`). A
    /// peer that has lost as much or more, too, leaves it to this one to publish what it has.
    private func compare(
        _ backup: StaleBackup, with numbers: ChannelReestablish, at end: DirectionIndex,
        _ shard: inout Shard<NetworkMessage>
    ) {
        var pool = HTLCPool()
        var channel = backup.restored(in: &pool)
        channel.disconnect(in: &pool)
        do throws(ReestablishFailure) {
            _ = try channel.receiveReestablish(numbers, provesSecret: true, in: pool)
        } catch {
            if error == .lostData, PlantedBug.planted != .publishesLostState {
                world.channels[Int(end.rawValue)].loseData()
                statistics.dataLosses += 1
                return announce(end, isEnabled: false, &shard)
            }
        }
        let point = session(of: end).keys.perCommitmentPoint(backup.channel.localNumber)
        guard let commitment = channel.latestCommitment(context(of: end), point: point, in: pool) else {
            breakdown = breakdown ?? "\(describe(end)) cannot rebuild what it had saved"
            return
        }
        let old = OldCommitment(number: channel.localNumber, commitment: commitment, worth: .zero)
        goOnChain(with: end, cheating: old, &shard)
    }

    // MARK: HTLCs that are kept

    /// A payee settles an HTLC; or settles or fails it when it has kept it for as long as it means to.
    func settle(_ index: HTLCIndex, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        guard world.hasFaults, let hold = world.faults.hold(shard.process, shard.now) else {
            return fulfil(index, at: end, &shard)
        }
        guard hold.end < .max else { return }
        var message = NetworkMessage(.holdTimer, end: end)
        message.id = htlcs[index].id
        if hold.outcome == .fail { message.failure = .incorrectOrUnknownPaymentDetails }
        shard.send(to: shard.process, at: hold.end, message)
    }

    func releaseHeld(
        _ message: NetworkMessage, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) {
        let index = world.channels[Int(end.rawValue)].htlcIndices(in: htlcs).first {
            htlcs[$0].id == message.id && !htlcs[$0].state.isOffered
        }
        // The chain may have given it back.
        guard let index else { return }
        if message.failure == .incorrectOrUnknownPaymentDetails {
            fail(index, message.failure, distance: 0, at: end, &shard)
        } else {
            fulfil(index, at: end, &shard)
        }
    }
}
