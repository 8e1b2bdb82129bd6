import LightningTypes

/// The penalties of LDK's `ProbabilisticScorer`, for a payer who remembers nothing, or with what `bounds` remembers.
///
/// fee + base penalty + amount / 2^30 × base multiplier + anti-probing penalty where more than half of the capacity may
/// be sent at once + (−log10 P) × (multiplier + amount / 2^20 × amount multiplier), −log10 P at most 2. P is the
/// integral from the amount to the upper bound over the one from the lower to the upper bound of a density
/// 1/256 + 9 (x − ½)^8 over the channel (x a share of the capacity): balances near either end are likelier. Where no
/// lower bound is known, P is divided by 78/64. An amount that reaches the upper bound adds
/// `consideredImpossiblePenalty`.
///
/// Source: lightningdevkit/rust-lightning, `lightning/src/routing/scoring.rs`, since version 0.1: the multipliers of the
/// live bounds are zero there by default, and those of the historical buckets used here fall back to the bounds
/// without a history. LDK takes the logarithm from a table, so that its penalties differ by a few millisatoshis.
public struct LDKCost: CostModel {
    /// Msat a hop.
    public var basePenalty: UInt64
    public var basePenaltyAmountMultiplier: UInt64
    public var antiProbingPenalty: UInt64
    public var liquidityPenaltyMultiplier: UInt64
    public var liquidityPenaltyAmountMultiplier: UInt64
    public var consideredImpossiblePenalty: UInt64
    /// What the payer has learned; nil: every channel may hold anything from nothing to its capacity.
    public var bounds: LiquidityBounds?

    public init(
        basePenalty: UInt64 = 1_024, basePenaltyAmountMultiplier: UInt64 = 131_072,
        antiProbingPenalty: UInt64 = 250, liquidityPenaltyMultiplier: UInt64 = 10_000,
        liquidityPenaltyAmountMultiplier: UInt64 = 1_250,
        consideredImpossiblePenalty: UInt64 = 100_000_000_000, bounds: LiquidityBounds? = nil
    ) {
        self.basePenalty = basePenalty
        self.basePenaltyAmountMultiplier = basePenaltyAmountMultiplier
        self.antiProbingPenalty = antiProbingPenalty
        self.liquidityPenaltyMultiplier = liquidityPenaltyMultiplier
        self.liquidityPenaltyAmountMultiplier = liquidityPenaltyAmountMultiplier
        self.consideredImpossiblePenalty = consideredImpossiblePenalty
        self.bounds = bounds
    }

    @inline(__always) public func cost(of hop: HopView) -> UInt64 {
        var penalty = leastSurcharge(forwarding: hop.amount)
        if hop.amountMaximum >= hop.capacity / 2 { penalty &+= antiProbingPenalty }
        var (lower, upper): (UInt64, UInt64) = (0, hop.capacity)
        if let bounds { (lower, upper) = bounds.bounds(of: hop.direction, capacity: hop.capacity) }
        guard hop.amount < upper else {
            return hop.fee &+ penalty &+ consideredImpossiblePenalty &+ liquidityPenalty(hop.amount, 2)
        }
        guard hop.amount > lower else { return hop.fee &+ penalty }
        let capacity = Double(hop.capacity)
        let top = Self.integral(Double(upper) / capacity)
        let above = top - Self.integral(Double(hop.amount) / capacity)
        var whole = top - Self.integral(Double(lower) / capacity)
        if lower == 0 { whole *= 78.0 / 64 }
        // LDK counts both in units of 2^-36 and adds one, so that neither is zero.
        let probability = (above + 0x1p-36) / (whole + 0x1p-36)
        let decades = -Exponentials.log(probability) * 0.434_294_481_903_251_8
        return hop.fee &+ penalty &+ liquidityPenalty(hop.amount, min(max(decades, 0), 2))
    }

    /// The integral of the density from the middle of the channel to a share `x` of it.
    @inline(__always) private static func integral(_ x: Double) -> Double {
        let u = x - 0.5
        let square = u * u
        let fourth = square * square
        return u * (fourth * fourth + 1.0 / 256)
    }

    @inline(__always) private func liquidityPenalty(_ amount: UInt64, _ decades: Double) -> UInt64 {
        let perDecade =
            Double(liquidityPenaltyMultiplier) + Double(amount) * Double(liquidityPenaltyAmountMultiplier)
            * 0x1p-20
        return wholeMillisatoshis(decades * perDecade)
    }

    @inline(__always) public func leastSurcharge(forwarding amount: UInt64) -> UInt64 {
        basePenalty &+ wholeMillisatoshis(Double(amount) * Double(basePenaltyAmountMultiplier) * 0x1p-30)
    }
}
