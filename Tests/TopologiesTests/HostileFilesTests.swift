import Foundation
import Testing

@testable import Topologies

/// Files as no program should write them and some do: every one is read, or ends in one short line, soon.
struct HostileFilesTests {
    private static func shipped(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: Place.repository.appendingPathComponent("topologies/\(name)")))
    }

    private func expectShort(_ error: TopologyError?, _ what: @autoclosure () -> String) {
        guard let error else { return }
        let isShort = error.description.utf8.count < 400 && !error.description.contains { $0.isNewline }
        #expect(isShort && error.line != nil, "\(what()): \(error)")
    }

    @Test(arguments: ["triangle.yaml", "one-channel.yaml", "hub-and-spoke.yaml"])
    func `a shipped file cut off after any byte is read or refused`(name: String) throws {
        let bytes = try Self.shipped(name)
        for end in 0..<bytes.count { expectShort(fault(Array(bytes[..<end])), "\(name) up to byte \(end)") }
    }

    /// The village is long; a third of its ends in each case.
    @Test(arguments: 0..<3)
    func `the village cut off after any byte is read or refused`(remainder: Int) throws {
        let bytes = try Self.shipped("village.yaml")
        for end in stride(from: remainder, to: bytes.count, by: 3) {
            expectShort(fault(Array(bytes[..<end])), "the village up to byte \(end)")
        }
    }

    @Test func `a graph cut off after any byte is refused`() {
        for text in [
            GraphTests.lnd(GraphTests.edge("1"), GraphTests.edge("2")),
            GraphTests.cln(GraphTests.entry("02a", "02b"), GraphTests.entry("02b", "02a")),
        ] {
            let bytes = Array(text.utf8)
            for end in 0..<bytes.count {
                let error = fault(Array(bytes[..<end]))
                #expect(error != nil, "up to byte \(end)")
                expectShort(error, "up to byte \(end)")
            }
        }
    }

    private static func circulating(_ keys: String) -> String {
        "millrace: 1\nnodes: [a, b]\ntraffic: [{rate_per_hour: 1, amount_sat: 1, \(keys)}]"
    }

    /// What is wrong, the file, and what its error says; nil where it is a topology after all.
    static let odd: [(name: String, text: String, says: String?)] = [
        ("a byte order mark", "\u{FEFF}" + row, nil),
        ("two byte order marks", "\u{FEFF}\u{FEFF}" + row, "not YAML"),
        ("CRLF", row.replacing("\n", with: "\r\n"), nil),
        ("lone carriage returns", row.replacing("\n", with: "\r"), nil),
        ("tabs behind colons", row.replacing(": ", with: ":\t"), nil),
        ("tabs before keys, CRLF", "millrace: 1\r\nnodes:\r\n\t- a\r\n", "tabs cannot indent"),
        ("a leading ---", "---\n" + row, nil),
        ("a closing ...", row + "\n...\n", nil),
        ("a second document behind ...", row + "\n...\n---\na: 1\n", "a second document"),
        ("a later YAML", "%YAML 9.9\n---\n" + row, "incompatible YAML"),
        ("a JSON array", "[1, 2]", "found a list"),
        ("an array of graphs", #"[{"nodes": [], "edges": []}]"#, "found a list"),
        ("a JSON string", #""millrace""#, "found 'millrace'"),
        ("null", "null", "found 'null'"),
        ("{}", "{}", "neither a topology"),
        ("JSON of a topology", #"{"millrace": 1, "nodes": ["a", "b"]}"#, nil),
        ("a key twice in JSON", #"{"millrace": 1, "seed": 1, "seed": 2}"#, "'seed' stands twice"),
        ("a key twice, once in quotes", "millrace: 1\nseed: 1\n\"seed\": 2\n", "'seed' stands twice"),
        (
            "a key twice, further in", "millrace: 1\nlatency: {floor: 5ms, floor: 6ms}\n",
            "'floor' stands twice"
        ),
        ("JSON with comments", #"{"millrace": 1, /* x */ "seed": 1}"#, "unknown key"),
        ("JSON in single quotes", "{'nodes': [], 'edges': []}", "unknown key 'edges'"),
        ("a key ~", "millrace: 1\n~: 5\n", "unknown key '~'"),
        ("a key 5", "millrace: 1\n5: 5\n", "unknown key '5'"),
        ("a quoted merge key", "millrace: 1\n\"<<\": 5\n", "unknown key '<<'"),
        ("merge keys of a list", "millrace: 1\nlatency:\n  <<: [{floor: 1ms}]\n", "merge keys"),
        (
            "an anchor as a value",
            "millrace: 1\ndefaults: {policy: &p {fee_ppm: 1}}\ngroups: {g: {policy: *p}}\n", nil
        ),
        ("an anchor twice", "millrace: 1\nname: &a x\nseed: &a 5\n", nil),
        ("Python's tag", "millrace: 1\nname: !!python/object:os.system x\n", nil),
        ("a set", "millrace: 1\nnodes: !!set {a, b}\n", "expected a list"),
        ("text over lines", "millrace: 1\nname: |\n  a\n  b\n", "cannot name a run directory"),
        ("an escaped NUL", "millrace: 1\nname: \"a\\0b\"\n", "cannot name a run directory"),
        ("an escaped NUL in a path", "millrace: 1\ntrace: \"a\\0b\"\n", "is no path"),
        (
            "an escaped newline in a path", "millrace: 1\ngraph: {format: lnd, file: \"a\\nb\"}\n",
            "is no path"
        ),
        (
            "an escaped newline in an alias", "millrace: 1\nnodes: [{name: a, alias: \"a\\nb\"}]\n",
            "control characters"
        ),
        (
            "an escaped newline in a flow's name",
            "millrace: 1\nnodes: [a, b]\ntraffic: [{name: \"a\\nb\", rate_per_hour: 1, amount_sat: 1}]\n",
            "control characters"
        ),
        ("no path", "millrace: 1\ntrace: \"\"\n", "is no path"),
        ("half a surrogate pair", "millrace: 1\nname: \"\\ud800\"\n", "invalid Unicode"),
        ("no such escape", "millrace: 1\nname: \"\\q\"\n", "unknown escape"),
        ("a long key", "millrace: 1\n\(String(repeating: "k", count: 2_000)): 5\n", "not YAML"),
        ("a long name", "millrace: 1\nnodes: [\(String(repeating: "n", count: 201))]\n", "1 to 200 bytes"),
        (
            "a name of a megabyte", "millrace: 1\nname: " + String(repeating: "x", count: 1 << 20),
            "up to 100 letters"
        ),
        ("@", "@", "cannot start any token"),
        ("!", "!", "found nothing"),
        (":", ":", "not YAML"), ("-", "-", "found a list"), ("?", "?", "unknown key ''"),
        ("&", "&", "not YAML"),
        ("*", "*", "not YAML"), ("|", "|", "found ''"), ("%", "%", "not YAML"), ("{", "{", "not YAML"),
        ("questions", String(repeating: "? ", count: 5_000), "nested more than 32 deep"),
        ("dashes", String(repeating: "- ", count: 30_000), "nested more than 32 deep"),
        ("braces", String(repeating: "{a: ", count: 30_000), "nested more than 32 deep"),
        ("JSON in JSON", String(repeating: #"{"a":"#, count: 30_000), "nested more than 32 deep"),
        ("stars", String(repeating: "*", count: 100_000), "not YAML"),
        ("tags", String(repeating: "!a ", count: 10_000), "not YAML"),
        ("anchors and aliases", String(repeating: "&a *a ", count: 10_000), "not YAML"),
        (
            "an alias as many keys", "a: &a 1\n" + String(repeating: "*a : 1\n", count: 2_000),
            "an alias as a key"
        ),
        ("blanks", String(repeating: " ", count: 100_000), "the file is empty"),
        ("empty lines", String(repeating: "\n", count: 100_000), "the file is empty"),
        ("a brace and blanks", "{" + String(repeating: " ", count: 100_000), "not YAML"),
        (
            "swaps with nobody", circulating("circulation: {swap: 1, swap_nodes: []}"),
            "expected a node at least"
        ),
        ("a payee who never stops", circulating("circulation: {spend: 0.999}"), "at most 0.99"),
        (
            "bursts of nothing",
            circulating("bursts: {factor: 2, lasting: 1s, every: 1s}").replacing(
                "_hour: 1", with: "_day: 0.00001"),
            "a million bursts"
        ),
        (
            "too many flows",
            "millrace: 1\nnodes: [a, b]\ntraffic: ["
                + String(repeating: "{rate_per_hour: 1, amount_sat: 1},", count: 1_001) + "]", "at most 1000"
        ),
    ]

    @Test(.timeLimit(.minutes(1)), arguments: odd)
    func `what programs and people make of YAML`(name: String, text: String, says: String?) throws {
        let error = fault(Array(text.utf8))
        expectShort(error, name)
        #expect((error == nil) == (says == nil), "\(name): \(error?.description ?? "read")")
        if let says, let error { #expect(error.message.contains(says), "\(name): \(error)") }
    }

    private static let header = "time_seconds,source,destination,amount_msat\n"

    /// What is wrong, the trace, the line of its error and what that says; nil where it is one after all.
    static let traces: [(name: String, text: String, fault: (line: Int, says: String)?)] = [
        ("plain", header + "1,alice,bob,5\n", nil),
        ("CRLF", (header + "1,alice,bob,5\n").replacing("\n", with: "\r\n"), nil),
        ("a byte order mark", "\u{FEFF}" + header + "1,alice,bob,5\n", nil),
        ("no last line break", header + "1,alice,bob,5", nil),
        ("quotes", "\"time_seconds\",source,destination,amount_msat\n\"1\",\"alice\",bob,\"5\"\n", nil),
        ("empty lines at the end", header + "1,alice,bob,5\n\n\r\n\n", nil),
        ("seven places of nothing", header + "1.0000000,alice,bob,5\n", nil),
        ("two at once", header + "1,alice,bob,5\n1,bob,alice,5\n", nil),
        ("an empty line", header + "1,alice,bob,5\n\n2,alice,bob,5\n", (3, "an empty line")),
        ("an empty first line", "\n" + header, (1, "expected the header")),
        ("no header", "1,alice,bob,5\n", (1, "expected the header")),
        ("nothing", "", (1, "expected the header")),
        ("a header alone", header, (1, "a trace without payments")),
        ("two headers", header + header, (2, "time_seconds: expected seconds")),
        ("semicolons", header.replacing(",", with: ";"), (1, "expected the header")),
        (
            "lone carriage returns", (header + "1,alice,bob,5\n").replacing("\n", with: "\r"),
            (1, "expected the header")
        ),
        ("time that goes back", header + "2,alice,bob,5\n1,alice,bob,5\n", (3, "the time goes back")),
        (
            "an unknown node", header + "1,Alcie,bob,5\n",
            (2, "source: unknown node 'Alcie'; did you mean 'alice'?")
        ),
        ("an unknown payee", header + "1,alice,bbo,5\n", (2, "destination: unknown node 'bbo'")),
        ("a payment to oneself", header + "1,alice,alice,5\n", (2, "pays itself")),
        ("blanks around names", header + "1, alice,bob,5\n", (2, "unknown node ' alice'")),
        ("a negative time", header + "-1,alice,bob,5\n", (2, "time_seconds")),
        ("a time with an exponent", header + "1e3,alice,bob,5\n", (2, "time_seconds")),
        ("a hexadecimal time", header + "0x10,alice,bob,5\n", (2, "time_seconds")),
        ("nanoseconds", header + "1.0000001,alice,bob,5\n", (2, "up to six decimal places")),
        ("a time after a hundred years", header + "3153600001,alice,bob,5\n", (2, "later than 36500d")),
        (
            "an endless time", header + String(repeating: "9", count: 500) + ",alice,bob,5\n",
            (2, "time_seconds")
        ),
        ("a negative amount", header + "1,alice,bob,-5\n", (2, "amount_msat")),
        ("no amount", header + "1,alice,bob,0\n", (2, "amount_msat")),
        ("an amount of all and one", header + "1,alice,bob,2100000000000000001\n", (2, "amount_msat")),
        ("an overflow", header + "1,alice,bob,99999999999999999999\n", (2, "amount_msat")),
        ("a fraction of a millisatoshi", header + "1,alice,bob,5.5\n", (2, "amount_msat")),
        ("three fields", header + "1,alice,bob\n", (2, "3 fields")),
        ("five fields", header + "1,alice,bob,5,6\n", (2, "5 fields")),
        ("a quote without end", header + "1,\"alice,bob,5\n", (2, "a quote without its end")),
        ("text behind a quote", header + "1,\"alice\"x,bob,5\n", (2, "text after a closing quote")),
        ("a NUL byte", header + "1,al\0ice,bob,5\n", (2, "control character")),
        (
            "a name of a megabyte", header + "1,\(String(repeating: "a", count: 1 << 20)),bob,5\n",
            (2, "unknown node")
        ),
        ("a thousand commas", header + String(repeating: ",", count: 1_000) + "\n", (2, "1001 fields")),
        ("JSON", "{}", (1, "expected the header")),
    ]

    @Test(.timeLimit(.minutes(1)), arguments: traces)
    func `what programs and people make of a trace`(
        name: String, text: String, fault: (line: Int, says: String)?
    ) throws {
        var topology = try read(row)
        var error: TopologyError?
        do throws(TopologyError) {
            try topology.apply(.init(trace: (Array(text.utf8), "t.csv")))
        } catch let refusal {
            error = refusal
        }
        expectShort(error, name)
        #expect(error?.line == fault?.line, "\(name): \(error?.description ?? "read")")
        if let fault {
            #expect(error?.message.contains(fault.says) == true, "\(name): \(error?.description ?? "")")
        }
    }
}
