import Foundation
import FuzzedReaders
import PaymentNetwork
import Topologies

/// What libFuzzer calls with each input. Whatever the bytes are, the reader must answer in time, with a topology
/// or with an error that has one line.
@c(LLVMFuzzerTestOneInput)
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    Target.chosen.read(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}

/// What is fuzzed; `MILLRACE_READER` names it.
enum Target {
    case reader(FuzzedReader)
    /// The saved state of a run.
    case state

    private static let stateName = "state"

    static let chosen: Target = {
        let name = ProcessInfo.processInfo.environment["MILLRACE_READER"] ?? ""
        if name == stateName {
            if let seeds = ProcessInfo.processInfo.environment["MILLRACE_STATE_SEEDS"] {
                do { try State.writeSeeds(to: seeds) } catch { fatalError("\(error)") }
                // Past libFuzzer, which takes an exit for a crash.
                _exit(0)
            }
            return .state
        }
        guard let reader = FuzzedReader(rawValue: name) else {
            let names = (FuzzedReader.allCases.map(\.rawValue) + [stateName]).joined(separator: ", ")
            FileHandle.standardError.write(Data("MILLRACE_READER: expected one of \(names)\n".utf8))
            exit(64)
        }
        return .reader(reader)
    }()

    func read(_ bytes: [UInt8]) {
        switch self {
        case .reader(let reader): reader.read(bytes)
        case .state: State.restore(bytes)
        }
    }
}

/// Saved states of a small run in which channels are given up, cheats are punished and a tower watches.
enum State {
    private static let text = """
        millrace: 1
        nodes: [alice, bob, carol]
        channels:
          - {from: alice, to: bob, capacity_sat: 1_000_000}
          - {from: bob, to: carol, capacity_sat: 1_000_000, standing: true}
        traffic:
          - {rate_per_second: 20, amount_sat: {from: 1, to: 90_000}, starts_at: 1h}
        duration: 6h
        layer_1: {profile: bitcoin}
        watchtower: {nodes: [bob]}
        faults:
          - {kind: disconnect, node: all, rate_per_day: 2_000, for: 20s}
          - {kind: offline, node: bob, at: 2h, for: 3h}
          - {kind: stale-backup, node: alice, at: 4h, for: 10m, age: 30m}
          - {kind: cheat, node: carol, at: 2h}
          - {kind: watchtower-outage, at: 2h, for: 2h}
          - {kind: reorg, depth: 2, rate_per_day: 20}
        """

    private static let topology: Topology = {
        do {
            return try Topology(bytes: Array(text.utf8), fileName: "seed", directory: "")
        } catch { fatalError("\(error)") }
    }()

    private static func simulation(resuming state: [UInt8]?) throws -> NetworkSimulation {
        var settings = RunSettings()
        settings.paymentsMaximum = 400_000
        return try NetworkSimulation(topology, settings: settings, recorder: nil, resuming: state)
    }

    /// A state is under a checksum before anybody restores it, so what is restored here is worse than any file
    /// can bring; it must be refused or taken, and never trap.
    static func restore(_ bytes: [UInt8]) { _ = try? simulation(resuming: bytes) }

    /// Writes real states, from which the fuzzer starts: about ten a second, as the wall clock has it, and of these
    /// one at the beginning of each half hour.
    static func writeSeeds(to directory: String) throws {
        let simulation = try simulation(resuming: nil)
        var states = [simulation.state()]
        var next: UInt64 = 0
        _ = try? simulation.run { _ in
            guard simulation.simulatedTime >= next else { return true }
            next = simulation.simulatedTime + 1_800_000_000
            states.append(simulation.state())
            return true
        }
        for (number, state) in states.enumerated() {
            try Data(state).write(to: URL(fileURLWithPath: directory).appendingPathComponent("\(number)"))
        }
    }
}
