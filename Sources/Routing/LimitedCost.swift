import LightningTypes

/// A model with a price of hops, of the blocks they take, or of both: what a limit on them costs a route
/// (Lagrangian relaxation: Handler and Zang, "A Dual Algorithm for the Constrained Shortest Path Problem", 1980).
struct LimitedCost<Model: CostModel>: CostModel {
    /// Times the blocks of a route, 255 times 65,535 at the most, it does not overflow.
    static var priceMaximum: UInt64 { 1 << 40 }

    let model: Model
    /// Msat; of a hundred blocks the same.
    let hopPrice: UInt64
    /// What has a price.
    let limits: Limits

    enum Limits {
        case hops
        case blocks
        case both
    }

    /// Nothing has a price.
    static func free(_ model: Model) -> Self { Self(model: model, hopPrice: 0, limits: .both) }

    func price(cltvExpiryDelta: UInt32) -> UInt64 {
        let ofBlocks = limits == .hops ? 0 : hopPrice * UInt64(cltvExpiryDelta) / 100
        return limits == .blocks ? ofBlocks : hopPrice + ofBlocks
    }

    /// No route within the limits pays a higher price, msat: of its first hop it pays none.
    func allowance(for request: RouteRequest) -> UInt64 {
        let blocks = min(
            UInt64(max(request.cltvMaximum, request.finalCLTVExpiryDelta) - request.finalCLTVExpiryDelta),
            255 * 65_535)
        let ofBlocks = limits == .hops ? 0 : hopPrice * blocks / 100
        return limits == .blocks ? ofBlocks : hopPrice * UInt64(max(request.hopsMaximum, 1) - 1) + ofBlocks
    }

    func cost(of hop: HopView) -> UInt64 {
        min(model.cost(of: hop), feeCeiling) + price(cltvExpiryDelta: hop.cltvExpiryDelta)
    }

    func leastSurcharge(forwarding amount: UInt64) -> UInt64 {
        min(model.leastSurcharge(forwarding: amount), feeCeiling) + price(cltvExpiryDelta: 0)
    }

    func mayKnow(_ direction: DirectionIndex) -> Bool { model.mayKnow(direction) }

    func leastSurchargeOfUnknown(forwarding amount: UInt64) -> UInt64 {
        min(model.leastSurchargeOfUnknown(forwarding: amount), feeCeiling) + price(cltvExpiryDelta: 0)
    }
}
