import Foundation

/// Mutants drawn mechanically: a comparison that is turned or shifted by one, a constant off by one, a sign, a left-out
/// assignment. Only in what stands whole on one line; the same seed draws the same.
struct Draw {
    private(set) var generator: SplitMix
    private var sites: [String: [Mutation]] = [:]

    private struct Mutation {
        let file: String
        let line: String
        /// What changes, inside the line.
        let text: String
        let change: String
    }

    init(seed: UInt64, repository: URL) throws {
        generator = SplitMix(state: seed)
        let sources = repository.appending(path: "Sources")
        for path in try FileManager.default.subpathsOfDirectory(atPath: sources.path).sorted()
        where path.hasSuffix(".swift") {
            let target = String(path.prefix { $0 != "/" })
            let source = try String(contentsOf: sources.appending(path: path), encoding: .utf8)
            for line in source.components(separatedBy: "\n").map({ $0.trimmingCharacters(in: .whitespaces) })
            where !line.isEmpty && source.ranges(of: line).count == 1 {
                for (text, change) in Self.mutations(of: line) {
                    sites[target, default: []].append(
                        Mutation(file: path, line: line, text: text, change: change))
                }
            }
        }
    }

    /// So many lines for the list, the same number from every target as far as there are any; the suite is for whoever
    /// adds them.
    mutating func lines(_ count: Int) -> [String] {
        let targets = sites.keys.sorted()
        var (output, used): ([String], Set<String>) = ([], [])
        var turn = 0
        while output.count < count, turn < count * 20 {
            let target = targets[turn % targets.count]
            turn += 1
            guard let all = sites[target], !all.isEmpty else { continue }
            let one = all[generator.below(all.count)]
            // One in a line.
            guard used.insert(one.file + one.line).inserted else { continue }
            let marked = one.line.replacing(one.text, with: "«\(one.text)»", maxReplacements: 1)
            output.append(
                "drawn-\(output.count + 1) | \(one.file) | \(marked) | \(one.change) | \(target)Tests")
        }
        return output
    }

    private static func mutations(of line: String) -> [(text: String, change: String)] {
        guard !line.contains("//"), !line.contains("\""), !line.contains("try"), !line.contains(" | "),
            !line.contains("«")
        else { return [] }
        var result: [(String, String)] = []
        let assignment = /^[a-z][A-Za-z0-9_.\[\]]* (=|\+=|-=|&\+=) [^{}]*[A-Za-z0-9_)\]]$/
        if line.wholeMatch(of: assignment) != nil, !line.hasPrefix("self.") { result.append((line, ";")) }
        let forms = [
            /^(?:return|\} else if|if|guard|while) (?<inner>[^{},;]+?)(?: else)?(?: \{.*)?$/,
            /^(?:(?:let|var) )?[a-z][A-Za-z0-9_.]*(?:: [A-Za-z0-9]+)? (?:=|\+=|-=) (?<inner>[^{};]+[A-Za-z0-9_)\]])$/,
            /^[a-z@][^{=]*\{ (?<inner>[^{};]+) \}$/,
        ]
        for form in forms {
            guard let match = line.firstMatch(of: form) else { continue }
            let inner = String(match.output.inner)
            guard isWhole(inner) else { continue }
            for (operation, others) in [
                ("<", ["<=", ">="]), ("<=", ["<", ">"]), (">", [">=", "<="]), (">=", [">", "<"]),
                ("==", ["!="]),
                ("!=", ["=="]), ("+", ["-"]), ("-", ["+"]), ("&+", ["&-"]), ("&-", ["&+"]), ("&&", ["||"]),
                ("||", ["&&"]),
            ] {
                let pieces = inner.components(separatedBy: " \(operation) ")
                guard pieces.count == 2 else { continue }
                for other in others { result.append((inner, "\(pieces[0]) \(other) \(pieces[1])")) }
            }
            for match in inner.matches(of: /[A-Za-z0-9_.]+/) where match.output.first?.isNumber == true {
                guard let value = Int(match.output.replacing("_", with: "")), value > 0 else { continue }
                for other in [value - 1, value + 1] {
                    result.append((inner, inner.replacingCharacters(in: match.range, with: String(other))))
                }
            }
            break
        }
        return result
    }

    /// Whether brackets close where they open, and no pattern is in it.
    private static func isWhole(_ text: String) -> Bool {
        var depth = 0
        for character in text {
            if "([".contains(character) { depth += 1 }
            if ")]".contains(character) { depth -= 1 }
            if depth < 0 { return false }
        }
        return depth == 0 && !text.hasPrefix("let ") && !text.hasPrefix("case ") && !text.hasPrefix("var ")
    }
}

/// Sebastiano Vigna's SplitMix64: small, and nothing of the project's own, which is what is tried.
struct SplitMix {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((word ^ (word >> 31)) % UInt64(bound))
    }
}
