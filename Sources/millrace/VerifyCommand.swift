import ArgumentParser
import Foundation
import PaymentNetwork
import RunStore
import Topologies

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Repeats a run from its directory and compares every file but wall.json.",
        discussion:
            "Reads the manifest and the copies of the input; nothing in the directory is changed. Exit code 70 where something differs."
    )

    @Argument(help: ArgumentHelp("The directory of a finished run.", valueName: "run-directory"))
    var directory: String

    @Flag(help: "No progress on standard error.")
    var quiet = false

    func run() throws {
        Interruption.listen()
        let stored: StoredRun
        do { stored = try StoredRun(at: directory) } catch { throw CommandFailure(error) }
        guard stored.status == .complete, let digest = stored.digest else {
            throw CommandFailure(
                .badInput, "\(directory) is not finished; millrace run --resume \(directory) goes on with it")
        }
        let plan = try stored.plan()
        let scratch = FileManager.default.temporaryDirectory
            .appendingPathComponent("millrace-verify-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: scratch) }
        do {
            let differences = try replay(plan, at: scratch.path, of: stored, digest)
            guard differences.isEmpty else {
                throw CommandFailure(.brokenInvariant, "\(directory): \(differences.joined(separator: "; "))")
            }
        } catch {
            // What it wrote until then is gone with the scratch directory.
            if Interruption.isRequested { throw CommandFailure.interrupted() }
            throw CommandFailure(duringRun: error)
        }
        try Output.write("verified: \(directory), digest \(digest)\n")
    }

    private func replay(
        _ plan: RunPlan, at path: String, of stored: StoredRun, _ digest: String
    ) throws -> [String] {
        let replayed = try RunDirectory(creating: path)
        var description = plan.description
        // A later version may verify an earlier one's run: the files name whoever made it.
        description.version = stored.version
        let writer = try RunWriter(in: replayed, topology: plan.topology, description: description)
        let session = RunSession(
            plan: plan, directory: replayed, checkpointInterval: nil, json: false, quiet: quiet,
            logLevel: .notice, stopwatch: Stopwatch())
        let simulation = try NetworkSimulation(plan.topology, settings: plan.settings, recorder: writer)
        let outcome = try session.simulate(simulation, into: writer)
        var differences: [String] = []
        let found = digestText(outcome.result.digest)
        if found != digest { differences.append("the digest is \(found), the manifest says \(digest)") }
        differences += try RunComparison(of: stored.directory, with: replayed).differences()
        if !differences.isEmpty, stored.version != Millrace.version {
            differences.append("it was made by \(stored.program), this is millrace \(Millrace.version)")
        }
        return differences
    }
}
