import LightningTypes

/// A direction as a search reads it.
struct GraphEdge: BitwiseCopyable {
    /// The largest and smallest amount that may be forwarded, msat; a maximum of zero: not usable.
    var maximum: UInt64
    var minimum: UInt64
    /// `fee_base_msat` and `fee_proportional_millionths`.
    var baseFee: UInt32
    var proportionalFee: UInt32
    /// The other end: the source in a row by destination, the destination in a row by source.
    var peer: UInt32
    /// The raw value of the `DirectionIndex`.
    var direction: UInt32
}

/// The part of a graph that all its versions share: the channels, their policies and the shape of the rows.
///
/// A node is in the core when a route can pass through it: some usable direction enters it from one core node
/// and another leaves it to a different core node. More than half of the real network's nodes are outside
/// (dead ends, and trees hanging from the core). Each row lists directions to core nodes first, so that a
/// search between core nodes never reads the rest. Policies decide the core, not whether they are enabled
/// now: a version may then use fewer nodes than the core has, never more.
///
/// Core directions stand in two groups, by whether their base fee is at least `dearBaseFee`, each in order of
/// proportional fee. Of large amounts the proportional fee is nearly all there is to pay, of small ones nearly
/// nothing; on the real network base fees are mostly none or one satoshi. So a search reads neither group farther
/// than it has to.
final class GraphLayout: @unchecked Sendable {
    // Unchecked for its pointers alone: nothing they point to changes after `init`.

    struct ChannelEnds: Sendable {
        var node1: Int32
        var node2: Int32
        var shortChannelID: ShortChannelID
        var capacity: Satoshi
    }

    /// Where a direction stands in the two tables; -1: it has no policy.
    struct Position: Sendable {
        var incoming: Int32
        var outgoing: Int32
    }

    /// One node's row: `start..<coreEnd` leads to core nodes, the dear directions from `dearStart` on;
    /// `coreEnd..<end` leads elsewhere.
    struct Row: BitwiseCopyable, Sendable {
        var start: Int32
        var dearStart: Int32
        var coreEnd: Int32
        var end: Int32

        /// Where what begins at a position ends: a group, or the row; `position` itself where the rest is not read.
        @inline(__always) func end(of position: Int32, readsWholeRows: Bool) -> Int32 {
            if position < dearStart { return dearStart }
            if position < coreEnd { return coreEnd }
            return readsWholeRows ? end : position
        }

        /// The least base fee from here to the end of the group, msat.
        @inline(__always) func baseFeeMinimum(at position: Int32) -> UInt64 {
            position >= dearStart && position < coreEnd ? GraphLayout.dearBaseFee : 0
        }
    }

    /// Msat.
    static let dearBaseFee: UInt64 = 500

    let nodeCount: Int
    let edgeCount: Int
    let channels: [ChannelEnds]
    /// By direction.
    let policies: [ChannelPolicy?]
    let positions: [Position]
    /// By node. Not arrays, since the search would count references to them.
    let incomingRows: UnsafeMutablePointer<Row>
    let outgoingRows: UnsafeMutablePointer<Row>
    let isCore: [Bool]
    /// By direction; read by cost models alone.
    let figures: UnsafeMutablePointer<HopFigures>

    init(nodeCount: Int, channels: [ChannelGraph.Channel]) {
        precondition(channels.count < 1 << 30, "a direction index has 31 bits")
        var previous: ShortChannelID?
        for channel in channels {
            precondition(
                previous.map { $0 < channel.shortChannelID } ?? true, "short channel ids must ascend")
            precondition(channel.node1 != channel.node2, "a channel has two ends")
            precondition(
                (0..<nodeCount).contains(Int(channel.node1)) && (0..<nodeCount).contains(Int(channel.node2)),
                "no such node")
            previous = channel.shortChannelID
        }
        let policies = channels.flatMap { [$0.policy1, $0.policy2] }
        let directions = policies.indices.filter { index in
            policies[index].map { $0.baseFee.rawValue <= UInt64(UInt32.max) } ?? false
        }
        let source = { (direction: Int) in
            direction & 1 == 0 ? channels[direction >> 1].node1 : channels[direction >> 1].node2
        }
        let destination = { (direction: Int) in source(direction ^ 1) }
        let neighbours = Neighbours(
            nodeCount: nodeCount, ends: directions.map { (Int(source($0)), Int(destination($0))) })
        let isCore = neighbours.core()

        let isDear = { (direction: Int) in policies[direction]!.baseFee.rawValue >= Self.dearBaseFee }

        /// Rows by the node `row` gives, each sorted: core first and there not dear first, then cheapest, then by channel.
        func rows(by row: (Int) -> Int32, peer: (Int) -> Int32) -> (
            rows: UnsafeMutablePointer<Row>, order: [Int]
        ) {
            var order = directions
            order.sort { a, b in
                let (rowA, rowB) = (row(a), row(b))
                if rowA != rowB { return rowA < rowB }
                let (coreA, coreB) = (isCore[Int(peer(a))], isCore[Int(peer(b))])
                if coreA != coreB { return coreA }
                if coreA, isDear(a) != isDear(b) { return isDear(b) }
                let (policyA, policyB) = (policies[a]!, policies[b]!)
                if policyA.proportionalFee != policyB.proportionalFee {
                    return policyA.proportionalFee < policyB.proportionalFee
                }
                if policyA.baseFee != policyB.baseFee { return policyA.baseFee < policyB.baseFee }
                return a < b
            }
            let rows = UnsafeMutablePointer<Row>.allocate(capacity: nodeCount)
            var position = 0
            for node in 0..<nodeCount {
                let start = position
                func skip(while isOfGroup: (_ direction: Int) -> Bool) {
                    while position < order.count, Int(row(order[position])) == node,
                        isOfGroup(order[position])
                    {
                        position += 1
                    }
                }
                skip { isCore[Int(peer($0))] && !isDear($0) }
                let dearStart = position
                skip { isCore[Int(peer($0))] }
                let coreEnd = position
                skip { _ in true }
                (rows + node).initialize(
                    to: Row(
                        start: Int32(start), dearStart: Int32(dearStart), coreEnd: Int32(coreEnd),
                        end: Int32(position)))
            }
            return (rows, order)
        }
        let incoming = rows(by: destination, peer: source)
        let outgoing = rows(by: source, peer: destination)
        var positions = [Position](repeating: Position(incoming: -1, outgoing: -1), count: policies.count)
        for (position, direction) in incoming.order.enumerated() {
            positions[direction].incoming = Int32(position)
        }
        for (position, direction) in outgoing.order.enumerated() {
            positions[direction].outgoing = Int32(position)
        }

        self.nodeCount = nodeCount
        self.channels = channels.map {
            ChannelEnds(
                node1: $0.node1, node2: $0.node2, shortChannelID: $0.shortChannelID, capacity: $0.capacity)
        }
        self.policies = policies
        self.positions = positions
        self.isCore = isCore
        figures = .allocate(capacity: policies.count)
        for (direction, policy) in policies.enumerated() {
            let capacity = channels[direction >> 1].capacity.rawValue.multipliedReportingOverflow(by: 1_000)
            (figures + direction).initialize(
                to: HopFigures(
                    capacity: capacity.overflow ? .max : capacity.partialValue,
                    cltvExpiryDelta: UInt32(policy?.cltvExpiryDelta ?? 0)))
        }
        incomingRows = incoming.rows
        outgoingRows = outgoing.rows
        edgeCount = directions.count
    }

    deinit {
        incomingRows.deallocate()
        outgoingRows.deallocate()
        figures.deallocate()
    }

    /// Writes every direction into both tables, unusable as yet.
    func fillEdges(
        incoming: UnsafeMutablePointer<GraphEdge>, outgoing: UnsafeMutablePointer<GraphEdge>
    ) {
        for (direction, position) in positions.enumerated() where position.incoming >= 0 {
            let policy = policies[direction]!
            let ends = channels[direction >> 1]
            let (source, destination) =
                direction & 1 == 0 ? (ends.node1, ends.node2) : (ends.node2, ends.node1)
            var edge = GraphEdge(
                maximum: 0, minimum: policy.htlcMinimum.rawValue,
                baseFee: UInt32(policy.baseFee.rawValue), proportionalFee: policy.proportionalFee,
                peer: UInt32(source), direction: UInt32(direction))
            (incoming + Int(position.incoming)).initialize(to: edge)
            edge.peer = UInt32(destination)
            (outgoing + Int(position.outgoing)).initialize(to: edge)
        }
    }

    /// The largest amount a direction lets through, msat: `htlcMaximum`, but never above the capacity.
    func amountMaximum(of direction: DirectionIndex) -> UInt64 {
        let capacity = channels[direction.channel].capacity.rawValue.multipliedReportingOverflow(by: 1_000)
        let announced = policies[Int(direction.rawValue)]!.htlcMaximum.rawValue
        return min(announced, capacity.overflow ? .max : capacity.partialValue)
    }

    var memorySize: Int {
        channels.count * MemoryLayout<ChannelEnds>.stride
            + policies.count
            * (MemoryLayout<ChannelPolicy?>.stride + MemoryLayout<Position>.stride
                + MemoryLayout<HopFigures>.stride)
            + nodeCount * (2 * MemoryLayout<Row>.stride + 1)
    }
}

/// The neighbours of each node by directions with a policy, for finding the core.
private struct Neighbours {
    private let entering: [[Int32]]
    private let leaving: [[Int32]]

    init(nodeCount: Int, ends: [(source: Int, destination: Int)]) {
        var entering = [[Int32]](repeating: [], count: nodeCount)
        var leaving = entering
        for (source, destination) in ends {
            leaving[source].append(Int32(destination))
            entering[destination].append(Int32(source))
        }
        self.entering = entering
        self.leaving = leaving
    }

    /// Takes away nodes that no route passes through until none is left to take: the largest core.
    func core() -> [Bool] {
        var isCore = [Bool](repeating: true, count: entering.count)
        var pending = Array(entering.indices)
        while let node = pending.popLast() {
            guard isCore[node], !canBePassed(node, isCore) else { continue }
            isCore[node] = false
            for neighbour in entering[node] + leaving[node] where isCore[Int(neighbour)] {
                pending.append(Int(neighbour))
            }
        }
        return isCore
    }

    private func canBePassed(_ node: Int, _ isCore: [Bool]) -> Bool {
        guard let first = entering[node].first(where: { isCore[Int($0)] }) else { return false }
        if leaving[node].contains(where: { isCore[Int($0)] && $0 != first }) { return true }
        // All that leaves goes to `first`: another way in is needed, and a way out at all.
        return leaving[node].contains { isCore[Int($0)] }
            && entering[node].contains { isCore[Int($0)] && $0 != first }
    }
}
