import LightningTypes

/// The cost by which lnd chooses a route: weight + attempt cost ÷ probability, of the whole route.
///
/// The weight of a hop is its fee and 15 billionths of the amount for each block of its `cltv_expiry_delta`. A failed
/// attempt costs 100 sat and 1,000 millionths of the payment. The probability is the product of the hops', and a route
/// below 0.01 is none. Such a cost is no sum over hops.
///
/// Source: lightningnetwork/lnd, `routing/pathfind.go` (`edgeWeight`, `getProbabilityBasedDist`, `findPath`),
/// `routing/probability_apriori.go`, `routing/probability_bimodal.go`; a time preference of zero. Channels between the
/// same two nodes are taken one by one, where lnd joins them and assumes the highest fee and time lock of all.
public struct LNDModel: Sendable {
    /// How likely a channel forwards an amount, where nothing has been learned of it.
    public enum Estimator: Sendable {
        /// `hopProbability`, down to half of it for amounts near the capacity: by a logistic function around
        /// `capacityFraction` of it, 0.025 of it wide. The payer's own channels: 0.95.
        case apriori(hopProbability: Double = 0.6, capacityFraction: Double = 0.9999)
        /// Balances near either end are likelier: density e^(−x/s) + e^((x−c)/s) + 1/c, with s the `scale` in msat.
        /// The payer's own channels: 1.
        case bimodal(scale: Double = 300_000_000)
    }

    public var estimator: Estimator
    /// Msat, and parts per million of the payment.
    public var attemptCost: UInt64
    public var attemptCostProportional: UInt64
    public var probabilityMinimum: Double
    /// What the payer has learned; nil: nothing.
    public var memory: MissionControl?

    public init(
        estimator: Estimator = .apriori(), attemptCost: UInt64 = 100_000,
        attemptCostProportional: UInt64 = 1_000, probabilityMinimum: Double = 0.01,
        memory: MissionControl? = nil
    ) {
        self.estimator = estimator
        self.attemptCost = attemptCost
        self.attemptCostProportional = attemptCostProportional
        self.probabilityMinimum = probabilityMinimum
        self.memory = memory
    }

    /// Billionths of the amount for each block it may be locked.
    static let riskBillionths: UInt64 = 15

    /// What a failed attempt to deliver `amount` costs, msat.
    func failureCost(delivering amount: UInt64) -> Double {
        Double(attemptCost) + Double(amount) * Double(attemptCostProportional) / 1_000_000
    }

    /// The fee and the risk of the time lock, msat.
    @inline(__always) func weight(of hop: HopView) -> UInt64 {
        let risk = Double(hop.amount) * Double(hop.cltvExpiryDelta) * Double(Self.riskBillionths) / 1e9
        return min(hop.fee &+ wholeMillisatoshis(risk), feeCeiling)
    }

    /// Weight and probability as one number, msat; what has no probability costs everything.
    @inline(__always) func cost(weight: UInt64, probability: Double, failureCost: Double) -> Double {
        probability > 0 ? Double(weight) + failureCost / probability : .infinity
    }

    /// How likely the channel forwards the amount.
    func probability(of hop: HopView, isFirst: Bool) -> Double {
        if let memory { return memory.probability(of: hop, isFirst: isFirst, by: estimator) }
        return estimator.probability(of: hop, isFirst: isFirst)
    }

    /// The cost of a whole route, msat; infinite below the least probability.
    public func cost(of route: Route, in graph: ChannelGraph) -> (cost: Double, probability: Double) {
        var (weight, probability): (UInt64, Double) = (0, 1)
        // From the destination, as the searches multiply: the product's last bits depend on the order.
        for (index, hop) in route.hops.enumerated().reversed() {
            let view = graph.view(of: hop)
            probability *= self.probability(of: view, isFirst: index == 0)
            if index > 0 { weight += self.weight(of: view) }
        }
        guard probability >= probabilityMinimum else { return (.infinity, probability) }
        let failure = failureCost(delivering: route.amountDelivered.rawValue)
        return (cost(weight: weight, probability: probability, failureCost: failure), probability)
    }
}

extension LNDModel.Estimator {
    /// Without anything learned.
    @inline(__always) func probability(of hop: HopView, isFirst: Bool) -> Double {
        switch self {
        case .apriori(let hopProbability, let capacityFraction):
            isFirst
                ? Self.previousSuccess
                : hopProbability * Self.capacityFactor(hop.amount, hop.capacity, capacityFraction)
        case .bimodal(let scale):
            isFirst
                ? 1
                : Self.bimodal(
                    Double(hop.amount), within: 0, Double(hop.capacity), capacity: Double(hop.capacity),
                    scale: scale)
        }
    }

    static var previousSuccess: Double { 0.95 }

    /// Between 1 for amounts far below the capacity and ½.
    @inline(__always)
    static func capacityFactor(_ amount: UInt64, _ capacity: UInt64, _ fraction: Double) -> Double {
        guard fraction < 1, capacity > 0 else { return 1 }
        guard amount <= capacity else { return 0 }
        let distance = (Double(amount) - fraction * Double(capacity)) / (0.025 * Double(capacity))
        return 1 - 0.5 / (1 + Exponentials.exp(-distance))
    }

    /// The chance that a balance between `lower` and `upper` is at least `amount`, all in msat.
    static func bimodal(
        _ amount: Double, within lower: Double, _ upper: Double, capacity: Double, scale: Double
    ) -> Double {
        guard amount < upper, capacity > 0 else { return 0 }
        guard amount > lower else { return 1 }
        // The integral of the density up to x, without what cancels in the ratio. At both ends of the channel, where
        // bounds are as long as nothing is known, it takes one exponential in place of two.
        let integral = { (x: Double) in
            Exponentials.exp((x - capacity) / scale) - Exponentials.exp(-x / scale) + x / (capacity * scale)
        }
        let whole: Double
        let atUpper: Double
        if lower == 0, upper == capacity {
            let least = Exponentials.exp(-capacity / scale)
            atUpper = 1 - least + capacity / (capacity * scale)
            whole = atUpper - (least - 1)
        } else {
            atUpper = integral(upper)
            whole = atUpper - integral(lower)
        }
        guard whole > 0 else { return 0 }
        return min(max((atUpper - integral(amount)) / whole, 0), 1)
    }
}

extension ChannelGraph {
    /// A hop of a route as a cost model sees it.
    ///
    /// Precondition: the direction has a policy.
    func view(of hop: RouteHop) -> HopView {
        let position = positions[Int(hop.direction.rawValue)]
        guard position.outgoing >= 0 else { preconditionFailure("a route through a closed direction") }
        let edge = outgoing[Int(position.outgoing)]
        let feeHere = fee(
            baseFee: edge.baseFee, proportionalFee: edge.proportionalFee, forwarding: hop.amount.rawValue)
        return edge.view(forwarding: hop.amount.rawValue, fee: feeHere)
    }
}
