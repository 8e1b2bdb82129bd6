import Foundation
import Topologies

/// What the directory of an earlier run says: enough to repeat it, or to go on with it.
public struct StoredRun {
    public let directory: RunDirectory
    public let status: RunStatus
    /// As people compare it; nil while the run is not complete.
    public let digest: String?
    /// `millrace 0.1.0`.
    public let program: String
    /// The program's, as the manifest says.
    public var version: String { String(program.drop { $0 != " " }.dropFirst()) }
    /// The command, from `run` on.
    public let arguments: [String]
    /// The copies, with what each was read as.
    public let inputs: [InputFile]
    /// Of its tables; 0 where the manifest does not say.
    public let schemaVersion: Int
    private let manifest: [UInt8]
    /// As the manifest has them, hexadecimal.
    private let inputHashes: [String]

    /// - Throws: `RunStoreError.notResumable` where the manifest or a copy of the input is missing or not ours.
    public init(at path: String) throws(RunStoreError) { try self.init(in: RunDirectory(existing: path)) }

    /// - Throws: as `init(at:)`.
    public init(in directory: RunDirectory) throws(RunStoreError) {
        self.directory = directory
        manifest = try directory.read(RunDirectory.manifestName)
        let path = directory.path(of: RunDirectory.manifestName)
        func refuse(_ what: String) -> RunStoreError { .notResumable(path: path, reason: what) }
        guard let root = try? JSONSerialization.jsonObject(with: Data(manifest)) as? [String: Any],
            let program = root["program"] as? String, let arguments = root["arguments"] as? [String],
            let status = (root["status"] as? String).flatMap(RunStatus.init(rawValue:)),
            let names = root["input"] as? [String], let roles = root["input_roles"] as? [String],
            let hashes = root["input_blake2b"] as? [String],
            names.count == roles.count, names.count == hashes.count
        else { throw refuse("no manifest of a run, or of another version") }
        self.program = program
        self.arguments = arguments
        self.status = status
        digest = root["digest"] as? String
        schemaVersion = root["schema_version"] as? Int ?? 0
        var inputs: [InputFile] = []
        for (name, text) in zip(names, roles) {
            guard let role = InputFile.Role(text), name.hasPrefix("input/"), !name.contains("..") else {
                throw refuse("an input it does not know: \(name)")
            }
            inputs.append(
                InputFile(name: String(name.dropFirst(6)), bytes: try directory.read(name), role: role))
        }
        self.inputs = inputs
        inputHashes = hashes
    }

    /// Refuses a run with a copy that is not what the run read: repeated or continued, it would be another.
    ///
    /// - Throws: `RunStoreError.notResumable`, with the name of the copy.
    public func checkInputs() throws(RunStoreError) {
        for (input, hash) in zip(inputs, inputHashes) where input.hash.description != hash {
            throw .notResumable(
                path: directory.path(of: "input/\(input.name)"),
                reason: "changed since the run was made; put the copy back, or run the changed file anew")
        }
    }

    /// Refuses a run whose tables are not those that this program writes: they can be neither compared nor continued.
    ///
    /// - Throws: `RunStoreError.otherSchema`.
    public func checkSchema() throws(RunStoreError) {
        guard schemaVersion == RunDatabase.schemaVersion else {
            throw .otherSchema(path: directory.path, found: schemaVersion, program: program)
        }
    }

    /// Whether a description of the same command over the copies is that of this run, to the last setting.
    public func isDescribed(by description: RunDescription, of topology: Topology) -> Bool {
        let number = digest.flatMap { UInt64($0, radix: 16) }
        return description.manifest(
            of: topology, inputNames: inputs.map { "input/\($0.name)" }, status: status, digest: number
        ).encoded() == manifest
    }

    /// Seconds the run took, and of it the part before the first event; zero where the file does not say.
    public var wallSeconds: (whole: Double, loading: Double) {
        let bytes = (try? directory.read("wall.json")) ?? []
        let wall = (try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]) ?? [:]
        return (wall["wall_seconds"] as? Double ?? 0, wall["loading_seconds"] as? Double ?? 0)
    }

    /// A document that the run was told by, as `RunWriter.finish` wrote it.
    public func document(_ name: String) throws(RunStoreError) -> [UInt8] { try directory.read(name) }
}

extension RunDirectory {
    static let intervalName = CheckpointStore.subdirectory + "/interval"

    /// How often the run took checkpoints, as it was told; nil where it took none.
    public func checkpointInterval() throws(RunStoreError) -> String? {
        guard has(Self.intervalName) else { return nil }
        return String(decoding: try read(Self.intervalName), as: UTF8.self)
    }

    /// Removes what only a run that goes on needs.
    public func removeTraces() {
        RunDatabase.removeScratch(in: self)
        RunDatabase.removeAside(in: self)
        removeSubdirectory(CheckpointStore.subdirectory)
    }
}
