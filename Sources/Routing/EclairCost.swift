import LightningTypes

/// The one of Eclair's path-finding heuristics that is a sum: what failing and waiting would cost, in money.
///
/// fee + hop cost + (amount + fee) × cltv × `lockedFundsRisk` − failure cost × ln P, P = 1 − a/c for an amount a and a
/// capacity c; hop cost is 500 msat + 200 ppm of a, failure cost 2,000 msat + 500 ppm of a + fee, risk 10^-8 a block.
///
/// Source: ACINQ/eclair, `router/Graph.scala` (`HeuristicsConstants` with `useLogProbability`) and `docs/Configure.md`
/// (`use-ratios = false`). The other two of Eclair's heuristics are left out: its ratios weigh a channel's age, which
/// a snapshot with invented funding blocks does not have, and with `useLogProbability` off a route's cost is no sum.
public struct EclairCost: CostModel {
    /// A charge for each hop, and one for a failed attempt: msat, and parts per million of the amount.
    public var hopBase: UInt32
    public var hopProportional: UInt32
    public var failureBase: UInt64
    public var failureProportional: UInt64
    /// Msat per msat locked and block.
    public var lockedFundsRisk: Double

    public init(
        hopBase: UInt32 = 500, hopProportional: UInt32 = 200, failureBase: UInt64 = 2_000,
        failureProportional: UInt64 = 500, lockedFundsRisk: Double = 1e-8
    ) {
        self.hopBase = hopBase
        self.hopProportional = hopProportional
        self.failureBase = failureBase
        self.failureProportional = failureProportional
        self.lockedFundsRisk = lockedFundsRisk
    }

    @inline(__always) public func cost(of hop: HopView) -> UInt64 {
        let total = Double(hop.amount &+ hop.fee)
        let risk = total * Double(hop.cltvExpiryDelta) * lockedFundsRisk
        let failure = Double(failureBase) + total * Double(failureProportional) / 1_000_000
        let left = Double(hop.capacity) - Double(hop.amount)
        // A channel that has to be full is as unlikely as one with a single millisatoshi more.
        let chance = Exponentials.log(max(left, 1) / max(Double(hop.capacity), 1))
        let surcharge = Double(leastSurcharge(forwarding: hop.amount)) + risk - failure * chance
        return hop.fee &+ wholeMillisatoshis(surcharge)
    }

    @inline(__always) public func leastSurcharge(forwarding amount: UInt64) -> UInt64 {
        fee(baseFee: hopBase, proportionalFee: hopProportional, forwarding: amount)
    }
}
