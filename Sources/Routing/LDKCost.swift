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
/// Source: lightningdevkit/rust-lightning, `lightning/src/routing/scoring.rs`, since version 0.1: the multipliers of
/// the live bounds are zero there by default, and those of the historical buckets used here fall back to the bounds
/// without a history. LDK takes the logarithm from a table, so that its penalties differ by a few millisatoshis; here
/// −log10 P of a channel nothing is known of is interpolated in 2,048 steps, which is off by less than 5 millionths up
/// to 95 % of the capacity and by less than 6 thousandths beyond.
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
    /// −log10 P of a channel nothing is known of, by the amount in 2,048ths of the capacity. Half the time of a search
    /// went into logarithms.
    private let unknownDecades: Table

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
        unknownDecades = Self.decadesTable
    }

    private struct Table: @unchecked Sendable {
        // Unchecked for its pointer: written once, before anybody reads it, and never freed.
        let values: UnsafePointer<Double>
    }

    private static let tableSteps = 2_048

    private static let decadesTable: Table = {
        let values = UnsafeMutablePointer<Double>.allocate(capacity: tableSteps + 2)
        for step in 0...tableSteps {
            values[step] = decades(Double(step) / Double(tableSteps), from: 0, to: 1)
        }
        // Read, and multiplied by zero, where the amount is the capacity.
        values[tableSteps + 1] = values[tableSteps]
        return Table(values: values)
    }()

    /// −log10 P that a channel carries a share `x` of its capacity, if it holds between `lower` and `upper` of it.
    private static func decades(_ x: Double, from lower: Double, to upper: Double) -> Double {
        let top = integral(upper)
        let above = top - integral(x)
        var whole = top - integral(lower)
        if lower == 0 { whole *= 78.0 / 64 }
        // LDK counts both in units of 2^-36 and adds one, so that neither is zero.
        let probability = (above + 0x1p-36) / (whole + 0x1p-36)
        return min(max(-Exponentials.log(probability) * 0.434_294_481_903_251_8, 0), 2)
    }

    @inline(__always) public func cost(of hop: HopView) -> UInt64 {
        var penalty = fixedPenalty(hop.amount)
        if hop.amountMaximum >= hop.capacity / 2 { penalty &+= antiProbingPenalty }
        if let bounds, let known = bounds.known(of: hop.direction, capacity: hop.capacity) {
            return hop.fee &+ penalty &+ knownPenalty(hop, known)
        }
        guard hop.amount < hop.capacity else {
            return hop.fee &+ penalty &+ consideredImpossiblePenalty &+ liquidityPenalty(hop.amount, 2)
        }
        let place = realNumber(hop.amount) / realNumber(hop.capacity) * Double(Self.tableSteps)
        let step = Int(place)
        let (left, right) = (unknownDecades.values[step], unknownDecades.values[step + 1])
        return hop.fee &+ penalty
            &+ liquidityPenalty(hop.amount, left + (right - left) * (place - Double(step)))
    }

    /// Of the balance, where the payer has bounds of it.
    private func knownPenalty(_ hop: HopView, _ known: (lower: UInt64, upper: UInt64)) -> UInt64 {
        guard hop.amount < known.upper else {
            return consideredImpossiblePenalty &+ liquidityPenalty(hop.amount, 2)
        }
        guard hop.amount > known.lower else { return 0 }
        let capacity = realNumber(hop.capacity)
        let decades = Self.decades(
            realNumber(hop.amount) / capacity, from: realNumber(known.lower) / capacity,
            to: realNumber(known.upper) / capacity)
        return liquidityPenalty(hop.amount, decades)
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
            realNumber(liquidityPenaltyMultiplier)
            + realNumber(amount) * realNumber(liquidityPenaltyAmountMultiplier) * 0x1p-20
        return wholeMillisatoshis(decades * perDecade)
    }

    @inline(__always) private func fixedPenalty(_ amount: UInt64) -> UInt64 {
        basePenalty
            &+ wholeMillisatoshis(realNumber(amount) * realNumber(basePenaltyAmountMultiplier) * 0x1p-30)
    }

    /// A channel known to hold the amount costs no more.
    public func leastSurcharge(forwarding amount: UInt64) -> UInt64 {
        bounds == nil ? leastSurchargeOfUnknown(forwarding: amount) : fixedPenalty(amount)
    }

    @inline(__always) public func mayKnow(_ direction: DirectionIndex) -> Bool {
        bounds?.knows(direction) ?? false
    }

    /// Even a channel much wider than the amount may be empty.
    public func leastSurchargeOfUnknown(forwarding amount: UInt64) -> UInt64 {
        fixedPenalty(amount) &+ liquidityPenalty(amount, unknownDecades.values[0])
    }
}
