import EventSimulation
import LightningTypes
import PaymentChannels
import Routing
import Topologies

/// A payment its payer is making, in one part or in several at once.
struct OwnPayment {
    var token: PaymentToken
    var destination: Int32
    var amount: Millisatoshi
    var startedAt: UInt64
    /// Parts sent so far, and those of them that came back.
    var attempts: UInt16 = 0
    var failedAttempts: UInt16 = 0
    /// Where the parts under way lie.
    var parts: [UInt32] = []
    /// What failed this payment before.
    var excluded: [Exclusion] = []
    var lastFailure: FailureName?
    /// Why no more parts are sent; those under way have to come back.
    var givenUp: FailureName?
    /// Of the parts settled: what they delivered, their fees, and the channels of the longest.
    var settled: Millisatoshi = .zero
    var fee: Millisatoshi = .zero
    var hops: UInt8 = 0
    /// The question whose answer the attempt under way took, and what was asked for the next; of no other use.
    var question: RouteQuestion?

    /// A part came back.
    ///
    /// - Parameters:
    ///   - place: of the part.
    ///   - failingNode: counted from the payer, 0.
    ///   - isExplained: what keeps a policy just learned may do.
    ///   - rules: decide whether smaller parts may take the way that failed.
    /// - Returns: whether there may be something more to try.
    mutating func partFailed(
        _ part: OwnPart, at place: UInt32, _ failure: FailureName, failingNode: Int,
        isExplained: Bool = false, _ rules: Topology.PaymentRules
    ) -> Bool {
        parts.removeAll { $0 == place }
        failedAttempts += 1
        if failingNode < part.route.hops.count {
            if !isExplained {
                excluded.append(
                    rules.exclusion(
                        of: part.route.hops[failingNode].direction, failure, part.route.amountDelivered))
            }
        } else if failure != .mppTimeout {
            // The payee refused it; with `mpp_timeout` for want of other parts, which is not this part's fault.
            return false
        }
        lastFailure = failure
        return true
    }
}

/// A part of an `OwnPayment` under way: an HTLC and where it goes.
struct OwnPart {
    /// Where its payment lies.
    var payment: UInt32
    /// Which of the payment's attempts it is, from 0.
    var number: UInt16
    var startedAt: UInt64
    var route: Route
}

/// Marks an HTLC whose other half is an `OwnPart`.
let ownPartMark = UInt32.max - 1

// The payer: finds routes, offers the first HTLC of each, learns from failures, tries again with what failed.
extension NetworkShard {
    func startPayment(_ message: NetworkMessage, _ shard: inout Shard<NetworkMessage>) {
        let payment = OwnPayment(
            token: message.payment, destination: Int32(message.id), amount: Millisatoshi(message.amount),
            startedAt: shard.now)
        statistics.started += 1
        attempt(payments.insert(payment), &shard)
    }

    /// Sends what is not under way by the best routes there are; gives the payment up where there are none.
    private func attempt(_ slot: UInt32, _ shard: inout Shard<NetworkMessage>) {
        let payment = payments[slot]
        guard payment.failedAttempts < world.topology.payments.attemptsMaximum else {
            return giveUp(slot, .attemptsExhausted, &shard)
        }
        let graph = view(of: world.board.graph(at: shard.now), shard)
        let answer = answer(to: slot, in: graph, shard)
        switch answer.routes {
        case .success(let routes): offer(routes, slot, &shard)
        case .failure(let refusal):
            let lacksBalance = answer.lacksBalance
            giveUp(slot, failure(for: refusal, of: payment, lacksBalance, in: graph, shard), &shard)
        }
    }

    private func answer(to slot: UInt32, in graph: ChannelGraph, _ shard: borrowing Shard<NetworkMessage>)
        -> RouteQuestion.Answer
    {
        var payment = payments[slot]
        if payment.attempts == 0, payment.failedAttempts == 0 {
            payment.question = prefetcher?.question(of: payment, from: shard.process)
        }
        let isAlone = shard.isWorkingAlone
        if let question = payment.question,
            let answer = question.valid(
                for: payment, in: graph, at: shard.now, world,
                // Where others wait for the end of the window, a longer search than the one waited for costs them time.
                meanwhile: { isAlone && prefetcher?.answerNext() == true })
        {
            payments[slot].question = question
            return answer
        }
        payments[slot].question = nil
        var request = request(for: payment, shard)
        guard request.partsMaximum > 0 else { return RouteQuestion.Answer(routes: .failure(.noRoute)) }
        if let prefetcher, payment.parts.isEmpty, graph === world.board.graph(at: shard.now) {
            // Asked and answered at once, so that the next attempt can be looked ahead at.
            let question = RouteQuestion(
                request, failedAttempts: payment.failedAttempts, due: shard.now, in: graph, world)
            payments[slot].question = question
            return prefetcher.answer(to: question)
        }
        let channels = world.channels
        request.spendable = { direction, _ in channels.offer(of: direction).spendable }
        return world.searches.withSearch(for: graph) { RouteQuestion.Answer(request, in: graph, $0) }
    }

    /// What is asked for a payment as it stands, but for what the payer's own channels can offer.
    private func request(for payment: OwnPayment, _ shard: borrowing Shard<NetworkMessage>) -> SplitRequest {
        var request = world.splitRequest(
            from: Int32(shard.process), to: payment.destination, amount: payment.amount,
            at: NetworkWorld.seconds(at: shard.now))
        request.excluded = payment.excluded
        if !payment.parts.isEmpty {
            request.underway = payment.parts.map { parts[$0].route }
            for route in request.underway {
                request.route.amount -= route.amountDelivered
                request.route.feeMaximum = request.route.feeMaximum.map {
                    $0.subtractingOrZero(route.totalFee)
                }
            }
        }
        request.partsMaximum -= payment.parts.count
        return request
    }

    /// The only part of an own payment comes back, but its HTLC is still to be removed: asks already what will be asked
    /// then, so that another thread may find it out in between.
    func anticipateRetry(
        of htlc: HTLC, _ failure: FailureName, distance: UInt8, at end: DirectionIndex,
        _ shard: borrowing Shard<NetworkMessage>
    ) {
        guard let prefetcher else { return }
        let part = parts[htlc.partner]
        let rules = world.topology.payments
        let failingNode = Int(distance) + 1
        var payment = payments[part.payment]
        guard payment.givenUp == nil, payment.parts.count == 1,
            payment.partFailed(part, at: htlc.partner, failure, failingNode: failingNode, rules),
            payment.failedAttempts < rules.attemptsMaximum
        else { return }
        if let next = payment.question?.followUp, next.request.excluded == payment.excluded {
            payments[part.payment].question = next
            return
        }
        var request = request(for: payment, shard)
        // Two commitments are still to be signed and revoked for the HTLC to go for good.
        let due = shard.now + 2 * world.commitmentInterval + 3 * world.latency(of: end)
        request.seconds = NetworkWorld.seconds(at: due)
        request.beliefs?.learn(from: part.route, failingNode: failingNode, failure, at: request.seconds)
        let question = RouteQuestion(
            request, failedAttempts: payment.failedAttempts, due: due, in: world.board.graph(at: shard.now),
            world, refund: (end, htlc.amount))
        payments[part.payment].question = question
        prefetcher.ask(question)
    }

    /// Names why no route was found: the last failure if something was tried, else what stood in the way.
    private func failure(
        for refusal: RoutingFailure, of payment: OwnPayment, _ lacksBalance: Bool?,
        in graph: ChannelGraph, _ shard: borrowing Shard<NetworkMessage>
    ) -> FailureName {
        if case .feeLimitExceeded = refusal { return .feeLimitExceeded }
        if let last = payment.lastFailure { return last }
        let request = world.splitRequest(
            from: Int32(shard.process), to: payment.destination, amount: payment.amount,
            at: NetworkWorld.seconds(at: shard.now))
        let channels = world.channels
        let lacksBalance =
            lacksBalance
            ?? world.searches.withSearch(for: graph) {
                $0.finds(request, in: graph) { channels.offer(of: $0).isUsable }
            }
        guard lacksBalance else { return .noRoute }
        let isLimited = world.ends(of: Int(shard.process)).contains { end in
            switch world.channels[Int(end.rawValue)].refusal(of: payment.amount) {
            case .tooManyHTLCs, .tooMuchInFlight: true
            case .notUsable, .insufficientBalance, .peerCannotPayFee, nil: false
            }
        }
        return isLimited ? .htlcLimit : .insufficientLocalBalance
    }

    private func offer(_ routes: [Route], _ slot: UInt32, _ shard: inout Shard<NetworkMessage>) {
        var missing = routes.reduce(Millisatoshi.zero) { $0 + $1.amountDelivered }
        for route in routes {
            let first = route.hops[0]
            // Parts before it may have left less than the search saw: an HTLC costs its funder a commitment fee too.
            if routes.count > 1,
                world.channels[Int(first.direction.rawValue)].refusal(of: first.amount) != nil
            {
                continue
            }
            offer(route, slot, &shard)
            missing -= route.amountDelivered
        }
        guard missing > .zero else { return }
        // Bounds how often the rest is looked for, as attempts that failed on the way are.
        payments[slot].failedAttempts += 1
        attempt(slot, &shard)
    }

    private func offer(_ route: Route, _ slot: UInt32, _ shard: inout Shard<NetworkMessage>) {
        let height = height(shard)
        let first = route.hops[0]
        let payment = payments[slot]
        if payment.attempts == 0, payment.token.isMeasured { statistics.payments.routable += 1 }
        let part = parts.insert(
            OwnPart(payment: slot, number: payment.attempts, startedAt: shard.now, route: route))
        payments[slot].attempts += 1
        payments[slot].parts.append(part)
        if payment.token.isMeasured { statistics.attempts += 1 }
        let onion = wrapOnion(
            route, part, height: height,
            total: route.amountDelivered < payment.amount ? payment.amount : nil, &shard)
        let expiry = height + first.cltvExpiryDelta
        do throws(HTLCRefusal) {
            let index = try world.channels[Int(first.direction.rawValue)].offer(
                first.amount, payment: payment.token.rawValue, expiry: expiry, in: &htlcs)
            htlcs[index].partner = part
            htlcs[index].partnerChannel = ownPartMark
            htlcs[index].surplus = route.totalFee
            use?.offered(
                first.amount, at: first.direction,
                slot: world.channels[Int(first.direction.rawValue)].remote.offeredCount)
            htlcs[index].onion = onion.slot
            sendAdd(index, from: first.direction, &shard)
            scheduleCommit(at: first.direction, &shard)
        } catch {
            preconditionFailure("a route starts with more than its first channel can offer: \(error)")
        }
    }

    /// Sends `update_add_htlc` for an HTLC that was offered, with the onion that lies with it; where messages may be
    /// lost, a copy of that stays.
    func sendAdd(_ index: HTLCIndex, from end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        let htlc = htlcs[index]
        var message = NetworkMessage(.updateAddHTLC, end: end)
        message.id = htlc.id
        message.amount = htlc.amount.rawValue
        message.payment = PaymentToken(rawValue: htlc.payment)
        message.expiry = htlc.expiry.rawValue
        message.attachment = Attachment(slot: htlc.onion)
        if world.hasFaults {
            message.attachment = copy(of: message.attachment, &shard)
            armDeadline(of: end, &shard)
        } else {
            htlcs[index].onion = Attachment.none.slot
        }
        send(message, from: end, &shard)
    }

    func copy(of attachment: Attachment, _ shard: inout Shard<NetworkMessage>) -> Attachment {
        let copy = shard.attachments.allocate(count: shard.attachments.bytes(of: attachment).count)
        shard.attachments.bytes(of: copy).copyMemory(
            from: UnsafeRawBufferPointer(shard.attachments.bytes(of: attachment)))
        return copy
    }

    /// The preimage came back. The payee has all parts then and settles them all: the payment ends with the last.
    func ownPartSettled(_ place: UInt32, _ shard: inout Shard<NetworkMessage>) {
        let part = parts[place]
        recordAttempt(part, failure: nil, failingHop: nil, shard)
        learn(from: part.route, failingNode: part.route.hops.count, nil, shard)
        parts.remove(place)
        payments[part.payment].parts.removeAll { $0 == place }
        payments[part.payment].settled += part.route.amountDelivered
        payments[part.payment].fee += part.route.totalFee
        payments[part.payment].hops = max(
            payments[part.payment].hops, UInt8(part.route.hops.count))
        guard payments[part.payment].parts.isEmpty else { return }
        let payment = payments[part.payment]
        // The chain may give back a part whose payee came too late.
        precondition(
            payment.settled == payment.amount || world.hasFaults, "a payee settled a part of a payment")
        end(part.payment, nil, &shard)
    }

    /// What became of a part will never be known: no other is sent.
    func giveUpPayment(ofPart place: UInt32) {
        let payment = parts[place].payment
        payments[payment].givenUp = payments[payment].givenUp ?? .permanentChannelFailure
    }

    /// The HTLC is irrevocably removed without a preimage.
    ///
    /// - Parameters:
    ///   - distance: how many nodes upstream of the failing one the failure has passed.
    ///   - update: the failing node's `channel_update`, if any.
    func ownPartFailed(
        _ place: UInt32, _ failure: FailureName, distance: UInt8, _ update: Attachment,
        _ shard: inout Shard<NetworkMessage>
    ) {
        let part = parts[place]
        let slot = part.payment
        // The first node after the sender reports at distance 0.
        // The payer's own channel may be what failed: then the distance is one less than none.
        let failingNode = Int(distance &+ 1)
        recordAttempt(part, failure: failure, failingHop: UInt8(failingNode), shard)
        learn(from: part.route, failingNode: failingNode, failure, shard)
        let isExplained = learnPolicy(
            from: update, failure: failure, failingNode: failingNode, of: part.route, &shard)
        if payments[slot].token.isMeasured { statistics.attemptFailures[Int(failure.rawValue)] += 1 }
        parts.remove(place)
        let mayTry = payments[slot].partFailed(
            part, at: place, failure, failingNode: failingNode, isExplained: isExplained,
            world.topology.payments)
        if !mayTry || payments[slot].settled > .zero {
            giveUp(slot, failure, &shard)
        } else if let reason = payments[slot].givenUp {
            giveUp(slot, reason, &shard)
        } else {
            attempt(slot, &shard)
        }
    }

    /// Sends no more parts: the payment ends when none is under way.
    private func giveUp(_ slot: UInt32, _ failure: FailureName, _ shard: inout Shard<NetworkMessage>) {
        payments[slot].givenUp = payments[slot].givenUp ?? failure
        guard payments[slot].parts.isEmpty else { return }
        // A preimage is the proof of payment, whatever came back of the other parts.
        end(slot, payments[slot].settled > .zero ? nil : payments[slot].givenUp, &shard)
    }

    private func learn(
        from route: Route, failingNode: Int, _ failure: FailureName?, _ shard: borrowing Shard<NetworkMessage>
    ) {
        guard world.topology.payments.learns else { return }
        world.nodes[Int(shard.process)].beliefs.learn(
            from: route, failingNode: failingNode, failure, at: NetworkWorld.seconds(at: shard.now))
    }

    private func recordAttempt(
        _ part: OwnPart, failure: FailureName?, failingHop: UInt8?, _ shard: borrowing Shard<NetworkMessage>
    ) {
        guard wantsRecords else { return }
        records.attempts.append(
            PendingAttempt(
                payment: payments[part.payment].token.number, number: part.number, startedAt: part.startedAt,
                endedAt: shard.now, route: part.route, failure: failure, failingHop: failingHop))
    }

    /// The payer knows how its payment ended; nil: settled.
    private func end(_ slot: UInt32, _ failure: FailureName?, _ shard: inout Shard<NetworkMessage>) {
        let payment = payments[slot]
        payments.remove(slot)
        let record = PaymentRecord(
            number: payment.token.number, source: Int32(shard.process), destination: payment.destination,
            amount: payment.amount, startedAt: payment.startedAt, endedAt: shard.now, failure: failure,
            attempts: payment.attempts, hops: payment.hops, fee: payment.fee)
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

extension Beliefs {
    /// Every direction before the failing node let the HTLC through; what the payer's own channels hold, it knows.
    mutating func learn(from route: Route, failingNode: Int, _ failure: FailureName?, at seconds: UInt32) {
        for (index, hop) in route.hops.enumerated().dropFirst() {
            if index < failingNode {
                recordSuccess(hop.direction, hop.amount, at: seconds)
            } else if index == failingNode, failure == .temporaryChannelFailure {
                recordFailure(hop.direction, hop.amount, at: seconds)
            }
        }
    }
}
