import EventSimulation
import LightningTypes
import PaymentNetwork
import Topologies

/// Stores a run: takes the simulation's records as they come, and its result at the end.
///
/// ```swift
/// let writer = try RunWriter(in: directory, topology: topology, description: description)
/// let simulation = try NetworkSimulation(topology, settings: settings, recorder: writer)
/// let result = try simulation.run()
/// try writer.finish(result, initialBalances: simulation.initialBalances(), wall: figures)
/// ```
///
/// The manifest is written first and says `incomplete` until everything else is on the disk. Not for use from
/// several threads.
public final class RunWriter: RunRecorder {
    /// Rows are held back in batches and sorted by their key, so that the tables grow at their end even though
    /// payments end in another order than they start; a batch costs one transaction.
    private static let batchCount = 1 << 14

    private let directory: RunDirectory
    private let topology: Topology
    private let description: RunDescription
    private let inputNames: [String]
    private let database: RunDatabase
    private var payments: [PaymentRecord] = []
    private var attempts: [AttemptRecord] = []
    private var transactions: [ChainRecord] = []
    private var hours: [TimelineRecord] = []
    private let directionTexts: DirectionTexts

    /// Where checkpoints go; nil where none are taken.
    private let checkpoints: CheckpointStore?
    private var nextCheckpoint: UInt64 = 1

    /// Writes the copies of the input, the manifest and the tables of what the run starts from. The manifest comes
    /// after the input, so that a directory with a manifest has all that the run is made of.
    ///
    /// - Parameter takesCheckpoints: whether `checkpoint` will be called.
    public convenience init(
        in directory: RunDirectory, topology: Topology, description: RunDescription,
        takesCheckpoints: Bool = false
    ) throws(RunStoreError) {
        let inputNames = Self.distinctNames(of: description.inputs)
        try directory.makeSubdirectory("input")
        for (name, input) in zip(inputNames, description.inputs) {
            try directory.write(input.bytes, to: name)
        }
        let manifest = description.manifest(
            of: topology, inputNames: inputNames, status: .incomplete, digest: nil)
        try directory.write(manifest.encoded(), to: RunDirectory.manifestName)
        try self.init(startingOver: directory, topology: topology, description: description, takesCheckpoints)
    }

    /// Begins again in the directory of a run that was killed; its manifest and input stay as they are, and what it saved
    /// until this run saves something.
    public init(
        startingOver directory: RunDirectory, topology: Topology, description: RunDescription,
        _ takesCheckpoints: Bool
    ) throws(RunStoreError) {
        self.directory = directory
        self.topology = topology
        self.description = description
        inputNames = Self.distinctNames(of: description.inputs)
        checkpoints =
            takesCheckpoints
            ? try CheckpointStore(in: directory, of: description, topology, isNew: true) : nil
        if let latest = try checkpoints?.numbers().first {
            nextCheckpoint = latest + 1
            try RunDatabase.setScratchAside(in: directory)
        }
        database = try RunDatabase(in: directory, .empty(isJournaled: takesCheckpoints))
        directionTexts = DirectionTexts(of: topology)
        try begin()
    }

    /// Goes on behind a checkpoint: rows recorded after it are discarded.
    ///
    /// - Throws: `RunStoreError.otherRows` where those before it are not what they were.
    public init(
        resuming directory: RunDirectory, topology: Topology, description: RunDescription,
        from checkpoint: Checkpoint
    ) throws(RunStoreError) {
        self.directory = directory
        self.topology = topology
        self.description = description
        inputNames = Self.distinctNames(of: description.inputs)
        database = try RunDatabase(in: directory, .resumed(checkpoint.rows))
        directionTexts = DirectionTexts(of: topology)
        checkpoints = try CheckpointStore(in: directory, of: description, topology, isNew: false)
        nextCheckpoint = checkpoint.number + 1
        try begin()
    }

    /// Writes the tables of what the run starts from.
    private func begin() throws(RunStoreError) {
        payments.reserveCapacity(Self.batchCount)
        try database.writeNodes(of: topology)
        try database.writeChannels(of: topology)
    }

    /// Notes how often checkpoints are taken, for whoever goes on with the run.
    public func note(checkpointInterval text: String) throws(RunStoreError) {
        try directory.write(Array(text.utf8), to: RunDirectory.intervalName)
    }

    /// Keeps the state of the run, and commits every row recorded up to it.
    ///
    /// - Parameters:
    ///   - state: as `NetworkSimulation.state()` gives it.
    ///   - time: the simulated time of it, microseconds; no row recorded so far is later.
    public func checkpoint(_ state: [UInt8], at time: UInt64) throws(RunStoreError) {
        guard let checkpoints else { preconditionFailure("a run says beforehand that it takes checkpoints") }
        try flush()
        try checkpoints.write(
            Checkpoint(number: nextCheckpoint, rows: RowMark(time: time, database.sums), state: state))
        nextCheckpoint += 1
    }

    public func wantsAttempts(of payment: UInt64) -> Bool { description.attempts.includes(payment) }

    public func record(_ payment: PaymentRecord) throws {
        payments.append(payment)
        if payments.count == Self.batchCount { try flushPayments() }
    }

    public func record(_ attempt: AttemptRecord) throws {
        attempts.append(attempt)
        if attempts.count == Self.batchCount { try flushAttempts() }
    }

    public func record(_ transaction: ChainRecord) throws {
        transactions.append(transaction)
        if transactions.count == Self.batchCount { try flushChain() }
    }

    public func record(_ hour: TimelineRecord) throws {
        hours.append(hour)
        if hours.count == Self.batchCount { try flushTimeline() }
    }

    /// Writes what the run ended with. The manifest says `complete` last of all; then what only a resumed run would
    /// need goes.
    ///
    /// - Parameters:
    ///   - documents: makes further files that tell the result; on another thread where the run had several.
    ///   - wall: taken when all the rest is written, since writing takes time too.
    /// - Returns: `wall` and the documents as they were written.
    @discardableResult
    public func finish(
        _ result: RunResult, initialBalances: [Millisatoshi],
        documents: @escaping @Sendable () -> [Document] = { [] }, wall: @autoclosure () -> WallFigures
    ) throws(RunStoreError) -> (wall: WallFigures, documents: [Document]) {
        try flush()
        let table = IncomeTable(result, of: topology)
        nonisolated(unsafe) var made: [Document] = []
        let make: @Sendable () -> Void = { made = documents() + [Document("income.csv", table.csv())] }
        let helper = SystemThreads(description.settings.threads > 1 ? 1 : 0) { _ in make() }
        // Whatever fails below, nobody is left at work.
        defer { helper.join() }
        if helper.count == 0 { make() }
        try database.writeDirections(
            of: topology, initialBalances: initialBalances, finalBalances: result.finalBalances)
        try database.writeIncome(result, of: topology)
        try database.writeMeta(
            meta(status: .complete) + [
                ("digest", digestText(result.digest)),
                ("events", result.events.description),
                ("simulated_us", result.simulatedMicroseconds.description),
                ("drain_us", result.drainMicroseconds.description),
                ("measured_us", result.measuredMicroseconds.description),
                ("channel_lifetime_days", result.channelLifetimeDays.description),
                ("exit_days", result.exitDays.description),
            ])
        try database.finish()
        helper.join()
        for document in made { try directory.write(document.bytes, to: document.name) }
        let wall = wall()
        try directory.write(wall.json.encoded(), to: "wall.json")
        try writeManifest(status: .complete, digest: result.digest)
        directory.removeTraces()
        directory.release()
        return (wall, made)
    }

    /// A file of a run directory that tells the result.
    public struct Document: Sendable {
        public let name: String
        public let bytes: [UInt8]

        public init(_ name: String, _ bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
        }
    }

    /// Writes what an interrupted run had recorded: no income, no final balances, no digest.
    public func finishInterrupted(initialBalances: [Millisatoshi]) throws(RunStoreError) {
        try flush()
        try database.writeDirections(of: topology, initialBalances: initialBalances, finalBalances: [])
        try database.writeMeta(meta(status: .interrupted))
        try database.finish()
        try writeManifest(status: .interrupted, digest: nil)
        if checkpoints == nil { RunDatabase.removeScratch(in: directory) }
        directory.release()
    }

    private func writeManifest(status: RunStatus, digest: UInt64?) throws(RunStoreError) {
        let manifest = description.manifest(
            of: topology, inputNames: inputNames, status: status, digest: digest)
        try directory.write(manifest.encoded(), to: RunDirectory.manifestName)
    }

    private func meta(status: RunStatus) -> [(name: String, value: String)] {
        [
            ("schema_version", RunDatabase.schemaVersion.description),
            ("program", "millrace \(description.version)"),
            ("status", status.rawValue),
            ("topology", topology.name),
            ("seed", topology.seed.description),
            ("attempts", description.attempts.description),
        ]
    }

    /// `input/NAME`, made distinct where two files bear one name.
    static func distinctNames(of inputs: [InputFile]) -> [String] {
        var taken: Set<String> = []
        return inputs.map { input in
            var name = RunDirectory.fileName(from: input.name)
            while !taken.insert(name).inserted { name = "\(taken.count)-\(name)" }
            return "input/\(name)"
        }
    }
}

extension RunWriter {
    func flush() throws(RunStoreError) {
        try flushPayments()
        try flushAttempts()
        try flushChain()
        try flushTimeline()
    }

    private func flushPayments() throws(RunStoreError) {
        payments.sort { $0.number < $1.number }
        try database.write(to: .payments, columns: 10) { insert in
            for payment in payments {
                insert.bind(payment.number)
                insert.bind(Int64(payment.source))
                insert.bind(Int64(payment.destination))
                insert.bind(payment.amount.rawValue)
                insert.bind(payment.startedAt)
                insert.bind(payment.endedAt)
                insert.bind(payment.attempts)
                insert.bind(payment.hops)
                insert.bind(payment.fee.rawValue)
                insert.bind(payment.failure?.name)
                try insert.insertRow()
            }
        }
        payments.removeAll(keepingCapacity: true)
    }

    private func flushAttempts() throws(RunStoreError) {
        attempts.sort { ($0.payment, $0.number) < ($1.payment, $1.number) }
        try database.write(to: .attempts, columns: 8) { insert in
            var route: [UInt8] = []
            for attempt in attempts {
                insert.bind(attempt.payment)
                insert.bind(attempt.number)
                insert.bind(attempt.startedAt)
                insert.bind(attempt.endedAt)
                insert.bind(attempt.fee.rawValue)
                insert.bind(attempt.failingHop.map { Int64($0) })
                insert.bind(attempt.failure?.name)
                route.removeAll(keepingCapacity: true)
                directionTexts.append(attempt.route, to: &route)
                try insert.insertRow(endingWith: route)
            }
        }
        attempts.removeAll(keepingCapacity: true)
    }

    private func flushChain() throws(RunStoreError) {
        try database.write(to: .chain, columns: 8) { insert in
            for transaction in transactions {
                insert.bind(transaction.height)
                insert.bind(transaction.position)
                insert.bind(transaction.confirmedAt)
                insert.bind(transaction.transactionID)
                insert.bind(transaction.kind.rawValue)
                insert.bind(Int64(transaction.channel))
                insert.bind(transaction.weight)
                insert.bind(transaction.fee.rawValue)
                try insert.insertRow()
            }
        }
        transactions.removeAll(keepingCapacity: true)
    }

    private func flushTimeline() throws(RunStoreError) {
        try database.write { database in
            var insert = try BulkInsert(into: "timeline", columns: 10, in: database)
            for hour in hours {
                insert.bind(hour.hour)
                insert.bind(hour.settled)
                insert.bind(hour.failed)
                insert.bind(hour.volume.rawValue)
                insert.bind(hour.fees.rawValue)
                insert.bind(Double(hour.feeratePerKiloweight) / 250)
                insert.bind(hour.network.pendingHTLCs)
                insert.bind(hour.network.depletedDirections)
                insert.bind(hour.network.openDirections)
                insert.bind(hour.network.drift.rawValue)
                try insert.insertRow()
            }
        }
        hours.removeAll(keepingCapacity: true)
    }
}

/// The text of every channel direction, `700000x12x1/0`, laid out once: a run names its channels millions of
/// times.
private struct DirectionTexts {
    private var bytes: [UInt8] = []
    private var starts: [Int] = [0]

    init(of topology: Topology) {
        starts.reserveCapacity(2 * topology.channels.count + 1)
        for channel in topology.channels {
            let text = channel.shortChannelID.description
            for side in Side.allCases {
                bytes.append(contentsOf: "\"\(text)/\(side.rawValue)\"".utf8)
                starts.append(bytes.count)
            }
        }
    }

    /// Appends a route as a JSON array of texts, which SQLite's `json_each` reads.
    func append(_ route: [DirectionIndex], to output: inout [UInt8]) {
        output.append(UInt8(ascii: "["))
        for (position, direction) in route.enumerated() {
            if position > 0 { output.append(UInt8(ascii: ",")) }
            let index = Int(direction.rawValue)
            output.append(contentsOf: bytes[starts[index]..<starts[index + 1]])
        }
        output.append(UInt8(ascii: "]"))
    }
}
