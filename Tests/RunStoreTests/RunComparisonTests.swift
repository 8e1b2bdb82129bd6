import Foundation
import GRDB
import Testing
import Topologies

@testable import PaymentNetwork
@testable import RunStore

/// What `millrace verify` compares: whatever is changed in a run's directory is noticed, and named. One run is stored, and
/// compared with changed copies of itself. Seed 3.
struct RunComparisonTests {
    private let temporary = TemporaryDirectory()
    private let replay: RunDirectory

    /// With rows in every table and nulls where there may be some.
    private static let text = """
        millrace: 1
        seed: 3
        duration: 20m
        layer_1: {confirmations: 1, block_interval: 60s}
        groups: {people: {members: [dora], wallet_sat: 1_000_000}}
        nodes: [alice, bob, carol]
        channels:
          - {from: alice, to: bob, capacity_sat: 900_000, standing: true, balance_sat: 1_000}
          - {from: bob, to: carol, capacity_sat: 900_000, standing: true, balance_sat: 450_000}
          - {from: dora, to: alice, capacity_sat: 700_000, push_sat: 300_000, closes_at: 15m}
        traffic:
          - {rate_per_hour: 300, amount_sat: {from: 1_000, to: 50_000}}
        """

    init() throws {
        let bytes = Array(Self.text.utf8)
        let topology = try Topology(bytes: bytes, fileName: "changed.yaml", directory: ".")
        replay = try RunDirectory(creating: "\(temporary.path)/replay")
        let writer = try RunWriter(
            in: replay, topology: topology,
            description: RunDescription(
                version: "test", arguments: ["run", "changed.yaml"], overrides: [], settings: RunSettings(),
                attempts: .oneIn(1), inputs: [InputFile(name: "changed.yaml", bytes: bytes)]))
        let simulation = try NetworkSimulation(topology, settings: RunSettings(), recorder: writer)
        let result = try simulation.run()
        let wall = WallFigures(
            wallSeconds: 1, loadingSeconds: 0, simulatingSeconds: 1, eventsPerSecond: 1,
            paymentsPerSecond: 1, memoryPeak: nil)
        try writer.finish(
            result, initialBalances: simulation.initialBalances(),
            documents: {
                [
                    .init("result.json", Array("{\n  \"digest\": 1,\n  \"events\": 2\n}\n".utf8)),
                    .init("report.txt", Array("changed\nnothing\n".utf8)),
                ]
            }, wall: wall)
    }

    private var storedPath: String { "\(temporary.path)/stored" }

    /// What is found in a copy of the run after a change to it.
    private func differences(after change: (String) throws -> Void) throws -> [String] {
        try? FileManager.default.removeItem(atPath: storedPath)
        try FileManager.default.copyItem(atPath: replay.path, toPath: storedPath)
        try change(storedPath)
        return try RunComparison(of: RunDirectory(existing: storedPath), with: replay).differences()
    }

    private func differences(sql: String) throws -> [String] {
        try differences { path in
            let queue = try DatabaseQueue(path: "\(path)/run.sqlite")
            try queue.writeWithoutTransaction { database in
                try database.execute(sql: "PRAGMA foreign_keys = OFF")
                try database.execute(sql: sql)
            }
            try queue.close()
        }
    }

    private func query<Value: DatabaseValueConvertible>(_ sql: String) throws -> [Value] {
        try DatabaseQueue(path: "\(replay.path)/run.sqlite").read { try Value.fetchAll($0, sql: sql) }
    }

    private var files: [String] {
        get throws {
            try temporary.files(below: "replay").keys.sorted()
        }
    }

    @Test func `a copy of a run is the run`() throws {
        #expect(try differences { _ in } == [])
        let names = try files
        #expect(
            names == [
                "income.csv", "input/changed.yaml", "manifest.json", "report.txt", "result.json",
                "run.sqlite", "wall.json",
            ])
    }

    @Test func `one byte of any file but wall.json is noticed, with the file's name`() throws {
        for name in try files {
            let whole = try replay.read(name)
            var places = Set(stride(from: 0, to: whole.count, by: max(1, whole.count / 16)))
            places.insert(whole.count - 1)
            // The header of the database, but for where SQLite's own version stands.
            if name == "run.sqlite" { places.formUnion(Set(0..<100).subtracting(96..<100)) }
            for place in places {
                var changed = whole
                changed[place] ^= 1 << UInt8(place % 8)
                let found = try differences { path in
                    try Data(changed).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
                }
                let isNamed = found.contains { $0.hasPrefix(name) || name == "run.sqlite" }
                #expect(isNamed == (name != "wall.json"), "byte \(place) of \(name): \(found)")
            }
        }
    }

    @Test func `a byte more or less is noticed too`() throws {
        for name in try files where name != "wall.json" {
            let whole = try replay.read(name)
            for changed in [whole + [0], Array(whole.dropLast()), []] {
                let found = try differences { path in
                    try Data(changed).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
                }
                let isNamed = found.contains { $0.hasPrefix(name) || name == "run.sqlite" }
                #expect(isNamed, "\(changed.count) bytes of \(name): \(found)")
            }
        }
    }

    /// Every column there is, told by the database itself.
    @Test func `one value of any column is noticed, with its table and column`() throws {
        var count = 0
        for table: String in try query("SELECT name FROM sqlite_schema WHERE type = 'table'") {
            for column: String in try query("SELECT name FROM pragma_table_info('\(table)')") {
                count += 1
                let key: String = try query("SELECT name FROM pragma_table_info('\(table)') WHERE pk = 1")[0]
                let last = "(SELECT max(\(key)) FROM \(table))"
                let found = try differences(
                    sql: """
                        UPDATE \(table) SET \(column) = CASE typeof(\(column))
                            WHEN 'integer' THEN \(column) + 1 WHEN 'text' THEN \(column) || '1'
                            WHEN 'real' THEN \(column) * 1.000000000001 + 1e-300 ELSE 1 END
                        WHERE \(key) = \(last)
                        """)
                #expect(found.count == 1, "\(table).\(column): \(found)")
                #expect(found.first?.hasPrefix("table \(table) ") ?? false, "\(table).\(column): \(found)")
                #expect(found.first?.contains(" \(column) ") ?? false, "\(table).\(column): \(found)")
            }
        }
        #expect(count > 80)
    }

    @Test func `the same value of another type is noticed`() throws {
        let found = try differences(
            sql: "UPDATE payments SET failure = CAST('no_route' AS BLOB) WHERE payment = 0")
        #expect(
            found.first?.hasPrefix("table payments differs: of payment 0, failure is ") ?? false, "\(found)")
    }

    @Test func `a row more and a row less of any table are noticed`() throws {
        for table: String in try query("SELECT name FROM sqlite_schema WHERE type = 'table'") {
            let columns: [String] = try query("SELECT name FROM pragma_table_info('\(table)')")
            let keys: [String] = try query("SELECT name FROM pragma_table_info('\(table)') WHERE pk > 0")
            let values = columns.map { keys.contains($0) ? "\($0) || '99999'" : $0 }.joined(separator: ", ")
            let more = try differences(sql: "INSERT INTO \(table) SELECT \(values) FROM \(table) LIMIT 1")
            #expect(
                more.first?.hasPrefix("table \(table) has a row more, of \(keys[0]) ") ?? false, "\(more)")
            let less = try differences(
                sql: "DELETE FROM \(table) WHERE \(keys[0]) = (SELECT max(\(keys[0])) FROM \(table))")
            #expect(less.first?.hasPrefix("table \(table) lacks the row of \(keys[0]) ") ?? false, "\(less)")
            #expect(more.count == 1 && less.count == 1)
        }
    }

    @Test(arguments: [
        ("CREATE TABLE notes (note TEXT)", "table notes is none of a run's"),
        ("CREATE INDEX by_source ON payments (source)", "index by_source is none of a run's"),
        ("CREATE VIEW rich AS SELECT * FROM node_income", "view rich is none of a run's"),
        (
            "CREATE TRIGGER late AFTER INSERT ON payments BEGIN DELETE FROM chain; END",
            "trigger late is none of a run's"
        ),
        ("ALTER TABLE income ADD COLUMN note TEXT", "table income is defined otherwise"),
        ("ALTER TABLE income RENAME TO earnings", "table earnings is none of a run's"),
        ("DROP TABLE timeline", "table timeline is missing"),
    ])
    func `what is made or dropped in the database is noticed`(sql: String, message: String) throws {
        #expect(try differences(sql: sql).contains(message))
    }

    @Test func `bytes that hold no row are noticed, unless another version of SQLite wrote them`() throws {
        let found = try differences(sql: "PRAGMA user_version = 1")
        #expect(found.count == 1 && found[0].hasPrefix("run.sqlite differs in byte "), "\(found)")
        let other = try differences { path in
            var bytes = try replay.read("run.sqlite")
            bytes[97] ^= 1
            try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/run.sqlite"))
        }
        #expect(other == [])
    }

    @Test func `a file more or less is noticed by its name`() throws {
        for name in try files where name != "manifest.json" {
            let found = try differences { try FileManager.default.removeItem(atPath: "\($0)/\(name)") }
            #expect(found == ["\(name) is missing"])
        }
        for name in ["notes.txt", "input/other.yaml", ".hidden", "run.sqlite-journal"] {
            let found = try differences { path in
                try Data("x".utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
            }
            #expect(found == ["\(name) is no file of this run"])
        }
        let directory = try differences { path in
            try FileManager.default.createDirectory(
                atPath: "\(path)/old", withIntermediateDirectories: false)
        }
        #expect(directory == ["old is no file of this run"])
    }

    @Test func `what a killed process left, and how long a run took, are no difference`() throws {
        let found = try differences { path in
            for name in [
                ".lock", ".run.sqlite.scratch", ".run.sqlite.scratch-journal", ".income.csv.partial",
                "wall.json",
            ] {
                try Data("x".utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
            }
            try FileManager.default.createDirectory(
                atPath: "\(path)/checkpoints", withIntermediateDirectories: false)
        }
        #expect(found == [])
    }

    @Test func `a comparison changes nothing in the directory`() throws {
        let change = { (path: String) in
            // The header says that there is a write-ahead log.
            var bytes = try replay.read("run.sqlite")
            bytes[18] = 2
            bytes[19] = 2
            try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/run.sqlite"))
        }
        #expect(try !differences(after: change).isEmpty)
        #expect(try temporary.files(below: "stored").keys.sorted() == files)
    }
}
