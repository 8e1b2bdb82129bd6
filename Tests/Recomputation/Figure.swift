/// One cell of a table, one member of a JSON document, or one field of a CSV file, as it stands there.
public enum Figure: Hashable, Sendable, CustomStringConvertible {
    case null
    case boolean(Bool)
    case integer(Int64)
    case real(Double)
    case text(String)

    public var description: String {
        switch self {
        case .null: "null"
        case .boolean(let value): value.description
        case .integer(let value): value.description
        case .real(let value): value.description
        case .text(let value): "'\(value)'"
        }
    }

    var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .real(let value): value
        case .null, .boolean, .text: nil
        }
    }

    /// Whether a figure says more than that nothing happened: a check that only ever met zeros checks nothing.
    var isTelling: Bool {
        switch self {
        case .null: false
        case .boolean(let value): value
        case .integer(let value): value != 0
        case .real(let value): value != 0
        case .text(let value): !value.isEmpty
        }
    }
}

/// What a figure has to be.
enum Expectation {
    /// Recomputed from other facts.
    case exactly(Figure)
    /// Recomputed in floating point: within a share of it.
    case near(Double, within: Double)
    /// Cannot be recomputed to the last digit: no less and no more.
    case between(Double, Double)
    case oneOf([Figure])
    /// A fact that others are recomputed from; what can be said of it by itself was said elsewhere.
    case fact

    static func exactly(_ value: Int64) -> Expectation { .exactly(.integer(value)) }
    static func exactly(_ value: Int) -> Expectation { .exactly(.integer(Int64(value))) }
    static func exactly(_ value: String?) -> Expectation { .exactly(value.map { .text($0) } ?? .null) }
    static func between(_ range: ClosedRange<Int64>) -> Expectation {
        range.lowerBound == range.upperBound
            ? .exactly(range.lowerBound) : .between(Double(range.lowerBound), Double(range.upperBound))
    }
}

/// Compares what stands in the files with what it has to be, and keeps account of what was compared.
public struct Account: Sendable {
    /// Each a line: what differs, or what nobody recomputes.
    public internal(set) var violations: [String] = []
    /// Names of columns and keys that were recomputed exactly, at a value that tells something.
    public private(set) var exact: Set<String> = []
    /// Those that were held to a bound or a list.
    public private(set) var bounded: Set<String> = []
    /// All that were met.
    public private(set) var met: Set<String> = []

    public init(violations: [String] = []) { self.violations = violations }

    public mutating func add(_ other: Account) {
        violations += other.violations
        exact.formUnion(other.exact)
        bounded.formUnion(other.bounded)
        met.formUnion(other.met)
    }

    /// - Parameters:
    ///   - name: of the column or key, `income.forwards` or `result.days.settled`.
    ///   - place: which row or element it is.
    mutating func compare(_ name: String, at place: String, _ found: Figure, with expected: Expectation?) {
        met.insert(name)
        guard let expected else {
            return violations.append("nobody recomputes \(name), here of \(place): \(found)")
        }
        var isRight = false
        switch expected {
        case .exactly(let value):
            isRight = found == value
            if found.isTelling { exact.insert(name) }
        case .near(let value, let share):
            isRight = found.number.map { abs($0 - value) <= share * abs(value) } ?? false
            if found.isTelling { exact.insert(name) }
        case .between(let low, let high):
            isRight = found.number.map { low <= $0 && $0 <= high } ?? false
            bounded.insert(name)
        case .oneOf(let values):
            isRight = values.contains(found)
            bounded.insert(name)
        case .fact: isRight = true
        }
        if !isRight { violations.append("\(name) of \(place) is \(found), recomputed \(expected)") }
    }

    mutating func require(_ holds: Bool, _ what: @autoclosure () -> String) {
        if !holds { violations.append(what()) }
    }
}

/// The rows of one table by their primary key, as they have to be.
struct ExpectedTable {
    var rows: [String: [String: Expectation]] = [:]

    subscript(key: some CustomStringConvertible) -> [String: Expectation] {
        get { rows[key.description] ?? [:] }
        set { rows[key.description] = newValue }
    }
}
