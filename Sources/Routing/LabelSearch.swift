import LightningTypes

/// The best route under every limit, by several labels a node: for the few queries that need it.
///
/// A label is a way from a node to the destination with its cost, hops, amount and expiry. One label makes another at
/// the same node superfluous when it is no worse in all four and not behind in the canonical order (cost, hops, amount,
/// short channel ids): whatever leads to the node can then follow the better label. If the joined way visits a node
/// twice, leaving out the circle is better still.
///
/// An `htlc_minimum` breaks that argument where a smaller amount fails it and a larger one would not. Directions
/// whose minimum lies above the amount delivered, and not above what a route within the bound could carry, are
/// *thresholds*. Without one, the first pass is exact. With one, a second pass bounded by the first's route lets
/// a label replace another only when it visits no node the other does not, and carries the same amount or one
/// that already meets every threshold. To decide this is exponential at worst (it holds the knapsack problem):
/// after `dividedLabelsMaximum` labels the best route known stands, and `isUndecided` says so.
struct LabelSearch<Model: CostModel> {
    private struct Label {
        var node: Int32
        /// The label at the other end of `direction`; -1 at the destination.
        var next: Int32
        /// Another label at the same node; -1: none.
        var sibling: Int32 = -1
        /// Whether no other label has made it superfluous.
        var isKept = true
        var direction: UInt32
        /// cost << 8 | hops
        var key: UInt64
        /// The price of its hops and blocks, msat.
        var price: UInt64 = 0
        /// What the node has to receive.
        var amount: UInt64
        var cltv: UInt64
    }

    /// Bounds the first pass, which a graph of this size does not come near.
    static var labelsMaximum: Int { 1 << 18 }
    /// Bounds the second pass to milliseconds. Every graph of 6 nodes needs far fewer.
    static var dividedLabelsMaximum: Int { 1 << 12 }

    private let graph: ChannelGraph
    private let request: RouteRequest
    private let excluded: ExcludedDirections
    private let spendable: Spendable?
    /// No route above this key is of any use; nil: nothing is known of that.
    private let keyMaximum: UInt64?
    /// Whether a first pass is needed.
    private let breaksLimits: Bool
    /// Adds a price of hops and blocks to what a way costs. A route within the limits pays no more of it than
    /// `allowance`: that keeps the search from nodes which only routes beyond the limits would visit.
    private let priced: LimitedCost<Model>
    /// Of such prices, as a key.
    private let allowance: UInt64
    /// By node, a lower bound of the way from the source: the key, with prices.
    private let bounds: BoundingSide
    /// The same of hops and blocks, where no route that keeps the limits is known; else empty: they are then not worth a
    /// search each.
    private let hopBounds: [UInt64]
    private let cltvBounds: [UInt64]

    /// What labels a node has is kept with it, under the stamp of the present pass.
    private let nodes: UnsafeMutablePointer<NodeLabel>
    private var stamp: UInt32
    private var labels: [Label] = []
    private var bestKey = UInt64.max
    private var bestAmount = UInt64.max
    private var best: [UInt32] = []
    /// No route of use has a greater key, prices included.
    private var pricedMaximum: UInt64 { bestKey + allowance }
    /// Whether a pass ended at its bound, so that the answer is not proved to be the best.
    private(set) var isUndecided = false

    /// How many stamps a search needs, made even: that of the bounds, and one for each pass.
    static var stampCount: UInt32 { 4 }

    /// - Parameters:
    ///   - priced: the model with prices of hops and blocks, which may be zero.
    ///   - keyMaximum: the key of a route known to keep the limits, or above which none would be taken; nil: none is
    ///     known.
    ///   - breaksLimits: whether the cheapest route without limits breaks one.
    ///   - nodes: memory for each node of the graph.
    ///   - stamp: this and `stampCount` - 1 after it are not in use there.
    init(
        _ priced: LimitedCost<Model>, _ graph: ChannelGraph, _ request: RouteRequest,
        excluded: ExcludedDirections, spendable: Spendable?, keyMaximum: UInt64?, breaksLimits: Bool,
        nodes: UnsafeMutablePointer<NodeLabel>, stamp: UInt32
    ) {
        self.graph = graph
        self.request = request
        self.excluded = excluded
        self.spendable = spendable
        self.keyMaximum = keyMaximum
        self.breaksLimits = breaksLimits
        self.priced = priced
        self.nodes = nodes
        self.stamp = stamp
        allowance = priced.allowance(for: request) << 8
        let amount = request.amount.rawValue
        let lowerBounds = LowerBounds(
            graph: graph, source: Int(request.source), destination: Int(request.destination), nodes: nodes
        ) { edge, isFirst in
            guard edge.maximum >= amount, !excluded.contains(edge.direction) else { return false }
            guard isFirst, let spendable else { return true }
            return spendable(DirectionIndex(edge.direction), Millisatoshi(amount)).rawValue >= amount
        }
        let needsLimits = breaksLimits && keyMaximum == nil
        hopBounds = needsLimits ? lowerBounds.all(stamp: stamp + 1) { _, _ in 1 } : []
        cltvBounds =
            needsLimits
            ? lowerBounds.all(stamp: stamp + 2) { edge, isFirst in
                isFirst ? 0 : UInt64(edge.cltvExpiryDelta)
            } : []
        bounds = lowerBounds.keys(
            within: (keyMaximum ?? feeCeiling << 8) + allowance, forwarding: amount, by: priced, stamp: stamp)
    }

    /// The canonical cheapest route within the request's limits on hops and expiry; nil if none better than the
    /// known one is found.
    mutating func cheapestRoute() -> Route? {
        bestKey = keyMaximum ?? feeCeiling << 8
        if breaksLimits { search(threshold: 0) }
        if Model.self == CheapestFee.self, keyMaximum == nil, best.isEmpty, let maximum = request.feeMaximum {
            bestKey = min(maximum.rawValue, feeCeiling - 1) << 8 | 255
        }
        let threshold = highestThreshold()
        if threshold > 0 { search(threshold: threshold) }
        guard !best.isEmpty else { return nil }
        return Route(along: best.map { DirectionIndex($0) }, of: graph, for: request)
    }

    /// The largest minimum that a route of at most `bestKey` might meet and a cheaper one might not; or zero.
    private func highestThreshold() -> UInt64 {
        let amount = request.amount.rawValue
        let maximum = pricedMaximum
        var highest: UInt64 = 0
        for node in bounds.reached {
            let row = graph.layout.outgoingRows[Int(node)]
            let before = min(bounds[Int(node)], maximum)
            for position in row.start..<row.end {
                let edge = graph.outgoing[Int(position)]
                guard edge.minimum > amount, edge.minimum <= edge.maximum, edge.minimum > highest,
                    Int(edge.peer) != Int(request.destination)
                else { continue }
                let surplus = edge.minimum - amount
                if surplus < feeCeiling, surplus <= (maximum - before) >> 8 { highest = edge.minimum }
            }
        }
        return highest
    }

    /// Finds the best route with a key of at most `bestKey`. A threshold of zero: minimums divide no labels.
    private mutating func search(threshold: UInt64) {
        labels.removeAll(keepingCapacity: true)
        stamp += 1
        var heap = SearchHeap(capacity: 1_024)
        defer { heap.deallocate() }
        guard bounds[Int(request.destination)] != .max else { return }
        labels.append(
            Label(
                node: request.destination, next: -1, direction: .max, key: 0,
                amount: request.amount.rawValue, cltv: UInt64(request.finalCLTVExpiryDelta)))
        heap.push(SearchEntry(key: 0, node: 0, position: SearchEntry.fresh))
        let labelsMaximum = threshold == 0 ? Self.labelsMaximum : Self.dividedLabelsMaximum
        while heap.count > 0, heap.leastKey <= pricedMaximum {
            if labels.count >= labelsMaximum {
                isUndecided = true
                return
            }
            let index = Int32(heap.popLeast().node)
            let label = labels[Int(index)]
            guard label.isKept else { continue }
            let row = graph.layout.incomingRows[Int(label.node)]
            for position in row.start..<row.end {
                let edge = graph.incoming[Int(position)]
                let received = label.amount
                guard edge.minimum <= received, received <= edge.maximum,
                    !excluded.contains(edge.direction)
                else { continue }
                if edge.peer == UInt32(request.source) {
                    arrive(by: edge, received: received, from: index)
                } else if let extended = extend(index, by: edge, received: received),
                    isKept(extended, threshold: threshold)
                {
                    heap.push(
                        SearchEntry(
                            key: extended.key + extended.price << 8 + bounds[Int(extended.node)],
                            node: UInt32(labels.count), position: SearchEntry.fresh))
                    append(extended)
                }
            }
        }
    }

    /// The last of the labels at a node; -1: it has none.
    private func lastLabel(at node: Int32) -> Int32 {
        let label = nodes[Int(node)]
        return label.backwardStamp == stamp ? Int32(bitPattern: label.backwardDirection) : -1
    }

    private mutating func append(_ label: Label) {
        var label = label
        label.sibling = lastLabel(at: label.node)
        nodes[Int(label.node)].backwardStamp = stamp
        nodes[Int(label.node)].backwardDirection = UInt32(labels.count)
        labels.append(label)
    }

    /// The label at the near end of `edge`, if a route within the limits may come of it.
    private func extend(_ index: Int32, by edge: GraphEdge, received: UInt64) -> Label? {
        let label = labels[Int(index)]
        let (cost, feeHere) = edge.cost(forwarding: received, by: priced.model)
        let key = label.key + cost << 8 + 1
        let price = label.price + priced.price(cltvExpiryDelta: edge.cltvExpiryDelta)
        let peer = Int(edge.peer)
        let before = bounds[peer]
        let cltv = label.cltv + UInt64(edge.cltvExpiryDelta)
        guard label.key & 255 < 255, key < feeCeiling << 8, before <= pricedMaximum,
            key + price << 8 <= pricedMaximum - before,
            key & 255 + (hopBounds.isEmpty ? 0 : hopBounds[peer]) <= UInt64(request.hopsMaximum),
            cltv + (cltvBounds.isEmpty ? 0 : cltvBounds[peer]) <= UInt64(request.cltvMaximum),
            !visits(index, peer)
        else { return nil }
        return Label(
            node: Int32(peer), next: index, direction: edge.direction, key: key, price: price,
            amount: received + feeHere, cltv: cltv)
    }

    private mutating func arrive(by edge: GraphEdge, received: UInt64, from index: Int32) {
        let label = labels[Int(index)]
        let key = label.key + 1
        guard label.key & 255 < 255, key & 255 <= UInt64(request.hopsMaximum),
            label.cltv <= UInt64(request.cltvMaximum),
            key <= bestKey
        else { return }
        if let spendable,
            spendable(DirectionIndex(edge.direction), Millisatoshi(received)).rawValue < received
        {
            return
        }
        let directions = [edge.direction] + way(from: index)
        if key < bestKey || best.isEmpty || received < bestAmount
            || received == bestAmount && directions.lexicographicallyPrecedes(best)
        {
            bestKey = key
            bestAmount = received
            best = directions
        }
    }

    /// Whether no label at the node makes this one superfluous; takes away those that it does.
    private mutating func isKept(_ label: Label, threshold: UInt64) -> Bool {
        let last = lastLabel(at: label.node)
        var other = last
        while other >= 0 {
            let known = labels[Int(other)]
            if replaces(known, label, threshold: threshold) { return false }
            other = known.sibling
        }
        var kept: Int32 = -1
        other = last
        while other >= 0 {
            let next = labels[Int(other)].sibling
            if replaces(label, labels[Int(other)], threshold: threshold) {
                labels[Int(other)].isKept = false
            } else {
                labels[Int(other)].sibling = kept
                kept = other
            }
            other = next
        }
        nodes[Int(label.node)].backwardDirection = UInt32(bitPattern: kept)
        return true
    }

    private func replaces(_ a: Label, _ b: Label, threshold: UInt64) -> Bool {
        guard a.key <= b.key, a.key & 255 <= b.key & 255, a.amount <= b.amount, a.cltv <= b.cltv else {
            return false
        }
        if a.key == b.key, a.amount == b.amount, !way(of: a).lexicographicallyPrecedes(way(of: b)) {
            return false
        }
        if threshold == 0 { return true }
        guard a.amount == b.amount || a.amount >= threshold else { return false }
        return isSubset(a, b)
    }

    // MARK: Ways

    private func way(from index: Int32) -> [UInt32] {
        var directions: [UInt32] = []
        var index = index
        while labels[Int(index)].next >= 0 {
            directions.append(labels[Int(index)].direction)
            index = labels[Int(index)].next
        }
        return directions
    }

    private func way(of label: Label) -> [UInt32] { [label.direction] + way(from: label.next) }

    private func visits(_ index: Int32, _ node: Int) -> Bool {
        var index = index
        while index >= 0 {
            if Int(labels[Int(index)].node) == node { return true }
            index = labels[Int(index)].next
        }
        return false
    }

    /// Whether `b` visits every node that `a` does.
    private func isSubset(_ a: Label, _ b: Label) -> Bool {
        var index = a.next
        while index >= 0 {
            if !visits(b.next, Int(labels[Int(index)].node)) { return false }
            index = labels[Int(index)].next
        }
        return true
    }
}

/// Plain searches over what a route could use at the least amount.
private struct LowerBounds {
    let graph: ChannelGraph
    let source: Int
    let destination: Int
    let nodes: UnsafeMutablePointer<NodeLabel>
    let isUsable: (GraphEdge, _ isFirst: Bool) -> Bool

    /// By node, the least sum of weights of a way from the source; `UInt64.max` where none leads. O(directions × log
    /// nodes)
    func all(stamp: UInt32, _ weight: (GraphEdge, _ isFirst: Bool) -> UInt64) -> [UInt64] {
        var away = BoundingSide(.away, graph, source, nodes, stamp)
        advanceToEnd(&away, weight)
        return (0..<graph.nodeCount).map { away[$0] }
    }

    /// The same with keys, of nodes that a route of at most `maximum` may visit; of others that or any greater number.
    ///
    /// Both ends search until no node is left that neither came to and a route within `maximum` visits, the one that has
    /// read less at a time: in a large graph one of them may have thousands of nodes within a fee of nothing. Then the
    /// source's side goes on where the other has been.
    func keys(within maximum: UInt64, forwarding amount: UInt64, by model: some CostModel, stamp: UInt32)
        -> BoundingSide
    {
        let key = { (edge: GraphEdge, isFirst: Bool) -> UInt64 in
            isFirst ? 1 : 1 + edge.cost(forwarding: amount, by: model).cost << 8
        }
        var away = BoundingSide(.away, graph, source, nodes, stamp)
        guard maximum < feeCeiling << 8 else {
            advanceToEnd(&away, key)
            return away
        }
        var back = BoundingSide(.back, graph, destination, nodes, stamp)
        defer {
            away.heap.deallocate()
            back.heap.deallocate()
        }
        while away.heap.leastKey <= maximum {
            if back.heap.leastKey <= maximum - away.heap.leastKey, back.work <= away.work {
                advance(&back, within: maximum, forwarding: amount, rest: { away.least(at: $0) }, key)
            } else {
                advance(&away, within: maximum, forwarding: amount, rest: { back.least(at: $0) }, key)
            }
        }
        return away
    }

    private func advanceToEnd(
        _ side: inout BoundingSide, _ weight: (GraphEdge, _ isFirst: Bool) -> UInt64
    ) {
        while side.heap.count > 0 {
            advance(&side, within: feeCeiling << 8 - 1, rest: { _ in 0 }, weight)
        }
        side.heap.deallocate()
    }

    /// Settles what waits first on a side.
    ///
    /// - Parameters:
    ///   - amount: if weights are keys, what they are of: rows are then read only as far as fees allow.
    ///   - rest: by node, no more than the sum of weights from there to the other end.
    private func advance(
        _ side: inout BoundingSide, within maximum: UInt64, forwarding amount: UInt64? = nil,
        rest: (Int) -> UInt64, _ weight: (GraphEdge, _ isFirst: Bool) -> UInt64
    ) {
        let entry = side.heap.popLeast()
        let node = Int(entry.node)
        let isAway = side.way == .away
        guard entry.key == side[node], node != (isAway ? destination : source) else { return }
        let row = side.rows[node]
        var position = row.start
        while position < row.end {
            side.work += 1
            if let amount, node != source {
                let proportional = fee(
                    baseFee: 0, proportionalFee: side.table.heads[Int(position)].proportionalFee,
                    forwarding: amount)
                if proportional << 8 >= maximum - entry.key {
                    position = row.end(of: position, readsWholeRows: true)
                    continue
                }
            }
            let edge = side.table[Int(position)]
            position += 1
            let isFirst = isAway ? node == source : Int(edge.peer) == source
            guard isUsable(edge, isFirst) else { continue }
            let reached = entry.key + weight(edge, isFirst)
            let rest = rest(Int(edge.peer))
            guard reached < side[Int(edge.peer)], rest <= maximum, reached <= maximum - rest else { continue }
            side.reach(edge.peer, reached)
        }
    }
}

/// One of two plain searches that bound each other.
private struct BoundingSide {
    enum Way {
        /// From the source.
        case away
        /// To the destination.
        case back
    }

    let way: Way
    let table: EdgeTable
    let rows: UnsafeMutablePointer<GraphLayout.Row>
    /// What is known of a node is kept there, as a search from both ends keeps it.
    private let nodes: UnsafeMutablePointer<NodeLabel>
    private let stamp: UInt32
    var heap = SearchHeap(capacity: 1_024)
    /// Directions read.
    var work = 0
    /// The nodes that have a bound.
    private(set) var reached: [UInt32] = []

    init(
        _ way: Way, _ graph: ChannelGraph, _ start: Int, _ nodes: UnsafeMutablePointer<NodeLabel>,
        _ stamp: UInt32
    ) {
        self.way = way
        table = way == .away ? graph.outgoing : graph.incoming
        rows = way == .away ? graph.outgoingRows : graph.incomingRows
        self.nodes = nodes
        self.stamp = stamp
        reach(UInt32(start), 0)
    }

    /// The least key known; `UInt64.max`: none.
    subscript(node: Int) -> UInt64 {
        let label = nodes + node
        return way == .away
            ? label.pointee.forwardStamp == stamp ? label.pointee.forwardKey : .max
            : label.pointee.backwardStamp == stamp ? label.pointee.backwardKey : .max
    }

    mutating func reach(_ node: UInt32, _ key: UInt64) {
        if self[Int(node)] == .max { reached.append(node) }
        let label = nodes + Int(node)
        if way == .away {
            label.pointee.forwardStamp = stamp
            label.pointee.forwardKey = key
        } else {
            label.pointee.backwardStamp = stamp
            label.pointee.backwardKey = key
        }
        heap.push(SearchEntry(key: key, node: node, position: SearchEntry.fresh))
    }

    /// No way between the start and the node has a lower key.
    func least(at node: Int) -> UInt64 { min(self[node], heap.leastKey) }
}
