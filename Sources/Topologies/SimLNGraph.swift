import LightningTypes

/// Reads a simulation file of sim-ln that brings its own network: `sim_network` with the channels, `activity`
/// with the payments, `exclude` with the nodes that only forward.
///
/// As there, every channel starts evenly split, and channel reserve, dust limit and the commitment's fee are
/// zero. sim-ln limits what is in flight for each side; here the smaller of the two holds for both.
struct SimLNGraph {
    /// What one side of a channel says.
    private struct End {
        var node: Int32
        var policy: ChannelPolicy
        var htlcsMaximum: UInt64
        var valueInFlightMaximum: UInt64
    }

    private var draft = NetworkDraft()
    private var offsets: [Int] = []
    /// Of each node: whether a channel that does more than forward is its own.
    private var isActive: [Int32: Bool] = [:]

    static func read(_ cursor: inout JSONCursor) throws(TopologyError) -> NetworkDraft {
        var graph = SimLNGraph()
        var network: Void?
        // The network may stand behind the activity that names its nodes.
        var activity: [SimLNActivity]?
        var excluded: [(id: String, offset: Int)]?
        try cursor.members { (cursor, key) throws(TopologyError) in
            if key.matches("sim_network") {
                try cursor.once(&network, key) { (cursor) throws(TopologyError) in
                    try cursor.elements { (cursor) throws(TopologyError) in try graph.readChannel(&cursor) }
                }
            } else if key.matches("activity") {
                try cursor.once(&activity, key) { (cursor) throws(TopologyError) in
                    try SimLNActivity.readAll(&cursor)
                }
            } else if key.matches("exclude") {
                try cursor.once(&excluded, key) { (cursor) throws(TopologyError) in
                    var list: [(String, Int)] = []
                    try cursor.elements { (cursor) throws(TopologyError) in
                        list.append((try cursor.nodeID("exclude"), cursor.offset))
                    }
                    return list
                }
            } else {
                try cursor.skipValue()
            }
        }
        try cursor.end()
        guard network != nil else { throw cursor.file.error(1, "a sim-ln file without 'sim_network'") }
        try graph.draft.checkShortChannelIDs { cursor.error(at: graph.offsets[$0], $1) }
        try graph.exclude(excluded ?? [], cursor)
        graph.draft.flows = try SimLNActivity.flows(of: activity ?? [], in: graph.draft, cursor)
        return graph.draft
    }

    private mutating func readChannel(_ cursor: inout JSONCursor) throws(TopologyError) {
        _ = cursor.peek()
        let start = cursor.offset
        var id: ShortChannelID?
        var capacity: UInt64?
        var end1: End?
        var end2: End?
        var forwardsOnly: Bool?
        try cursor.members { (cursor, key) throws(TopologyError) in
            if key.matches("scid") {
                try cursor.once(&id, key) { (c) throws(TopologyError) in try c.shortChannelID("scid") }
            } else if key.matches("capacity_msat") {
                try cursor.once(&capacity, key) { (c) throws(TopologyError) in
                    try c.unsigned("capacity_msat")
                }
            } else if key.matches("node_1") {
                try cursor.once(&end1, key) { (c) throws(TopologyError) in try readEnd(&c) }
            } else if key.matches("node_2") {
                try cursor.once(&end2, key) { (c) throws(TopologyError) in try readEnd(&c) }
            } else if key.matches("forward_only") {
                try cursor.once(&forwardsOnly, key) { (c) throws(TopologyError) in try c.boolean() }
            } else {
                try cursor.skipValue()
            }
        }
        guard let id else { throw cursor.error(at: start, "a channel without 'scid'") }
        guard let capacity else { throw cursor.error(at: start, "channel \(id) lacks 'capacity_msat'") }
        guard let end1, let end2 else {
            throw cursor.error(at: start, "channel \(id) lacks 'node_\(end1 == nil ? 1 : 2)'")
        }
        guard end1.node != end2.node else {
            throw cursor.error(at: start, "channel \(id) joins a node to itself")
        }
        guard capacity.isMultiple(of: 1_000) else {
            throw cursor.error(
                at: start, "channel \(id): \(capacity) millisatoshis; a channel holds whole satoshis")
        }
        guard draft.channels.count < NetworkDraft.channelsMaximum else {
            throw cursor.error(at: start, "more than \(NetworkDraft.channelsMaximum) channels")
        }
        let checked = try cursor.checkedCapacity(Satoshi(capacity / 1_000), of: id, at: start)
        var channel = Topology.Channel(
            standing: id, node1: end1.node, node2: end2.node, capacity: checked)
        channel.policy1 = end1.policy.limited(to: checked)
        channel.policy2 = end2.policy.limited(to: checked)
        channel.balance1 = Millisatoshi(capacity / 2)
        channel.limits = Topology.ChannelLimits(
            dustLimit: .zero, channelReserve: .zero,
            htlcValueInFlightMaximum: Millisatoshi(
                min(end1.valueInFlightMaximum, end2.valueInFlightMaximum, capacity)),
            acceptedHTLCsMaximum: UInt16(min(end1.htlcsMaximum, end2.htlcsMaximum, 483)),
            toSelfDelay: channel.limits.toSelfDelay, feeratePerKiloweight: 0, hasAnchors: false)
        draft.channels.append(channel)
        offsets.append(start)
        for node in [end1.node, end2.node] where forwardsOnly != true { isActive[node] = true }
    }

    private mutating func readEnd(_ cursor: inout JSONCursor) throws(TopologyError) -> End {
        _ = cursor.peek()
        let start = cursor.offset
        var id: String?
        var alias: String?
        var counts: [String: UInt64] = [:]
        let bounds: [(name: StaticString, maximum: UInt64)] = [
            ("max_htlc_count", .max), ("max_in_flight_msat", .max), ("min_htlc_size_msat", .max),
            ("max_htlc_size_msat", .max), ("cltv_expiry_delta", UInt64(UInt16.max)),
            ("base_fee", UInt64(UInt32.max)), ("fee_rate_prop", UInt64(UInt32.max)),
        ]
        try cursor.members { (cursor, key) throws(TopologyError) in
            if key.matches("pubkey") {
                try cursor.once(&id, key) { (c) throws(TopologyError) in try c.nodeID("pubkey") }
            } else if key.matches("alias") {
                try cursor.once(&alias, key) { (c) throws(TopologyError) in try c.string() }
            } else if let bound = bounds.first(where: { key.matches($0.name) }) {
                try cursor.once(&counts["\(bound.name)"], key) { (c) throws(TopologyError) in
                    try c.unsigned(bound.name, to: bound.maximum)
                }
            } else {
                try cursor.skipValue()
            }
        }
        guard let id else { throw cursor.error(at: start, "a side of a channel without 'pubkey'") }
        if let missing = bounds.first(where: { counts["\($0.name)"] == nil }) {
            throw cursor.error(at: start, "a side of a channel without '\(missing.name)'")
        }
        guard draft.nodes.count < NetworkDraft.nodesMaximum else {
            throw cursor.error(at: start, "more than \(NetworkDraft.nodesMaximum) nodes")
        }
        let node = draft.intern(id)
        if let alias, !alias.isEmpty { draft.withNode(node) { $0.alias = alias } }
        // All seven were just seen to be there, and within the widths they are cut to.
        func count(_ name: String) -> UInt64 { counts[name]! }
        return End(
            node: node,
            policy: ChannelPolicy(
                baseFee: Millisatoshi(count("base_fee")), proportionalFee: UInt32(count("fee_rate_prop")),
                cltvExpiryDelta: UInt16(count("cltv_expiry_delta")),
                htlcMinimum: Millisatoshi(count("min_htlc_size_msat")),
                htlcMaximum: Millisatoshi(count("max_htlc_size_msat"))),
            htlcsMaximum: count("max_htlc_count"), valueInFlightMaximum: count("max_in_flight_msat"))
    }

    /// Notes who neither pays nor is paid unless an activity says so.
    private mutating func exclude(
        _ list: [(id: String, offset: Int)], _ cursor: JSONCursor
    ) throws(TopologyError) {
        draft.onlyForwards = [Bool](repeating: false, count: draft.nodes.count)
        for node in draft.nodes.indices { draft.onlyForwards[node] = isActive[Int32(node)] != true }
        for (id, offset) in list {
            guard let node = draft.index(of: id) else {
                throw cursor.error(at: offset, "'exclude' names \(quoted(id)), which no channel has")
            }
            draft.onlyForwards[Int(node)] = true
        }
    }
}
