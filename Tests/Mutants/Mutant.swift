import Foundation

/// One line of the list: a fault, where it is planted and which tests should see it.
///
///     id | file | before«text»after | change | suite [| verdict]
///
/// `text` is an expression, and `change` another of its type; or a statement, where `change` begins with `;` and what
/// follows stands in its place: nothing where it is left out. What is written around the marks says which place is meant:
/// the whole must stand in the file once. `suite` is a regular expression of tests' names, as `swift test --filter`
/// takes it. `verdict` begins with `equal:` and argues why nobody can tell the difference.
struct Mutant: Sendable {
    let id: String
    /// Below `Sources`.
    let file: String
    /// What stands before the text, the text, what stands behind it.
    let (before, text, after): (String, String, String)
    let change: String
    var suite: String
    let equal: String?

    var target: String { String(file.prefix { $0 != "/" }) }
    var place: String { before + text + after }

    init(line: String, number: Int) throws {
        let fields = line.components(separatedBy: " | ").map { $0.trimmingCharacters(in: .whitespaces) }
        guard fields.count == 5 || fields.count == 6 else {
            throw Complaint(
                "mutants.txt:\(number): \(fields.count) fields, not 5 or 6: write id | file | text | change | suite"
            )
        }
        let marked = fields[2].split(separator: "«", omittingEmptySubsequences: false)
        let rest = marked.last?.split(separator: "»", omittingEmptySubsequences: false) ?? []
        guard marked.count == 2, rest.count == 2, !rest[0].isEmpty else {
            throw Complaint("mutants.txt:\(number): mark what changes once, as in “if «a < b» {”")
        }
        (id, file, change, suite) = (fields[0], fields[1], fields[3], fields[4])
        (before, text, after) = (String(marked[0]), String(rest[0]), String(rest[1]))
        let verdict = fields.count == 6 ? fields[5] : nil
        guard verdict?.hasPrefix("equal: ") ?? true else {
            throw Complaint("mutants.txt:\(number): a verdict begins with “equal: ”")
        }
        equal = verdict.map { String($0.dropFirst(7)) }
    }

    /// All lines of a list; a comment begins with `#`, and `@name = tests` gives tests a name for `suite`.
    static func list(_ text: String) throws -> [Mutant] {
        var names: Set<String> = []
        var suites: [String: String] = [:]
        return try text.components(separatedBy: "\n").enumerated().compactMap { index, line in
            guard !line.isEmpty, !line.hasPrefix("#") else { return nil }
            if let named = line.wholeMatch(of: /(@[a-z]+) = (.+)/) {
                suites[String(named.1)] = String(named.2)
                return nil
            }
            var mutant = try Mutant(line: line, number: index + 1)
            if mutant.suite.hasPrefix("@") {
                guard let suite = suites[mutant.suite] else {
                    throw Complaint("mutants.txt:\(index + 1): \(mutant.suite) is no name of tests")
                }
                mutant.suite = suite
            }
            guard names.insert(mutant.id).inserted else {
                throw Complaint("mutants.txt:\(index + 1): there is another \(mutant.id)")
            }
            return mutant
        }
    }
}

/// What is wrong with the list, the sources or the arguments, in one line.
struct Complaint: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
