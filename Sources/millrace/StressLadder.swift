import EventSimulation
import LightningTypes
import PaymentNetwork
import Reports
import Synchronization
import Topologies

/// Which loads a stress test tries.
enum StressLoads: Sendable {
    /// These, rising.
    case ladder([Double])
    /// As many as it takes to find the knee: a coarse ladder, then between the last load that holds and the next.
    case search

    /// Each ten times the one before.
    static let coarse = [1, 10, 100, 1_000, 10_000, 100_000] as [Double]
    /// Each divides what is between in four by three more loads: the knee is known within 4 % after three.
    static let rounds = 3

    /// How many runs these are at the most.
    var countMaximum: Int {
        switch self {
        case .ladder(let rates): rates.count
        case .search: Self.coarse.count + 3 * Self.rounds
        }
    }
}

/// The runs of a stress test: the steps side by side, then the highest load again with the machine to itself, for the
/// simulator's own speed.
///
/// Which loads are tried depends on nothing but what became of others, so that every machine finds the same knee.
struct StressLadder: Sendable {
    private let topology: Topology
    private let settings: RunSettings
    /// Payments per simulated second of the topology as it is.
    private let base: Double
    private let loads: StressLoads
    /// How many steps run at the same time.
    private let threads: Int
    private let line: ProgressLine

    init(
        topology: Topology, settings: RunSettings, base: Double, loads: StressLoads, threads: Int,
        line: ProgressLine
    ) {
        self.topology = topology
        self.settings = settings
        self.base = base
        self.loads = loads
        self.threads = threads
        self.line = line
    }

    /// The curve, the simulator's speed at the highest load on one thread and more, each with the machine to itself,
    /// and how many payments a step offered.
    func climb() throws(CommandFailure) -> (curve: StressCurve, speeds: [SimulatorSpeed], payments: UInt64) {
        let threadCounts = Self.threadCounts(cores: SystemThreads.processorCount)
        defer { line.clear() }
        let board = ProgressBoard(count: loads.countMaximum + threadCounts.count, line: line)
        var steps: [StressStep]
        switch loads {
        case .ladder(let rates): steps = try run(rates, board)
        case .search:
            steps = try run(StressLoads.coarse, board)
            for _ in 0..<StressLoads.rounds {
                let curve = StressCurve(steps: steps.map(\.step))
                guard let holding = curve.kneePerSecond, let failing = curve.failingPerSecond else { break }
                let between = StressCurve.geometricRates(from: holding, to: failing, count: 5)[1...3]
                steps += try run(Array(between), board)
                steps.sort { $0.step.offeredPerSecond < $1.step.offeredPerSecond }
            }
        }
        for index in steps.indices {
            steps[index].step.bottleneck = steps[index].bottleneck(against: steps[0], topology)
        }
        let curve = StressCurve(steps: steps.map(\.step))
        var speeds: [SimulatorSpeed] = []
        for threads in threadCounts {
            speeds.append(
                try outcome(of: curve.steps[curve.steps.count - 1].offeredPerSecond, threads, board).speed)
        }
        return (curve, speeds, steps[0].payments)
    }

    /// One, two, four and so on, and all there are.
    private static func threadCounts(cores: Int) -> [Int] {
        var counts = [1]
        while let last = counts.last, last < cores { counts.append(min(2 * last, cores)) }
        return counts
    }

    /// Tries these loads, as many at a time as there are cores and memory for.
    private func run(_ rates: [Double], _ board: ProgressBoard) throws(CommandFailure) -> [StressStep] {
        let results = Mutex<[Result<StressStep, CommandFailure>?]>(Array(repeating: nil, count: rates.count))
        SystemThreads.perform(rates.count, threads: threads) { index in
            let result = Result { () throws(CommandFailure) in try outcome(of: rates[index], 1, board) }
            results.withLock { $0[index] = result }
        }
        var steps: [StressStep] = []
        for result in results.withLock({ $0 }) {
            guard let result else { preconditionFailure("a step was left out") }
            steps.append(try result.get())
        }
        return steps
    }

    private func outcome(
        of rate: Double, _ threads: Int, _ board: ProgressBoard
    ) throws(CommandFailure) -> StressStep {
        if Interruption.isRequested { throw CommandFailure.interrupted() }
        let place = board.begin()
        var settings = settings
        settings.rateFactor = rate / base
        settings.threads = threads
        // The simulator's own speed is that of an ordinary run.
        settings.measuresUse = threads == 1
        do {
            return try StressStep(topology, settings, offeredPerSecond: rate) { fraction in
                board.update(place, to: fraction)
                return !Interruption.isRequested
            }
        } catch {
            throw CommandFailure(duringRun: error)
        }
    }
}

/// How far each run is, drawn as one line.
private final class ProgressBoard: Sendable {
    private let fractions = Mutex<[Double]>([])
    /// Runs there may be.
    private let count: Int
    private let line: ProgressLine

    init(count: Int, line: ProgressLine) {
        self.count = count
        self.line = line
    }

    /// The place of one more run.
    func begin() -> Int {
        fractions.withLock { fractions in
            fractions.append(0)
            return fractions.count - 1
        }
    }

    func update(_ index: Int, to fraction: Double) {
        fractions.withLock { fractions in
            fractions[index] = fraction
            let done = fractions.count { $0 >= 1 }
            line.draw(
                fraction: fractions.reduce(0, +) / Double(max(count, fractions.count)),
                ["\(done) of \(count) runs done"])
        }
    }
}
