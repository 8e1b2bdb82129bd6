import GRDB

/// Compares the store of a run with that of its replay, table by table.
public struct RunComparison {
    private let stored: RunDirectory
    private let replayed: RunDirectory

    public init(of stored: RunDirectory, with replayed: RunDirectory) {
        self.stored = stored
        self.replayed = replayed
    }

    /// Files and tables that differ, each with one row that does; empty where everything is the same.
    ///
    /// What names the program's version is left out: a later one may verify an earlier one's run.
    public func differences() throws(RunStoreError) -> [String] {
        var found: [String] = []
        for name in ["income.csv", "result.json", "report.txt"]
        where try stored.read(name) != replayed.read(name) {
            found.append("\(name) differs")
        }
        // The same bytes hold the same rows.
        if try stored.read(RunDatabase.name) == replayed.read(RunDatabase.name) { return found }
        do {
            var configuration = Configuration()
            configuration.readonly = true
            let queue = try DatabaseQueue(
                path: stored.path(of: RunDatabase.name), configuration: configuration)
            found += try queue.inDatabase { database in
                try database.execute(
                    sql: "ATTACH ? AS replay", arguments: [replayed.path(of: RunDatabase.name)])
                return try Self.tables(in: database).flatMap { try Self.differences(in: $0, database) }
            }
            try queue.close()
        } catch {
            throw .database(path: stored.path(of: RunDatabase.name), reason: RunStoreError.reason(of: error))
        }
        return found
    }

    private static func tables(in database: Database) throws -> [String] {
        try String.fetchAll(
            database, sql: "SELECT name FROM replay.sqlite_schema WHERE type = 'table' ORDER BY name")
    }

    private static func differences(in table: String, _ database: Database) throws -> [String] {
        let restriction = table == "meta" ? "WHERE name <> 'program'" : ""
        func rows(_ a: String, without b: String) throws -> Row? {
            try Row.fetchOne(
                database,
                sql: "SELECT * FROM \(a).\(table) \(restriction) EXCEPT SELECT * FROM \(b).\(table) LIMIT 1")
        }
        let inStore = try rows("main", without: "replay")
        let inReplay = try rows("replay", without: "main")
        guard inStore != nil || inReplay != nil else { return [] }
        func words(_ row: Row?) -> String {
            row.map { row in
                row.map { "\($0) \($1.storage.value.map { "\($0)" } ?? "null")" }.joined(separator: ", ")
            }
                ?? "no such row"
        }
        return ["table \(table) differs: the store has \(words(inStore)); the replay has \(words(inReplay))"]
    }
}
