import Foundation
import GRDB
import Testing
import Topologies

@testable import PaymentNetwork
@testable import RunStore

/// Whole runs of the shipped triangle, stored and read back. Seed 1, as the file says.
struct RunWriterTests {
    private let temporary = TemporaryDirectory()

    private func readTriangle() throws -> (topology: Topology, bytes: [UInt8]) {
        let path = "\(repository)/topologies/triangle.yaml"
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        return (try Topology(bytes: bytes, fileName: path, directory: "\(repository)/topologies"), bytes)
    }

    /// Stores a run of the triangle in `name`; stops it at its first report of progress where asked.
    @discardableResult
    private func store(_ name: String, attempts: AttemptSampling = .oneIn(1)) throws -> RunResult {
        let (topology, bytes) = try readTriangle()
        let settings = RunSettings()
        let writer = try RunWriter(
            in: RunDirectory(creating: "\(temporary.path)/\(name)"), topology: topology,
            description: description(bytes, settings, attempts))
        let simulation = try NetworkSimulation(topology, settings: settings, recorder: writer)
        let result = try simulation.run()
        // Different each time, as in life.
        let wall = WallFigures(
            wallSeconds: Double(name.utf8.count), loadingSeconds: 0, simulatingSeconds: 1, eventsPerSecond: 1,
            paymentsPerSecond: 1, memoryPeak: nil)
        try writer.finish(result, initialBalances: simulation.initialBalances(), wall: wall)
        return result
    }

    private func description(
        _ bytes: [UInt8], _ settings: RunSettings, _ attempts: AttemptSampling
    ) -> RunDescription {
        RunDescription(
            version: "test", arguments: ["run", "triangle.yaml"], overrides: [], settings: settings,
            attempts: attempts, inputs: [InputFile(name: "triangle.yaml", bytes: bytes)])
    }

    private func query<Value: DatabaseValueConvertible>(_ name: String, _ sql: String) throws -> Value? {
        try DatabaseQueue(path: "\(temporary.path)/\(name)/run.sqlite").read {
            try Value.fetchOne($0, sql: sql)
        }
    }

    @Test func `stores the same bytes every time but for the wall clock`() throws {
        try store("one")
        try store("another")
        var one = try temporary.files(below: "one")
        var another = try temporary.files(below: "another")
        #expect(one.removeValue(forKey: "wall.json") != another.removeValue(forKey: "wall.json"))
        #expect(one.keys.sorted() == ["income.csv", "input/triangle.yaml", "manifest.json", "run.sqlite"])
        #expect(one == another)
    }

    @Test func `keeps a copy of the input and the digest`() throws {
        let result = try store("run")
        let files = try temporary.files(below: "run")
        #expect(files["input/triangle.yaml"].map { [UInt8]($0) } == (try readTriangle().bytes))
        let manifest = try #require(
            try JSONSerialization.jsonObject(with: files["manifest.json"]!) as? [String: Any])
        #expect(manifest["status"] as? String == "complete")
        #expect(manifest["digest"] as? String == digestText(result.digest))
        #expect(manifest["input"] as? [String] == ["input/triangle.yaml"])
    }

    @Test func `stores every payment, attempt and channel`() throws {
        let result = try store("run")
        let ended = result.payments.settled + result.payments.failed + result.warmupPayments
        #expect(try query("run", "SELECT count(*) FROM payments") == ended)
        #expect(try query("run", "SELECT max(payment) + 1 FROM payments") == ended)
        #expect(try query("run", "SELECT count(*) FROM channels") == 3)
        #expect(try query("run", "SELECT count(*) FROM directions WHERE final_balance_msat NOT NULL") == 6)
        #expect(try query("run", "SELECT value FROM meta WHERE name = 'digest'") == digestText(result.digest))
        #expect(try query("run", "PRAGMA integrity_check") == "ok")
    }

    @Test func `routes in the database are as long as the payments' hops`() throws {
        try store("run")
        let mismatches: Int? = try query(
            "run",
            """
            SELECT count(*) FROM payments JOIN attempts USING (payment)
            WHERE payments.failure IS NULL AND attempts.failure IS NULL
                AND (SELECT count(*) FROM json_each(route)) != hops
            """)
        #expect(mismatches == 0)
        let unknown: Int? = try query(
            "run",
            """
            SELECT count(*) FROM attempts, json_each(route) WHERE substr(value, 1, length(value) - 2)
                NOT IN (SELECT short_channel_id FROM channels)
            """)
        #expect(unknown == 0)
    }

    @Test func `the books of channels and nodes agree with the result`() throws {
        let result = try store("run")
        let earned = result.feesEarned.rawValue
        #expect(try query("run", "SELECT sum(routing_fees_msat) FROM income") == earned)
        #expect(try query("run", "SELECT sum(routing_fees_msat) FROM node_income") == earned)
        let capacity: Int64? = try query("run", "SELECT sum(capacity_sat) * 1000 FROM channels")
        #expect(try query("run", "SELECT sum(initial_balance_msat) FROM directions") == capacity)
        #expect(try query("run", "SELECT sum(final_balance_msat) FROM directions") == capacity)
    }

    @Test func `attempts are sampled by payment number or left out`() throws {
        try store("tenth", attempts: .oneIn(10))
        #expect(try query("tenth", "SELECT count(*) FROM attempts WHERE payment % 10 != 0") == 0)
        #expect(try (query("tenth", "SELECT count(*) FROM attempts") ?? 0) > 10)
        try store("none", attempts: .none)
        #expect(try query("none", "SELECT count(*) FROM attempts") == 0)
        #expect(try (query("none", "SELECT count(*) FROM payments") ?? 0) > 100)
    }

    @Test func `an interrupted run says so and keeps what it had`() throws {
        let (topology, bytes) = try readTriangle()
        let directory = try RunDirectory(creating: "\(temporary.path)/run")
        let writer = try RunWriter(
            in: directory, topology: topology, description: description(bytes, RunSettings(), .oneIn(1)))
        func status() throws -> String? {
            let data = try Data(contentsOf: URL(fileURLWithPath: directory.path(of: "manifest.json")))
            return try (JSONSerialization.jsonObject(with: data) as? [String: Any])?["status"] as? String
        }
        #expect(try status() == "incomplete")
        #expect(try temporary.files(below: "run")["run.sqlite"] == nil)
        try writer.record(
            PaymentRecord(
                number: 0, source: 0, destination: 1, amount: .zero, startedAt: 1, endedAt: 2,
                failure: .noRoute,
                attempts: 0, hops: 0, fee: .zero))
        try writer.finishInterrupted(initialBalances: [])
        #expect(try status() == "interrupted")
        #expect(try query("run", "SELECT failure FROM payments") == "no_route")
        #expect(try query("run", "SELECT count(*) FROM node_income") == 0)
        #expect(
            try temporary.files(below: "run").keys.sorted() == [
                "input/triangle.yaml", "manifest.json", "run.sqlite",
            ])
    }

    @Test func `payments out of order end up in order`() throws {
        let (topology, bytes) = try readTriangle()
        let writer = try RunWriter(
            in: RunDirectory(creating: "\(temporary.path)/run"), topology: topology,
            description: description(bytes, RunSettings(), .none))
        // More than a batch, each pair swapped, so that some end in the batch after their neighbour's.
        let count: UInt64 = 40_000
        for number in 0..<count {
            try writer.record(
                PaymentRecord(
                    number: number + 1 < count ? (number + 1) % count : 0, source: 0, destination: 1,
                    amount: .zero, startedAt: number, endedAt: number, failure: nil, attempts: 1, hops: 1,
                    fee: .zero))
        }
        try writer.finishInterrupted(initialBalances: [])
        #expect(
            try query("run", "SELECT count(*) FROM payments WHERE payment = (started_us + 1) % 40000")
                == count)
    }
}
