/// Reads a table of comma-separated values whose first row names the columns, row by row over the bytes
/// themselves: a table of millions of rows makes no string of a number.
///
/// Fields may stand in double quotes (RFC 4180) as long as they stay on one line. Columns stand in any order;
/// what a unit in brackets adds to a name (`balance(millisat)`) is left out.
struct CSVTable {
    let file: SourceFile
    /// The line of the row at hand, from 1.
    private(set) var line: Int
    private let bytes: UnsafeBufferPointer<UInt8>
    /// Where the next row begins.
    private var position: Int
    /// Of each wanted column, its place in a row; -1: the table has none of this name.
    private var places: [Int]
    private let names: [String]
    private var columnCount: Int
    /// The fields of the row at hand; a quoted one without its quotes, its doubled quotes as they stand.
    private var fields: [Range<Int>] = []

    /// Reads the header.
    ///
    /// - Parameters:
    ///   - required: columns that must be there; `field` and `number` count them first ...
    ///   - optional: ... and these after them.
    ///   - isClosed: whether a column of any other name is an error; else it is passed over.
    ///   - firstLine: the number of the header's line in `file`.
    init(
        _ bytes: UnsafeBufferPointer<UInt8>, file: SourceFile, firstLine: Int = 1, required: [String],
        optional: [String] = [], isClosed: Bool = false
    ) throws(TopologyError) {
        self.bytes = bytes
        self.file = file
        names = required + optional
        line = firstLine - 1
        position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        (places, columnCount) = ([], 0)
        guard try nextRow() else {
            throw file.error(firstLine, "expected the header \(required.joined(separator: ","))")
        }
        let header = fields.map { field in
            let text = String(decoding: bytes[field], as: UTF8.self)
            let name = text.prefix { $0 != "(" }.drop { $0 == " " }
            return String(name.reversed().drop { $0 == " " }.reversed())
        }
        if let name = required.first(where: { !header.contains($0) }) {
            throw file.error(
                line,
                "no column \(quoted(name)); expected the header \(required.joined(separator: ","))")
        }
        for (index, name) in header.enumerated() {
            guard !header[..<index].contains(name) || !names.contains(name) else {
                throw file.error(line, "the column \(quoted(name)) stands twice")
            }
            guard !isClosed || names.contains(name) else {
                throw file.error(
                    line, "unknown column \(quoted(name))\(suggestion(for: name, among: names))")
            }
        }
        places = names.map { header.firstIndex(of: $0) ?? -1 }
        columnCount = header.count
    }

    /// Goes to the next row; false behind the last.
    mutating func next() throws(TopologyError) -> Bool {
        guard try nextRow() else { return false }
        guard fields.count == columnCount else {
            throw file.error(line, "\(fields.count) fields; the header has \(columnCount)")
        }
        return true
    }

    func has(_ column: Int) -> Bool { places[column] >= 0 && !fields[places[column]].isEmpty }

    /// The field as text; a column the table does not have is empty.
    func text(_ column: Int) -> String {
        guard places[column] >= 0 else { return "" }
        let text = String(decoding: bytes[fields[places[column]]], as: UTF8.self)
        return text.utf8.contains(UInt8(ascii: "\"")) ? text.replacing("\"\"", with: "\"") : text
    }

    /// The field as a whole number; nil where it is empty.
    func unsigned(_ column: Int, to maximum: UInt64 = .max) throws(TopologyError) -> UInt64? {
        guard has(column) else { return nil }
        let field = fields[places[column]]
        var value: UInt64 = 0
        for byte in bytes[field] {
            let product = value.multipliedReportingOverflow(by: 10)
            let sum = product.partialValue.addingReportingOverflow(UInt64(byte &- UInt8(ascii: "0")))
            guard NumberText.isDigit(byte), !product.overflow, !sum.overflow else {
                throw error(column, "expected a whole number, found \(quoted(text(column)))")
            }
            value = sum.partialValue
        }
        guard value <= maximum else { throw error(column, "\(value) is too large; at most \(maximum)") }
        return value
    }

    /// The field as a whole number that must be there.
    func number(_ column: Int, to maximum: UInt64 = .max) throws(TopologyError) -> UInt64 {
        guard let value = try unsigned(column, to: maximum) else {
            throw error(column, "expected a whole number, found nothing")
        }
        return value
    }

    /// An error about a field of the row at hand.
    func error(_ column: Int, _ message: String) -> TopologyError {
        file.error(line, "\(names[column]): \(message)")
    }

    /// Splits the next row that is not blank.
    private mutating func nextRow() throws(TopologyError) -> Bool {
        while position < bytes.count {
            line += 1
            let start = position
            var end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            position = end + 1
            if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
            guard end > start else { continue }
            try split(start..<end)
            return true
        }
        return false
    }

    private mutating func split(_ row: Range<Int>) throws(TopologyError) {
        fields.removeAll(keepingCapacity: true)
        var i = row.lowerBound
        while true {
            var field = i..<i
            if i < row.upperBound, bytes[i] == UInt8(ascii: "\"") {
                let start = i + 1
                i = try endOfQuotes(from: start, in: row)
                field = start..<i
                i += 1
                guard i == row.upperBound || bytes[i] == UInt8(ascii: ",") else {
                    throw file.error(line, "text after a closing quote; expected a comma")
                }
            } else {
                let start = i
                while i < row.upperBound, bytes[i] != UInt8(ascii: ",") { i += 1 }
                field = start..<i
            }
            fields.append(field)
            guard i < row.upperBound else { return }
            i += 1
        }
    }

    /// The place of the quote that closes what begins at `start`; two in a row stand for one.
    private func endOfQuotes(from start: Int, in row: Range<Int>) throws(TopologyError) -> Int {
        var i = start
        while i < row.upperBound {
            if bytes[i] == UInt8(ascii: "\"") {
                guard i + 1 < row.upperBound, bytes[i + 1] == UInt8(ascii: "\"") else { return i }
                i += 1
            }
            i += 1
        }
        throw file.error(line, "a quote without its end")
    }
}
