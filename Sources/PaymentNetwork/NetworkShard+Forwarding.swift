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
    }

    /// BOLT 4: what a node does with an HTLC that is irrevocably committed.
    func forwardOrAccept(_ index: HTLCIndex, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        let onion = Attachment(slot: htlcs[index].onion)
        htlcs[index].onion = Attachment.none.slot
        let layer = shard.peelOnion(onion)
        let failure =
            layer.isFinal
            ? refusalToAccept(htlcs[index], layer, shard) : forward(index, layer, onion, at: end, &shard)
        if let failure {
            shard.attachments.release(onion)
            let update = layer.isFinal ? Attachment.none : update(for: failure, over: layer.next, &shard)
            fail(index, failure, distance: 0, update, at: end, &shard)
        } else if layer.isFinal {
            let total = shard.totalOfParts(onion)
            shard.attachments.release(onion)
            if let total {
                hold(index, total: total, at: end, &shard)
            } else {
                fulfil(index, at: end, &shard)
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
            sendAdd(outgoing, onion: onion, from: next, &shard)
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
        let htlc = htlcs[index]
        world.channels[Int(end.rawValue)].remove(index, as: .fulfilled, in: &htlcs)
        var message = NetworkMessage(.updateFulfillHTLC, end: end)
        message.id = htlc.id
        message.payment = PaymentToken(rawValue: htlc.payment)
        if isEager {
            message.attachment = attach([world.keys.preimage(htlc.payment)], &shard)
            statistics.primitives.hashes += PrimitiveCounts.preimage
        }
        send(message, from: end, &shard)
        scheduleCommit(at: end, &shard)
    }

    /// - Parameter update: the `channel_update` that goes with the failure, if any.
    func fail(
        _ index: HTLCIndex, _ failure: FailureName, distance: UInt8, _ update: Attachment = .none,
        at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) {
        world.channels[Int(end.rawValue)].remove(index, as: .failed, in: &htlcs)
        var message = NetworkMessage(.updateFailHTLC, end: end)
        message.id = htlcs[index].id
        message.failure = failure
        message.distance = distance
        message.attachment = update
        send(message, from: end, &shard)
        scheduleCommit(at: end, &shard)
    }

    /// A preimage travels back at once; a failure waits until the HTLC is irrevocably removed.
    func receiveRemoval(
        _ message: NetworkMessage, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) throws(ProtocolViolation) {
        let isFulfilment = message.kind == .updateFulfillHTLC
        let index = try world.channels[Int(end.rawValue)].receiveRemoval(
            id: message.id, as: isFulfilment ? .fulfilled : .failed, in: &htlcs)
        guard isFulfilment else {
            htlcs[index].failure = UInt16(message.failure.rawValue) << 8 | UInt16(message.distance)
            // An HTLC that was offered has no onion any more: its place is the channel_update's.
            htlcs[index].onion = message.attachment.slot
            if htlcs[index].partnerChannel == ownPartMark, message.attachment.isNone {
                anticipateRetry(of: htlcs[index], message.failure, distance: message.distance, at: end, shard)
            }
            return
        }
        noteCapital(of: end, shard)
        let htlc = htlcs[index]
        guard htlc.payment == message.payment.rawValue else { throw .wrongPreimage(id: message.id) }
        if isEager {
            let preimage: [Bytes32] = detach(message.attachment, &shard)
            statistics.primitives.hashes += 1 + PrimitiveCounts.paymentHash
            guard sha256(preimage[0]) == world.keys.paymentHash(htlc.payment) else {
                throw .wrongPreimage(id: message.id)
            }
        }
        if htlc.partnerChannel == ownPartMark {
            ownPartSettled(htlc.partner, &shard)
        } else {
            fulfil(HTLCIndex(htlc.partner), at: DirectionIndex(htlc.partnerChannel), &shard)
        }
    }

    /// An HTLC is irrevocably removed: its money and its fee are booked, its failure goes upstream.
    func finish(_ htlc: HTLC, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        let isFulfilled = htlc.removal == .fulfilled
        if htlc.state.isOffered { use?.removed(htlc.amount) }
        let token = PaymentToken(rawValue: htlc.payment)
        if htlc.partnerChannel == ownPartMark {
            if isFulfilled {
                book(token, at: end) {
                    $0.sent += htlc.amount - htlc.surplus
                    $0.feesPaid += htlc.surplus
                }
            } else {
                let failure = FailureName(rawValue: UInt8(htlc.failure >> 8)) ?? .temporaryNodeFailure
                ownPartFailed(
                    htlc.partner, failure, distance: UInt8(htlc.failure & 0xFF),
                    Attachment(slot: htlc.onion), &shard)
            }
        } else if htlc.partnerChannel == .max {
            if isFulfilled { book(token, at: end) { $0.received += htlc.amount } }
        } else if htlc.state.isOffered, !isFulfilled {
            let failure = FailureName(rawValue: UInt8(htlc.failure >> 8)) ?? .temporaryNodeFailure
            let incoming = HTLCIndex(htlc.partner)
            let upstream = DirectionIndex(htlc.partnerChannel)
            htlcs[incoming].partnerChannel = .max
            fail(
                incoming, failure, distance: UInt8(htlc.failure & 0xFF) + 1, Attachment(slot: htlc.onion),
                at: upstream, &shard)
        } else if isFulfilled {
            finishForward(htlc, token, at: end)
        }
    }

    /// The fee counts when both halves are gone: the first to go leaves word with the other.
    private func finishForward(_ htlc: HTLC, _ token: PaymentToken, at end: DirectionIndex) {
        let partner = HTLCIndex(htlc.partner)
        if !partner.isNone {
            let (offered, received) = htlc.state.isOffered ? (htlc, htlcs[partner]) : (htlcs[partner], htlc)
            htlcs[partner].surplus = received.amount - offered.amount
            htlcs[partner].partner = HTLCIndex.none.rawValue
            return
        }
        let outgoing = htlc.state.isOffered ? end : DirectionIndex(htlc.partnerChannel)
        let forwarded = htlc.state.isOffered ? htlc.amount : htlc.amount - htlc.surplus
        book(token, at: outgoing) {
            $0.forwards += 1
            $0.volume += forwarded
            $0.routingFees += htlc.surplus
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
