import Foundation
import Testing

@testable import millrace

/// What a shell allows a program: less memory, smaller files, fewer threads. One line, an exit code, nothing destroyed.
struct SystemLimitTests {
    private let program: BuiltProgram
    private let village = BuiltProgram.shipped("village.yaml")

    init() throws { program = try BuiltProgram() }

    @Test func `a network larger than 'ulimit -v' is refused before it is made`() throws {
        let large = try program.write(
            "millrace: 1\ngenerate: {kind: ring, nodes: 10_000_000}\n", to: "large.yaml")
        let outcome = try program.run(["run", large], limit: "-v 2000000")
        #expect(outcome.code == 65)
        #expect(
            outcome.errors.contains(
                ":2: 'nodes': a run of 10,000,000 nodes and 10,000,000 channels would take"))
        #expect(outcome.errors.contains("'ulimit -v' leaves"))
        #expect(outcome.errors.split(separator: "\n").count == 1)
    }

    @Test func `a file that may not grow is a failure to write`() throws {
        let outcome = try program.run(["run", village, "--out", "out", "--quiet"], limit: "-f 300")
        #expect(outcome.code == 74)
        #expect(outcome.errors.hasPrefix("millrace: out/run.sqlite: "))
        #expect(outcome.errors.contains("'ulimit -f' allows files of"))
        #expect(outcome.errors.split(separator: "\n").count == 1)
    }

    @Test func `more threads than processors are not made, and change nothing`() throws {
        let plain = try program.run(["run", village, "--payments", "500", "--out", "a", "--quiet"])
        let many = try program.run(
            ["run", village, "--payments", "500", "--out", "b", "--quiet", "--threads", "1024"])
        #expect((plain.code, many.code) == (0, 0))
        #expect(many.errors.hasPrefix("millrace: --threads 1024: "))
        #expect(many.errors.split(separator: "\n").count == 1)
        #expect(try program.read("a/income.csv") == program.read("b/income.csv"))
    }

    @Test func `a payment rate that no memory bears is refused`() throws {
        let outcome = try program.run([
            "run",
            try program.write(
                """
                millrace: 1
                nodes: [alice, bob]
                channels: [{from: alice, to: bob, capacity_sat: 1_000_000}]
                traffic: [{rate_per_second: 1_000_000_000, amount_sat: 1}]
                """, to: "fast.yaml"),
        ])
        #expect(outcome.code == 65)
        #expect(
            outcome.errors.hasPrefix(
                "millrace: fast: about 2,080,000,000 payments would be under way at once"))
    }

    @Test func `an error says nothing that a terminal would obey`() throws {
        let outcome = try program.run(["run", "a\u{1B}[2J\u{202E}b.yaml"])
        #expect(outcome.code == 74)
        #expect(outcome.errors == "millrace: a\\u{1b}[2J\\u{202e}b.yaml: no such file\n")
    }

    @Test func `memory that is not there is exit code 74`() async {
        await #expect(processExitsWith: .exitCode(74)) {
            unsetenv("SWIFT_BACKTRACE")
            InvariantTrap.install()
            fatalError("no memory left")
        }
    }
}

extension BuiltProgram {
    /// Runs it in a shell under a `ulimit`.
    fileprivate func run(_ arguments: [String], limit: String) throws -> Outcome {
        try run(arguments, under: "ulimit \(limit); exec \"$0\" \"$@\"")
    }
}
