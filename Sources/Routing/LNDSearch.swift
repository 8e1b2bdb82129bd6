import LightningTypes

/// Routes by lnd's cost, in two ways: as lnd finds them, and the best there are.
struct LNDSearch {
    let model: LNDModel
    let graph: ChannelGraph
    let request: RouteRequest
    let excluded: ExcludedDirections
    let spendable: Spendable?
    let failureCost: Double

    init(
        _ model: LNDModel, _ graph: ChannelGraph, _ request: RouteRequest,
        excluded: ExcludedDirections, spendable: Spendable?
    ) {
        self.model = model
        self.graph = graph
        self.request = request
        self.excluded = excluded
        self.spendable = spendable
        failureCost = model.failureCost(delivering: request.amount.rawValue)
    }

    /// A way from a node to the destination.
    private struct Label {
        var node: Int32
        var direction: UInt32
        /// The label at the other end of `direction`; -1 at the destination.
        var next: Int32
        var hops: Int32
        var weight: UInt64
        var probability: Double
        var amount: UInt64
        var cltv: UInt64
    }

    private var start: Label {
        Label(
            node: request.destination, direction: .max, next: -1, hops: 0, weight: 0, probability: 1,
            amount: request.amount.rawValue, cltv: UInt64(request.finalCLTVExpiryDelta))
    }

    /// `label`, the label of index `next`, with the hop before it; nil where lnd would not take it.
    private func extended(_ label: Label, _ next: Int32, by edge: GraphEdge) -> Label? {
        guard edge.minimum <= label.amount, label.amount <= edge.maximum, !excluded.contains(edge.direction)
        else {
            return nil
        }
        let isFirst = edge.peer == UInt32(request.source)
        if isFirst, let spendable,
            spendable(DirectionIndex(edge.direction), Millisatoshi(label.amount)).rawValue < label.amount
        {
            return nil
        }
        let feeHere = fee(
            baseFee: edge.baseFee, proportionalFee: edge.proportionalFee, forwarding: label.amount)
        let hop = edge.view(forwarding: label.amount, fee: feeHere)
        var longer = label
        longer.node = Int32(edge.peer)
        longer.direction = edge.direction
        longer.next = next
        longer.hops += 1
        longer.probability *= model.probability(of: hop, isFirst: isFirst)
        if !isFirst {
            longer.weight += model.weight(of: hop)
            longer.amount += feeHere
            longer.cltv += UInt64(hop.cltvExpiryDelta)
        }
        guard longer.probability >= model.probabilityMinimum, longer.hops <= request.hopsMaximum,
            longer.cltv <= UInt64(request.cltvMaximum), longer.weight < feeCeiling
        else { return nil }
        return longer
    }

    private func cost(_ label: Label) -> Double {
        model.cost(weight: label.weight, probability: label.probability, failureCost: failureCost)
    }

    private func route(of label: Label, in labels: [Label]) -> Route? {
        var directions: [DirectionIndex] = []
        var label = label
        while label.next >= 0 {
            directions.append(DirectionIndex(label.direction))
            label = labels[Int(label.next)]
        }
        return Route(along: directions, of: graph, for: request)
    }

    // MARK: lnd's rule

    /// The route lnd finds: a Dijkstra search from the destination that keeps one way a node, the one of least cost so
    /// far (of equal ones the likelier), as if the cost of the rest did not depend on which. O(directions × log nodes)
    func greedyRoute() -> Route? {
        var labels = [start]
        /// By node: the label that stands, and its cost in whole millisatoshis.
        var standing = [(label: Int32, cost: UInt64)?](repeating: nil, count: graph.nodeCount)
        var heap = SearchHeap(capacity: 1_024)
        defer { heap.deallocate() }
        heap.push(SearchEntry(key: 0, node: 0, position: SearchEntry.fresh))
        standing[Int(request.destination)] = (0, 0)
        while heap.count > 0 {
            let index = Int32(heap.popLeast().node)
            let label = labels[Int(index)]
            guard standing[Int(label.node)]?.label == index else { continue }
            if label.node == request.source { return route(of: label, in: labels) }
            let row = graph.layout.incomingRows[Int(label.node)]
            for position in row.start..<row.end {
                let edge = graph.incoming[Int(position)]
                guard edge.peer != UInt32(request.destination), edge.maximum >= label.amount,
                    let longer = extended(label, index, by: edge)
                else { continue }
                let cost = wholeMillisatoshis(cost(longer))
                if let other = standing[Int(longer.node)] {
                    guard
                        cost < other.cost
                            || cost == other.cost
                                && longer.probability > labels[Int(other.label)].probability
                    else { continue }
                }
                standing[Int(longer.node)] = (Int32(labels.count), cost)
                heap.push(SearchEntry(key: cost, node: UInt32(labels.count), position: SearchEntry.fresh))
                labels.append(longer)
            }
        }
        return nil
    }

    // MARK: The best there is

    /// The route of least cost among all that keep the limits, by Pareto labels: a way stays while no other at its node
    /// is as good in weight, probability and amount (and hops and expiry, in a second pass, when the best route without
    /// those two in the comparison breaks a limit). Ways are taken in order of what a whole route with them costs at
    /// the least, by the least weight and the highest probability from the source at the amount delivered. The route by
    /// lnd's own rule is hardly ever beaten, and bounds how far those have to be known.
    ///
    /// As in `LabelSearch`, an `htlc_minimum` above the amount delivered breaks the argument that a smaller amount is
    /// never worse. Where a dearer way on might meet one and still be the best, a second pass keeps labels apart by
    /// amount and nodes visited, up to a bound; `isUndecided` says that it ended there.
    func bestRoute() -> (route: Route?, isUndecided: Bool) {
        guard LNDReach(self).isConnected() else { return (nil, false) }
        // A hair above it: equal costs may differ in their last bits.
        let costMaximum = greedyRoute().map { model.cost(of: $0, in: graph).cost * (1 + 1e-9) } ?? .infinity
        let bounds = LNDBounds(self, within: costMaximum)
        guard bounds.weights[Int(request.destination)] != .max else { return (nil, false) }
        let first = search(bounds, threshold: 0, costMaximum: costMaximum)
        let known = first.route.map { model.cost(of: $0, in: graph).cost } ?? .infinity
        let threshold = highestThreshold(bounds, within: known)
        guard threshold > 0 else { return first }
        let second = search(bounds, threshold: threshold, costMaximum: known)
        return (second.route ?? first.route, second.isUndecided)
    }

    /// The largest minimum that a route of at most this cost might meet and one of less fees might not; or zero.
    private func highestThreshold(_ bounds: LNDBounds, within costMaximum: Double) -> UInt64 {
        let amount = request.amount.rawValue
        var highest: UInt64 = 0
        for node in 0..<graph.nodeCount where node != Int(request.destination) {
            let row = graph.layout.incomingRows[node]
            for position in row.start..<row.end {
                let edge = graph.incoming[Int(position)]
                let peer = Int(edge.peer)
                guard edge.minimum > amount, edge.minimum <= edge.maximum, edge.minimum > highest,
                    edge.minimum - amount < feeCeiling, bounds.weights[peer] != .max
                else { continue }
                let least = model.cost(
                    weight: edge.minimum - amount + bounds.weights[peer],
                    probability: bounds.probabilities[peer], failureCost: failureCost)
                if least <= costMaximum { highest = edge.minimum }
            }
        }
        return highest
    }

    /// Bounds a pass with a threshold to tens of milliseconds; no generated graph comes near.
    private static let dividedLabelsMaximum = 1 << 14

    /// The best route, or with a threshold the best that costs less than `costMaximum`. A threshold of zero: minimums
    /// divide no labels.
    private func search(
        _ bounds: LNDBounds, threshold: UInt64, costMaximum: Double
    ) -> (route: Route?, isUndecided: Bool) {
        var labels = [start]
        var atNode = [[Int32]](repeating: [], count: graph.nodeCount)
        var heap = SearchHeap(capacity: 1_024)
        defer { heap.deallocate() }
        heap.push(SearchEntry(key: 0, node: 0, position: SearchEntry.fresh))
        atNode[Int(request.destination)] = [0]
        while heap.count > 0 {
            let index = Int32(heap.popLeast().node)
            let label = labels[Int(index)]
            if label.node == request.source { return (route(of: label, in: labels), false) }
            if threshold > 0, labels.count >= Self.dividedLabelsMaximum { return (nil, true) }
            guard atNode[Int(label.node)].contains(index) else { continue }
            let row = graph.layout.incomingRows[Int(label.node)]
            for position in row.start..<row.end {
                let edge = graph.incoming[Int(position)]
                guard edge.maximum >= label.amount, bounds.weights[Int(edge.peer)] != .max,
                    let longer = extended(label, index, by: edge), !visits(label, longer.node, labels)
                else { continue }
                let peer = Int(longer.node)
                let probability = longer.probability * bounds.probabilities[peer]
                // A hair below the bound, since products in another order differ in their last bits.
                guard probability >= model.probabilityMinimum * (1 - 1e-12) else { continue }
                let least = model.cost(
                    weight: longer.weight + bounds.weights[peer], probability: probability,
                    failureCost: failureCost)
                guard least * (1 - 1e-12) < costMaximum else { continue }
                if atNode[peer].contains(where: { replaces(labels[Int($0)], longer, threshold, labels) }) {
                    continue
                }
                atNode[peer].removeAll { replaces(longer, labels[Int($0)], threshold, labels) }
                atNode[peer].append(Int32(labels.count))
                // The bits of non-negative numbers stand in their order.
                heap.push(
                    SearchEntry(
                        key: (peer == Int(request.source) ? cost(longer) : least * (1 - 1e-12)).bitPattern,
                        node: UInt32(labels.count), position: SearchEntry.fresh))
                labels.append(longer)
            }
        }
        return (nil, false)
    }

    /// Whether everything that leads to the labels' node can follow `a` in place of `b`.
    private func replaces(_ a: Label, _ b: Label, _ threshold: UInt64, _ labels: [Label]) -> Bool {
        guard
            a.weight <= b.weight && a.probability >= b.probability && a.amount <= b.amount
                && a.hops <= b.hops && a.cltv <= b.cltv
        else { return false }
        if threshold == 0 { return true }
        guard a.amount == b.amount || a.amount >= threshold else { return false }
        return isSubset(a, b, labels)
    }

    /// Whether `b` visits every node that `a` does.
    private func isSubset(_ a: Label, _ b: Label, _ labels: [Label]) -> Bool {
        var label = a
        while label.next >= 0 {
            label = labels[Int(label.next)]
            if !visits(b, label.node, labels) { return false }
        }
        return true
    }

    private func visits(_ label: Label, _ node: Int32, _ labels: [Label]) -> Bool {
        var label = label
        while true {
            if label.node == node { return true }
            guard label.next >= 0 else { return false }
            label = labels[Int(label.next)]
        }
    }
}

extension RouteSearch {
    /// The route by lnd's cost: as lnd's own rule finds it, or the best there is. Milliseconds.
    ///
    /// - Throws: `noRoute` also where routes exist, but none within the limits, the least probability among them.
    public func route(
        _ request: RouteRequest, in graph: ChannelGraph, by model: LNDModel, isExact: Bool,
        excluding: some Collection<DirectionIndex> = EmptyCollection(),
        spendable: Spendable? = nil
    ) throws(RoutingFailure) -> Route {
        try check(request, graph)
        mark(excluding)
        defer { unmark(excluding) }
        let search = LNDSearch(model, graph, request, excluded: excluded, spendable: spendable)
        let route: Route?
        if isExact {
            let best = search.bestRoute()
            route = best.route
            if best.isUndecided { undecidedCount += 1 }
        } else {
            route = search.greedyRoute()
        }
        guard let route else { throw .noRoute }
        if let maximum = request.feeMaximum, maximum < route.totalFee {
            throw .feeLimitExceeded(least: route.totalFee)
        }
        return route
    }
}
