import LightningTypes

/// The best route under a cost model by searching from both ends at once: `BidirectionalSearch` for costs that are
/// more than fees.
///
/// What differs: the way of least cost from a node need not be the one of least amount, and a greater amount makes
/// all that comes before it dearer. A node therefore keeps every way that no other beats in both. Ways are settled in
/// order of key, so that one is beaten exactly when its amount is not below the least amount settled at its node:
/// most nodes settle one way, and the check is one comparison.
///
/// Order: key (cost, hops), then amount, then short channel ids. Where a way is strictly before another in key or in
/// amount and not behind in the other, so is all that extends it (an amount that is less stays less, since fees do
/// not fall with amounts), so the order of whole routes is the order of ways, and ties are broken where they arise.
///
/// Everything else stands as it does there: bounds from the source at the amount delivered, which no cost undercuts;
/// `best` from meetings; rows read as far as their proportional fee and the model's least surcharge allow; a
/// direction refused for its minimum alone is reported, since a dearer way on might meet it.
struct CostSearch<Model: CostModel> {
    let model: Model
    let incoming: EdgeTable
    let outgoing: EdgeTable
    let incomingRows: UnsafeMutablePointer<GraphLayout.Row>
    let outgoingRows: UnsafeMutablePointer<GraphLayout.Row>
    let layout: GraphLayout
    let nodes: UnsafeMutablePointer<CostNode>
    let excluded: ExcludedDirections
    let spendable: Spendable?
    let source: Int
    let destination: Int
    let amount: UInt64
    /// The forward search ignores minimums up to here.
    let minimumIgnored: UInt64
    /// What every hop but the first costs beyond its fee, at the least.
    let surcharge: UInt64
    /// The same of directions that the payer knows nothing of: no less.
    let unknownSurcharge: UInt64
    let stamp: UInt32
    /// Whether rows have to be read beyond the core.
    let readsWholeRows: Bool
    /// Nodes that either side may have settled.
    let settledAhead: NodeFilter
    let settledBack: NodeFilter
    /// Of nodes.
    var forward: SearchHeap
    /// Of ways.
    var backward: SearchHeap
    var ways: WayList
    /// As in `BidirectionalSearch`.
    var forwardWork = 0
    var backwardWork = 0

    /// No optimal route's key is above this.
    var best = UInt64.max
    /// The best route found.
    var sourceKey = UInt64.max
    var sourceAmount = UInt64.max
    var sourceDirection = UInt32.max
    var sourceWay = UInt32.max
    /// The least key a route could have through a direction that was refused for its minimum.
    var refusedKey = UInt64.max
    /// The least fee of such a route.
    var refusedSurplus = UInt64.max
    /// Whether a label had more hops than a key can count.
    var isCut = false
}

extension CostSearch {
    mutating func run() {
        nodes[destination].mark(CostNode.backwardLabelled, stamp)
        nodes[destination].backwardKey = 0
        let first = ways.append(
            Way(key: 0, amount: amount, node: UInt32(destination), direction: .max, next: .max))
        nodes[destination].bestWay = first
        backward.push(SearchEntry(key: 0, node: first, position: SearchEntry.fresh))
        leaveSource()
        while true {
            let forwardLeast = forward.leastKey
            let backwardLeast = backward.leastKey
            guard backwardLeast < best else { return }
            if forwardLeast == .max || forwardLeast > best &- backwardLeast || backwardWork <= forwardWork {
                stepBackward(forwardLeast)
            } else {
                stepForward(backwardLeast)
            }
        }
    }

    /// What a direction other than the source's own costs beyond its fee, at the least.
    @inline(__always) private func leastSurcharge(of direction: UInt32) -> UInt64 {
        model.mayKnow(DirectionIndex(direction)) ? surcharge : unknownSurcharge
    }

    /// Whether the source has the amount in a direction that is not excluded.
    func canSpend(_ amount: UInt64, _ direction: UInt32) -> Bool { canSpend(amount, direction, spendable) }

    @inline(__always)
    private func canSpend(_ amount: UInt64, _ direction: UInt32, _ spendable: Spendable?) -> Bool {
        guard let spendable else { return true }
        return spendable(DirectionIndex(direction), Millisatoshi(amount)).rawValue >= amount
    }

    /// Asks for what a side's next step will read.
    @inline(__always)
    private func prefetch(
        _ node: UInt32, _ position: Int32, _ table: EdgeTable, _ rows: UnsafeMutablePointer<GraphLayout.Row>
    ) {
        nodes.prefetch(Int(node))
        table.prefetch(position == SearchEntry.fresh ? rows[Int(node)].start : position)
    }

    // MARK: From the source

    /// Labels all that the source may reach over a channel of its own, and keeps every way out of the source.
    private mutating func leaveSource() {
        nodes[source].forwardKey = 0
        nodes[source].forwardEdge = 0
        nodes[source].backwardKey = 0
        nodes[source].mark(
            CostNode.forwardLabelled | CostNode.forwardSettled | CostNode.backwardLabelled
                | CostNode.backwardSettled, stamp)
        settledAhead.insert(UInt32(source))
        settledBack.insert(UInt32(source))
        // Beats every way that comes back to the source.
        let none = ways.append(Way(key: 0, amount: 0, node: UInt32(source), direction: 0, next: .max))
        nodes[source].settledWay = none
        nodes[source].bestWay = none
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
            if canSpend(amount, edge.direction, spendable) {
                refuse(edge, after: 0, before: 0, hasFee: false)
            }
            return
        }
        let node = nodes + Int(edge.peer)
        if node.pointee.marks(stamp) & CostNode.forwardLabelled != 0 {
            if !canSpend(amount, edge.direction, spendable) { return }
            node.pointee.forwardEdge =
                provesNeighbour(node, spendable)
                ? node.pointee.forwardEdge | NodeLabel.severalDirect : UInt32(position)
            return
        }
        guard isPushed || canSpend(amount, edge.direction, spendable) else { return }
        node.pointee.mark(
            isPushed ? CostNode.forwardLabelled : CostNode.forwardLabelled | CostNode.forwardSettled, stamp)
        if !isPushed { settledAhead.insert(edge.peer) }
        node.pointee.forwardKey = 1
        node.pointee.forwardEdge = UInt32(position) | (isPushed ? NodeLabel.isUnproven : 0)
        if isPushed { forward.push(SearchEntry(key: 1, node: edge.peer, position: SearchEntry.fresh)) }
    }

    /// As in `BidirectionalSearch`.
    @inline(__always)
    private func provesNeighbour(_ node: UnsafeMutablePointer<CostNode>, _ spendable: Spendable?) -> Bool {
        let edge = node.pointee.forwardEdge
        guard edge & NodeLabel.isUnproven != 0 else { return true }
        guard canSpend(amount, outgoing[NodeLabel.position(edge)].direction, spendable) else { return false }
        node.pointee.forwardEdge = edge & ~NodeLabel.isUnproven
        return true
    }

    /// As in `BidirectionalSearch`.
    @inline(__always) private func isReached(_ node: UnsafeMutablePointer<CostNode>) -> Bool {
        if provesNeighbour(node, spendable) { return true }
        node.pointee.unmark(CostNode.forwardLabelled)
        return false
    }

    private mutating func stepForward(_ backwardLeast: UInt64) {
        let entry = forward.popLeast()
        if forward.count > 0 {
            let next = forward.entries[0]
            prefetch(next.node, next.position, outgoing, outgoingRows)
        }
        let node = nodes + Int(entry.node)
        let row = outgoingRows[Int(entry.node)]
        let key = node.pointee.forwardKey
        var position = entry.position
        if position == SearchEntry.fresh {
            let marks = node.pointee.marks(stamp) & (CostNode.forwardLabelled | CostNode.forwardSettled)
            guard marks == CostNode.forwardLabelled, entry.key == key, isReached(node) else { return }
            node.pointee.mark(CostNode.forwardSettled, stamp)
            settledAhead.insert(entry.node)
            guard Int(entry.node) != destination else { return }
            position = row.start
            if readsWholeRows, row.coreEnd < row.end {
                forward.push(SearchEntry(key: key, node: entry.node, position: row.coreEnd))
            }
        }
        let isSettledBack = node.pointee.marks(stamp) & CostNode.backwardSettled != 0
        let after = isSettledBack ? node.pointee.backwardKey : backwardLeast
        guard key <= best, after <= best &- key else { return }
        if key & 255 == 255 {
            isCut = true
            return
        }
        // A node's first reading goes on from one group to the other.
        let isFirst = entry.position == SearchEntry.fresh
        let end = isFirst ? row.coreEnd : row.end(of: position, readsWholeRows: readsWholeRows)
        let base = key &+ 1
        // Copies that need not be read anew after every write to a node.
        let (outgoing, nodes, amount, stamp) = (self.outgoing, self.nodes, self.amount, self.stamp)
        let magnitude = EdgeTable.magnitude(amount)
        var limits = RowLimits.none
        var directionsRead = 0
        defer { forwardWork &+= directionsRead &+ BidirectionalSearch.settlingWork }
        while position < end {
            if position >= limits.end {
                limits = RowLimits(
                    row, position..<end, after: key, forwarding: amount, surcharge: surcharge, best: best,
                    rest: backwardLeast, waiting: forward.leastKey)
            }
            let head = outgoing.heads[Int(position)]
            if UInt64(head.proportionalFee) >= limits.most {
                position = limits.end
                continue
            }
            if UInt64(head.proportionalFee) >= limits.waiting {
                outgoing.putOff(
                    position, of: row, isFirst: isFirst, after: key, forwarding: amount,
                    surcharge: surcharge, best: best
                ) { forward.push(SearchEntry(key: $0, node: entry.node, position: $1)) }
                return
            }
            position &+= 1
            directionsRead &+= 1
            let feeHere = fee(
                baseFee: head.baseFee, proportionalFee: head.proportionalFee, forwarding: amount)
            guard head.magnitude >= magnitude, feeHere &+ surcharge < feeCeiling else { continue }
            // Most directions are too dear for a peer that the other side has not settled: it need not be read.
            let restLeast = settledBack.mayContain(head.peer) ? 0 : backwardLeast
            let leastMaximum = restLeast <= best ? best &- restLeast : 0
            guard base &+ (feeHere &+ surcharge) << 8 <= leastMaximum else { continue }
            let edge = outgoing[Int(position &- 1)]
            let leastCost = feeHere &+ leastSurcharge(of: edge.direction)
            let least = base &+ leastCost << 8
            guard edge.maximum >= amount, leastCost < feeCeiling, least <= leastMaximum else { continue }
            let peer = nodes + Int(head.peer)
            let marks = peer.pointee.marks(stamp)
            var isLabelled = marks & CostNode.forwardLabelled != 0
            let rest = marks & CostNode.backwardSettled != 0 ? peer.pointee.backwardKey : backwardLeast
            // The model is asked only where the fee and the least surcharge do not already settle it.
            if isLabelled, peer.pointee.forwardKey <= least {
                isLabelled = isReached(peer)
                if isLabelled { continue }
            }
            guard rest <= best &- least, !excluded.contains(edge.direction) else { continue }
            if edge.minimum > minimumIgnored {
                refuse(edge, after: 0, before: key, hasFee: true)
                continue
            }
            let cost = min(
                model.cost(of: edge.view(forwarding: amount, fee: feeHere)), feeCeiling)
            let reached = base &+ cost << 8
            if isLabelled, peer.pointee.forwardKey <= reached { continue }
            guard reached < feeCeiling << 8, reached <= best, rest <= best &- reached else { continue }
            peer.pointee.forwardKey = reached
            peer.pointee.mark(CostNode.forwardLabelled, stamp)
            peer.pointee.forwardEdge = UInt32(position &- 1)
            outgoingRows.prefetch(Int(head.peer))
            forward.push(
                SearchEntry(key: reached, node: head.peer, position: SearchEntry.fresh))
            limits.wait(for: reached)
            if marks & CostNode.backwardLabelled != 0 {
                let way = ways[peer.pointee.bestWay]
                if way.key < best &- reached { meet(way) }
            }
        }
    }

    // MARK: From the destination

    /// Settles a way, if no other beats it; false: one does.
    private mutating func settle(_ index: UInt32) -> Bool {
        let way = ways[index]
        let node = nodes + Int(way.node)
        let marks = node.pointee.marks(stamp)
        if marks & CostNode.backwardSettled != 0 {
            guard way.amount < ways[node.pointee.settledWay].amount else {
                tie(way, with: node.pointee.settledWay)
                return false
            }
        } else {
            node.pointee.mark(CostNode.backwardSettled, stamp)
            settledBack.insert(way.node)
            node.pointee.backwardKey = way.key
        }
        node.pointee.settledWay = index
        if marks & CostNode.forwardLabelled != 0, node.pointee.forwardKey == 1 { arrive(by: index) }
        return true
    }

    /// Of two ways with the same key and amount, the lower first channel stays.
    @inline(__always) private func tie(_ way: Way, with other: UInt32) {
        guard way.key == ways[other].key, way.amount == ways[other].amount,
            way.direction < ways[other].direction
        else { return }
        var lower = ways[other]
        lower.direction = way.direction
        lower.next = way.next
        ways[other] = lower
    }

    private mutating func stepBackward(_ forwardLeast: UInt64) {
        let entry = backward.popLeast()
        if backward.count > 0 {
            let next = backward.entries[0]
            prefetch(ways[next.node].node, next.position, incoming, incomingRows)
        }
        var position = entry.position
        if position == SearchEntry.fresh, !settle(entry.node) { return }
        let way = ways[entry.node]
        let node = nodes + Int(way.node)
        let row = incomingRows[Int(way.node)]
        if position == SearchEntry.fresh {
            position = row.start
            if readsWholeRows, row.coreEnd < row.end {
                backward.push(SearchEntry(key: way.key, node: entry.node, position: row.coreEnd))
            }
        }
        let isSettledAhead = node.pointee.marks(stamp) & CostNode.forwardSettled != 0
        let before = isSettledAhead ? node.pointee.forwardKey : forwardLeast
        guard way.key <= best, Int(way.node) == destination || before <= best &- way.key else { return }
        if way.key & 255 == 255 {
            isCut = true
            return
        }
        // A node's first reading goes on from one group to the other.
        let isFirst = entry.position == SearchEntry.fresh
        let end = isFirst ? row.coreEnd : row.end(of: position, readsWholeRows: readsWholeRows)
        let base = way.key &+ 1
        // Copies that need not be read anew after every write to a node.
        let (incoming, nodes, stamp) = (self.incoming, self.nodes, self.stamp)
        let magnitude = EdgeTable.magnitude(way.amount)
        var limits = RowLimits.none
        var directionsRead = 0
        defer { backwardWork &+= directionsRead &+ BidirectionalSearch.settlingWork }
        while position < end {
            if position >= limits.end {
                limits = RowLimits(
                    row, position..<end, after: way.key, forwarding: way.amount, surcharge: surcharge,
                    best: best, rest: forwardLeast, waiting: backward.leastKey)
            }
            let head = incoming.heads[Int(position)]
            if UInt64(head.proportionalFee) >= limits.most {
                position = limits.end
                continue
            }
            let isNear = UInt64(head.proportionalFee) < limits.near
            if isNear, UInt64(head.proportionalFee) >= limits.waiting {
                incoming.putOff(
                    position, of: row, isFirst: isFirst, after: way.key, forwarding: way.amount,
                    surcharge: surcharge, best: best
                ) { backward.push(SearchEntry(key: $0, node: entry.node, position: $1)) }
                return
            }
            position &+= 1
            let isAhead = settledAhead.mayContain(head.peer)
            guard isNear || isAhead, head.magnitude >= magnitude else { continue }
            directionsRead &+= 1
            let feeHere = fee(
                baseFee: head.baseFee, proportionalFee: head.proportionalFee, forwarding: way.amount)
            guard feeHere &+ surcharge < feeCeiling else { continue }
            // Most directions are too dear for a peer that the other side has not settled: it need not be read.
            let restLeast = isAhead ? 0 : forwardLeast
            let leastMaximum = restLeast <= best ? best &- restLeast : 0
            guard base &+ (feeHere &+ surcharge) << 8 <= leastMaximum else { continue }
            let edge = incoming[Int(position &- 1)]
            let leastCost = feeHere &+ leastSurcharge(of: edge.direction)
            let least = base &+ leastCost << 8
            guard edge.maximum >= way.amount, leastCost < feeCeiling, least <= leastMaximum else { continue }
            let peer = nodes + Int(head.peer)
            let marks = peer.pointee.marks(stamp)
            let rest = marks & CostNode.forwardSettled != 0 ? peer.pointee.forwardKey : forwardLeast
            guard rest <= best &- least,
                marks & CostNode.backwardLabelled == 0
                    || !isBeaten(least, way.amount &+ feeHere, at: peer, marks),
                !excluded.contains(edge.direction)
            else { continue }
            if edge.minimum > way.amount {
                if Int(way.node) != destination {
                    refuse(edge, after: node.pointee.backwardKey, before: rest, hasFee: true)
                }
                continue
            }
            let cost = min(
                model.cost(of: edge.view(forwarding: way.amount, fee: feeHere)), feeCeiling)
            let reached = base &+ cost << 8
            guard reached < feeCeiling << 8, reached <= best, rest <= best &- reached else { continue }
            reach(
                Way(
                    key: reached, amount: way.amount &+ feeHere, node: head.peer,
                    direction: edge.direction, next: entry.node), marks)
            limits.wait(for: reached)
        }
    }

    /// Whether ways known at a labelled node beat every one of at least this key and this amount, with no tie to break.
    @inline(__always)
    private func isBeaten(
        _ least: UInt64, _ amount: UInt64, at node: UnsafeMutablePointer<CostNode>, _ marks: UInt32
    ) -> Bool {
        if marks & CostNode.backwardSettled != 0, amount > ways[node.pointee.settledWay].amount {
            return true
        }
        let best = ways[node.pointee.bestWay]
        return best.key <= least && best.amount < amount || best.key < least && best.amount <= amount
    }

    /// A way has been found: drops it, lets it replace its equal, or queues it.
    @inline(__always) private mutating func reach(_ way: Way, _ marks: UInt32) {
        let node = nodes + Int(way.node)
        if marks & CostNode.backwardLabelled != 0 {
            let isSettled = marks & CostNode.backwardSettled != 0
            if isSettled, way.amount >= ways[node.pointee.settledWay].amount {
                tie(way, with: node.pointee.settledWay)
                return
            }
            let best = ways[node.pointee.bestWay]
            if best.key <= way.key, best.amount <= way.amount {
                tie(way, with: node.pointee.bestWay)
                return
            }
            let index = ways.append(way)
            if way.key < best.key || way.key == best.key && way.amount < best.amount {
                node.pointee.bestWay = index
                if !isSettled { node.pointee.backwardKey = way.key }
            }
            backward.push(SearchEntry(key: way.key, node: index, position: SearchEntry.fresh))
        } else {
            incomingRows.prefetch(Int(way.node))
            node.pointee.mark(CostNode.backwardLabelled, stamp)
            node.pointee.backwardKey = way.key
            node.pointee.bestWay = ways.append(way)
            backward.push(
                SearchEntry(key: way.key, node: node.pointee.bestWay, position: SearchEntry.fresh))
        }
        if marks & CostNode.forwardLabelled != 0, node.pointee.forwardKey < best &- way.key { meet(way) }
    }
}
