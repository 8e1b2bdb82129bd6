import LightningTypes

// Where the ways from both ends of a search meet, and what its answer leaves open.
extension CostSearch {
    /// Notes that a direction's minimum is above what it would carry: a route that carries more may use it.
    ///
    /// Such a route has paid the surplus in fees after the direction, and no less than `after`, the key of the best way
    /// there. `before` bounds the key of the way to the direction; `hasFee` is false for the source's own channels.
    mutating func refuse(_ edge: GraphEdge, after: UInt64, before: UInt64, hasFee: Bool) {
        let surplus = edge.minimum - amount
        refusedSurplus = min(refusedSurplus, surplus)
        guard surplus < feeCeiling, before < feeCeiling << 8 else { return }
        let after = max(surplus << 8, after)
        let cost = hasFee ? edge.cost(forwarding: edge.minimum, by: model).cost : 0
        guard after < feeCeiling << 8, cost < feeCeiling, after + cost << 8 < feeCeiling << 8 else { return }
        refusedKey = min(refusedKey, after + cost << 8 + before)
    }

    /// A way has been settled at a neighbour of the source: takes the lowest channel that carries enough.
    mutating func arrive(by index: UInt32) {
        let way = ways[index]
        // One hop more than a key can count.
        guard way.key & 255 < 255 else {
            isCut = true
            return
        }
        let total = way.key &+ 1
        guard total < sourceKey || total == sourceKey && way.amount <= sourceAmount,
            let direction = directChannel(for: way)
        else { return }
        if total < sourceKey || way.amount < sourceAmount || direction < sourceDirection {
            sourceKey = total
            sourceAmount = way.amount
            sourceDirection = direction
            sourceWay = index
            best = min(best, total)
        }
    }

    private mutating func directChannel(for way: Way) -> UInt32? {
        let first = nodes[Int(way.node)].forwardEdge
        if first & NodeLabel.severalDirect == 0 {
            let edge = outgoing[NodeLabel.position(first)]
            return fits(way, through: edge) ? edge.direction : nil
        }
        var lowest: UInt32?
        for position in outgoingRows[source].start..<outgoingRows[source].end {
            let edge = outgoing[Int(position)]
            guard edge.peer == way.node, edge.direction < lowest ?? .max, !excluded.contains(edge.direction)
            else { continue }
            if fits(way, through: edge) { lowest = edge.direction }
        }
        return lowest
    }

    /// Whether a direction out of the source carries what a way needs.
    private mutating func fits(_ way: Way, through edge: GraphEdge) -> Bool {
        guard way.amount <= edge.maximum, canSpend(way.amount, edge.direction) else { return false }
        if way.amount < edge.minimum {
            if Int(way.node) != destination {
                refuse(edge, after: nodes[Int(way.node)].backwardKey, before: 0, hasFee: false)
            }
            return false
        }
        return true
    }

    /// The true key of the way found through a meeting, if its amounts fit, bounds the best one from above; see
    /// `BidirectionalSearch.meet`.
    @inline(never) mutating func meet(_ way: Way) {
        var (key, received) = (way.key, way.amount)
        var node = Int(way.node)
        while true {
            let edge = outgoing[NodeLabel.position(nodes[node].forwardEdge)]
            let ends = layout.channels[Int(edge.direction >> 1)]
            node = Int(edge.direction & 1 == 0 ? ends.node1 : ends.node2)
            guard edge.minimum <= amount, received <= edge.maximum, key & 255 < 255 else { return }
            if node == source {
                if canSpend(received, edge.direction) { best = min(best, key &+ 1) }
                return
            }
            let (cost, feeHere) = edge.cost(forwarding: received, by: model)
            key = key &+ 1 &+ cost << 8
            received &+= feeHere
            guard key < feeCeiling << 8, key &+ nodes[node].forwardKey < best else { return }
        }
    }
}
