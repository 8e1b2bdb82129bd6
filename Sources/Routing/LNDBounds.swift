/// From the source, at the amount delivered: by node the least weight and the highest probability of a way there.
///
/// Known as far as a route within a cost can go: the risk of failing alone costs at least what it does at a probability
/// of 1.
struct LNDBounds {
    /// `UInt64.max`: no way of a route within the cost leads there.
    let weights: [UInt64]
    let probabilities: [Double]

    init(_ search: LNDSearch, within costMaximum: Double) {
        let graph = search.graph
        let source = search.request.source
        let amount = search.request.amount.rawValue
        func hop(_ edge: GraphEdge) -> HopView {
            let feeHere = fee(
                baseFee: edge.baseFee, proportionalFee: edge.proportionalFee, forwarding: amount)
            return edge.view(forwarding: amount, fee: feeHere)
        }
        let weightMaximum = min(wholeMillisatoshis(costMaximum - search.failureCost), feeCeiling)
        /// Plain Dijkstra over keys that `next` makes of a key and an edge; `UInt64.max`: not that way.
        func least(start: UInt64, _ next: (_ key: UInt64, GraphEdge, _ isFirst: Bool) -> UInt64) -> [UInt64] {
            var keys = [UInt64](repeating: .max, count: graph.nodeCount)
            var heap = SearchHeap(capacity: 1_024)
            defer { heap.deallocate() }
            keys[Int(source)] = start
            heap.push(SearchEntry(key: start, node: UInt32(source), position: SearchEntry.fresh))
            while heap.count > 0 {
                let entry = heap.popLeast()
                guard entry.key == keys[Int(entry.node)] else { continue }
                let isFirst = Int32(entry.node) == source
                let row = graph.layout.outgoingRows[Int(entry.node)]
                for position in row.start..<row.end {
                    let edge = graph.outgoing[Int(position)]
                    guard edge.maximum >= amount, keys[Int(edge.peer)] > entry.key else { continue }
                    let key = next(entry.key, edge, isFirst)
                    guard key < keys[Int(edge.peer)] else { continue }
                    keys[Int(edge.peer)] = key
                    heap.push(SearchEntry(key: key, node: edge.peer, position: SearchEntry.fresh))
                }
            }
            return keys
        }
        // A channel of the source costs nothing, and is as likely as its own kind; others at its node are cheaper
        // to overrate than to tell apart.
        let weights = least(start: 0) { key, edge, isFirst in
            let weight = isFirst ? key : key + search.model.weight(of: hop(edge))
            return weight > weightMaximum ? .max : weight
        }
        // 1 / probability, whose bits stand in the order of the numbers.
        probabilities = least(start: 1.0.bitPattern) { key, edge, isFirst in
            let weight = weights[Int(edge.peer)]
            guard weight != .max,
                Double(weight) + search.failureCost * Double(bitPattern: key) <= costMaximum
            else { return .max }
            let probability = search.model.probability(of: hop(edge), isFirst: isFirst)
            guard probability > 0 else { return .max }
            let inverse = Double(bitPattern: key) / probability
            return Double(weight) + search.failureCost * inverse > costMaximum ? .max : inverse.bitPattern
        }
        .map { $0 == .max ? 0 : 1 / Double(bitPattern: $0) }
        self.weights = weights
    }
}

/// Whether any way leads from the payer to the payee over channels wide enough, looked for from both ends, whichever
/// has read less: most payments without a route end at a payee's only channel.
struct LNDReach {
    private let search: LNDSearch

    init(_ search: LNDSearch) { self.search = search }

    /// O(directions), and far less where an end is close.
    func isConnected() -> Bool {
        let graph = search.graph
        let amount = search.request.amount.rawValue
        /// By node: reached from neither end yet, from the payer, from the payee.
        var marks = [UInt8](repeating: 0, count: graph.nodeCount)
        var reached = [[search.request.source], [search.request.destination]]
        marks[Int(search.request.source)] = 1
        marks[Int(search.request.destination)] = 2
        var (next, read) = ([0, 0], [0, 0])
        while next[0] < reached[0].count, next[1] < reached[1].count {
            let end = read[0] <= read[1] ? 0 : 1
            let node = Int(reached[end][next[end]])
            next[end] += 1
            let (rows, edges) =
                end == 0
                ? (graph.layout.outgoingRows, graph.outgoing) : (graph.layout.incomingRows, graph.incoming)
            for position in rows[node].start..<rows[node].end {
                let edge = edges[Int(position)]
                let mark = marks[Int(edge.peer)]
                guard mark != end + 1, edge.maximum >= amount, !search.excluded.contains(edge.direction)
                else {
                    continue
                }
                if mark != 0 { return true }
                marks[Int(edge.peer)] = UInt8(end + 1)
                reached[end].append(Int32(edge.peer))
            }
            read[end] += Int(rows[node].end - rows[node].start) + 1
        }
        return false
    }
}
