import LightningTypes

/// The books of one end of one channel: what its node earned and spent there, and what it had locked in it.
struct ChannelBooks: Equatable {
    /// What the tables show: payments that started after the warm-up, and every layer-1 cost.
    var measured = ChannelIncome()
    /// Payments of the warm-up.
    var warmup = ChannelIncome()
    /// Given to, and received from, the other side when the channel was opened (`push_msat`).
    var pushed: Millisatoshi = .zero
    var receivedPush: Millisatoshi = .zero
    var capital = CapitalMeter()

    /// Every booking that moves money into (positive) or out of this end's channel and wallet, in millisatoshis.
    var balanceOfBookings: Int64 {
        var sum = Int64(receivedPush.rawValue) - Int64(pushed.rawValue)
        for books in [measured, warmup] {
            sum += Int64(books.routingFees.rawValue) + Int64(books.received.rawValue)
            sum -= Int64(books.sent.rawValue) + Int64(books.feesPaid.rawValue)
            sum -= Int64(books.onchainFees.rawValue)
            sum += books.penalties + books.principal
        }
        return sum
    }
}

/// Integrates an amount over simulated time.
struct CapitalMeter: Equatable {
    var amount: Millisatoshi = .zero
    /// Microseconds.
    var since: UInt64 = 0
    /// Millisatoshi microseconds.
    var integral: UInt128 = 0

    /// When the channel was closed; `.max` while it stands.
    var closedAt = UInt64.max

    /// The amount changes at `time`; what lay before `start`, the end of the warm-up, does not count.
    mutating func change(to amount: Millisatoshi, at time: UInt64, measuredFrom start: UInt64) {
        integral += UInt128(self.amount.rawValue) * UInt128(max(time, start) - max(since, start))
        since = time
        self.amount = amount
    }

    /// The channel is no more. Its amount stays noted until then, so that the mean can end before.
    mutating func close(at time: UInt64) { closedAt = time }

    /// The mean from `start` to `end`, rounded down; zero when no time lies between.
    ///
    /// - Parameter end: at or after the last change, but for the opening and the closing.
    func mean(from start: UInt64, to end: UInt64) -> Millisatoshi {
        guard end > start else { return .zero }
        var finished = self
        let last = min(closedAt, end)
        if last > since { finished.change(to: amount, at: last, measuredFrom: start) }
        return Millisatoshi(UInt64(finished.integral / UInt128(end - start)))
    }
}

extension NodeIncome {
    /// Sums the ends of one node's channels.
    ///
    /// - Parameters:
    ///   - measured: microseconds the books cover.
    ///   - lifetimeDays: over how many days the cost of opening and closing is spread in the net APR.
    ///   - exitDays: for how many days more the capital is locked, and earns nothing.
    init(
        node: Int32, _ ends: some Sequence<ChannelIncome>, measured: UInt64, lifetimeDays: UInt32,
        exitDays: Double = 0
    ) {
        var sum = ChannelIncome()
        for end in ends {
            sum.forwards += end.forwards
            sum.volume += end.volume
            sum.routingFees += end.routingFees
            sum.feesPaid += end.feesPaid
            sum.openingCost += end.openingCost
            sum.closingCost += end.closingCost
            sum.penalties += end.penalties
            sum.principal += end.principal
            sum.capital += end.capital
        }
        self.node = node
        forwards = sum.forwards
        volume = sum.volume
        routingFees = sum.routingFees
        feesPaid = sum.feesPaid
        onchainFees = sum.onchainFees
        penalties = sum.penalties
        principal = sum.principal
        let onchain = Int64(sum.onchainFees.rawValue) - penalties - principal
        net = Int64(sum.routingFees.rawValue) - onchain
        capital = sum.capital
        guard capital > .zero, measured > 0 else { return }
        let years = Double(measured) / (365 * 86_400 * 1_000_000)
        let capital = Double(sum.capital.rawValue)
        let gross = Double(sum.routingFees.rawValue) / capital / years
        aprGross = gross
        // Opening and closing happen once in a channel's life: spread over it, never annualised.
        let lifetimeYears = Double(lifetimeDays) / 365
        let share = Double(lifetimeDays) / (Double(lifetimeDays) + exitDays)
        aprNet = (gross - Double(onchain) / capital / lifetimeYears) * share
    }
}
