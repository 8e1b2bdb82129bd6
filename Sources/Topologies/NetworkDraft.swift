import LightningTypes

/// A network while files add to it: nodes and channels in the order they were met.
///
/// Invariant: `indexOfID` maps each node's `id` to its place in `nodes`; the `node1` and `node2` of a channel
/// are such places, not yet in BOLT 7's order, and differ.
struct NetworkDraft {
    static let nodesMaximum = 10_000_000
    static let channelsMaximum = 50_000_000

    private(set) var nodes: [Topology.Node] = []
    private var indexOfID: [String: Int32] = [:]
    var channels: [Topology.Channel] = []
    /// The payments that the file itself asks for, between nodes of the draft; none where it asks for none.
    var flows: [Topology.Flow] = []
    /// Of each node: whether the file keeps it from paying and being paid. Empty: none of them.
    var onlyForwards: [Bool] = []

    /// The node of this id, made if there is none.
    mutating func intern(_ id: String) -> Int32 {
        if let index = indexOfID[id] { return index }
        let index = Int32(nodes.count)
        nodes.append(Topology.Node(id: id, alias: id, group: nil, wallet: nil))
        indexOfID[id] = index
        return index
    }

    mutating func reserve(nodes count: Int) {
        nodes.reserveCapacity(count)
        indexOfID.reserveCapacity(count)
    }

    func index(of id: String) -> Int32? { indexOfID[id] }

    /// Longer aliases are cut: BOLT 7's have 32 bytes, and no table shows so many.
    static let aliasBytesMaximum = 200

    mutating func withNode(_ index: Int32, _ change: (inout Topology.Node) -> Void) {
        let id = nodes[Int(index)].id
        change(&nodes[Int(index)])
        if nodes[Int(index)].alias.utf8.count > Self.aliasBytesMaximum {
            nodes[Int(index)].alias = PlainText.beginning(
                of: nodes[Int(index)].alias, bytes: Self.aliasBytesMaximum)
        }
        precondition(nodes[Int(index)].id == id, "a node's id never changes")
    }

    /// Removes channels in which neither direction was ever announced, then nodes left without any channel.
    mutating func dropChannelsWithoutPolicy() {
        // Files that say who pays give every channel its policies.
        guard channels.contains(where: { $0.policy1 == nil && $0.policy2 == nil }) else { return }
        precondition(flows.isEmpty && onlyForwards.isEmpty, "traffic speaks of nodes that may go")
        channels.removeAll { $0.policy1 == nil && $0.policy2 == nil }
        var isConnected = [Bool](repeating: false, count: nodes.count)
        for channel in channels {
            isConnected[Int(channel.node1)] = true
            isConnected[Int(channel.node2)] = true
        }
        var newIndex = [Int32](repeating: -1, count: nodes.count)
        var kept: [Topology.Node] = []
        for (index, node) in nodes.enumerated() where isConnected[index] {
            newIndex[index] = Int32(kept.count)
            kept.append(node)
        }
        for index in channels.indices {
            channels[index].node1 = newIndex[Int(channels[index].node1)]
            channels[index].node2 = newIndex[Int(channels[index].node2)]
        }
        nodes = kept
        indexOfID = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1.id, Int32($0)) })
    }

    /// The file's own payments between nodes in a topology's order.
    func flows(renumbered newIndex: [Int32]) -> [Topology.Flow] {
        flows.map { flow in
            var result = flow
            result.payers = flow.payers.map { newIndex[Int($0)] }
            result.payees = flow.payees.map { newIndex[Int($0)] }
            return result
        }
    }

    /// The network in the order a `Topology` keeps, and the new index of each node.
    ///
    /// Nodes are compared by the bytes of their ids, as BOLT 7 compares keys, not by the language's idea of
    /// text.
    func inOrder() -> (nodes: [Topology.Node], channels: [Topology.Channel], newIndex: [Int32]) {
        let order = nodes.indices.sorted { nodes[$0].id.utf8.lexicographicallyPrecedes(nodes[$1].id.utf8) }
        var newIndex = [Int32](repeating: 0, count: nodes.count)
        for (new, old) in order.enumerated() { newIndex[old] = Int32(new) }
        var ordered = channels
        for index in ordered.indices {
            ordered[index].node1 = newIndex[Int(ordered[index].node1)]
            ordered[index].node2 = newIndex[Int(ordered[index].node2)]
            if ordered[index].node1 > ordered[index].node2 { ordered[index].swapSides() }
        }
        ordered.sort { $0.shortChannelID < $1.shortChannelID }
        return (order.map { nodes[$0] }, ordered, newIndex)
    }
}

extension Topology.Channel {
    /// A channel of a graph file: open before the run, its funder and balance unknown, its limits the
    /// standard.
    init(standing id: ShortChannelID, node1: Int32, node2: Int32, capacity: Satoshi) {
        self.init(
            shortChannelID: id, node1: node1, node2: node2, capacity: capacity, funder: nil, balance1: nil,
            pushed: .zero, policy1: nil, policy2: nil, openingCost: .zero,
            limits: LimitsDraft().resolved(capacity: capacity))
    }

    static func duration(_ microseconds: UInt64) -> Duration? {
        microseconds == .max ? nil : .microseconds(microseconds)
    }

    static func microseconds(_ duration: Duration?) -> UInt64 { duration?.inMicroseconds ?? .max }

    /// The same channel with its ends named the other way round.
    mutating func swapSides() {
        swap(&node1, &node2)
        swap(&policy1, &policy2)
        funder = funder?.other
        balance1 = balance1.map { Millisatoshi(capacity) - $0 }
    }
}

extension ChannelPolicy {
    /// This policy with its largest HTLC within the channel: none given, or zero, means the whole of it.
    func limited(to capacity: Satoshi) -> ChannelPolicy {
        var result = self
        let whole = Millisatoshi(capacity)
        result.htlcMaximum = htlcMaximum == .zero ? whole : min(htlcMaximum, whole)
        return result
    }
}
