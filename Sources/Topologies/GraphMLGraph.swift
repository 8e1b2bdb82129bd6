import LightningTypes

/// Reads GraphML, in which graph libraries and collections of topologies write their graphs.
///
/// In an undirected graph an edge is a channel, and its policy that of both directions. In a directed one an
/// edge is a direction: two with one short channel id, or else two that lead opposite ways between the same
/// nodes, in the order they come, are one channel. Attributes mean something by their names (`roles`); others
/// are passed over. What an edge lacks is lnd's default policy, and a capacity of 1,000,000 sat.
struct GraphMLGraph {
    static let assumedCapacity = Satoshi(1_000_000)

    /// What an attribute is taken for, and the names that graph tools give it.
    private enum Role: CaseIterable {
        case alias, shortChannelID, capacity, capacityMillisatoshi, balance, balanceMillisatoshi, baseFee
        case proportionalFee, cltvExpiryDelta, htlcMinimum, htlcMaximum, isDisabled

        var names: [String] {
            switch self {
            case .alias: ["alias", "label", "name"]
            case .shortChannelID: ["short_channel_id", "scid", "channel_id", "chan_id"]
            case .capacity: ["capacity_sat", "capacity", "satoshis"]
            case .capacityMillisatoshi: ["capacity_msat", "amount_msat"]
            case .balance: ["balance_sat"]
            case .balanceMillisatoshi: ["balance_msat"]
            case .baseFee:
                ["base_fee_msat", "fee_base_msat", "base_fee_millisatoshi", "base_fee", "fee_base"]
            case .proportionalFee:
                [
                    "fee_ppm", "fee_proportional_millionths", "fee_rate_milli_msat", "fee_per_millionth",
                    "fee_proportional", "fee_rate", "ppm",
                ]
            case .cltvExpiryDelta:
                ["cltv_expiry_delta", "time_lock_delta", "timelock", "delay", "cltv_delta", "cltv"]
            case .htlcMinimum: ["htlc_minimum_msat", "min_htlc"]
            case .htlcMaximum: ["htlc_maximum_msat", "max_htlc_msat"]
            case .isDisabled: ["disabled"]
            }
        }
    }

    private struct Attribute {
        var key: String
        var role: Role
        var isOfEdges: Bool
        var fallback: String?
    }

    private struct Edge {
        var source: String
        var target: String
        var isDirected: Bool
        var values: [Role: String]
        var offset: Int
    }

    /// Directed edges that a reverse would complete; the first to come is the first to find one.
    private struct Waiting: Hashable {
        var id: ShortChannelID?
        var source: Int32
        var target: Int32
    }

    private var draft = NetworkDraft()
    /// In the order the file declares them.
    private var attributes: [Attribute] = []
    private var edges: [Edge] = []
    private var isDirected = false
    private var hasGraph = false

    static func read(
        _ bytes: UnsafeBufferPointer<UInt8>, file: SourceFile
    ) throws(TopologyError) -> NetworkDraft {
        var cursor = XMLCursor(bytes, file: file)
        var graph = GraphMLGraph()
        while let event = try cursor.next() {
            switch event {
            case .start("graphml"): break
            case .start("key"): try graph.readKey(&cursor)
            case .start("graph"): try graph.readGraph(&cursor)
            case .start(let name):
                guard graph.hasGraph || name == "desc" || name == "data" else {
                    throw cursor.error("expected GraphML, found \(quoted(name))")
                }
                try cursor.skipElement()
            case .end, .text: break
            }
        }
        guard graph.hasGraph else { throw file.error(1, "GraphML without a 'graph'") }
        return try graph.joined(cursor)
    }

    private mutating func readKey(_ cursor: inout XMLCursor) throws(TopologyError) {
        guard let id = cursor.attribute("id") else { throw cursor.error("a key without 'id'") }
        let name = cursor.attribute("attr.name") ?? id
        let domain = cursor.attribute("for") ?? "all"
        var fallback: String?
        while let event = try cursor.next(), event != .end("key") {
            guard case .start(let child) = event else { continue }
            if child == "default" { fallback = try cursor.elementText() } else { try cursor.skipElement() }
        }
        guard let role = Role.allCases.first(where: { $0.names.contains(name) }) else { return }
        let isOfEdges = role != .alias
        guard domain == "all" || domain == (isOfEdges ? "edge" : "node") else { return }
        // Each datum looks through them; graph tools declare a dozen.
        guard attributes.count < 64 else { throw cursor.error("more than 64 keys that mean something") }
        attributes.append(Attribute(key: id, role: role, isOfEdges: isOfEdges, fallback: fallback))
    }

    private mutating func readGraph(_ cursor: inout XMLCursor) throws(TopologyError) {
        guard !hasGraph else { throw cursor.error("a second graph, or one inside a node; expected one") }
        hasGraph = true
        switch cursor.attribute("edgedefault") {
        case "directed": isDirected = true
        case "undirected", nil: isDirected = false
        case let other?:
            throw cursor.error("edgedefault: expected directed or undirected, found \(quoted(other))")
        }
        while let event = try cursor.next(), event != .end("graph") {
            switch event {
            case .start("node"): try readNode(&cursor)
            case .start("edge"): try readEdge(&cursor)
            case .start("hyperedge"): throw cursor.error("a hyperedge; a channel joins two nodes")
            case .start: try cursor.skipElement()
            case .end, .text: break
            }
        }
    }

    private mutating func readNode(_ cursor: inout XMLCursor) throws(TopologyError) {
        guard let id = cursor.attribute("id"), (1...200).contains(id.utf8.count) else {
            throw cursor.error("a node without an 'id' of 1 to 200 bytes")
        }
        guard draft.index(of: id) == nil else { throw cursor.error("the node \(quoted(id)) stands twice") }
        guard draft.nodes.count < NetworkDraft.nodesMaximum else {
            throw cursor.error("more than \(NetworkDraft.nodesMaximum) nodes")
        }
        let index = draft.intern(id)
        let values = try readData(&cursor, ofEdge: false, end: "node")
        if let alias = values[.alias], !alias.isEmpty { draft.withNode(index) { $0.alias = alias } }
    }

    private mutating func readEdge(_ cursor: inout XMLCursor) throws(TopologyError) {
        let offset = cursor.eventOffset
        guard let source = cursor.attribute("source"), let target = cursor.attribute("target") else {
            throw cursor.error("an edge without 'source' and 'target'")
        }
        guard source != target else { throw cursor.error("an edge joins \(quoted(source)) to itself") }
        guard edges.count < NetworkDraft.channelsMaximum else { throw cursor.error("too many edges") }
        let isDirected = cursor.attribute("directed").map { $0 == "true" } ?? isDirected
        edges.append(
            Edge(
                source: source, target: target, isDirected: isDirected,
                values: try readData(&cursor, ofEdge: true, end: "edge"), offset: offset))
    }

    /// The values of a node or edge that mean something; those of several names for one thing, the first name's.
    private func readData(
        _ cursor: inout XMLCursor, ofEdge: Bool, end: String
    ) throws(TopologyError) -> [Role: String] {
        var values: [Role: String] = [:]
        while let event = try cursor.next(), event != .end(end) {
            guard case .start(let child) = event else { continue }
            let key = cursor.attribute("key")
            guard child == "data",
                let attribute = attributes.first(where: { $0.key == key && $0.isOfEdges == ofEdge })
            else {
                guard child != "graph" else { throw cursor.error("a graph inside a node") }
                try cursor.skipElement()
                continue
            }
            let text = try cursor.elementText()
            if values[attribute.role] == nil {
                values[attribute.role] = ofEdge ? text.filter { !$0.isWhitespace } : text
            }
        }
        for attribute in attributes where attribute.isOfEdges == ofEdge {
            if values[attribute.role] == nil, let fallback = attribute.fallback {
                values[attribute.role] = fallback
            }
        }
        return values
    }

    // MARK: Channels

    /// The draft with a channel for each edge, or for each pair of directed ones.
    private func joined(_ cursor: XMLCursor) throws(TopologyError) -> NetworkDraft {
        var result = draft
        var offsets: [Int] = []
        var waiting: [Waiting: ArraySlice<Int>] = [:]
        var claimed: Set<ShortChannelID> = []
        for edge in edges {
            if let id = try shortChannelID(of: edge, cursor) { claimed.insert(id) }
        }
        var number: UInt64 = 0
        for edge in edges {
            let id = try shortChannelID(of: edge, cursor)
            let source = try node(edge.source, of: edge, cursor)
            let target = try node(edge.target, of: edge, cursor)
            if edge.isDirected {
                let reverse = Waiting(id: id, source: target, target: source)
                if let index = waiting[reverse]?.popFirst() {
                    try addReverse(edge, to: &result.channels[index], cursor)
                    continue
                }
                waiting[Waiting(id: id, source: source, target: target), default: []].append(
                    result.channels.count)
            }
            var own = id
            while own == nil {
                number += 1
                // As a topology numbers channels, 0xNx0; no file has 2^48 edges.
                let next = ShortChannelID(number << 16)
                if !claimed.contains(next) { own = next }
            }
            // The loop above ends with one.
            result.channels.append(try channel(edge, id: own!, node1: source, node2: target, cursor))
            offsets.append(edge.offset)
        }
        try result.checkShortChannelIDs { cursor.error(at: offsets[$0], $1) }
        return result
    }

    private func node(_ id: String, of edge: Edge, _ cursor: XMLCursor) throws(TopologyError) -> Int32 {
        guard let index = draft.index(of: id) else {
            throw cursor.error(at: edge.offset, "an edge of \(quoted(id)), which is no node of the graph")
        }
        return index
    }

    private func shortChannelID(of edge: Edge, _ cursor: XMLCursor) throws(TopologyError) -> ShortChannelID? {
        guard let text = edge.values[.shortChannelID] else { return nil }
        guard let id = ShortChannelID(text) else {
            throw cursor.error(at: edge.offset, "expected a short channel id, found \(quoted(text))")
        }
        return id
    }

    private func channel(
        _ edge: Edge, id: ShortChannelID, node1: Int32, node2: Int32, _ cursor: XMLCursor
    ) throws(TopologyError) -> Topology.Channel {
        let capacity = try capacity(of: edge, cursor) ?? Self.assumedCapacity
        let policy = try policy(of: edge, cursor).resolved(capacity: capacity)
        var channel = Topology.Channel(
            standing: id, node1: node1, node2: node2, capacity: capacity)
        channel.policy1 = policy
        channel.policy2 = edge.isDirected ? nil : policy
        channel.balance1 = try balance(of: edge, cursor)
        if let balance = channel.balance1, balance > Millisatoshi(capacity) {
            throw cursor.error(
                at: edge.offset, "the balance, \(balance), is more than the capacity, \(capacity)")
        }
        return channel
    }

    /// The second of two directed edges: it offers what the first one's target offers.
    private func addReverse(
        _ edge: Edge, to channel: inout Topology.Channel, _ cursor: XMLCursor
    ) throws(TopologyError) {
        if let capacity = try capacity(of: edge, cursor), capacity != channel.capacity {
            throw cursor.error(
                at: edge.offset,
                "\(capacity) in one direction of channel \(channel.shortChannelID), "
                    + "\(channel.capacity) in the other")
        }
        channel.policy2 = try policy(of: edge, cursor).resolved(capacity: channel.capacity)
        guard let balance = try balance(of: edge, cursor) else { return }
        let whole = Millisatoshi(channel.capacity)
        guard balance <= whole, channel.balance1 == nil || channel.balance1 == whole - balance else {
            throw cursor.error(
                at: edge.offset,
                "the balances of channel \(channel.shortChannelID) do not come to its capacity")
        }
        channel.balance1 = whole - balance
    }

    private func capacity(of edge: Edge, _ cursor: XMLCursor) throws(TopologyError) -> Satoshi? {
        let millisatoshi = try number(.capacityMillisatoshi, of: edge, cursor)
        guard let value = try number(.capacity, of: edge, cursor) ?? millisatoshi.map({ $0 / 1_000 }) else {
            return nil
        }
        guard value > 0, value <= Satoshi.supplyMaximum.rawValue else {
            throw cursor.error(at: edge.offset, "a capacity of \(value) sat; expected one above zero")
        }
        return Satoshi(value)
    }

    private func balance(of edge: Edge, _ cursor: XMLCursor) throws(TopologyError) -> Millisatoshi? {
        if let value = try number(.balance, of: edge, to: Satoshi.supplyMaximum.rawValue, cursor) {
            return Millisatoshi(Satoshi(value))
        }
        return try number(.balanceMillisatoshi, of: edge, cursor).map { Millisatoshi($0) }
    }

    private func policy(of edge: Edge, _ cursor: XMLCursor) throws(TopologyError) -> PolicyDraft {
        var policy = PolicyDraft()
        policy.baseFee = try number(.baseFee, of: edge, to: UInt64(UInt32.max), cursor).map {
            Millisatoshi($0)
        }
        policy.proportionalFee = try number(.proportionalFee, of: edge, to: UInt64(UInt32.max), cursor)
            .map { UInt32($0) }
        policy.cltvExpiryDelta = try number(.cltvExpiryDelta, of: edge, to: UInt64(UInt16.max), cursor)
            .map { UInt16($0) }
        policy.htlcMinimum = try number(.htlcMinimum, of: edge, cursor).map { Millisatoshi($0) }
        // Zero stands for no maximum, as in the graphs of lnd.
        let maximum = try number(.htlcMaximum, of: edge, cursor)
        policy.htlcMaximum = maximum == 0 ? nil : maximum.map { Millisatoshi($0) }
        if let text = edge.values[.isDisabled]?.lowercased() {
            guard ["true", "false", "0", "1"].contains(text) else {
                throw cursor.error(at: edge.offset, "disabled: expected true or false, found \(quoted(text))")
            }
            policy.isDisabled = text == "true" || text == "1"
        }
        return policy
    }

    /// Graph libraries write a whole number as `1000000`, `1000000.0` or `1000000msat`.
    private func number(
        _ role: Role, of edge: Edge, to maximum: UInt64 = .max, _ cursor: XMLCursor
    ) throws(TopologyError) -> UInt64? {
        guard let text = edge.values[role], !text.isEmpty else { return nil }
        let digits = text.hasSuffix("msat") ? text.dropLast(4) : text[...]
        guard let value = NumberText.scaled(digits, places: 0), value <= maximum else {
            throw cursor.error(
                at: edge.offset,
                "\(role.names[0]): expected a whole number of at most \(maximum), found \(quoted(text))")
        }
        return value
    }
}
