import LightningTypes

/// Reads what `lncli describegraph` prints: `nodes` with key and alias, `edges` with a policy for each end.
///
/// 64-bit numbers stand in quotes there; bare ones are read as well. Keys nobody needs are checked to be JSON
/// and skipped.
struct LNDGraph {
    private var draft = NetworkDraft()
    /// Of each node in `draft`: whether `nodes` lists it, or only an edge names it.
    private var isListed: [Bool] = []
    /// Where each channel of `draft` begins in the file.
    private var offsets: [Int] = []
    private var capacities = MoneySum()

    static func read(_ cursor: inout JSONCursor) throws(TopologyError) -> NetworkDraft {
        var graph = LNDGraph()
        var nodes: Void?
        var edges: Void?
        try cursor.members { (cursor, key) throws(TopologyError) in
            if key.matches("nodes") {
                try cursor.once(&nodes, key) { (cursor) throws(TopologyError) in
                    try cursor.elements { (cursor) throws(TopologyError) in try graph.readNode(&cursor) }
                }
            } else if key.matches("edges") {
                try cursor.once(&edges, key) { (cursor) throws(TopologyError) in
                    try cursor.elements { (cursor) throws(TopologyError) in try graph.readEdge(&cursor) }
                }
            } else {
                try cursor.skipValue()
            }
        }
        try cursor.end()
        guard nodes != nil else { throw cursor.file.error(1, "a describegraph without 'nodes'") }
        guard edges != nil else { throw cursor.file.error(1, "a describegraph without 'edges'") }
        try graph.check(cursor)
        return graph.draft
    }

    private mutating func readNode(_ cursor: inout JSONCursor) throws(TopologyError) {
        let start = cursor.offset
        var id: String?
        var alias: String?
        try cursor.members { (cursor, key) throws(TopologyError) in
            if key.matches("pub_key") {
                try cursor.once(&id, key) { (cursor) throws(TopologyError) in try cursor.nodeID("pub_key") }
            } else if key.matches("alias") {
                try cursor.once(&alias, key) { (cursor) throws(TopologyError) in try cursor.string() }
            } else {
                try cursor.skipValue()
            }
        }
        guard let id else { throw cursor.error(at: start, "a node without 'pub_key'") }
        guard draft.nodes.count < NetworkDraft.nodesMaximum else {
            throw cursor.error(at: start, "more than \(NetworkDraft.nodesMaximum) nodes")
        }
        let index = intern(id)
        guard !isListed[index] else {
            throw cursor.error(at: start, "the node \(quoted(id)) is listed twice")
        }
        isListed[index] = true
        if let alias, !alias.isEmpty { draft.withNode(Int32(index)) { $0.alias = alias } }
    }

    private mutating func intern(_ id: String) -> Int {
        let index = Int(draft.intern(id))
        if index == isListed.count { isListed.append(false) }
        return index
    }

    private mutating func readEdge(_ cursor: inout JSONCursor) throws(TopologyError) {
        _ = cursor.peek()
        let start = cursor.offset
        var id: ShortChannelID?
        var capacity: UInt64?
        var node1: String?
        var node2: String?
        var policy1: ChannelPolicy??
        var policy2: ChannelPolicy??
        try cursor.members { (cursor, key) throws(TopologyError) in
            if key.matches("channel_id") {
                try cursor.once(&id, key) { (c) throws(TopologyError) in try c.shortChannelID("channel_id") }
            } else if key.matches("capacity") {
                try cursor.once(&capacity, key) { (c) throws(TopologyError) in try c.unsigned("capacity") }
            } else if key.matches("node1_pub") {
                try cursor.once(&node1, key) { (c) throws(TopologyError) in try c.nodeID("node1_pub") }
            } else if key.matches("node2_pub") {
                try cursor.once(&node2, key) { (c) throws(TopologyError) in try c.nodeID("node2_pub") }
            } else if key.matches("node1_policy") {
                try cursor.once(&policy1, key, Self.readPolicy)
            } else if key.matches("node2_policy") {
                try cursor.once(&policy2, key, Self.readPolicy)
            } else {
                try cursor.skipValue()
            }
        }
        guard let id else { throw cursor.error(at: start, "an edge without 'channel_id'") }
        guard let node1, let node2 else {
            throw cursor.error(at: start, "edge \(id) lacks 'node\(node1 == nil ? 1 : 2)_pub'")
        }
        guard let capacity else { throw cursor.error(at: start, "edge \(id) lacks 'capacity'") }
        guard node1 != node2 else {
            throw cursor.error(at: start, "edge \(id) joins \(quoted(node1)) to itself")
        }
        guard draft.channels.count < NetworkDraft.channelsMaximum else {
            throw cursor.error(at: start, "more than \(NetworkDraft.channelsMaximum) channels")
        }
        let checked = try cursor.checkedCapacity(Satoshi(capacity), of: id, at: start)
        guard capacities.add(checked) else {
            throw cursor.error(at: start, MoneySum.refusal(of: "the capacities of all channels"))
        }
        var channel = Topology.Channel(
            standing: id, node1: Int32(intern(node1)), node2: Int32(intern(node2)), capacity: checked)
        channel.policy1 = policy1.flatMap(\.self)?.limited(to: checked)
        channel.policy2 = policy2.flatMap(\.self)?.limited(to: checked)
        draft.channels.append(channel)
        offsets.append(start)
    }

    private static func readPolicy(_ cursor: inout JSONCursor) throws(TopologyError) -> ChannelPolicy? {
        if try cursor.null() { return nil }
        let start = cursor.offset
        var delta: UInt64?
        var base: UInt64?
        var proportional: UInt64?
        var minimum: UInt64?
        var maximum: UInt64?
        var isDisabled: Bool?
        try cursor.members { (cursor, key) throws(TopologyError) in
            if key.matches("time_lock_delta") {
                try cursor.once(&delta, key) { (c) throws(TopologyError) in
                    try c.unsigned("time_lock_delta", to: UInt64(UInt16.max))
                }
            } else if key.matches("fee_base_msat") {
                try cursor.once(&base, key) { (c) throws(TopologyError) in
                    try c.unsigned("fee_base_msat", to: UInt64(UInt32.max))
                }
            } else if key.matches("fee_rate_milli_msat") {
                try cursor.once(&proportional, key) { (c) throws(TopologyError) in
                    try c.unsigned("fee_rate_milli_msat", to: UInt64(UInt32.max))
                }
            } else if key.matches("min_htlc") {
                try cursor.once(&minimum, key) { (c) throws(TopologyError) in try c.unsigned("min_htlc") }
            } else if key.matches("max_htlc_msat") {
                try cursor.once(&maximum, key) { (c) throws(TopologyError) in try c.unsigned("max_htlc_msat")
                }
            } else if key.matches("disabled") {
                try cursor.once(&isDisabled, key) { (c) throws(TopologyError) in try c.boolean() }
            } else {
                try cursor.skipValue()
            }
        }
        guard let delta, let base, let proportional else {
            let missing =
                delta == nil ? "time_lock_delta" : base == nil ? "fee_base_msat" : "fee_rate_milli_msat"
            throw cursor.error(at: start, "a policy without '\(missing)'")
        }
        return ChannelPolicy(
            baseFee: Millisatoshi(base), proportionalFee: UInt32(proportional),
            cltvExpiryDelta: UInt16(delta),
            isDisabled: isDisabled ?? false, htlcMinimum: Millisatoshi(minimum ?? 0),
            htlcMaximum: Millisatoshi(maximum ?? 0))
    }

    /// No short channel id twice, and no edge of a node that `nodes` does not list.
    private func check(_ cursor: JSONCursor) throws(TopologyError) {
        for (index, channel) in draft.channels.enumerated() {
            for node in [channel.node1, channel.node2] where !isListed[Int(node)] {
                let id = draft.nodes[Int(node)].id
                throw cursor.error(
                    at: offsets[index],
                    "edge \(channel.shortChannelID) names \(quoted(id)), which 'nodes' lacks")
            }
        }
        let order = draft.channels.indices.sorted {
            (draft.channels[$0].shortChannelID, $0) < (draft.channels[$1].shortChannelID, $1)
        }
        for (first, second) in zip(order, order.dropFirst()) {
            let id = draft.channels[first].shortChannelID
            guard id != draft.channels[second].shortChannelID else {
                throw cursor.error(
                    at: offsets[second],
                    "the short channel id \(id) stands twice: edges \(first + 1) and \(second + 1)")
            }
        }
    }
}
