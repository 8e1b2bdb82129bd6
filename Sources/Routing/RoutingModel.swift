import LightningTypes

/// The cost models by the names that commands give them.
public enum RoutingModel: String, Sendable, CaseIterable {
    /// The fee alone: `CheapestFee`.
    case cheapestFee = "cheapest-fee"
    /// `CoreLightningCost`.
    case coreLightning = "core-lightning"
    /// `LDKCost`.
    case ldk
    /// `EclairCost`.
    case eclair
    /// `LNDModel` a priori, by lnd's own rule.
    case lnd
    /// `LNDModel` bimodal, by lnd's own rule.
    case lndBimodal = "lnd-bimodal"
    /// `LNDModel` a priori, the best route there is.
    case lndExact = "lnd-exact"
    /// `LNDModel` bimodal, the best route there is.
    case lndBimodalExact = "lnd-bimodal-exact"

    /// Whether it asks what a payer has learned.
    public var learns: Bool {
        switch self {
        case .cheapestFee, .coreLightning, .eclair: false
        case .ldk, .lnd, .lndBimodal, .lndExact, .lndBimodalExact: true
        }
    }
}

extension RouteSearch {
    /// The best route under a model with its default constants.
    ///
    /// - Parameters:
    ///   - beliefs: what the payer has learned, for the models that learn (LDK's and lnd's); nil: nothing.
    ///   - seconds: simulated time now, for how much of it has faded.
    public func route(
        _ request: RouteRequest, in graph: ChannelGraph, by model: RoutingModel, beliefs: Beliefs? = nil,
        at seconds: UInt32 = 0, excluding: some Collection<DirectionIndex> = EmptyCollection(),
        spendable: Spendable? = nil
    ) throws(RoutingFailure) -> Route {
        switch model {
        case .cheapestFee:
            return try bestRoute(
                request, in: graph, by: CheapestFee(), excluding: excluding, spendable: spendable)
        case .coreLightning:
            return try bestRoute(
                request, in: graph, by: CoreLightningCost(), excluding: excluding, spendable: spendable)
        case .ldk:
            // Who remembers nothing is as one who cannot remember, and found a route sooner.
            let bounds = beliefs.flatMap { $0.count > 0 ? LiquidityBounds($0, at: seconds) : nil }
            return try bestRoute(
                request, in: graph, by: LDKCost(bounds: bounds), excluding: excluding, spendable: spendable)
        case .eclair:
            return try bestRoute(
                request, in: graph, by: EclairCost(), excluding: excluding, spendable: spendable)
        case .lnd, .lndBimodal, .lndExact, .lndBimodalExact:
            let isBimodal = model == .lndBimodal || model == .lndBimodalExact
            let memory = beliefs.map { MissionControl($0, of: graph, at: seconds) }
            return try route(
                request, in: graph,
                by: LNDModel(estimator: isBimodal ? .bimodal() : .apriori(), memory: memory),
                isExact: model == .lndExact || model == .lndBimodalExact, excluding: excluding,
                spendable: spendable)
        }
    }
}
