import LightningTypes

/// What faults and changes of policies lay out before a run begins, all of them together: a line of a file can stand for
/// one node or all, for once or a thousand times a day.
///
/// Counted, not carried out: linear in the nodes that the lines name, and no memory is taken for the events.
struct PlannedEvents {
    /// Of everything together; a gigabyte and a half at the most.
    static let countMaximum = 10_000_000.0
    /// An event as it waits in a queue, and what is known of the fault it belongs to.
    private static let bytesEach = 150.0

    /// About how many there are so far.
    private(set) var count = 0.0
    private let horizon: Double
    /// The channels of each node.
    private let degrees: [Int32]
    private let endCount: Double

    /// - Parameter horizon: when what happens at random times ends.
    init(_ topology: Topology, until horizon: Duration) {
        var degrees = [Int32](repeating: 0, count: topology.nodes.count)
        for channel in topology.channels {
            degrees[Int(channel.node1)] += 1
            degrees[Int(channel.node2)] += 1
        }
        self.degrees = degrees
        self.horizon = horizon / .seconds(1)
        endCount = 2 * Double(topology.channels.count)
    }

    /// All that a topology lays out.
    fileprivate init(of topology: Topology) {
        self.init(topology, until: topology.faultHorizon)
        for change in topology.policyChanges { add(change) }
        for fault in topology.faults { add(fault) }
    }

    private func ends(of nodes: [Int32]?) -> Double {
        // Who names them all has counted them.
        guard let nodes, nodes.count < degrees.count else { return endCount }
        return nodes.reduce(0.0) { $0 + Double(degrees[Int($1)]) }
    }

    mutating func add(_ fault: Topology.Fault) {
        let victims = fault.kind.befallsNodes ? Double(fault.nodes.count) : 1
        // Both ends of each channel are told when it begins and when it is over.
        let ends: Double =
            switch fault.kind {
            case .offline, .disconnect, .staleBackup, .latencyJitter:
                fault.channel == nil ? ends(of: fault.nodes) : Double(min(fault.nodes.count, 2))
            case .cheat, .forceClose, .hold, .towerOutage, .feeSpike, .emptyBlocks, .reorganisation: 0
            }
        let times: Double =
            switch fault.timing {
            case .at: 1
            case .rate(let rate): rate * horizon
            }
        // Who is named is known one by one, however rarely anything happens.
        count += max(victims, times * (2 * victims + 4 * ends))
    }

    mutating func add(_ change: Topology.PolicyChange) {
        let nodes = Double(change.nodes?.count ?? degrees.count)
        let ends = change.channel == nil ? min(ends(of: change.nodes), ends(of: change.peers)) : 2
        // Whom it names it keeps: four bytes each.
        count += Double((change.nodes?.count ?? 0) + (change.peers?.count ?? 0)) * 4 / Self.bytesEach
        switch change.timing {
        case .at: count += max(ends, 1)
        // Each node plans its next one alone.
        case .rate: count += max(min(nodes, ends), 1)
        }
    }

    var bytes: Double { count * Self.bytesEach }

    /// Whether there are more than any run may have.
    var isTooMany: Bool { count > Self.countMaximum }

    /// What an error says of too many.
    var refusal: String {
        "faults and changes of policies come to about \(NumberText.grouped(count)) events in all, some "
            + "\(NumberText.gigabytes(bytes)) of memory before the run begins; at most "
            + "\(NumberText.grouped(Self.countMaximum)) (\(NumberText.gigabytes(Self.countMaximum * Self.bytesEach)))"
            + ": lower rates, fewer nodes or a shorter duration take less"
    }
}

extension Topology {
    /// About what laying out faults and changes of policies takes, as `checkPlannedEvents` counts them.
    public var plannedEventBytes: Double { PlannedEvents(of: self).bytes }

    /// Refuses faults and changes of policies that would take more memory than any run is worth, as it is going to be:
    /// what is set in place of the file included.
    public func checkPlannedEvents() throws(TopologyError) {
        guard !faults.isEmpty || !policyChanges.isEmpty else { return }
        let planned = PlannedEvents(of: self)
        guard !planned.isTooMany else { throw SourceFile(name: name).error(nil, planned.refusal) }
    }

    /// Nothing goes wrong at random times later: the end of the traffic, or as far as the payments that bound it take
    /// on average.
    public var faultHorizon: Duration { min(faultsEnd ?? trafficHorizon, trafficHorizon) }
}
