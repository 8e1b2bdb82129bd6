import LightningTypes

/// The nodes that the search from the source settled first, and lower bounds of what ways from them on cost.
///
/// Where all ways from a payer lead over dear channels one after another, the first of these asks a share of what the
/// others ask. A search from the payer does not know that yet, and neither does the one from the payee.
struct Vicinity {
    /// A payer's own neighbours, and those beyond a few dear channels.
    private static let countMaximum = 16

    private let nodes: UnsafeMutablePointer<UInt32>
    private let keys: UnsafeMutablePointer<UInt64>
    private(set) var count = 0
    /// Whether there are bounds.
    private(set) var isBounded = false

    init() {
        nodes = .allocate(capacity: Self.countMaximum)
        nodes.initialize(repeating: 0, count: Self.countMaximum)
        keys = .allocate(capacity: Self.countMaximum)
        keys.initialize(repeating: 0, count: Self.countMaximum)
    }

    func deallocate() {
        nodes.deallocate()
        keys.deallocate()
    }

    var memorySize: Int { Self.countMaximum * (MemoryLayout<UInt32>.stride + MemoryLayout<UInt64>.stride) }

    mutating func removeAll() {
        count = 0
        isBounded = false
    }

    /// Notes that a node has been settled; of no use when there are enough, or bounds of those there are.
    @inline(__always) mutating func settle(_ node: UInt32) {
        guard count < Self.countMaximum, !isBounded else { return }
        nodes[count] = node
        count &+= 1
    }

    /// No way from a node to the destination has a lower key; zero where nothing is known. O(1)
    @inline(__always) func leastKey(after node: UInt32) -> UInt64 {
        guard isBounded else { return 0 }
        for place in 0..<count where nodes[place] == node { return keys[place] }
        return 0
    }

    /// Bounds every node by its directions: `least` gives the least key of ways over one of them, by bounds known so
    /// far.
    ///
    /// Each round makes better bounds of those before, and all are bounds. What was settled last comes first, since
    /// ways from the others mostly lead over it.
    mutating func bound(_ least: (_ node: UInt32, _ vicinity: Vicinity) -> UInt64) {
        keys.update(repeating: 0, count: Self.countMaximum)
        isBounded = true
        for _ in 0..<3 {
            for place in (0..<count).reversed() { keys[place] = max(keys[place], least(nodes[place], self)) }
        }
    }
}

// Where a search from the source was misled by bounds too low.
extension BidirectionalSearch {
    /// Forgets all ways from the source. They began when little was known of what ways to the destination cost: by
    /// amounts that have since turned out too small, many seem better than the best known.
    @inline(never) mutating func startAnew(_ backwardLeast: UInt64) {
        disappointments = 0
        disappointmentsMaximum *= 2
        vicinity.bound { [self] in leastKey(after: $0, $1, backwardLeast) }
        best = min(best, keyPayable())
        forwardStamp += 2
        forwardWork = 0
        forward.removeAll()
        settledAhead.removeAll()
        leaveSource()
    }

    /// No route that the source can pay for has a greater key: where its channels have the amount and hardly more, all
    /// routes there are may seem to be ones until their fees are known. O(degree)
    private func keyPayable() -> UInt64 {
        let row = outgoingRows[source]
        var most: UInt64 = 0
        for position in row.start..<row.end {
            let edge = outgoing[Int(position)]
            guard edge.maximum > most, !excluded.contains(edge.direction) else { continue }
            let own = spendable?(DirectionIndex(edge.direction), nil).rawValue ?? .max
            most = max(most, min(edge.maximum, own))
        }
        return most < amount ? 0 : min(most - amount, feeCeiling - 1) << 8 | 255
    }

    /// The least key that a way from a node to the destination can have, by each of its directions and what is known of
    /// the node it leads to. O(degree), mostly far less.
    private func leastKey(after node: UInt32, _ vicinity: Vicinity, _ backwardLeast: UInt64) -> UInt64 {
        let row = outgoingRows[Int(node)]
        var least = UInt64.max
        func read(_ positions: Range<Int32>, baseFeeMinimum: UInt64, toDestination: Bool) {
            for position in positions {
                let edge = outgoing[Int(position)]
                let proportional = fee(
                    baseFee: 0, proportionalFee: edge.proportionalFee, forwarding: amount)
                guard (proportional &+ baseFeeMinimum) << 8 < least else { return }
                guard Int(edge.peer) != source, !toDestination || Int(edge.peer) == destination else {
                    continue
                }
                let label = labels + Int(edge.peer)
                let rest = max(
                    label.pointee.backwardStamp > stamp ? label.pointee.backwardKey : backwardLeast,
                    vicinity.leastKey(after: edge.peer))
                let received = amount &+ rest >> 8
                guard edge.maximum >= received, rest < feeCeiling << 8 else { continue }
                let feeHere = fee(
                    baseFee: edge.baseFee, proportionalFee: edge.proportionalFee, forwarding: received)
                least = min(least, rest &+ 1 &+ feeHere << 8)
            }
        }
        read(row.start..<row.dearStart, baseFeeMinimum: 0, toDestination: false)
        read(row.dearStart..<row.coreEnd, baseFeeMinimum: GraphLayout.dearBaseFee, toDestination: false)
        read(row.coreEnd..<row.end, baseFeeMinimum: 0, toDestination: !readsWholeRows)
        return min(least, feeCeiling << 8)
    }
}
