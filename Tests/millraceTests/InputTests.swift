import Foundation
import Testing

/// What the commands read, as the shell sees it: files that cannot be read, options about them that have no effect,
/// and the copies a run keeps.
struct InputTests {
    private let program: BuiltProgram
    private let triangle = BuiltProgram.shipped("triangle.yaml")

    init() throws { program = try BuiltProgram() }

    private func millrace(_ arguments: String..., input: String = "") throws -> BuiltProgram.Outcome {
        try program.run(arguments, input: input)
    }

    private static let keys = (1...3).map { "02" + String(repeating: "0", count: 63) + "\($0)" }

    /// Two nodes and a channel, with policies both ways or one.
    private static func describegraph(bothWays: Bool = true) -> String {
        let policy = #"{"time_lock_delta": 40, "fee_base_msat": "1", "fee_rate_milli_msat": "1"}"#
        return """
            {"nodes": [{"pub_key": "\(keys[0])", "alias": "one"}, {"pub_key": "\(keys[1])", "alias": "two"}],
             "edges": [{"channel_id": "123", "capacity": "1000000", "node1_pub": "\(keys[0])",
                        "node2_pub": "\(keys[1])", "node1_policy": \(policy),
                        "node2_policy": \(bothWays ? policy : "null")}]}
            """
    }

    private static let listchannels: String = {
        let directions = [(0, 1), (1, 0)].map { from, to in
            """
            {"source": "\(keys[from])", "destination": "\(keys[to])", "short_channel_id": "1x1x1",
             "amount_msat": 1000000000, "active": true, "base_fee_millisatoshi": 1, "fee_per_millionth": 1,
             "delay": 40}
            """
        }
        return "{\"channels\": [\(directions.joined(separator: ","))]}"
    }()

    private static let listnodes =
        #"{"nodes": [{"nodeid": "\#(keys[0])", "alias": "one"}, {"nodeid": "\#(keys[1])", "alias": "two"}]}"#

    private static let trace =
        "time_seconds,source,destination,amount_msat\n0.25,one,two,1000000\n1.5,two,one,250000\n"

    @Test func `a path of one letter is a path`() throws {
        _ = try program.write(try String(contentsOfFile: triangle, encoding: .utf8), to: "x")
        let run = try millrace("run", "x", "--payments", "5", "--quiet")
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.output.contains("Run directory  runs/x-1\n"))
        let missing = try millrace("inspect", "y")
        #expect((missing.code, missing.errors) == (74, "millrace: y: no such file\n"))
        _ = try program.write("time_seconds,source,destination,amount_msat\n1,alice,bob,5000\n", to: "t")
        #expect(try millrace("run", "x", "--trace", "t", "--quiet").code == 0)
        _ = try program.write("millrace: 1\ngraph: {format: lnd, file: g}\n", to: "w")
        #expect(try millrace("inspect", "w").errors == "millrace: w:2: 'file': 'g': no such file\n")
    }

    @Test func `a path that names no file of text says what it is`() throws {
        #expect(try millrace("inspect", "").errors == "millrace: '': no such file\n")
        #expect(try millrace("inspect", ".").errors == "millrace: . is a directory; name a file in it\n")
        #expect(
            try millrace("inspect", triangle + "/x").errors.hasSuffix("cannot be read: Not a directory\n"))
        let out = try millrace("run", triangle, "--out", "")
        #expect(out.code == 64 && out.errors.contains("--out names a directory"), "\(out.errors)")
        _ = try program.write("", to: "file")
        let file = try millrace("run", triangle, "--out", "file")
        #expect(file.code == 74)
        #expect(
            file.errors == "millrace: file: cannot make this directory: a file of this name stands there\n")
    }

    @Test func `what never ends is not read to its end`() throws {
        let zeros = try millrace("inspect", "/dev/zero")
        #expect(zeros.code == 65 && zeros.errors.contains("control character"), "\(zeros.errors)")
        #expect(try millrace("inspect", "/dev/urandom").code == 65)
        let zero = try #require(FileHandle(forReadingAtPath: "/dev/zero"))
        #expect(try program.run(["inspect", "-"], standardInput: zero).code == 65)
        let endless = Process()
        let pipe = Pipe()
        endless.executableURL = URL(fileURLWithPath: "/usr/bin/yes")
        endless.arguments = ["a: b"]
        endless.standardOutput = pipe
        endless.standardError = FileHandle.nullDevice
        try endless.run()
        defer { endless.terminate() }
        let outcome = try program.run(["inspect", "-"], standardInput: pipe.fileHandleForReading)
        #expect(outcome.code == 65)
        #expect(
            outcome.errors
                == "millrace: standard input: longer than 64 MiB, the most a file of this kind may have\n")
    }

    @Test func `standard input is the topology alone`() throws {
        for option in ["--nodes", "--trace"] {
            for topology in ["-", triangle] {
                let outcome = try millrace("run", topology, option, "-")
                #expect(outcome.code == 64)
                #expect(outcome.errors.contains("\(option) reads no standard input"), "\(outcome.errors)")
            }
        }
    }

    @Test func `an option that would change nothing is refused by name`() throws {
        let lnd = try program.write(Self.describegraph(), to: "lnd.json")
        let names = try program.write(Self.listnodes, to: "names.json")
        let village = BuiltProgram.shipped("village.yaml")
        for arguments in [
            ["inspect", triangle, "--nodes", names], ["inspect", lnd, "--nodes", names],
            ["inspect", triangle, "--channels-without-policy", "drop"],
            ["run", triangle, "--balance-rule", "even"], ["stress", village, "--balance-rule", "even"],
            [
                "route", triangle, "--from", "alice", "--to", "bob", "--amount-msat", "1", "--balances",
                "--balance-rule", "even",
            ],
        ] {
            let outcome = try program.run(arguments)
            let option = try #require(arguments.last { $0.hasPrefix("--") })
            #expect(
                outcome.code == 64 && outcome.errors.hasPrefix("millrace: \(option)"), "\(outcome.errors)")
        }
        #expect(try millrace("inspect", lnd, "--channels-without-policy", "drop").code == 0)
        #expect(try millrace("run", lnd, "--balance-rule", "even", "--payments", "5").code == 0)
    }

    @Test func `a graph in which nobody can pay anybody back has no traffic to assume`() throws {
        let graph = try program.write(Self.describegraph(bothWays: false), to: "oneway.json")
        for command in ["run", "stress"] {
            let outcome = try millrace(command, graph)
            #expect(outcome.code == 65)
            #expect(
                outcome.errors.contains("no two nodes of this graph can pay each other"), "\(outcome.errors)")
            #expect(outcome.errors.contains("--trace FILE.csv"))
        }
        #expect(try millrace("inspect", graph).code == 0)
        let trace = try program.write(
            "time_seconds,source,destination,amount_msat\n1,one,two,1000\n", to: "t.csv")
        #expect(try millrace("run", graph, "--trace", trace).code == 0)
    }

    /// Files to write, and what to run over them.
    struct Story: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var topology: String
        var arguments: [String]
        var isPiped = false
    }

    static let stories = [
        Story(
            testDescription: "lnd's graph and a trace",
            topology: "millrace: 1\ngraph: {format: lnd, file: g.json}\ntrace: t.csv\n", arguments: ["t.yaml"]
        ),
        Story(
            testDescription: "Core Lightning's graph, its names and a trace, all of one name",
            topology:
                "millrace: 1\ngraph: {format: cln, file: a/x, nodes: b/x}\ntrace: c/x\n",
            arguments: ["t.yaml"]),
        Story(
            testDescription: "names and a trace by option",
            topology: "millrace: 1\ngraph: {format: cln, file: a/x}\n",
            arguments: ["t.yaml", "--nodes", "b/x", "--trace", "c/x"]),
        Story(
            testDescription: "a raw graph", topology: describegraph(),
            arguments: ["t.yaml", "--payments", "9"]),
        Story(
            testDescription: "standard input that names files",
            topology: "millrace: 1\ngraph: {format: lnd, file: g.json}\ntrace: t.csv\n", arguments: ["-"],
            isPiped: true),
        Story(
            testDescription: "a raw graph on standard input", topology: listchannels,
            arguments: ["-", "--nodes", "b/x", "--payments", "9"], isPiped: true),
    ]

    @Test(arguments: stories)
    func `a run can be verified and resumed when the files it was made from are gone`(story: Story) throws {
        let files = [
            ("g.json", Self.describegraph()), ("t.csv", Self.trace), ("a/x", Self.listchannels),
            ("b/x", Self.listnodes), ("c/x", Self.trace), ("t.yaml", story.topology),
        ]
        for (name, text) in files { _ = try program.write(text, to: name) }
        let run = try program.run(
            ["run", "--out", "out", "--quiet"] + story.arguments, input: story.isPiped ? story.topology : "")
        #expect(run.code == 0, "\(run.errors)")
        for name in ["g.json", "t.csv", "a", "b", "c", "t.yaml"] { try program.remove(name) }
        let verified = try millrace("verify", "out", "--quiet")
        #expect(verified.code == 0, "\(verified.errors)")
        // As a killed run leaves it.
        let manifest = try program.read("out/manifest.json")
        let killed = manifest.replacing("\"status\": \"complete\"", with: "\"status\": \"incomplete\"")
            .replacing(/"digest": "[0-9a-f]+"/, with: "\"digest\": null")
        #expect(killed != manifest)
        _ = try program.write(killed, to: "out/manifest.json")
        let resumed = try millrace("run", "--resume", "out", "--quiet")
        #expect(resumed.code == 0, "\(resumed.errors)")
        #expect(try program.read("out/manifest.json") == manifest)
    }
}
