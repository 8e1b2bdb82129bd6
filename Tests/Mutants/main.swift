// Plants the faults of a list into a copy of the package, builds it once and has the tests find each. What it can do is
// told in `scripts/mutants`, which builds and calls it.
import Dispatch
import Foundation

struct Options {
    var repository = URL(filePath: FileManager.default.currentDirectoryPath)
    var target: String?
    var only: [String] = []
    var share = (1, 1)
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
final class Results: @unchecked Sendable {
    private let lock = NSLock()
    private var outcomes: [Int: Trial.Outcome] = [:]
    private var next = 0
    let numbers: [Int]

    init(_ numbers: [Int]) { self.numbers = numbers }

    func take() -> Int? {
        lock.withLock {
            defer { next += 1 }
            return next < numbers.count ? numbers[next] : nil
        }
    }

    func note(_ number: Int, _ outcome: Trial.Outcome) -> Int {
        lock.withLock {
            outcomes[number] = outcome
            return outcomes.count
        }
    }

    var all: [Int: Trial.Outcome] { lock.withLock { outcomes } }
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
    var usual: [String: TimeInterval] = [:]
    let suites = Set(chosen.lazy.filter { mutants[$0].equal == nil }.map { mutants[$0].suite })
    for suite in suites.sorted() {
        let trial = try Trial(program: program, suite: suite, mutant: nil, limit: 1200).run()
        guard trial.outcome == .passed else { throw Complaint("\(suite) fails without any mutant") }
        guard trial.tests > 0 else { throw Complaint("\(suite) is the name of no test") }
        usual[suite] = trial.seconds
        tell("without mutants: \(suite): \(trial.tests) tests in \(String(format: "%.1f", trial.seconds)) s")
    }

    let limits = usual.mapValues { 10 * $0 + 60 }
    let results = Results(chosen.filter { mutants[$0].equal == nil })
    DispatchQueue.concurrentPerform(iterations: 2) { _ in
        while let index = results.take() {
            let mutant = mutants[index]
            let trial = Trial(
                program: program, suite: mutant.suite, mutant: index + 1, limit: limits[mutant.suite] ?? 60)
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
            survivors.append("SURVIVED  \(mutant.id): \(mutant.file): \(mutant.text) → \(mutant.change)")
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
