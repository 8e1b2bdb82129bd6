import Topologies

/// A JSON document whose objects keep the order their members were given in, so that the same run writes the
/// same bytes.
public enum JSONValue: Sendable {
    case null
    case boolean(Bool)
    case integer(Int64)
    case unsigned(UInt64)
    /// Written in the fewest digits that read back as the same number; what JSON cannot say (infinity, not a
    /// number) becomes `null`.
    case number(Double)
    case text(String)
    case array([JSONValue])
    case object([Member])
    /// An array of lists or objects, each made when it is written: a table of a million rows takes up the room of one.
    case rows(count: Int, @Sendable (Int) -> JSONValue)

    public struct Member: Sendable {
        public var key: String
        public var value: JSONValue

        public init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    public init(_ value: UInt64) { self = .unsigned(value) }
    public init(_ value: Int) { self = .integer(Int64(value)) }
    public init(_ value: String) { self = .text(value) }
    /// Nil is `null`.
    public init(_ value: Double?) { self = value.map(JSONValue.number) ?? .null }
    public init(_ value: UInt64?) { self = value.map(JSONValue.unsigned) ?? .null }
    public init(_ value: String?) { self = value.map(JSONValue.text) ?? .null }

    /// The document in UTF-8 with a newline at its end, two spaces a level. A list or object that holds no other
    /// stays on one line below the top, so that a table has a line a row.
    public func encoded() -> [UInt8] {
        var output: [UInt8] = []
        write(to: &output, depth: 0)
        output.append(UInt8(ascii: "\n"))
        return output
    }
}

extension JSONValue: ExpressibleByDictionaryLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral,
    ExpressibleByBooleanLiteral
{
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { Member($0.0, $0.1) })
    }
    public init(stringLiteral value: String) { self = .text(value) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
}

extension JSONValue {
    private var isContainer: Bool {
        switch self {
        case .array, .object, .rows: true
        case .null, .boolean, .integer, .unsigned, .number, .text: false
        }
    }

    private func write(to output: inout [UInt8], depth: Int) {
        switch self {
        case .null: output.append(contentsOf: "null".utf8)
        case .boolean(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): output.append(contentsOf: value.description.utf8)
        case .unsigned(let value): output.append(contentsOf: value.description.utf8)
        case .number(let value):
            output.append(contentsOf: (value.isFinite ? value.description : "null").utf8)
        case .text(let value): Self.write(value, to: &output)
        case .array(let values):
            Self.writeList(
                values.count, in: ("[", "]"), isFlat: depth > 0 && !values.contains(where: \.isContainer),
                depth: depth, to: &output
            ) { index, output in
                values[index].write(to: &output, depth: depth + 1)
            }
        case .rows(let count, let row):
            Self.writeList(count, in: ("[", "]"), isFlat: false, depth: depth, to: &output) { index, output in
                row(index).write(to: &output, depth: depth + 1)
            }
        case .object(let members):
            Self.writeList(
                members.count, in: ("{", "}"),
                isFlat: depth > 0 && !members.contains { $0.value.isContainer }, depth: depth, to: &output
            ) { index, output in
                Self.write(members[index].key, to: &output)
                output.append(contentsOf: ": ".utf8)
                members[index].value.write(to: &output, depth: depth + 1)
            }
        }
    }

    private static func writeList(
        _ count: Int, in brackets: (String, String), isFlat: Bool, depth: Int, to output: inout [UInt8],
        element: (Int, inout [UInt8]) -> Void
    ) {
        output.append(contentsOf: brackets.0.utf8)
        for index in 0..<count {
            if index > 0 { output.append(contentsOf: (isFlat ? ", " : ",").utf8) }
            if !isFlat { startLine(depth: depth + 1, in: &output) }
            element(index, &output)
        }
        if !isFlat, count > 0 { startLine(depth: depth, in: &output) }
        output.append(contentsOf: brackets.1.utf8)
    }

    private static func startLine(depth: Int, in output: inout [UInt8]) {
        output.append(UInt8(ascii: "\n"))
        output.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * depth))
    }

    /// Quotes and escapes as RFC 8259 asks, and whatever else does something than being seen: an alias is a stranger's
    /// text, and the document may end on a terminal.
    private static func write(_ text: String, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        defer { output.append(UInt8(ascii: "\"")) }
        if text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) && $0 != 0x22 && $0 != 0x5C }) {
            output.append(contentsOf: text.utf8)
            return
        }
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22: output.append(contentsOf: "\\\"".utf8)
            case 0x5C: output.append(contentsOf: "\\\\".utf8)
            case 0x0A: output.append(contentsOf: "\\n".utf8)
            case 0x0D: output.append(contentsOf: "\\r".utf8)
            case 0x09: output.append(contentsOf: "\\t".utf8)
            case _ where PlainText.kind(of: scalar) == .hidden:
                for unit in UTF16.encode(scalar)! {
                    let digits = String(unit, radix: 16)
                    output.append(contentsOf: "\\u".utf8)
                    output.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: 4 - digits.utf8.count))
                    output.append(contentsOf: digits.utf8)
                }
            default: output.append(contentsOf: UTF8.encode(scalar)!)
            }
        }
    }
}
