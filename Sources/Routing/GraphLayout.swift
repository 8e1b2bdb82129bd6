import LightningTypes

/// Where a direction stands in the two tables of a graph; -1: it has no policy.
struct GraphPosition: BitwiseCopyable {
    var incoming: Int32
    var outgoing: Int32

    static let none = GraphPosition(incoming: -1, outgoing: -1)
}

/// The part of a graph that all its versions share: the channels and the shape of the rows.
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

    /// One node's row: `start..<coreEnd` leads to core nodes, the dear directions from `dearStart` on;
    /// `coreEnd..<end` leads elsewhere. Of a row, versions differ in `dearStart` alone.
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
    /// By node, of the first version. Not arrays, since the search would count references to them.
    let incomingRows: UnsafeMutablePointer<Row>
    let outgoingRows: UnsafeMutablePointer<Row>
    let isCore: [Bool]

    var directionCount: Int { 2 * channels.count }

    /// The raw values of all directions with a policy, row by row.
    struct Order {
        var incoming: [UInt32]
        var outgoing: [UInt32]
    }

    private init(
        nodeCount: Int, edgeCount: Int, channels: [ChannelEnds], incomingRows: UnsafeMutablePointer<Row>,
        outgoingRows: UnsafeMutablePointer<Row>, isCore: [Bool]
    ) {
        self.nodeCount = nodeCount
        self.edgeCount = edgeCount
        self.channels = channels
        self.incomingRows = incomingRows
        self.outgoingRows = outgoingRows
        self.isCore = isCore
    }

    /// The rows of a graph of these channels, and which direction stands where.
    static func rows(nodeCount: Int, channels: [ChannelGraph.Channel]) -> (layout: GraphLayout, Order) {
        precondition(channels.count < 1 << 29, "a position in a table has 30 bits")
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
        let policy = { (direction: UInt32) in
            direction & 1 == 0 ? channels[Int(direction >> 1)].policy1 : channels[Int(direction >> 1)].policy2
        }
        let directions = (0..<2 * UInt32(channels.count)).filter { direction in
            policy(direction).map { $0.baseFee.rawValue <= UInt64(UInt32.max) } ?? false
        }
        let source = { (direction: UInt32) in
            direction & 1 == 0 ? channels[Int(direction >> 1)].node1 : channels[Int(direction >> 1)].node2
        }
        let destination = { (direction: UInt32) in source(direction ^ 1) }
        let isCore = Core(
            nodeCount: nodeCount, sources: directions.map(source), destinations: directions.map(destination)
        ).isCore

        /// Rows by the node `row` gives, each sorted: core first, then cheapest, then by channel.
        func rows(by row: (UInt32) -> Int32, peer: (UInt32) -> Int32) -> (
            rows: UnsafeMutablePointer<Row>, order: [UInt32]
        ) {
            // Counted into rows first, so that only the few of one row are ever compared.
            var starts = [Int](repeating: 0, count: nodeCount + 1)
            for direction in directions { starts[Int(row(direction)) + 1] += 1 }
            for node in 0..<nodeCount { starts[node + 1] += starts[node] }
            var order = [UInt32](repeating: 0, count: directions.count)
            var filled = starts
            for direction in directions {
                order[filled[Int(row(direction))]] = direction
                filled[Int(row(direction))] += 1
            }
            let rows = LargeMemory.allocate(Row.self, count: nodeCount)
            for node in 0..<nodeCount {
                let range = starts[node]..<starts[node + 1]
                order[range].sort { a, b in
                    let (coreA, coreB) = (isCore[Int(peer(a))], isCore[Int(peer(b))])
                    return coreA != coreB
                        ? coreA
                        : RowPlace(a, policy(a)!, isCore: coreA) < RowPlace(b, policy(b)!, isCore: coreA)
                }
                let coreEnd = order[range].firstIndex { !isCore[Int(peer($0))] } ?? range.upperBound
                let dearStart =
                    order[range.lowerBound..<coreEnd]
                    .firstIndex { policy($0)!.baseFee.rawValue >= Self.dearBaseFee } ?? coreEnd
                (rows + node).initialize(
                    to: Row(
                        start: Int32(range.lowerBound), dearStart: Int32(dearStart), coreEnd: Int32(coreEnd),
                        end: Int32(range.upperBound)))
            }
            return (rows, order)
        }
        let incoming = rows(by: destination, peer: source)
        let outgoing = rows(by: source, peer: destination)
        let layout = GraphLayout(
            nodeCount: nodeCount, edgeCount: directions.count,
            channels: channels.map {
                ChannelEnds(
                    node1: $0.node1, node2: $0.node2, shortChannelID: $0.shortChannelID,
                    capacity: $0.capacity)
            }, incomingRows: incoming.rows, outgoingRows: outgoing.rows, isCore: isCore)
        return (layout, Order(incoming: incoming.order, outgoing: outgoing.order))
    }

    deinit {
        LargeMemory.free(incomingRows)
        LargeMemory.free(outgoingRows)
    }

    /// The node that offers HTLCs in a direction.
    func source(of direction: DirectionIndex) -> Int32 {
        let ends = channels[direction.channel]
        return direction.side == .first ? ends.node1 : ends.node2
    }

    /// The capacity of a direction's channel, msat; what 64 bits cannot say counts as their largest number.
    func capacity(of direction: DirectionIndex) -> UInt64 {
        let capacity = channels[direction.channel].capacity.rawValue.multipliedReportingOverflow(by: 1_000)
        return capacity.overflow ? .max : capacity.partialValue
    }

    var memorySize: Int {
        channels.count * MemoryLayout<ChannelEnds>.stride + nodeCount * (2 * MemoryLayout<Row>.stride + 1)
    }
}

/// What decides where a direction stands among those of its row that lead to core nodes, or among the others: a search
/// reads a row only as far as the proportional fee alone keeps it worth while.
struct RowPlace: Comparable {
    /// Among directions to core nodes, those with a base fee of `dearBaseFee` and more come last.
    var isDear: Bool
    var proportionalFee: UInt32
    var baseFee: UInt64
    var direction: UInt32

    init(_ direction: UInt32, _ policy: ChannelPolicy, isCore: Bool) {
        isDear = isCore && policy.baseFee.rawValue >= GraphLayout.dearBaseFee
        proportionalFee = policy.proportionalFee
        baseFee = policy.baseFee.rawValue
        self.direction = direction
    }

    init(_ edge: GraphEdge, isCore: Bool) {
        isDear = isCore && UInt64(edge.baseFee) >= GraphLayout.dearBaseFee
        proportionalFee = edge.proportionalFee
        baseFee = UInt64(edge.baseFee)
        direction = edge.direction
    }

    static func < (a: RowPlace, b: RowPlace) -> Bool {
        if a.isDear != b.isDear { return b.isDear }
        return (a.proportionalFee, a.baseFee, a.direction) < (b.proportionalFee, b.baseFee, b.direction)
    }
}

/// The largest set of nodes that routes can pass through.
private struct Core {
    private(set) var isCore: [Bool]
    /// Neighbours by directions that enter and that leave, in rows by node.
    private let entering: Neighbours
    private let leaving: Neighbours

    /// Takes away nodes that no route passes through until none is left to take.
    init(nodeCount: Int, sources: [Int32], destinations: [Int32]) {
        entering = Neighbours(nodeCount: nodeCount, of: destinations, sources)
        leaving = Neighbours(nodeCount: nodeCount, of: sources, destinations)
        isCore = [Bool](repeating: true, count: nodeCount)
        var pending = Array(0..<Int32(nodeCount))
        while let node = pending.popLast() {
            guard isCore[Int(node)], !canBePassed(Int(node)) else { continue }
            isCore[Int(node)] = false
            for neighbour in entering[Int(node)] where isCore[Int(neighbour)] { pending.append(neighbour) }
            for neighbour in leaving[Int(node)] where isCore[Int(neighbour)] { pending.append(neighbour) }
        }
    }

    private func canBePassed(_ node: Int) -> Bool {
        guard let first = entering[node].first(where: { isCore[Int($0)] }) else { return false }
        if leaving[node].contains(where: { isCore[Int($0)] && $0 != first }) { return true }
        // All that leaves goes to `first`: another way in is needed, and a way out at all.
        return leaving[node].contains { isCore[Int($0)] }
            && entering[node].contains { isCore[Int($0)] && $0 != first }
    }
}

/// For each node a list of others, in compressed rows.
private struct Neighbours {
    private var starts: [Int32]
    private var list: [Int32]

    init(nodeCount: Int, of nodes: [Int32], _ others: [Int32]) {
        var starts = [Int32](repeating: 0, count: nodeCount + 1)
        for node in nodes { starts[Int(node) + 1] += 1 }
        for node in 0..<nodeCount { starts[node + 1] += starts[node] }
        var filled = starts
        var list = [Int32](repeating: 0, count: nodes.count)
        for (node, other) in zip(nodes, others) {
            list[Int(filled[Int(node)])] = other
            filled[Int(node)] += 1
        }
        self.starts = starts
        self.list = list
    }

    subscript(node: Int) -> ArraySlice<Int32> { list[Int(starts[node])..<Int(starts[node + 1])] }
}
