import LightningTypes

/// What searches under cost models keep from query to query, so that none claims memory: one thread's.
final class CostMemory {
    private let nodeCount: Int
    private let nodes: UnsafeMutablePointer<CostNode>
    private var forward: SearchHeap
    private var backward: SearchHeap
    private var ways: WayList
    private let settledAhead = NodeFilter()
    private let settledBack = NodeFilter()
    /// As in `RouteSearch`: what carries a lower stamp is as good as absent.
    private var stamp: UInt32 = 0

    init(nodeCount: Int) {
        self.nodeCount = nodeCount
        nodes = LargeMemory.allocate(CostNode.self, count: nodeCount)
        nodes.initialize(repeating: .unreached, count: nodeCount)
        forward = SearchHeap(capacity: 1_024)
        backward = SearchHeap(capacity: 1_024)
        ways = WayList(capacity: 1_024)
    }

    deinit {
        LargeMemory.free(nodes)
        forward.deallocate()
        backward.deallocate()
        ways.deallocate()
        settledAhead.deallocate()
        settledBack.deallocate()
    }

    var memorySize: Int {
        nodeCount * MemoryLayout<CostNode>.stride + forward.memorySize + backward.memorySize + ways.memorySize
            + settledAhead.memorySize + settledBack.memorySize
    }

    /// The finished search; its ways stay readable until the next.
    func search<Model: CostModel>(
        _ model: Model, _ request: RouteRequest, _ graph: ChannelGraph,
        excluded: ExcludedDirections, spendable: Spendable?
    ) -> CostSearch<Model> {
        if stamp > .max - 2 * CostNode.stampStep {
            stamp = 0
            nodes.update(repeating: .unreached, count: nodeCount)
        }
        stamp += CostNode.stampStep
        let (source, destination) = (Int(request.source), Int(request.destination))
        let layout = graph.layout
        let (leaving, entering) = (layout.outgoingRows[source], layout.incomingRows[destination])
        forward.removeAll()
        backward.removeAll()
        ways.removeAll()
        settledAhead.removeAll()
        settledBack.removeAll()
        let amount = request.amount.rawValue
        var search = CostSearch(
            model: model, incoming: graph.incoming, outgoing: graph.outgoing,
            incomingRows: graph.incomingRows, outgoingRows: graph.outgoingRows,
            layout: layout, nodes: nodes, excluded: excluded,
            spendable: spendable, source: source, destination: destination, amount: amount,
            minimumIgnored: amount + amount / 16,
            // Far above any sender's mind and far below what would overflow a key.
            surcharge: min(model.leastSurcharge(forwarding: amount), 1 << 40),
            unknownSurcharge: min(model.leastSurchargeOfUnknown(forwarding: amount), 1 << 40), stamp: stamp,
            readsWholeRows: !layout.isCore[source] && leaving.coreEnd < leaving.end
                || !layout.isCore[destination] && entering.coreEnd < entering.end,
            settledAhead: settledAhead, settledBack: settledBack, forward: forward, backward: backward,
            ways: ways)
        search.run()
        forward = search.forward
        backward = search.backward
        ways = search.ways
        return search
    }
}

extension Route {
    /// What the route costs under a model, msat: the sum over all hops but the payer's own channel.
    public func cost(by model: some CostModel, in graph: ChannelGraph) -> UInt64 {
        hops.dropFirst().reduce(0) { sum, hop in
            let position = graph.positions[Int(hop.direction.rawValue)]
            guard position.outgoing >= 0 else { preconditionFailure("a route through a closed direction") }
            let edge = graph.outgoing[Int(position.outgoing)]
            return sum + edge.cost(forwarding: hop.amount.rawValue, by: model).cost
        }
    }
}
