import Cryptography
import GRDB
import GRDBSQLite
import PaymentNetwork

/// How many rows of one table there are, and the sum of their hashes: the same for the same rows in any order, and
/// another as soon as one bit of one row is.
public struct RowSum: Sendable, Equatable {
    public var count: UInt64 = 0
    /// Modulo 2^64, of each row's SipHash.
    public var hashes: UInt64 = 0

    static func += (sum: inout RowSum, more: RowSum) {
        sum.count += more.count
        sum.hashes &+= more.hashes
    }
}

/// The hash of one row, from its values in order: each a byte that says its type, then its bytes, a text's length before
/// them.
struct RowHash {
    private var bytes: [UInt8] = []

    mutating func fold(_ value: Int64) { fold(type: SQLITE_INTEGER, UInt64(bitPattern: value)) }

    mutating func fold(_ value: Double) { fold(type: SQLITE_FLOAT, value.bitPattern) }

    mutating func fold(_ text: UnsafeRawBufferPointer) {
        fold(type: SQLITE_TEXT, UInt64(text.count))
        bytes.append(contentsOf: text)
    }

    mutating func foldNull() { bytes.append(UInt8(SQLITE_NULL)) }

    private mutating func fold(type: Int32, _ word: UInt64) {
        bytes.append(UInt8(type))
        withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Adds the row to a sum and begins the next.
    mutating func end(into sum: inout RowSum) {
        sum += RowSum(count: 1, hashes: bytes.withUnsafeBytes(sipHash))
        bytes.removeAll(keepingCapacity: true)
    }
}

extension RowSum {
    /// Of the rows that a query gives.
    init(of query: String, in database: Database) throws {
        guard let connection = database.sqliteConnection else {
            preconditionFailure("the database is open while rows are read")
        }
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        guard sqlite3_prepare_v2(connection, query, -1, &statement, nil) == SQLITE_OK, let statement else {
            throw SQLiteRefusal(of: connection)
        }
        var hash = RowHash()
        while true {
            let code = sqlite3_step(statement)
            if code == SQLITE_DONE { return }
            guard code == SQLITE_ROW else { throw SQLiteRefusal(of: connection) }
            for column in 0..<sqlite3_column_count(statement) { hash.fold(column, of: statement) }
            hash.end(into: &self)
        }
    }
}

extension RowHash {
    fileprivate mutating func fold(_ column: Int32, of statement: OpaquePointer) {
        switch sqlite3_column_type(statement, column) {
        case SQLITE_INTEGER: fold(sqlite3_column_int64(statement, column))
        case SQLITE_FLOAT: fold(sqlite3_column_double(statement, column))
        case SQLITE_NULL: foldNull()
        case let type:
            // A value that a flipped bit made a blob is not the text it was, even where the bytes are.
            if type != SQLITE_TEXT { foldNull() }
            let start = sqlite3_column_blob(statement, column)
            fold(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column))))
        }
    }
}
