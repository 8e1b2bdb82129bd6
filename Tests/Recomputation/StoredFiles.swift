import Foundation
import GRDB

/// A table as it stands in the file: whatever columns and rows it has.
struct StoredTable {
    var name: String
    var columns: [String]
    var keyColumns: [String]
    var rows: [[String: Figure]] = []

    func key(of row: [String: Figure]) -> String {
        keyColumns.map { column in
            switch row[column] {
            case .text(let text)?: text
            case let figure?: figure.description
            case nil: "?"
            }
        }.joined(separator: "/")
    }
}

/// The files of a run directory, read without the program's own code.
struct StoredFiles {
    var tables: [StoredTable] = []
    /// Other things than tables: a complete run has none.
    var otherObjects: [String] = []
    /// Members of `result.json` in their order, by their paths: `payments.settled`, `days[3].fees_msat`.
    var result: [(path: String, figure: Figure)] = []
    var manifest: [String: Figure] = [:]
    var csvHeader: [String] = []
    var csvRows: [[String]] = []
    var report: [String] = []
    /// The copy of the topology.
    var topology = ""

    init(directory: String) throws {
        var configuration = Configuration()
        configuration.readonly = true
        let queue = try DatabaseQueue(path: "\(directory)/run.sqlite", configuration: configuration)
        let (tables, others) = try queue.read { try Self.tables(in: $0) }
        self.tables = tables
        otherObjects = others
        try queue.close()
        func text(_ name: String) throws -> String {
            try String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8)
        }
        result = try FlatJSON(try text("result.json")).members
        for member in try FlatJSON(try text("manifest.json")).members {
            manifest[member.path] = member.figure
        }
        let lines = try text("income.csv").split(separator: "\n").map { Self.fields(String($0)) }
        csvHeader = lines.first ?? []
        csvRows = Array(lines.dropFirst())
        report = try text("report.txt").split(separator: "\n", omittingEmptySubsequences: false).map(
            String.init)
        if case .text(let name)? = manifest["input[0]"] { topology = try text(name) }
    }

    private static func tables(in database: Database) throws -> ([StoredTable], [String]) {
        var tables: [StoredTable] = []
        var others: [String] = []
        for object in try Row.fetchAll(database, sql: "SELECT type, name FROM sqlite_schema") {
            let (type, name): (String, String) = (object["type"], object["name"])
            if type != "table" {
                others.append("\(type) \(name)")
                continue
            }
            var table = StoredTable(name: name, columns: [], keyColumns: [])
            for column in try Row.fetchAll(database, sql: "PRAGMA table_info(\(name))") {
                table.columns.append(column["name"])
                if (column["pk"] as Int) > 0 { table.keyColumns.append(column["name"]) }
            }
            let cursor = try Row.fetchCursor(database, sql: "SELECT * FROM \(name)")
            while let row = try cursor.next() {
                var figures: [String: Figure] = [:]
                for (column, value) in row {
                    figures[column] =
                        switch value.storage {
                        case .null: .null
                        case .int64(let number): .integer(number)
                        case .double(let number): .real(number)
                        case .string(let text): .text(text)
                        case .blob: .text("a blob")
                        }
                }
                table.rows.append(figures)
            }
            tables.append(table)
        }
        return (tables, others.filter { !$0.contains("sqlite_autoindex") })
    }

    /// RFC 4180, without line feeds inside fields.
    private static func fields(_ line: String) -> [String] {
        var fields = [""]
        var isQuoted = false
        for character in line {
            if character == "\"" {
                isQuoted.toggle()
            } else if character == ",", !isQuoted {
                fields.append("")
            } else {
                fields[fields.count - 1].append(character)
            }
        }
        return fields
    }
}

/// JSON laid flat, members in the order they stand in.
struct FlatJSON {
    private(set) var members: [(path: String, figure: Figure)] = []
    private var rest: ArraySlice<UInt8>

    struct Malformed: Error {}

    init(_ text: String) throws {
        rest = ArraySlice(text.utf8)
        try readValue("")
        skipSpace()
        guard rest.isEmpty else { throw Malformed() }
    }

    private mutating func skipSpace() { rest = rest.drop { $0 == 32 || $0 == 10 || $0 == 13 || $0 == 9 } }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard rest.first == byte else { return false }
        rest.removeFirst()
        return true
    }

    private mutating func readValue(_ path: String) throws {
        skipSpace()
        switch rest.first {
        case UInt8(ascii: "{"):
            rest.removeFirst()
            if take(UInt8(ascii: "}")) { return }
            repeat {
                let name = try readText()
                guard take(UInt8(ascii: ":")) else { throw Malformed() }
                try readValue(path.isEmpty ? name : "\(path).\(name)")
            } while take(UInt8(ascii: ","))
            guard take(UInt8(ascii: "}")) else { throw Malformed() }
        case UInt8(ascii: "["):
            rest.removeFirst()
            if take(UInt8(ascii: "]")) { return }
            var index = 0
            repeat {
                try readValue("\(path)[\(index)]")
                index += 1
            } while take(UInt8(ascii: ","))
            guard take(UInt8(ascii: "]")) else { throw Malformed() }
        case UInt8(ascii: "\""): members.append((path, .text(try readText())))
        default:
            let word = rest.prefix { !" \n\r\t,]}".utf8.contains($0) }
            rest = rest.dropFirst(word.count)
            let text = String(decoding: word, as: UTF8.self)
            switch text {
            case "null": members.append((path, .null))
            case "true": members.append((path, .boolean(true)))
            case "false": members.append((path, .boolean(false)))
            default:
                if let number = Int64(text) {
                    members.append((path, .integer(number)))
                } else if let number = Double(text) {
                    members.append((path, .real(number)))
                } else {
                    throw Malformed()
                }
            }
        }
    }

    private mutating func readText() throws -> String {
        guard take(UInt8(ascii: "\"")) else { throw Malformed() }
        var bytes: [UInt8] = []
        while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
            if byte == UInt8(ascii: "\\") { bytes.append(rest.popFirst() ?? 0) } else { bytes.append(byte) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
