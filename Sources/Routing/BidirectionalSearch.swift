import LightningTypes

/// What a search knows of a node: half a cache line, so that a meeting costs no second miss.
struct NodeLabel: BitwiseCopyable {
    /// Keys: fee << 8 | hops. From the source to here, at the least; from here to the destination, exactly.
    var forwardKey: UInt64
    var backwardKey: UInt64
    /// The position in the outgoing table of the direction that led here; see `severalDirect` and `isUnproven`.
    var forwardEdge: UInt32
    /// The direction to take from here.
    var backwardDirection: UInt32
    /// At `stamp` of the query: labelled; one above: settled; below: not reached yet.
    var forwardStamp: UInt32
    var backwardStamp: UInt32

    static let unreached = NodeLabel(
        forwardKey: 0, backwardKey: 0, forwardEdge: 0, backwardDirection: 0, forwardStamp: 0, backwardStamp: 0
    )
    /// Set in `forwardEdge` where several channels lead here from the source: the first is named.
    static let severalDirect: UInt32 = 1 << 31
    /// Set in `forwardEdge` where a channel leads here from the source, and nobody has looked yet whether it can offer
    /// the amount: a hub has thousands, of which a search needs few.
    static let isUnproven: UInt32 = 1 << 30

    /// The position in `forwardEdge`.
    @inline(__always) static func position(_ forwardEdge: UInt32) -> Int {
        Int(forwardEdge & (isUnproven - 1))
    }
}

/// The cheapest route by searching from both ends at once.
///
/// **From the destination** a Dijkstra search settles nodes with the true amount each has to receive. Fees rise
/// with the amount: a smaller amount at a node never makes the way before it dearer. A key is the fee and, below
/// it, the hops; both sum along a route, so the least key at each node belongs to the best way from it, and zero
/// fees (a common plateau) cannot close a circle. Among equal keys a node keeps the lowest first channel, which
/// makes the way from every node the one with the lowest short channel ids.
///
/// **From the source** a second search computes with the least that any route carries: the amount delivered and, on
/// top, what a way on to the destination costs by what the other search knows so far. Its keys are lower bounds for the
/// way from the source to a node; it leaves out what a route cannot use (too small a maximum, exclusions, and where it
/// comes to a neighbour of the source what is not spendable). A minimum a little above the amount it ignores, since a
/// larger amount may meet it; one far above it reports as refused, for only a route with as great a fee could meet that.
///
/// Where the two meet, the forward way is computed anew with the true amounts: if they fit, its key bounds the
/// best one from above. From then on a node is dropped when its backward key plus its forward bound (its key
/// where settled, else the least key still waiting there) is above that. The backward search ends when nothing
/// else waits; it has then settled every node of every optimal route, and the answer is its own.
///
/// The forward search does not go on from a node that the backward search has settled: no best route comes back
/// from there to a node that is not settled yet, so no bound is needed. What is left of the plateau of cheap
/// channels around the source is then not searched twice. The backward search therefore settles a node only after
/// every row that might still hold an equal way: of equal keys, rows come before nodes.
///
/// A bound too low by one millisatoshi is too low by much: between two nodes of a plateau of free channels there are as
/// many ways that seem better by that one as the plateau has. Where meetings disappoint one after another, the search
/// from the source starts anew, since it began when the way to the destination seemed to cost nothing, and with better
/// bounds of what lies before the nodes it came to first (`Vicinity`).
///
/// The side that has read less goes on. A hub beside one end fills that side's heap at once, so that to compare
/// what waits would leave all the work to the other.
///
/// Rows stand in order of proportional fee. A row is read only as far as that fee alone keeps it below what else
/// waits; then the rest goes back into the heap under that bound. The thousands of directions at a hub are never
/// all read. Where the fee is too great for a node that the search from the source has not settled, the other reads on
/// at once: it only has to find those that are.
///
/// Exact but for two cases, which it reports: a direction refused for its minimum alone, on a way that could
/// still match the best one (a dearer way on might meet the minimum), and more than 255 hops.
struct BidirectionalSearch {
    let incoming: EdgeTable
    let outgoing: EdgeTable
    let incomingRows: UnsafeMutablePointer<GraphLayout.Row>
    let outgoingRows: UnsafeMutablePointer<GraphLayout.Row>
    let layout: GraphLayout
    let labels: UnsafeMutablePointer<NodeLabel>
    let excluded: ExcludedDirections
    let spendable: Spendable?
    let source: Int
    let destination: Int
    let amount: UInt64
    /// The forward search ignores minimums up to here.
    let minimumIgnored: UInt64
    let stamp: UInt32
    /// Of labels from the source: rises when that search starts anew.
    var forwardStamp: UInt32
    /// Whether rows have to be read beyond the core.
    let readsWholeRows: Bool
    /// Nodes that either side may have settled.
    let settledAhead: NodeFilter
    let settledBack: NodeFilter
    var vicinity: Vicinity
    /// Keys.
    var forward: SearchHeap
    /// Keys times two, and one for a node that is not settled yet.
    var backward: SearchHeap

    /// What settling a node costs besides its row, in directions read.
    static let settlingWork = 5

    /// Directions read so far, and what that cost besides.
    var forwardWork = 0
    var backwardWork = 0
    /// No optimal route's key is above this.
    var best = UInt64.max
    /// The best way found from the source, once the backward search settled its second node.
    var sourceKey = UInt64.max
    var sourceDirection = UInt32.max
    /// The least key a route could have through a direction that was refused for its minimum.
    var refusedKey = UInt64.max
    /// Whether a label had more hops than a key can count.
    var isCut = false
    /// Meetings at ways that were not better than the best known, though what the source's side said of them was, since
    /// it last started; and the number at which it starts anew.
    var disappointments = 0
    var disappointmentsMaximum = 16
}

extension BidirectionalSearch {
    mutating func run() {
        labels[destination].backwardKey = 0
        labels[destination].backwardStamp = stamp
        push(key: 0, UInt32(destination))
        leaveSource()
        while true {
            let forwardLeast = forward.leastKey
            let backwardLeast = backward.count == 0 ? .max : backward.leastKey >> 1
            guard backwardLeast < best else { return }
            if disappointments >= disappointmentsMaximum {
                startAnew(backwardLeast)
                continue
            }
            if forwardLeast == .max || forwardLeast > best &- backwardLeast || backwardWork <= forwardWork {
                stepBackward(forwardLeast)
            } else {
                stepForward(backwardLeast)
            }
        }
    }

    /// A node labelled by the backward search waits.
    @inline(__always) private mutating func push(key: UInt64, _ node: UInt32) {
        incomingRows.prefetch(Int(node))
        backward.push(SearchEntry(key: key << 1 | 1, node: node, position: SearchEntry.fresh))
    }

    /// Asks for what a side's next step will read.
    @inline(__always)
    private func prefetch(
        _ heap: SearchHeap, _ table: EdgeTable, _ rows: UnsafeMutablePointer<GraphLayout.Row>
    ) {
        guard heap.count > 0 else { return }
        let next = heap.entries[0]
        labels.prefetch(Int(next.node))
        table.prefetch(next.position == SearchEntry.fresh ? rows[Int(next.node)].start : next.position)
    }

    // MARK: From the source

    /// Labels all that the source may reach over a channel of its own; whether it can is asked where it matters.
    mutating func leaveSource() {
        labels[source].forwardKey = 0
        labels[source].forwardEdge = 0
        labels[source].forwardStamp = forwardStamp | 1
        labels[source].backwardKey = 0
        labels[source].backwardStamp = stamp | 1
        settledAhead.insert(UInt32(source))
        settledBack.insert(UInt32(source))
        let row = outgoingRows[source]
        var position = row.start
        let end = readsWholeRows ? row.end : row.coreEnd
        // Read once: a function that is taken out of `self` for each call is counted as referred to each time.
        let spendable = self.spendable
        while position < end {
            leaveSource(by: position, isPushed: true, spendable)
            position &+= 1
        }
        guard !readsWholeRows, !layout.isCore[destination] else { return }
        while position < row.end {
            if outgoing[Int(position)].peer == UInt32(destination) {
                leaveSource(by: position, isPushed: false, spendable)
            }
            position &+= 1
        }
    }

    @inline(__always)
    private mutating func leaveSource(by position: Int32, isPushed: Bool, _ spendable: Spendable?) {
        let edge = outgoing[Int(position)]
        guard edge.maximum >= amount, !excluded.contains(edge.direction) else { return }
        if edge.minimum > minimumIgnored {
            if canSpend(amount, edge.direction, spendable) { refuse(edge, before: 0, hasFee: false) }
            return
        }
        let label = labels + Int(edge.peer)
        if label.pointee.forwardStamp >= forwardStamp {
            if !canSpend(amount, edge.direction, spendable) { return }
            label.pointee.forwardEdge =
                provesNeighbour(label, spendable)
                ? label.pointee.forwardEdge | NodeLabel.severalDirect : UInt32(position)
            return
        }
        guard isPushed || canSpend(amount, edge.direction, spendable) else { return }
        label.pointee.forwardStamp = isPushed ? forwardStamp : forwardStamp | 1
        if !isPushed { settledAhead.insert(edge.peer) }
        label.pointee.forwardKey = 1
        label.pointee.forwardEdge = UInt32(position) | (isPushed ? NodeLabel.isUnproven : 0)
        if isPushed { forward.push(SearchEntry(key: 1, node: edge.peer, position: SearchEntry.fresh)) }
    }

    /// Whether the label of a node stands, which for a neighbour of the source nobody may have looked at yet.
    @inline(__always)
    private func provesNeighbour(_ label: UnsafeMutablePointer<NodeLabel>, _ spendable: Spendable?) -> Bool {
        let edge = label.pointee.forwardEdge
        guard edge & NodeLabel.isUnproven != 0 else { return true }
        guard canSpend(amount, outgoing[NodeLabel.position(edge)].direction, spendable) else { return false }
        label.pointee.forwardEdge = edge & ~NodeLabel.isUnproven
        return true
    }

    /// The same; where it does not stand, the node is as if it had never been reached from the source.
    @inline(__always) private func isReached(_ label: UnsafeMutablePointer<NodeLabel>) -> Bool {
        if provesNeighbour(label, spendable) { return true }
        label.pointee.forwardStamp = 0
        return false
    }

    /// Whether the source has the amount in a direction that is not excluded.
    func canSpend(_ amount: UInt64, _ direction: UInt32) -> Bool { canSpend(amount, direction, spendable) }

    @inline(__always)
    private func canSpend(_ amount: UInt64, _ direction: UInt32, _ spendable: Spendable?) -> Bool {
        guard let spendable else { return true }
        return spendable(DirectionIndex(direction), Millisatoshi(amount)).rawValue >= amount
    }

    /// The key of a way from the source over a direction, where a way on to the destination has no lower key than
    /// `rest`: the direction then forwards what that way costs too.
    @inline(__always)
    private func reached(by head: EdgeTable.Head, after key: UInt64, before rest: UInt64) -> UInt64 {
        key &+ 1
            &+ fee(
                baseFee: head.baseFee, proportionalFee: head.proportionalFee, forwarding: amount &+ rest >> 8)
            << 8
    }

    private mutating func stepForward(_ backwardLeast: UInt64) {
        let entry = forward.popLeast()
        prefetch(forward, outgoing, outgoingRows)
        let node = Int(entry.node)
        let label = labels + node
        guard label.pointee.backwardStamp <= stamp else { return }
        let row = outgoingRows[node]
        let key = label.pointee.forwardKey
        var position = entry.position
        if position == SearchEntry.fresh {
            guard label.pointee.forwardStamp == forwardStamp, entry.key == key, isReached(label) else {
                return
            }
            label.pointee.forwardStamp = forwardStamp | 1
            settledAhead.insert(entry.node)
            vicinity.settle(entry.node)
            position = row.start
            if readsWholeRows, row.coreEnd < row.end {
                forward.push(SearchEntry(key: key, node: entry.node, position: row.coreEnd))
            }
        }
        guard key <= best, backwardLeast <= best &- key else { return }
        if key & 255 == 255 {
            isCut = true
            return
        }
        // A node's first reading goes on from one group to the other.
        let isFirst = entry.position == SearchEntry.fresh
        let end = isFirst ? row.coreEnd : row.end(of: position, readsWholeRows: readsWholeRows)
        let magnitude = EdgeTable.magnitude(amount)
        var limits = RowLimits.none
        var directionsRead = 0
        defer { forwardWork &+= directionsRead &+ Self.settlingWork }
        while position < end {
            if position >= limits.end {
                limits = RowLimits(
                    row, position..<end, after: key, forwarding: amount, best: best, rest: backwardLeast,
                    waiting: forward.leastKey)
            }
            let head = outgoing.heads[Int(position)]
            if UInt64(head.proportionalFee) >= limits.most {
                position = limits.end
                continue
            }
            if UInt64(head.proportionalFee) >= limits.waiting {
                outgoing.putOff(
                    position, of: row, isFirst: isFirst, after: key, forwarding: amount, best: best
                ) { forward.push(SearchEntry(key: $0, node: entry.node, position: $1)) }
                return
            }
            position &+= 1
            directionsRead &+= 1
            // Most directions are too dear for a peer that the other side has not settled: it need not be read.
            let restLeast = settledBack.mayContain(head.peer) ? 0 : backwardLeast
            let reachedLeast = reached(by: head, after: key, before: restLeast)
            guard head.magnitude >= magnitude, reachedLeast <= best, restLeast <= best &- reachedLeast else {
                continue
            }
            let peer = labels + Int(head.peer)
            let isSettled = peer.pointee.backwardStamp > stamp
            let rest = max(
                isSettled ? peer.pointee.backwardKey : backwardLeast, vicinity.leastKey(after: head.peer))
            let reached = reached(by: head, after: key, before: rest)
            if peer.pointee.forwardStamp >= forwardStamp, peer.pointee.forwardKey <= reached, isReached(peer)
            {
                continue
            }
            guard reached < feeCeiling << 8, reached <= best, rest <= best &- reached else { continue }
            let edge = outgoing[Int(position &- 1)]
            guard edge.maximum >= amount &+ rest >> 8, !excluded.contains(edge.direction) else { continue }
            if edge.minimum > minimumIgnored {
                refuse(edge, before: key, hasFee: true)
                continue
            }
            peer.pointee.forwardKey = reached
            peer.pointee.forwardStamp = forwardStamp
            peer.pointee.forwardEdge = UInt32(position &- 1)
            if !isSettled {
                outgoingRows.prefetch(Int(edge.peer))
                forward.push(
                    SearchEntry(key: reached, node: edge.peer, position: SearchEntry.fresh))
                limits.wait(for: reached)
            }
            if peer.pointee.backwardStamp >= stamp, peer.pointee.backwardKey < best &- reached {
                if !meet(at: Int(edge.peer)) { disappointments &+= 1 }
            }
        }
    }

    // MARK: From the destination

    private mutating func stepBackward(_ forwardLeast: UInt64) {
        let entry = backward.popLeast()
        prefetch(backward, incoming, incomingRows)
        let node = Int(entry.node)
        let label = labels + node
        let row = incomingRows[node]
        let key = label.pointee.backwardKey
        var position = entry.position
        if position == SearchEntry.fresh {
            guard label.pointee.backwardStamp == stamp else { return }
            label.pointee.backwardStamp = stamp | 1
            settledBack.insert(entry.node)
            position = row.start
            if label.pointee.forwardStamp >= forwardStamp, label.pointee.forwardKey == 1 { arrive(at: node) }
            if readsWholeRows, row.coreEnd < row.end {
                backward.push(SearchEntry(key: key << 1, node: entry.node, position: row.coreEnd))
            }
        }
        guard key <= best, node == destination || leastKeyBefore(label, forwardLeast) <= best &- key else {
            return
        }
        if key & 255 == 255 {
            isCut = true
            return
        }
        // A node's first reading goes on from one group to the other.
        let isFirst = entry.position == SearchEntry.fresh
        let end = isFirst ? row.coreEnd : row.end(of: position, readsWholeRows: readsWholeRows)
        let received = amount &+ key >> 8
        let magnitude = EdgeTable.magnitude(received)
        var limits = RowLimits.none
        var directionsRead = 0
        defer { backwardWork &+= directionsRead &+ Self.settlingWork }
        while position < end {
            if position >= limits.end {
                limits = RowLimits(
                    row, position..<end, after: key, forwarding: received, best: best, rest: forwardLeast,
                    waiting: backward.leastKey >> 1)
            }
            let head = incoming.heads[Int(position)]
            if UInt64(head.proportionalFee) >= limits.most {
                position = limits.end
                continue
            }
            let isNear = UInt64(head.proportionalFee) < limits.near
            if isNear, UInt64(head.proportionalFee) >= limits.waiting {
                incoming.putOff(
                    position, of: row, isFirst: isFirst, after: key, forwarding: received, best: best
                ) { backward.push(SearchEntry(key: $0 << 1, node: entry.node, position: $1)) }
                return
            }
            position &+= 1
            let isAhead = settledAhead.mayContain(head.peer)
            guard isNear || isAhead, head.magnitude >= magnitude else { continue }
            directionsRead &+= 1
            let feeHere = fee(
                baseFee: head.baseFee, proportionalFee: head.proportionalFee, forwarding: received)
            let reached = key &+ 1 &+ feeHere << 8
            guard reached <= best, isAhead || forwardLeast <= best &- reached else { continue }
            let peer = labels + Int(head.peer)
            // Where the peer knows a better way, the rest of the direction need not be read.
            let known = peer.pointee.backwardStamp >= stamp ? peer.pointee.backwardKey : .max
            guard known >= reached, reached < feeCeiling << 8 else { continue }
            let isMet = peer.pointee.forwardStamp >= forwardStamp
            let rest = peer.pointee.forwardStamp > forwardStamp ? peer.pointee.forwardKey : forwardLeast
            guard rest <= best &- reached || known == reached else { continue }
            let edge = incoming[Int(position &- 1)]
            guard edge.maximum >= received, !excluded.contains(edge.direction) else { continue }
            if known == reached {
                if edge.direction < peer.pointee.backwardDirection, edge.minimum <= received {
                    peer.pointee.backwardDirection = edge.direction
                }
                continue
            }
            if edge.minimum > received {
                if node != destination { refuse(edge, before: rest, hasFee: true) }
                continue
            }
            peer.pointee.backwardKey = reached
            peer.pointee.backwardStamp = stamp
            peer.pointee.backwardDirection = edge.direction
            push(key: reached, edge.peer)
            limits.wait(for: reached)
            if isMet, peer.pointee.forwardKey < best &- reached, isReached(peer) {
                if !meet(at: Int(edge.peer)) { disappointments &+= 1 }
            }
        }
    }

    /// The least key of a way from the source to the node, by what the forward search knows: of the destination that is
    /// nothing, since beyond the core it does not look.
    @inline(__always)
    private func leastKeyBefore(_ label: UnsafeMutablePointer<NodeLabel>, _ forwardLeast: UInt64) -> UInt64 {
        if label.pointee.forwardStamp > forwardStamp { return label.pointee.forwardKey }
        // A label at a node settled here waits in no heap.
        return label.pointee.forwardStamp == forwardStamp
            ? min(label.pointee.forwardKey, forwardLeast) : forwardLeast
    }
}
