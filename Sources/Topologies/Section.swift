import LightningTypes

/// One mapping of a topology file while it is read: every key known, every value of its type, every error
/// with its place.
struct Section {
    let file: SourceFile
    /// What an error calls it: `a channel`, `'payments'`.
    let title: String
    let line: Int
    private let entries: [YAMLValue.Entry]

    /// Refuses anything but a mapping, unknown keys and keys without a value.
    init(_ value: YAMLValue, title: String, keys: [String], file: SourceFile) throws(TopologyError) {
        guard case .mapping(let entries) = value.content else {
            throw file.error(
                value.line, "expected \(title) as a mapping of keys to values, found \(value.kind)")
        }
        self.file = file
        self.title = title
        self.line = entries.first?.line ?? value.line
        self.entries = entries
        for (position, entry) in entries.enumerated() {
            guard keys.contains(entry.key) else {
                let hint = suggestion(for: entry.key, among: keys)
                let known = hint.isEmpty ? "; its keys are \(Self.beginning(of: keys))" : hint
                throw file.error(entry.line, "unknown key \(quoted(entry.key)) in \(title)\(known)")
            }
            guard !entries[..<position].contains(where: { $0.key == entry.key }) else {
                throw file.error(entry.line, "the key \(quoted(entry.key)) stands twice in one mapping")
            }
            guard !entry.value.isEmpty else {
                throw file.error(entry.line, "\(quoted(entry.key)) has no value")
            }
        }
    }

    /// At most six words, so that an error stays one short line.
    private static func beginning(of words: [String]) -> String {
        words.prefix(6).joined(separator: ", ") + (words.count > 6 ? ", …" : "")
    }

    func value(_ key: String) -> YAMLValue? { entries.first { $0.key == key }?.value }

    func has(_ key: String) -> Bool { entries.contains { $0.key == key } }

    /// The line `key` stands in, or the section's own where it is absent.
    func line(of key: String) -> Int { entries.first { $0.key == key }?.line ?? line }

    /// An error about the value of `key`.
    func error(_ key: String, _ message: String) -> TopologyError {
        file.error(line(of: key), "\(quoted(key)): \(message)")
    }

    // MARK: Values

    /// Any scalar, quoted or not, as it was written.
    func text(_ key: String) throws(TopologyError) -> String? {
        guard let value = value(key) else { return nil }
        guard case .text(let text, _) = value.content else {
            throw error(key, "expected text, found \(value.kind)")
        }
        return text
    }

    func unsigned(
        _ key: String, _ unit: String = "", from minimum: UInt64 = 0, to maximum: UInt64
    ) throws(TopologyError) -> UInt64? {
        guard let value = value(key) else { return nil }
        let expected = unit.isEmpty ? "a whole number" : "a whole number of \(unit)"
        guard case .text(let text, _) = value.content else {
            throw error(key, "expected \(expected), found \(value.kind)")
        }
        let number: UInt64
        do {
            number = try NumberText.unsigned(text)
        } catch {
            switch error {
            case .negative: throw self.error(key, "\(text) is negative; expected \(expected)")
            case .fraction: throw self.error(key, "expected \(expected) in digits, found \(quoted(text))")
            case .leadingZero: throw self.error(key, "\(quoted(text)) begins with a zero; write it without")
            case .overflow: throw self.error(key, "\(quoted(text)) is too large; at most \(maximum)")
            case .notANumber: throw self.error(key, "expected \(expected), found \(quoted(text))")
            }
        }
        guard number <= maximum else { throw error(key, "\(number) is too large; at most \(maximum)") }
        guard number >= minimum else { throw error(key, "\(number) is too small; at least \(minimum)") }
        return number
    }

    func integer<Value: FixedWidthInteger & UnsignedInteger>(
        _ key: String, _ unit: String = "", from minimum: Value = 0, to maximum: Value = .max
    ) throws(TopologyError) -> Value? {
        try unsigned(key, unit, from: UInt64(minimum), to: UInt64(maximum)).map { Value($0) }
    }

    func satoshi(_ key: String, from minimum: UInt64 = 0) throws(TopologyError) -> Satoshi? {
        try unsigned(key, "satoshis", from: minimum, to: Satoshi.supplyMaximum.rawValue).map { Satoshi($0) }
    }

    func millisatoshi(_ key: String, from minimum: UInt64 = 0) throws(TopologyError) -> Millisatoshi? {
        let maximum = Millisatoshi(Satoshi.supplyMaximum).rawValue
        return try unsigned(key, "millisatoshis", from: minimum, to: maximum).map { Millisatoshi($0) }
    }

    func boolean(_ key: String) throws(TopologyError) -> Bool? {
        guard let value = value(key) else { return nil }
        switch value.content {
        case .text("true", _): return true
        case .text("false", _): return false
        case .text, .list, .mapping: throw error(key, "expected true or false, found \(value.kind)")
        }
    }

    func duration(
        _ key: String, from minimum: Duration = .zero, to maximum: Duration = durationMaximum
    ) throws(TopologyError) -> Duration? {
        guard let value = value(key) else { return nil }
        guard case .text(let text, _) = value.content, let duration = parseDuration(text) else {
            throw error(
                key,
                "expected a duration such as 90s, 15m, 2h or 7d, to \(durationMaximum.inWords), found \(value.kind)"
            )
        }
        guard duration >= minimum else {
            throw error(key, "\(quoted(text)) is too short; at least \(minimum.inWords)")
        }
        guard duration <= maximum else {
            throw error(key, "\(quoted(text)) is too long; at most \(maximum.inWords)")
        }
        return duration
    }

    /// One of an enumeration's words.
    func word<Word: RawRepresentable & CaseIterable>(
        _ key: String, of type: Word.Type
    ) throws(TopologyError) -> Word? where Word.RawValue == String {
        guard let value = value(key) else { return nil }
        if case .text(let text, _) = value.content, let word = Word(rawValue: text) { return word }
        let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
        throw error(key, "expected one of \(words), found \(value.kind)")
    }

    /// A positive finite number of events in some time.
    func rate(_ key: String) throws(TopologyError) -> Double? {
        guard let value = value(key) else { return nil }
        guard case .text(let text, _) = value.content, let number = NumberText.decimal(text) else {
            throw error(key, "expected a positive number, found \(value.kind)")
        }
        guard number > 0 else { throw error(key, "expected a positive number, found \(quoted(text))") }
        return number
    }

    func list(_ key: String) throws(TopologyError) -> [YAMLValue]? {
        guard let value = value(key) else { return nil }
        guard case .list(let list) = value.content else {
            throw error(key, "expected a list, found \(value.kind)")
        }
        return list
    }

    func section(_ key: String, keys: [String]) throws(TopologyError) -> Section? {
        guard let value = value(key) else { return nil }
        return try Section(value, title: quoted(key), keys: keys, file: file)
    }
}
