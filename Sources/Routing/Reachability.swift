import LightningTypes

/// Whether any way at all leads to a destination over directions that let an amount through, whatever it costs.
///
/// Minimums and fees are left out: where there is no such way, there is no route. Both ends are looked at in turn,
/// nearest nodes first, and the end that has read less goes on; it is over when one end has nothing left to read, which
/// is mostly after a few nodes, since what cannot be reached is cut off near itself.
struct Reachability {
    private let graph: ChannelGraph
    private let request: RouteRequest
    private let excluded: ExcludedDirections
    private let spendable: Spendable?
    /// By node; what carries this stamp has been reached.
    private let labels: UnsafeMutablePointer<NodeLabel>
    private let stamp: UInt32
    private var forward: [Int32] = []
    private var backward: [Int32] = []

    init(
        _ graph: ChannelGraph, _ request: RouteRequest, excluded: ExcludedDirections,
        spendable: Spendable?, labels: UnsafeMutablePointer<NodeLabel>, stamp: UInt32
    ) {
        self.graph = graph
        self.request = request
        self.excluded = excluded
        self.spendable = spendable
        self.labels = labels
        self.stamp = stamp
    }

    /// O(directions), and mostly far less.
    mutating func isReachable() -> Bool {
        forward = [request.source]
        labels[Int(request.source)].forwardStamp = stamp
        backward = [request.destination]
        labels[Int(request.destination)].backwardStamp = stamp
        var (next, nextBack) = (0, 0)
        var (read, readBack) = (0, 0)
        while next < forward.count, nextBack < backward.count {
            if read <= readBack {
                let row = graph.outgoingRows[Int(forward[next])]
                read += Int(row.end - row.start) + 1
                if goAhead(over: row, isFirst: next == 0) { return true }
                next += 1
            } else {
                let row = graph.incomingRows[Int(backward[nextBack])]
                readBack += Int(row.end - row.start) + 1
                if goBack(over: row) { return true }
                nextBack += 1
            }
        }
        return false
    }

    /// Reaches what a node's directions lead to; true: the other end has been there.
    private mutating func goAhead(over row: GraphLayout.Row, isFirst: Bool) -> Bool {
        for position in row.start..<row.end {
            let edge = graph.outgoing[Int(position)]
            let label = labels + Int(edge.peer)
            guard label.pointee.forwardStamp != stamp, isUsable(edge, isFirst: isFirst) else { continue }
            if label.pointee.backwardStamp == stamp { return true }
            label.pointee.forwardStamp = stamp
            forward.append(Int32(edge.peer))
        }
        return false
    }

    private mutating func goBack(over row: GraphLayout.Row) -> Bool {
        for position in row.start..<row.end {
            let edge = graph.incoming[Int(position)]
            let label = labels + Int(edge.peer)
            guard label.pointee.backwardStamp != stamp,
                isUsable(edge, isFirst: edge.peer == UInt32(request.source))
            else { continue }
            if label.pointee.forwardStamp == stamp { return true }
            label.pointee.backwardStamp = stamp
            backward.append(Int32(edge.peer))
        }
        return false
    }

    private func isUsable(_ edge: GraphEdge, isFirst: Bool) -> Bool {
        let amount = request.amount.rawValue
        guard edge.maximum >= amount, !excluded.contains(edge.direction) else { return false }
        guard isFirst, let spendable else { return true }
        return spendable(DirectionIndex(edge.direction), Millisatoshi(amount)).rawValue >= amount
    }
}
