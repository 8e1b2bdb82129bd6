import Foundation
import Testing

/// What a report says below its table is true of the run above it.
struct IncomeSentenceTests {
    private let program: BuiltProgram

    init() throws { program = try BuiltProgram() }

    /// The report of three nodes in a row, the one in the middle forwarding.
    private func report(layerOne: String = "", channel: String = "") throws -> String {
        let topology = try program.write(
            """
            millrace: 1
            layer_1: {confirmations: 1\(layerOne)}
            nodes: [alice, mill, bob]
            channels:
              - {from: alice, to: mill, capacity_sat: 1_000_000, standing: true, balance_sat: 900_000\(channel)}
              - {from: mill, to: bob, capacity_sat: 1_000_000, standing: true, balance_sat: 900_000}
            traffic: [{from: alice, to: bob, rate_per_hour: 60, amount_sat: 1_000}]
            """, to: "row.yaml")
        let outcome = try program.run(["run", topology, "--quiet"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        return outcome.output
    }

    @Test func `a chain that cost nobody anything is not spoken of as paid`() throws {
        let report = try report()
        #expect(report.contains("Their channels stood open all along: nothing here paid for the chain.\n"))
        #expect(!report.contains("a year on their capital before"))
    }

    @Test func `what others paid for the chain is not passed over`() throws {
        let report = try report(channel: ", funder: alice, opening_cost_sat: 1_540")
        #expect(
            report.contains(
                "earned something, and paid nothing for the chain in this run: what it cost, others paid.\n"))
        #expect(!report.contains("stood open all along"))
    }

    @Test func `a net yield that waiting for the exit lowers says so`() throws {
        let free = try report(layerOne: ", exit_delay: 7d")
        #expect(free.contains(" a year on their capital before the 7 d that leaving takes, "))
        let paid = try report(
            layerOne: ", exit_delay: 7d", channel: ", funder: mill, opening_cost_sat: 1_540")
        #expect(
            paid.contains(" a year on their capital before on-chain costs and the 7 d that leaving takes, "))
    }

    @Test func `what happened once counts once, and the note says so`() throws {
        let story = try program.run(["run", BuiltProgram.shipped("watchtower-outage.yaml"), "--quiet"])
        #expect(
            story.output.contains(
                "APR net    the same less on-chain costs and with penalties, each counted once in 365 days of a channel's life, however long the run\n"
            ))
    }
}
