import Foundation
import GRDB

/// Compares the directory of a run with that of its replay: every file but `wall.json`, byte by byte, and of the database
/// what each table holds.
public struct RunComparison {
    private let stored: RunDirectory
    private let replayed: RunDirectory

    public init(of stored: RunDirectory, with replayed: RunDirectory) {
        self.stored = stored
        self.replayed = replayed
    }

    /// What differs, a line for each file, table and other object of the database; empty where everything is the same.
    ///
    /// The replay has to say that it was made by the program of the stored run: its version stands in two of the files.
    public func differences() throws(RunStoreError) -> [String] {
        let (ours, theirs) = (try Self.names(in: stored), try Self.names(in: replayed))
        var found = theirs.subtracting(ours).sorted().map { "\($0) is missing" }
        found += ours.subtracting(theirs).filter { !Self.mayBeLeft($0) }.sorted()
            .map { "\($0) is no file of this run" }
        for name in ours.intersection(theirs).sorted() where name != "wall.json" {
            guard !Self.isDirectory(replayed.path(of: name)) else {
                if !Self.isDirectory(stored.path(of: name)) { found.append("\(name) is no directory") }
                continue
            }
            guard let ours = Self.bytes(of: name, in: stored), let theirs = Self.bytes(of: name, in: replayed)
            else {
                found.append("\(name) cannot be read")
                continue
            }
            if ours == theirs { continue }
            found +=
                name == RunDatabase.name ? databaseDifferences(ours, theirs) : [Self.line(name, ours, theirs)]
        }
        return found
    }

    // MARK: Files

    /// All files and directories, by their paths below the run's.
    private static func names(in directory: RunDirectory) throws(RunStoreError) -> Set<String> {
        do {
            return Set(try FileManager.default.subpathsOfDirectory(atPath: directory.path))
        } catch { throw .failed(path: directory.path, reason: "cannot be listed") }
    }

    /// What a process that was killed may have left beside a complete run.
    private static func mayBeLeft(_ name: String) -> Bool {
        name == ".lock" || name.hasPrefix(".\(RunDatabase.name).")
            || name.hasPrefix(CheckpointStore.subdirectory)
            || name.hasSuffix(".partial") && name.split(separator: "/").last?.hasPrefix(".") ?? false
    }

    private static func isDirectory(_ path: String) -> Bool {
        var isDirectory: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
            && isDirectory.boolValue
    }

    /// Mapped, not read: a database may be larger than memory.
    private static func bytes(of name: String, in directory: RunDirectory) -> Data? {
        try? Data(contentsOf: URL(fileURLWithPath: directory.path(of: name)), options: .alwaysMapped)
    }

    /// Where two files part.
    private static func line(_ name: String, _ ours: Data, _ theirs: Data) -> String {
        let same = zip(ours, theirs).prefix { $0 == $1 }.count
        let line = ours.prefix(same).count { $0 == UInt8(ascii: "\n") } + 1
        return "\(name) differs in line \(line)"
    }

    // MARK: The database

    private func databaseDifferences(_ ours: Data, _ theirs: Data) -> [String] {
        var found: [String] = []
        do {
            // A copy, for SQLite may put files beside the one that it opens.
            let copy = replayed.path(of: ".stored.sqlite")
            try ours.write(to: URL(fileURLWithPath: copy))
            defer { for ending in ["", "-journal", "-wal", "-shm"] { unlink(copy + ending) } }
            let queue = try DatabaseQueue(path: copy)
            found = try queue.inDatabase { database in
                try database.execute(
                    sql: "ATTACH ? AS replay", arguments: [replayed.path(of: RunDatabase.name)])
                return try DatabaseComparison(database).differences()
            }
            try queue.close()
        } catch {
            return ["\(RunDatabase.name) cannot be read: \(RunStoreError.reason(of: error))"]
        }
        // SQLite notes its own version in bytes 96 to 99: files of two versions may differ in more than that.
        let version = 96..<100
        if found.isEmpty, ours.count >= 100, ours[version] == theirs[version] {
            let same = zip(ours, theirs).prefix { $0 == $1 }.count
            found.append("\(RunDatabase.name) differs in byte \(same), which belongs to no row")
        }
        return found
    }
}

/// Compares the main database of a connection with the attached one, `replay`: what there is, and every value with its
/// type.
private struct DatabaseComparison {
    private let database: Database

    init(_ database: Database) { self.database = database }

    private struct Object: Hashable {
        var type: String
        var name: String
    }

    func differences() throws -> [String] {
        let (ours, theirs) = (try objects(of: "main"), try objects(of: "replay"))
        var found: [String] = []
        for object in Set(ours.keys).union(theirs.keys).sorted(by: { ($0.type, $0.name) < ($1.type, $1.name) }
        ) {
            switch (ours[object], theirs[object]) {
            case (let sql?, let other?) where sql != other:
                found.append("\(object.type) \(object.name) is defined otherwise")
            case (_?, _?): if object.type == "table" { found += try differences(in: object.name) }
            case (nil, _): found.append("\(object.type) \(object.name) is missing")
            case (_, nil): found.append("\(object.type) \(object.name) is none of a run's")
            }
        }
        let state = try String.fetchOne(database, sql: "PRAGMA main.integrity_check(1)") ?? "ok"
        if state != "ok" { found.append("\(RunDatabase.name) is damaged: \(state)") }
        return found
    }

    /// What each table, index, view and trigger is defined by; nothing for an index that comes with its table.
    private func objects(of schema: String) throws -> [Object: String] {
        let rows = try Row.fetchAll(database, sql: "SELECT type, name, sql FROM \(schema).sqlite_schema")
        return rows.reduce(into: [:]) { objects, row in
            objects[Object(type: row["type"], name: row["name"])] = row["sql"] ?? ""
        }
    }

    private func differences(in table: String) throws -> [String] {
        let columns = try Row.fetchAll(database, sql: "PRAGMA replay.table_info(\(table))")
        let names: [String] = columns.map { $0["name"] }
        let keys: [String] = columns.filter { ($0["pk"] as Int) > 0 }.map { $0["name"] }
        // 1 and 1.0 are equal to SQLite, and not the same.
        let values = names.map { "\($0), typeof(\($0)) AS \"type of \($0)\"" }.joined(separator: ", ")
        func row(only a: String, _ b: String) throws -> Row? {
            try Row.fetchOne(
                database,
                sql: "SELECT \(values) FROM \(a).\(table) EXCEPT SELECT \(values) FROM \(b).\(table) LIMIT 1")
        }
        if let ours = try row(only: "main", "replay") {
            let place = keys.map { "\($0) \(Self.word(ours[$0]))" }.joined(separator: ", ")
            let other = try Row.fetchOne(
                database,
                sql: "SELECT \(values) FROM replay.\(table) WHERE "
                    + keys.map { "\($0) IS ?" }.joined(separator: " AND "),
                arguments: StatementArguments(keys.map { ours[$0] as DatabaseValue }))
            guard let other else { return ["table \(table) has a row more, of \(place)"] }
            let parts = names.filter { ours[$0] as DatabaseValue != other[$0] as DatabaseValue }.map {
                "\($0) is \(Self.word(ours[$0])), the replay has \(Self.word(other[$0]))"
            }
            return ["table \(table) differs: of \(place), \(parts.joined(separator: ", "))"]
        }
        if let theirs = try row(only: "replay", "main") {
            let place = keys.map { "\($0) \(Self.word(theirs[$0]))" }.joined(separator: ", ")
            return ["table \(table) lacks the row of \(place)"]
        }
        return []
    }

    private static func word(_ value: DatabaseValue) -> String {
        value.storage.value.map { "\($0)" } ?? "null"
    }
}
