import Testing

@testable import Topologies

/// Names of strangers, wherever they are shown: none moves a cursor, turns a line around, or has no end.
struct PlainTextTests {
    @Test(arguments: [
        ("plain", "plain"), ("zoë 日本 🥕", "zoë 日本 🥕"), ("a\u{1B}[2Jb", "a\\u{1b}[2Jb"),
        ("a\r\nb", "a\\u{d}\\u{a}b"),
        ("a\u{202E}b", "a\\u{202e}b"), ("a\u{2028}b", "a\\u{2028}b"), ("a\u{9B}b", "a\\u{9b}b"),
        ("👩\u{200D}👧", "👩\u{200D}👧"), ("\u{301}a", "…a"),
    ])
    func `what hides is written by its number`(text: String, shown: String) {
        #expect(PlainText.line(text) == shown)
        #expect(quoted(text) == "'\(shown)'")
    }

    private static let marks = "a" + String(repeating: "\u{301}", count: 3_000_000)

    @Test func `three million combining marks are cut`() throws {
        #expect(PlainText.line(Self.marks).unicodeScalars.count < 10)
        #expect(PlainText.beginning(of: Self.marks, bytes: 200).utf8.count == 199)
        #expect(PlainText.beginning(of: "日本", bytes: 4) == "日")
        #expect(PlainText.beginning(of: "日本", bytes: 6) == "日本")
        #expect(quoted(String(repeating: "x", count: 100)) == "'" + String(repeating: "x", count: 60) + "…'")
    }

    @Test func `an alias of any length is read, and cut`() throws {
        let (a, b) = ("02" + String(repeating: "0", count: 64), "03" + String(repeating: "0", count: 64))
        let policy = #"{"time_lock_delta": 40, "fee_base_msat": "1", "fee_rate_milli_msat": "1"}"#
        let graph = """
            {"nodes": [{"pub_key": "\(a)", "alias": "\(Self.marks)"}, {"pub_key": "\(b)", "alias": "b"}],
             "edges": [{"channel_id": "1", "capacity": "1000000", "node1_pub": "\(a)", "node2_pub": "\(b)",
                        "node1_policy": \(policy), "node2_policy": \(policy)}]}
            """
        let topology = try read(graph)
        #expect(topology.nodes[0].alias.utf8.count == 199)
        #expect(try Topology.importing(Array(graph.utf8), fileName: "g").utf8.count < 1_000)
    }

    /// Names that are too long are never compared: comparing sorts the marks.
    @Test(arguments: [
        "nodes: [MARKS]", "groups: {MARKS: {members: [a]}}", "nodes: [{name: a, alias: MARKS}]",
        "nodes: [a]\ntraffic: [{from: MARKS, rate_per_day: 1, amount_sat: 1}]", "MARKS: 1",
        "nodes: [a]\nlayer_1: {profile: MARKS}", "seed: MARKS", "trace: MARKS",
    ])
    func `a topology of three million combining marks is refused at once, in one short line`(lines: String)
        throws
    {
        let text = "millrace: 1\n" + lines.replacing("MARKS", with: Self.marks)
        var refused: TopologyError?
        let seconds = ContinuousClock().measure { refused = fault(Array(text.utf8)) }
        #expect(try #require(refused).description.utf8.count < 500)
        #expect(seconds < .seconds(20))
    }

    @Test func `tables hide what hides and read back`() throws {
        for text in ["a\u{202E}b", "\u{301}a", "tab\there", "\u{F8FF}", "=1+1"] {
            let cell = TableText.cell(text)
            #expect(cell.unicodeScalars.allSatisfy { PlainText.kind(of: $0) != .hidden })
            #expect(PlainText.kind(of: try #require(cell.unicodeScalars.first)) == .shown)
            #expect(try TableText.unescaped(cell) { SourceFile(name: "t").error(nil, $0) } == text)
        }
    }
}
