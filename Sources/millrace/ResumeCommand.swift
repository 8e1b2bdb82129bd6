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
        let stored: StoredRun
        do { stored = try StoredRun(at: resume) } catch { throw CommandFailure(error) }
        if stored.status == .complete { return try printAgain(stored) }
        let plan = try stored.plan()
        guard stored.isDescribed(by: plan.description, of: plan.topology) else {
            throw CommandFailure(
                .badInput,
                "\(resume): its manifest is not what its arguments and input make in millrace \(Millrace.version); "
                    + "it was written by \(stored.program) or changed since")
        }
        var interval = checkpointEvery
        if interval == nil, let text = stored.directory.checkpointInterval {
            interval = DurationValue(text)
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
    private func goOn(
        _ session: RunSession, _ plan: RunPlan, _ directory: RunDirectory, _ interval: DurationValue?
    ) throws {
        let store = try CheckpointStore(of: directory, plan.description, plan.topology)
        for number in store.numbers {
            let path = store.path(of: number)
            let writer: RunWriter
            let simulation: NetworkSimulation
            do {
                let checkpoint = try store.read(number)
                writer = try RunWriter(
                    resuming: directory, topology: plan.topology, description: plan.description,
                    from: checkpoint)
                simulation = try NetworkSimulation(
                    plan.topology, settings: plan.settings, recorder: writer, resuming: checkpoint.state)
            } catch {
                Diagnostics.say("\(path) is of no use: \(error)")
                continue
            }
            if let interval { try writer.note(checkpointInterval: interval.description) }
            if !quiet { Diagnostics.say("goes on from \(path)") }
            return try session.run(simulation, into: writer)
        }
        Diagnostics.say("\(directory.path) has no checkpoint to go on from; the run starts over")
        let writer = try RunWriter(
            startingOver: directory, topology: plan.topology, description: plan.description, interval != nil)
        if let interval { try writer.note(checkpointInterval: interval.description) }
        try session.run(into: writer, resuming: nil)
    }

    /// The run is over: what it said is in its directory.
    private func printAgain(_ stored: StoredRun) throws {
        stored.directory.tidy()
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
