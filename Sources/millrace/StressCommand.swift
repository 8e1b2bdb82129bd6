import ArgumentParser
import EventSimulation
import Foundation
import PaymentNetwork
import Reports
import RunStore
import Topologies

struct StressCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stress",
        abstract: "Raises the offered load until success or latency gives way.",
        discussion: """
            Every step is a run of its own from the same balances, and offers the same payments, only closer \
            together; warm-up, duration, circulation, churn, faults and changes of policy of the file do not \
            apply. Channels that open in the run stand open from the beginning, and none closes. The knee is the \
            highest rate with success of at least 95 % of the first step's and a 99th percentile of latency of at \
            most twice it. Without --rate and --steps it is searched for, from 1 to 100,000 payments a second, and \
            found within 4 %.
            """)

    @OptionGroup var input: TopologyInput

    @Option(
        help: ArgumentHelp(
            "Lowest and highest payments per simulated second of a ladder. (default: 1:1000 with --steps)",
            valueName: "low:high"),
        transform: RateRangeValue.read)
    var rate: RateRangeValue?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Loads of the ladder, each the same multiple of the one before. (default: 10 with --rate)",
            valueName: "count"),
        transform: number(2...100))
    var steps: UInt64?

    // A step keeps the latency of each of its payments.
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Payments of each step. (default: 5000, or as many as there are channels)", valueName: "count"),
        transform: number(1...10_000_000))
    var payments: UInt64?

    @OptionGroup var traffic: TrafficOptions

    @Option(
        help: ArgumentHelp("When signatures are made. The curve is the same.", valueName: "lazy|eager"))
    var signatures: SignatureMode = .lazy

    @Option(help: ArgumentHelp("Draws the curve into this file.", valueName: "file.svg"))
    var plot: String?

    @Flag(help: "One JSON object on standard output, and nothing else there.")
    var json = false

    @Flag(help: "No progress on standard error.")
    var quiet = false

    private var loads: StressLoads {
        guard rate != nil || steps != nil else { return .search }
        let (lowest, highest) = (rate?.lowest ?? 1, rate?.highest ?? 1_000)
        return .ladder(StressCurve.geometricRates(from: lowest, to: highest, count: Int(steps ?? 10)))
    }

    func run() throws {
        Interruption.listen()
        var (topology, inputs) = try input.read(for: .run, line: ProgressLine(isQuiet: quiet))
        try traffic.apply(to: &topology, inputs: &inputs)
        let file = topology
        // Each step offers all its payments, however long its rate takes for them, and counts every one.
        topology.duration = nil
        topology.warmup = .zero
        topology.leaveOutCirculation()
        topology.leaveOutPolicyChanges()
        topology.leaveOutChurn()
        topology.leaveOutFaults()
        topology.openFromTheBeginning()
        // So many that a large network feels them.
        let payments = payments ?? min(max(UInt64(topology.channels.count), 5_000), 100_000)
        guard let base = topology.offeredRate(ofFirst: payments) else {
            throw CommandFailure(
                .badInput, "\(input.path): no traffic to scale; it needs flows, or a trace of some length")
        }
        var settings = RunSettings()
        settings.signatures = signatures
        settings.paymentsMaximum = payments
        let memory = SystemMemory.allowance(for: .run)
        let needed = memory.bytes(
            nodes: Double(topology.nodes.count), channels: Double(topology.channels.count))
        if let refusal = memory.refusal(
            nodes: Double(topology.nodes.count), channels: Double(topology.channels.count))
        {
            throw CommandFailure(.badInput, "\(topology.name): \(refusal)")
        }
        let ladder = StressLadder(
            topology: topology, settings: settings, base: base, loads: loads,
            // As many side by side as there are processors, and as memory has room for.
            threads: min(SystemThreads.processorCount, max(1, Int(min(memory.bytes / needed, 1_024)))),
            line: ProgressLine(isQuiet: quiet))
        let (curve, speeds, offered) = try ladder.climb()
        let report = StressReport(curve, simulator: speeds, of: file, payments: offered)
        if json {
            try Output.write(report.json.encoded())
        } else {
            try Output.write(report.text(style: Terminal.outputStyle))
        }
        if let plot {
            do {
                try Data(StressPlot(curve, of: topology).svg.utf8).write(to: URL(fileURLWithPath: plot))
            } catch {
                throw CommandFailure(.inputOutput, "\(plot): the plot cannot be written there")
            }
        }
    }
}
