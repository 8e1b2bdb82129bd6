import Topologies

/// A reader of untrusted bytes, for the fuzzer and for the test that replays its seeds: whatever the bytes are, it must
/// answer in time, with a topology in order or with an error that has one line.
public enum FuzzedReader: String, CaseIterable, Sendable {
    /// Whatever the content says it is: topologies first of all.
    case topology
    case lnd, cln, cloth, graphml
    case simLN = "sim-ln"
    /// `listnodes`, beside a graph.
    case names
    /// A trace of payments (CSV).
    case trace

    /// Reads an input; what must not be is trapped.
    ///
    /// - Returns: whether it was a topology.
    @discardableResult
    public func read(_ bytes: [UInt8]) -> Bool {
        switch self {
        case .topology:
            // A graph of millions of nodes may be described in a line, and then takes its time.
            if Self.asksForMuch(bytes) { return false }
            return check { () throws(TopologyError) in try topology(bytes) }
        case .lnd, .cln, .graphml, .simLN:
            return check { () throws(TopologyError) in
                try topology(
                    Array("millrace: 1\ngraph: {format: \(rawValue), file: g}".utf8),
                    [(path: "g", bytes: bytes)])
            }
        case .cloth:
            // The three tables stand one after the other with a line `=` between them.
            let tables = bytes.split(separator: [UInt8(ascii: "="), 10], omittingEmptySubsequences: false)
            guard tables.count == 3 else { return false }
            return check { () throws(TopologyError) in
                try topology(
                    Array("millrace: 1\ngraph: {format: cloth, file: .}".utf8),
                    zip(Topology.cloTHFileNames, tables).map { (path: $0, bytes: Array($1)) })
            }
        case .names:
            return check { () throws(TopologyError) in
                try Topology(
                    bytes: Array(Self.listchannels.utf8), fileName: "g", directory: "",
                    options: .init(nodeNames: bytes))
            }
        case .trace:
            return check { () throws(TopologyError) in
                try topology(
                    Array("millrace: 1\nnodes: [a, b, 'c,d']\ntrace: t".utf8), [(path: "t", bytes: bytes)])
            }
        }
    }

    /// A graph for names to stand beside.
    private static let listchannels = """
        {"channels": [{"source": "02", "destination": "03", "short_channel_id": "1x1x1", "satoshis": 1000000, \
        "base_fee_millisatoshi": 1, "fee_per_millionth": 1, "delay": 1}]}
        """

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
    private func check(_ read: () throws(TopologyError) -> Topology) -> Bool {
        do {
            let topology = try read()
            precondition(topology.channels.allSatisfy { $0.node1 < $0.node2 }, "sides in order")
            precondition(
                topology.channels.allSatisfy { ($0.balance1?.rawValue ?? 0) <= $0.capacity.rawValue * 1_000 },
                "no balance is more than its channel")
            return true
        } catch {
            precondition(!error.description.contains("\n"), "an error is one line")
            return false
        }
    }
}
