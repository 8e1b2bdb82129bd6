import ArgumentParser
import EventSimulation
import Foundation
import PaymentNetwork
import Reports
import RunStore
import Topologies

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Simulates a network: what became of its payments, and what every node earned.",
        usage: """
            millrace run <topology> [options]
            millrace run --resume <run-directory> [--checkpoint-every <time>] [--log-level <level>] [--json] [--quiet]
            """,
        discussion: "Writes a run directory with a copy of the input, run.sqlite and income.csv.")

    @OptionGroup var input: TopologyInput

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Exactly so many payments start: the first of the flows, or of the trace.", valueName: "count"),
        transform: number(OptionRange.payments))
    var payments: UInt64?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Payments per simulated second over all flows, their shares kept.", valueName: "rate"),
        transform: RateValue.read)
    var rate: RateValue?

    @Option(
        help: ArgumentHelp(
            "The last payment starts before this: 7d, 12h, 30m, 90s.", valueName: "time"),
        transform: DurationValue.readPositive)
    var duration: DurationValue?

    @Option(
        help: ArgumentHelp(
            "Payments that start before this are left out of every table; 0s: none.", valueName: "time"),
        transform: DurationValue.read)
    var warmup: DurationValue?

    @OptionGroup var traffic: TrafficOptions

    @Option(
        help: ArgumentHelp(
            "The run directory; a new or empty one. (default: runs/NAME-SEED, numbered)", valueName: "dir"))
    var out: String?

    @Option(
        help: ArgumentHelp(
            "When signatures are made: as transactions reach the chain, or as the protocol asks. The result is the same.",
            valueName: "lazy|eager"))
    var signatures: SignatureMode = .lazy

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Threads of the simulation. The result is the same. (default: 1)", valueName: "count"),
        transform: number(OptionRange.threads))
    var threads: UInt64 = 1

    // For those who check that neither decides anything.
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Shards of the simulation. The result is the same.", valueName: "count", visibility: .hidden),
        transform: number(OptionRange.shards))
    var shards: UInt64?

    @Flag(help: ArgumentHelp("Finds no routes ahead of time. The result is the same.", visibility: .hidden))
    var noPrefetch = false

    @Option(
        help: ArgumentHelp(
            "Which payments' attempts the run directory keeps. (default: all up to a million payments, then a sample)",
            valueName: "all|none|1/N"),
        transform: AttemptSampling.read)
    var attempts: AttemptSampling?

    @Option(
        help: ArgumentHelp(
            "Keeps the state of the run every so often, in real time: 30s, 5m. A killed run goes on from there.",
            valueName: "time"),
        transform: DurationValue.readPositive)
    var checkpointEvery: DurationValue?

    // Parsed by `ResumeCommand`; here for the help.
    @Option(
        help: ArgumentHelp(
            "Goes on with a run that was killed or interrupted, or prints a finished one again. Takes everything from the run directory.",
            valueName: "run-directory"))
    var resume: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Nodes shown one by one in the table, the highest nets. (default: 20)", valueName: "count"),
        transform: number(OptionRange.nodes))
    var top: UInt64 = 20

    @Option(
        help: ArgumentHelp(
            "Shows this node too, whatever it earned: a name, alias or public key. Repeatable.",
            valueName: "node"))
    var show: [String] = []

    @Flag(help: "One JSON object on standard output, and nothing else there.")
    var json = false

    @Option(
        help: ArgumentHelp(
            """
            What to tell on standard error: info (phases, gossip epochs, faults), debug (checkpoints, how busy the \
            engine is) or trace (each simulated hour).
            """,
            valueName: "level"))
    var logLevel: LogLevel = .notice

    @Flag(help: "No progress and no figures of time on standard error.")
    var quiet = false

    func validate() throws {
        if let out, out.isEmpty { throw ValidationError("--out names a directory; it is empty") }
        if rate != nil, traffic.trace != nil {
            throw ValidationError("--rate and --trace exclude each other: a trace has its own times")
        }
    }

    func run() throws {
        let stopwatch = Stopwatch()
        Interruption.listen()
        let plan = try plan(arguments: Self.storedArguments(Array(CommandLine.arguments.dropFirst())))
        if let warning = plan.topology.lengthWarning(plan.settings) { Diagnostics.say(warning) }
        if Int(threads) > plan.settings.threadsMade {
            Diagnostics.say(
                "--threads \(threads): \(Figures.counted(UInt64(plan.settings.threadsMade), "thread")) will do, for "
                    + "there are no more processors; the result is the same")
        }
        let building = ProgressLine(isQuiet: quiet)
        building.draw(
            .building(nodes: plan.topology.nodes.count, channels: plan.topology.channels.count))
        let directory: RunDirectory
        let writer: RunWriter
        do {
            directory =
                if let out { try RunDirectory(creating: out) } else {
                    try RunDirectory(numbered: plan.topology.name, seed: plan.topology.seed)
                }
            writer = try RunWriter(
                in: directory, topology: plan.topology, description: plan.description,
                takesCheckpoints: checkpointEvery != nil)
            if let checkpointEvery { try writer.note(checkpointInterval: checkpointEvery.description) }
        } catch {
            throw CommandFailure(error)
        }
        let session = RunSession(
            plan: plan, directory: directory, checkpointInterval: checkpointEvery?.value, json: json,
            quiet: quiet, logLevel: logLevel, stopwatch: stopwatch)
        do { try session.run(into: writer) } catch { throw CommandFailure(duringRun: error) }
    }

    /// What these arguments ask for.
    ///
    /// - Parameters:
    ///   - arguments: as the manifest tells them.
    ///   - copies: an earlier run's copies of its input, to be read in place of the files.
    func plan(arguments: [String], copies: [InputFile]? = nil) throws(CommandFailure) -> RunPlan {
        let line = ProgressLine(isQuiet: quiet)
        var (topology, inputs) = try input.read(for: .run, from: copies, line: line)
        try traffic.apply(
            rate: rate?.value, duration: duration?.value, warmup: warmup?.value, to: &topology,
            inputs: &inputs, copies: copies)
        // Exactly so many start, and the rate decides how long that takes: the file's duration bounds what the
        // file asks for, not this.
        if payments != nil, duration == nil { topology.duration = nil }
        let end = topology.trafficTime(ofFirst: payments)
        topology.faultsEnd = end
        let memory = SystemMemory.allowance(for: .run)
        var settings = RunSettings()
        settings.signatures = signatures
        settings.threads = Int(threads)
        // More threads than processors only wait for each other; who chooses the shards too wants to see that happen.
        settings.threadsMaximum = shards == nil ? SystemThreads.processorCount : .max
        settings.shards = shards.map { Int($0) }
        settings.prefetch = !noPrefetch
        settings.paymentsMaximum = payments
        do {
            try topology.drawChurn(until: end, memory: memory) { line.draw($0) }
            try topology.checkPlannedEvents()
        } catch {
            throw CommandFailure(.badInput, error.description)
        }
        try topology.checkDemand(settings, memory)
        line.clear()
        return RunPlan(
            topology: topology, settings: settings,
            description: description(of: topology, settings, inputs, arguments),
            rows: try rows(of: topology))
    }

    /// The nodes to be shown: the highest nets, those asked for, and those the file writes beside a graph, which
    /// would go under among thousands.
    private func rows(of topology: Topology) throws(CommandFailure) -> IncomeRows {
        var rows = IncomeRows(top: Int(top))
        for name in show {
            do { rows.named.insert(try topology.nodeIndex(named: name)) } catch {
                throw CommandFailure(.usage, "--show: \(error)")
            }
        }
        for index in topology.nodes.indices.filter({ topology.nodes[$0].isSingledOut }).prefix(rows.top) {
            rows.named.insert(Int32(index))
        }
        return rows
    }

    private func description(
        of topology: Topology, _ settings: RunSettings, _ inputs: [InputFile], _ arguments: [String]
    ) -> RunDescription {
        var overrides = traffic.given
        if let payments { overrides.append(("payments", payments.description)) }
        if let rate { overrides.append(("rate", rate.description)) }
        if let duration { overrides.append(("duration", duration.description)) }
        if let warmup { overrides.append(("warmup", warmup.description)) }
        if let rule = input.graph.channelsWithoutPolicy {
            overrides.append(("channels-without-policy", rule.rawValue))
        }
        return RunDescription(
            version: Millrace.version, arguments: arguments,
            overrides: overrides.sorted { $0.option < $1.option }, settings: settings,
            attempts: attempts ?? AttemptSampling(forPayments: topology.expectedPayments(settings)),
            inputs: inputs)
    }

    /// The arguments without what decides nothing of the result: where it goes, and when checkpoints are taken.
    private static func storedArguments(_ all: [String]) -> [String] {
        var arguments = all
        for option in ["--out", "--checkpoint-every", "--log-level"] {
            arguments.removeAll { $0.hasPrefix("\(option)=") }
            if let index = arguments.firstIndex(of: option) {
                arguments.removeSubrange(index..<min(index + 2, arguments.count))
            }
        }
        return arguments
    }
}

extension SignatureMode: ExpressibleByArgument {}

extension WallFigures {
    /// The figures of time and memory, for people.
    var line: String {
        func time(_ seconds: Double) -> String {
            Figures.duration(microseconds: UInt64((max(seconds, 0) * 1e6).rounded()))
        }
        var parts = [
            "\(time(wallSeconds)), \(time(loadingSeconds)) of it loading",
            "\(Figures.rate(paymentsPerSecond)) payments/s", "\(Figures.rate(eventsPerSecond)) events/s",
        ]
        if let memoryPeak { parts.append("\(Figures.count((memoryPeak + 500_000) / 1_000_000)) MB") }
        return parts.joined(separator: " · ")
    }
}
