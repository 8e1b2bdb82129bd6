import Foundation
import Testing

@testable import millrace

/// What the shell sees: the built program, run in an empty directory.
struct CommandTests {
    private let program: BuiltProgram
    private var directory: URL { program.directory }

    init() throws { program = try BuiltProgram() }

    private func millrace(_ arguments: String..., input: String = "") throws -> BuiltProgram.Outcome {
        try program.run(arguments, input: input)
    }

    private func millrace(_ arguments: [String], input: String = "") throws -> BuiltProgram.Outcome {
        try program.run(arguments, input: input)
    }

    private let triangle = BuiltProgram.shipped("triangle.yaml")

    @Test func `run prints a table, a digest and where the run directory is`() throws {
        let outcome = try millrace("run", triangle, "--payments", "50")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("What the nodes earned, in satoshis"))
        #expect(outcome.output.contains("not a forecast"))
        #expect(outcome.output.contains("Run directory  runs/triangle-1\n"))
        #expect(!outcome.output.contains("\u{1B}"))
        let files = try FileManager.default.contentsOfDirectory(
            atPath: directory.appendingPathComponent("runs/triangle-1").path)
        #expect(
            files.sorted() == [
                "income.csv", "input", "manifest.json", "report.txt", "result.json", "run.sqlite",
                "wall.json",
            ])
    }

    @Test func `run's JSON has the keys that are promised`() throws {
        let outcome = try millrace("run", triangle, "--payments", "50", "--json", "--seed", "3", "--quiet")
        #expect(outcome.code == 0)
        #expect(outcome.errors.isEmpty)
        let document = try outcome.json()
        let promised = [
            "digest", "seed", "threads", "signatures", "events", "messages", "simulated_seconds",
            "wall_seconds",
            "loading_seconds", "payments", "failures", "attempts", "mean_hops", "fees_paid_msat",
            "fees_earned_msat", "income", "primitives",
        ]
        #expect(Set(promised).subtracting(document.keys).isEmpty)
        #expect(document["seed"] as? Int == 3)
        #expect(document["run_directory"] as? String == "runs/triangle-3")
        let payments = try #require(document["payments"] as? [String: Any])
        #expect(payments["attempted"] as? Int == 50)
        #expect(Set(payments.keys) == ["attempted", "routable", "settled", "failed"])
        let income = try #require(document["income"] as? [[String: Any]])
        #expect(income.count == 3)
        #expect(
            Set(income[0].keys) == [
                "node", "alias", "forwards", "volume_msat", "routing_fees_msat", "fees_paid_msat",
                "onchain_fees_msat", "penalties_msat", "principal_msat", "net_msat", "capital_msat",
                "apr_gross", "apr_net",
            ])
    }

    @Test func `a file and the same bytes piped in are the same run`() throws {
        let file = try millrace("run", triangle, "--payments", "50", "--json", "--signatures", "eager").json()
        let text = try String(contentsOfFile: triangle, encoding: .utf8)
        let piped = try millrace("run", "-", "--payments", "50", "--json", input: text).json()
        #expect(file["digest"] as? String == piped["digest"] as? String)
        #expect(file["signatures"] as? String == "eager")
    }

    @Test func `exactly so many payments start, however long that takes, unless a duration comes first`()
        throws
    {
        // The file's four hours have about 320.
        func attempted(_ options: String...) throws -> Int? {
            let document = try millrace(["run", triangle, "--json"] + options).json()
            return (document["payments"] as? [String: Any])?["attempted"] as? Int
        }
        #expect(try attempted("--payments", "1000") == 1_000)
        #expect(
            try attempted("--payments", "1000", "--duration", "1h").map { (40...120).contains($0) } == true)
        #expect(try attempted("--rate", "1", "--duration", "100s").map { (60...140).contains($0) } == true)
    }

    @Test func `stress's JSON has the shape that is promised`() throws {
        let document = try millrace(
            "stress", triangle, "--payments", "40", "--steps", "3", "--rate", "0.1:10", "--json"
        ).json()
        #expect(Set(document.keys) == ["network", "simulator"])
        let network = try #require(document["network"] as? [String: Any])
        #expect(Set(network.keys) == ["steps", "knee_per_second", "verdict"])
        let steps = try #require(network["steps"] as? [[String: Any]])
        #expect(steps.map { $0["offered_per_second"] as? Double } == [0.1, 1, 10])
        let promised = ["offered_per_second", "settled_per_second", "success", "latency_ms"]
        #expect(Set(promised).isSubset(of: steps[0].keys))
        #expect(Set((steps[0]["latency_ms"] as? [String: Any] ?? [:]).keys) == ["p50", "p90", "p99"])
        let simulator = try #require(document["simulator"] as? [[String: Any]])
        #expect(
            Set(simulator[0].keys) == [
                "threads", "payments_per_second", "events_per_second", "messages_per_second",
                "signatures_per_second",
            ])
    }

    @Test func `run tells on standard error what the log level asks for, and nothing else by default`() throws
    {
        let arguments = ["run", triangle, "--duration", "3h", "--checkpoint-every", "1ms"]
        #expect(!(try millrace(arguments + ["--quiet"]).errors.contains("millrace: info")))
        let info = try millrace(arguments + ["--log-level", "info"]).errors
        #expect(info.contains("millrace: info: triangle is read: ") && info.contains("; writing"))
        #expect(!info.contains("millrace: debug") && !info.contains("millrace: trace"))
        let trace = try millrace(arguments + ["--log-level", "trace"])
        #expect(trace.errors.contains("millrace: trace: hour 0: "))
        let wrong = try millrace("run", triangle, "--log-level", "loud")
        #expect(wrong.code == 64 && wrong.errors.contains("trace"))
    }

    /// A hub that carries so few HTLCs at once that this is what gives way first.
    @Test func `stress finds the knee without a ladder, and names what gives way`() throws {
        let spokes = (1...6).map {
            "  - {from: s\($0), to: hub, capacity_sat: 90_000_000, standing: true, balance_sat: 45_000_000}"
        }
        let text = """
            millrace: 1
            defaults: {max_accepted_htlcs: 12}
            nodes: [hub, s1, s2, s3, s4, s5, s6]
            channels:
            \(spokes.joined(separator: "\n"))
            traffic:
              - {from: [s1, s2, s3, s4, s5], to: s6, rate_per_second: 1, amount_sat: 1_000}
            """
        let place = directory.appendingPathComponent("hub.yaml")
        try Data(text.utf8).write(to: place)
        let document = try millrace("stress", place.path, "--payments", "1000", "--json").json()
        let network = try #require(document["network"] as? [String: Any])
        let verdict = try #require(network["verdict"] as? String)
        #expect(verdict.contains("HTLC slots of") && verdict.contains("around hub"), "\(verdict)")
        let steps = try #require(network["steps"] as? [[String: Any]])
        let loads = steps.compactMap { $0["offered_per_second"] as? Double }
        #expect(loads == loads.sorted() && loads.count == 15)
        // Known within 4 %.
        let knee = try #require(network["knee_per_second"] as? Double)
        let next = try #require(loads.first { $0 > knee })
        #expect(next / knee < 1.04, "\(knee) \(next)")
        let failing = try #require(steps.first { $0["offered_per_second"] as? Double == next })
        #expect(failing["htlc_slots_max"] as? Int == 12 && failing["htlc_slots_limit"] as? Int == 12)
        let saturated = try #require(failing["saturated"] as? [[String: Any]])
        #expect(saturated.allSatisfy { ($0["refusals"] as? Int ?? 0) > 0 && $0["peer"] is String })
        #expect(failing["locked_msat_max"] as? Int ?? 0 > 0)
    }

    @Test func `every step of stress starts with all channels open, whenever the run opens or closes them`()
        throws
    {
        let text = """
            millrace: 1
            duration: 30h
            nodes: [a, b, c]
            channels:
              - {from: a, to: b, capacity_sat: 1_000_000, closes_at: 1m}
              - {from: b, to: c, capacity_sat: 1_000_000, opens_at: 20h}
            traffic:
              - {from: a, to: c, rate_per_hour: 60, amount_sat: 1_000}
            """
        let place = directory.appendingPathComponent("late.yaml")
        try Data(text.utf8).write(to: place)
        let arguments = ["stress", place.path, "--payments", "300", "--rate", "1:10", "--steps", "2"]
        let network = try #require(try millrace(arguments + ["--json"]).json()["network"] as? [String: Any])
        let steps = try #require(network["steps"] as? [[String: Any]])
        #expect(steps.map { $0["success"] as? Double } == [1, 1])
        let report = try millrace(arguments).output
        #expect(
            report.contains(
                "Balances   2 channels that a run opens, open here from the beginning, on the funder's side but for"
            ))
    }

    @Test func `route names every hop, and its JSON adds up`() throws {
        let text = try millrace(
            "route", triangle, "--from", "alice", "--to", "bob", "--amount-msat", "250000")
        #expect(text.code == 0)
        #expect(text.output.hasPrefix("alice → bob, 250 sat: 1 channel, fee 0 sat (0.000 %)"))
        let document = try millrace(
            "route", triangle, "--from", "alice", "--to", "carol", "--amount-msat", "600000000", "--json"
        ).json()
        let route = try #require(document["route"] as? [String: Any])
        let hops = try #require(route["hops"] as? [[String: Any]])
        #expect(hops.map { $0["from"] as? String } == ["alice", "bob"])
        // 1 sat and 500 millionths.
        #expect(route["fee_msat"] as? Int == 301_000)
        #expect(hops.map { $0["amount_msat"] as? Int } == [600_301_000, 600_000_000])
    }

    @Test func `route without an answer says so and is no failure`() throws {
        let query = ["route", triangle, "--from", "alice", "--to", "carol", "--amount-msat", "60000000000"]
        let text = try millrace(query)
        #expect(text.code == 0)
        #expect(text.output.contains("no route"))
        let document = try millrace(query + ["--json"]).json()
        #expect(document["route"] is NSNull)
        #expect(document["reason"] as? String == "no_route")
    }

    @Test func `route looks at balances only when asked`() throws {
        // Carol owns 100,000 sat of her channel with Alice and 500,000 of the one with Bob.
        let unseen = try millrace(
            "route", triangle, "--from", "carol", "--to", "alice", "--amount-msat", "300000000")
        #expect(unseen.output.contains("1 channel,"))
        let seen = try millrace(
            "route", triangle, "--from", "carol", "--to", "alice", "--amount-msat", "300000000", "--balances")
        #expect(seen.output.contains("2 channels,"))
    }

    private func write(_ text: String, to name: String) throws -> String {
        try program.write(text, to: name)
    }

    @Test(arguments: [1, 2])
    func `route answers a file of queries in its order, further columns ignored`(threads: Int) throws {
        var rows = "source,destination,amount_msat,fee_msat\n"
        for _ in 0..<100 {
            rows += "alice,carol,600000000,1\ncarol,bob,1000,2\n\"alice\",bob,60000000000,3\nbob,bob,5,4\n"
        }
        let query = [
            "route", triangle, "--queries", try write(rows, to: "queries.csv"), "--threads", "\(threads)",
        ]
        let table = try millrace(query)
        #expect(table.code == 0, "\(table.errors)")
        let lines = table.output.split(separator: "\n")
        #expect(lines.count == 401)
        #expect(lines[0] == "source,destination,amount_msat,fee_msat,hops,microseconds")
        #expect(lines[397].hasPrefix("alice,carol,600000000,301000,2,"))
        #expect(lines[399].hasPrefix("alice,bob,60000000000,,,"))
        let document = try millrace(query + ["--json"]).json()
        let answers = try #require(document["queries"] as? [[String: Any]])
        #expect(answers.count == 400)
        #expect(answers[4]["fee_msat"] as? Int == 301_000)
        #expect(answers[3]["fee_msat"] is NSNull)
        let summary = try #require(document["summary"] as? [String: Any])
        #expect(summary["queries"] as? Int == 400)
        #expect(summary["routable"] as? Int == 200)
        #expect(try #require(summary["median_us"] as? Double) > 0)
    }

    @Test(arguments: [
        ("source,destination,amount\n", "expected the header source,destination,amount_msat"),
        ("source,destination,amount_msat\n", "and queries under it"),
        ("", "expected the header"),
        ("source,destination,amount_msat\nalice,bob\n", "queries.csv:2: 2 fields"),
        ("source,destination,amount_msat\nalice,bbo,1\n", "queries.csv:2: destination: unknown node 'bbo'"),
        ("source,destination,amount_msat\nalice,bob,0\n", "amount_msat: expected a whole number"),
        ("source,destination,amount_msat\nalice,bob,1e3\n", "amount_msat: expected a whole number"),
    ])
    func `a wrong file of queries is code 65 and a line number`(text: String, message: String) throws {
        let outcome = try millrace("route", triangle, "--queries", try write(text, to: "queries.csv"))
        #expect(outcome.code == 65)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.contains(message), "\(outcome.errors)")
    }

    @Test func `inspect counts`() throws {
        let document = try millrace("inspect", triangle, "--json").json()
        #expect((document["nodes"] as? [String: Any])?["total"] as? Int == 3)
        #expect((document["channels"] as? [String: Any])?["without_policy"] as? Int == 0)
        #expect(try millrace("inspect", triangle).output.contains("4,500,000 sat"))
    }

    @Test(arguments: [
        (["rnu", "x.yaml"], "no command 'rnu'; did you mean 'run'?"),
        (["frobnicate"], "no command 'frobnicate'; there are run, verify, stress, inspect, route"),
        (["run"], "Missing expected argument '<topology>'"),
        (["run", "x.yaml", "--paymets", "3"], "Did you mean '--payments'?"),
        (["run", "x.yaml", "--payments", "0"], "'--payments <count>'"),
        (["run", "x.yaml", "--payments", "-1"], "--payments"),
        (["run", "x.yaml", "--rate", "nan"], "'--rate <rate>'"),
        (["run", "x.yaml", "--duration", "7"], "'--duration <time>': expected a time with its unit"),
        (["run", "x.yaml", "--threads", "-2"], "from 1 to 1024"),
        (["run", "x.yaml", "--out", ""], "--out"),
        (["run", "x.yaml", "--amount-sat", "5:4"], "--amount-sat"),
        (["run", "x.yaml", "--rate", "1", "--trace", "t.csv"], "exclude each other"),
        (["stress", "x.yaml", "--rate", "10:1"], "--rate"),
        (["stress", "x.yaml", "--steps", "1"], "expected a whole number from 2 to 100"),
        (["route", "x.yaml", "--from", "a", "--to", "b"], "--amount-msat"),
        (["route", "x.yaml", "--queries", "q.csv", "--from", "a"], "exclude each other"),
        (
            ["route", "x.yaml", "--from", "a", "--to", "b", "--amount-msat", "1", "--threads", "2"],
            "--queries"
        ),
        (["route", "x.yaml", "--from", "a", "--to", "b", "--amount-msat", "1", "--seed", "2"], "--balances"),
    ])
    func `refuses a wrong command line with one line and code 64`(arguments: [String], message: String) throws
    {
        let outcome = try millrace(arguments)
        #expect(outcome.code == 64)
        #expect(outcome.output.isEmpty)
        #expect(
            outcome.errors.hasPrefix("millrace: ") && outcome.errors.contains(message), "\(outcome.errors)")
        #expect(outcome.errors.split(separator: "\n").count == 1)
    }

    @Test func `the warm-up can be changed, and must leave something`() throws {
        let village = BuiltProgram.shipped("village.yaml")
        let outcome = try millrace("run", village, "--duration", "12h", "--warmup", "10h")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("after a warm-up of 10 h"))
        let refused = try millrace("run", village, "--duration", "1h")
        #expect(refused.code == 64)
        #expect(refused.errors.contains("the warm-up of 6h leaves nothing of the duration of 1h"))
    }

    @Test func `a node asked for is shown whatever it earned`() throws {
        let village = BuiltProgram.shipped("village.yaml")
        let outcome = try millrace(
            "run", village, "--payments", "50", "--warmup", "0s", "--top", "1", "--show", "polly")
        let rows = outcome.output.split(separator: "\n").filter { $0.contains(" % ") }
        #expect(rows.contains { $0.hasPrefix("polly ") })
        #expect(outcome.output.contains("… 28 other nodes"))
        let refused = try millrace("run", village, "--show", "poly")
        #expect(refused.code == 64)
        #expect(refused.errors.contains("did you mean 'polly'?"))
    }

    @Test func `a file where a command belongs is told what to type`() throws {
        let outcome = try millrace(triangle)
        #expect(outcome.code == 64)
        #expect(outcome.errors == "millrace: a command comes first: millrace run \(triangle)\n")
    }

    @Test func `a missing file is code 74, with the nearest name`() throws {
        let outcome = try millrace("run", BuiltProgram.shipped("triangel.yaml"))
        #expect(outcome.code == 74)
        #expect(outcome.errors.contains("no such file; did you mean \(triangle)?"))
        #expect(try millrace("run", directory.path).code == 74)
        #expect(try millrace("run", triangle, "--trace", "nowhere.csv").code == 74)
    }

    @Test(arguments: ["", "millrace: 2\n", "nodes: [", "{\"nodes\": 3}", "\u{1F}"])
    func `a bad file is code 65 and one line`(text: String) throws {
        let outcome = try millrace("run", "-", input: text)
        #expect(outcome.code == 65)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.split(separator: "\n").count == 1)
        #expect(!FileManager.default.fileExists(atPath: directory.appendingPathComponent("runs").path))
    }

    @Test func `a listchannels without channels is told from a file that is none`() throws {
        let outcome = try millrace("inspect", "-", input: "{\"channels\": []}")
        #expect(outcome.code == 65)
        #expect(outcome.errors.hasPrefix("millrace: standard-input:1: 'channels' is empty"))
        let other = try millrace("inspect", "-", input: "{\"channels\": [{\"a\": 1}]}")
        #expect(other.errors.contains("neither a topology"))
    }

    @Test func `a run that would never end is told as much before it begins`() throws {
        _ = try program.write("", to: "full/file")
        let long = try millrace("run", triangle, "--rate", "1000000", "--duration", "1000h", "--out", "full")
        // The directory is refused, so that nobody waits for it.
        #expect(long.code == 64)
        #expect(
            long.errors.hasPrefix("millrace: warning: this run has about 3,600,000,000,000 payments, "),
            "\(long.errors)")
        let short = try millrace("run", triangle, "--rate", "1000000", "--payments", "9", "--out", "full")
        #expect(!short.errors.contains("warning"))
    }

    @Test func `a compressed file is told how to be piped`() throws {
        let file = directory.appendingPathComponent("graph.json.gz")
        try Data([0x1F, 0x8B, 8, 0]).write(to: file)
        let outcome = try millrace("run", "graph.json.gz")
        #expect(outcome.code == 65)
        #expect(outcome.errors.contains("gunzip -c"))
    }

    @Test func `a directory that is not empty is refused`() throws {
        #expect(try millrace("run", triangle, "--payments", "5", "--out", "here").code == 0)
        let again = try millrace("run", triangle, "--payments", "5", "--out", "here")
        #expect(again.code == 64)
        #expect(again.errors == "millrace: here is not empty; name a new or empty directory with --out\n")
    }

    @Test func `help and version go to standard output`() throws {
        #expect(try millrace("--version").output == "millrace \(Millrace.version)\n")
        for command in ["run", "stress", "inspect", "route"] {
            let help = try millrace(command, "--help")
            #expect(help.code == 0)
            #expect(help.output.contains("USAGE: millrace \(command)"))
        }
    }

    @Test func `a directory of CLoTH's tables runs, and replays when it is gone`() throws {
        let tables = directory.appendingPathComponent("net")
        try FileManager.default.createDirectory(at: tables, withIntermediateDirectories: true)
        let contents = [
            "nodes_ln.csv": "id\n0\n1\n2\n",
            "channels_ln.csv":
                "id,edge1_id,edge2_id,node1_id,node2_id,capacity\n0,0,1,0,1,5000000000\n1,2,3,2,1,2000000000\n",
            "edges_ln.csv": """
            id,channel_id,counter_edge_id,from_node_id,to_node_id,balance,fee_base,fee_proportional,min_htlc,timelock
            0,0,1,0,1,2500000000,1000,1,1000,144
            1,0,0,1,0,2500000000,1000,1,1000,144
            2,1,3,2,1,1000000000,0,1,1000,144
            3,1,2,1,2,1000000000,1000,1,1000,144
            """,
        ]
        for (name, text) in contents {
            try Data(text.utf8).write(to: tables.appendingPathComponent(name))
        }
        // What is wrong with a table is told with where it lies, by whichever command reads it.
        let edges = tables.appendingPathComponent("edges_ln.csv")
        let rich = try #require(contents["edges_ln.csv"]).replacing("0,1,2500000000", with: "0,1,5000000001")
        try Data(rich.utf8).write(to: edges)
        for command in ["run", "inspect", "import"] {
            let refused = try millrace(command, "net")
            #expect(refused.code == 65)
            #expect(
                refused.errors
                    == "millrace: net/edges_ln.csv:2: balance: 5000000001 msat; the capacity of its channel is 5000000000 msat\n"
            )
        }
        try FileManager.default.removeItem(at: edges)
        for command in ["run", "inspect", "import"] {
            let refused = try millrace(command, "net")
            #expect(refused.code == 74)
            #expect(
                refused.errors
                    == "millrace: net lacks edges_ln.csv; CLoTH's network is nodes_ln.csv, channels_ln.csv, edges_ln.csv\n"
            )
        }
        try Data(try #require(contents["edges_ln.csv"]).utf8).write(to: edges)
        let run = try millrace("run", "net", "--payments", "20", "--out", "out", "--quiet")
        #expect(run.code == 0, "\(run.errors)")
        try FileManager.default.removeItem(at: tables)
        let replay = try millrace("verify", "out")
        #expect(replay.code == 0, "\(replay.errors)")
    }

    @Test func `an imported graph runs to the same digest as the graph itself`() throws {
        let graph = """
            <graphml><graph edgedefault="undirected"><node id="a"/><node id="b"/><node id="c"/>
            <edge source="a" target="b"/><edge source="b" target="c"/></graph></graphml>
            """
        func digest(_ arguments: [String], input: String) throws -> String {
            let run = try millrace(
                ["run"] + arguments + ["--payments", "30", "--json", "--quiet"], input: input)
            #expect(run.code == 0, "\(run.errors)")
            return try #require(try run.json()["digest"] as? String)
        }
        let imported = try millrace("import", "graphml", "-", input: graph)
        #expect(imported.code == 0, "\(imported.errors)")
        #expect(try digest(["-"], input: graph) == digest(["-"], input: imported.output))
        #expect(try millrace("import", "graphmk", "-", input: graph).code == 64)
        #expect(try millrace("import", "lnd", "-", input: graph).code == 65)
        #expect(try millrace("import", triangle).code == 65)
    }

    @Test func `generate writes a topology that inspect reads`() throws {
        let generated = try millrace("generate", "ring", "--nodes", "12", "--capacity-sat", "5000")
        #expect(generated.code == 0, "\(generated.errors)")
        let inspected = try millrace(["inspect", "-", "--json"], input: generated.output)
        #expect(inspected.code == 0, "\(inspected.errors)")
        let wrong = try millrace("generate", "ring", "--hubs", "2")
        #expect(wrong.code == 64)
        #expect(wrong.errors.contains("--hubs"))
    }
}
