import GRDB
import GRDBSQLite
import LightningTypes
import PaymentNetwork
import Topologies

/// The database of one run, filled in a scratch file and copied, compact and in order of its keys, to its name.
///
/// The scratch file is never synchronised, and it has a journal only where checkpoints are taken: then a kill at any
/// instant leaves the rows of the last transaction that was committed, else it throws the file away. `VACUUM INTO`
/// then writes a file that depends on nothing but its rows.
///
/// A run that goes on trusts nothing in the scratch file but rows whose sum is that of its checkpoint: it copies them into
/// a new one.
final class RunDatabase {
    static let name = "run.sqlite"
    private static let scratchName = ".run.sqlite.scratch"
    /// The scratch file of a run that started over, until there is a newer checkpoint.
    private static let asideName = ".run.sqlite.aside"

    private let directory: RunDirectory
    private let queue: DatabaseQueue
    /// Rows written so far of the tables that grow while a run goes on; kept where checkpoints are taken.
    private(set) var sums: [GrowingTable: RowSum]

    /// The tables that grow while a run goes on, and what tells which of their rows a checkpoint knows.
    enum GrowingTable: String, CaseIterable {
        case payments, attempts, chain

        /// Those of a checkpoint, in the order of their keys.
        fileprivate func rows(upTo mark: RowMark) -> String {
            switch self {
            // Recorded when they end.
            case .payments: "WHERE ended_us <= \(Int64(clamping: mark.time)) ORDER BY payment"
            case .attempts: "WHERE ended_us <= \(Int64(clamping: mark.time)) ORDER BY payment, attempt"
            // Recorded once no reorganisation can undo them, long after they confirmed, and in the order of the chain.
            case .chain: "ORDER BY height, position LIMIT \(Int64(clamping: mark.transactions.count))"
            }
        }
    }

    /// What the scratch file begins with.
    enum Beginning {
        /// Nothing; `isJournaled` for a run that takes checkpoints.
        case empty(isJournaled: Bool)
        /// The rows of a checkpoint that a killed run left.
        case resumed(RowMark)
    }

    /// - Throws: `RunStoreError.otherRows` where the rows of the killed run are not those of the checkpoint, else
    ///   `database` or `failed`.
    init(in directory: RunDirectory, _ beginning: Beginning) throws(RunStoreError) {
        self.directory = directory
        switch beginning {
        case .empty(let isJournaled):
            Self.removeScratch(in: directory)
            queue = try Self.open(Self.scratchName, in: directory, journal: isJournaled ? "TRUNCATE" : "OFF")
            sums = isJournaled ? [.payments: RowSum(), .attempts: RowSum(), .chain: RowSum()] : [:]
            try write { try $0.execute(sql: Self.schema) }
        case .resumed(let mark):
            sums = mark.sums
            try Self.copyScratch(upTo: mark, in: directory)
            queue = try Self.open(Self.scratchName, in: directory, journal: "TRUNCATE")
        }
    }

    private static func open(
        _ name: String, in directory: RunDirectory, journal: String
    ) throws(RunStoreError) -> DatabaseQueue {
        var configuration = Configuration()
        configuration.label = "millrace.run-store"
        configuration.prepareDatabase { database in
            for pragma in [
                "journal_mode = \(journal)", "synchronous = OFF", "locking_mode = EXCLUSIVE",
                "cache_size = -65536",
            ] {
                // A pragma may answer with a row, which `execute` would reject.
                _ = try Row.fetchAll(database, sql: "PRAGMA \(pragma)")
            }
        }
        return try translatingErrors(in: directory) {
            let queue = try DatabaseQueue(path: directory.path(of: name), configuration: configuration)
            // Dispatch asks for a thread to dispose of a queue, and waits for ever where the system has none left
            // (`ulimit -u`): this one stays until the process ends. Its file is closed before.
            _ = Unmanaged.passRetained(queue)
            return queue
        }
    }

    /// Puts a new scratch file, with the rows of a checkpoint and nothing else, in the place of a killed run's. Until it
    /// is whole the old one stays as it is.
    private static func copyScratch(upTo mark: RowMark, in directory: RunDirectory) throws(RunStoreError) {
        let old = directory.path(of: scratchName)
        // SQLite would make an empty file in place of a missing one.
        guard directory.has(scratchName) else {
            throw .otherRows(path: old, reason: "the rows recorded so far are gone")
        }
        let temporary = RunDirectory.temporaryName(of: scratchName)
        directory.remove(temporary)
        var isWhole = false
        defer { if !isWhole { directory.remove(temporary) } }
        let copy = try open(temporary, in: directory, journal: "OFF")
        defer { try? copy.close() }
        try translatingErrors(in: directory) {
            try copy.writeWithoutTransaction { database in
                try database.execute(sql: schema)
                do {
                    try database.execute(sql: "ATTACH ? AS killed", arguments: [old])
                    for table in GrowingTable.allCases {
                        try copyRows(of: table, upTo: mark, in: database)
                    }
                    try database.execute(sql: "DETACH killed")
                } catch {
                    throw isDamage(error)
                        ? RunStoreError.otherRows(path: old, reason: RunStoreError.reason(of: error)) : error
                }
            }
            try copy.close()
        }
        for ending in scratchEndings where !ending.isEmpty { directory.remove(scratchName + ending) }
        try directory.rename(temporaryOf: scratchName)
        isWhole = true
    }

    private static func copyRows(
        of table: GrowingTable, upTo mark: RowMark, in database: Database
    ) throws {
        let name = table.rawValue
        try database.execute(
            sql: "INSERT INTO main.\(name) SELECT * FROM killed.\(name) \(table.rows(upTo: mark))")
        let found = try RowSum(of: "SELECT * FROM main.\(name)", in: database)
        let expected = mark.sums[table]
        guard found.count == expected?.count else {
            throw RunStoreError.otherRows(
                path: name, reason: "\(found.count) rows of the \(expected?.count ?? 0) at the checkpoint")
        }
        guard found == expected else {
            throw RunStoreError.otherRows(path: name, reason: "rows are not what they were at the checkpoint")
        }
    }

    /// Whether SQLite says that the file is at fault, and not the disk, the memory or a right.
    private static func isDamage(_ error: any Error) -> Bool {
        let code: Int32
        switch error {
        case let error as DatabaseError: code = error.extendedResultCode.rawValue
        case let error as SQLiteRefusal: code = error.code
        default: return false
        }
        if code == ResultCode.SQLITE_IOERR_SHORT_READ.rawValue { return true }
        let disk = [
            SQLITE_FULL, SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH,
            SQLITE_BUSY,
            SQLITE_LOCKED, SQLITE_NOMEM, SQLITE_INTERRUPT, SQLITE_PROTOCOL, SQLITE_NOLFS,
        ]
        return !disk.contains(code & 0xFF)
    }

    deinit {
        // Closed already where the run came to its end; else whoever failed has said why.
        try? queue.close()
    }

    /// Writes rows in one transaction.
    func write(_ rows: (Database) throws -> Void) throws(RunStoreError) {
        // GRDB's closure is sendable; ours runs inside this call and nowhere else.
        try Self.translatingErrors(in: directory) {
            try withoutActuallyEscaping(rows) { rows in try queue.write { try rows($0) } }
        }
    }

    /// Writes rows of one table in one transaction.
    ///
    /// - Parameter rows: binds and inserts them.
    func write(
        to table: GrowingTable, columns: Int, _ rows: (inout BulkInsert) throws -> Void
    ) throws(RunStoreError) {
        let isSummed = sums[table] != nil
        try write { database in
            var insert = try BulkInsert(
                into: table.rawValue, columns: columns, in: database, isSummed: isSummed)
            try rows(&insert)
            sums[table]? += insert.sum
        }
    }

    private static let scratchEndings = ["", "-journal", "-wal", "-shm"]

    /// Removes the scratch file; only when nobody will go on with it.
    static func removeScratch(in directory: RunDirectory) {
        for ending in scratchEndings { directory.remove(scratchName + ending) }
    }

    /// Removes the one set aside; only when there is something newer.
    static func removeAside(in directory: RunDirectory) {
        for ending in scratchEndings { directory.remove(asideName + ending) }
    }

    /// Keeps the scratch file of checkpoints that are of no use until there is a newer one; an earlier one that is kept
    /// already stays.
    static func setScratchAside(in directory: RunDirectory) throws(RunStoreError) {
        guard !directory.has(asideName) else { return }
        for ending in scratchEndings where directory.has(scratchName + ending) {
            try directory.rename(scratchName + ending, to: asideName + ending)
        }
    }

    /// Copies the rows to the final name and closes. The scratch file stays.
    func finish() throws(RunStoreError) {
        let temporary = RunDirectory.temporaryName(of: Self.name)
        // A kill may have left a part of it.
        directory.remove(temporary)
        directory.remove(temporary + "-journal")
        do {
            try Self.translatingErrors(in: directory) {
                try queue.writeWithoutTransaction { database in
                    try database.execute(sql: "VACUUM INTO ?", arguments: [directory.path(of: temporary)])
                }
                try queue.close()
            }
            try directory.synchronize(directory.path(of: temporary))
            try directory.rename(temporaryOf: Self.name)
        } catch {
            // Half a database takes room on a disk that may be full.
            directory.remove(temporary)
            throw error
        }
    }

    private static func translatingErrors<Result>(
        in directory: RunDirectory, _ body: () throws -> Result
    ) throws(RunStoreError) -> Result {
        do {
            return try body()
        } catch let error as RunStoreError {
            throw error
        } catch {
            throw .database(path: directory.path(of: name), reason: RunStoreError.reason(of: error))
        }
    }
}

extension RunDatabase {
    func writeMeta(_ entries: [(name: String, value: String)]) throws(RunStoreError) {
        try write { database in
            var insert = try BulkInsert(into: "meta", columns: 2, in: database)
            for entry in entries.sorted(by: { $0.name < $1.name }) {
                insert.bind(entry.name)
                insert.bind(entry.value)
                try insert.insertRow()
            }
        }
    }

    func writeNodes(of topology: Topology) throws(RunStoreError) {
        try write { database in
            var insert = try BulkInsert(into: "nodes", columns: 5, in: database)
            for (index, node) in topology.nodes.enumerated() {
                insert.bind(Int64(index))
                insert.bind(node.id)
                insert.bind(node.alias)
                insert.bind(node.group)
                insert.bind((node.wallet?.rawValue).map { Int64(clamping: $0) })
                try insert.insertRow()
            }
        }
    }

    func writeChannels(of topology: Topology) throws(RunStoreError) {
        try write { database in
            var insert = try BulkInsert(into: "channels", columns: 17, in: database)
            for (index, channel) in topology.channels.enumerated() {
                insert.bind(Int64(index))
                insert.bind(channel.shortChannelID.description)
                insert.bind(Int64(channel.node1))
                insert.bind(Int64(channel.node2))
                insert.bind(channel.capacity.rawValue)
                insert.bind(channel.funder.map { Int64($0.rawValue) + 1 })
                insert.bind(channel.pushed.rawValue)
                insert.bind(channel.opensAt.map { Int64(clamping: microseconds($0)) })
                insert.bind(channel.closesAt.map { Int64(clamping: microseconds($0)) })
                insert.bind(channel.openingCost.rawValue)
                insert.bind(channel.limits.dustLimit.rawValue)
                insert.bind(channel.limits.channelReserve.rawValue)
                insert.bind(channel.limits.htlcValueInFlightMaximum.rawValue)
                insert.bind(channel.limits.acceptedHTLCsMaximum)
                insert.bind(channel.limits.toSelfDelay)
                insert.bind(channel.limits.feeratePerKiloweight)
                insert.bind(channel.limits.hasAnchors)
                try insert.insertRow()
            }
        }
    }

    /// Balances are given by `DirectionIndex`; empty where the run came to no end.
    func writeDirections(
        of topology: Topology, initialBalances: [Millisatoshi], finalBalances: [Millisatoshi]
    ) throws(RunStoreError) {
        try write { database in
            var insert = try BulkInsert(into: "directions", columns: 13, in: database)
            for (index, channel) in topology.channels.enumerated() {
                for side in Side.allCases {
                    let direction = DirectionIndex(channel: index, from: side)
                    let policy = side == .first ? channel.policy1 : channel.policy2
                    insert.bind(direction.rawValue)
                    insert.bind(Int64(index))
                    insert.bind(Int64(side.rawValue) + 1)
                    insert.bind(Int64(side == .first ? channel.node1 : channel.node2))
                    insert.bind(policy != nil)
                    insert.bind((policy?.isDisabled).map { $0 ? Int64(1) : 0 })
                    insert.bind((policy?.baseFee.rawValue).map { Int64(clamping: $0) })
                    insert.bind((policy?.proportionalFee).map { Int64($0) })
                    insert.bind((policy?.cltvExpiryDelta).map { Int64($0) })
                    insert.bind((policy?.htlcMinimum.rawValue).map { Int64(clamping: $0) })
                    insert.bind((policy?.htlcMaximum.rawValue).map { Int64(clamping: $0) })
                    insert.bind(initialBalances.amount(at: direction))
                    insert.bind(finalBalances.amount(at: direction))
                    try insert.insertRow()
                }
            }
        }
    }

    func writeIncome(_ result: RunResult, of topology: Topology) throws(RunStoreError) {
        try write { database in
            var insert = try BulkInsert(into: "income", columns: 16, in: database)
            for (index, income) in result.channelIncome.enumerated() {
                let direction = DirectionIndex(UInt32(index))
                let channel = topology.channels[direction.channel]
                insert.bind(direction.rawValue)
                insert.bind(Int64(direction.channel))
                insert.bind(Int64(direction.side == .first ? channel.node1 : channel.node2))
                insert.bind(income.forwards)
                insert.bind(income.refusedForBalance)
                insert.bind(income.refusedForLimits)
                insert.bind(income.volume.rawValue)
                insert.bind(income.routingFees.rawValue)
                insert.bind(income.feesPaid.rawValue)
                insert.bind(income.sent.rawValue)
                insert.bind(income.received.rawValue)
                insert.bind(income.openingCost.rawValue)
                insert.bind(income.closingCost.rawValue)
                insert.bind(income.penalties)
                insert.bind(income.principal)
                insert.bind(income.capital.rawValue)
                try insert.insertRow()
            }
        }
        try write { database in
            var insert = try BulkInsert(into: "node_income", columns: 12, in: database)
            for income in result.nodeIncome {
                insert.bind(Int64(income.node))
                insert.bind(income.forwards)
                insert.bind(income.volume.rawValue)
                insert.bind(income.routingFees.rawValue)
                insert.bind(income.feesPaid.rawValue)
                insert.bind(income.onchainFees.rawValue)
                insert.bind(income.penalties)
                insert.bind(income.principal)
                insert.bind(income.net)
                insert.bind(income.capital.rawValue)
                insert.bind(income.aprGross)
                insert.bind(income.aprNet)
                try insert.insertRow()
            }
        }
    }
}

extension [Millisatoshi] {
    fileprivate func amount(at direction: DirectionIndex) -> Int64? {
        let index = Int(direction.rawValue)
        return index < count ? Int64(clamping: self[index].rawValue) : nil
    }
}
