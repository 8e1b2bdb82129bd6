import Foundation

/// One line of the list: a fault, where it is planted and which tests should see it.
///
///     id | file | before«text»after | change | suite [| verdict]
///
/// `text` is an expression, and `change` another of its type; or a statement, where `change` begins with `;` and what
/// follows stands in its place: nothing where it is left out. What is written around the marks says which place is meant:
/// the whole must stand in the file once. `suite` is a regular expression of tests' names, as `swift test --filter`
/// takes it. Lines of one id, one below the other, are one mutant in several places. `verdict` is `equal: …`, why nobody
/// can tell the difference, or `open: …`, which test is missing: a survivor that is known, and counts as one.
struct Mutant: Sendable {
    let id: String
    var suite: String
    let equal: String?
    let open: String?
    var sites: [Site] = []

    struct Site: Sendable {
        /// Below `Sources`.
        let file: String
        /// What stands before the text, the text, what stands behind it.
        let (before, text, after): (String, String, String)
        let change: String

        var target: String { String(file.prefix { $0 != "/" }) }
        var place: String { before + text + after }
    }

    /// What the switch is set to: FNV-1a of the id, so that a changed list changes no more of the copy than it must.
    var number: UInt32 { id.utf8.reduce(0x811C_9DC5) { ($0 ^ UInt32($1)) &* 0x0100_0193 } }

    /// Where it is counted.
    var target: String { sites[0].target }

    private static func read(_ line: String, number: Int) throws -> (Mutant, Site) {
        let fields = line.components(separatedBy: " | ").map { $0.trimmingCharacters(in: .whitespaces) }
        guard fields.count == 5 || fields.count == 6 else {
            throw Complaint(
                "mutants.txt:\(number): \(fields.count) fields, not 5 or 6: id | file | text | change | suite"
            )
        }
        let marked = fields[2].split(separator: "«", omittingEmptySubsequences: false)
        let rest = marked.last?.split(separator: "»", omittingEmptySubsequences: false) ?? []
        guard marked.count == 2, rest.count == 2, !rest[0].isEmpty else {
            throw Complaint("mutants.txt:\(number): mark what changes once, as in “if «a < b» {”")
        }
        let verdict = fields.count == 6 ? fields[5] : nil
        func argument(_ word: String) -> String? {
            verdict.flatMap { $0.hasPrefix(word) ? String($0.dropFirst(word.count)) : nil }
        }
        let (equal, open) = (argument("equal: "), argument("open: "))
        guard verdict == nil || equal != nil || open != nil else {
            throw Complaint("mutants.txt:\(number): a verdict begins with “equal: ” or “open: ”")
        }
        let site = Site(
            file: fields[1], before: String(marked[0]), text: String(rest[0]), after: String(rest[1]),
            change: fields[3])
        return (Mutant(id: fields[0], suite: fields[4], equal: equal, open: open), site)
    }

    /// All lines of a list; a comment begins with `#`, and `@name = tests` gives tests a name for `suite`.
    static func list(_ text: String) throws -> [Mutant] {
        var mutants: [Mutant] = []
        var names: Set<String> = []
        var numbers: Set<UInt32> = []
        var suites: [String: String] = [:]
        for (index, line) in text.components(separatedBy: "\n").enumerated() {
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            if let named = line.wholeMatch(of: /(@[a-z]+) = (.+)/) {
                suites[String(named.1)] = String(named.2)
                continue
            }
            var (mutant, site) = try read(line, number: index + 1)
            if let last = mutants.last, last.id == mutant.id {
                mutants[mutants.count - 1].sites.append(site)
                continue
            }
            guard names.insert(mutant.id).inserted else {
                throw Complaint("mutants.txt:\(index + 1): another \(mutant.id) stands above, not next to it")
            }
            guard numbers.insert(mutant.number).inserted else {
                throw Complaint(
                    "mutants.txt:\(index + 1): \(mutant.id) has the number of another; name it otherwise")
            }
            if mutant.suite.hasPrefix("@") {
                guard let suite = suites[mutant.suite] else {
                    throw Complaint("mutants.txt:\(index + 1): \(mutant.suite) is no name of tests")
                }
                mutant.suite = suite
            }
            mutant.sites = [site]
            mutants.append(mutant)
        }
        return mutants
    }
}

/// What is wrong with the list, the sources or the arguments, in one line.
struct Complaint: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
