import LightningTypes
import PaymentNetwork
import Topologies

/// One seed of the torture suite: its configuration run to the end, and what independent checkers say of it.
public struct TortureRun: Sendable {
    public let seed: UInt64
    public private(set) var violations: [String] = []
    /// How often what happened, by name.
    public private(set) var counts: [String: Int] = [:]

    /// Faults that the program can commit on purpose.
    public static var plantableBugs: [String] { PlantedBug.allCases.map(\.rawValue) }

    /// Has the program commit one of them from now on; false where there is none of that name.
    public static func plant(_ name: String) -> Bool {
        PlantedBug.planted = PlantedBug(rawValue: name)
        return PlantedBug.planted != nil
    }

    public init(seed: UInt64) {
        self.seed = seed
        let configuration = TortureCase(seed: seed)
        for feature in configuration.features { counts[feature] = 1 }
        do {
            try run(configuration)
        } catch {
            violations.append("\(error)")
        }
    }

    private mutating func run(_ configuration: TortureCase) throws {
        var settings = RunSettings()
        settings.signatures = configuration.isEager ? .eager : .lazy
        settings.threads = configuration.threads
        let told = configuration.isResumed ? ToldRun() : nil
        let run = try RecomputedRun(
            configuration.topology, name: "torture-\(seed)", settings: settings, alsoTelling: told)
        violations += RunChecker(run.audit, run.topology).violations
        violations += try run.recomputed().violations
        checkBreaches(run.result, run.topology)
        count(run.audit, run.result)
        guard let told else { return }
        told.end(run.result, run.progress)
        let resumed = try resumed(run.topology, settings, after: run.result.events / 2)
        violations += told.differences(from: resumed)
    }

    /// An old backup ends in data-loss protection, never in a breach; but where two neighbours start from old ones,
    /// neither can know.
    private mutating func checkBreaches(_ result: RunResult, _ topology: Topology) {
        let stale = Set(topology.faults.filter { $0.kind == .staleBackup }.flatMap(\.nodes))
        let hasCheat = topology.faults.contains { $0.kind == .cheat }
        if result.disputes.breaches > 0, !hasCheat, stale.count < 2 {
            violations.append("\(result.disputes.breaches) breaches where nobody cheats")
        }
    }

    /// Runs to about an event, throws the simulation away and goes on from its state: all that the two of them tell.
    private func resumed(_ topology: Topology, _ settings: RunSettings, after events: UInt64) throws
        -> ToldRun
    {
        let told = ToldRun()
        let state = try NetworkSimulation(topology, settings: settings, recorder: told)
            .state(afterEvents: events)
        let simulation = try NetworkSimulation(topology, settings: settings, recorder: told, resuming: state)
        told.end(try simulation.run(), simulation.progress)
        return told
    }

    private mutating func count(_ audit: RunAudit, _ result: RunResult) {
        counts["payments settled"] = Int(result.payments.settled)
        counts["payments failed"] = Int(result.payments.failed)
        for (name, count) in result.messages where name == "update_fee" { counts[name] = Int(count) }
        for kind in result.chain.kinds { counts["\(kind.kind.rawValue) transactions"] = Int(kind.count) }
        for outcome in audit.outcomes where outcome.isOnChain {
            counts[outcome.isFulfilled ? "HTLCs settled on chain" : "HTLCs returned on chain", default: 0] +=
                1
        }
        for (name, count) in result.failures { counts["failed: \(name.name)", default: 0] += Int(count) }
    }
}

/// All that a run tells, as text: no field of it can be forgotten in a comparison.
final class ToldRun: RunRecorder {
    private var lines: [String] = []

    func record(_ payment: PaymentRecord) { lines.append("\(payment)") }
    func record(_ attempt: AttemptRecord) { lines.append("\(attempt)") }
    func record(_ transaction: ChainRecord) { lines.append("\(transaction)") }
    func record(_ hour: TimelineRecord) { lines.append("\(hour)") }
    func wantsAttempts(of payment: UInt64) -> Bool { true }

    func end(_ result: RunResult, _ progress: RunProgress) {
        var progress = progress
        // Counted since the process began.
        progress.windows = 0
        lines.append("\(progress)")
        // Member by member, so that a difference is told as what it is.
        for member in Mirror(reflecting: result).children {
            lines.append("\(member.label ?? ""): \(member.value)")
        }
    }

    /// What one tells and the other does not, in whatever order.
    func differences(from resumed: ToldRun) -> [String] {
        if lines == resumed.lines { return [] }
        var counts: [String: Int] = [:]
        for line in lines { counts[line, default: 0] += 1 }
        for line in resumed.lines { counts[line, default: 0] -= 1 }
        return counts.filter { $0.value != 0 }.map { line, count in
            "\(count > 0 ? "resumed, the run lacks" : "the resumed run alone has") \(line)"
        }.sorted()
    }
}
