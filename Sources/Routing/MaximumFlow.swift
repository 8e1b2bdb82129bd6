import LightningTypes

/// Whether an amount can flow from a payer to a payee at all, whatever it costs.
///
/// A search for the cheapest way finds out that there is none only after it has read all that can be reached. This one
/// asks less, so that it is done long before: a way with room is looked for from both ends in turn, always by the end
/// that has read less, and there is none as soon as either end can go no further. Where the amount is more than some
/// cut near one end lets through, only what lies before the cut is read, twice.
///
/// Ford and Fulkerson's method over the residual graph, each way filled as far as it has room: exact in whole units,
/// and units are what `MinimumCostFlow` counts in.
struct MaximumFlow {
    private let graph: ChannelGraph
    private let source: Int
    private let destination: Int
    private let limits: FlowLimits
    /// Msat.
    private let unit: UInt64
    private let readsWholeRows: Bool

    /// By direction: units that flow. Of a few dozen directions, which are looked up only between nodes with flow.
    private var flow: [UInt32: UInt64] = [:]
    private var entering: [Int32: [UInt32]] = [:]
    private var leaving: [Int32: [UInt32]] = [:]
    private var hasFlow: [Bool]

    /// By node: how a search came here, and which search from which end.
    private var arrivals: [Arrival]
    private var mark: UInt32 = 0
    private var reached: (ahead: [Int32], back: [Int32]) = ([], [])

    private struct Arrival: BitwiseCopyable {
        var step: Step
        /// Twice the number of the search: reached from the payer; one more: from the payee.
        var mark: UInt32
    }

    init(
        _ graph: ChannelGraph, from source: Int, to destination: Int, limits: FlowLimits, unit: UInt64,
        readsWholeRows: Bool
    ) {
        self.graph = graph
        self.source = source
        self.destination = destination
        self.limits = limits
        self.unit = unit
        self.readsWholeRows = readsWholeRows
        hasFlow = Array(repeating: false, count: graph.nodeCount)
        arrivals = Array(
            repeating: Arrival(step: Step(direction: 0, isUndone: false), mark: 0), count: graph.nodeCount)
    }

    /// O(units × directions), and far less where the ends are close or narrow.
    mutating func carries(units: UInt64) -> Bool {
        var missing = units
        while missing > 0 {
            guard let way = way() else { return false }
            missing -= fill(way, atMost: missing)
        }
        return true
    }

    // MARK: One way

    /// One step of a way: a direction that carries more, or one that carries less.
    private struct Step: BitwiseCopyable {
        var direction: UInt32
        var isUndone: Bool
    }

    /// Some way from the payer to the payee with room for a unit, found from both ends; nil: there is none.
    private mutating func way() -> [Step]? {
        mark += 2
        reached = ([Int32(source)], [Int32(destination)])
        arrivals[source].mark = mark
        arrivals[destination].mark = mark | 1
        // Both ends themselves first: rows of the core name neither, if it lies outside.
        var read = (ahead: 0, back: 0)
        if let way = goAhead(from: source, &read.ahead) ?? goBack(from: destination, &read.back) {
            return way
        }
        var next = (ahead: 1, back: 1)
        while next.ahead < reached.ahead.count, next.back < reached.back.count {
            if read.ahead <= read.back {
                let node = Int(reached.ahead[next.ahead])
                next.ahead += 1
                if let way = goAhead(from: node, &read.ahead) { return way }
            } else {
                let node = Int(reached.back[next.back])
                next.back += 1
                if let way = goBack(from: node, &read.back) { return way }
            }
        }
        return nil
    }

    /// Reaches the neighbours of a node; answers the way through the first that the other end has reached.
    private mutating func goAhead(from node: Int, _ read: inout Int) -> [Step]? {
        let row = graph.layout.outgoingRows[node]
        let positions = row.start..<(readsWholeRows ? row.end : row.coreEnd)
        read += positions.count + 1
        for position in positions {
            let edge = graph.outgoing[Int(position)]
            let peer = Int(edge.peer)
            guard arrivals[peer].mark != mark, room(of: edge, from: node, to: peer) > 0 else { continue }
            let step = Step(direction: edge.direction, isUndone: false)
            if arrivals[peer].mark == mark | 1 { return way(to: node, by: step, from: peer) }
            arrivals[peer] = Arrival(step: step, mark: mark)
            reached.ahead.append(Int32(peer))
        }
        for direction in hasFlow[node] ? entering[Int32(node), default: []] : [] where flow[direction]! > 0 {
            let peer = Int(graph.source(of: DirectionIndex(direction)))
            guard arrivals[peer].mark != mark else { continue }
            let step = Step(direction: direction, isUndone: true)
            if arrivals[peer].mark == mark | 1 { return way(to: node, by: step, from: peer) }
            arrivals[peer] = Arrival(step: step, mark: mark)
            reached.ahead.append(Int32(peer))
        }
        return nil
    }

    private mutating func goBack(from node: Int, _ read: inout Int) -> [Step]? {
        let row = graph.layout.incomingRows[node]
        let positions = row.start..<(readsWholeRows ? row.end : row.coreEnd)
        read += positions.count + 1
        for position in positions {
            let edge = graph.incoming[Int(position)]
            let peer = Int(edge.peer)
            guard arrivals[peer].mark != mark | 1, room(of: edge, from: peer, to: node) > 0 else { continue }
            let step = Step(direction: edge.direction, isUndone: false)
            if arrivals[peer].mark == mark { return way(to: peer, by: step, from: node) }
            arrivals[peer] = Arrival(step: step, mark: mark | 1)
            reached.back.append(Int32(peer))
        }
        for direction in hasFlow[node] ? leaving[Int32(node), default: []] : [] where flow[direction]! > 0 {
            let peer = Int(graph.destination(of: DirectionIndex(direction)))
            guard arrivals[peer].mark != mark | 1 else { continue }
            let step = Step(direction: direction, isUndone: true)
            if arrivals[peer].mark == mark { return way(to: peer, by: step, from: node) }
            arrivals[peer] = Arrival(step: step, mark: mark | 1)
            reached.back.append(Int32(peer))
        }
        return nil
    }

    /// From the payer to `near` as the payer's end came there, by `step` to `far`, and on as the payee's end came.
    private func way(to near: Int, by step: Step, from far: Int) -> [Step] {
        var steps: [Step] = []
        var node = near
        while node != source {
            let step = arrivals[node].step
            steps.append(step)
            node = start(of: step)
        }
        steps.append(step)
        node = far
        while node != destination {
            let step = arrivals[node].step
            steps.append(step)
            node = end(of: step)
        }
        return steps
    }

    private func start(of step: Step) -> Int {
        let direction = DirectionIndex(step.direction)
        return Int(step.isUndone ? graph.destination(of: direction) : graph.source(of: direction))
    }

    private func end(of step: Step) -> Int {
        let direction = DirectionIndex(step.direction)
        return Int(step.isUndone ? graph.source(of: direction) : graph.destination(of: direction))
    }

    // MARK: Flow

    /// Fills a way as far as it has room; answers with how many units.
    private mutating func fill(_ way: [Step], atMost missing: UInt64) -> UInt64 {
        let units = way.reduce(missing) { least, step in
            guard !step.isUndone else { return min(least, flow[step.direction]!) }
            let edge = graph.outgoing[Int(graph.positions[Int(step.direction)].outgoing)]
            return min(least, room(of: edge, from: start(of: step), to: end(of: step)))
        }
        for step in way {
            if step.isUndone {
                flow[step.direction]! -= units
                continue
            }
            let (near, far) = (start(of: step), end(of: step))
            if flow[step.direction] == nil {
                entering[Int32(far), default: []].append(step.direction)
                leaving[Int32(near), default: []].append(step.direction)
                (hasFlow[near], hasFlow[far]) = (true, true)
            }
            flow[step.direction, default: 0] += units
        }
        return units
    }

    /// How many units more a direction has room for.
    private func room(of edge: GraphEdge, from near: Int, to far: Int) -> UInt64 {
        guard edge.maximum > 0, let bounds = limits.bounds(of: edge, isOwn: near == source) else { return 0 }
        let most = bounds.most.subtractingOrZero(bounds.used) / unit
        guard most > 0, hasFlow[near], hasFlow[far] else { return most }
        return most - flow[edge.direction, default: 0]
    }
}
