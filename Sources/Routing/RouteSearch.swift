import LightningTypes

/// One thread's pathfinder: all its memory is claimed once, and no query allocates but for the route found.
public final class RouteSearch {
    let nodeCount: Int
    let channelCount: Int
    /// One bit a direction: not to be used in the present query.
    let excluded: UnsafeMutablePointer<UInt64>

    /// Ready for every graph of this size, whatever its version.
    public init(nodeCount: Int, channelCount: Int) {
        self.nodeCount = nodeCount
        self.channelCount = channelCount
        let words = channelCount / 32 + 1
        excluded = .allocate(capacity: words)
        excluded.initialize(repeating: 0, count: words)
    }

    public convenience init(for graph: ChannelGraph) {
        self.init(nodeCount: graph.nodeCount, channelCount: graph.channelCount)
    }

    deinit {
        excluded.deallocate()
    }

    /// The route with the least total fee; among equals the one with the fewest hops, then the one with the
    /// lower short channel ids, compared from the source on. The answer is exact and unique.
    ///
    /// - Parameters:
    ///   - excluding: directions this sender must not use for this payment. Few: cost is linear in them.
    ///   - spendable: what the source can offer now in a direction that leaves it, never more than that is
    ///     sent there; nil to know of the source's channels what is public alone. Asked only of directions
    ///     that leave the source, and only when the search comes to use one.
    public func cheapestRoute(
        _ request: RouteRequest, in graph: ChannelGraph,
        excluding: some Collection<DirectionIndex> = EmptyCollection(),
        spendable: ((DirectionIndex) -> Millisatoshi)? = nil
    ) throws(RoutingFailure) -> Route {
        precondition(
            graph.nodeCount == nodeCount && graph.channelCount == channelCount, "another graph's size")
        for direction in excluding { exclude(direction) }
        defer { for direction in excluding { include(direction) } }
        return try findRoute(request, graph, spendable)
    }

    private func exclude(_ direction: DirectionIndex) {
        precondition(direction.channel < channelCount, "no such channel")
        excluded[Int(direction.rawValue) >> 6] |= 1 << UInt64(direction.rawValue & 63)
    }

    private func include(_ direction: DirectionIndex) {
        excluded[Int(direction.rawValue) >> 6] &= ~(1 << UInt64(direction.rawValue & 63))
    }

    func isExcluded(_ direction: UInt32) -> Bool {
        excluded[Int(direction) >> 6] & 1 << UInt64(direction & 63) != 0
    }

    private func findRoute(
        _ request: RouteRequest, _ graph: ChannelGraph, _ spendable: ((DirectionIndex) -> Millisatoshi)?
    ) throws(RoutingFailure) -> Route {
        precondition(request.amount > .zero, "a payment of nothing has no route")
        guard request.source != request.destination else { throw .destinationIsSource }
        let source = UInt32(request.source)
        var cost = [UInt64](repeating: .max, count: nodeCount)
        var next = [UInt32](repeating: .max, count: nodeCount)
        var isDone = [Bool](repeating: false, count: nodeCount)
        var heap: [(cost: UInt64, node: UInt32)] = [(0, UInt32(request.destination))]
        cost[Int(request.destination)] = 0
        while !heap.isEmpty {
            let (reached, node) = popLeast(&heap)
            if isDone[Int(node)] || node == source { continue }
            isDone[Int(node)] = true
            let amount = request.amount.rawValue + reached >> 8
            let row = graph.layout.incomingRows[Int(node)]
            for position in row.start..<row.end {
                let edge = graph.incoming[Int(position)]
                guard edge.minimum <= amount, amount <= edge.maximum, !isExcluded(edge.direction) else {
                    continue
                }
                var feeHere: UInt64 = 0
                if edge.peer == source {
                    if let spendable, spendable(DirectionIndex(edge.direction)).rawValue < amount { continue }
                } else {
                    feeHere = fee(
                        baseFee: edge.baseFee, proportionalFee: edge.proportionalFee, forwarding: amount)
                }
                guard reached >> 8 + feeHere < feeCeiling, reached & 255 < 255 else { continue }
                let reachedThere = reached + feeHere << 8 + 1
                let known = cost[Int(edge.peer)]
                if reachedThere < known || reachedThere == known && edge.direction < next[Int(edge.peer)] {
                    cost[Int(edge.peer)] = reachedThere
                    next[Int(edge.peer)] = edge.direction
                    if reachedThere < known { push((reachedThere, edge.peer), &heap) }
                }
            }
        }
        guard next[Int(source)] != .max else { throw .noRoute }
        var directions: [DirectionIndex] = []
        var node = request.source
        while node != request.destination {
            let direction = DirectionIndex(next[Int(node)])
            directions.append(direction)
            node = graph.destination(of: direction)
        }
        guard let route = Route(along: directions, of: graph, for: request) else { throw .noRoute }
        guard route.hops.count <= request.hopsMaximum, route.cltvExpiryDelta <= request.cltvMaximum else {
            throw .limitsExceeded
        }
        if let maximum = request.feeMaximum, maximum < route.totalFee {
            throw .feeLimitExceeded(least: route.totalFee)
        }
        return route
    }
}

private func push(_ entry: (cost: UInt64, node: UInt32), _ heap: inout [(cost: UInt64, node: UInt32)]) {
    heap.append(entry)
    var child = heap.count - 1
    while child > 0, heap[child].cost < heap[(child - 1) / 2].cost {
        heap.swapAt(child, (child - 1) / 2)
        child = (child - 1) / 2
    }
}

private func popLeast(_ heap: inout [(cost: UInt64, node: UInt32)]) -> (cost: UInt64, node: UInt32) {
    heap.swapAt(0, heap.count - 1)
    let least = heap.removeLast()
    var parent = 0
    while true {
        var child = 2 * parent + 1
        guard child < heap.count else { return least }
        if child + 1 < heap.count, heap[child + 1].cost < heap[child].cost { child += 1 }
        guard heap[child].cost < heap[parent].cost else { return least }
        heap.swapAt(child, parent)
        parent = child
    }
}
