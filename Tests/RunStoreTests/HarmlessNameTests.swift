import Testing
import Topologies

@testable import PaymentNetwork
@testable import RunStore

/// Names in what a run writes: no spreadsheet takes one for a formula, no terminal for a command.
struct HarmlessNameTests {
    @Test(arguments: [
        ("alice", "alice"), ("=1+1", "'=1+1"), ("+1", "'+1"), ("-2", "'-2"), ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\u{FFFD}=1"), ("\r=1", "'\u{FFFD}=1"), ("＝1", "'＝1"), ("a=1", "a=1"), ("a,b", "\"a,b\""),
        ("say \"hi\"", "\"say \"\"hi\"\"\""), ("\"=1", "\"\"\"'=1\""), ("a;=1", "\"a;'=1\""),
        ("a\u{1B}[2J", "a\u{FFFD}[2J"), ("a\u{202E}b", "a\u{FFFD}b"), ("", ""),
    ])
    func `a cell is text whatever it says`(text: String, cell: String) { #expect(CSVCell.text(text) == cell) }

    @Test func `income.csv has harmless names and plain numbers`() throws {
        let topology = try Topology(
            bytes: Array(
                """
                millrace: 1
                nodes: [{name: "=cmd|'/C calc'!A0"}, {name: b, alias: "-1"}]
                channels: [{from: "=cmd|'/C calc'!A0", to: b, capacity_sat: 1_000_000}]
                traffic: [{rate_per_hour: 60, amount_sat: 1_000}]
                """.utf8), fileName: "t.yaml", directory: "")
        let result = try NetworkSimulation(topology, settings: RunSettings()).run()
        let lines = String(decoding: IncomeTable(result, of: topology).csv(), as: UTF8.self).split(
            separator: "\n")
        #expect(lines[1].hasPrefix("'=cmd|'/C calc'!A0,'=cmd|'/C calc'!A0,0,"))
        #expect(lines[2].hasPrefix("b,'-1,0,"))
        // What the opener paid is a loss, and stays a number.
        #expect(lines[1].contains(",-"))
    }

    @Test func `JSON writes what hides by its number`() {
        let text = JSONValue.text("a\u{202E}\u{9B}\u{E0041}b").encoded()
        #expect(String(decoding: text, as: UTF8.self).hasPrefix(#""a\u202e\u009b\udb40\udc41b""#))
    }
}
