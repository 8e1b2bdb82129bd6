import LightningTypes

/// What one epoch of gossip says of one direction.
public struct DirectionUpdate: Hashable, Sendable {
    public var direction: DirectionIndex
    /// Whether HTLCs may be offered in it now.
    public var isUsable: Bool
    /// What its node asks for from now on; nil: as before.
    public var policy: ChannelPolicy?

    public init(_ direction: DirectionIndex, isUsable: Bool, policy: ChannelPolicy? = nil) {
        self.direction = direction
        self.isUsable = isUsable
        self.policy = policy
    }
}

extension ChannelGraph {
    /// The version of this graph after one epoch of gossip: block copies and a few writes for each update, applied in
    /// their order. Directions that were never announced are left alone.
    public func withUpdates(_ updates: some Sequence<DirectionUpdate>) -> ChannelGraph {
        let version = ChannelGraph(copying: self)
        version.advance(past: self, updates)
        return version
    }

    /// Turns this graph, an earlier version, into the one after `latest`: O(degree) for each update, whatever the size
    /// of the graph.
    ///
    /// - Parameter updates: all that this version lacks of `latest`, then what is new.
    ///
    /// Precondition: nobody else holds this graph.
    public func advance(past latest: ChannelGraph, _ updates: some Sequence<DirectionUpdate>) {
        serial = latest.serial + 1
        apply(updates)
    }

    func apply(_ updates: some Sequence<DirectionUpdate>) {
        for update in updates {
            if let policy = update.policy { setPolicy(update.direction, policy) }
            setUsable(update.direction, update.isUsable)
        }
    }

    /// Only before the version is handed out.
    func setUsable(_ direction: DirectionIndex, _ isUsable: Bool) {
        let position = positions[Int(direction.rawValue)]
        guard position.incoming >= 0 else { return }
        let maximum = isUsable ? maxima[Int(direction.rawValue)] : 0
        incoming[Int(position.incoming)].maximum = maximum
        outgoing[Int(position.outgoing)].maximum = maximum
    }

    private func setPolicy(_ direction: DirectionIndex, _ policy: ChannelPolicy) {
        let position = positions[Int(direction.rawValue)]
        guard position.incoming >= 0 else { return }
        precondition(policy.baseFee.rawValue <= UInt64(UInt32.max), "BOLT 7: fee_base_msat has 32 bits")
        maxima[Int(direction.rawValue)] = min(policy.htlcMaximum.rawValue, layout.capacity(of: direction))
        let (source, destination) = (layout.source(of: direction), layout.source(of: direction.reversed))
        place(policy, from: Int(position.incoming), in: incoming, incomingRows + Int(destination)) {
            positions[Int($0)].incoming = $1
        }
        place(policy, from: Int(position.outgoing), in: outgoing, outgoingRows + Int(source)) {
            positions[Int($0)].outgoing = $1
        }
    }

    /// Changes the edge at `place` and moves it to where it now belongs in its part of the row.
    private func place(
        _ policy: ChannelPolicy, from place: Int, in table: EdgeTable,
        _ row: UnsafeMutablePointer<GraphLayout.Row>, note: (_ direction: UInt32, _ position: Int32) -> Void
    ) {
        var edge = table[place]
        let isCore = place < Int(row.pointee.coreEnd)
        let wasDear = RowPlace(edge, isCore: isCore).isDear
        edge.minimum = policy.htlcMinimum.rawValue
        edge.baseFee = UInt32(policy.baseFee.rawValue)
        edge.proportionalFee = policy.proportionalFee
        edge.cltvExpiryDelta = UInt32(policy.cltvExpiryDelta)
        let changed = RowPlace(edge, isCore: isCore)
        if changed.isDear != wasDear { row.pointee.dearStart += wasDear ? 1 : -1 }
        let first = isCore ? row.pointee.start : row.pointee.coreEnd
        let end = isCore ? row.pointee.coreEnd : row.pointee.end
        var hole = place
        func move(from other: Int) {
            table[hole] = table[other]
            note(table[hole].direction, Int32(hole))
            hole = other
        }
        while hole > Int(first), changed < RowPlace(table[hole - 1], isCore: isCore) { move(from: hole - 1) }
        while hole + 1 < Int(end), RowPlace(table[hole + 1], isCore: isCore) < changed {
            move(from: hole + 1)
        }
        table[hole] = edge
        note(edge.direction, Int32(hole))
    }

    /// Writes every direction into both tables, unusable as yet.
    func fill(_ order: GraphLayout.Order, _ channels: [Channel]) {
        positions.initialize(repeating: .none, count: layout.directionCount)
        for direction in (0..<UInt32(layout.directionCount)).lazy.map({ DirectionIndex($0) }) {
            let channel = channels[direction.channel]
            let policy = direction.side == .first ? channel.policy1 : channel.policy2
            let capacity = layout.capacity(of: direction)
            (maxima + Int(direction.rawValue)).initialize(
                to: min(policy?.htlcMaximum.rawValue ?? 0, capacity))
        }
        func edge(_ direction: UInt32, peer: Int32) -> GraphEdge {
            let channel = channels[Int(direction >> 1)]
            guard let policy = direction & 1 == 0 ? channel.policy1 : channel.policy2 else {
                preconditionFailure("a row has directions with a policy alone")
            }
            return GraphEdge(
                maximum: 0, minimum: policy.htlcMinimum.rawValue,
                capacity: layout.capacity(of: DirectionIndex(direction)),
                baseFee: UInt32(policy.baseFee.rawValue), proportionalFee: policy.proportionalFee,
                cltvExpiryDelta: UInt32(policy.cltvExpiryDelta), peer: UInt32(peer), direction: direction)
        }
        for (position, direction) in order.incoming.enumerated() {
            let index = DirectionIndex(direction)
            incoming[position] = edge(direction, peer: layout.source(of: index))
            positions[Int(direction)].incoming = Int32(position)
        }
        for (position, direction) in order.outgoing.enumerated() {
            let index = DirectionIndex(direction)
            outgoing[position] = edge(direction, peer: layout.source(of: index.reversed))
            positions[Int(direction)].outgoing = Int32(position)
        }
    }
}
