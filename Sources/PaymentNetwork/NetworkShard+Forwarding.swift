import Cryptography
import EventSimulation
import LightningTypes
import PaymentChannels

// The router and the payee: HTLCs come in, are forwarded or accepted once irrevocably committed, and resolve upstream.
extension NetworkShard {
    func receiveAdd(
        _ message: NetworkMessage, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) throws(ProtocolViolation) {
        let index = try world.channels[Int(end.rawValue)].receiveAdd(
            id: message.id, Millisatoshi(message.amount), payment: message.payment.rawValue,
            expiry: BlockHeight(message.expiry), in: &htlcs)
        htlcs[index].onion = message.attachment.slot
        if world.hasFaults { armDeadline(of: end, &shard) }
    }

    /// BOLT 4: what a node does with an HTLC that is irrevocably committed.
    func forwardOrAccept(_ index: HTLCIndex, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        let onion = Attachment(slot: htlcs[index].onion)
        htlcs[index].onion = Attachment.none.slot
        let layer: OnionLayer
        do throws(OnionRefusal) {
            layer = try peelOnion(onion, of: index, &shard)
        } catch {
            shard.attachments.release(onion)
            return fail(index, FailureName(error), distance: 0, at: end, &shard)
        }
        let failure =
            layer.isFinal
            ? refusalToAccept(htlcs[index], layer, shard) : forward(index, layer, onion, at: end, &shard)
        if let failure {
            shard.attachments.release(onion)
            let update = layer.isFinal ? Attachment.none : update(for: failure, over: layer.next, &shard)
            fail(index, failure, distance: 0, update, at: end, &shard)
        } else if layer.isFinal {
            let total = totalOfParts(onion, shard)
            shard.attachments.release(onion)
            if let total {
                hold(index, total: total, at: end, &shard)
            } else {
                settle(index, at: end, &shard)
            }
        }
    }

    /// BOLT 4, "Requirements for the final node"; nil: accept.
    private func refusalToAccept(
        _ htlc: HTLC, _ layer: OnionLayer, _ shard: borrowing Shard<NetworkMessage>
    ) -> FailureName? {
        if htlc.expiry.rawValue < layer.expiry { return .finalIncorrectCLTVExpiry }
        if htlc.amount.rawValue < layer.amount { return .finalIncorrectHTLCAmount }
        let delta = UInt32(world.topology.payments.finalCLTVExpiryDelta)
        return htlc.expiry < height(shard) + delta ? .incorrectOrUnknownPaymentDetails : nil
    }

    /// Offers the HTLC's other half (BOLT 4, "Failure Messages", in the order a node checks); nil: forwarded.
    private func forward(
        _ incoming: HTLCIndex, _ layer: OnionLayer, _ onion: Attachment, at end: DirectionIndex,
        _ shard: inout Shard<NetworkMessage>
    ) -> FailureName? {
        let next = DirectionIndex(layer.next)
        guard layer.next < world.endCount, world.owners[Int(next.rawValue)] == shard.process else {
            return .unknownNextPeer
        }
        let position = Int(next.rawValue)
        let htlc = htlcs[incoming]
        let amount = Millisatoshi(layer.amount)
        let policy = policy(
            of: next, forwarding: amount, fee: htlc.amount.subtractingOrZero(amount),
            cltvExpiryDelta: htlc.expiry.rawValue.subtractingOrZero(layer.expiry), shard)
        let height = height(shard)
        switch world.channels[position].phase {
        case .planned, .opening, .awaitingReady: return .unknownNextPeer
        case .shuttingDown, .closing, .closed, .failed, .lostData: return .permanentChannelFailure
        case .normal: break
        }
        if policy.isDisabled { return .channelDisabled }
        if amount == .zero || amount < policy.htlcMinimum { return .amountBelowMinimum }
        if htlc.amount < amount || htlc.amount - amount < policy.fee(forwarding: amount) {
            return .feeInsufficient
        }
        if htlc.expiry.rawValue < layer.expiry + UInt32(policy.cltvExpiryDelta) {
            return .incorrectCLTVExpiry
        }
        // Too near to claim it on chain in time, or too far for anyone's patience.
        if layer.expiry <= height.rawValue + 3 { return .expiryTooSoon }
        if layer.expiry > height.rawValue + 2_016 { return .expiryTooFar }
        guard amount <= policy.htlcMaximum else { return .temporaryChannelFailure }
        do throws(HTLCRefusal) {
            let outgoing = try world.channels[position].offer(
                amount, payment: htlc.payment, expiry: BlockHeight(layer.expiry), in: &htlcs)
            htlcs[outgoing].partner = incoming.rawValue
            htlcs[outgoing].partnerChannel = end.rawValue
            htlcs[incoming].partner = outgoing.rawValue
            htlcs[incoming].partnerChannel = next.rawValue
            use?.offered(amount, at: next, slot: world.channels[position].remote.offeredCount)
            htlcs[outgoing].onion = onion.slot
            sendAdd(outgoing, from: next, &shard)
            scheduleCommit(at: next, &shard)
            return nil
        } catch {
            book(PaymentToken(rawValue: htlc.payment), at: next) { income in
                switch error {
                case .tooManyHTLCs, .tooMuchInFlight: income.refusedForLimits += 1
                case .notUsable, .insufficientBalance, .peerCannotPayFee: income.refusedForBalance += 1
                }
            }
            return .temporaryChannelFailure
        }
    }

    func fulfil(_ index: HTLCIndex, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        guard isAlive(end) else { return claim(index, at: end, &shard) }
        world.channels[Int(end.rawValue)].remove(index, as: .fulfilled, in: &htlcs)
        use?.fulfilled(htlcs[index].amount)
        sendRemoval(of: index, at: end, &shard)
        scheduleCommit(at: end, &shard)
    }

    /// - Parameters:
    ///   - distance: how many nodes upstream of the failing one this node is; 0 where it is this one's own failure.
    ///   - update: the `channel_update` that goes with an own failure, if any; else what came from downstream.
    func fail(
        _ index: HTLCIndex, _ failure: FailureName, distance: UInt8, _ update: Attachment = .none,
        at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) {
        guard isAlive(end) else {
            // The chain gives it back when it has expired.
            shard.attachments.release(update)
            return
        }
        let error = isEager ? wrapError(failure, distance: distance, update, of: index, &shard) : update
        if let code = failure.badOnionCode, error.isNone {
            world.channels[Int(end.rawValue)].removeMalformed(index, code: code, in: &htlcs)
        } else {
            world.channels[Int(end.rawValue)].remove(index, as: .failed, in: &htlcs)
        }
        htlcs[index].failure = UInt16(failure.rawValue) << 8 | UInt16(distance)
        htlcs[index].onion = error.slot
        sendRemoval(of: index, at: end, &shard)
        scheduleCommit(at: end, &shard)
    }

    /// Sends `update_fulfill_htlc` or `update_fail_htlc`, which stands for `update_fail_malformed_htlc` where the code
    /// says that the onion was bad, for an HTLC that was removed, unless the connection is broken: then it is sent when
    /// that is back. What goes with a failure lies with the HTLC; where messages may be lost, a copy of that stays.
    func sendRemoval(of index: HTLCIndex, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        guard !world.channels[Int(end.rawValue)].awaitsReestablish else { return }
        let htlc = htlcs[index]
        let isFulfilment = htlc.removal == .fulfilled
        var message = NetworkMessage(isFulfilment ? .updateFulfillHTLC : .updateFailHTLC, end: end)
        message.id = htlc.id
        if isFulfilment {
            message.payment = PaymentToken(rawValue: htlc.payment)
            if isEager {
                message.attachment = shard.attach([world.keys.preimage(htlc.payment)])
                statistics.primitives.hashes += PrimitiveCounts.preimage
            }
        } else {
            (message.failure, message.distance) = htlc.reason
            message.attachment = Attachment(slot: htlc.onion)
            if world.hasFaults, !message.attachment.isNone {
                message.attachment = copy(of: message.attachment, &shard)
            } else {
                htlcs[index].onion = Attachment.none.slot
            }
        }
        send(message, from: end, &shard)
    }

    /// Whether the parties of a channel still change its state together.
    private func isAlive(_ end: DirectionIndex) -> Bool {
        switch world.channels[Int(end.rawValue)].phase {
        case .normal, .shuttingDown: true
        case .planned, .opening, .awaitingReady, .closing, .closed, .failed, .lostData: false
        }
    }

    /// A preimage travels back at once; a failure waits until the HTLC is irrevocably removed.
    func receiveRemoval(
        _ message: NetworkMessage, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) throws(ProtocolViolation) {
        let isFulfilment = message.kind == .updateFulfillHTLC
        let malformed = message.attachment.isNone && !isFulfilment ? message.failure.badOnionCode : nil
        let index =
            if let malformed {
                try world.channels[Int(end.rawValue)].receiveMalformed(
                    id: message.id, code: malformed, in: &htlcs)
            } else {
                try world.channels[Int(end.rawValue)].receiveRemoval(
                    id: message.id, as: isFulfilment ? .fulfilled : .failed, in: &htlcs)
            }
        if world.hasFaults { releaseOnion(of: index, &shard) }
        guard isFulfilment else {
            use?.failed(htlcs[index].amount, at: end)
            // BOLT 4: of an onion that the next node could not read, this node tells the sender as of a failure of its
            // own.
            let distance = malformed == nil ? UInt16(message.distance) : 0xFF
            htlcs[index].failure = UInt16(message.failure.rawValue) << 8 | distance
            // An HTLC that was offered has no onion any more: its place is the channel_update's.
            htlcs[index].onion = message.attachment.slot
            if htlcs[index].partnerChannel == ownPartMark, message.attachment.isNone {
                anticipateRetry(of: htlcs[index], message.failure, distance: message.distance, at: end, shard)
            }
            return
        }
        noteCapital(of: end, shard)
        let hadPreimage = htlcs[index].hasKeptPreimage
        let htlc = htlcs[index]
        guard htlc.payment == message.payment.rawValue else { throw .wrongPreimage(id: message.id) }
        if isEager {
            let preimage: [Bytes32] = detach(message.attachment, &shard)
            statistics.primitives.hashes += 1 + PrimitiveCounts.paymentHash
            guard sha256(preimage[0]) == world.keys.paymentHash(htlc.payment) else {
                throw .wrongPreimage(id: message.id)
            }
        }
        // It may have come before, over a connection that broke.
        if !hadPreimage || PlantedBug.planted == .passesPreimagesOnTwice { passOn(htlc, &shard) }
    }

    /// The preimage of an HTLC that was offered is known: whoever waits for it gets it at once.
    func passOn(_ htlc: HTLC, _ shard: inout Shard<NetworkMessage>) {
        if htlc.partnerChannel == ownPartMark {
            ownPartSettled(htlc.partner, &shard)
        } else if htlc.partnerChannel != refundedUpstreamMark {
            fulfil(HTLCIndex(htlc.partner), at: DirectionIndex(htlc.partnerChannel), &shard)
        }
    }

    /// An HTLC is irrevocably removed, by both parties or by the chain: its money and its fee are booked, its failure
    /// goes upstream.
    func finish(_ htlc: HTLC, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        let isFulfilled = htlc.removal == .fulfilled
        // A failure goes on; whatever else lies with the HTLC has served.
        let goesOn =
            htlc.state.isOffered && !isFulfilled && !htlc.hasPreimage
            && htlc.partnerChannel != refundedUpstreamMark
        if !goesOn { shard.attachments.release(Attachment(slot: htlc.onion)) }
        if world.settings.audits { outcomes.append(outcome(of: htlc, at: end)) }
        let token = PaymentToken(rawValue: htlc.payment)
        switch htlc.partnerChannel {
        case ownPartMark:
            if isFulfilled {
                book(token, at: end) {
                    $0.sent += htlc.amount - htlc.surplus
                    $0.feesPaid += htlc.surplus
                }
            } else if !htlc.hasPreimage {
                let report = unwrapError(of: htlc, &shard)
                ownPartFailed(htlc.partner, report.failure, distance: report.distance, report.update, &shard)
            }
        case heldPartMark: loseHeldPart(htlc, at: end)
        case .max: if isFulfilled { book(token, at: end) { $0.received += htlc.amount } }
        case refundedUpstreamMark:
            if isFulfilled { book(token, at: end) { $0.principal -= Int64(htlc.amount.rawValue) } }
        default:
            if htlc.state.isOffered, !isFulfilled, !htlc.hasPreimage {
                let (failure, distance) = htlc.reason
                let incoming = HTLCIndex(htlc.partner)
                let upstream = DirectionIndex(htlc.partnerChannel)
                htlcs[incoming].partnerChannel = .max
                fail(
                    incoming, failure, distance: distance &+ 1, Attachment(slot: htlc.onion), at: upstream,
                    &shard)
            } else {
                finishForward(htlc, isFulfilled: isFulfilled, token, at: end)
            }
        }
    }

    private func outcome(of htlc: HTLC, at end: DirectionIndex) -> RunAudit.HTLCOutcome {
        let isOnChain: Bool
        switch world.channels[Int(end.rawValue)].phase {
        case .failed, .lostData: isOnChain = true
        case .planned, .opening, .awaitingReady, .normal, .shuttingDown, .closing, .closed: isOnChain = false
        }
        return RunAudit.HTLCOutcome(
            end: end, id: htlc.id, isOffered: htlc.state.isOffered,
            payment: PaymentToken(rawValue: htlc.payment).number, amount: htlc.amount,
            isFulfilled: htlc.removal == .fulfilled, isOnChain: isOnChain)
    }

    /// The fee counts when both halves are gone: the first to go leaves word with the other.
    ///
    /// Off chain both go the same way. The chain may give one half to its receiver and not the other; what that wins or
    /// loses is no fee, but principal.
    private func finishForward(
        _ htlc: HTLC, isFulfilled: Bool, _ token: PaymentToken, at end: DirectionIndex
    ) {
        let partner = HTLCIndex(htlc.partner)
        if !partner.isNone {
            let (offered, received) = htlc.state.isOffered ? (htlc, htlcs[partner]) : (htlcs[partner], htlc)
            htlcs[partner].partner = HTLCIndex.none.rawValue
            htlcs[partner].surplus = received.amount - offered.amount
            if isFulfilled { return }
            if htlc.state.isOffered {
                htlcs[partner].isOtherHalfReturned = true
            } else {
                htlcs[partner].partnerChannel = refundedUpstreamMark
            }
            return
        }
        let outgoing = htlc.state.isOffered ? end : DirectionIndex(htlc.partnerChannel)
        let offered = htlc.state.isOffered ? htlc.amount : htlc.amount - htlc.surplus
        let received = offered + htlc.surplus
        // The half that went first was fulfilled, unless it says otherwise.
        let isPaid = htlc.state.isOffered || isFulfilled
        let hasPaid = htlc.state.isOffered ? isFulfilled : !htlc.isOtherHalfReturned
        book(token, at: outgoing) {
            if isPaid && hasPaid {
                $0.forwards += 1
                $0.volume += offered
                $0.routingFees += htlc.surplus
            } else {
                if PlantedBug.planted == .booksPrincipalAsFees { $0.routingFees += received }
                if isPaid { $0.principal += Int64(received.rawValue) }
                if hasPaid { $0.principal -= Int64(offered.rawValue) }
            }
        }
    }

    private func book(_ token: PaymentToken, at end: DirectionIndex, _ entry: (inout ChannelIncome) -> Void) {
        if token.isMeasured {
            entry(&world.books(of: end).pointee.measured)
        } else {
            entry(&world.books(of: end).pointee.warmup)
        }
    }
}

extension HTLC {
    /// Why it failed, and how many nodes upstream of the failing one the news has come.
    var reason: (failure: FailureName, distance: UInt8) {
        (FailureName(rawValue: UInt8(failure >> 8)) ?? .temporaryNodeFailure, UInt8(failure & 0xFF))
    }

    /// Of a forward's incoming HTLC, once the outgoing one is gone: whether the chain gave that back though its
    /// preimage was known.
    var isOtherHalfReturned: Bool {
        get { !state.isOffered && failure == .max }
        set { failure = newValue ? .max : 0 }
    }
}
