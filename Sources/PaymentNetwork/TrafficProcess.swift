import EventSimulation
import LightningTypes

/// Traffic as a process: draws payments ahead of time and hands each to its payer as an event of its start.
final class TrafficProcess {
    let world: NetworkWorld
    var source: TrafficSource
    /// Drawn, but too far ahead to hand out.
    var upcoming: PlannedPayment?
    /// The start of the latest payment handed out, microseconds.
    var lastStart: UInt64 = 0

    init(_ world: NetworkWorld) {
        self.world = world
        source = TrafficSource(
            world.topology, paymentsMaximum: world.settings.paymentsMaximum,
            rateFactor: world.settings.rateFactor)
        upcoming = source.next()
    }

    /// The payments of the first windows, which no message could announce in time.
    func takeFirst() -> [PlannedPayment] {
        var first: [PlannedPayment] = []
        while let payment = upcoming, payment.time < 4 * world.lookahead {
            first.append(payment)
            upcoming = source.next()
        }
        lastStart = first.last?.time ?? 0
        return first
    }

    /// Whether the number of payments, not their time, ended the traffic.
    var isCutShort: Bool { source.isCutShort }

    /// The next payments to be handed out, `count` at the most; they stay to be handed out.
    func lookAhead(_ count: Int) -> [PlannedPayment] {
        var ahead = source
        var payments = upcoming.map { [$0] } ?? []
        while !payments.isEmpty, payments.count < count, let next = ahead.next() { payments.append(next) }
        return payments
    }

    /// When `generate` must be called next; nil when the traffic has ended.
    var nextTime: UInt64? { upcoming.map { $0.time - 2 * world.lookahead } }

    /// Hands out the payments of the coming four windows.
    func generate(_ shard: inout Shard<NetworkMessage>) {
        let horizon = shard.now + 4 * world.lookahead
        while let payment = upcoming, payment.time < horizon {
            shard.send(to: UInt32(payment.source), at: payment.time, world.start(payment))
            lastStart = payment.time
            upcoming = source.next()
        }
        if let nextTime {
            shard.send(to: shard.process, at: nextTime, NetworkMessage(.trafficTimer, end: DirectionIndex(0)))
        }
    }
}

extension NetworkWorld {
    /// The event of a payment's start.
    func start(_ payment: PlannedPayment) -> NetworkMessage {
        var message = NetworkMessage(.startPayment, end: DirectionIndex(0))
        message.id = UInt64(payment.destination)
        message.amount = payment.amount.rawValue
        message.payment = PaymentToken(number: payment.number, isMeasured: payment.time >= measuredFrom)
        return message
    }
}

extension UInt64 {
    func subtractingOrZero(_ other: UInt64) -> UInt64 { self > other ? self - other : 0 }
}
