import LightningTypes

extension Topology {
    /// A stream of payments: Poisson in time, at a rate that may follow the hours of the day and come in bursts.
    public struct Flow: Sendable, Hashable {
        public var name: String
        /// Payments per simulated second on average. Positive.
        public var rate: Double
        public var amount: AmountDistribution
        /// Indices into `nodes`, ascending, without repeats. A payer never draws itself as payee.
        public var payers: [Int32]
        public var payees: [Int32]
        /// How often each of them is drawn.
        public var payerWeights = Weights.even
        public var payeeWeights = Weights.even
        public var pairing = Pairing.independent
        public var startsAt: Duration
        /// Nil: at the end of the traffic.
        public var endsAt: Duration?
        /// Weights of the 24 hours of a day, the first from simulated time zero; empty: all hours alike.
        public var hours: [Double] = []
        public var bursts: Bursts?
        public var circulation: Circulation?
        /// The traffic nobody asked for: the default of a raw graph.
        public var isAssumed: Bool

        public init(
            name: String, rate: Double, amount: AmountDistribution, payers: [Int32], payees: [Int32],
            startsAt: Duration, endsAt: Duration?, isAssumed: Bool
        ) {
            self.name = name
            self.rate = rate
            self.amount = amount
            self.payers = payers
            self.payees = payees
            self.startsAt = startsAt
            self.endsAt = endsAt
            self.isAssumed = isAssumed
        }
    }

    public enum AmountDistribution: Sendable, Hashable {
        case fixed(Millisatoshi)
        /// Whole satoshis, both ends included.
        case uniform(lowest: Satoshi, highest: Satoshi)
        /// Whole satoshis, at least one: the logarithm is normal. The mean is not below the median.
        case logNormal(mean: Satoshi, median: Satoshi)
        /// One of these, each as often as its weight says: an empirical distribution.
        case listed(values: [Satoshi], weights: [Double])
    }

    /// How often each node of a set is drawn.
    public enum Weights: Sendable, Hashable {
        case even
        /// In proportion to the capacity of a node's channels.
        case capacity
        /// The node of rank r in proportion to 1 ÷ r: in an order of all nodes drawn once a seed, the same for every
        /// flow.
        case rank
        /// The first `share` of the set in that order alone: 0.05 makes one node in twenty a merchant.
        case first(share: Double, MerchantWeights)
    }

    /// How often each merchant is drawn.
    public enum MerchantWeights: String, Sendable, CaseIterable {
        case even
        /// In proportion to the capacity of its channels.
        case capacity
    }

    public enum Pairing: Sendable, Hashable {
        /// Payer and payee are drawn apart.
        case independent
        /// A payer pays the next in an order of the payers drawn once: what goes in comes out everywhere (the
        /// circulation of Sivaraman et al., "High Throughput Cryptocurrency Routing in Payment Channel Networks",
        /// NSDI 2020).
        case circular
        /// One of these, each as often as its weight says.
        case listed([Pair])
    }

    public struct Pair: Sendable, Hashable {
        public var payer: Int32
        public var payee: Int32
        public var weight: Double
    }

    /// Times at which a flow's rate is a multiple of what it is between them; its mean stays the flow's rate.
    public struct Bursts: Sendable, Hashable {
        public var factor: Double
        /// Mean lengths of a burst and of the time between two, exponential.
        public var lasting: Duration
        public var every: Duration

        public init(factor: Double, lasting: Duration, every: Duration) {
            self.factor = factor
            self.lasting = lasting
            self.every = every
        }
    }

    /// What payees do with what they receive; the shares come to 1 at most, and the rest they keep.
    public struct Circulation: Sendable, Hashable {
        /// Share of settled payments whose payee pays the same amount on, to a payee drawn as the flow draws them.
        public var spend: Double
        /// ... whose payee pays it back to the payer: refunds, wages, whatever the money comes home by.
        public var giveBack: Double
        /// ... whose payee swaps it for on-chain money: it pays a swap node, which then pays the same amount to the
        /// payer, who swaps on-chain money in. The on-chain legs are between customers and swap node, and free.
        public var swap: Double
        public var swapNodes: [Int32]
        /// Mean time from one payment to the next, exponential.
        public var after: Duration

        public init(
            spend: Double, giveBack: Double, swap: Double, swapNodes: [Int32], after: Duration
        ) {
            self.spend = spend
            self.giveBack = giveBack
            self.swap = swap
            self.swapNodes = swapNodes
            self.after = after
        }
    }
}

extension Topology {
    /// Leaves the payments of the flows themselves: what follows from them depends on which of them settle.
    public mutating func leaveOutCirculation() {
        guard case .flows(var flows) = traffic else { return }
        for index in flows.indices { flows[index].circulation = nil }
        traffic = .flows(flows)
    }
}
