import LightningTypes

/// How a payer divides an amount into parts.
public enum Splitting: String, Sendable, CaseIterable {
    /// One route for all of it.
    case none
    /// lnd's: where no route carries the amount, one for half of it, and so on; then one for what is left.
    case halving
    /// Pickhardt and Richter's: the flow of least cost in fees and risk (`MinimumCostFlow`).
    case minimumCostFlow = "mcf"
}

/// A direction this payment must not use for as much as `amount` or more.
public struct Exclusion: Hashable, Sendable {
    public var direction: DirectionIndex
    /// Of the part, as the payee is to receive it; zero: for nothing at all.
    public var amount: Millisatoshi

    public init(_ direction: DirectionIndex, from amount: Millisatoshi = .zero) {
        self.direction = direction
        self.amount = amount
    }
}

/// What a payer asks of a splitter, and what it knows.
public struct SplitRequest {
    /// `amount` is what is to be divided; `feeMaximum` bounds the fees of all parts together.
    public var route: RouteRequest
    public var splitting: Splitting
    /// The cost by which `none` and `halving` choose routes; a flow has a cost of its own.
    public var model: RoutingModel
    /// The most parts. lnd's default (`routerrpc`, `DefaultMaxParts`).
    public var partsMaximum = 16
    /// What the payer has learned; nil: nothing, or it does not learn.
    public var beliefs: Beliefs?
    /// Simulated time now, seconds.
    public var seconds: UInt32 = 0
    public var excluded: [Exclusion] = []
    /// Parts of the same payment that are under way: what they lock is not there for others.
    public var underway: [Route] = []
    /// What the source can offer now in a direction that leaves it; nil: public information alone.
    public var spendable: Spendable?

    public init(_ route: RouteRequest, splitting: Splitting, model: RoutingModel = .cheapestFee) {
        self.route = route
        self.splitting = splitting
        self.model = model
    }

    /// Parts are not made smaller than this unless the amount is: lnd's `DefaultShardMinAmt`, 10,000 sat.
    static var partMinimum: UInt64 { 10_000_000 }
}

extension RouteSearch {
    /// Routes whose delivered amounts sum to the request's, each within every limit exactly. Never empty.
    ///
    /// With one part this is `route(_:in:by:)`. What several parts lock in one direction together stays within its
    /// maximum in a flow; halving, as lnd, looks at each by itself but for the payer's own channels.
    public func parts(_ request: SplitRequest, in graph: ChannelGraph) throws(RoutingFailure) -> [Route] {
        switch request.splitting {
        case .none: return [try part(of: request, amount: request.route.amount, in: graph, beside: [])]
        case .halving: return try halves(request, in: graph)
        case .minimumCostFlow:
            try check(request.route, graph)
            return try FlowSplit(request, graph).parts()
        }
    }

    /// One route for `amount`, with what `parts` lock taken from the source's channels.
    private func part(
        of request: SplitRequest, amount: Millisatoshi, in graph: ChannelGraph, beside parts: [Route]
    ) throws(RoutingFailure) -> Route {
        var single = request.route
        single.amount = amount
        let fees = parts.reduce(Millisatoshi.zero) { $0 + $1.totalFee }
        single.feeMaximum = single.feeMaximum.map { $0.subtractingOrZero(fees) }
        var spendable = request.spendable
        if let known = request.spendable, !parts.isEmpty {
            spendable = { direction, least in
                let locked = parts.lazy.filter { $0.hops[0].direction == direction }
                    .reduce(Millisatoshi.zero) { $0 + $1.amountSent }
                return known(direction, least.map { $0 + locked }).subtractingOrZero(locked)
            }
        }
        return try route(
            single, in: graph, by: request.model, beliefs: request.beliefs, at: request.seconds,
            excluding: request.excluded.lazy.filter { $0.amount <= amount }.map(\.direction),
            spendable: spendable)
    }

    /// lnd's rule (`routing/payment_session.go`, `RequestRoute`): the largest half of a half of what is left that has a
    /// route, until nothing is left.
    private func halves(_ request: SplitRequest, in graph: ChannelGraph) throws(RoutingFailure) -> [Route] {
        var parts: [Route] = []
        var rest = request.route.amount
        while rest > .zero {
            var amount = rest
            while true {
                do throws(RoutingFailure) {
                    parts.append(try part(of: request, amount: amount, in: graph, beside: parts))
                    break
                } catch {
                    let isLast = parts.count + 1 >= request.partsMaximum
                    let half = Millisatoshi(max(amount.rawValue / 2, SplitRequest.partMinimum))
                    guard !isLast, half < amount, error != .destinationIsSource else { throw error }
                    amount = half
                }
            }
            rest -= amount
            guard rest == .zero || parts.count < request.partsMaximum else { throw .noRoute }
        }
        return parts
    }
}
