import ArgumentParser
import PaymentNetwork
import Reports
import RunStore
import Topologies

/// `millrace run --resume RUN_DIRECTORY`: a command of its own, since it takes no topology and no settings.
struct ResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Goes on with a run, or prints a finished one again.",
        shouldDisplay: false)

    @Option var resume: String
    @Option(transform: DurationValue.readPositive) var checkpointEvery: DurationValue?
    @Option var logLevel: LogLevel = .notice
    @Flag var json = false
    @Flag var quiet = false

    /// Whether these arguments of the program are for this command.
    static func isMeant(by arguments: [String]) -> Bool {
        arguments.first == "run" && arguments.contains { $0 == "--resume" || $0.hasPrefix("--resume=") }
            && !arguments.contains { $0 == "--help" || $0 == "-h" }
    }

    static func parse(programArguments arguments: [String]) throws -> ResumeCommand {
        do {
            return try parse(Array(arguments.dropFirst()))
        } catch {
            throw CommandFailure(
                .usage,
                "\(message(for: error)); --resume takes everything from the run directory and goes with "
                    + "--checkpoint-every, --log-level, --json and --quiet alone")
        }
    }

    func run() throws {
        let stopwatch = Stopwatch()
        Interruption.listen()
        var stored: StoredRun
        var interval = checkpointEvery
        do {
            stored = try StoredRun(at: resume)
            if stored.status != .complete {
                var directory = stored.directory
                try directory.claim()
                // It may have ended until it was ours.
                stored = try StoredRun(in: directory)
                if interval == nil {
                    interval = try directory.checkpointInterval().flatMap { DurationValue($0) }
                }
            }
        } catch { throw CommandFailure(error) }
        if stored.status == .complete { return try printAgain(stored) }
        let plan = try stored.plan()
        guard stored.isDescribed(by: plan.description, of: plan.topology) else {
            throw CommandFailure(
                .badInput,
                "\(resume): its manifest is not what its arguments and input make in millrace \(Millrace.version); "
                    + "it was written by \(stored.program) or changed since")
        }
        let session = RunSession(
            plan: plan, directory: stored.directory, checkpointInterval: interval?.value,
            json: json, quiet: quiet, logLevel: logLevel, stopwatch: stopwatch)
        do {
            try goOn(session, plan, stored.directory, interval)
        } catch {
            throw CommandFailure(duringRun: error)
        }
    }

    /// From the latest checkpoint that is sound, else from the start.
    ///
    /// Only what a checkpoint holds can make it of no use; that it cannot be read ends the command and changes nothing.
    private func goOn(
        _ session: RunSession, _ plan: RunPlan, _ directory: RunDirectory, _ interval: DurationValue?
    ) throws {
        let store = try CheckpointStore(of: directory, plan.description, plan.topology)
        for number in try store.numbers() {
            guard let (simulation, writer) = try resumed(from: number, of: store, plan, directory) else {
                continue
            }
            if let interval { try writer.note(checkpointInterval: interval.description) }
            if !quiet { Diagnostics.say("goes on from \(store.path(of: number))") }
            return try session.run(simulation, into: writer)
        }
        Diagnostics.say("\(directory.path) has no checkpoint to go on from; the run starts over")
        let writer = try RunWriter(
            startingOver: directory, topology: plan.topology, description: plan.description, interval != nil)
        if let interval { try writer.note(checkpointInterval: interval.description) }
        try session.run(into: writer)
    }

    /// The run as a checkpoint has it; nil, and a line that says why, where that is of no use.
    private func resumed(
        from number: UInt64, of store: CheckpointStore, _ plan: RunPlan, _ directory: RunDirectory
    ) throws -> (NetworkSimulation, RunWriter)? {
        let reason: any Error
        do {
            let checkpoint = try store.read(number)
            let writer = try RunWriter(
                resuming: directory, topology: plan.topology, description: plan.description, from: checkpoint)
            let simulation = try NetworkSimulation(
                plan.topology, settings: plan.settings, recorder: writer, resuming: checkpoint.state)
            return (simulation, writer)
        } catch CheckpointRefusal.otherVersion(let version) {
            throw CommandFailure(
                .badInput,
                "\(store.path(of: number)) was written by another version (\(version)); go on with that one, or "
                    + "give the run's command anew with another --out")
        } catch let refusal as CheckpointRefusal {
            reason = refusal
        } catch SimulationError.unusableState(let error) {
            reason = error
        } catch RunStoreError.otherRows(let path, let words) {
            reason = RunStoreError.otherRows(path: path, reason: words)
        }
        Diagnostics.say("\(store.path(of: number)) is of no use: \(reason)")
        return nil
    }

    /// The run is over: what it said is in its directory.
    private func printAgain(_ stored: StoredRun) throws {
        // What a run that was killed after its last file had been written may have left; nobody else is at work there.
        var directory = stored.directory
        if (try? directory.claim()) != nil {
            directory.removeTraces()
            directory.release()
        }
        do {
            if json {
                let wall = stored.wallSeconds
                try Output.write(
                    RunDocument.printed(
                        stored: stored.document("result.json"), wallSeconds: wall.whole,
                        loadingSeconds: wall.loading, directory: stored.directory.path))
            } else {
                try Output.write(stored.document("report.txt"))
                try Output.write(RunSession.trailer(stored.directory, digest: stored.digest ?? ""))
            }
        } catch let error as RunStoreError {
            throw CommandFailure(error)
        }
    }
}

extension StoredRun {
    /// What the command of this run asks for, read from the copies in its directory.
    func plan() throws(CommandFailure) -> RunPlan {
        do {
            try checkSchema()
            try checkInputs()
        } catch { throw CommandFailure(error) }
        guard arguments.first == "run", let command = try? RunCommand.parse(Array(arguments.dropFirst()))
        else {
            throw CommandFailure(
                .badInput,
                "\(directory.path)/manifest.json: its arguments are no command of millrace \(Millrace.version)"
            )
        }
        return try command.plan(arguments: arguments, copies: inputs)
    }
}
