import LightningTypes

/// The cost by which Core Lightning's `pay` plugin chooses a route.
///
/// (fee + risk + 1) × (1 + bias), where risk is `riskFactor` per cent a year on what is locked for the hop's
/// `cltv_expiry_delta`, one millisatoshi prefers short routes among equals, and the bias −ln((c + 1 − a)/(c + 1)) is
/// how unlikely a channel of capacity c forwards a when its balance is uniform. A year has 52,596 blocks.
///
/// Source: ElementsProject/lightning, `plugins/libplugin-pay.c` (`route_score`, `capacity_bias`) and
/// `common/dijkstra.c` (`risk_price`); the risk factor's default, 10, is that of the `pay` command. There, a hop
/// costs at most 2^32 − 1; here the cost has no such end, so that it never falls when the amount rises.
public struct CoreLightningCost: CostModel {
    /// Per cent a year.
    public var riskFactor: Double

    public init(riskFactor: Double = 10) {
        precondition(riskFactor >= 0, "a negative price of risk")
        self.riskFactor = riskFactor
    }

    @inline(__always) public func cost(of hop: HopView) -> UInt64 {
        let risk =
            Double(hop.amount &+ hop.fee) * (riskFactor / 100 / 52_596) * Double(hop.cltvExpiryDelta)
        let price = Double(hop.fee) + risk.rounded(.down) + 1
        let whole = Double(hop.capacity) + 1
        let left = whole - Double(hop.amount)
        let bias = left >= 1 ? -Exponentials.log(left / whole) : 100
        return max(wholeMillisatoshis(price * (1 + bias)), hop.fee)
    }

    public func leastSurcharge(forwarding amount: UInt64) -> UInt64 { 1 }
}
