import LightningTypes

/// A channel graph as two tables inside a topology file: one row a node, one row a channel, and only the columns
/// that say something.
///
/// What the tables of `TopologyWriter` say is read back exactly. A block of text is one value to YAML, so a graph
/// of 50,000 channels takes milliseconds where as many mappings would take seconds.
enum GraphTable {
    /// Rows are counted from 0; channels name their nodes by these numbers.
    enum NodeColumn: String, CaseIterable {
        case id
        case alias
        /// 1: the node neither pays nor is paid by assumed traffic.
        case forwardsOnly = "forwards_only"

        static let required: [NodeColumn] = [.id]
    }

    enum ChannelColumn: String, CaseIterable {
        case shortChannelID = "short_channel_id"
        case node1
        case node2
        case capacity = "capacity_sat"
        case balance1 = "balance_1_msat"
        case baseFee1 = "base_fee_1_msat"
        case proportionalFee1 = "fee_1_ppm"
        case cltvExpiryDelta1 = "cltv_expiry_delta_1"
        case htlcMinimum1 = "htlc_minimum_1_msat"
        case htlcMaximum1 = "htlc_maximum_1_msat"
        case isDisabled1 = "disabled_1"
        case baseFee2 = "base_fee_2_msat"
        case proportionalFee2 = "fee_2_ppm"
        case cltvExpiryDelta2 = "cltv_expiry_delta_2"
        case htlcMinimum2 = "htlc_minimum_2_msat"
        case htlcMaximum2 = "htlc_maximum_2_msat"
        case isDisabled2 = "disabled_2"
        case dustLimit = "dust_limit_sat"
        case channelReserve = "channel_reserve_sat"
        case htlcValueInFlightMaximum = "max_htlc_value_in_flight_msat"
        case acceptedHTLCsMaximum = "max_accepted_htlcs"
        case toSelfDelay = "to_self_delay"
        case feeratePerKiloweight = "feerate_per_kw"
        case anchors

        static let required: [ChannelColumn] = [.shortChannelID, .node1, .node2, .capacity]

        /// The columns of one direction's policy, in the order `policy` reads them.
        static func policy(of side: Side) -> [ChannelColumn] {
            switch side {
            case .first:
                [.baseFee1, .proportionalFee1, .cltvExpiryDelta1, .htlcMinimum1, .htlcMaximum1, .isDisabled1]
            case .second:
                [.baseFee2, .proportionalFee2, .cltvExpiryDelta2, .htlcMinimum2, .htlcMaximum2, .isDisabled2]
            }
        }

        /// The place among a table's wanted columns.
        var place: Int { Self.places[self]! }

        private static let places = Dictionary(
            uniqueKeysWithValues: allCases.enumerated().map { ($1, $0) })
    }

    // MARK: Reading

    /// The graph of the texts of two keys.
    ///
    /// - Parameter firstLine: where in the file each table's header stands.
    static func read(
        nodes: (text: String, firstLine: Int), channels: (text: String, firstLine: Int), file: SourceFile
    ) throws(TopologyError) -> NetworkDraft {
        var draft = NetworkDraft()
        try withBytes(nodes.text) { (bytes) throws(TopologyError) in
            try readNodes(bytes, nodes.firstLine, file, into: &draft)
        }
        try withBytes(channels.text) { (bytes) throws(TopologyError) in
            try readChannels(bytes, channels.firstLine, file, into: &draft)
        }
        return draft
    }

    private static func withBytes(
        _ text: String, _ body: (UnsafeBufferPointer<UInt8>) throws(TopologyError) -> Void
    ) throws(TopologyError) {
        try Array(text.utf8).withUnsafeBufferPointer { (bytes) throws(TopologyError) in try body(bytes) }
    }

    private static func readNodes(
        _ bytes: UnsafeBufferPointer<UInt8>, _ firstLine: Int, _ file: SourceFile,
        into draft: inout NetworkDraft
    ) throws(TopologyError) {
        var table = try CSVTable(
            bytes, file: file, firstLine: firstLine, required: NodeColumn.required.map(\.rawValue),
            optional: NodeColumn.allCases.filter { !NodeColumn.required.contains($0) }.map(\.rawValue),
            isClosed: true)
        while try table.next() {
            let id = try TableText.unescaped(table.text(0)) { table.error(0, $0) }
            guard (1...200).contains(id.utf8.count) else { throw table.error(0, "expected 1 to 200 bytes") }
            guard draft.index(of: id) == nil else {
                throw table.error(0, "the node \(quoted(id)) stands twice")
            }
            guard draft.nodes.count < NetworkDraft.nodesMaximum else {
                throw file.error(table.line, "more than \(NetworkDraft.nodesMaximum) nodes")
            }
            let index = draft.intern(id)
            let alias = try TableText.unescaped(table.text(1)) { table.error(1, $0) }
            if !alias.isEmpty { draft.withNode(index) { $0.alias = alias } }
            draft.onlyForwards.append(try table.unsigned(2, to: 1) == 1)
        }
        if !draft.onlyForwards.contains(true) { draft.onlyForwards = [] }
    }

    private static func readChannels(
        _ bytes: UnsafeBufferPointer<UInt8>, _ firstLine: Int, _ file: SourceFile,
        into draft: inout NetworkDraft
    ) throws(TopologyError) {
        // The required columns are the first cases, so that a column's place is the same here and there.
        var table = try CSVTable(
            bytes, file: file, firstLine: firstLine, required: ChannelColumn.required.map(\.rawValue),
            optional: ChannelColumn.allCases.dropFirst(ChannelColumn.required.count).map(\.rawValue),
            isClosed: true)
        var lines: [Int] = []
        while try table.next() {
            guard draft.channels.count < NetworkDraft.channelsMaximum else {
                throw file.error(table.line, "more than \(NetworkDraft.channelsMaximum) channels")
            }
            draft.channels.append(try channel(table, nodeCount: draft.nodes.count))
            lines.append(table.line)
        }
        try draft.checkShortChannelIDs { file.error(lines[$0], $1) }
    }

    private static func channel(_ table: CSVTable, nodeCount: Int) throws(TopologyError) -> Topology.Channel {
        func node(_ column: ChannelColumn) throws(TopologyError) -> Int32 {
            let node = try table.number(column.place)
            guard node < UInt64(nodeCount) else {
                throw table.error(column.place, "\(node), but the node table has \(nodeCount) rows, from 0")
            }
            return Int32(node)
        }
        let text = table.text(ChannelColumn.shortChannelID.place)
        guard let id = ShortChannelID(text) else {
            throw table.error(
                ChannelColumn.shortChannelID.place, "expected such as 700000x12x1, found \(quoted(text))")
        }
        let (node1, node2) = (try node(.node1), try node(.node2))
        guard node1 != node2 else {
            throw table.error(ChannelColumn.node2.place, "a channel from a node to itself")
        }
        let capacity = Satoshi(
            try table.number(ChannelColumn.capacity.place, to: Satoshi.supplyMaximum.rawValue))
        guard capacity > .zero else { throw table.error(ChannelColumn.capacity.place, "no capacity") }
        var channel = Topology.Channel(standing: id, node1: node1, node2: node2, capacity: capacity)
        channel.balance1 = try table.unsigned(
            ChannelColumn.balance1.place, to: Millisatoshi(capacity).rawValue
        ).map { Millisatoshi($0) }
        channel.policy1 = try policy(.first, table, capacity)
        channel.policy2 = try policy(.second, table, capacity)
        channel.limits = try limits(table).resolved(capacity: capacity)
        return channel
    }

    /// Nil where a row says nothing of this direction: it was never announced.
    private static func policy(
        _ side: Side, _ table: CSVTable, _ capacity: Satoshi
    ) throws(TopologyError) -> ChannelPolicy? {
        let columns = ChannelColumn.policy(of: side).map(\.place)
        guard columns.contains(where: { table.has($0) }) else { return nil }
        return ChannelPolicy(
            baseFee: Millisatoshi(try table.number(columns[0], to: UInt64(UInt32.max))),
            proportionalFee: UInt32(try table.number(columns[1], to: UInt64(UInt32.max))),
            cltvExpiryDelta: UInt16(try table.number(columns[2], to: UInt64(UInt16.max))),
            isDisabled: try table.unsigned(columns[5], to: 1) == 1,
            htlcMinimum: Millisatoshi(try table.unsigned(columns[3]) ?? 0),
            htlcMaximum: Millisatoshi(try table.unsigned(columns[4]) ?? 0)
        ).limited(to: capacity)
    }

    private static func limits(_ table: CSVTable) throws(TopologyError) -> LimitsDraft {
        func number(_ column: ChannelColumn, to maximum: UInt64) throws(TopologyError) -> UInt64? {
            try table.unsigned(column.place, to: maximum)
        }
        let supply = Satoshi.supplyMaximum.rawValue
        return LimitsDraft(
            dustLimit: try number(.dustLimit, to: supply).map { Satoshi($0) },
            channelReserve: try number(.channelReserve, to: supply).map { Satoshi($0) },
            htlcValueInFlightMaximum: try number(.htlcValueInFlightMaximum, to: supply * 1_000)
                .map { Millisatoshi($0) },
            acceptedHTLCsMaximum: try number(.acceptedHTLCsMaximum, to: 483).map { UInt16($0) },
            toSelfDelay: try number(.toSelfDelay, to: UInt64(UInt16.max)).map { UInt16($0) },
            feeratePerKiloweight: try number(.feeratePerKiloweight, to: 10_000_000).map { UInt32($0) },
            hasAnchors: try number(.anchors, to: 1).map { $0 == 1 })
    }
}
