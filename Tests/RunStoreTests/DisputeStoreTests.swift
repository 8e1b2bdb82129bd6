import Foundation
import GRDB
import Testing
import Topologies

@testable import PaymentNetwork
@testable import RunStore

/// What disputes brought and cost, as the files of a run tell it: the same figures everywhere. Seed 3.
struct DisputeStoreTests {
    private let temporary = TemporaryDirectory()

    /// Bob cheats all his peers an hour into the run.
    private static let text = """
        millrace: 1
        seed: 3
        duration: 2h
        defaults: {capacity_sat: 2_000_000, policy: {cltv_expiry_delta: 40}}
        nodes: [alice, bob, carol]
        channels:
          - {from: alice, to: bob, standing: true, balance_sat: 1_000_000}
          - {from: bob, to: carol, standing: true, balance_sat: 1_000_000}
          - {from: alice, to: carol, standing: true, balance_sat: 1_000_000}
        traffic:
          - {name: all, rate_per_hour: 600, amount_sat: {from: 1_000, to: 50_000}}
        faults:
          - {kind: cheat, node: bob, at: 1h}
        """

    private func store() throws -> RunResult {
        let topology = try Topology(bytes: Array(Self.text.utf8), fileName: "cheat.yaml", directory: ".")
        let writer = try RunWriter(
            in: RunDirectory(creating: "\(temporary.path)/run"), topology: topology,
            description: RunDescription(
                version: "test", arguments: ["run", "cheat.yaml"], overrides: [], settings: RunSettings(),
                attempts: .oneIn(1), inputs: [InputFile(name: "cheat.yaml", bytes: Array(Self.text.utf8))]))
        let simulation = try NetworkSimulation(topology, settings: RunSettings(), recorder: writer)
        let result = try simulation.run()
        let wall = WallFigures(
            wallSeconds: 1, loadingSeconds: 0, simulatingSeconds: 1, eventsPerSecond: 1,
            paymentsPerSecond: 1, memoryPeak: nil)
        try writer.finish(result, initialBalances: simulation.initialBalances(), wall: wall)
        return result
    }

    private func query<Value: DatabaseValueConvertible>(_ sql: String) throws -> Value? {
        try DatabaseQueue(path: "\(temporary.path)/run/run.sqlite").read { try Value.fetchOne($0, sql: sql) }
    }

    @Test func `tables and result say the same of penalties, and net has them`() throws {
        let result = try store()
        #expect(result.disputes.cheats == 2 && result.disputes.punished == 2)
        #expect(result.disputes.breaches == 2 && result.disputes.unilateralCloses == 2)
        for income in result.nodeIncome {
            let stored: Row? = try DatabaseQueue(path: "\(temporary.path)/run/run.sqlite").read {
                try Row.fetchOne(
                    $0, sql: "SELECT * FROM node_income WHERE node = ?", arguments: [income.node])
            }
            let row = try #require(stored)
            #expect(row["penalties_msat"] == income.penalties && row["principal_msat"] == income.principal)
            #expect(row["net_msat"] == income.net)
            let sum: Int64? = try query(
                "SELECT sum(penalties_msat) FROM income WHERE node = \(income.node)")
            #expect(sum == income.penalties)
        }
        let wrong: Int? = try query(
            """
            SELECT count(*) FROM node_income WHERE net_msat
                != routing_fees_msat - onchain_fees_msat + penalties_msat + principal_msat
            """)
        #expect(wrong == 0)
        // Alice and carol gain what bob loses, but for the fees.
        #expect(result.nodeIncome[0].penalties > 0 && result.nodeIncome[2].penalties > 0)
        #expect(result.nodeIncome[1].penalties < 0)
        #expect(try query("SELECT value FROM meta WHERE name = 'schema_version'") == "3")
    }

    @Test func `the chain's table has as many of each kind as the result`() throws {
        let result = try store()
        #expect(result.chain.kinds.contains { $0.kind == .penalty && $0.count >= 2 })
        #expect(result.chain.kinds.reduce(0) { $0 + $1.count } == result.chain.transactions)
        #expect(result.chain.kinds.reduce(0) { $0 + $1.fees.rawValue } == result.chain.minerFees.rawValue)
        for kind in result.chain.kinds {
            let name = kind.kind.rawValue
            #expect(try query("SELECT count(*) FROM chain WHERE kind = '\(name)'") == kind.count)
            #expect(try query("SELECT sum(fee_sat) FROM chain WHERE kind = '\(name)'") == kind.fees.rawValue)
            #expect(try query("SELECT sum(weight) FROM chain WHERE kind = '\(name)'") == kind.weight)
        }
    }

    @Test func `income.csv has them in columns of their own`() throws {
        let result = try store()
        let text = String(
            decoding: try #require(try temporary.files(below: "run")["income.csv"]), as: UTF8.self)
        let rows = text.split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        let place = try #require(rows[0].firstIndex(of: "penalties_msat"))
        #expect(rows.dropFirst().map { Int64($0[place]) } == result.nodeIncome.map(\.penalties))
    }

    @Test func `a run of another schema is refused by name`() throws {
        _ = try store()
        let path = "\(temporary.path)/run/manifest.json"
        let manifest = try String(contentsOfFile: path, encoding: .utf8)
        try StoredRun(at: "\(temporary.path)/run").checkSchema()
        try manifest.replacing("\"schema_version\": 3", with: "\"schema_version\": 2")
            .write(toFile: path, atomically: true, encoding: .utf8)
        let old = try StoredRun(at: "\(temporary.path)/run")
        #expect(old.schemaVersion == 2)
        let error = try #require(throws: RunStoreError.self) { try old.checkSchema() }
        #expect(
            error.description.hasSuffix(
                "its tables have schema 2, of millrace test; this program writes schema 3, and neither verifies nor goes on with another"
            ))
    }
}
