import EventSimulation
import LightningTypes

/// Traffic as a process: draws payments ahead of time and hands each to its payer as an event of its start.
final class TrafficProcess {
    let world: NetworkWorld
    var source: TrafficSource
    var circulation: Circulation
    /// The next payment of the flows or the trace; drawn, but too far ahead to hand out.
    var drawn: PlannedPayment?
    /// Payments handed out so far.
    var count: UInt64 = 0
    /// The start of the latest payment handed out, microseconds.
    var lastStart: UInt64 = 0
    /// When `generate` is called next, microseconds; nil: no timer is set.
    var timer: UInt64?

    init(_ world: NetworkWorld) {
        self.world = world
        source = TrafficSource(
            world.topology, paymentsMaximum: world.settings.paymentsMaximum,
            rateFactor: world.settings.rateFactor)
        circulation = Circulation(world.topology, rateFactor: world.settings.rateFactor)
        drawn = source.next()
    }

    /// The payments of the first windows, which no message could announce in time.
    func takeFirst() -> [PlannedPayment] {
        var first: [PlannedPayment] = []
        while let payment = upcoming, payment.time < 4 * world.lookahead { first.append(take(payment)) }
        return first
    }

    /// Whether the number of payments, not their time, ended the traffic.
    var isCutShort: Bool { count == world.settings.paymentsMaximum }

    /// Whether nothing starts any more, whatever becomes of the payments underway.
    var isOver: Bool {
        isCutShort || drawn == nil && circulation.plans.first == nil && circulation.underway.isEmpty
    }

    /// What starts next, of flows and circulation together; nil: nothing, unless a payment underway leads to more.
    var upcoming: PlannedPayment? {
        guard !isCutShort else { return nil }
        var next = isPlanNext ? circulation.plans.first?.payment : drawn
        next?.number = count
        return next
    }

    private var isPlanNext: Bool {
        guard let plan = circulation.plans.first else { return false }
        return plan.payment.time < min(drawn?.time ?? .max, world.topology.duration?.microseconds ?? .max)
    }

    /// The next payments to be handed out as far as they are known, `count` at the most; they stay to be handed out.
    func lookAhead(_ count: Int) -> [PlannedPayment] {
        guard !isCutShort, let drawn else { return upcoming.map { [$0] } ?? [] }
        var ahead = source
        var payments = [drawn]
        while payments.count < count, let next = ahead.next() { payments.append(next) }
        let plans = circulation.plans.earliest(count).map(\.payment)
        if !plans.isEmpty {
            // Equal times: the flows' first, as in `upcoming`.
            payments = (payments.map { ($0, 0) } + plans.map { ($0, 1) })
                .sorted { ($0.0.time, $0.1) < ($1.0.time, $1.1) }.prefix(count).map(\.0)
        }
        for index in payments.indices { payments[index].number = self.count + UInt64(index) }
        return payments
    }

    /// Hands out the payments of the coming four windows.
    func generate(_ shard: inout Shard<NetworkMessage>) {
        // An earlier timer was set since; this one's work is done.
        guard timer == shard.now else { return }
        timer = nil
        let horizon = shard.now + 4 * world.lookahead
        while let payment = upcoming, payment.time < horizon {
            shard.send(to: UInt32(payment.source), at: payment.time, world.start(take(payment)))
        }
        setTimer(&shard)
    }

    /// A payer reports how a payment ended that more payments may follow from.
    func hear(of message: NetworkMessage, _ shard: inout Shard<NetworkMessage>) {
        let earliest = shard.now + 4 * world.lookahead
        circulation.ended(
            message.id, isSettled: message.amount == 1, at: shard.now, earliest: earliest
        ) { flow, holder, stream in
            guard let state = source.state(of: flow), state.pays(anyoneBut: holder) else { return nil }
            return state.payee(of: holder, &stream)
        }
        setTimer(&shard)
    }

    /// When `generate` must be called; nil when nothing is upcoming.
    var nextTime: UInt64? { upcoming.map { $0.time - 2 * world.lookahead } }

    private func setTimer(_ shard: inout Shard<NetworkMessage>) {
        guard let time = nextTime, time < timer ?? .max else { return }
        timer = time
        shard.send(to: shard.process, at: time, NetworkMessage(.trafficTimer, end: DirectionIndex(0)))
    }

    /// Takes what `upcoming` told.
    private func take(_ payment: PlannedPayment) -> PlannedPayment {
        var payment = payment
        let purpose: Circulation.Purpose?
        if isPlanNext {
            purpose = circulation.takeFirst()?.purpose
        } else {
            purpose = circulation.purpose(of: payment)
            drawn = source.next()
        }
        if let purpose {
            payment.isReported = true
            circulation.began(payment, purpose)
        }
        count += 1
        lastStart = payment.time
        return payment
    }
}

extension NetworkWorld {
    /// The event of a payment's start.
    func start(_ payment: PlannedPayment) -> NetworkMessage {
        var message = NetworkMessage(.startPayment, end: DirectionIndex(0))
        message.id = UInt64(payment.destination)
        message.amount = payment.amount.rawValue
        message.payment = PaymentToken(
            number: payment.number, isMeasured: payment.time >= measuredFrom, isReported: payment.isReported)
        return message
    }
}

extension FixedWidthInteger where Self: UnsignedInteger {
    func subtractingOrZero(_ other: Self) -> Self { self > other ? self - other : 0 }
}
