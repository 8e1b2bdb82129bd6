import Yams

/// A YAML document as this format sees it: text, lists and mappings with their lines, and nothing resolved.
///
/// Scalars stay the text they were written as; `no`, `0123` and `1e3` are names until a key asks for a
/// number.
struct YAMLValue {
    enum Content {
        /// `isPlain`: written without quotes.
        case text(String, isPlain: Bool)
        case list([YAMLValue])
        case mapping([Entry])
    }

    struct Entry {
        var key: String
        var line: Int
        var value: YAMLValue
    }

    var content: Content
    var line: Int

    /// What an error calls it.
    var kind: String {
        switch content {
        case .text("", isPlain: true): "nothing"
        case .text(let text, _): quoted(text)
        case .list: "a list"
        case .mapping: "a mapping"
        }
    }

    /// `key:` with nothing after it.
    var isEmpty: Bool {
        if case .text("", isPlain: true) = content { true } else { false }
    }
}

/// Reads YAML through Yams with bounds that Yams has not.
struct YAMLDocument {
    static let depthMaximum = 32
    /// Aliases may repeat values, up to this many more than the file has bytes to write down.
    static let expandedValuesMaximum = 100_000

    private let file: SourceFile
    private var remainingValues: Int

    /// The one document of `text`, which is known to be UTF-8 of bounded length.
    static func read(_ text: String, file: SourceFile) throws(TopologyError) -> YAMLValue {
        try refuseManyValues(text, file: file)
        try refuseAliasedKeys(text, file: file)
        let root: Node?
        do {
            // `compose` keeps scalars as text and shares aliased nodes; `load` would expand them without
            // bound.
            root = try Yams.compose(yaml: text, .basic)
        } catch let error as YamlError {
            throw shortened(error, text: text, file: file)
        } catch {
            throw file.error(nil, "not YAML")
        }
        guard let root else { throw file.error(1, "the file is empty; expected a topology (millrace: 1)") }
        // A value takes at least one byte to write, so only aliases can make more values than bytes.
        var document = YAMLDocument(
            file: file, remainingValues: text.utf8.count + expandedValuesMaximum)
        return try document.value(of: root, depth: 0)
    }

    private mutating func value(of node: Node, depth: Int) throws(TopologyError) -> YAMLValue {
        let line = node.mark?.line ?? 1
        guard depth <= Self.depthMaximum else {
            throw file.error(line, "nested more than \(Self.depthMaximum) deep")
        }
        remainingValues -= 1
        guard remainingValues >= 0 else { throw file.error(line, "aliases expand to too many values") }
        switch node {
        case .scalar(let scalar):
            return YAMLValue(content: .text(scalar.string, isPlain: scalar.style == .plain), line: line)
        case .sequence(let sequence):
            var list: [YAMLValue] = []
            list.reserveCapacity(sequence.count)
            for element in sequence { list.append(try value(of: element, depth: depth + 1)) }
            return YAMLValue(content: .list(list), line: line)
        case .mapping(let mapping):
            var entries: [YAMLValue.Entry] = []
            entries.reserveCapacity(mapping.count)
            for (key, element) in mapping {
                let keyLine = key.mark?.line ?? line
                guard case .scalar(let name) = key else {
                    throw file.error(keyLine, "a list or mapping as a key; expected a word")
                }
                if name.string == "<<", name.style == .plain {
                    throw file.error(
                        keyLine,
                        "merge keys ('<<') are not read; shared values go under 'defaults' or a group")
                }
                let value = try value(of: element, depth: depth + 1)
                // An aliased value bears its anchor's line; its key says where it is used.
                entries.append(YAMLValue.Entry(key: name.string, line: keyLine, value: value))
            }
            return YAMLValue(content: .mapping(entries), line: line)
        case .alias:
            throw file.error(line, "an alias without its anchor")
        }
    }

    /// Values in one file: each takes some two hundred bytes while it is read, those of a comma and a letter too.
    static let valuesMaximum = 10_000_000

    /// Counts what divides values before any is made: commas and lines, those of blocks of text aside.
    private static func refuseManyValues(_ text: String, file: SourceFile) throws(TopologyError) {
        guard text.utf8.count > valuesMaximum else { return }
        var count = 0
        // The indentation of the line that began a block; nil outside of one.
        var block: Int?
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
            let indentation = line.prefix { $0 == UInt8(ascii: " ") }.count
            if let begin = block {
                if indentation > begin || indentation == line.count { continue }
                block = nil
            }
            count += 1 + line.reduce(0) { $0 + ($1 == UInt8(ascii: ",") ? 1 : 0) }
            // `|`, `>`, and either with `-`, `+` or a digit behind it.
            let end = line.reversed().drop { "+-0123456789".utf8.contains($0) }.prefix(2)
            if let sign = end.first, end.last == UInt8(ascii: " "), "|>".utf8.contains(sign) {
                block = indentation
            }
        }
        guard count <= valuesMaximum else {
            throw file.error(
                nil,
                "some \(NumberText.grouped(Double(count))) values, which would take "
                    + "\(NumberText.gigabytes(200 * Double(count))) of memory to read; at most "
                    + "\(NumberText.grouped(Double(valuesMaximum))): a large graph stands in tables or in a file of its own"
            )
        }
    }

    /// Refuses aliases inside mapping keys before Yams sees them: it hashes keys, and a key that is a tower
    /// of aliases would take it for ever.
    ///
    /// Text that merely looks so (in a quoted name, say) is refused only in a file that uses aliases at all.
    private static func refuseAliasedKeys(_ text: String, file: SourceFile) throws(TopologyError) {
        guard text.utf8.contains(UInt8(ascii: "&")), text.utf8.contains(UInt8(ascii: "*")) else { return }
        let bytes = Array(text.utf8)
        let anchors = Set(indicated(by: UInt8(ascii: "&"), in: bytes).map { Array(bytes[$0]) })
        let aliases = indicated(by: UInt8(ascii: "*"), in: bytes).filter {
            anchors.contains(Array(bytes[$0]))
        }
        guard !aliases.isEmpty else { return }
        var line = 1
        for (i, byte) in bytes.enumerated() {
            if byte == UInt8(ascii: "\n") { line += 1 }
            let closesCollection = byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}")
            let isExplicitKey = byte == UInt8(ascii: "?") && (i + 1 == bytes.count || isBlank(bytes[i + 1]))
            if isExplicitKey || (closesCollection && isFollowedByColon(i + 1, in: bytes)) {
                throw file.error(line, "a list or mapping as a key; expected a word")
            }
        }
        for alias in aliases where isFollowedByColon(alias.upperBound, in: bytes) {
            let line = 1 + bytes[..<alias.lowerBound].reduce(0) { $0 + ($1 == UInt8(ascii: "\n") ? 1 : 0) }
            throw file.error(line, "an alias as a key; expected a word")
        }
    }

    /// The names that follow `indicator` where YAML would take it for one: after a blank or a bracket.
    private static func indicated(by indicator: UInt8, in bytes: [UInt8]) -> [Range<Int>] {
        var names: [Range<Int>] = []
        for i in bytes.indices where bytes[i] == indicator {
            guard i == 0 || isBlank(bytes[i - 1]) || "[{,:-?".utf8.contains(bytes[i - 1]) else { continue }
            var end = i + 1
            while end < bytes.count, isNameByte(bytes[end]) { end += 1 }
            if end > i + 1 { names.append((i + 1)..<end) }
        }
        return names
    }

    private static func isFollowedByColon(_ start: Int, in bytes: [UInt8]) -> Bool {
        var i = start
        while i < bytes.count, isBlank(bytes[i]) { i += 1 }
        return i < bytes.count && bytes[i] == UInt8(ascii: ":")
    }

    private static func isBlank(_ byte: UInt8) -> Bool { " \t\r\n".utf8.contains(byte) }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        NumberText.isDigit(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
            || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    /// Yams' own text quotes the whole source line under the error; ours is one short line.
    private static func shortened(_ error: YamlError, text: String, file: SourceFile) -> TopologyError {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            // A fault at the end of the file is reported one line behind it.
            let line = min(mark.line, 1 + text.utf8.reduce(0) { $0 + ($1 == UInt8(ascii: "\n") ? 1 : 0) })
            if problem.contains("another document") {
                return file.error(line, "a second document ('---'); a topology is one document")
            }
            if problem.contains("nesting level") {
                return file.error(line, "nested more than \(depthMaximum) deep")
            }
            let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            let hasTab = line <= lines.count && lines[line - 1].contains(UInt8(ascii: "\t"))
            let hint = problem.contains("start any token") && hasTab ? " (tabs cannot indent YAML)" : ""
            return file.error(line, "not YAML: \(problem)\(hint)")
        case .reader(let problem, let offset, _, _):
            let line = offset.map { 1 + text.prefix($0).reduce(0) { $0 + ($1.isNewline ? 1 : 0) } }
            return file.error(line, "not YAML: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            let names = duplicates.prefix(3).map { quoted($0) }.joined(separator: ", ")
            return file.error(context.mark.line, "the key \(names) stands twice in one mapping")
        case .memory: return file.error(nil, "no memory left to read it; 'ulimit -v' may allow too little")
        case .no, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            return file.error(nil, "not YAML")
        }
    }
}
