import LightningTypes

/// Reads what `lightning-cli listchannels` prints: one entry for each direction that announced a policy.
///
/// Amounts come as numbers or, from older versions, as `"300000000msat"`; files of 2019 have `satoshis` and
/// no HTLC limits.
struct CLNGraph {
    /// One direction, before it meets its reverse.
    private struct Direction {
        var id: ShortChannelID
        var source: Int32
        var destination: Int32
        var capacity: Satoshi
        var policy: ChannelPolicy
        /// Where the entry begins in the file, and its number there, from 1.
        var offset: Int
        var number: Int
        /// Whether the source has the lesser key: BOLT 7's direction 0.
        var isFirst: Bool
    }

    private var draft = NetworkDraft()
    private var directions: [Direction] = []

    static func read(_ cursor: inout JSONCursor) throws(TopologyError) -> NetworkDraft {
        var graph = CLNGraph()
        var channels: Void?
        try cursor.members { (cursor, key) throws(TopologyError) in
            if key.matches("channels") {
                try cursor.once(&channels, key) { (cursor) throws(TopologyError) in
                    try cursor.elements { (cursor) throws(TopologyError) in try graph.readDirection(&cursor) }
                }
            } else {
                try cursor.skipValue()
            }
        }
        try cursor.end()
        guard channels != nil else { throw cursor.file.error(1, "a listchannels without 'channels'") }
        try graph.joinDirections(cursor)
        return graph.draft
    }

    private mutating func readDirection(_ cursor: inout JSONCursor) throws(TopologyError) {
        _ = cursor.peek()
        let start = cursor.offset
        var id: ShortChannelID?
        var source: String?
        var destination: String?
        var side: UInt64?
        var amount: UInt64?
        var satoshis: UInt64?
        var isActive: Bool?
        var base: UInt64?
        var proportional: UInt64?
        var delta: UInt64?
        var minimum: UInt64?
        var maximum: UInt64?
        try cursor.members { (cursor, key) throws(TopologyError) in
            if key.matches("source") {
                try cursor.once(&source, key) { (c) throws(TopologyError) in try c.nodeID("source") }
            } else if key.matches("destination") {
                try cursor.once(&destination, key) { (c) throws(TopologyError) in try c.nodeID("destination")
                }
            } else if key.matches("short_channel_id") {
                try cursor.once(&id, key) { (c) throws(TopologyError) in
                    try c.shortChannelID("short_channel_id")
                }
            } else if key.matches("direction") {
                try cursor.once(&side, key) { (c) throws(TopologyError) in try c.unsigned("direction", to: 1)
                }
            } else if key.matches("amount_msat") {
                try cursor.once(&amount, key) { (c) throws(TopologyError) in try c.unsigned("amount_msat") }
            } else if key.matches("satoshis") {
                try cursor.once(&satoshis, key) { (c) throws(TopologyError) in try c.unsigned("satoshis") }
            } else if key.matches("active") {
                try cursor.once(&isActive, key) { (c) throws(TopologyError) in try c.boolean() }
            } else if key.matches("base_fee_millisatoshi") {
                try cursor.once(&base, key) { (c) throws(TopologyError) in
                    try c.unsigned("base_fee_millisatoshi", to: UInt64(UInt32.max))
                }
            } else if key.matches("fee_per_millionth") {
                try cursor.once(&proportional, key) { (c) throws(TopologyError) in
                    try c.unsigned("fee_per_millionth", to: UInt64(UInt32.max))
                }
            } else if key.matches("delay") {
                try cursor.once(&delta, key) { (c) throws(TopologyError) in
                    try c.unsigned("delay", to: UInt64(UInt16.max))
                }
            } else if key.matches("htlc_minimum_msat") {
                try cursor.once(&minimum, key) { (c) throws(TopologyError) in
                    try c.unsigned("htlc_minimum_msat")
                }
            } else if key.matches("htlc_maximum_msat") {
                try cursor.once(&maximum, key) { (c) throws(TopologyError) in
                    try c.unsigned("htlc_maximum_msat")
                }
            } else {
                try cursor.skipValue()
            }
        }
        guard let id else { throw cursor.error(at: start, "an entry without 'short_channel_id'") }
        guard let source else { throw cursor.error(at: start, "channel \(id) lacks 'source'") }
        guard let destination else { throw cursor.error(at: start, "channel \(id) lacks 'destination'") }
        guard let base, let proportional, let delta else {
            let missing = base == nil ? "base_fee_millisatoshi" : delta == nil ? "delay" : "fee_per_millionth"
            throw cursor.error(at: start, "channel \(id) lacks '\(missing)'")
        }
        guard let capacity = amount.map({ $0 / 1_000 }) ?? satoshis else {
            throw cursor.error(at: start, "channel \(id) lacks 'amount_msat'")
        }
        guard source != destination else {
            throw cursor.error(at: start, "channel \(id) joins \(quoted(source)) to itself")
        }
        guard directions.count < 2 * NetworkDraft.channelsMaximum,
            draft.nodes.count < NetworkDraft.nodesMaximum
        else { throw cursor.error(at: start, "more channels or nodes than this program takes") }
        let isFirst = source.utf8.lexicographicallyPrecedes(destination.utf8)
        if let side, (side == 0) != isFirst {
            throw cursor.error(
                at: start,
                "channel \(id) has direction \(side), but its keys' order makes it \(1 - side) (BOLT 7)")
        }
        let policy = ChannelPolicy(
            baseFee: Millisatoshi(base), proportionalFee: UInt32(proportional),
            cltvExpiryDelta: UInt16(delta),
            isDisabled: !(isActive ?? true), htlcMinimum: Millisatoshi(minimum ?? 0),
            htlcMaximum: Millisatoshi(maximum ?? 0))
        directions.append(
            Direction(
                id: id, source: draft.intern(source), destination: draft.intern(destination),
                capacity: try cursor.checkedCapacity(Satoshi(capacity), of: id, at: start), policy: policy,
                offset: start, number: directions.count + 1, isFirst: isFirst))
    }

    /// Makes one channel of each one or two directions with the same short channel id.
    private mutating func joinDirections(_ cursor: JSONCursor) throws(TopologyError) {
        directions.sort { ($0.id, $0.number) < ($1.id, $1.number) }
        var index = 0
        var capacities = MoneySum()
        while index < directions.count {
            let first = directions[index]
            guard capacities.add(first.capacity) else {
                throw cursor.error(
                    at: first.offset, MoneySum.refusal(of: "the capacities of all channels"))
            }
            var channel = Topology.Channel(
                standing: first.id, node1: first.isFirst ? first.source : first.destination,
                node2: first.isFirst ? first.destination : first.source, capacity: first.capacity)
            while index < directions.count, directions[index].id == first.id {
                let direction = directions[index]
                let (source, destination) =
                    direction.isFirst
                    ? (channel.node1, channel.node2) : (channel.node2, channel.node1)
                let both = "entries \(first.number) and \(direction.number)"
                guard direction.source == source, direction.destination == destination else {
                    throw cursor.error(
                        at: direction.offset, "channel \(first.id) joins different nodes in \(both)")
                }
                guard direction.capacity == first.capacity else {
                    throw cursor.error(
                        at: direction.offset, "channel \(first.id) differs in capacity in \(both)")
                }
                guard (direction.isFirst ? channel.policy1 : channel.policy2) == nil else {
                    throw cursor.error(
                        at: direction.offset, "a direction of channel \(first.id) stands twice: \(both)")
                }
                let policy = direction.policy.limited(to: first.capacity)
                if direction.isFirst { channel.policy1 = policy } else { channel.policy2 = policy }
                index += 1
            }
            draft.channels.append(channel)
        }
    }

    /// Gives the nodes of `draft` the aliases of a `lightning-cli listnodes` output; nodes it alone lists
    /// have no channel and are left out.
    static func readAliases(_ cursor: inout JSONCursor, into draft: inout NetworkDraft) throws(TopologyError)
    {
        var nodes: Void?
        try cursor.members { (cursor, key) throws(TopologyError) in
            guard key.matches("nodes") else { return try cursor.skipValue() }
            try cursor.once(&nodes, key) { (cursor) throws(TopologyError) in
                try cursor.elements { (cursor) throws(TopologyError) in
                    var id: String?
                    var alias: String?
                    try cursor.members { (cursor, key) throws(TopologyError) in
                        if key.matches("nodeid") {
                            try cursor.once(&id, key) { (c) throws(TopologyError) in try c.nodeID("nodeid") }
                        } else if key.matches("alias") {
                            try cursor.once(&alias, key) { (c) throws(TopologyError) in try c.string() }
                        } else {
                            try cursor.skipValue()
                        }
                    }
                    guard let id else { throw cursor.error("a node without 'nodeid'") }
                    if let index = draft.index(of: id), let alias, !alias.isEmpty {
                        draft.withNode(index) { $0.alias = alias }
                    }
                }
            }
        }
        try cursor.end()
        guard nodes != nil else { throw cursor.file.error(1, "expected a listnodes output with 'nodes'") }
    }
}
