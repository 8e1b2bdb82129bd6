import Testing

@testable import Topologies

struct DurationAndNameTests {
    @Test(
        arguments: [
            ("7d", .seconds(604_800)), ("2h", .seconds(7_200)), ("15m", .seconds(900)), ("90s", .seconds(90)),
            ("10ms", .milliseconds(10)), ("250us", .microseconds(250)), ("0.5h", .seconds(1_800)),
            ("0s", .zero),
            ("1.000001s", .microseconds(1_000_001)), ("0.25d", .seconds(21_600)),
            ("0.001ms", .microseconds(1)),
            ("36500d", durationMaximum), ("007s", .seconds(7)), ("1.50s", .milliseconds(1_500)),
            ("0.1m", .seconds(6)), ("0.000000000000d", .zero),
        ] as [(String, Duration)])
    func `reads a duration exactly`(_ text: String, _ expected: Duration) {
        #expect(parseDuration(text) == expected)
    }

    @Test(arguments: [
        "", "7", "d", "7 d", " 7d", "7d ", "-1s", "+1s", "1e3s", "0x1s", "1.s", ".5s", "1..5s", "1.5.5s",
        "7D", "7w",
        "infs", "nand", "0.5us", "0.0000001s", "0.0001ms", "36501d", "99999999999999999999s",
        "18446744073709551615d",
        "1_000s", "٣s", "1h30m",
    ])
    func `refuses what is no duration`(_ text: String) {
        #expect(parseDuration(text) == nil)
    }

    @Test func `counts edits as a typist makes them`() {
        func edits(_ a: String, _ b: String) -> Int { editDistance(Array(a.utf8), Array(b.utf8)) }
        #expect(edits("", "") == 0)
        #expect(edits("abc", "") == 3)
        #expect(edits("capacty", "capacity") == 1)
        #expect(edits("bbo", "bob") == 1)
        #expect(edits("alice", "alice") == 0)
        #expect(edits("kitten", "sitting") == 3)
        #expect(edits("ab", "ba") == 1)
    }

    @Test func `proposes the nearest name, of equals the first, and none that is far`() {
        #expect(nearest(to: "bbo", among: ["alice", "bob", "boo"]) == "bob")
        #expect(nearest(to: "cat", among: ["bat", "hat"]) == "bat")
        #expect(nearest(to: "zebra", among: ["alice", "bob"]) == nil)
        #expect(nearest(to: "a", among: ["b"]) == nil)
        #expect(nearest(to: "", among: ["b"]) == nil)
        #expect(nearest(to: String(repeating: "x", count: 1_000_000), among: ["bob"]) == nil)
    }

    @Test func `numbers are digits, with underscores between them at most`() throws {
        #expect(try NumberText.unsigned("1_000_000") == 1_000_000)
        #expect(try NumberText.unsigned("0") == 0)
        #expect(try NumberText.unsigned("18446744073709551615") == .max)
        for text in ["", "_1", "1_", "1__0", "+1", " 1", "1 ", "٣", "a", "--1", "-"] {
            #expect(throws: NumberText.Fault.notANumber) { try NumberText.unsigned(text) }
        }
        #expect(throws: NumberText.Fault.negative) { try NumberText.unsigned("-1") }
        #expect(throws: NumberText.Fault.leadingZero) { try NumberText.unsigned("01") }
        #expect(throws: NumberText.Fault.fraction) { try NumberText.unsigned("1.5") }
        #expect(throws: NumberText.Fault.overflow) { try NumberText.unsigned("18446744073709551616") }
    }

    @Test func `rates are decimals, with underscores between digits if wanted`() {
        let rates: [(String, Double)] = [
            ("2_000", 2_000), ("0.25", 0.25), ("1_000.5", 1_000.5), ("1e-3", 0.001),
        ]
        for (text, number) in rates { #expect(NumberText.decimal(text) == number) }
        for text in ["_1", "1_", "1__0", "1_.5", "1._5", "-_1", "nan", "0x1"] {
            #expect(NumberText.decimal(text) == nil, "\(text)")
        }
    }

    @Test func `hostile text in a message stays on its line and stays short`() {
        #expect(quoted("a\nb\u{1B}[31m") == "'a\\u{a}b\\u{1b}[31m'")
        #expect(quoted(String(repeating: "x", count: 1_000)).count == 63)
    }
}
