/// Reads JSON from front to back over the bytes themselves, without making values of what nobody asked for.
///
/// A graph of 32 MB holds some three million values, of which a topology keeps a third. Foundation's decoder
/// makes a box of each; this reads, checks and skips them where they lie. Strict by RFC 8259; at most 32
/// deep.
struct JSONCursor {
    static let depthMaximum = 32

    private let bytes: UnsafeBufferPointer<UInt8>
    private(set) var offset: Int
    private var depth = 0
    let file: SourceFile

    init(_ bytes: UnsafeBufferPointer<UInt8>, file: SourceFile) {
        self.bytes = bytes
        self.file = file
        offset = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    func error(_ message: String) -> TopologyError { error(at: offset, message) }

    func error(at offset: Int, _ message: String) -> TopologyError {
        file.error(TextBytes.line(of: min(offset, bytes.count), in: bytes), message)
    }

    /// A member's name as the bytes between its quotes, escapes and all.
    struct Key {
        fileprivate let bytes: UnsafeBufferPointer<UInt8>

        /// Most comparisons end at the length or the first byte: no call, no slice.
        @inline(__always)
        func matches(_ name: StaticString) -> Bool {
            guard bytes.count == name.utf8CodeUnitCount else { return false }
            let other = name.utf8Start
            for i in 0..<bytes.count where bytes[i] != other[i] { return false }
            return true
        }

        var text: String { String(decoding: bytes, as: UTF8.self) }
    }

    // MARK: Structure

    /// Walks the members of an object; `body` must read or skip each value.
    mutating func members(
        _ body: (inout JSONCursor, Key) throws(TopologyError) -> Void
    ) throws(TopologyError) {
        try open(UInt8(ascii: "{"), "an object")
        if take(UInt8(ascii: "}")) { return close() }
        while true {
            let key = try key()
            guard take(UInt8(ascii: ":")) else { throw unexpected("':'") }
            try body(&self, key)
            if take(UInt8(ascii: "}")) { return close() }
            guard take(UInt8(ascii: ",")) else { throw unexpected("',' or '}'") }
        }
    }

    /// Walks the elements of an array; `body` must read or skip each.
    mutating func elements(_ body: (inout JSONCursor) throws(TopologyError) -> Void) throws(TopologyError) {
        try open(UInt8(ascii: "["), "an array")
        if take(UInt8(ascii: "]")) { return close() }
        while true {
            try body(&self)
            if take(UInt8(ascii: "]")) { return close() }
            guard take(UInt8(ascii: ",")) else { throw unexpected("',' or ']'") }
        }
    }

    /// Nothing but blanks may follow the document.
    mutating func end() throws(TopologyError) {
        skipBlanks()
        guard offset == bytes.count else { throw error("something follows the end of the JSON document") }
    }

    /// The first byte of the next value.
    mutating func peek() -> UInt8? {
        skipBlanks()
        return offset < bytes.count ? bytes[offset] : nil
    }

    mutating func skipValue() throws(TopologyError) {
        switch peek() {
        case UInt8(ascii: "{"): try members { (cursor, _) throws(TopologyError) in try cursor.skipValue() }
        case UInt8(ascii: "["): try elements { (cursor) throws(TopologyError) in try cursor.skipValue() }
        case UInt8(ascii: "\""): _ = try stringRange()
        case UInt8(ascii: "t"): try literal("true")
        case UInt8(ascii: "f"): try literal("false")
        case UInt8(ascii: "n"): try literal("null")
        case let byte? where NumberText.isDigit(byte) || byte == UInt8(ascii: "-"): try skipNumber()
        case _: throw unexpected("a value")
        }
    }

    // MARK: Values

    /// Takes a `null` if there is one.
    mutating func null() throws(TopologyError) -> Bool {
        guard peek() == UInt8(ascii: "n") else { return false }
        try literal("null")
        return true
    }

    mutating func boolean() throws(TopologyError) -> Bool {
        switch peek() {
        case UInt8(ascii: "t"):
            try literal("true")
            return true
        case UInt8(ascii: "f"):
            try literal("false")
            return false
        case _: throw unexpected("true or false")
        }
    }

    mutating func string() throws(TopologyError) -> String {
        guard peek() == UInt8(ascii: "\"") else { throw unexpected("a string") }
        let (range, hasEscapes) = try stringRange()
        guard hasEscapes else {
            return String(decoding: UnsafeBufferPointer(rebasing: bytes[range]), as: UTF8.self)
        }
        return try unescaped(range)
    }

    /// A whole number, bare or as a string, with an optional `msat` behind it in a string.
    mutating func unsigned(_ name: StaticString, to maximum: UInt64 = .max) throws(TopologyError) -> UInt64 {
        guard let first = peek() else { throw unexpected("a number") }
        let start = offset
        let isQuoted = first == UInt8(ascii: "\"")
        if isQuoted { offset += 1 }
        var value: UInt64 = 0
        let digits = offset
        while offset < bytes.count, NumberText.isDigit(bytes[offset]) {
            let product = value.multipliedReportingOverflow(by: 10)
            let sum = product.partialValue.addingReportingOverflow(UInt64(bytes[offset] - UInt8(ascii: "0")))
            if product.overflow || sum.overflow { throw error(at: start, "\(name): the number is too large") }
            value = sum.partialValue
            offset += 1
        }
        let count = offset - digits
        if count == 0, offset < bytes.count, bytes[offset] == UInt8(ascii: "-") {
            throw error(at: start, "\(name): a negative number; expected zero or more")
        }
        if isQuoted {
            if bytes[offset...].starts(with: "msat".utf8) { offset += 4 }
            guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else {
                offset = start
                throw notWhole(name)
            }
            offset += 1
        }
        let isFraction = offset < bytes.count && ".eE".utf8.contains(bytes[offset])
        guard count > 0, !isFraction, count == 1 || bytes[digits] != UInt8(ascii: "0") else {
            offset = start
            throw notWhole(name)
        }
        guard value <= maximum else {
            throw error(at: start, "\(name): \(value) is too large; at most \(maximum)")
        }
        return value
    }

    private mutating func notWhole(_ name: StaticString) -> TopologyError {
        unexpected("a whole number", of: name)
    }

    // MARK: Bytes

    private mutating func open(_ bracket: UInt8, _ what: String) throws(TopologyError) {
        guard take(bracket) else { throw unexpected(what) }
        depth += 1
        guard depth <= Self.depthMaximum else { throw error("nested more than \(Self.depthMaximum) deep") }
    }

    private mutating func close() { depth -= 1 }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard offset < bytes.count, bytes[offset] == byte else { return false }
        offset += 1
        return true
    }

    @inline(__always)
    private mutating func skipBlanks() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return
            }
        }
    }

    private mutating func key() throws(TopologyError) -> Key {
        guard peek() == UInt8(ascii: "\"") else { throw unexpected("a key in quotes") }
        return Key(bytes: UnsafeBufferPointer(rebasing: bytes[try stringRange().range]))
    }

    /// Takes a string and gives the range between its quotes.
    private mutating func stringRange() throws(TopologyError) -> (range: Range<Int>, hasEscapes: Bool) {
        let start = offset + 1
        var i = start
        var hasEscapes = false
        while i < bytes.count {
            let byte = bytes[i]
            if byte == UInt8(ascii: "\"") {
                offset = i + 1
                return (start..<i, hasEscapes)
            }
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                i += 1
            } else if byte < 0x20 {
                throw error(at: i, "a line break or control character inside a string")
            }
            i += 1
        }
        throw error(at: start, "the file ends inside a string that begins here")
    }

    private mutating func literal(_ word: StaticString) throws(TopologyError) {
        let end = offset + word.utf8CodeUnitCount
        guard end <= bytes.count, Key(bytes: UnsafeBufferPointer(rebasing: bytes[offset..<end])).matches(word)
        else {
            throw unexpected("a value")
        }
        offset = end
    }

    /// Takes a number by RFC 8259's grammar: no leading zero, no bare point, no `+`.
    private mutating func skipNumber() throws(TopologyError) {
        let start = offset
        if bytes[offset] == UInt8(ascii: "-") { offset += 1 }
        let digits = offset
        var isNumber = skipDigits() && (offset == digits + 1 || bytes[digits] != UInt8(ascii: "0"))
        if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
            offset += 1
            isNumber = skipDigits() && isNumber
        }
        if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if offset < bytes.count, "+-".utf8.contains(bytes[offset]) { offset += 1 }
            isNumber = skipDigits() && isNumber
        }
        guard isNumber else {
            let text = String(decoding: bytes[start..<offset], as: UTF8.self)
            throw error(at: start, "\(quoted(text)) is no JSON number")
        }
    }

    /// Whether there was at least one.
    private mutating func skipDigits() -> Bool {
        let start = offset
        while offset < bytes.count, NumberText.isDigit(bytes[offset]) { offset += 1 }
        return offset > start
    }

    private mutating func unexpected(_ expected: String, of name: StaticString? = nil) -> TopologyError {
        let prefix = name.map { "\($0): " } ?? ""
        guard let byte = peek() else { return error("\(prefix)the file ends here; expected \(expected)") }
        let length = bytes[offset...].prefix(24).prefix { !",}]\n".utf8.contains($0) }.count
        let found = String(decoding: bytes[offset..<(offset + max(1, length))], as: UTF8.self)
        return error(
            "\(prefix)expected \(expected), found \(byte == UInt8(ascii: "\"") ? found : quoted(found))")
    }

    private func unescaped(_ range: Range<Int>) throws(TopologyError) -> String {
        var units: [UInt16] = []
        var i = range.lowerBound
        var text = ""
        // Runs of escapes go through UTF-16, in which JSON writes pairs of surrogates; all else is UTF-8
        // already.
        while i < range.upperBound {
            guard bytes[i] == UInt8(ascii: "\\") else {
                let end = bytes[i..<range.upperBound].firstIndex(of: UInt8(ascii: "\\")) ?? range.upperBound
                text += String(decoding: bytes[i..<end], as: UTF8.self)
                i = end
                continue
            }
            units.removeAll()
            while i < range.upperBound, bytes[i] == UInt8(ascii: "\\") {
                let (unit, length) = try escape(at: i, before: range.upperBound)
                units.append(unit)
                i += length
            }
            guard let run = String(validating: units, as: UTF16.self) else {
                throw error(at: i, "half of a surrogate pair in a string")
            }
            text += run
        }
        return text
    }

    /// One escape: its UTF-16 unit and its length in bytes.
    private func escape(at i: Int, before end: Int) throws(TopologyError) -> (UInt16, Int) {
        guard i + 1 < end else { throw error(at: i, "an escape without its character") }
        switch bytes[i + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return (UInt16(bytes[i + 1]), 2)
        case UInt8(ascii: "b"): return (0x08, 2)
        case UInt8(ascii: "f"): return (0x0C, 2)
        case UInt8(ascii: "n"): return (0x0A, 2)
        case UInt8(ascii: "r"): return (0x0D, 2)
        case UInt8(ascii: "t"): return (0x09, 2)
        case UInt8(ascii: "u"):
            guard i + 6 <= end,
                let unit = UInt16(String(decoding: bytes[(i + 2)..<(i + 6)], as: UTF8.self), radix: 16),
                bytes[i + 2] != UInt8(ascii: "+")
            else { throw error(at: i, "an escape '\\u' without four hexadecimal digits") }
            return (unit, 6)
        default: throw error(at: i, "an unknown escape in a string")
        }
    }
}
