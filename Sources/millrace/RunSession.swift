import Foundation
import PaymentNetwork
import Reports
import RunStore
import Topologies

/// A run as its arguments and its input decide it.
struct RunPlan {
    var topology: Topology
    var settings: RunSettings
    var description: RunDescription
    /// Of the income table.
    var rows: IncomeRows
}

/// Carries a run out in its directory, from the start or from a checkpoint, and prints what came of it.
struct RunSession {
    let plan: RunPlan
    let directory: RunDirectory
    /// Real time between two checkpoints; nil: none are taken.
    let checkpointInterval: Duration?
    let json: Bool
    let quiet: Bool
    let logLevel: LogLevel
    let stopwatch: Stopwatch

    /// Carries it out from the start and prints the result.
    func run(into writer: RunWriter) throws {
        try run(
            NetworkSimulation(plan.topology, settings: plan.settings, recorder: writer), into: writer)
    }

    /// Carries it out and prints the result.
    func run(_ simulation: NetworkSimulation, into writer: RunWriter) throws {
        let (result, document, wall) = try simulate(simulation, into: writer)
        if json {
            try Output.write(
                RunDocument.printed(
                    stored: document, wallSeconds: wall.wallSeconds, loadingSeconds: wall.loadingSeconds,
                    directory: directory.path))
        } else {
            try Output.write(
                RunReport(result, of: plan.topology, rows: plan.rows, style: Terminal.outputStyle).text())
            try Output.write(Self.trailer(directory, digest: digestText(result.digest)))
        }
        if !quiet { Diagnostics.write(wall.line + "\n") }
    }

    /// Carries it out and writes every file.
    func simulate(
        _ simulation: NetworkSimulation, into writer: RunWriter
    ) throws -> (result: RunResult, document: [UInt8], wall: WallFigures) {
        let loading = stopwatch.seconds
        let eventsBefore = simulation.eventCount
        let line = ProgressLine(isQuiet: quiet)
        var log = ProgramLog(level: logLevel, of: plan.topology)
        log.phase(
            "\(plan.topology.name) is read: \(Figures.counted(UInt64(plan.topology.nodes.count), "node")), \(Figures.counted(UInt64(plan.topology.channels.count), "channel")), after \(Figures.decimal(loading, 2)) s"
        )
        simulation.watcher = { log.note($0) }
        var timer = CheckpointTimer(interval: checkpointInterval)
        var failure: RunStoreError?
        func keepState() {
            let began = stopwatch.seconds
            let state = simulation.state()
            do { try writer.checkpoint(state, at: simulation.simulatedTime) } catch { failure = error }
            log.checkpoint(
                bytes: state.count, at: simulation.simulatedTime, seconds: stopwatch.seconds - began)
        }
        let result: RunResult
        do {
            result = try simulation.run { progress in
                line.draw(progress)
                log.progress(progress)
                if timer.isDue {
                    keepState()
                    timer.restart()
                }
                guard Interruption.isRequested, failure == nil else { return failure == nil }
                if checkpointInterval != nil { keepState() }
                return false
            }
            line.clear()
        } catch SimulationError.interrupted {
            line.clear()
            if let failure { throw failure }
            try writer.finishInterrupted(initialBalances: simulation.initialBalances())
            let how = checkpointInterval == nil ? "" : "; millrace run --resume \(directory.path) goes on"
            throw CommandFailure.interrupted("; what was recorded until then is in \(directory.path)\(how)")
        }
        let simulating = stopwatch.seconds - loading
        log.phase(
            "simulated \(Figures.duration(microseconds: result.simulatedMicroseconds)), the drain included, in \(Figures.decimal(simulating, 2)) s; writing"
        )
        let plan = plan
        let (wall, documents) = try writer.finish(
            result, initialBalances: simulation.initialBalances(),
            documents: {
                let report = RunReport(
                    result, of: plan.topology, rows: plan.rows, style: TextStyle(isRich: false))
                let document = RunDocument(result, of: plan.topology, settings: plan.settings)
                return [
                    .init("result.json", document.stored.encoded()),
                    .init("report.txt", Array(report.text().utf8)),
                ]
            },
            wall: WallFigures(
                wallSeconds: stopwatch.seconds, loadingSeconds: loading, simulatingSeconds: simulating,
                eventsPerSecond: Double(result.events - eventsBefore) / max(simulating, 1e-9),
                paymentsPerSecond: Double(result.payments.settled) / max(simulating, 1e-9),
                memoryPeak: memoryPeak()))
        return (result, documents[0].bytes, wall)
    }

    /// What stands below the report.
    static func trailer(_ directory: RunDirectory, digest: String) -> String {
        "\nRun directory  \(directory.path)\nDigest         \(digest)\n"
    }
}

/// When the next checkpoint is due; real time, which decides nothing but this.
private struct CheckpointTimer {
    let interval: Duration?
    private var next: ContinuousClock.Instant

    init(interval: Duration?) {
        self.interval = interval
        next = .now + (interval ?? .zero)
    }

    var isDue: Bool { interval != nil && ContinuousClock.now >= next }

    /// From now: however long a checkpoint takes, the run gets its time between two.
    mutating func restart() { next = .now + (interval ?? .zero) }
}
