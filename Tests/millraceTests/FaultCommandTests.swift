import Foundation
import Testing

/// What the shell sees of faults and disputes, by the shipped stories.
struct FaultCommandTests {
    private let program: BuiltProgram
    private let story = BuiltProgram.shipped("watchtower-outage.yaml")

    init() throws { program = try BuiltProgram() }

    private func millrace(_ arguments: String...) throws -> BuiltProgram.Outcome {
        try program.run(arguments)
    }

    @Test func `run shows what disputes brought whom, and says what the columns mean`() throws {
        let outcome = try millrace("run", story)
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(
            outcome.output.contains(
                "Disputes   4 unilateral closes, 4 of them with a revoked commitment (4 seen by the other party, 2 punished)\n"
            ))
        #expect(outcome.output.contains("           on chain: 4 commitment (11,240 sat), "))
        let lines = outcome.output.split(separator: "\n")
        let head = try #require(lines.first { $0.hasPrefix("node ") })
        #expect(head.contains("on-chain  penalties  ") && !head.contains("principal"))
        #expect(lines.contains { $0.hasPrefix("penalties  what a revoked commitment brought a node") })
        #expect(lines.contains { $0 == "net        routing fees less on-chain and with penalties" })
    }

    @Test func `a run without disputes says nothing of them`() throws {
        let outcome = try millrace("run", BuiltProgram.shipped("triangle.yaml"), "--payments", "50")
        for word in ["Disputes", "penalties", "principal"] { #expect(!outcome.output.contains(word)) }
    }

    @Test func `JSON has disputes, transactions by kind, and signed columns of income`() throws {
        let document = try millrace("run", story, "--json", "--quiet").json()
        let disputes = try #require(document["disputes"] as? [String: Int])
        #expect(
            disputes == [
                "unilateral_closes": 4, "cheats": 4, "breaches": 4, "punished": 2, "data_losses": 0,
            ])
        let chain = try #require(document["chain"] as? [String: Any])
        let kinds = try #require(chain["kinds"] as? [[String: Any]])
        #expect(kinds.compactMap { $0["kind"] as? String } == ["commitment", "claim", "penalty"])
        #expect(kinds.reduce(0) { $0 + ($1["transactions"] as? Int ?? 0) } == chain["transactions"] as? Int)
        let income = try #require(document["income"] as? [[String: Any]])
        let clara = try #require(income.first { $0["node"] as? String == "clara" })
        #expect(clara["penalties_msat"] as? Int == clara["net_msat"] as? Int)
        #expect(try #require(clara["net_msat"] as? Int) < 0)
    }

    @Test func `the log tells faults as they happen`() throws {
        let errors = try millrace("run", story, "--log-level", "info").errors
        #expect(errors.contains("millrace: info: fault at 6 h: offline of ben, for 5 d\n"))
        #expect(errors.contains("millrace: info: fault at 8 h: cheat of mallory\n"))
        #expect(errors.contains("millrace: info: fault at 1 d 6 h: watchtower-outage, for 2 d\n"))
    }

    @Test func `inspect tells faults, tower and layer 1 in a line each`() throws {
        let tower = try millrace("inspect", story).output
        #expect(tower.contains("\nWatchtower       for 2 nodes, for 10.0 % of what penalties bring\n"))
        #expect(tower.contains("\nFaults           offline, cheat × 4, watchtower-outage\n"))
        let exit = try millrace("inspect", BuiltProgram.shipped("mass-exit.yaml")).output
        #expect(
            exit.contains(
                "\nLayer 1          bitcoin: a block every 10 min, a fee market around 8.00 sat/vB\n"))
        let json = try millrace("inspect", story, "--json").json()
        #expect(json["faults"] as? [String: Int] == ["offline": 1, "cheat": 4, "watchtower-outage": 1])
    }

    @Test func `stress leaves faults out`() throws {
        let arguments = ["--payments", "40", "--steps", "2", "--rate", "1:10", "--json", "--quiet"]
        func steps(_ path: String) throws -> Data {
            let document = try program.run(["stress", path] + arguments).json()
            let network = try #require(document["network"] as? [String: Any])
            return try JSONSerialization.data(withJSONObject: network, options: .sortedKeys)
        }
        let text = try String(contentsOfFile: story, encoding: .utf8)
        let peaceful = try program.write(
            String(text[..<text.range(of: "\nfaults:")!.lowerBound]) + "\n", to: "peaceful.yaml")
        #expect(try steps(story) == steps(peaceful))
    }

    @Test func `verify repeats a run with disputes, and names a schema it does not know`() throws {
        #expect(try millrace("run", story, "--out", "out", "--quiet").code == 0)
        #expect(try millrace("verify", "out", "--quiet").code == 0)
        let manifest = try program.read("out/manifest.json")
        _ = try program.write(
            manifest.replacing("\"schema_version\": 3", with: "\"schema_version\": 2"),
            to: "out/manifest.json")
        let refused = try millrace("verify", "out", "--quiet")
        #expect(refused.code == 65)
        #expect(refused.errors.contains("its tables have schema 2"), "\(refused.errors)")
    }
}
