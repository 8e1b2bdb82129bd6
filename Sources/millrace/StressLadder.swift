import Dispatch
import PaymentNetwork
import Reports
import Synchronization
import Topologies

/// The runs of a stress test: the first alone, so that the simulator's own speed is taken with the machine to
/// itself, the others side by side.
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

    /// The curve, the simulator's speed in the first step, and how many payments that step offered.
    func climb() throws(CommandFailure) -> (curve: StressCurve, speed: SimulatorSpeed, payments: UInt64) {
        let board = ProgressBoard(count: rates.count, line: line)
        let first = outcome(of: 0, board)
        let outcomes = Mutex<[Result<Outcome, CommandFailure>?]>(
            Array(repeating: nil, count: rates.count))
        outcomes.withLock { $0[0] = first }
        if case .success = first {
            // The longest runs last in simulated time come first; what order they end in changes nothing.
            DispatchQueue.concurrentPerform(iterations: rates.count - 1) { index in
                let outcome = outcome(of: index + 1, board)
                outcomes.withLock { $0[index + 1] = outcome }
            }
        }
        line.clear()
        var steps: [StressCurve.Step] = []
        for outcome in outcomes.withLock({ $0 }) {
            guard let outcome else { break }
            steps.append(try outcome.get().step)
        }
        let alone = try first.get()
        return (StressCurve(steps: steps), alone.speed, alone.payments)
    }

    private func outcome(
        of index: Int, _ board: ProgressBoard
    ) -> Result<Outcome, CommandFailure> {
        do {
            return .success(try run(index, board))
        } catch {
            return .failure(CommandFailure(duringRun: error))
        }
    }

    private func run(
        _ index: Int, _ board: ProgressBoard
    ) throws -> Outcome {
        if Interruption.isRequested { throw CommandFailure(.interrupted, "interrupted") }
        var settings = settings
        settings.rateFactor = rates[index] / base
        let tally = PaymentTally()
        let simulation = try NetworkSimulation(topology, settings: settings, recorder: tally)
        let stopwatch = Stopwatch()
        let result = try simulation.run { progress in
            board.update(index, to: progress.fraction)
            return !Interruption.isRequested
        }
        let seconds = max(stopwatch.seconds, 1e-9)
        board.update(index, to: 1)
        let messages = result.messages.reduce(0) { $0 + $1.count }
        return Outcome(
            step: tally.step(offeredPerSecond: rates[index]),
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
                ["\(done) of \(fractions.count) steps done"])
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
