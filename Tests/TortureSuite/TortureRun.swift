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
            let topology = try Topology(
                bytes: Array(configuration.topology.utf8), fileName: "torture-\(seed).yaml", directory: "/")
            try run(configuration, topology)
        } catch {
            violations.append("\(error)")
        }
    }

    private mutating func run(_ configuration: TortureCase, _ topology: Topology) throws {
        var settings = RunSettings()
        settings.audits = true
        settings.signatures = configuration.isEager ? .eager : .lazy
        settings.threads = configuration.threads
        let recorder = Recorder()
        let simulation = try NetworkSimulation(topology, settings: settings, recorder: recorder)
        let result = try simulation.run()
        guard let audit = simulation.audit() else { return violations.append("no audit") }
        violations += RunChecker(audit, topology).violations
        checkBreaches(result, topology)
        count(audit, result, recorder)
        guard configuration.isResumed else { return }
        settings.audits = false
        let resumed = try resumedDigest(topology, settings, after: result.events / 2)
        if resumed != result.digest {
            violations.append("resumed, the run has the digest \(String(resumed, radix: 16))")
        }
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

    /// Runs to about an event, throws the simulation away and goes on from its state.
    private func resumedDigest(_ topology: Topology, _ settings: RunSettings, after events: UInt64) throws
        -> UInt64
    {
        let first = try NetworkSimulation(topology, settings: settings)
        let state = first.state(afterEvents: events)
        return try NetworkSimulation(topology, settings: settings, resuming: state).run().digest
    }

    private mutating func count(_ audit: RunAudit, _ result: RunResult, _ recorder: Recorder) {
        counts["payments settled"] = Int(result.payments.settled)
        counts["payments failed"] = Int(result.payments.failed)
        for (name, count) in result.messages where name == "update_fee" { counts[name] = Int(count) }
        for (kind, count) in recorder.transactions { counts["\(kind) transactions"] = count }
        for outcome in audit.outcomes where outcome.isOnChain {
            counts[outcome.isFulfilled ? "HTLCs settled on chain" : "HTLCs returned on chain", default: 0] +=
                1
        }
        for (name, count) in result.failures { counts["failed: \(name.name)", default: 0] += Int(count) }
    }
}

private final class Recorder: RunRecorder {
    var transactions: [String: Int] = [:]

    func record(_ payment: PaymentRecord) {}
    func record(_ attempt: AttemptRecord) {}
    func record(_ transaction: ChainRecord) { transactions[transaction.kind.rawValue, default: 0] += 1 }
    func record(_ hour: TimelineRecord) {}
    func wantsAttempts(of payment: UInt64) -> Bool { false }
}
