import LightningTypes

// Where the ways from both ends of a search meet, and what its answer leaves open.
extension BidirectionalSearch {
    /// Notes that a direction's minimum is above what it would carry: a route that carries more may use it.
    /// `before` bounds the key of the way to it; `hasFee` is false for the source's own channels.
    mutating func refuse(_ edge: GraphEdge, before: UInt64, hasFee: Bool) {
        let surplus = edge.minimum - amount
        guard surplus < feeCeiling, before < feeCeiling << 8 else { return }
        let feeThere =
            hasFee
            ? fee(baseFee: edge.baseFee, proportionalFee: edge.proportionalFee, forwarding: edge.minimum) : 0
        guard surplus + feeThere < feeCeiling else { return }
        refusedKey = min(refusedKey, (surplus + feeThere) << 8 &+ before)
    }

    /// The backward search has settled a neighbour of the source: takes the lowest channel that carries enough.
    mutating func arrive(at node: Int) {
        // One hop more than a key can count.
        guard labels[node].backwardKey & 255 < 255 else {
            isCut = true
            return
        }
        let total = labels[node].backwardKey &+ 1
        guard total <= sourceKey, let direction = directChannel(to: node) else { return }
        if total < sourceKey || direction < sourceDirection {
            sourceKey = total
            sourceDirection = direction
            best = min(best, total)
        }
    }

    private mutating func directChannel(to node: Int) -> UInt32? {
        let received = amount &+ labels[node].backwardKey >> 8
        let first = labels[node].forwardEdge
        if first & NodeLabel.severalDirect == 0 {
            let edge = outgoing[NodeLabel.position(first)]
            return fits(received, through: edge) ? edge.direction : nil
        }
        var lowest: UInt32?
        for position in outgoingRows[source].start..<outgoingRows[source].end {
            let edge = outgoing[Int(position)]
            guard edge.peer == UInt32(node), edge.direction < lowest ?? .max,
                !excluded.contains(edge.direction)
            else { continue }
            if fits(received, through: edge) { lowest = edge.direction }
        }
        return lowest
    }

    /// Whether a direction out of the source carries `received`.
    private mutating func fits(_ received: UInt64, through edge: GraphEdge) -> Bool {
        guard received <= edge.maximum, canSpend(received, edge.direction) else { return false }
        if received < edge.minimum {
            refuse(edge, before: 0, hasFee: false)
            return false
        }
        return true
    }

    /// The true key of the way found through `meeting`, if its amounts fit, bounds the best from above; false: it is no
    /// better than what is known, or does not fit.
    ///
    /// The way may visit a node twice. Leaving out the circle is cheaper, and possible as long as the part before
    /// `meeting` keeps its minimums with any amount: no bound is taken from one that does not.
    @inline(never) mutating func meet(at meeting: Int) -> Bool {
        var key = labels[meeting].backwardKey
        var node = meeting
        while true {
            let edge = outgoing[NodeLabel.position(labels[node].forwardEdge)]
            let received = amount &+ key >> 8
            let ends = layout.channels[Int(edge.direction >> 1)]
            node = Int(edge.direction & 1 == 0 ? ends.node1 : ends.node2)
            guard edge.minimum <= amount, received <= edge.maximum, key & 255 < 255 else { return false }
            if node == source {
                guard canSpend(received, edge.direction) else { return false }
                best = min(best, key &+ 1)
                return true
            }
            key =
                key &+ 1
                &+ fee(baseFee: edge.baseFee, proportionalFee: edge.proportionalFee, forwarding: received)
                << 8
            guard key < feeCeiling << 8, key &+ labels[node].forwardKey < best else { return false }
        }
    }
}
