import LightningTypes
import PaymentNetwork
import Reports
import Topologies

/// One run of a stress test, and what it showed.
struct StressStep: Sendable {
    var step: StressCurve.Step
    var speed: SimulatorSpeed
    /// How many it offered.
    var payments: UInt64
    /// By direction, those that refused HTLCs alone.
    private var refusals: [Int: Refusals] = [:]

    /// HTLCs that a router did not forward in one direction.
    private struct Refusals {
        var forBalance: UInt64 = 0
        var forLimits: UInt64 = 0
        /// Whether all its slots were taken at some time.
        var isFull = false

        var count: UInt64 { forBalance + forLimits }
    }

    /// - Parameter progress: gets the share of the run done; false interrupts it.
    init(
        _ topology: Topology, _ settings: RunSettings, offeredPerSecond rate: Double,
        progress: (Double) -> Bool
    ) throws {
        let tally = PaymentTally()
        let simulation = try NetworkSimulation(topology, settings: settings, recorder: tally)
        let stopwatch = Stopwatch()
        let result = try simulation.run { progress($0.fraction) }
        let seconds = max(stopwatch.seconds, 1e-9)
        _ = progress(1)
        let messages = result.messages.reduce(0) { $0 + $1.count }
        payments = tally.ended
        speed = SimulatorSpeed(
            threads: settings.threads, paymentsPerSecond: Double(tally.settled) / seconds,
            eventsPerSecond: Double(result.events) / seconds,
            messagesPerSecond: Double(messages) / seconds,
            signaturesPerSecond: Double(result.primitives.signatures) / seconds)
        step = tally.step(offeredPerSecond: rate)
        step.fees = result.feesPaid.rawValue
        step.failures = result.failures.map { ($0.name.name, $0.count) }
        step.refusedForBalance = result.channelIncome.reduce(0) { $0 + $1.refusedForBalance }
        step.refusedForLimits = result.channelIncome.reduce(0) { $0 + $1.refusedForLimits }
        if let use = simulation.liquidityUse { describe(use, result, topology) }
    }

    private mutating func describe(_ use: LiquidityUse, _ result: RunResult, _ topology: Topology) {
        step.pendingHTLCs = use.countMaximum
        step.lockedMaximum = use.lockedMaximum
        let capacity = topology.channels.reduce(UInt64(0)) { $0 + Millisatoshi($1.capacity).rawValue }
        step.lockedShare = capacity > 0 ? Double(use.lockedMaximum) / Double(capacity) : 0
        // The fullest direction: crosswise products compare shares exactly.
        for (index, slots) in use.slots.enumerated() {
            let limit = UInt64(topology.channels[index / 2].limits.acceptedHTLCsMaximum)
            if step.slotsLimit == 0 || UInt64(slots) * step.slotsLimit > step.slotsMaximum * limit {
                step.slotsMaximum = UInt64(slots)
                step.slotsLimit = limit
            }
        }
        for (index, income) in result.channelIncome.enumerated()
        where income.refusedForBalance + income.refusedForLimits > 0 {
            let isFull = use.slots[index] >= topology.channels[index / 2].limits.acceptedHTLCsMaximum
            refusals[index] = Refusals(
                forBalance: income.refusedForBalance, forLimits: income.refusedForLimits, isFull: isFull)
        }
        let worst = refusals.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
        step.saturated = worst.prefix(10).map { index, refusals in
            let direction = DirectionIndex(UInt32(index))
            return StressCurve.Saturated(
                direction:
                    "\(topology.channels[direction.channel].shortChannelID)/\(direction.side.rawValue)",
                node: topology.nodes[Self.node(of: direction, topology)].alias,
                peer: topology.nodes[Self.node(of: direction.reversed, topology)].alias,
                refusedForBalance: refusals.forBalance, refusedForLimits: refusals.forLimits,
                slots: UInt64(use.slots[index]))
        }
    }

    private static func node(of direction: DirectionIndex, _ topology: Topology) -> Int {
        let channel = topology.channels[direction.channel]
        return Int(direction.side == .first ? channel.node1 : channel.node2)
    }

    /// What is scarce at this load and was not at the first: where routers refuse more than they did there; nil where
    /// they do not.
    func bottleneck(against first: StressStep, _ topology: Topology) -> StressCurve.Bottleneck? {
        // More refusals than at the first step, by direction.
        let more = refusals.compactMap { index, now -> (index: Int, refusals: Refusals)? in
            let then = first.refusals[index] ?? Refusals()
            let difference = Refusals(
                forBalance: now.forBalance > then.forBalance ? now.forBalance - then.forBalance : 0,
                forLimits: now.forLimits > then.forLimits ? now.forLimits - then.forLimits : 0,
                isFull: now.isFull)
            return difference.count > 0 ? (index, difference) : nil
        }
        // Money that is refused elsewhere than before is no want: only a rise of the whole is.
        func rise(of count: KeyPath<Refusals, UInt64>) -> UInt64 {
            let (now, then) = (Self.sum(of: count, in: refusals), Self.sum(of: count, in: first.refusals))
            return now > then ? now - then : 0
        }
        let (balances, limits) = (rise(of: \.forBalance), rise(of: \.forLimits))
        guard balances + limits > 0 else { return nil }
        let isForLimits = limits > balances
        let counts = more.map {
            (
                index: $0.index, count: isForLimits ? $0.refusals.forLimits : $0.refusals.forBalance,
                isFull: $0.refusals.isFull
            )
        }
        .filter { $0.count > 0 }.sorted { ($1.count, $0.index) < ($0.count, $1.index) }
        let all = counts.reduce(0) { $0 + $1.count }
        var sum: UInt64 = 0
        var isFull = false
        var channels = Set<Int>()
        var byNode: [Int: UInt64] = [:]
        for entry in counts where 2 * sum < all {
            sum += entry.count
            isFull = isFull || entry.isFull
            channels.insert(entry.index / 2)
            byNode[Self.node(of: DirectionIndex(UInt32(entry.index)), topology), default: 0] += entry.count
        }
        // The first in order among equals.
        guard let node = byNode.max(by: { ($0.value, $1.key) < ($1.value, $0.key) })?.key else { return nil }
        return StressCurve.Bottleneck(
            resource: !isForLimits ? .balance : isFull ? .slots : .valueInFlight,
            channels: UInt64(channels.count), node: topology.nodes[node].alias)
    }

    private static func sum(of count: KeyPath<Refusals, UInt64>, in refusals: [Int: Refusals]) -> UInt64 {
        refusals.values.reduce(0) { $0 + $1[keyPath: count] }
    }
}

/// Counts a step's payments, all of them, whatever the run's tables leave out.
final class PaymentTally: RunRecorder {
    private(set) var settled: UInt64 = 0
    private(set) var ended: UInt64 = 0
    private var firstStart = UInt64.max
    private var lastStart: UInt64 = 0
    private var lastEnd: UInt64 = 0
    /// Of settled payments, microseconds.
    private var latencies: [UInt64] = []

    func record(_ payment: PaymentRecord) {
        ended += 1
        firstStart = min(firstStart, payment.startedAt)
        lastStart = max(lastStart, payment.startedAt)
        lastEnd = max(lastEnd, payment.endedAt)
        guard payment.failure == nil else { return }
        settled += 1
        latencies.append(payment.endedAt - payment.startedAt)
    }

    func record(_ attempt: AttemptRecord) {}
    func record(_ transaction: ChainRecord) {}
    func record(_ hour: TimelineRecord) {}
    func wantsAttempts(of payment: UInt64) -> Bool { false }

    /// Settled payments per second are taken from the first start to the last end.
    func step(offeredPerSecond: Double) -> StressCurve.Step {
        let seconds = ended > 0 ? Double(lastEnd - firstStart) / 1e6 : 0
        let sorted = latencies.sorted()
        return StressCurve.Step(
            offeredPerSecond: offeredPerSecond, settledPerSecond: seconds > 0 ? Double(settled) / seconds : 0,
            success: ended > 0 ? Double(settled) / Double(ended) : 0,
            offeringSeconds: ended > 0 ? Double(lastStart - firstStart) / 1e6 : 0,
            latency: sorted.isEmpty
                ? nil
                : StressCurve.Latency(
                    p50: Self.quantile(50, of: sorted), p90: Self.quantile(90, of: sorted),
                    p99: Self.quantile(99, of: sorted)))
    }

    /// The nearest rank, in milliseconds: the least latency that so many per cent do not exceed.
    private static func quantile(_ percent: Int, of sorted: [UInt64]) -> Double {
        let rank = (sorted.count * percent + 99) / 100
        return Double(sorted[max(rank, 1) - 1]) / 1_000
    }
}
