import LightningTypes

/// A cheap and likely flow of an amount from a payer to a payee, as a min-cost flow with convex costs.
///
/// Pickhardt and Richter, "Optimally Reliable & Cheap Payment Flows on the Lightning Network" (arXiv 2107.05322): where a
/// channel's balance is uniform over 0 to c, it forwards a with P = (c + 1 − a) / (c + 1), so a flow that succeeds most
/// likely is one of least Σ −ln P, which is convex in each a. Here a balance lies between the bounds a payer knows, and
/// fees are a second term.
///
/// The amount flows in equal units, so that each direction's cost is a chain of straight pieces of one unit, of rising
/// slope, which fill in their order by themselves. Solved by successive shortest paths: a Dijkstra search on reduced
/// costs over the residual graph finds the cheapest way for one unit more, and stops at the payee. Exact for amounts in
/// whole units; with as many units as parts are allowed, there are never too many parts nor too small ones.
///
/// A unit costs, in thousandths of a millisatoshi: its proportional fee; its share of the base fee of a part of usual size; 15
/// billionths of it a block of time lock (lnd's `RiskFactorBillionths`); 1 ppm, so that nothing is free and no circle
/// pays; and `natCost` for each nat of −ln P.
struct MinimumCostFlow {
    private let graph: ChannelGraph
    private let source: Int
    private let destination: Int
    private let limits: FlowLimits
    /// Msat a nat.
    private let natCost: Double
    /// Msat.
    private let unit: UInt64
    /// Units of a part of usual size, over which a base fee is spread.
    private let usualUnits: UInt64
    private let readsWholeRows: Bool

    /// By direction: units that flow.
    private let flow: UnsafeMutablePointer<UInt32>
    private let nodes: UnsafeMutablePointer<FlowNode>
    /// Directions that carry flow into a node, by node; of a few dozen nodes.
    private var entering: [Int32: [UInt32]] = [:]
    private var heap = SearchHeap(capacity: 4_096)
    /// Of the search under way: what carries a lower stamp is as good as absent.
    private var stamp: UInt32 = 0
    private var settled: [Int32] = []

    private static let isUndone: UInt64 = 1 << 32

    init(
        _ graph: ChannelGraph, from source: Int32, to destination: Int32, limits: FlowLimits, natCost: Double,
        unit: UInt64, usualUnits: UInt64
    ) {
        self.graph = graph
        self.source = Int(source)
        self.destination = Int(destination)
        self.limits = limits
        self.natCost = natCost
        self.unit = unit
        self.usualUnits = usualUnits
        let layout = graph.layout
        let leaving = layout.outgoingRows[Int(source)]
        let arriving = layout.incomingRows[Int(destination)]
        readsWholeRows =
            !layout.isCore[Int(source)] && leaving.coreEnd < leaving.end
            || !layout.isCore[Int(destination)] && arriving.coreEnd < arriving.end
        flow = .allocate(capacity: graph.channelCount * 2)
        flow.initialize(repeating: 0, count: graph.channelCount * 2)
        nodes = .allocate(capacity: graph.nodeCount)
        nodes.initialize(
            repeating: FlowNode(potential: 0, distance: 0, arrival: 0, stamp: 0, hasFlow: false),
            count: graph.nodeCount)
    }

    func deallocate() {
        flow.deallocate()
        nodes.deallocate()
        heap.deallocate()
    }

    /// Sends so many units; false where not all of them can flow.
    mutating func send(units: Int) -> Bool {
        guard hasRoom(for: units), aim() else { return false }
        for _ in 0..<units {
            guard search() else { return false }
            fill()
        }
        return true
    }

    /// Whether the channels of payer and payee alone have room for so many units. Most amounts that cannot flow fail
    /// here, and a search that finds out reads all of the graph.
    private func hasRoom(for units: Int) -> Bool {
        func room(_ table: UnsafeMutablePointer<GraphEdge>, _ row: GraphLayout.Row, isOwn: Bool) -> UInt64 {
            (row.start..<row.end).reduce(0) { sum, position in
                let edge = table[Int(position)]
                let isOwn = isOwn || edge.peer == UInt32(source)
                guard edge.maximum > 0, let bounds = limits.bounds(of: edge, isOwn: isOwn) else { return sum }
                return sum + bounds.most.subtractingOrZero(bounds.used) / unit
            }
        }
        let layout = graph.layout
        return room(graph.outgoing, layout.outgoingRows[source], isOwn: true) >= UInt64(units)
            && room(graph.incoming, layout.incomingRows[destination], isOwn: false) >= UInt64(units)
    }

    private mutating func begin(at node: Int) {
        stamp += 2
        heap.removeAll()
        settled.removeAll(keepingCapacity: true)
        nodes[node].distance = 0
        nodes[node].stamp = stamp
        heap.push(SearchEntry(key: 0, node: UInt32(node), position: SearchEntry.fresh))
    }

    // MARK: Potentials

    /// Takes the distances to the payee without flow, as far as the payer's, as first potentials: costs only rise with
    /// flow, so that every later search heads for the payee. False where no way leads there.
    private mutating func aim() -> Bool {
        begin(at: destination)
        while heap.count > 0 {
            let entry = heap.popLeast()
            let node = Int(entry.node)
            guard nodes[node].stamp == stamp else { continue }
            nodes[node].stamp = stamp | 1
            settled.append(Int32(node))
            if node == source {
                // All others are at least as far: potentials count from there.
                for node in settled {
                    nodes[Int(node)].potential = entry.key &- nodes[Int(node)].distance
                }
                return true
            }
            let row = graph.layout.incomingRows[node]
            for position in row.start..<(readsWholeRows ? row.end : row.coreEnd) {
                reachBack(node, position, entry.key)
            }
            guard !readsWholeRows, !graph.layout.isCore[source] else { continue }
            for position in row.coreEnd..<row.end
            where graph.incoming[Int(position)].peer == UInt32(source) {
                reachBack(node, position, entry.key)
            }
        }
        return false
    }

    @inline(__always) private mutating func reachBack(_ node: Int, _ position: Int32, _ key: UInt64) {
        let edge = graph.incoming[Int(position)]
        let peer = nodes + Int(edge.peer)
        guard edge.maximum > 0, peer.pointee.stamp <= stamp,
            let cost = cost(
                of: edge, isOwn: Int(edge.peer) == source,
                below: peer.pointee.stamp == stamp ? peer.pointee.distance &- key : .max)
        else { return }
        let reached = key &+ cost
        guard peer.pointee.stamp < stamp || reached < peer.pointee.distance else { return }
        peer.pointee.distance = reached
        peer.pointee.stamp = stamp
        heap.push(SearchEntry(key: reached, node: edge.peer, position: SearchEntry.fresh))
    }

    // MARK: One search

    /// Labels nodes in order of reduced cost until the payee is settled.
    private mutating func search() -> Bool {
        begin(at: source)
        let tailMatters = !readsWholeRows && !graph.layout.isCore[destination]
        while heap.count > 0 {
            let entry = heap.popLeast()
            let node = Int(entry.node)
            guard nodes[node].stamp == stamp else { continue }
            nodes[node].stamp = stamp | 1
            settled.append(Int32(node))
            if node == destination {
                // What was not settled is at least as far as the payee; shifting all by that distance leaves it as it is.
                for node in settled {
                    nodes[Int(node)].potential &+= nodes[Int(node)].distance &- entry.key
                }
                return true
            }
            let row = graph.layout.outgoingRows[node]
            for position in row.start..<(readsWholeRows ? row.end : row.coreEnd) {
                relax(node, position, entry.key)
            }
            if tailMatters {
                for position in row.coreEnd..<row.end
                where graph.outgoing[Int(position)].peer == UInt32(destination) {
                    relax(node, position, entry.key)
                }
            }
            if nodes[node].hasFlow { relaxBack(node, entry.key) }
        }
        return false
    }

    @inline(__always) private mutating func relax(_ node: Int, _ position: Int32, _ key: UInt64) {
        let edge = graph.outgoing[Int(position)]
        let peer = nodes + Int(edge.peer)
        guard edge.maximum > 0, peer.pointee.stamp <= stamp else { return }
        // Signed sums in wrapping arithmetic; a reduced cost is never negative.
        let before = key &+ nodes[node].potential &- peer.pointee.potential
        let isReached = peer.pointee.stamp == stamp
        guard
            let cost = cost(
                of: edge, isOwn: node == source, below: isReached ? peer.pointee.distance &- before : .max)
        else { return }
        reach(peer, edge.peer, before &+ cost, UInt64(edge.direction))
    }

    /// Undoing flow into `node` gives back what its last unit cost.
    private mutating func relaxBack(_ node: Int, _ key: UInt64) {
        for direction in entering[Int32(node)] ?? [] where flow[Int(direction)] > 0 {
            let near = graph.source(of: DirectionIndex(direction))
            let peer = nodes + Int(near)
            guard peer.pointee.stamp <= stamp, let cost = costBack(of: direction) else { continue }
            let before = key &+ nodes[node].potential &- peer.pointee.potential
            reach(peer, UInt32(near), before &- cost, UInt64(direction) | Self.isUndone)
        }
    }

    @inline(__always)
    private mutating func reach(
        _ peer: UnsafeMutablePointer<FlowNode>, _ node: UInt32, _ reached: UInt64, _ arrival: UInt64
    ) {
        guard peer.pointee.stamp < stamp || reached < peer.pointee.distance else { return }
        peer.pointee.distance = reached
        peer.pointee.stamp = stamp
        peer.pointee.arrival = arrival
        heap.push(SearchEntry(key: reached, node: node, position: SearchEntry.fresh))
    }

    /// Sends a unit along the way found.
    private mutating func fill() {
        var node = destination
        while node != source {
            let arrival = nodes[node].arrival
            let direction = UInt32(truncatingIfNeeded: arrival)
            let index = DirectionIndex(direction)
            guard arrival & Self.isUndone == 0 else {
                flow[Int(direction)] -= 1
                node = Int(graph.destination(of: index))
                continue
            }
            nodes[node].hasFlow = true
            if entering[Int32(node)]?.contains(direction) != true {
                entering[Int32(node), default: []].append(direction)
            }
            flow[Int(direction)] += 1
            node = Int(graph.source(of: index))
        }
    }

    // MARK: What flows

    /// From the payee back, always by the direction that carries most; takes away what flows along all of it.
    mutating func takeWay(from source: Int32, to destination: Int32) -> FlowWay? {
        var directions: [DirectionIndex] = []
        var units = UInt32.max
        var node = destination
        while node != source {
            let widest = (entering[node] ?? []).max {
                (flow[Int($0)], $1) < (flow[Int($1)], $0)
            }
            guard let widest, flow[Int(widest)] > 0 else {
                precondition(directions.isEmpty, "a flow ends where it should not")
                return nil
            }
            precondition(directions.count < graph.nodeCount, "a flow in a circle")
            units = min(units, flow[Int(widest)])
            directions.append(DirectionIndex(widest))
            node = graph.source(of: DirectionIndex(widest))
        }
        for direction in directions { flow[Int(direction.rawValue)] -= units }
        directions.reverse()
        return FlowWay(directions: directions, amount: UInt64(units) * unit)
    }

    // MARK: Costs

    /// Of one unit more; nil where there is no room for it, or where it is no less than `bound`.
    @inline(__always) private func cost(of edge: GraphEdge, isOwn: Bool, below bound: UInt64) -> UInt64? {
        // The logarithm is what takes time, and most directions need none to be too dear.
        let fixed = isOwn ? 1 : fixedCost(edge)
        guard fixed < bound, let bounds = limits.bounds(of: edge, isOwn: isOwn) else { return nil }
        return cost(ofUnit: flow[Int(edge.direction)] &+ 1, of: edge, fixed: fixed, isOwn: isOwn, bounds)
    }

    /// Of the last unit that flows.
    private func costBack(of direction: UInt32) -> UInt64? {
        cost(ofUnit: flow[Int(direction)], in: DirectionIndex(direction))
    }

    /// Of the first, second, ... unit in a direction; nil where there is no room for it.
    func cost(ofUnit number: UInt32, in direction: DirectionIndex) -> UInt64? {
        let edge = graph.outgoing[Int(graph.positions[Int(direction.rawValue)].outgoing)]
        let isOwn = graph.source(of: direction) == Int32(source)
        guard edge.maximum > 0, let bounds = limits.bounds(of: edge, isOwn: isOwn) else { return nil }
        return cost(ofUnit: number, of: edge, fixed: isOwn ? 1 : fixedCost(edge), isOwn: isOwn, bounds)
    }

    @inline(__always) private func cost(
        ofUnit number: UInt32, of edge: GraphEdge, fixed: UInt64, isOwn: Bool, _ bounds: FlowLimits.Bounds
    ) -> UInt64? {
        let after = bounds.used &+ UInt64(number) &* unit
        guard after <= bounds.most else { return nil }
        return isOwn ? fixed : fixed &+ riskCost(upTo: after, bounds)
    }

    @inline(__always) private func fixedCost(_ edge: GraphEdge) -> UInt64 {
        let delay = UInt64(graph.figures[Int(edge.direction)].cltvExpiryDelta)
        let billionths = UInt64(edge.proportionalFee) &* 1_000 &+ 1_000 &+ LNDModel.riskBillionths &* delay
        return UInt64(min(Double(billionths) * Double(unit) * 1e-6, 1e15))
            &+ UInt64(edge.baseFee) &* 1_000 / usualUnits
    }

    /// `natCost` × ln (P before the unit that ends at `after` ÷ P with it).
    @inline(__always) private func riskCost(upTo after: UInt64, _ bounds: FlowLimits.Bounds) -> UInt64 {
        guard natCost > 0, after > bounds.lower else { return 0 }
        let before = max(after &- unit, bounds.lower)
        let above = Double(bounds.lower &+ bounds.width &- min(after, bounds.lower &+ bounds.width)) + 1_000
        let share = Double(after &- before) / above
        // The series to 1 part in 10^4 where it is that good: most channels are much wider than a unit.
        let nats = share < 0.01 ? share - share * share / 2 : Exponentials.log(1 + share)
        return UInt64(min(natCost * 1_000 * nats, 1e15))
    }
}

/// What a flow knows of a node.
private struct FlowNode: BitwiseCopyable {
    /// Distances count less by the difference of two of these; may wrap.
    var potential: UInt64
    /// Of the present search.
    var distance: UInt64
    /// The direction by which the node was reached, marked where its flow is undone.
    var arrival: UInt64
    /// At `stamp` of the search: labelled; one above: settled; below: not reached yet.
    var stamp: UInt32
    var hasFlow: Bool
}
