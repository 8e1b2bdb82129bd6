import LightningTypes

/// Reads the three tables of the CLoTH simulator: nodes, channels, and the two directions ("edges") of each
/// channel with their balances, all in millisatoshi.
///
/// Its balances are used as they are: those of a channel's two edges must come to its capacity. A node is
/// named by its number. CLoTH has no largest HTLC; the capacity bounds it.
struct CLoTHGraph {
    /// The names of the files in a directory, in the order they are read.
    static let fileNames = ["nodes_ln.csv", "channels_ln.csv", "edges_ln.csv"]

    private enum ChannelColumn: String, CaseIterable {
        case id
        case edge1 = "edge1_id"
        case edge2 = "edge2_id"
        case node1 = "node1_id"
        case node2 = "node2_id"
        case capacity
    }

    private enum EdgeColumn: String, CaseIterable {
        case id
        case channel = "channel_id"
        case counterEdge = "counter_edge_id"
        case source = "from_node_id"
        case destination = "to_node_id"
        case balance
        case baseFee = "fee_base"
        case proportionalFee = "fee_proportional"
        case htlcMinimum = "min_htlc"
        case timelock
    }

    /// What a channel waits for: the balances of its two edges.
    private struct Pending {
        var line: Int
        var edges: (String, String)
        var balance1: UInt64?
        var balance2: UInt64?
    }

    private var draft = NetworkDraft()
    private var pending: [Pending] = []
    private var channelOfID: [String: Int] = [:]

    /// - Parameter files: as `fileNames` orders them.
    static func read(_ files: [(bytes: [UInt8], file: SourceFile)]) throws(TopologyError) -> NetworkDraft {
        precondition(files.count == fileNames.count, "CLoTH's network lies in three files")
        var graph = CLoTHGraph()
        for (index, (bytes, file)) in files.enumerated() {
            try bytes.withUnsafeBufferPointer { (buffer) throws(TopologyError) in
                try TextBytes.check(buffer, maximum: TextBytes.graphBytesMaximum, file: file)
                switch index {
                case 0: try graph.readNodes(buffer, file)
                case 1: try graph.readChannels(buffer, file)
                case _: try graph.readEdges(buffer, file)
                }
            }
        }
        try graph.check(files[1].file)
        return graph.draft
    }

    private mutating func readNodes(
        _ bytes: UnsafeBufferPointer<UInt8>, _ file: SourceFile
    ) throws(TopologyError) {
        var table = try CSVTable(bytes, file: file, required: ["id"])
        while try table.next() {
            let id = table.text(0)
            guard (1...200).contains(id.utf8.count) else { throw table.error(0, "expected the id of a node") }
            guard draft.index(of: id) == nil else {
                throw table.error(0, "the node \(quoted(id)) stands twice")
            }
            guard draft.nodes.count < NetworkDraft.nodesMaximum else {
                throw file.error(table.line, "more than \(NetworkDraft.nodesMaximum) nodes")
            }
            _ = draft.intern(id)
        }
    }

    private mutating func readChannels(
        _ bytes: UnsafeBufferPointer<UInt8>, _ file: SourceFile
    ) throws(TopologyError) {
        var table = try CSVTable(bytes, file: file, required: ChannelColumn.allCases.map(\.rawValue))
        while try table.next() {
            let id = table.text(ChannelColumn.id.place)
            guard let shortChannelID = ShortChannelID(id) else {
                throw table.error(
                    ChannelColumn.id.place, "expected the number of a channel, found \(quoted(id))")
            }
            let node1 = try node(.node1, of: table)
            let node2 = try node(.node2, of: table)
            guard node1 != node2 else {
                throw table.error(ChannelColumn.node2.place, "the channel joins a node to itself")
            }
            let column = ChannelColumn.capacity.place
            let capacity = try table.number(column, to: Millisatoshi(.supplyMaximum).rawValue)
            guard capacity > 0, capacity.isMultiple(of: 1_000) else {
                throw table.error(
                    column, "\(capacity) millisatoshis; a channel holds whole satoshis, and some")
            }
            guard draft.channels.count < NetworkDraft.channelsMaximum else {
                throw file.error(table.line, "more than \(NetworkDraft.channelsMaximum) channels")
            }
            guard channelOfID.updateValue(draft.channels.count, forKey: id) == nil else {
                throw table.error(ChannelColumn.id.place, "the channel \(quoted(id)) stands twice")
            }
            draft.channels.append(
                Topology.Channel(
                    standing: shortChannelID, node1: node1, node2: node2, capacity: Satoshi(capacity / 1_000)
                ))
            pending.append(
                Pending(
                    line: table.line,
                    edges: (
                        table.text(ChannelColumn.edge1.place),
                        table.text(ChannelColumn.edge2.place)
                    )))
        }
    }

    private func node(_ column: ChannelColumn, of table: CSVTable) throws(TopologyError) -> Int32 {
        let id = table.text(column.place)
        guard let index = draft.index(of: id) else {
            throw table.error(column.place, "\(Self.fileNames[0]) has no node \(quoted(id))")
        }
        return index
    }

    private mutating func readEdges(
        _ bytes: UnsafeBufferPointer<UInt8>, _ file: SourceFile
    ) throws(TopologyError) {
        var table = try CSVTable(bytes, file: file, required: EdgeColumn.allCases.map(\.rawValue))
        while try table.next() { try readEdge(table) }
    }

    private mutating func readEdge(_ table: CSVTable) throws(TopologyError) {
        func text(_ column: EdgeColumn) -> String { table.text(column.place) }
        func number(_ column: EdgeColumn, to maximum: UInt64 = .max) throws(TopologyError) -> UInt64 {
            try table.number(column.place, to: maximum)
        }
        guard let index = channelOfID[text(.channel)] else {
            throw table.error(
                EdgeColumn.channel.place,
                "\(Self.fileNames[1]) has no channel \(quoted(text(.channel)))")
        }
        let channel = draft.channels[index]
        let (id, counter, edges) = (text(.id), text(.counterEdge), pending[index].edges)
        guard (id, counter) == edges || (counter, id) == edges else {
            throw table.error(
                EdgeColumn.id.place,
                "the edges of channel \(text(.channel)) are \(quoted(edges.0)) and \(quoted(edges.1)) "
                    + "in \(Self.fileNames[1])")
        }
        let ends = (draft.index(of: text(.source)), draft.index(of: text(.destination)))
        let isFirst = ends == (channel.node1, channel.node2)
        guard isFirst || ends == (channel.node2, channel.node1) else {
            throw table.error(
                EdgeColumn.source.place,
                "the edge does not join the two nodes of channel \(text(.channel))")
        }
        let policy = ChannelPolicy(
            baseFee: Millisatoshi(try number(.baseFee, to: UInt64(UInt32.max))),
            proportionalFee: UInt32(try number(.proportionalFee, to: UInt64(UInt32.max))),
            cltvExpiryDelta: UInt16(try number(.timelock, to: UInt64(UInt16.max))),
            htlcMinimum: Millisatoshi(try number(.htlcMinimum)), htlcMaximum: Millisatoshi(channel.capacity))
        let balance = try number(.balance)
        let whole = Millisatoshi(channel.capacity)
        guard balance <= whole.rawValue else {
            throw table.error(
                EdgeColumn.balance.place, "\(balance) msat; the capacity of its channel is \(whole)")
        }
        guard (isFirst ? pending[index].balance1 : pending[index].balance2) == nil else {
            throw table.error(EdgeColumn.id.place, "this direction of its channel stands twice")
        }
        if isFirst {
            draft.channels[index].policy1 = policy
            pending[index].balance1 = balance
        } else {
            draft.channels[index].policy2 = policy
            pending[index].balance2 = balance
        }
    }

    /// Both edges of every channel are there, and their balances come to its capacity.
    private mutating func check(_ file: SourceFile) throws(TopologyError) {
        for (index, waiting) in pending.enumerated() {
            guard let balance1 = waiting.balance1, let balance2 = waiting.balance2 else {
                let edge = waiting.balance1 == nil ? waiting.edges.0 : waiting.edges.1
                throw file.error(
                    waiting.line, "\(Self.fileNames[2]) lacks an edge of this channel, \(quoted(edge))")
            }
            let whole = Millisatoshi(draft.channels[index].capacity).rawValue
            // Neither is more than the capacity, so the sum fits.
            guard balance1 + balance2 == whole else {
                throw file.error(
                    waiting.line,
                    "the balances of this channel's edges come to \(balance1 + balance2) msat, "
                        + "its capacity is \(whole) msat")
            }
            draft.channels[index].balance1 = Millisatoshi(balance1)
        }
        try draft.checkShortChannelIDs { file.error(pending[$0].line, $1) }
    }
}

extension CaseIterable where Self: Equatable {
    /// The place among the columns a table was asked for.
    fileprivate var place: Int {
        // Every case is one of all cases.
        Array(Self.allCases).firstIndex(of: self)!
    }
}
