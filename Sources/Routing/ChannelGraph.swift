import LightningTypes

/// A public channel graph as a pathfinder reads it: dense, immutable, shared by all threads.
///
/// Nodes and channels are indices: nodes in order of public key, channels in order of short channel id. A
/// `DirectionIndex` names one way through a channel. A direction is usable when its policy exists, is not
/// disabled and its channel is open; an amount fits through it when
/// `htlcMinimum <= amount <= min(htlcMaximum, capacity)`.
///
/// Directions stand in two compressed-row tables, by destination for the search that starts at the payee and
/// by source for the one that starts at the payer (`EdgeTable`): what a search asks of most lies four to a cache line.
/// Gossip makes new versions (`DirectionUpdate`), which share the shape of the rows.
///
/// A direction whose base fee exceeds 2^32 - 1 msat, which `channel_update` cannot say, is left out.
public final class ChannelGraph: @unchecked Sendable {
    // Unchecked, because pointers are not Sendable: nothing they point to changes after `init`.

    /// What the graph is built from; its position in the list is the channel's index.
    public struct Channel: Hashable, Sendable {
        /// Indices of the two ends; BOLT 7 orders them by public key.
        public var node1: Int32
        public var node2: Int32
        public var shortChannelID: ShortChannelID
        public var capacity: Satoshi
        /// The policy of the direction in which node1 (node2) offers HTLCs; nil: never announced.
        public var policy1: ChannelPolicy?
        public var policy2: ChannelPolicy?
        /// False for a channel that is not open yet, or no longer: neither direction is usable.
        public var isOpen: Bool

        public init(
            node1: Int32, node2: Int32, shortChannelID: ShortChannelID, capacity: Satoshi,
            policy1: ChannelPolicy?, policy2: ChannelPolicy?, isOpen: Bool = true
        ) {
            self.node1 = node1
            self.node2 = node2
            self.shortChannelID = shortChannelID
            self.capacity = capacity
            self.policy1 = policy1
            self.policy2 = policy2
            self.isOpen = isOpen
        }
    }

    let layout: GraphLayout
    /// How many versions came before this one.
    var serial: UInt64 = 0

    /// Tells versions apart: the memory of one is used again for a later one when nobody refers to it any more.
    public struct Version: Equatable, Sendable {
        private let graph: ObjectIdentifier
        private let serial: UInt64

        fileprivate init(_ graph: ChannelGraph) {
            self.graph = ObjectIdentifier(graph)
            serial = graph.serial
        }
    }

    public var version: Version { Version(self) }

    /// Every direction with a policy, in rows by destination. An unusable one has a maximum of zero.
    let incoming: EdgeTable
    /// The same directions in rows by source.
    let outgoing: EdgeTable
    /// By node: the layout's rows with the groups of this version.
    let incomingRows: UnsafeMutablePointer<GraphLayout.Row>
    let outgoingRows: UnsafeMutablePointer<GraphLayout.Row>
    /// By direction: where it stands in the two tables.
    let positions: UnsafeMutablePointer<GraphPosition>
    /// By direction: the largest amount it lets through when it is usable, msat.
    let maxima: UnsafeMutablePointer<UInt64>

    /// Builds a graph in O(channels × log degree).
    ///
    /// Precondition: short channel ids ascend strictly, ends are two different nodes below `nodeCount`.
    public convenience init(nodeCount: Int, channels: [Channel]) {
        let (layout, order) = GraphLayout.rows(nodeCount: nodeCount, channels: channels)
        self.init(layout: layout)
        fill(order, channels)
        for (index, channel) in channels.enumerated() where channel.isOpen {
            setUsable(DirectionIndex(channel: index, from: .first), channel.policy1?.isDisabled == false)
            setUsable(DirectionIndex(channel: index, from: .second), channel.policy2?.isDisabled == false)
        }
    }

    private init(layout: GraphLayout) {
        self.layout = layout
        incoming = EdgeTable(count: layout.edgeCount)
        outgoing = EdgeTable(count: layout.edgeCount)
        positions = LargeMemory.allocate(GraphPosition.self, count: layout.directionCount)
        maxima = LargeMemory.allocate(UInt64.self, count: layout.directionCount)
        incomingRows = LargeMemory.allocate(GraphLayout.Row.self, count: layout.nodeCount)
        outgoingRows = LargeMemory.allocate(GraphLayout.Row.self, count: layout.nodeCount)
        incomingRows.initialize(from: layout.incomingRows, count: layout.nodeCount)
        outgoingRows.initialize(from: layout.outgoingRows, count: layout.nodeCount)
    }

    /// The same graph in memory of its own: eight block copies.
    convenience init(copying other: ChannelGraph) {
        self.init(layout: other.layout)
        incoming.initialize(from: other.incoming, count: layout.edgeCount)
        outgoing.initialize(from: other.outgoing, count: layout.edgeCount)
        positions.initialize(from: other.positions, count: layout.directionCount)
        maxima.initialize(from: other.maxima, count: layout.directionCount)
        incomingRows.update(from: other.incomingRows, count: layout.nodeCount)
        outgoingRows.update(from: other.outgoingRows, count: layout.nodeCount)
    }

    deinit {
        incoming.free()
        outgoing.free()
        LargeMemory.free(positions)
        LargeMemory.free(maxima)
        LargeMemory.free(incomingRows)
        LargeMemory.free(outgoingRows)
    }

    public var nodeCount: Int { layout.nodeCount }
    public var channelCount: Int { layout.channels.count }
    /// Directions with a policy, usable now or not.
    public var directionCount: Int { layout.edgeCount }

    /// The policy last announced for this direction, its largest HTLC never above the capacity; `isDisabled` as it
    /// is in this version of the graph, so that it is also true while the channel is not open.
    public func policy(of direction: DirectionIndex) -> ChannelPolicy? {
        let position = positions[Int(direction.rawValue)]
        guard position.outgoing >= 0 else { return nil }
        let edge = outgoing[Int(position.outgoing)]
        return ChannelPolicy(
            baseFee: Millisatoshi(UInt64(edge.baseFee)), proportionalFee: edge.proportionalFee,
            cltvExpiryDelta: UInt16(truncatingIfNeeded: edge.cltvExpiryDelta),
            isDisabled: edge.maximum == 0, htlcMinimum: Millisatoshi(edge.minimum),
            htlcMaximum: Millisatoshi(maxima[Int(direction.rawValue)]))
    }

    /// Whether this version of the graph lets HTLCs through in this direction.
    public func isUsable(_ direction: DirectionIndex) -> Bool {
        let position = positions[Int(direction.rawValue)]
        return position.outgoing >= 0 && outgoing[Int(position.outgoing)].maximum > 0
    }

    /// `cltv_expiry_delta` as last announced, blocks; zero where it never was.
    func cltvExpiryDelta(of direction: DirectionIndex) -> UInt32 {
        let position = positions[Int(direction.rawValue)].outgoing
        return position < 0 ? 0 : outgoing.bodies[Int(position)].cltvExpiryDelta
    }

    /// The node that offers HTLCs in this direction.
    public func source(of direction: DirectionIndex) -> Int32 {
        let channel = layout.channels[direction.channel]
        return direction.side == .first ? channel.node1 : channel.node2
    }

    /// The node that receives HTLCs in this direction.
    public func destination(of direction: DirectionIndex) -> Int32 { source(of: direction.reversed) }

    public func shortChannelID(ofChannel channel: Int) -> ShortChannelID {
        layout.channels[channel].shortChannelID
    }

    public func capacity(ofChannel channel: Int) -> Satoshi { layout.channels[channel].capacity }

    /// Memory held by this graph, bytes; versions of it share `layout`'s part.
    public var memorySize: Int {
        layout.memorySize + 2 * layout.edgeCount * EdgeTable.stride
            + layout.directionCount * (MemoryLayout<GraphPosition>.stride + 8)
            + layout.nodeCount * 2 * MemoryLayout<GraphLayout.Row>.stride
    }
}
