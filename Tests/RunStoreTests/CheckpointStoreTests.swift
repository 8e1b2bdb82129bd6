import Foundation
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
        return directory
    }

    private func store(_ directory: RunDirectory) throws -> CheckpointStore {
        try CheckpointStore(of: directory, description, topology)
    }

    @Test func `keeps the latest two checkpoints`() throws {
        let store = try store(killedRun("run", [1, 1, 1, 1]))
        #expect(store.numbers == [4, 3])
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
        checkpoint.rows.payments += 1
        #expect(throws: RunStoreError.self) {
            try RunWriter(resuming: killed, topology: topology, description: description, from: checkpoint)
        }
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
        let readable = store.numbers.filter { (try? store.read($0)) != nil }
        #expect(store.numbers == [2, 1] && readable == [1])
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
