import Foundation
import PaymentNetwork
import Recomputation
import Reports
import RunStore
import Topologies

/// A run that was stored as `millrace run` stores it, in a directory of its own that is gone with it.
public final class RecomputedRun {
    public let path: String
    public let result: RunResult
    public let topology: Topology
    let audit: RunAudit
    /// At the end.
    let progress: RunProgress

    struct NoAudit: Error {}

    /// - Parameters:
    ///   - text: the topology file.
    ///   - trace: what it calls `trace.csv`, if anything.
    public convenience init(
        _ text: String, trace: String? = nil, name: String, settings: RunSettings = RunSettings()
    ) throws {
        try self.init(text, trace: trace, name: name, settings: settings, alsoTelling: nil)
    }

    init(
        _ text: String, trace: String? = nil, name: String, settings: RunSettings, alsoTelling other: ToldRun?
    ) throws {
        var settings = settings
        settings.audits = true
        let bytes = Array(text.utf8)
        let base = NSTemporaryDirectory() + "/millrace-recomputed-\(UUID().uuidString)"
        path = base + "/run"
        try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: true)
        var inputs = [InputFile(name: "\(name).yaml", bytes: bytes)]
        if let trace {
            try Data(trace.utf8).write(to: URL(fileURLWithPath: "\(base)/trace.csv"))
            inputs.append(
                InputFile(name: "trace.csv", bytes: Array(trace.utf8), role: .referenced(path: "trace.csv")))
        }
        var topology = try Topology(bytes: bytes, fileName: "\(name).yaml", directory: base)
        try topology.drawChurn(until: topology.duration ?? .zero)
        let description = RunDescription(
            version: "test", arguments: ["run", "\(name).yaml"], overrides: [], settings: settings,
            attempts: .oneIn(1), inputs: inputs)
        let writer = try RunWriter(
            in: RunDirectory(creating: path), topology: topology, description: description)
        let simulation = try NetworkSimulation(
            topology, settings: settings, recorder: Forwarding(writer, other))
        let result = try simulation.run()
        guard let audit = simulation.audit() else { throw NoAudit() }
        let wall = WallFigures(
            wallSeconds: 0, loadingSeconds: 0, simulatingSeconds: 1, eventsPerSecond: 1, paymentsPerSecond: 1,
            memoryPeak: nil)
        let (settled, described) = (settings, topology)
        try writer.finish(
            result, initialBalances: simulation.initialBalances(),
            documents: {
                let report = RunReport(
                    result, of: described, rows: IncomeRows(top: 20), style: TextStyle(isRich: false))
                let document = RunDocument(result, of: described, settings: settled)
                return [
                    .init("result.json", document.stored.encoded()),
                    .init("report.txt", Array(report.text().utf8)),
                ]
            }, wall: wall)
        self.topology = topology
        self.result = result
        self.audit = audit
        progress = simulation.progress
    }

    deinit { try? FileManager.default.removeItem(atPath: String(path.dropLast("/run".count))) }

    /// What is wrong with its files.
    public func recomputed() throws -> Account { try Recomputation(of: path, AuditedRun(audit)).account }
}

/// Hands every record to the store and to whoever else wants it.
private final class Forwarding: RunRecorder {
    private let writer: RunWriter
    private let other: ToldRun?

    init(_ writer: RunWriter, _ other: ToldRun?) {
        self.writer = writer
        self.other = other
    }

    func record(_ payment: PaymentRecord) throws {
        other?.record(payment)
        try writer.record(payment)
    }

    func record(_ attempt: AttemptRecord) throws {
        other?.record(attempt)
        try writer.record(attempt)
    }

    func record(_ transaction: ChainRecord) throws {
        other?.record(transaction)
        try writer.record(transaction)
    }

    func record(_ hour: TimelineRecord) throws {
        other?.record(hour)
        try writer.record(hour)
    }

    func wantsAttempts(of payment: UInt64) -> Bool { writer.wantsAttempts(of: payment) }
}
