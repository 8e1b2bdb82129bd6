import Foundation
import PaymentNetwork
import Topologies

/// What libFuzzer calls with each input. Whatever the bytes are, the reader must answer in time, with a topology
/// or with an error that has one line.
@c(LLVMFuzzerTestOneInput)
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    Reader.chosen.read(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}

/// A reader of untrusted bytes; `MILLRACE_READER` names the one to be fuzzed.
enum Reader: String, CaseIterable {
    /// Whatever the content says it is: topologies first of all.
    case topology
    case lnd, cln, cloth, graphml
    case simLN = "sim-ln"
    /// `listnodes`, beside a graph.
    case names
    /// A trace of payments (CSV).
    case trace
    /// The saved state of a run.
    case state

    static let chosen: Reader = {
        let name = ProcessInfo.processInfo.environment["MILLRACE_READER"] ?? ""
        guard let reader = Reader(rawValue: name) else {
            let names = allCases.map(\.rawValue).joined(separator: ", ")
            FileHandle.standardError.write(Data("MILLRACE_READER: expected one of \(names)\n".utf8))
            exit(64)
        }
        if reader == .state, let seeds = ProcessInfo.processInfo.environment["MILLRACE_STATE_SEEDS"] {
            do { try State.writeSeeds(to: seeds) } catch { fatalError("\(error)") }
            exit(0)
        }
        return reader
    }()

    func read(_ bytes: [UInt8]) {
        switch self {
        case .topology:
            // A graph of millions of nodes may be described in a line, and then takes its time.
            if Self.asksForMuch(bytes) { return }
            check { () throws(TopologyError) in try topology(bytes) }
        case .lnd, .cln, .graphml, .simLN:
            check { () throws(TopologyError) in
                try topology(
                    Array("millrace: 1\ngraph: {format: \(rawValue), file: g}".utf8),
                    [(path: "g", bytes: bytes)])
            }
        case .cloth:
            // The three tables stand one after the other with a line `=` between them.
            let tables = bytes.split(separator: [UInt8(ascii: "="), 10], omittingEmptySubsequences: false)
            guard tables.count == 3 else { return }
            check { () throws(TopologyError) in
                try topology(
                    Array("millrace: 1\ngraph: {format: cloth, file: .}".utf8),
                    zip(Topology.cloTHFileNames, tables).map { (path: $0, bytes: Array($1)) })
            }
        case .names:
            check { () throws(TopologyError) in
                try Topology(
                    bytes: Array(Seeds.listchannels.utf8), fileName: "g", directory: "",
                    options: .init(nodeNames: bytes))
            }
        case .trace:
            check { () throws(TopologyError) in
                try topology(
                    Array("millrace: 1\nnodes: [a, b, 'c,d']\ntrace: t".utf8), [(path: "t", bytes: bytes)])
            }
        case .state: State.restore(bytes)
        }
    }

    /// Whether `generate` stands beside a number of five digits or more.
    private static func asksForMuch(_ bytes: [UInt8]) -> Bool {
        let isGenerator =
            bytes.contains(UInt8(ascii: "g")) && bytes.split(separator: Array("generate".utf8)).count > 1
        let digits = bytes.split {
            !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) && $0 != UInt8(ascii: "_")
        }
        return isGenerator && digits.contains { $0.count > 4 }
    }

    /// No file of the disk is read: what a hostile topology names is not there.
    private func topology(
        _ bytes: [UInt8], _ files: [(path: String, bytes: [UInt8])] = []
    ) throws(TopologyError) -> Topology {
        try Topology(
            bytes: bytes, fileName: "input", directory: "",
            options: .init(files: ReferencedFiles(given: files)))
    }

    /// An error is fine if it is one line.
    private func check(_ read: () throws(TopologyError) -> Topology) {
        do {
            let topology = try read()
            precondition(topology.channels.allSatisfy { $0.node1 < $0.node2 }, "sides in order")
            precondition(
                topology.channels.allSatisfy { ($0.balance1?.rawValue ?? 0) <= $0.capacity.rawValue * 1_000 },
                "no balance is more than its channel")
        } catch {
            precondition(!error.description.contains("\n"), "an error is one line")
        }
    }
}

/// Small inputs that the readers themselves need.
enum Seeds {
    static let listchannels = """
        {"channels": [{"source": "02", "destination": "03", "short_channel_id": "1x1x1", "satoshis": 1000000, \
        "base_fee_millisatoshi": 1, "fee_per_millionth": 1, "delay": 1}]}
        """

    static let topology = """
        millrace: 1
        nodes: [alice, bob, carol]
        channels:
          - {from: alice, to: bob, capacity_sat: 1_000_000}
          - {from: bob, to: carol, capacity_sat: 1_000_000, standing: true}
        traffic:
          - {rate_per_second: 20, amount_sat: {from: 1, to: 90_000}, starts_at: 1h}
        duration: 2h
        """
}

/// Saved states of a small run.
enum State {
    private static let topology: Topology = {
        do {
            return try Topology(bytes: Array(Seeds.topology.utf8), fileName: "seed", directory: "")
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

    /// Writes real states, from which the fuzzer starts: about ten a second, as the wall clock has it.
    static func writeSeeds(to directory: String) throws {
        let simulation = try simulation(resuming: nil)
        var states = [simulation.state()]
        _ = try? simulation.run { _ in
            states.append(simulation.state())
            return states.count < 6
        }
        for (number, state) in states.enumerated() {
            try Data(state).write(to: URL(fileURLWithPath: directory).appendingPathComponent("\(number)"))
        }
    }
}
