import LightningTypes

/// A cheap and likely flow of an amount from a payer to a payee, as a min-cost flow with convex costs.
///
/// Pickhardt and Richter, "Optimally Reliable & Cheap Payment Flows on the Lightning Network" (arXiv 2107.05322): where
/// a channel's balance is uniform over 0 to c, it forwards a with P = (c + 1 − a) / (c + 1), so a flow that succeeds
/// most likely is one of least Σ −ln P, which is convex in each a. Here a balance lies between the bounds a payer
/// knows, and fees are a second term.
///
/// The amount flows in equal units, so that each direction's cost is a chain of straight pieces of one unit, of rising
/// slope, which fill in their order by themselves. Solved by successive shortest paths: a Dijkstra search on reduced
/// costs over the residual graph, from both ends, finds the cheapest way for one unit more. From both, since what the
/// next unit costs more is mostly decided near one of them, by channels just filled, and a search from the other would
/// look at all that lies within that difference. Exact for amounts in whole units; with as many units as parts are
/// allowed, there are never too many parts nor too small ones.
///
/// A unit costs, in thousandths of a millisatoshi: its proportional fee; its share of the base fee of a part of usual
/// size; 15 billionths of it a block of time lock (lnd's `RiskFactorBillionths`); 1 ppm, so that nothing is free and no
/// circle pays; and `natCost` for each nat of −ln P.
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
    private var leaving: [Int32: [UInt32]] = [:]
    private var heap = SearchHeap(capacity: 4_096)
    private var heapBack = SearchHeap(capacity: 4_096)
    /// Of the search under way: what carries a lower stamp is as good as absent.
    private var stamp: UInt32 = 0
    private var settled: [Int32] = []
    private var settledBack: [Int32] = []
    /// The least distance of a way found by the search under way, and where its two parts meet.
    private var best = MinimumCostFlow.farthest
    private var meeting: Int32 = -1

    private static let isUndone: UInt64 = 1 << 32
    /// No distance comes near.
    private static let farthest: UInt64 = 1 << 62

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
        nodes.initialize(repeating: FlowNode(), count: graph.nodeCount)
    }

    func deallocate() {
        flow.deallocate()
        nodes.deallocate()
        heap.deallocate()
        heapBack.deallocate()
    }

    /// Sends so many units; false where not all of them can flow.
    mutating func send(units: Int) -> Bool {
        guard hasRoom(for: units) else { return false }
        for _ in 0..<units {
            guard search() else { preconditionFailure("a flow that has room found no way") }
            fill()
        }
        return true
    }

    /// Whether so many units can flow, at whatever cost: a search for the cheapest way that finds none reads all that
    /// can be reached. Most amounts that cannot flow fail at the channels of payer or payee alone.
    private func hasRoom(for units: Int) -> Bool {
        func room(_ table: EdgeTable, _ row: GraphLayout.Row, isOwn: Bool) -> UInt64 {
            (row.start..<row.end).reduce(0) { sum, position in
                let edge = table[Int(position)]
                let isOwn = isOwn || edge.peer == UInt32(source)
                guard edge.maximum > 0, let bounds = limits.bounds(of: edge, isOwn: isOwn) else { return sum }
                return sum + bounds.most.subtractingOrZero(bounds.used) / unit
            }
        }
        let layout = graph.layout
        guard room(graph.outgoing, layout.outgoingRows[source], isOwn: true) >= UInt64(units),
            room(graph.incoming, layout.incomingRows[destination], isOwn: false) >= UInt64(units)
        else { return false }
        var flow = MaximumFlow(
            graph, from: source, to: destination, limits: limits, unit: unit, readsWholeRows: readsWholeRows)
        return flow.carries(units: UInt64(units))
    }

    // MARK: One search

    private mutating func begin() {
        stamp += 2
        heap.removeAll()
        heapBack.removeAll()
        settled.removeAll(keepingCapacity: true)
        settledBack.removeAll(keepingCapacity: true)
        best = Self.farthest
        nodes[source].distance = 0
        nodes[source].stamp = stamp
        nodes[destination].distanceBack = 0
        nodes[destination].stampBack = stamp
        heap.push(SearchEntry(key: 0, node: UInt32(source), position: SearchEntry.fresh))
        heapBack.push(SearchEntry(key: 0, node: UInt32(destination), position: SearchEntry.fresh))
    }

    /// Labels nodes in order of reduced cost from both ends, until no way can be less than the best found.
    private mutating func search() -> Bool {
        begin()
        var (read, readBack) = (0, 0)
        while heap.count > 0, heapBack.count > 0, heap.leastKey &+ heapBack.leastKey < best {
            if read <= readBack {
                let entry = heap.popLeast()
                let node = Int(entry.node)
                guard nodes[node].stamp == stamp else { continue }
                nodes[node].stamp = stamp | 1
                settled.append(Int32(node))
                read += goAhead(from: node, entry.key)
            } else {
                let entry = heapBack.popLeast()
                let node = Int(entry.node)
                guard nodes[node].stampBack == stamp else { continue }
                nodes[node].stampBack = stamp | 1
                settledBack.append(Int32(node))
                readBack += goBack(from: node, entry.key)
            }
        }
        guard best < Self.farthest else { return false }
        shift()
        return true
    }

    /// Makes the best way's reduced costs zero and leaves none below it.
    ///
    /// A node nearer to the payer than all that waits there counts its distance, one nearer to the payee the best way's
    /// less its own, all others what lies between: no direction rises by more than it costs.
    private mutating func shift() {
        let radius = min(heap.leastKey, best)
        for node in settled where nodes[Int(node)].distance < radius {
            nodes[Int(node)].potential &+= nodes[Int(node)].distance &- radius
        }
        for node in settledBack where nodes[Int(node)].distanceBack < best &- radius {
            nodes[Int(node)].potential &+= best &- radius &- nodes[Int(node)].distanceBack
        }
    }

    /// Labels a node's neighbours; answers how many directions that read.
    private mutating func goAhead(from node: Int, _ key: UInt64) -> Int {
        let row = graph.layout.outgoingRows[node]
        let end = readsWholeRows ? row.end : row.coreEnd
        for position in row.start..<end { relax(node, position, key) }
        if !readsWholeRows, !graph.layout.isCore[destination], node == source {
            for position in row.coreEnd..<row.end
            where graph.outgoing[Int(position)].peer == UInt32(destination) {
                relax(node, position, key)
            }
        }
        if nodes[node].hasFlow { relaxUndone(node, key) }
        return Int(end - row.start) + 1
    }

    private mutating func goBack(from node: Int, _ key: UInt64) -> Int {
        let row = graph.layout.incomingRows[node]
        let end = readsWholeRows ? row.end : row.coreEnd
        for position in row.start..<end { relaxBack(node, position, key) }
        if nodes[node].hasFlow { relaxBackUndone(node, key) }
        return Int(end - row.start) + 1
    }

    @inline(__always) private mutating func relax(_ node: Int, _ position: Int32, _ key: UInt64) {
        let edge = graph.outgoing[Int(position)]
        let peer = nodes + Int(edge.peer)
        guard edge.maximum > 0, peer.pointee.stamp <= stamp else { return }
        // Signed sums in wrapping arithmetic; a reduced cost is never negative.
        let before = key &+ nodes[node].potential &- peer.pointee.potential
        let known = peer.pointee.stamp == stamp ? min(peer.pointee.distance, best) : best
        guard let cost = cost(of: edge, isOwn: node == source, below: known &- before) else { return }
        reach(peer, edge.peer, before &+ cost, UInt64(edge.direction))
    }

    @inline(__always) private mutating func relaxBack(_ node: Int, _ position: Int32, _ key: UInt64) {
        let edge = graph.incoming[Int(position)]
        let peer = nodes + Int(edge.peer)
        guard edge.maximum > 0, peer.pointee.stampBack <= stamp else { return }
        let after = key &+ peer.pointee.potential &- nodes[node].potential
        let known = peer.pointee.stampBack == stamp ? min(peer.pointee.distanceBack, best) : best
        guard let cost = cost(of: edge, isOwn: Int(edge.peer) == source, below: known &- after) else {
            return
        }
        reachBack(peer, edge.peer, after &+ cost, UInt64(edge.direction))
    }

    /// Undoing flow into `node` gives back what its last unit cost.
    private mutating func relaxUndone(_ node: Int, _ key: UInt64) {
        for direction in entering[Int32(node)] ?? [] where flow[Int(direction)] > 0 {
            let near = graph.source(of: DirectionIndex(direction))
            let peer = nodes + Int(near)
            guard peer.pointee.stamp <= stamp, let cost = costBack(of: direction) else { continue }
            let before = key &+ nodes[node].potential &- peer.pointee.potential
            reach(peer, UInt32(near), before &- cost, UInt64(direction) | Self.isUndone)
        }
    }

    private mutating func relaxBackUndone(_ node: Int, _ key: UInt64) {
        for direction in leaving[Int32(node)] ?? [] where flow[Int(direction)] > 0 {
            let far = graph.destination(of: DirectionIndex(direction))
            let peer = nodes + Int(far)
            guard peer.pointee.stampBack <= stamp, let cost = costBack(of: direction) else { continue }
            let after = key &+ peer.pointee.potential &- nodes[node].potential
            reachBack(peer, UInt32(far), after &- cost, UInt64(direction) | Self.isUndone)
        }
    }

    @inline(__always)
    private mutating func reach(
        _ peer: UnsafeMutablePointer<FlowNode>, _ node: UInt32, _ reached: UInt64, _ arrival: UInt64
    ) {
        guard reached < best, peer.pointee.stamp < stamp || reached < peer.pointee.distance else { return }
        peer.pointee.distance = reached
        peer.pointee.stamp = stamp
        peer.pointee.arrival = arrival
        heap.push(SearchEntry(key: reached, node: node, position: SearchEntry.fresh))
        if peer.pointee.stampBack >= stamp { meet(peer, node) }
    }

    @inline(__always)
    private mutating func reachBack(
        _ peer: UnsafeMutablePointer<FlowNode>, _ node: UInt32, _ reached: UInt64, _ arrival: UInt64
    ) {
        guard reached < best, peer.pointee.stampBack < stamp || reached < peer.pointee.distanceBack else {
            return
        }
        peer.pointee.distanceBack = reached
        peer.pointee.stampBack = stamp
        peer.pointee.arrivalBack = arrival
        heapBack.push(SearchEntry(key: reached, node: node, position: SearchEntry.fresh))
        if peer.pointee.stamp >= stamp { meet(peer, node) }
    }

    @inline(__always) private mutating func meet(_ peer: UnsafeMutablePointer<FlowNode>, _ node: UInt32) {
        let distance = peer.pointee.distance &+ peer.pointee.distanceBack
        if distance < best {
            best = distance
            meeting = Int32(node)
        }
    }

    /// Sends a unit along the way found.
    private mutating func fill() {
        var node = Int(meeting)
        while node != source {
            let arrival = nodes[node].arrival
            let direction = DirectionIndex(UInt32(truncatingIfNeeded: arrival))
            let isUndone = arrival & Self.isUndone != 0
            change(direction, isUndone: isUndone)
            node = Int(isUndone ? graph.destination(of: direction) : graph.source(of: direction))
        }
        node = Int(meeting)
        while node != destination {
            let arrival = nodes[node].arrivalBack
            let direction = DirectionIndex(UInt32(truncatingIfNeeded: arrival))
            let isUndone = arrival & Self.isUndone != 0
            change(direction, isUndone: isUndone)
            node = Int(isUndone ? graph.source(of: direction) : graph.destination(of: direction))
        }
    }

    /// A unit more in a direction, or one less.
    private mutating func change(_ direction: DirectionIndex, isUndone: Bool) {
        let index = Int(direction.rawValue)
        guard !isUndone else {
            flow[index] -= 1
            return
        }
        flow[index] += 1
        let (near, far) = (graph.source(of: direction), graph.destination(of: direction))
        guard entering[far]?.contains(direction.rawValue) != true else { return }
        entering[far, default: []].append(direction.rawValue)
        leaving[near, default: []].append(direction.rawValue)
        nodes[Int(near)].hasFlow = true
        nodes[Int(far)].hasFlow = true
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
        let delay = UInt64(edge.cltvExpiryDelta)
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

/// What a flow knows of a node: a cache line.
private struct FlowNode: BitwiseCopyable {
    /// Distances count less by the difference of two of these; may wrap.
    var potential: UInt64 = 0
    /// Of the present search, from the payer and to the payee.
    var distance: UInt64 = 0
    var distanceBack: UInt64 = 0
    /// The direction by which the node was reached, marked where its flow is undone.
    var arrival: UInt64 = 0
    var arrivalBack: UInt64 = 0
    /// At `stamp` of the search: labelled; one above: settled; below: not reached yet.
    var stamp: UInt32 = 0
    var stampBack: UInt32 = 0
    var hasFlow = false
}
