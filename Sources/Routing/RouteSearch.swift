import LightningTypes

/// One thread's pathfinder: all its memory is claimed once, and no query allocates but for the route found.
///
/// A query is answered by a search from both ends (`BidirectionalSearch`), exact for nearly every one. What that
/// search cannot decide (a limit on hops or time locks that the cheapest route breaks, an `htlc_minimum` that
/// only a dearer way on would meet) is decided by a search with several labels a node (`LabelSearch`).
public final class RouteSearch {
    let nodeCount: Int
    let channelCount: Int
    private let labels: UnsafeMutablePointer<NodeLabel>
    /// One bit a direction: not to be used in the present query.
    let excluded: UnsafeMutablePointer<UInt64>
    private var forward: SearchHeap
    private var backward: SearchHeap
    /// Labels of earlier queries carry lower stamps and are as good as absent: nothing is cleared.
    private var stamp: UInt32 = 0
    /// Queries so far that took the search with several labels a node: it costs milliseconds.
    public private(set) var labelSearchCount = 0
    /// Those of them whose answer is the best found, but not proved to be the best there is.
    public private(set) var undecidedCount = 0

    /// Ready for every graph of this size, whatever its version.
    public init(nodeCount: Int, channelCount: Int) {
        self.nodeCount = nodeCount
        self.channelCount = channelCount
        labels = .allocate(capacity: nodeCount)
        labels.initialize(repeating: .unreached, count: nodeCount)
        let words = channelCount / 32 + 1
        excluded = .allocate(capacity: words)
        excluded.initialize(repeating: 0, count: words)
        forward = SearchHeap(capacity: nodeCount)
        backward = SearchHeap(capacity: nodeCount)
    }

    public convenience init(for graph: ChannelGraph) {
        self.init(nodeCount: graph.nodeCount, channelCount: graph.channelCount)
    }

    deinit {
        labels.deallocate()
        excluded.deallocate()
        forward.deallocate()
        backward.deallocate()
    }

    /// Memory held between queries, bytes.
    public var memorySize: Int {
        nodeCount * MemoryLayout<NodeLabel>.stride + (channelCount / 32 + 1) * 8 + forward.memorySize
            + backward.memorySize
    }

    /// The route with the least total fee; among equals the one with the fewest hops, then the one with the
    /// lower short channel ids, compared from the source on. The answer is exact and unique.
    ///
    /// - Parameters:
    ///   - excluding: directions this sender must not use for this payment. Few: cost is linear in them.
    ///   - spendable: what the source can offer now in a direction that leaves it, never more than that is
    ///     sent there; nil to know of the source's channels what is public alone. Asked once of each
    ///     direction that leaves the source and could carry the amount, and again when it is chosen.
    public func cheapestRoute(
        _ request: RouteRequest, in graph: ChannelGraph,
        excluding: some Collection<DirectionIndex> = EmptyCollection(),
        spendable: ((DirectionIndex) -> Millisatoshi)? = nil
    ) throws(RoutingFailure) -> Route {
        for direction in excluding {
            precondition(direction.channel < channelCount, "no such channel")
            excluded[Int(direction.rawValue) >> 6] |= 1 << UInt64(direction.rawValue & 63)
        }
        defer {
            for direction in excluding { excluded[Int(direction.rawValue) >> 6] = 0 }
        }
        return try cheapestRoute(
            request, in: graph, hasExclusions: !excluding.isEmpty, spendable: spendable)
    }

    private func cheapestRoute(
        _ request: RouteRequest, in graph: ChannelGraph, hasExclusions: Bool,
        spendable: ((DirectionIndex) -> Millisatoshi)?
    ) throws(RoutingFailure) -> Route {
        precondition(
            graph.nodeCount == nodeCount && graph.channelCount == channelCount, "another graph's size")
        precondition(request.amount > .zero, "a payment of nothing has no route")
        precondition(
            request.amount <= Millisatoshi(Satoshi.supplyMaximum), "more than all the bitcoin there can be")
        precondition((0...255).contains(request.hopsMaximum), "a key counts hops to 255")
        guard request.source != request.destination else { throw .destinationIsSource }
        let search = searchBothWays(request, graph, hasExclusions, spendable)
        var route: Route?
        if search.sourceKey != .max {
            route = assemble(search, request, graph)
        }
        let keepsLimits =
            route.map { $0.hops.count <= request.hopsMaximum && $0.cltvExpiryDelta <= request.cltvMaximum }
            ?? true
        // A direction refused for its minimum matters up to this key.
        let keyMaximum =
            route == nil
            ? request.feeMaximum.map { min($0.rawValue, feeCeiling - 1) << 8 | 255 } ?? feeCeiling << 8
            : search.sourceKey
        let breaksLimits = search.isCut || !keepsLimits
        if breaksLimits || search.refusedKey <= keyMaximum {
            labelSearchCount += 1
            var exact = LabelSearch(graph, request, excluded: excluded, spendable: spendable)
            let found = exact.cheapestRoute(
                knownKey: route == nil || breaksLimits ? nil : search.sourceKey, breaksLimits: breaksLimits)
            if exact.isUndecided { undecidedCount += 1 }
            if breaksLimits, found == nil { throw .limitsExceeded }
            route = found ?? route
        }
        guard let route else { throw .noRoute }
        if let maximum = request.feeMaximum, maximum < route.totalFee {
            throw .feeLimitExceeded(least: route.totalFee)
        }
        return route
    }

    private func searchBothWays(
        _ request: RouteRequest, _ graph: ChannelGraph, _ hasExclusions: Bool,
        _ spendable: ((DirectionIndex) -> Millisatoshi)?
    ) -> BidirectionalSearch {
        if stamp > .max - 4 {
            stamp = 0
            labels.update(repeating: .unreached, count: nodeCount)
        }
        stamp += 2
        let (source, destination) = (Int(request.source), Int(request.destination))
        precondition(source < nodeCount && destination < nodeCount, "no such node")
        let layout = graph.layout
        let (leaving, entering) = (layout.outgoingRows[source], layout.incomingRows[destination])
        forward.removeAll()
        backward.removeAll()
        var search = BidirectionalSearch(
            incoming: graph.incoming, outgoing: graph.outgoing, incomingRows: layout.incomingRows,
            outgoingRows: layout.outgoingRows, layout: layout, labels: labels, excluded: excluded,
            hasExclusions: hasExclusions, spendable: spendable, source: source, destination: destination,
            amount: request.amount.rawValue, stamp: stamp,
            readsWholeRows: !layout.isCore[source] && leaving.coreEnd < leaving.end
                || !layout.isCore[destination] && entering.coreEnd < entering.end,
            forward: forward, backward: backward)
        search.run()
        forward = search.forward
        backward = search.backward
        return search
    }

    /// Follows the directions kept at the nodes, from the source.
    private func assemble(_ search: BidirectionalSearch, _ request: RouteRequest, _ graph: ChannelGraph)
        -> Route
    {
        var directions = [DirectionIndex(search.sourceDirection)]
        directions.reserveCapacity(Int(search.sourceKey & 255))
        var node = graph.destination(of: directions[0])
        while node != request.destination {
            let direction = DirectionIndex(labels[Int(node)].backwardDirection)
            directions.append(direction)
            node = graph.destination(of: direction)
        }
        guard let route = Route(along: directions, of: graph, for: request) else {
            preconditionFailure("a search found a route above the fee ceiling")
        }
        precondition(
            route.totalFee.rawValue << 8 | UInt64(route.hops.count) == search.sourceKey,
            "a route's fee differs from the search's")
        return route
    }
}
