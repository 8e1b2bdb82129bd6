import Dispatch
import Foundation
import LightningTypes
import PaymentNetwork
import Reports
import Synchronization
import Topologies

/// The runs of a stress test: the steps side by side, then the highest load again with the machine to itself, for the
/// simulator's own speed.
struct StressLadder: Sendable {
    private let topology: Topology
    private let settings: RunSettings
    /// Payments per simulated second of the topology as it is.
    private let base: Double
    private let rates: [Double]
    private let line: ProgressLine

    private struct Outcome {
        var step: StressCurve.Step
        var speed: SimulatorSpeed
        var payments: UInt64
    }

    init(topology: Topology, settings: RunSettings, base: Double, rates: [Double], line: ProgressLine) {
        self.topology = topology
        self.settings = settings
        self.base = base
        self.rates = rates
        self.line = line
    }

    /// The curve, the simulator's speed at the highest load on one thread and on all cores, each with the machine to
    /// itself, and how many payments a step offered.
    func climb() throws(CommandFailure) -> (curve: StressCurve, speeds: [SimulatorSpeed], payments: UInt64) {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let threadCounts = cores > 1 ? [1, cores] : [1]
        defer { line.clear() }
        let board = ProgressBoard(count: rates.count + threadCounts.count, line: line)
        let results = Mutex<[Result<Outcome, CommandFailure>?]>(Array(repeating: nil, count: rates.count))
        DispatchQueue.concurrentPerform(iterations: rates.count) { index in
            let result = outcome(of: index, board, place: index)
            results.withLock { $0[index] = result }
        }
        var outcomes: [Outcome] = []
        for result in results.withLock({ $0 }) {
            guard let result else { preconditionFailure("a step was left out") }
            outcomes.append(try result.get())
        }
        var speeds: [SimulatorSpeed] = []
        for (index, threads) in threadCounts.enumerated() {
            let place = rates.count + index
            speeds.append(try outcome(of: rates.count - 1, threads: threads, board, place: place).get().speed)
        }
        return (StressCurve(steps: outcomes.map(\.step)), speeds, outcomes[0].payments)
    }

    private func outcome(
        of index: Int, threads: Int = 1, _ board: ProgressBoard, place: Int
    ) -> Result<Outcome, CommandFailure> {
        do {
            return .success(try run(index, threads: threads, board, place: place))
        } catch {
            return .failure(CommandFailure(duringRun: error))
        }
    }

    /// The ten directions that refused most HTLCs.
    private func saturated(_ result: RunResult) -> [StressCurve.Saturated] {
        let refusals = result.channelIncome.map { $0.refusedForBalance + $0.refusedForLimits }
        let worst = refusals.indices.filter { refusals[$0] > 0 }
            .sorted { (refusals[$1], $0) < (refusals[$0], $1) }.prefix(10)
        return worst.map { index in
            let direction = DirectionIndex(UInt32(index))
            let channel = topology.channels[direction.channel]
            let node = direction.side == .first ? channel.node1 : channel.node2
            return StressCurve.Saturated(
                direction: "\(channel.shortChannelID)/\(direction.side.rawValue)",
                node: topology.nodes[Int(node)].alias, refusals: refusals[index])
        }
    }

    private func run(
        _ index: Int, threads: Int, _ board: ProgressBoard, place: Int
    ) throws -> Outcome {
        if Interruption.isRequested { throw CommandFailure(.interrupted, "interrupted") }
        var settings = settings
        settings.rateFactor = rates[index] / base
        settings.threads = threads
        let tally = PaymentTally()
        let simulation = try NetworkSimulation(topology, settings: settings, recorder: tally)
        let stopwatch = Stopwatch()
        let result = try simulation.run { progress in
            board.update(place, to: progress.fraction)
            return !Interruption.isRequested
        }
        let seconds = max(stopwatch.seconds, 1e-9)
        board.update(place, to: 1)
        let messages = result.messages.reduce(0) { $0 + $1.count }
        var step = tally.step(offeredPerSecond: rates[index])
        step.fees = result.feesPaid.rawValue
        step.pendingHTLCs = simulation.pendingHTLCsMaximum
        step.failures = result.failures.map { ($0.name.name, $0.count) }
        step.refusedForBalance = result.channelIncome.reduce(0) { $0 + $1.refusedForBalance }
        step.refusedForLimits = result.channelIncome.reduce(0) { $0 + $1.refusedForLimits }
        step.saturated = saturated(result)
        return Outcome(
            step: step,
            speed: SimulatorSpeed(
                threads: settings.threads, paymentsPerSecond: Double(tally.settled) / seconds,
                eventsPerSecond: Double(result.events) / seconds,
                messagesPerSecond: Double(messages) / seconds),
            payments: tally.ended)
    }
}

/// How far each step is, drawn as one line.
private final class ProgressBoard: Sendable {
    private let fractions: Mutex<[Double]>
    private let line: ProgressLine

    init(count: Int, line: ProgressLine) {
        fractions = Mutex(Array(repeating: 0, count: count))
        self.line = line
    }

    func update(_ index: Int, to fraction: Double) {
        fractions.withLock { fractions in
            fractions[index] = fraction
            let done = fractions.count { $0 >= 1 }
            line.draw(
                fraction: fractions.reduce(0, +) / Double(fractions.count),
                ["\(done) of \(fractions.count) runs done"])
        }
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
