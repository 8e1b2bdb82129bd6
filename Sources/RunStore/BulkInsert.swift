import GRDB
import GRDBSQLite

/// Why SQLite took or gave no row; `RunDatabase` knows of which run.
struct SQLiteRefusal: Error {
    let code: Int32
    let reason: String

    /// What SQLite says of its last call.
    init(of connection: OpaquePointer) {
        code = sqlite3_extended_errcode(connection)
        reason = String(cString: sqlite3_errmsg(connection))
    }
}

/// One prepared `INSERT`, stepped once a row straight through SQLite's own interface.
///
/// Binding through GRDB's values costs several allocations a row; a run has millions.
struct BulkInsert: ~Copyable {
    private let statement: OpaquePointer
    private let connection: OpaquePointer
    private var column: Int32 = 0
    /// The row bound so far; nil where nobody asks for a sum.
    private var hash: RowHash?
    /// Of the rows written.
    private(set) var sum = RowSum()

    /// `columns` values into `table`, in the order of its definition.
    ///
    /// - Parameter isSummed: whether `sum` is kept.
    init(into table: String, columns: Int, in database: Database, isSummed: Bool = false) throws {
        guard let connection = database.sqliteConnection else {
            preconditionFailure("the database is open while rows are written")
        }
        let marks = repeatElement("?", count: columns).joined(separator: ",")
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v2(
            connection, "INSERT INTO \(table) VALUES (\(marks))", -1, &statement, nil)
        guard code == SQLITE_OK, let statement else { throw SQLiteRefusal(of: connection) }
        self.statement = statement
        self.connection = connection
        hash = isSummed ? RowHash() : nil
    }

    deinit { sqlite3_finalize(statement) }

    mutating func bind(_ value: Int64) {
        column += 1
        hash?.fold(value)
        check(sqlite3_bind_int64(statement, column, value))
    }

    /// Amounts and times lie far below 2^63; what a file's limit puts above it is stored as that.
    mutating func bind(_ value: some UnsignedInteger) { bind(Int64(clamping: value)) }

    mutating func bind(_ value: Bool) { bind(Int64(value ? 1 : 0)) }

    mutating func bind(_ value: Double?) {
        column += 1
        guard let value else { return bindNull() }
        hash?.fold(value)
        check(sqlite3_bind_double(statement, column, value))
    }

    mutating func bind(_ value: String?) {
        column += 1
        guard var value else { return bindNull() }
        // SQLite copies the text before the call returns.
        let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        // An empty text may start nowhere, and SQLite reads a null pointer as NULL.
        guard !value.isEmpty else {
            hash?.fold(UnsafeRawBufferPointer(start: nil, count: 0))
            return check(sqlite3_bind_text(statement, column, "", 0, transient))
        }
        value.withUTF8 { text in
            hash?.fold(UnsafeRawBufferPointer(text))
            let start = UnsafeRawPointer(text.baseAddress)?.assumingMemoryBound(to: CChar.self)
            check(sqlite3_bind_text(statement, column, start, Int32(text.count), transient))
        }
    }

    mutating func bind(_ value: Int64?) {
        if let value {
            bind(value)
        } else {
            column += 1
            bindNull()
        }
    }

    /// Writes the row whose last column is `text`, not empty, which is only read during this call.
    mutating func insertRow(endingWith text: borrowing [UInt8]) throws {
        column += 1
        try text.withUnsafeBytes { bytes in
            hash?.fold(bytes)
            let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            check(sqlite3_bind_text(statement, column, start, Int32(bytes.count), nil))
            try insertRow()
        }
    }

    /// Writes the row bound so far and starts the next.
    mutating func insertRow() throws {
        precondition(
            column == sqlite3_bind_parameter_count(statement),
            "a row has as many values as its table has columns")
        guard sqlite3_step(statement) == SQLITE_DONE else { throw SQLiteRefusal(of: connection) }
        sqlite3_reset(statement)
        column = 0
        hash?.end(into: &sum)
    }

    private mutating func bindNull() {
        hash?.foldNull()
        check(sqlite3_bind_null(statement, column))
    }

    private func check(_ code: Int32) {
        precondition(code == SQLITE_OK, "a value is bound to a column that exists")
    }
}
