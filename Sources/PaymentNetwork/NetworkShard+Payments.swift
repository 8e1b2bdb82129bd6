import EventSimulation
import LightningTypes
import PaymentChannels
import Routing

/// A payment its payer is making.
struct OwnPayment {
    var token: PaymentToken
    var destination: Int32
    var amount: Millisatoshi
    var startedAt: UInt64
    var attemptStartedAt: UInt64 = 0
    var attempts: UInt16 = 0
    var route: Route?
    /// Directions that failed this payment before.
    var excluded: [DirectionIndex] = []
    var lastFailure: FailureName?
}

/// Marks an HTLC whose other half is an `OwnPayment`.
let ownPaymentMark = UInt32.max - 1

// The payer: finds a route, offers the first HTLC, learns from failures, tries again.
extension NetworkShard {
    func startPayment(_ message: NetworkMessage, _ shard: inout Shard<NetworkMessage>) {
        let payment = OwnPayment(
            token: message.payment, destination: Int32(message.id), amount: Millisatoshi(message.amount),
            startedAt: shard.now)
        statistics.started += 1
        attempt(payments.insert(payment), &shard)
    }

    /// Tries the cheapest route that has not failed yet; ends the payment where there is none.
    private func attempt(_ slot: UInt32, _ shard: inout Shard<NetworkMessage>) {
        let payment = payments[slot]
        guard payment.attempts < world.topology.payments.attemptsMaximum else {
            return end(slot, .attemptsExhausted, &shard)
        }
        let graph = world.board.graph(at: shard.now)
        switch firstRoute(of: payment, from: shard.process, in: graph)
            ?? cheapestRoute(of: payment, from: shard.process, in: graph)
        {
        case .success(let route): offer(route, slot, &shard)
        case .failure(let refusal): end(slot, failure(for: refusal, of: payment, in: graph, shard), &shard)
        }
    }

    private func firstRoute(
        of payment: OwnPayment, from source: UInt32, in graph: ChannelGraph
    ) -> Result<Route, RoutingFailure>? {
        payment.attempts == 0 ? prefetcher?.route(of: payment, from: source, in: graph) : nil
    }

    private func cheapestRoute(
        of payment: OwnPayment, from process: UInt32, in graph: ChannelGraph
    ) -> Result<Route, RoutingFailure> {
        let channels = world.channels
        let request = world.routeRequest(
            from: Int32(process), to: payment.destination, amount: payment.amount)
        do throws(RoutingFailure) {
            return .success(
                try search.cheapestRoute(
                    request, in: graph, excluding: payment.excluded,
                    spendable: { channels[Int($0.rawValue)].spendable }))
        } catch {
            return .failure(error)
        }
    }

    /// Names why no route was found: the last failure if something was tried, else what stood in the way.
    private func failure(
        for refusal: RoutingFailure, of payment: OwnPayment, in graph: ChannelGraph,
        _ shard: borrowing Shard<NetworkMessage>
    ) -> FailureName {
        if case .feeLimitExceeded = refusal { return .feeLimitExceeded }
        if let last = payment.lastFailure { return last }
        // With public information alone there may be a way: then the payer's own channels are what is missing.
        let request = world.routeRequest(
            from: Int32(shard.process), to: payment.destination, amount: payment.amount)
        guard (try? search.cheapestRoute(request, in: graph)) != nil else { return .noRoute }
        let isLimited = world.ends(of: Int(shard.process)).contains { end in
            switch world.channels[Int(end.rawValue)].refusal(of: payment.amount) {
            case .tooManyHTLCs, .tooMuchInFlight: true
            case .notUsable, .insufficientBalance, .peerCannotPayFee, nil: false
            }
        }
        return isLimited ? .htlcLimit : .insufficientLocalBalance
    }

    private func offer(_ route: Route, _ slot: UInt32, _ shard: inout Shard<NetworkMessage>) {
        let height = height(shard)
        let first = route.hops[0]
        let token = payments[slot].token
        if payments[slot].attempts == 0, token.isMeasured { statistics.payments.routable += 1 }
        payments[slot].attempts += 1
        payments[slot].attemptStartedAt = shard.now
        payments[slot].route = route
        if token.isMeasured { statistics.attempts += 1 }
        let onion = shard.wrapOnion(route, height: height)
        let expiry = height + first.cltvExpiryDelta
        do throws(HTLCRefusal) {
            let index = try world.channels[Int(first.direction.rawValue)].offer(
                first.amount, payment: token.rawValue, expiry: expiry, in: &htlcs)
            htlcs[index].partner = slot
            htlcs[index].partnerChannel = ownPaymentMark
            htlcs[index].surplus = route.totalFee
            sendAdd(index, onion: onion, from: first.direction, &shard)
        } catch {
            preconditionFailure("a route starts with more than its first channel can offer: \(error)")
        }
    }

    /// Sends `update_add_htlc` for an HTLC just offered.
    func sendAdd(
        _ index: HTLCIndex, onion: Attachment, from end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) {
        let htlc = htlcs[index]
        var message = NetworkMessage(.updateAddHTLC, end: end)
        message.id = htlc.id
        message.amount = htlc.amount.rawValue
        message.payment = PaymentToken(rawValue: htlc.payment)
        message.expiry = htlc.expiry.rawValue
        message.attachment = onion
        send(message, from: end, &shard)
        scheduleCommit(at: end, &shard)
    }

    /// The preimage came back: the payment is made, whatever happens next.
    func ownPaymentSettled(_ slot: UInt32, _ shard: inout Shard<NetworkMessage>) {
        recordAttempt(slot, failure: nil, failingHop: nil, shard)
        end(slot, nil, &shard)
    }

    /// The HTLC is irrevocably removed without a preimage.
    ///
    /// - Parameter distance: how many nodes upstream of the failing one the failure has passed.
    func ownPaymentFailed(
        _ slot: UInt32, _ failure: FailureName, distance: UInt8, _ shard: inout Shard<NetworkMessage>
    ) {
        guard let route = payments[slot].route else {
            preconditionFailure("a payment failed without a route")
        }
        // The first node after the sender reports at distance 0.
        let failingNode = Int(distance) + 1
        recordAttempt(slot, failure: failure, failingHop: UInt8(failingNode), shard)
        if payments[slot].token.isMeasured { statistics.attemptFailures[Int(failure.rawValue)] += 1 }
        guard failingNode < route.hops.count else { return end(slot, failure, &shard) }
        payments[slot].excluded.append(route.hops[failingNode].direction)
        payments[slot].lastFailure = failure
        attempt(slot, &shard)
    }

    private func recordAttempt(
        _ slot: UInt32, failure: FailureName?, failingHop: UInt8?, _ shard: borrowing Shard<NetworkMessage>
    ) {
        let payment = payments[slot]
        guard wantsRecords, let route = payment.route else { return }
        records.attempts.append(
            PendingAttempt(
                payment: payment.token.number, number: payment.attempts - 1,
                startedAt: payment.attemptStartedAt,
                endedAt: shard.now, route: route, failure: failure, failingHop: failingHop))
    }

    /// The payer knows how its payment ended; nil: settled.
    private func end(_ slot: UInt32, _ failure: FailureName?, _ shard: inout Shard<NetworkMessage>) {
        let payment = payments[slot]
        payments.remove(slot)
        let settledRoute = failure == nil ? payment.route : nil
        let record = PaymentRecord(
            number: payment.token.number, source: Int32(shard.process), destination: payment.destination,
            amount: payment.amount, startedAt: payment.startedAt, endedAt: shard.now, failure: failure,
            attempts: payment.attempts, hops: UInt8(settledRoute?.hops.count ?? 0),
            fee: settledRoute?.totalFee ?? .zero)
        statistics.count(record, isMeasured: payment.token.isMeasured)
        // The route taken is part of what the payer did.
        shard.fold(
            record.number << 8 | UInt64(failure?.rawValue ?? .max),
            record.fee.rawValue << 8 | UInt64(record.hops))
        if wantsRecords { records.payments.append(record) }
        if payment.token.isReported { report(record, &shard) }
    }

    /// More payments may follow from this one.
    private func report(_ record: PaymentRecord, _ shard: inout Shard<NetworkMessage>) {
        var message = NetworkMessage(.paymentEnded, end: DirectionIndex(0))
        message.id = record.number
        message.amount = record.failure == nil ? 1 : 0
        shard.send(to: world.trafficProcess, after: world.lookahead, message)
    }
}
