import LightningTypes

/// What a payer can offer now in a direction that leaves it.
///
/// A search that compares only says with what: of the answer, nothing but whether it is less than `least` reaches its
/// result. Nil: all of the answer does.
public typealias Spendable = (_ direction: DirectionIndex, _ least: Millisatoshi?) -> Millisatoshi

/// One thread's pathfinder: all its memory is claimed once, and no query allocates but for the route found.
///
/// A query is answered by a search from both ends (`BidirectionalSearch`), exact for nearly every one. What that
/// search cannot decide (a limit on hops or time locks that the cheapest route breaks, an `htlc_minimum` that
/// only a dearer way on would meet) is decided by a search with several labels a node (`LabelSearch`).
public final class RouteSearch {
    let nodeCount: Int
    let channelCount: Int
    private let labels: UnsafeMutablePointer<NodeLabel>
    var excluded: ExcludedDirections
    private var forward: SearchHeap
    private var backward: SearchHeap
    private let settledAhead = NodeFilter()
    private let settledBack = NodeFilter()
    private var vicinity = Vicinity()
    /// Labels of earlier queries carry lower stamps and are as good as absent: nothing is cleared.
    private var stamp: UInt32 = 0
    /// Queries so far that took the search with several labels a node: it costs milliseconds.
    public private(set) var labelSearchCount = 0
    /// Read from the payee's side by the last search by fees, what settling nodes costs included.
    private(set) var directionsReadBack = 0
    /// Those of `labelSearchCount` whose answer is the best found, but not proved to be the best there is.
    public internal(set) var undecidedCount = 0

    /// Claimed by the first query under a cost model other than the fee alone.
    private var costMemory: CostMemory?

    /// Ready for every graph of this size, whatever its version.
    public init(nodeCount: Int, channelCount: Int) {
        self.nodeCount = nodeCount
        self.channelCount = channelCount
        labels = LargeMemory.allocate(NodeLabel.self, count: nodeCount)
        labels.initialize(repeating: .unreached, count: nodeCount)
        excluded = ExcludedDirections(channelCount: channelCount)
        forward = SearchHeap(capacity: nodeCount)
        backward = SearchHeap(capacity: nodeCount)
    }

    public convenience init(for graph: ChannelGraph) {
        self.init(nodeCount: graph.nodeCount, channelCount: graph.channelCount)
    }

    deinit {
        LargeMemory.free(labels)
        excluded.deallocate()
        forward.deallocate()
        backward.deallocate()
        settledAhead.deallocate()
        settledBack.deallocate()
        vicinity.deallocate()
    }

    /// Memory held between queries, bytes.
    public var memorySize: Int {
        nodeCount * MemoryLayout<NodeLabel>.stride + excluded.memorySize + forward.memorySize
            + backward.memorySize + settledAhead.memorySize + settledBack.memorySize
            + vicinity.memorySize + (costMemory?.memorySize ?? 0)
    }

    /// The route with the least total fee; among equals the one with the fewest hops, then the one with the
    /// lower short channel ids, compared from the source on. The answer is exact and unique.
    ///
    /// - Parameters:
    ///   - excluding: directions this sender must not use for this payment. Few: cost is linear in them.
    ///   - spendable: what the source can offer now in a direction that leaves it, never more than that is
    ///     sent there; nil to know of the source's channels what is public alone. Asked of directions that leave the
    ///     source, and only where the search depends on the answer.
    public func cheapestRoute(
        _ request: RouteRequest, in graph: ChannelGraph,
        excluding: some Collection<DirectionIndex> = EmptyCollection(),
        spendable: Spendable? = nil
    ) throws(RoutingFailure) -> Route {
        try bestRoute(request, in: graph, by: CheapestFee(), excluding: excluding, spendable: spendable)
    }

    /// The route whose hops sum to the least cost under a model; among equals the one with the fewest hops, then
    /// the least fee, then the lower short channel ids, compared from the source on. Exact and unique.
    ///
    /// The limits on hops and expiry choose among routes; `feeMaximum` judges the best of those that keep them.
    public func bestRoute<Model: CostModel>(
        _ request: RouteRequest, in graph: ChannelGraph, by model: Model,
        excluding: some Collection<DirectionIndex> = EmptyCollection(),
        spendable: Spendable? = nil
    ) throws(RoutingFailure) -> Route {
        try check(request, graph)
        mark(excluding)
        defer { unmark(excluding) }
        return try found(request, in: graph, by: model, spendable: spendable)
    }

    func mark(_ excluding: some Collection<DirectionIndex>) {
        for direction in excluding {
            precondition(direction.channel < channelCount, "no such channel")
            excluded.insert(direction.rawValue)
        }
    }

    func unmark(_ excluding: some Collection<DirectionIndex>) {
        excluded.removeAll(excluding)
    }

    func check(_ request: RouteRequest, _ graph: ChannelGraph) throws(RoutingFailure) {
        precondition(
            graph.nodeCount == nodeCount && graph.channelCount == channelCount, "another graph's size")
        precondition(request.amount > .zero, "a payment of nothing has no route")
        precondition(
            request.amount <= Millisatoshi(Satoshi.supplyMaximum), "more than all the bitcoin there can be")
        precondition((0...255).contains(request.hopsMaximum), "a key counts hops to 255")
        precondition(
            Int(request.source) < nodeCount && Int(request.destination) < nodeCount, "no such node")
        guard request.source != request.destination else { throw .destinationIsSource }
    }

    private func found<Model: CostModel>(
        _ request: RouteRequest, in graph: ChannelGraph, by model: Model, spendable: Spendable?
    ) throws(RoutingFailure) -> Route {
        let outcome = search(model, request, graph, spendable)
        var route = outcome.route
        let keepsLimits = route.map { self.keepsLimits($0, request) } ?? true
        // A direction refused for its minimum matters up to this key.
        var keyMaximum = outcome.key
        if route == nil {
            keyMaximum = feeCeiling << 8
            if Model.self == CheapestFee.self, let maximum = request.feeMaximum {
                keyMaximum = min(maximum.rawValue, feeCeiling - 1) << 8 | 255
            }
        }
        let breaksLimits = outcome.isCut || !keepsLimits
        // Nineteen in twenty of the searches that found nothing but minimums too high had nothing to find.
        let isHopeless = { [self] in
            route == nil && !breaksLimits && !isReachable(request, graph, spendable)
        }
        if breaksLimits || outcome.refusedKey <= keyMaximum && !isHopeless() {
            labelSearchCount += 1
            var priced = LimitedCost.free(model)
            var known = route
            if breaksLimits {
                (known, priced) = routeWithinLimits(outcome, model, request, graph, spendable)
                if let known { keyMaximum = key(of: known, by: model, in: graph) }
            }
            var exact = LabelSearch(
                priced, graph, request, excluded: excluded, spendable: spendable,
                keyMaximum: breaksLimits && known == nil ? nil : keyMaximum, breaksLimits: breaksLimits,
                nodes: labels, stamp: nextStamp(count: LabelSearch<Model>.stampCount))
            let better = exact.cheapestRoute()
            if exact.isUndecided { undecidedCount += 1 }
            route = better ?? known
            if breaksLimits, route == nil { throw .limitsExceeded }
        }
        guard let route else { throw .noRoute }
        if let maximum = request.feeMaximum, maximum < route.totalFee {
            throw .feeLimitExceeded(least: route.totalFee)
        }
        return route
    }

    /// What a search from both ends leaves to decide.
    private struct Outcome {
        var route: Route?
        var key: UInt64
        var refusedKey: UInt64
        var isCut: Bool
    }

    private func search<Model: CostModel>(
        _ model: Model, _ request: RouteRequest, _ graph: ChannelGraph, _ spendable: Spendable?
    ) -> Outcome {
        Model.self == CheapestFee.self
            ? searchFees(request, graph, spendable)
            : searchCosts(model, request, graph, spendable)
    }

    /// Some route within the limits, not much dearer than the best as a rule, and a price of hops and blocks under which
    /// few routes beyond the limits seem better: `LabelSearch` then looks no farther. The price rises until a route keeps
    /// the limits, and falls again as far as one does.
    private func routeWithinLimits<Model: CostModel>(
        _ outcome: Outcome, _ model: Model, _ request: RouteRequest, _ graph: ChannelGraph,
        _ spendable: Spendable?
    ) -> (route: Route?, priced: LimitedCost<Model>) {
        let free = LimitedCost.free(model)
        let breaksHops = outcome.route.map { $0.hops.count > request.hopsMaximum } ?? true
        let breaksBlocks = outcome.route.map { $0.cltvExpiryDelta > request.cltvMaximum } ?? true
        let broken: LimitedCost<Model>.Limits = breaksHops ? breaksBlocks ? .both : .hops : .blocks
        for limits in broken == .both ? [.both] : [broken, .both] {
            var known: Route?
            var best = (priced: free, bound: UInt64(0))
            var (low, high) = (UInt64(0), 1 + (outcome.route == nil ? 0 : outcome.key >> 16))
            for _ in 0..<24 where known == nil || high - low > 1 + high / 16 {
                let priced = LimitedCost(
                    model: model, hopPrice: known == nil ? high : low + (high - low) / 2, limits: limits)
                guard priced.hopPrice <= LimitedCost<Model>.priceMaximum else { break }
                let dearer = searchCosts(priced, request, graph, spendable)
                guard let route = dearer.route else { break }
                // No route within the limits costs less.
                let bound = dearer.key >> 8 - min(dearer.key >> 8, priced.allowance(for: request))
                if bound >= best.bound { best = (priced, bound) }
                let cost = route.cost(by: model, in: graph)
                if keepsLimits(route, request), cost < feeCeiling {
                    known = route
                    high = priced.hopPrice
                    if bound == cost { break }
                } else {
                    low = priced.hopPrice
                    if known == nil { high *= 4 }
                }
            }
            if let known {
                let most = known.cost(by: model, in: graph) + best.priced.allowance(for: request)
                return (known, most < feeCeiling ? best.priced : free)
            }
        }
        return (nil, free)
    }

    private func key(of route: Route, by model: some CostModel, in graph: ChannelGraph) -> UInt64 {
        route.cost(by: model, in: graph) << 8 | UInt64(route.hops.count)
    }

    private func keepsLimits(_ route: Route, _ request: RouteRequest) -> Bool {
        route.hops.count <= request.hopsMaximum && route.cltvExpiryDelta <= request.cltvMaximum
    }

    private func searchFees(
        _ request: RouteRequest, _ graph: ChannelGraph, _ spendable: Spendable?
    ) -> Outcome {
        let search = searchBothWays(request, graph, spendable)
        return Outcome(
            route: search.sourceKey == .max ? nil : assemble(search, request, graph), key: search.sourceKey,
            refusedKey: search.refusedKey, isCut: search.isCut)
    }

    private func searchCosts<Model: CostModel>(
        _ model: Model, _ request: RouteRequest, _ graph: ChannelGraph, _ spendable: Spendable?
    ) -> Outcome {
        let memory = costMemory ?? CostMemory(nodeCount: nodeCount)
        costMemory = memory
        let search = memory.search(
            model, request, graph, excluded: excluded, spendable: spendable)
        guard search.sourceKey != .max else {
            // As with a search by fees: where all routes that are left cost more than they may, there is none.
            let isTooDear = search.refusedSurplus > request.feeMaximum?.rawValue ?? .max
            return Outcome(
                route: nil, key: .max, refusedKey: isTooDear ? .max : search.refusedKey, isCut: search.isCut)
        }
        var directions = [DirectionIndex(search.sourceDirection)]
        var way = search.ways[search.sourceWay]
        while way.next != .max {
            directions.append(DirectionIndex(way.direction))
            way = search.ways[way.next]
        }
        guard let route = Route(along: directions, of: graph, for: request) else {
            preconditionFailure("a search found a route above the fee ceiling")
        }
        precondition(
            route.cost(by: model, in: graph) << 8 | UInt64(route.hops.count) == search.sourceKey
                && route.amountSent.rawValue == search.sourceAmount,
            "a route's cost differs from the search's")
        return Outcome(
            route: route, key: search.sourceKey, refusedKey: search.refusedKey, isCut: search.isCut)
    }

    /// The first of `count` stamps above all that labels carry. Even, since the odd ones mark what is settled.
    private func nextStamp(count: UInt32 = 2) -> UInt32 {
        precondition(count % 2 == 0, "an odd number of stamps")
        if stamp > .max - 256 {
            stamp = 0
            labels.update(repeating: .unreached, count: nodeCount)
        }
        let next = stamp + 2
        stamp += count
        return next
    }

    private func isReachable(_ request: RouteRequest, _ graph: ChannelGraph, _ spendable: Spendable?) -> Bool
    {
        var reachability = Reachability(
            graph, request, excluded: excluded, spendable: spendable, labels: labels, stamp: nextStamp())
        return reachability.isReachable()
    }

    private func searchBothWays(
        _ request: RouteRequest, _ graph: ChannelGraph, _ spendable: Spendable?
    ) -> BidirectionalSearch {
        let stamp = nextStamp()
        let (source, destination) = (Int(request.source), Int(request.destination))
        let layout = graph.layout
        let (leaving, entering) = (layout.outgoingRows[source], layout.incomingRows[destination])
        forward.removeAll()
        backward.removeAll()
        settledAhead.removeAll()
        settledBack.removeAll()
        vicinity.removeAll()
        var search = BidirectionalSearch(
            incoming: graph.incoming, outgoing: graph.outgoing, incomingRows: graph.incomingRows,
            outgoingRows: graph.outgoingRows, layout: layout, labels: labels, excluded: excluded,
            spendable: spendable, source: source, destination: destination,
            amount: request.amount.rawValue,
            minimumIgnored: request.amount.rawValue + request.amount.rawValue / 16, stamp: stamp,
            forwardStamp: stamp,
            readsWholeRows: !layout.isCore[source] && leaving.coreEnd < leaving.end
                || !layout.isCore[destination] && entering.coreEnd < entering.end,
            settledAhead: settledAhead, settledBack: settledBack, vicinity: vicinity, forward: forward,
            backward: backward)
        search.run()
        forward = search.forward
        backward = search.backward
        self.stamp = search.forwardStamp
        directionsReadBack = search.backwardWork
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
