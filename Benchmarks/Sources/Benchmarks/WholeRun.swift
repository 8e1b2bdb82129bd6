import Foundation
import PaymentNetwork
import Topologies

/// One run of a network without a run directory: what the simulation takes, not the disk.
struct WholeRun {
    var loading: Double
    var time: Measurement
    var result: RunResult
    /// Seconds of all threads together spent on finding routes ahead.
    var prefetch: Double

    init(
        _ topology: Topology, payments: UInt64, threads: Int, signatures: SignatureMode = .lazy
    ) throws {
        var settings = RunSettings()
        settings.paymentsMaximum = payments
        settings.threads = threads
        settings.signatures = signatures
        let (loading, simulation) = try Measurement.once {
            try NetworkSimulation(topology, settings: settings)
        }
        self.loading = loading.wall
        (time, result) = try Measurement.once { try simulation.run() }
        prefetch = simulation.prefetchSeconds
    }

    /// The fastest of several; all must end with one digest.
    static func best(of repetitions: Int, _ run: () throws -> WholeRun) throws -> WholeRun {
        var best = try run()
        for _ in 1..<repetitions {
            let next = try run()
            precondition(next.result.digest == best.result.digest, "the same run ended differently")
            let processor = min(best.time.processor, next.time.processor)
            if next.time.wall < best.time.wall { best = next }
            best.time.processor = processor
        }
        return best
    }
}

/// A topology with so many payments a second; of its file's traffic only the pairs and amounts count.
func topology(at path: String, rate: Double?) throws -> Topology {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    var topology = try Topology(
        bytes: bytes, fileName: path, directory: (path as NSString).deletingLastPathComponent)
    try topology.apply(.init(rate: rate))
    topology.duration = nil
    return topology
}

/// Runs on one thread and on two, lazily and eagerly, dense and sparse.
func benchmarkWholeRun(_ path: String, repetitions: Int) throws {
    let table = Table(
        "A whole run of \((path as NSString).lastPathComponent), best of \(repetitions)",
        [
            "traffic, signatures, payments", "1 thread s", "2 threads s", "ratio", "payments/s", "events/s",
            "prefetch s", "bound", "digest",
        ], firstWidth: 40)
    for (rate, signatures, payments) in [
        (1_000.0, SignatureMode.lazy, 20_000), (1_000.0, .eager, 2_000), (2.5, .lazy, 5_000),
    ] as [(Double, SignatureMode, UInt64)] {
        let network = try topology(at: path, rate: rate)
        var runs: [WholeRun] = []
        for threads in [1, 2] {
            runs.append(
                try WholeRun.best(of: repetitions) {
                    try WholeRun(network, payments: payments, threads: threads, signatures: signatures)
                })
        }
        precondition(runs[0].result.digest == runs[1].result.digest, "threads changed the digest")
        let alone = runs[0].time.wall
        // What two threads can be worth where searches are all there is to share out.
        let bound = alone / (alone - runs[1].prefetch / 2)
        table.row([
            "\(rate.text(1))/s, \(signatures.rawValue), \(payments)", alone.text(), runs[1].time.wall.text(),
            (alone / runs[1].time.wall).text(), (Double(runs[0].result.payments.settled) / alone).text(0),
            (Double(runs[0].result.events) / alone).text(0), runs[1].prefetch.text(), bound.text(),
            runs[0].result.digest.hexadecimal,
        ])
    }
}
