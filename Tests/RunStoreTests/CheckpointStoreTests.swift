import Foundation
import GRDB
import Randomness
import Testing
import Topologies

@testable import PaymentNetwork
@testable import RunStore

/// Checkpoints of the shipped triangle. Seed 1, as the file says.
struct CheckpointStoreTests {
    private let temporary = TemporaryDirectory()
    private let topology: Topology
    private let description: RunDescription

    init() throws {
        let path = "\(repository)/topologies/triangle.yaml"
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        topology = try Topology(bytes: bytes, fileName: path, directory: "")
        description = RunDescription(
            version: "test", arguments: ["run", "triangle.yaml"], overrides: [], settings: RunSettings(),
            attempts: .oneIn(1), inputs: [InputFile(name: "triangle.yaml", bytes: bytes)])
    }

    private func directory(_ name: String) throws -> RunDirectory {
        try RunDirectory(creating: "\(temporary.path)/\(name)")
    }

    /// Runs on for `batches` × 64 events at the least.
    private func advance(_ simulation: NetworkSimulation, batches: Int, _ writer: RunWriter) throws {
        var left = batches
        _ = simulation.advance(batch: 64) {
            left -= 1
            return left <= 0
        }
        try RecordBuffer.deliver(simulation.simulation.models, to: writer)
    }

    private func finish(_ simulation: NetworkSimulation, _ writer: RunWriter) throws {
        let result = try simulation.run()
        let wall = WallFigures(
            wallSeconds: 0, loadingSeconds: 0, simulatingSeconds: 1, eventsPerSecond: 1, paymentsPerSecond: 1,
            memoryPeak: nil)
        try writer.finish(result, initialBalances: simulation.initialBalances(), wall: wall)
    }

    /// A run that took checkpoints after each of `lengths` batches, and was killed some events after the last.
    @discardableResult
    private func killedRun(_ name: String, _ lengths: [Int]) throws -> RunDirectory {
        let directory = try directory(name)
        let writer = try RunWriter(
            in: directory, topology: topology, description: description, takesCheckpoints: true)
        let simulation = try NetworkSimulation(topology, settings: RunSettings(), recorder: writer)
        for length in lengths {
            try advance(simulation, batches: length, writer)
            try writer.checkpoint(simulation.state(), at: simulation.simulatedTime)
        }
        try advance(simulation, batches: 10, writer)
        // As far as the file is concerned: these rows are there, and no checkpoint knows of them.
        try writer.flush()
        directory.release()
        return directory
    }

    private func store(_ directory: RunDirectory) throws -> CheckpointStore {
        try CheckpointStore(of: directory, description, topology)
    }

    @Test func `keeps the latest two checkpoints`() throws {
        let store = try store(killedRun("run", [1, 1, 1, 1]))
        #expect(try store.numbers() == [4, 3])
        #expect(try store.read(4).number == 4)
    }

    @Test func `gives a run back whose files are those of an undisturbed one`() throws {
        let whole = try directory("whole")
        let writer = try RunWriter(in: whole, topology: topology, description: description)
        try finish(NetworkSimulation(topology, settings: RunSettings(), recorder: writer), writer)
        let expected = try temporary.files(below: "whole")
        for (index, lengths) in [[1], [3, 5], [20, 1, 30], [60, 60]].enumerated() {
            let killed = try killedRun("killed-\(index)", lengths)
            let checkpoint = try store(killed).read(UInt64(lengths.count))
            let writer = try RunWriter(
                resuming: killed, topology: topology, description: description, from: checkpoint)
            let simulation = try NetworkSimulation(
                topology, settings: RunSettings(), recorder: writer, resuming: checkpoint.state)
            try advance(simulation, batches: 2, writer)
            try writer.checkpoint(simulation.state(), at: simulation.simulatedTime)
            try finish(simulation, writer)
            #expect(try temporary.files(below: "killed-\(index)") == expected)
        }
    }

    @Test func `refuses rows that are not those of the checkpoint`() throws {
        let killed = try killedRun("killed", [5])
        var checkpoint = try store(killed).read(1)
        checkpoint.rows.payments.count += 1
        #expect(throws: RunStoreError.self) {
            try RunWriter(resuming: killed, topology: topology, description: description, from: checkpoint)
        }
    }

    /// Rows of the run up to its checkpoint, from the scratch file or the finished one.
    private func rows(of directory: RunDirectory, _ file: String) throws -> [String] {
        try DatabaseQueue(path: directory.path(of: file)).read { database in
            try ["payments", "attempts", "chain", "nodes", "channels"].flatMap { table in
                try Row.fetchAll(database, sql: "SELECT * FROM \(table)").map { "\(table) \($0)" }
            }
        }
    }

    @Test func `a bit that flipped in the rows is noticed or changes nothing`() throws {
        let directory = try killedRun("killed", [40, 5])
        let checkpoint = try store(directory).read(2)
        let scratch = ".run.sqlite.scratch"
        let whole = try directory.read(scratch)
        func goOn() throws -> [String] {
            _ = try RunWriter(
                resuming: directory, topology: topology, description: description, from: checkpoint)
            return try rows(of: directory, scratch)
        }
        let expected = try goOn()
        #expect(expected.count > 50)
        var stream = RandomStream(seed: 4, purpose: .init("flips"), process: 0)
        var noticed = 0
        for _ in 0..<150 {
            var damaged = whole
            let bit = stream.below(UInt64(whole.count) * 8)
            damaged[Int(bit / 8)] ^= 1 << UInt8(bit % 8)
            try Data(damaged).write(to: URL(fileURLWithPath: directory.path(of: scratch)))
            do {
                #expect(try goOn() == expected, "bit \(bit)")
            } catch RunStoreError.otherRows {
                noticed += 1
                #expect(try directory.read(scratch) == damaged, "what is of no use stays as it is")
            }
        }
        #expect(noticed > 10)
    }

    /// As a reorganisation leaves it: transactions are recorded long after they confirmed, and in the chain's order.
    @Test func `rows of the chain are known by their order, not by their time`() throws {
        let directory = try directory("late")
        func transaction(_ height: UInt32) -> ChainRecord {
            ChainRecord(
                height: height, position: 0, confirmedAt: UInt64(height) * 600, transactionID: "\(height)",
                kind: .closing, channel: 0, weight: 600, fee: .zero)
        }
        func killed() throws {
            let writer = try RunWriter(
                in: directory, topology: topology, description: description, takesCheckpoints: true)
            for height in 1...3 { try writer.record(transaction(UInt32(height))) }
            let simulation = try NetworkSimulation(topology, settings: RunSettings(), recorder: writer)
            try writer.checkpoint(simulation.state(), at: 10_000)
            for height in 4...6 { try writer.record(transaction(UInt32(height))) }
            try writer.flush()
        }
        try killed()
        let checkpoint = try store(directory).read(1)
        #expect(checkpoint.rows.transactions.count == 3)
        _ = try RunWriter(
            resuming: directory, topology: topology, description: description, from: checkpoint)
        let heights = try DatabaseQueue(path: directory.path(of: ".run.sqlite.scratch"))
            .read { try Int.fetchAll($0, sql: "SELECT height FROM chain") }
        #expect(heights == [1, 2, 3])
    }

    @Test func `what cannot be read is no reason to start over`() throws {
        let directory = try killedRun("run", [2, 2])
        let path = directory.path(of: "checkpoints/0000002.ckpt")
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        let error = #expect(throws: RunStoreError.self) { try store(directory).read(2) }
        #expect(error?.description == "\(path): Is a directory")
    }

    @Test func `a run that starts over keeps what was saved until it saves something`() throws {
        let directory = try killedRun("run", [2, 2])
        let scratch = try directory.read(".run.sqlite.scratch")
        func startOver() throws -> RunWriter {
            try RunWriter(
                startingOver: directory, topology: topology, description: description, true)
        }
        _ = try startOver()
        // Killed again before it had saved anything.
        let writer = try startOver()
        #expect(try store(directory).numbers() == [2, 1])
        #expect(try directory.read(".run.sqlite.aside") == scratch)
        let simulation = try NetworkSimulation(topology, settings: RunSettings(), recorder: writer)
        try writer.checkpoint(simulation.state(), at: simulation.simulatedTime)
        #expect(try store(directory).numbers() == [3, 2])
        #expect(!directory.has(".run.sqlite.aside"))
        try finish(simulation, writer)
        #expect(
            try temporary.files(below: "run").keys.sorted() == [
                "income.csv", "input/triangle.yaml", "manifest.json", "run.sqlite", "wall.json",
            ])
    }

    @Test func `refuses a checkpoint at every length but its own`() throws {
        let store = try store(killedRun("run", [2]))
        let whole = store.encoded(try store.read(1))
        for length in whole.indices {
            #expect(throws: CheckpointRefusal.self) { try store.decode(Array(whole.prefix(length))) }
        }
        #expect(throws: CheckpointRefusal.self) { try store.decode(whole + [0]) }
        #expect(try store.decode(whole).number == 1)
    }

    @Test func `refuses a checkpoint in which one bit flipped and falls back to the older one`() throws {
        let directory = try killedRun("run", [2, 2])
        let store = try store(directory)
        let name = "checkpoints/0000002.ckpt"
        let whole = try directory.read(name)
        var stream = RandomStream(seed: 3, purpose: .init("flips"), process: 0)
        for _ in 0..<1_000 {
            var damaged = whole
            let bit = stream.below(UInt64(whole.count) * 8)
            damaged[Int(bit / 8)] ^= 1 << UInt8(bit % 8)
            #expect(throws: CheckpointRefusal.self) { try store.decode(damaged) }
        }
        try directory.write(Array(whole.dropLast()), to: name)
        let numbers = try store.numbers()
        #expect(numbers == [2, 1] && numbers.filter { (try? store.read($0)) != nil } == [1])
    }

    @Test func `refuses a checkpoint of another run, of another version or under another name`() throws {
        let directory = try killedRun("run", [2])
        let bytes = try directory.read("checkpoints/0000001.ckpt")
        var other = description
        other.settings.paymentsMaximum = 9
        let otherRun = try CheckpointStore(of: directory, other, topology)
        #expect(throws: CheckpointRefusal.otherRun) { try otherRun.decode(bytes) }
        other = description
        other.version = "another"
        let otherVersion = try CheckpointStore(of: directory, other, topology)
        #expect(throws: CheckpointRefusal.otherVersion("test")) { try otherVersion.decode(bytes) }
        try directory.write(bytes, to: "checkpoints/0000007.ckpt")
        #expect(throws: CheckpointRefusal.damaged) { try store(directory).read(7) }
    }
}
