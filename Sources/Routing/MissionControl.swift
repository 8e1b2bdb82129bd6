import LightningTypes

/// Beliefs read as lnd's mission control reads its own: how likely a channel forwards an amount.
///
/// *A priori*: up to an amount that succeeded, 0.95. Elsewhere the node's probability, which mixes the estimate of an
/// untried channel (weight 1, for an a-priori weight of ½) with 0.95 for each of the node's other channels that carried
/// the amount and 0 for each that refused it, the latter with a weight that halves every hour. From an amount that
/// failed on, times 1 − that weight.
///
/// *Bimodal*: the estimator's density between the last success and the last failure, which both fade with e^(−t/7
/// days). Where the channel itself has told nothing for that long, the node's other channels count with a weight of
/// 0.2, faded.
///
/// Source: lightningnetwork/lnd, `routing/probability_apriori.go`, `routing/probability_bimodal.go` and their defaults.
/// lnd remembers pairs of nodes, this one channels.
public struct MissionControl: Sendable {
    private let beliefs: Beliefs
    private let seconds: UInt32
    /// What is remembered, by the node that offers, in order.
    private let byNode: [(node: Int32, entry: Beliefs.Entry)]
    /// By node: whether anything is. A search asks of all channels, and hardly any has told something.
    private let isRemembered: [Bool]
    private let graph: ChannelGraph

    /// Seconds.
    static let penaltyHalfLife = 3_600.0
    static let bimodalDecayTime = 604_800.0
    static let bimodalNodeWeight = 0.2

    /// - Parameter seconds: simulated time now.
    public init(_ beliefs: Beliefs, of graph: ChannelGraph, at seconds: UInt32) {
        self.beliefs = beliefs
        self.seconds = seconds
        self.graph = graph
        byNode = beliefs.entries.map { (graph.source(of: $0.direction), $0) }
            .sorted { ($0.node, $0.entry.direction) < ($1.node, $1.entry.direction) }
        var isRemembered = [Bool](repeating: false, count: graph.nodeCount)
        for (node, _) in byNode { isRemembered[Int(node)] = true }
        self.isRemembered = isRemembered
    }

    func probability(of hop: HopView, isFirst: Bool, by estimator: LNDModel.Estimator) -> Double {
        guard isRemembered[Int(graph.source(of: hop.direction))] else {
            return estimator.probability(of: hop, isFirst: isFirst)
        }
        return switch estimator {
        case .apriori: apriori(hop, isFirst, estimator)
        case .bimodal(let scale): bimodal(hop, isFirst, scale)
        }
    }

    private func age(_ time: UInt32) -> Double { Double(seconds - min(time, seconds)) }

    /// The channels of a node that something is remembered of.
    private func entries(of node: Int32) -> ArraySlice<(node: Int32, entry: Beliefs.Entry)> {
        var (low, high) = (0, byNode.count)
        while low < high {
            let middle = (low + high) / 2
            if byNode[middle].node < node { low = middle + 1 } else { high = middle }
        }
        var end = low
        while end < byNode.count, byNode[end].node == node { end += 1 }
        return byNode[low..<end]
    }

    // MARK: A priori

    private func failureWeight(_ entry: Beliefs.Entry) -> Double {
        Exponentials.exp(-0.693_147_180_559_945_3 * age(entry.failureTime) / Self.penaltyHalfLife)
    }

    private func apriori(_ hop: HopView, _ isFirst: Bool, _ estimator: LNDModel.Estimator) -> Double {
        let untried = estimator.probability(of: hop, isFirst: isFirst)
        let amount = hop.amount
        var (total, weight) = (untried, 1.0)
        if !isFirst {
            for (_, entry) in entries(of: graph.source(of: hop.direction)) {
                if entry.successTime > 0, amount <= UInt64(entry.success) * 1_000 {
                    total += LNDModel.Estimator.previousSuccess
                    weight += 1
                } else if entry.failureTime > 0, amount >= UInt64(entry.failure) * 1_000 {
                    weight += failureWeight(entry)
                }
            }
        }
        let node = total / weight
        guard let own = beliefs.entry(hop.direction) else { return node }
        // The payer knows its own balance: there, only an unexpected failure counts, whatever the amount.
        if isFirst { return own.failureTime > 0 ? node * (1 - failureWeight(own)) : node }
        if own.successTime > 0, amount <= UInt64(own.success) * 1_000 {
            return LNDModel.Estimator.previousSuccess
        }
        guard own.failureTime > 0, amount >= UInt64(own.failure) * 1_000 else { return node }
        return node * (1 - failureWeight(own))
    }

    // MARK: Bimodal

    private func fading(_ time: UInt32) -> Double {
        Exponentials.exp(-age(time) / Self.bimodalDecayTime)
    }

    private func bimodal(
        _ hop: HopView, _ isFirst: Bool, _ scale: Double
    ) -> Double {
        let own = beliefs.entry(hop.direction)
        if isFirst {
            guard let own, own.failureTime > 0 else { return 1 }
            return 1 - fading(own.failureTime)
        }
        let capacity = Double(hop.capacity)
        var (lower, upper) = (0.0, capacity)
        if let own {
            if own.failureTime > 0 {
                upper -= (capacity - min(Double(own.failure) * 1_000, capacity)) * fading(own.failureTime)
            }
            if own.successTime > 0 { lower = Double(own.success) * 1_000 * fading(own.successTime) }
            // Contradictory, or beyond a capacity that has changed: as if nothing were known.
            if upper <= lower { (lower, upper) = (0, capacity) }
        }
        let direct = LNDModel.Estimator.bimodal(
            Double(hop.amount), within: lower, upper, capacity: capacity, scale: scale)
        if let own, age(own.latest) < Self.bimodalDecayTime { return direct }
        var (total, weight) = (direct, 1.0)
        for (_, entry) in entries(of: graph.source(of: hop.direction))
        where entry.direction != hop.direction {
            if entry.success > 0 {
                let share = Self.bimodalNodeWeight * fading(entry.successTime)
                total += share
                weight += share
            }
            if entry.failure > 0 { weight += Self.bimodalNodeWeight * fading(entry.failureTime) }
        }
        return total / weight
    }
}
