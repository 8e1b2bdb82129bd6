// Plants the faults of a list into a copy of the package, builds it once and has the tests find each. What it can do is
// told in `scripts/mutants`, which builds and calls it.
import Dispatch
import Foundation
import Synchronization

struct Options {
    var repository = URL(filePath: FileManager.default.currentDirectoryPath)
    var target: String?
    var only: [String] = []
    var share = (1, 1)
    /// Whether the tests are known to pass, and within ten minutes.
    var isTested = false
    var draw: (seed: UInt64, count: Int)?

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        func next(_ what: String) throws -> String {
            guard let value = rest.popFirst() else {
                throw Complaint("\(what) is missing; see the head of scripts/mutants")
            }
            return value
        }
        while let argument = rest.popFirst() {
            switch argument {
            case "--target": target = try next("--target: the target's name")
            case "--only": only += try next("--only: a mutant's id").split(separator: ",").map(String.init)
            case "--tested": isTested = true
            case "--share":
                let parts = try next("--share: K/N").split(separator: "/").compactMap { Int($0) }
                guard parts.count == 2, parts[1] > 0, (1...parts[1]).contains(parts[0]) else {
                    throw Complaint("--share: write K/N with K from 1 to N, as in 1/8")
                }
                share = (parts[0], parts[1])
            case "--draw":
                guard let seed = UInt64(try next("--draw: a seed")),
                    let count = Int(try next("--draw: how many"))
                else {
                    throw Complaint("--draw: write a seed and how many, as in --draw 1 100")
                }
                draw = (seed, count)
            default: throw Complaint("unknown: \(argument); see the head of scripts/mutants")
            }
        }
    }

    func takes(_ mutant: Mutant, at index: Int) -> Bool {
        (target == nil || mutant.target == target) && (only.isEmpty || only.contains(mutant.id))
            && index % share.1 == share.0 - 1
    }
}

/// On standard error, at once.
func tell(_ line: String) { FileHandle.standardError.write(Data("\(line)\n".utf8)) }

/// The package built with its tests; what the compiler says goes to standard error.
func build(_ folder: URL) throws -> URL {
    func swift(_ arguments: [String], to output: Any) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["swift", "build", "--package-path", folder.path] + arguments
        process.standardOutput = output
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Complaint("the copy in \(folder.path) does not build")
        }
    }
    try swift(["--build-tests"], to: FileHandle.standardError)
    let products = folder.appending(path: ".build/debug")
    let names = try FileManager.default.contentsOfDirectory(atPath: products.path).filter {
        $0.hasSuffix(".xctest")
    }
    guard names.count == 1 else { throw Complaint("\(products.path) has \(names.count) test programs") }
    return products.appending(path: names[0])
}

struct Row {
    var (mutants, caught, survived, equal) = (0, 0, 0, 0)
    var score: String {
        let counted = caught + survived
        return counted == 0 ? "–" : String(format: "%.1f %%", 100 * Double(caught) / Double(counted))
    }
    var isEnough: Bool { 10 * caught >= 9 * (caught + survived) }
}

/// What happened to each mutant, filled from two threads.
final class Results: Sendable {
    private let outcomes = Mutex<[Int: Trial.Outcome]>([:])
    private let next = Mutex(0)
    let numbers: [Int]

    init(_ numbers: [Int]) { self.numbers = numbers }

    /// What to try next.
    func take() -> Int? {
        next.withLock { next in
            defer { next += 1 }
            return next < numbers.count ? numbers[next] : nil
        }
    }

    /// - Returns: how many are done.
    func note(_ number: Int, _ outcome: Trial.Outcome) -> Int {
        outcomes.withLock { outcomes in
            outcomes[number] = outcome
            return outcomes.count
        }
    }

    var all: [Int: Trial.Outcome] { outcomes.withLock { $0 } }
}

/// How long the tests of each suite take without mutants, two at a time as later; they have to pass.
func usualSeconds(of suites: [String], _ program: URL) throws -> [String: TimeInterval] {
    let trials = Results(Array(suites.indices))
    let usual = Mutex<[String: TimeInterval]>([:])
    let complaints = Mutex<[String]>([])
    DispatchQueue.concurrentPerform(iterations: 2) { _ in
        while let index = trials.take() {
            let suite = suites[index]
            guard let trial = try? Trial(program: program, suite: suite, mutant: nil, limit: 1_200).run()
            else {
                fatalError("\(program.path) cannot be run")
            }
            if trial.outcome != .passed {
                complaints.withLock { $0.append("\(suite) fails without any mutant") }
            } else if trial.tests == 0 {
                complaints.withLock { $0.append("\(suite) is the name of no test") }
            }
            usual.withLock { $0[suite] = trial.seconds }
            tell(
                "without mutants: \(suite): \(trial.tests) tests in \(String(format: "%.1f", trial.seconds)) s"
            )
        }
    }
    let wrong = complaints.withLock { $0 }
    guard wrong.isEmpty else { throw Complaint(wrong.sorted().joined(separator: "\n")) }
    return usual.withLock { $0 }
}

/// - Returns: whether the score is enough.
func run(_ options: Options) throws -> Bool {
    let text = try String(
        contentsOf: options.repository.appending(path: "Tests/Mutants/mutants.txt"), encoding: .utf8)
    let mutants = try Mutant.list(text)
    let planting = Planting(repository: options.repository, mutants: mutants)
    try planting.write()
    let program = try build(planting.copy)

    // What argues that it cannot be seen is not looked for.
    let chosen = mutants.indices.filter { options.takes(mutants[$0], at: $0) }
    guard !chosen.isEmpty else { throw Complaint("no mutant is chosen") }
    let suites = Set(chosen.lazy.filter { mutants[$0].equal == nil }.map { mutants[$0].suite }).sorted()
    let usual = options.isTested ? [:] : try usualSeconds(of: suites, program)
    let limits = usual.mapValues { 10 * $0 + 60 }
    let results = Results(chosen.filter { mutants[$0].equal == nil })
    DispatchQueue.concurrentPerform(iterations: 2) { _ in
        while let index = results.take() {
            let mutant = mutants[index]
            let trial = Trial(
                program: program, suite: mutant.suite, mutant: mutant.number,
                limit: limits[mutant.suite] ?? 600)
            guard let (outcome, seconds, _) = try? trial.run() else {
                fatalError("\(program.path) cannot be run")
            }
            let done = results.note(index, outcome)
            let word =
                switch outcome {
                case .passed: "SURVIVED"
                case .failed: "caught"
                case .ranOut: "caught, out of time"
                }
            tell(
                "\(done)/\(results.numbers.count) \(mutant.id) \(word) after \(String(format: "%.1f", seconds)) s"
            )
        }
    }

    var rows: [String: Row] = [:]
    var survivors: [String] = []
    var isNewsFree = true
    let outcomes = results.all
    for index in chosen {
        let mutant = mutants[index]
        var row = rows[mutant.target] ?? Row()
        row.mutants += 1
        if let reason = mutant.equal {
            row.equal += 1
            survivors.append("equal     \(mutant.id): \(reason)")
        } else if outcomes[index] == .passed {
            row.survived += 1
            isNewsFree = isNewsFree && mutant.open != nil
            let place = "\(mutant.sites[0].file): \(mutant.sites[0].text) → \(mutant.sites[0].change)"
            survivors.append(
                mutant.open.map { "open      \(mutant.id): \($0)" } ?? "SURVIVED  \(mutant.id): \(place)")
        } else {
            row.caught += 1
        }
        rows[mutant.target] = row
    }
    func line(_ name: String, _ row: Row) {
        let counts = [row.mutants, row.caught, row.survived, row.equal].map { String(format: "%9d", $0) }
        print("\(name.padding(toLength: 16, withPad: " ", startingAt: 0))\(counts.joined())  \(row.score)")
    }
    print("target            mutants   caught survived    equal  score")
    for (name, row) in rows.sorted(by: { $0.key < $1.key }) { line(name, row) }
    let total = rows.values.reduce(into: Row()) {
        $0.mutants += $1.mutants
        $0.caught += $1.caught
        $0.survived += $1.survived
        $0.equal += $1.equal
    }
    line("total", total)
    for survivor in survivors.sorted() { print(survivor) }
    if 10 * total.equal > mutants.count { throw Complaint("more than one in ten is said to be equal") }
    // Of a share the score says little: what counts there is that nothing survives that is not known to.
    if options.share.1 > 1 { return isNewsFree }
    return rows.values.allSatisfy(\.isEnough) && 100 * total.caught >= 95 * (total.caught + total.survived)
}

do {
    let options = try Options(Array(CommandLine.arguments.dropFirst()))
    if let draw = options.draw {
        var drawing = try Draw(seed: draw.seed, repository: options.repository)
        for line in drawing.lines(draw.count) { print(line) }
    } else {
        exit(try run(options) ? 0 : 1)
    }
} catch {
    tell("\(error)")
    exit(error is Complaint ? 64 : 74)
}
