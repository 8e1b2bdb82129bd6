import Cryptography
import PaymentNetwork
import Settlement
import Snapshots
import Topologies

/// Which rows of a run belong to a checkpoint.
public struct RowMark: Sendable, Equatable {
    /// Simulated microseconds: payments and attempts that ended later are not among them.
    public var time: UInt64
    public var payments = RowSum()
    public var attempts = RowSum()
    public var transactions = RowSum()

    init(time: UInt64, _ sums: [RunDatabase.GrowingTable: RowSum] = [:]) {
        self.time = time
        payments = sums[.payments] ?? RowSum()
        attempts = sums[.attempts] ?? RowSum()
        transactions = sums[.chain] ?? RowSum()
    }

    var sums: [RunDatabase.GrowingTable: RowSum] {
        [.payments: payments, .attempts: attempts, .chain: transactions]
    }
}

/// One saved state of a run.
public struct Checkpoint: Sendable, Equatable {
    /// From 1.
    public var number: UInt64
    public var rows: RowMark
    /// What `NetworkSimulation.state()` gave.
    public var state: [UInt8]
}

/// Why the content of a file is no checkpoint of this run: one line, to follow its name.
public enum CheckpointRefusal: Error, Equatable, CustomStringConvertible {
    case noCheckpoint
    case otherVersion(String)
    case truncated
    case damaged
    case otherRun

    public var description: String {
        switch self {
        case .noCheckpoint: "it is no checkpoint"
        case .otherVersion(let version): "it was written by another version (\(version))"
        case .truncated: "it ends early"
        case .damaged: "it is damaged: its checksum is another"
        case .otherRun: "it belongs to another run"
        }
    }
}

/// The checkpoints of one run: `checkpoints/0000012.ckpt` and the one before it.
///
/// A file, numbers with the least significant byte first:
///
///     magic "millrace", format u32, state version u32, program's version (length u64, text),
///     the run 32, number u64, time u64, count and sum u64 each of the rows of payments, attempts and chain,
///     state (length u64, bytes), BLAKE2b-256 of all before 32
///
/// The run is the BLAKE2b-256 of its manifest and all its input: a checkpoint continues no other.
public struct CheckpointStore {
    static let subdirectory = "checkpoints"
    private static let magic = Array("millrace".utf8)
    private static let format: UInt32 = 2

    private let directory: RunDirectory
    private let version: String
    private let run: Bytes32

    /// - Parameter isNew: whether the subdirectory is to be made.
    init(
        in directory: RunDirectory, of description: RunDescription, _ topology: Topology, isNew: Bool
    ) throws(RunStoreError) {
        self.directory = directory
        version = description.version
        var writer = SnapshotWriter()
        let names = RunWriter.distinctNames(of: description.inputs)
        writer.write(
            list: description.manifest(of: topology, inputNames: names, status: .incomplete, digest: nil)
                .encoded())
        for hash in description.inputHashes { writer.write(hash) }
        run = blake2b(writer.finish())
        if isNew { try directory.makeSubdirectory(Self.subdirectory) }
    }

    /// The checkpoints of a run that was killed, whatever they are worth.
    public init(
        of directory: RunDirectory, _ description: RunDescription, _ topology: Topology
    ) throws(RunStoreError) {
        try self.init(in: directory, of: description, topology, isNew: false)
    }

    private static func name(_ number: UInt64) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 7 - digits.utf8.count)) + digits + ".ckpt"
    }

    /// The numbers of the files there are, the latest first.
    public func numbers() throws(RunStoreError) -> [UInt64] {
        try directory.names(in: Self.subdirectory).compactMap { name in
            guard name.hasSuffix(".ckpt"), let number = UInt64(name.dropLast(5)), name == Self.name(number)
            else {
                return nil
            }
            return number
        }.sorted(by: >)
    }

    /// What messages call a checkpoint.
    public func path(of number: UInt64) -> String {
        directory.path(of: "\(Self.subdirectory)/\(Self.name(number))")
    }

    // MARK: Writing

    /// Writes the file whole or not at all, and keeps it and the one before it.
    func write(_ checkpoint: Checkpoint) throws(RunStoreError) {
        try directory.write(encoded(checkpoint), to: "\(Self.subdirectory)/\(Self.name(checkpoint.number))")
        for number in try numbers() where !(checkpoint.number - 1...checkpoint.number).contains(number) {
            directory.remove("\(Self.subdirectory)/\(Self.name(number))")
        }
        RunDatabase.removeAside(in: directory)
    }

    func encoded(_ checkpoint: Checkpoint) -> [UInt8] {
        var writer = SnapshotWriter(capacity: checkpoint.state.count + 512)
        Self.magic.withUnsafeBytes { writer.write($0) }
        writer.write(Self.format)
        writer.write(NetworkSimulation.stateVersion)
        writer.write(list: Array(version.utf8))
        writer.write(run)
        writer.write(checkpoint.number)
        writer.write(checkpoint.rows.time)
        for sum in [checkpoint.rows.payments, checkpoint.rows.attempts, checkpoint.rows.transactions] {
            writer.write(sum.count)
            writer.write(sum.hashes)
        }
        writer.write(list: checkpoint.state)
        writer.write(writer.checksum())
        return writer.finish()
    }

    // MARK: Reading

    /// Reads a checkpoint of this run, every bit of which is as it was written.
    ///
    /// - Throws: `CheckpointRefusal` for what the file holds, `RunStoreError.failed` where it cannot be read.
    public func read(_ number: UInt64) throws -> Checkpoint {
        let checkpoint = try decode(directory.read("\(Self.subdirectory)/\(Self.name(number))"))
        // The number is under the checksum: a copy under another name is not the checkpoint of that name.
        guard checkpoint.number == number else { throw CheckpointRefusal.damaged }
        return checkpoint
    }

    func decode(_ bytes: [UInt8]) throws(CheckpointRefusal) -> Checkpoint {
        do {
            var reader = SnapshotReader(bytes)
            guard Array(try reader.readBytes(Self.magic.count)) == Self.magic else {
                throw CheckpointRefusal.noCheckpoint
            }
            // Nothing more is believed before the checksum says so.
            guard bytes.count >= 32 else { throw CheckpointRefusal.truncated }
            let sum = bytes.withUnsafeBytes { all in
                blake2b(UnsafeRawBufferPointer(rebasing: all[..<(all.count - 32)]))
            }
            let stored = bytes.withUnsafeBytes {
                Bytes32(bytes: UnsafeRawBufferPointer(rebasing: $0.suffix(32)))
            }
            guard sum == stored else { throw Self.isWhole(reader) ? CheckpointRefusal.damaged : .truncated }
            let format = try reader.read(UInt32.self)
            guard format == Self.format else { throw CheckpointRefusal.otherVersion("format \(format)") }
            let stateVersion = try reader.read(UInt32.self)
            let version = try reader.readList()
            guard stateVersion == NetworkSimulation.stateVersion, version == Array(self.version.utf8) else {
                throw CheckpointRefusal.otherVersion(String(decoding: version, as: UTF8.self))
            }
            guard try reader.readBytes32() == run else { throw CheckpointRefusal.otherRun }
            let number = try reader.read(UInt64.self)
            var rows = RowMark(time: try reader.read())
            for sum in [\RowMark.payments, \.attempts, \.transactions] {
                rows[keyPath: sum] = RowSum(count: try reader.read(), hashes: try reader.read())
            }
            let state = try reader.readList()
            guard reader.remaining == 32 else { throw CheckpointRefusal.damaged }
            return Checkpoint(number: number, rows: rows, state: state)
        } catch let refusal as CheckpointRefusal {
            throw refusal
        } catch { throw .truncated }
    }

    /// Whether a file whose checksum is wrong has at least the length it speaks of.
    ///
    /// - Parameter reader: behind the magic.
    private static func isWhole(_ reader: SnapshotReader) -> Bool {
        var reader = reader
        // Format and state version, the program's version, the run and its figures, the state.
        guard (try? reader.readBytes(8)) != nil, (try? reader.readList()) != nil,
            (try? reader.readBytes(32 + 8 * 8)) != nil, (try? reader.readList()) != nil
        else { return false }
        return reader.remaining >= 32
    }
}

extension SnapshotWriter {
    /// BLAKE2b of what was written so far.
    fileprivate func checksum() -> Bytes32 { withBytes { blake2b($0) } }
}

private func blake2b(_ bytes: [UInt8]) -> Bytes32 { bytes.withUnsafeBytes { Cryptography.blake2b($0) } }
