import PaymentNetwork
import Reports
import Topologies

extension Topology {
    /// About how many payments a run starts, those aside that circulation adds.
    func expectedPayments(_ settings: RunSettings) -> UInt64 {
        let bound = settings.paymentsMaximum ?? .max
        switch traffic {
        case .trace(let payments): return min(bound, UInt64(payments.count))
        case .flows(let flows):
            guard let duration else { return settings.paymentsMaximum ?? 0 }
            let expected = flows.reduce(0.0) { sum, flow in
                let length = min(flow.endsAt ?? duration, duration) - flow.startsAt
                return sum + max(0, length / .seconds(1)) * flow.rate * settings.rateFactor
            }
            return min(bound, UInt64(min(expected, 1e18)))
        }
    }

    /// Told before a run of more than a thousand million payments, which nobody waits for who did not mistake a unit.
    func lengthWarning(_ settings: RunSettings) -> String? {
        let payments = expectedPayments(settings)
        guard payments > 1_000_000_000 else { return nil }
        return "warning: this run has about \(Figures.count(payments)) payments, each a row of run.sqlite; "
            + "--payments, --rate and --duration make it shorter"
    }

    /// Payments per simulated second that the file's traffic offers on average over its first `count` payments.
    ///
    /// Flows may start and end at different times, so the sum of their rates is not yet what a run meets: this
    /// walks the moments at which flows come and go. Nil where less than two payments are to be expected.
    func offeredRate(ofFirst count: UInt64) -> Double? {
        switch traffic {
        case .flows(let flows): Self.offeredRate(of: flows, first: Double(count))
        case .trace(let payments): Self.offeredRate(of: payments.prefix(Int(clamping: count)))
        }
    }

    /// How long the traffic lasts: its duration or, for a number of payments without one, what so many take on average.
    func trafficTime(ofFirst count: UInt64?) -> Duration {
        guard duration == nil, let count, case .flows(let flows) = traffic,
            let rate = offeredRate(ofFirst: count),
            let start = flows.map(\.startsAt).min()
        else { return trafficHorizon }
        return min(start + .seconds(1) * (Double(count) / rate), timeMaximum)
    }

    private static func offeredRate(of payments: ArraySlice<TracePayment>) -> Double? {
        guard let first = payments.first, let last = payments.last, last.microseconds > first.microseconds
        else {
            return nil
        }
        return Double(payments.count - 1) / (Double(last.microseconds - first.microseconds) / 1e6)
    }

    private static func offeredRate(of flows: [Flow], first count: Double) -> Double? {
        let changes = Set(flows.map(\.startsAt) + flows.compactMap(\.endsAt)).sorted()
        guard let origin = changes.first else { return nil }
        var expected = 0.0
        for (index, start) in changes.enumerated() {
            let rate = flows.reduce(0.0) { sum, flow in
                let isActive = flow.startsAt <= start && flow.endsAt.map { start < $0 } ?? true
                return sum + (isActive ? flow.rate : 0)
            }
            let end = index + 1 < changes.count ? changes[index + 1] : nil
            let offered = end.map { ($0 - start) / .seconds(1) * rate } ?? (rate > 0 ? .infinity : 0)
            if expected + offered >= count {
                return count / ((start - origin) / .seconds(1) + (count - expected) / rate)
            }
            expected += offered
        }
        // All flows end before that many.
        guard let end = changes.last, expected >= 2 else { return nil }
        return expected / ((end - origin) / .seconds(1))
    }
}
