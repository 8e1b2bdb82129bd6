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
final class RunDatabase {
    static let name = "run.sqlite"
    private static let scratchName = ".run.sqlite.scratch"

    private let directory: RunDirectory
    private let queue: DatabaseQueue

    /// What the scratch file begins with.
    enum Beginning {
        /// Nothing; `isJournaled` for a run that takes checkpoints.
        case empty(isJournaled: Bool)
        /// What a killed run left, without the rows later than a checkpoint.
        case resumed(RowMark)
    }

    init(in directory: RunDirectory, _ beginning: Beginning) throws(RunStoreError) {
        self.directory = directory
        let journal: String
        switch beginning {
        case .empty(let isJournaled):
            Self.removeScratch(in: directory)
            journal = isJournaled ? "TRUNCATE" : "OFF"
        case .resumed:
            journal = "TRUNCATE"
            // GRDB would make an empty file in place of a missing one.
            guard directory.has(Self.scratchName) else {
                throw .database(
                    path: directory.path(of: Self.scratchName), reason: "the rows recorded so far are gone")
            }
        }
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
        queue = try Self.translatingErrors(in: directory) {
            let queue = try DatabaseQueue(
                path: directory.path(of: Self.scratchName), configuration: configuration)
            switch beginning {
            case .empty: try queue.write { try $0.execute(sql: Self.schema) }
            case .resumed(let mark):
                try queue.write { try Self.discardRows(after: mark, in: $0) }
            }
            return queue
        }
    }

    /// Writes rows in one transaction.
    func write(_ rows: (Database) throws -> Void) throws(RunStoreError) {
        // GRDB's closure is sendable; ours runs inside this call and nowhere else.
        try Self.translatingErrors(in: directory) {
            try withoutActuallyEscaping(rows) { rows in try queue.write { try rows($0) } }
        }
    }

    private static func discardRows(after mark: RowMark, in database: Database) throws {
        for (table, time, count) in [
            ("payments", "ended_us", mark.payments), ("attempts", "ended_us", mark.attempts),
            ("chain", "confirmed_us", mark.transactions),
        ] {
            try database.execute(
                sql: "DELETE FROM \(table) WHERE \(time) > ?", arguments: [Int64(clamping: mark.time)])
            let left = try Int64.fetchOne(database, sql: "SELECT count(*) FROM \(table)") ?? 0
            guard left == Int64(clamping: count) else {
                throw SQLiteRefusal(
                    reason: "\(table) has \(left) rows of the \(count) it had at the checkpoint")
            }
        }
        // What the end of a run writes, and may have written when it was killed.
        for table in ["meta", "directions", "income", "node_income", "timeline"] {
            try database.execute(sql: "DELETE FROM \(table)")
        }
    }

    /// Removes the scratch file; only when nobody will go on with it.
    static func removeScratch(in directory: RunDirectory) {
        for ending in ["", "-journal", "-wal", "-shm"] { directory.remove(scratchName + ending) }
    }

    /// Copies the rows to the final name and closes. The scratch file stays.
    func finish() throws(RunStoreError) {
        let temporary = RunDirectory.temporaryName(of: Self.name)
        // A kill may have left a part of it.
        directory.remove(temporary)
        directory.remove(temporary + "-journal")
        try Self.translatingErrors(in: directory) {
            try queue.writeWithoutTransaction { database in
                try database.execute(sql: "VACUUM INTO ?", arguments: [directory.path(of: temporary)])
            }
            try queue.close()
        }
        try directory.synchronize(directory.path(of: temporary))
        try directory.rename(temporaryOf: Self.name)
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
