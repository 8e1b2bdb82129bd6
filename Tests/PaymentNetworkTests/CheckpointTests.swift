import Foundation
import LightningTypes
import Randomness
import Snapshots
import Testing
import Topologies

@testable import PaymentNetwork

/// Runs until about `batches` × 64 events are handled; the recorder has every record up to there.
private func advance(_ simulation: NetworkSimulation, batches: Int, _ notebook: Notebook) throws {
    var left = batches
    _ = simulation.advance(batch: 64) {
        left -= 1
        return left <= 0
    }
    try RecordBuffer.deliver(simulation.simulation.models, to: notebook)
}

/// Everything a run says, as text: any difference shows.
func story(_ result: RunResult, _ notebook: Notebook) -> String {
    let payments = notebook.payments.sorted { $0.number < $1.number }
    let attempts = notebook.attempts.sorted { ($0.payment, $0.number) < ($1.payment, $1.number) }
    return "\(result)\n\(payments)\n\(attempts)\n\(notebook.transactions)\n\(notebook.hours)"
}

func firstDifference(_ a: String, _ b: String) -> String {
    let place = zip(a.utf8, b.utf8).enumerated().first { $1.0 != $1.1 }?.offset ?? 0
    func around(_ text: String) -> String {
        String(
            decoding: Array(text.utf8)[max(0, place - 60)..<min(text.utf8.count, place + 60)], as: UTF8.self)
    }
    return "…\(around(a))… instead of …\(around(b))…"
}

private func village() throws -> Topology {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../topologies/village.yaml").standardizedFileURL.path
    return try Topology(
        bytes: Array(try Data(contentsOf: URL(fileURLWithPath: path))), fileName: path, directory: "")
}

enum Kind: String, CaseIterable, Sendable {
    case standing, opened, village, rebalanced, circulating, halving, flowing, changing, churning, rated
}

private func network(_ kind: Kind, seed: UInt64) throws -> (Topology, RunSettings) {
    var settings = RunSettings()
    var topology: Topology
    switch kind {
    case .standing:
        topology = try busyNetwork(rate: 20)
        settings.paymentsMaximum = 300
    case .opened:
        topology = try busyNetwork(opened: true)
        settings.paymentsMaximum = 150
    case .village:
        topology = try village()
        settings.paymentsMaximum = 120
    case .circulating:
        topology = try busyNetwork(rate: 10)
        guard case .flows(var flows) = topology.traffic else { throw CancellationError() }
        flows[0].bursts = .init(factor: 5, lasting: .seconds(3), every: .seconds(9))
        flows[0].hours = (1...24).map { Double($0) }
        flows[0].circulation = .init(
            spend: 0.4, giveBack: 0.3, swap: 0.2, swapNodes: [2], after: .seconds(4))
        topology.traffic = .flows(flows)
        settings.paymentsMaximum = 300
    case .changing:
        topology = try changingNetwork()
        settings.paymentsMaximum = 300
    case .churning:
        topology = try churningNetwork(seed: seed)
        settings.paymentsMaximum = 300
    case .rated:
        topology = try movingFees(seed: seed, anchors: seed % 2 == 0, faults: flickering)
    case .halving:
        topology = try dividingNetwork(.lnd, .halving, rate: 10)
        settings.paymentsMaximum = 100
    case .flowing:
        topology = try dividingNetwork(.cheapestFee, .minimumCostFlow, rate: 10)
        settings.paymentsMaximum = 60
    case .rebalanced:
        topology = try busyNetwork(rate: 200)
        topology.warmup = .seconds(1)
        settings.paymentsMaximum = 400
    }
    topology.seed = seed
    return (topology, settings)
}

@Suite struct `A run restored from its state` {
    @Test(arguments: Kind.allCases, SignatureMode.allCases)
    func `ends as if it had never stopped`(kind: Kind, signatures: SignatureMode) throws {
        var stream = RandomStream(seed: 11, purpose: .init("instants"), process: 0)
        for seed in 1...(signatures == .eager ? 2 : 6) as ClosedRange<UInt64> {
            var (topology, settings) = try network(kind, seed: seed)
            settings.signatures = signatures
            if signatures == .eager { settings.paymentsMaximum = 40 }
            let whole = Notebook()
            let simulation = try NetworkSimulation(topology, settings: settings, recorder: whole)
            let expected = story(try simulation.run(), whole)
            let batchCount = Int(simulation.eventCount / 64)
            // Three lives: saved twice at random instants, each time in another number of shards.
            for _ in 0..<(signatures == .eager ? 4 : 12) {
                let notebook = Notebook()
                var state: [UInt8]?
                for _ in 0..<2 {
                    let shards = Int(stream.below(3)) * 2 + 1
                    let life = try NetworkSimulation(
                        topology, settings: settings, recorder: notebook, shardCount: shards, resuming: state)
                    if let state { #expect(life.state() == state, "a state reads back as another one") }
                    try advance(life, batches: Int(stream.below(UInt64(batchCount) + 1)), notebook)
                    state = life.state()
                    let time = life.simulatedTime
                    #expect(notebook.payments.allSatisfy { $0.endedAt <= time })
                }
                let last = try NetworkSimulation(
                    topology, settings: settings, recorder: notebook, resuming: state)
                let found = story(try last.run(), notebook)
                #expect(found == expected, "\(firstDifference(found, expected))")
            }
        }
    }

    @Test func `goes on on several threads`() throws {
        let (topology, settings) = try network(.rebalanced, seed: 3)
        let whole = Notebook()
        let expected = story(
            try NetworkSimulation(topology, settings: settings, recorder: whole).run(), whole)
        for batches in [1, 20, 60] {
            let notebook = Notebook()
            let first = try NetworkSimulation(topology, settings: settings, recorder: notebook)
            try advance(first, batches: batches, notebook)
            var threaded = settings
            threaded.threads = 3
            let second = try NetworkSimulation(
                topology, settings: threaded, recorder: notebook, resuming: first.state())
            #expect(story(try second.run(), notebook) == expected)
        }
    }
}

@Suite struct `A damaged state` {
    private func state(_ kind: Kind, _ signatures: SignatureMode) throws -> (Topology, RunSettings, [UInt8]) {
        var (topology, settings) = try network(kind, seed: 5)
        settings.signatures = signatures
        let simulation = try NetworkSimulation(topology, settings: settings)
        try advance(simulation, batches: 60, Notebook())
        return (topology, settings, simulation.state())
    }

    @Test(arguments: [Kind.standing, .opened, .flowing, .changing], SignatureMode.allCases)
    func `is refused at every length but its own`(kind: Kind, signatures: SignatureMode) throws {
        let (topology, settings, state) = try state(kind, signatures)
        for length in stride(from: 0, to: state.count, by: state.count / 300 + 1) {
            #expect(throws: SimulationError.self) {
                try NetworkSimulation(topology, settings: settings, resuming: Array(state.prefix(length)))
            }
        }
        #expect(throws: SimulationError.self) {
            try NetworkSimulation(topology, settings: settings, resuming: state + [0])
        }
    }

    /// Without the checksum of a checkpoint file a changed balance may pass for a state; nothing may trap.
    @Test(arguments: [Kind.standing, .opened, .flowing, .changing], SignatureMode.allCases)
    func `is refused or read, never trapped on`(kind: Kind, signatures: SignatureMode) throws {
        let (topology, settings, state) = try state(kind, signatures)
        var stream = RandomStream(seed: 12, purpose: .init("flips"), process: 0)
        var refused = 0
        for _ in 0..<400 {
            var damaged = state
            let bit = stream.below(UInt64(state.count) * 8)
            damaged[Int(bit / 8)] ^= 1 << UInt8(bit % 8)
            do { _ = try NetworkSimulation(topology, settings: settings, resuming: damaged) } catch {
                refused += 1
            }
        }
        #expect(refused > 50)
    }
}
