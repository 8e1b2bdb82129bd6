import LightningTypes

/// What a flow may use of each direction.
struct FlowLimits {
    /// Of one direction, msat.
    struct Bounds {
        /// What other parts lock already.
        var used: UInt64
        /// What is there for certain, and how much more may be.
        var lower: UInt64
        var width: UInt64
        /// No more may flow.
        var most: UInt64
    }

    private let graph: ChannelGraph
    private let spendable: Spendable?
    private let beliefs: LiquidityBounds?
    /// Directions with a greater `htlc_minimum` are left out: no part is smaller than this.
    private let partMinimum: UInt64
    /// By direction; few.
    private(set) var used: [UInt32: UInt64] = [:]
    private var caps: [UInt32: UInt64] = [:]
    private var hasEntry: [Bool]

    init(_ request: SplitRequest, _ graph: ChannelGraph, partMinimum: UInt64) {
        self.graph = graph
        spendable = request.spendable
        beliefs = request.beliefs.map { LiquidityBounds($0, at: request.seconds) }
        self.partMinimum = partMinimum
        hasEntry = Array(repeating: false, count: graph.channelCount * 2)
        for exclusion in request.excluded {
            cap(exclusion.direction.rawValue, at: exclusion.amount.rawValue.subtractingOrZero(1))
        }
        for part in request.underway {
            // The payer's own channel says itself what is left in it.
            for hop in part.hops.dropFirst() { use(hop.direction, hop.amount.rawValue) }
            if request.spendable == nil { use(part.hops[0].direction, part.amountSent.rawValue) }
        }
    }

    /// Nothing beyond `amount` goes this way.
    mutating func cap(_ direction: UInt32, at amount: UInt64) {
        caps[direction] = min(caps[direction] ?? .max, amount)
        hasEntry[Int(direction)] = true
    }

    mutating func use(_ direction: DirectionIndex, _ amount: UInt64) {
        used[direction.rawValue, default: 0] += amount
        hasEntry[Int(direction.rawValue)] = true
    }

    mutating func release(_ direction: DirectionIndex, _ amount: UInt64) {
        used[direction.rawValue, default: 0] -= amount
    }

    /// For flows, which are amounts delivered: a sixty-fourth is kept for the fees of what follows. Nil: not to be
    /// used.
    ///
    /// `htlc_maximum` bounds each HTLC, not their sum: up to four parts may share a direction.
    @inline(__always) func bounds(of edge: GraphEdge, isOwn: Bool) -> Bounds? {
        guard edge.minimum <= partMinimum, edge.maximum >= partMinimum else { return nil }
        let direction = Int(edge.direction)
        let capacity = edge.capacity
        var bounds = Bounds(
            used: 0, lower: 0, width: 0, most: edge.maximum > capacity / 4 ? capacity : edge.maximum * 4)
        if hasEntry[direction] {
            bounds.used = used[edge.direction] ?? 0
            if let cap = caps[edge.direction] { bounds.most = min(bounds.most, cap) }
        }
        if isOwn {
            if let spendable {
                bounds.most = min(bounds.most, spendable(DirectionIndex(edge.direction), nil).rawValue)
            }
            bounds.lower = bounds.most
        } else {
            bounds.width = capacity
            if let beliefs {
                let known = beliefs.bounds(of: DirectionIndex(edge.direction), capacity: capacity)
                bounds.lower = known.lower
                bounds.width = known.upper &- known.lower
                bounds.most = min(bounds.most, known.upper)
            }
        }
        bounds.most &-= bounds.most >> 6
        return bounds
    }

    /// The most an HTLC may carry of a flow along these directions.
    func partMaximum(along directions: [DirectionIndex]) -> UInt64 {
        directions.reduce(.max) { least, direction in
            let position = graph.positions[Int(direction.rawValue)].outgoing
            let most = position < 0 ? 0 : graph.outgoing[Int(position)].maximum
            return min(least, most - most >> 6)
        }
    }

    /// What one more HTLC in this direction may carry beside what is used, exactly.
    func room(of direction: DirectionIndex, isOwn: Bool) -> UInt64 {
        let position = graph.positions[Int(direction.rawValue)]
        guard position.outgoing >= 0 else { return 0 }
        let edge = graph.outgoing[Int(position.outgoing)]
        var most = min(edge.capacity, caps[edge.direction] ?? .max)
        if isOwn, let spendable { most = min(most, spendable(direction, nil).rawValue) }
        return min(most.subtractingOrZero(used[edge.direction] ?? 0), edge.maximum)
    }

    func minimum(of direction: DirectionIndex) -> UInt64 {
        let position = graph.positions[Int(direction.rawValue)].outgoing
        return position < 0 ? 0 : graph.outgoing[Int(position)].minimum
    }
}

extension UInt64 {
    func subtractingOrZero(_ other: UInt64) -> UInt64 { self > other ? self - other : 0 }
}
