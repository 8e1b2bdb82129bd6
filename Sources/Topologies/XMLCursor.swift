/// Reads XML from front to back: the part of it that data files use, and nothing that could expand.
///
/// Elements, attributes, text, CDATA, comments and processing instructions; the five named entities and
/// character references. A document type declaration may name a system identifier, which nobody fetches, but
/// an internal subset, with which a small file could stand for a huge one, is refused. At most 32 deep.
struct XMLCursor {
    static let depthMaximum = 32

    enum Event: Equatable {
        case start(String)
        case end(String)
        /// Between two tags; several may follow each other.
        case text(String)
    }

    let file: SourceFile
    private let bytes: UnsafeBufferPointer<UInt8>
    private var offset: Int
    private var open: [String] = []
    /// `<name/>` ends as soon as it starts.
    private var isEndPending = false
    private var hasRoot = false
    /// Those of the element that started last, by their names without prefix.
    private(set) var attributes: [(name: String, value: String)] = []
    /// Where the last event begins.
    private(set) var eventOffset = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>, file: SourceFile) {
        self.bytes = bytes
        self.file = file
        offset = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    func attribute(_ name: String) -> String? { attributes.first { $0.name == name }?.value }

    func error(_ message: String) -> TopologyError { error(at: eventOffset, message) }

    func error(at offset: Int, _ message: String) -> TopologyError {
        file.error(TextBytes.line(of: min(offset, bytes.count), in: bytes), message)
    }

    /// The next event; nil behind the root element.
    mutating func next() throws(TopologyError) -> Event? {
        if isEndPending {
            isEndPending = false
            return .end(open.removeLast())
        }
        while offset < bytes.count {
            eventOffset = offset
            guard bytes[offset] == UInt8(ascii: "<") else {
                let text = try text()
                if !open.isEmpty { return .text(text) }
                guard text.allSatisfy(\.isWhitespace) else { throw error("text outside the root element") }
                continue
            }
            if starts(with: "<!--") {
                try skip(past: "-->")
            } else if starts(with: "<?") {
                try skip(past: "?>")
            } else if starts(with: "<![CDATA[") {
                guard !open.isEmpty else { throw error("text outside the root element") }
                let start = offset + 9
                try skip(past: "]]>")
                return .text(String(decoding: bytes[start..<(offset - 3)], as: UTF8.self))
            } else if starts(with: "<!") {
                try skipDocumentType()
            } else if starts(with: "</") {
                return try endTag()
            } else {
                return try startTag()
            }
        }
        eventOffset = offset
        guard open.isEmpty else { throw error("the file ends inside \(quoted(open[open.count - 1]))") }
        guard hasRoot else { throw error("no element at all") }
        return nil
    }

    /// Passes over the rest of the element that started last.
    mutating func skipElement() throws(TopologyError) {
        let depth = open.count
        while open.count >= depth { _ = try next() }
    }

    /// The text up to the end of the element that started last, without that of elements inside it.
    mutating func elementText() throws(TopologyError) -> String {
        var result = ""
        let depth = open.count
        while open.count >= depth {
            if case .text(let text)? = try next(), open.count == depth { result += text }
        }
        return result
    }

    // MARK: Tags

    private mutating func startTag() throws(TopologyError) -> Event {
        offset += 1
        let name = try name()
        guard !(open.isEmpty && hasRoot) else { throw error("a second root element, \(quoted(name))") }
        hasRoot = true
        attributes.removeAll(keepingCapacity: true)
        while true {
            skipBlanks()
            guard offset < bytes.count else { throw error("the file ends inside a tag") }
            if bytes[offset] == UInt8(ascii: ">") {
                offset += 1
                break
            }
            if starts(with: "/>") {
                offset += 2
                isEndPending = true
                break
            }
            try readAttribute()
        }
        open.append(name)
        guard open.count <= Self.depthMaximum else {
            throw error("nested more than \(Self.depthMaximum) deep")
        }
        return .start(name)
    }

    private mutating func readAttribute() throws(TopologyError) {
        let name = try name()
        skipBlanks()
        guard starts(with: "=") else { throw error("the attribute \(quoted(name)) has no value") }
        offset += 1
        skipBlanks()
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") || bytes[offset] == UInt8(ascii: "'")
        else { throw error("the value of \(quoted(name)) stands in no quotes") }
        let quote = bytes[offset]
        let start = offset + 1
        guard let end = bytes[start...].firstIndex(of: quote) else {
            throw error("the value of \(quoted(name)) does not end")
        }
        guard !bytes[start..<end].contains(UInt8(ascii: "<")) else { throw error("'<' inside a tag") }
        offset = end + 1
        guard attribute(name) == nil else { throw error("the attribute \(quoted(name)) stands twice") }
        // No element of any file we read has so many; each is compared with all before it.
        guard attributes.count < 64 else { throw error("more than 64 attributes") }
        attributes.append((name, try unescaped(start..<end)))
    }

    private mutating func endTag() throws(TopologyError) -> Event {
        offset += 2
        let name = try name()
        skipBlanks()
        guard starts(with: ">") else { throw error("the end tag of \(quoted(name)) is not closed") }
        offset += 1
        guard open.last == name else {
            let expected = open.last.map { "; expected that of \(quoted($0))" } ?? ""
            throw error("the end tag of \(quoted(name))\(expected)")
        }
        return .end(open.removeLast())
    }

    /// A name without its namespace's prefix.
    private mutating func name() throws(TopologyError) -> String {
        let start = offset
        while offset < bytes.count, !" \t\r\n=/><\"'&".utf8.contains(bytes[offset]) { offset += 1 }
        let name = bytes[start..<offset]
        guard !name.isEmpty, name.count <= 200 else { throw error("expected the name of a tag or attribute") }
        let local = name.lastIndex(of: UInt8(ascii: ":")).map { name[($0 + 1)...] } ?? name
        guard !local.isEmpty else { throw error("expected a name behind the prefix") }
        return String(decoding: local, as: UTF8.self)
    }

    private mutating func skipDocumentType() throws(TopologyError) {
        guard starts(with: "<!DOCTYPE"), open.isEmpty, !hasRoot else { throw error("an unexpected '<!'") }
        let rest = bytes[offset...]
        guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else {
            throw error("the document type does not end")
        }
        guard !bytes[offset..<end].contains(UInt8(ascii: "[")) else {
            throw error("a document type with declarations of its own; remove them")
        }
        offset = end + 1
    }

    // MARK: Bytes

    private func starts(with word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard offset + count <= bytes.count else { return false }
        for i in 0..<count where bytes[offset + i] != word.utf8Start[i] { return false }
        return true
    }

    private mutating func skip(past word: StaticString) throws(TopologyError) {
        let start = offset
        while offset < bytes.count {
            if starts(with: word) {
                offset += word.utf8CodeUnitCount
                return
            }
            offset += 1
        }
        throw error(at: start, "the file ends before '\(word)'")
    }

    private mutating func skipBlanks() {
        while offset < bytes.count, " \t\r\n".utf8.contains(bytes[offset]) { offset += 1 }
    }

    private mutating func text() throws(TopologyError) -> String {
        let end = bytes[offset...].firstIndex(of: UInt8(ascii: "<")) ?? bytes.count
        defer { offset = end }
        return try unescaped(offset..<end)
    }

    private func unescaped(_ range: Range<Int>) throws(TopologyError) -> String {
        var result = ""
        var i = range.lowerBound
        while i < range.upperBound {
            let plain = bytes[i..<range.upperBound].firstIndex(of: UInt8(ascii: "&")) ?? range.upperBound
            result += String(decoding: bytes[i..<plain], as: UTF8.self)
            guard plain < range.upperBound else { break }
            // The longest reference to a character has ten letters.
            let window = bytes[plain..<min(plain + 12, range.upperBound)]
            guard let end = window.firstIndex(of: UInt8(ascii: ";")),
                let scalar = Self.scalar(String(decoding: bytes[(plain + 1)..<end], as: UTF8.self))
            else { throw error(at: plain, "an entity that is none of &lt; &gt; &amp; &quot; &apos; &#N;") }
            result.unicodeScalars.append(scalar)
            i = end + 1
        }
        return result
    }

    private static func scalar(_ entity: String) -> Unicode.Scalar? {
        switch entity {
        case "lt": return "<"
        case "gt": return ">"
        case "amp": return "&"
        case "quot": return "\""
        case "apos": return "'"
        case _:
            guard entity.hasPrefix("#") else { return nil }
            let isHexadecimal = entity.hasPrefix("#x")
            let digits = entity.dropFirst(isHexadecimal ? 2 : 1)
            guard digits.allSatisfy({ $0.isHexDigit }),
                let value = UInt32(digits, radix: isHexadecimal ? 16 : 10),
                value >= 0x20 || value == 9 || value == 10
            else { return nil }
            return Unicode.Scalar(value)
        }
    }
}
