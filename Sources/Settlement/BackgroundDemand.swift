import LightningTypes
import Randomness

extension RandomStream.Purpose {
    /// What others bid for block space: one stream for each block.
    public static let demand = Self("demand")
}

/// The figures of everybody else's demand for block space. Rates are satoshi per 1,000 weight.
public struct DemandFigures: Hashable, Sendable {
    /// The rate to which bids return: the median where there are no spikes.
    public var feerateTypical: UInt64
    /// Standard deviation of the logarithm of the level, in the long run.
    public var volatility: Double
    /// Blocks in which a deviation of the level halves on average.
    public var halfLife: Double
    /// Standard deviation of the logarithm of bids that arrive together.
    public var spread: Double
    /// Weight that arrives for a block, over what a block holds, where there is no spike.
    public var load: Double
    /// Blocks from spike to spike on average; 0 for no spikes.
    public var spikeInterval: Double
    /// By how much a spike raises the logarithm of the level, on average (exponentially distributed).
    public var spikeSize: Double
    /// Blocks in which a spike halves.
    public var spikeHalfLife: Double
    /// By how much of a block's weight a spike of logarithm 1 raises the arrivals.
    public var spikeLoad: Double

    public init(
        feerateTypical: UInt64, volatility: Double, halfLife: Double, spread: Double, load: Double,
        spikeInterval: Double, spikeSize: Double, spikeHalfLife: Double, spikeLoad: Double
    ) {
        precondition(feerateTypical > 0, "nobody bids nothing")
        precondition(halfLife > 0 && spikeHalfLife > 0, "a deviation halves in some time")
        precondition(volatility >= 0 && spread >= 0 && load >= 0, "deviations and loads are not negative")
        precondition(spikeInterval >= 0 && spikeSize >= 0 && spikeLoad >= 0, "spikes go upwards")
        self.feerateTypical = feerateTypical
        self.volatility = volatility
        self.halfLife = halfLife
        self.spread = spread
        self.load = load
        self.spikeInterval = spikeInterval
        self.spikeSize = spikeSize
        self.spikeHalfLife = spikeHalfLife
        self.spikeLoad = spikeLoad
    }
}

/// Everybody else's transactions: weight that waits at each fee rate, and nothing more of them.
///
/// The logarithm of the level of bids is a mean-reverting walk (Ornstein and Uhlenbeck's, step by step) plus spikes
/// that come at random and fade. What arrives for a block spreads around the level; what blocks do not take waits, so
/// that slow or empty blocks and spikes make a queue, and rates fall only once it is worked off.
///
/// The draws for a block depend on seed and height alone: who asks, and when, changes nothing.
public struct BackgroundDemand: Hashable, Sendable {
    /// Rates are held in steps of an eighth of a doubling, from 1 on.
    static let rates: [UInt64] = (0..<192).map {
        UInt64(naturalExponential(Double($0) / 8 * 0.693_147_180_559_945_3).rounded())
    }

    /// Bids of one block, in the steps of which each arrives with the same weight: the normal quantiles of 1/32, 3/32
    /// and so on to 31/32.
    private static let quantiles = [
        -1.862_732, -1.318_011, -1.009_990, -0.776_422, -0.579_132, -0.402_250, -0.237_202, -0.078_412,
        0.078_412, 0.237_202, 0.402_250, 0.579_132, 0.776_422, 1.009_990, 1.318_011, 1.862_732,
    ]

    /// Blocks' worth of weight that waits at most. Bitcoin Core's default memory pool of 300 MB began to drop the
    /// cheapest at about 75 virtual megabytes in 2023.
    static let backlogBlocksMaximum: UInt64 = 75

    public let figures: DemandFigures
    private(set) var seed: UInt64
    let blockWeight: UInt64
    let feerateMinimum: UInt64
    /// What each of the bids that arrive together is of the level.
    private let shares: [Double]
    /// What a block leaves of the walk's deviation, and of a spike.
    private let deviationKept: Double
    private let spikeKept: Double
    /// The walk and the spikes: what the logarithm of the level has above that of the typical rate.
    var deviation = 0.0
    var spike = 0.0
    /// Weight that waits, by rate.
    var backlog = [UInt64](repeating: 0, count: BackgroundDemand.rates.count)

    /// Demand for the blocks of a chain with these rules, with nothing waiting.
    public init(_ figures: DemandFigures, seed: UInt64, rules: ChainRules) {
        self.figures = figures
        self.seed = seed
        blockWeight = rules.blockWeightMaximum
        feerateMinimum = rules.feerateMinimum
        shares = Self.quantiles.map { naturalExponential(figures.spread * $0) }
        deviationKept = Self.halved(after: figures.halfLife)
        spikeKept = Self.halved(after: figures.spikeHalfLife)
    }

    /// Demand that has filled so many blocks before block 0: what waits, and what each of them asked for.
    ///
    /// A chain that begins with nothing waiting is cheap until a queue has grown, and who knows no block knows no
    /// price.
    public func warmedUp(blocks: Int, rules: ChainRules) -> (demand: BackgroundDemand, feerates: [UInt64]) {
        var past = self
        // Other draws than those of the blocks to come.
        past.seed = ~seed
        var chain = Chain(genesis: [], rules: rules, demand: past)
        let feerates = (0..<blocks).map { _ in chain.mineBlock().feerateNeeded(rules) }
        var demand = chain.demand ?? past
        demand.seed = seed
        return (demand, feerates)
    }

    /// Weight that waits.
    public var waiting: UInt64 { backlog.reduce(0, +) }

    /// Weight that waits at no less than a rate.
    public func waiting(atLeast feerate: UInt64) -> UInt64 {
        zip(Self.rates, backlog).reduce(0) { $0 + ($1.0 >= feerate ? $1.1 : 0) }
    }

    /// The level around which bids arrive now.
    public var level: UInt64 {
        UInt64(naturalExponential(logarithmOfLevel).rounded())
    }

    private var logarithmOfLevel: Double {
        naturalLogarithm(Double(figures.feerateTypical)) + deviation + spike
    }

    /// A fault: the level rises by this factor at once and fades as spikes do.
    public mutating func raise(by factor: Double) {
        precondition(factor >= 1 && factor.isFinite, "a spike goes upwards")
        spike += naturalLogarithm(factor)
    }

    /// What arrives before the block of this height, which comes so many mean intervals after the last.
    mutating func arrive(before height: BlockHeight, intervals: Double) {
        step(RandomStream(seed: seed, purpose: .demand, process: UInt64(height.rawValue)))
        let load = (figures.load + figures.spikeLoad * spike) * intervals
        let share = UInt64(load * Double(blockWeight) / Double(Self.quantiles.count))
        let level = naturalExponential(logarithmOfLevel)
        for rate in shares.lazy.map({ level * $0 }) {
            guard rate >= Double(feerateMinimum) else { continue }
            backlog[Self.place(ofRate: rate)] += share
        }
        dropCheapest()
    }

    /// The walk and the spikes go on by a block.
    private mutating func step(_ draws: RandomStream) {
        var stream = draws
        let noise = (1 - deviationKept * deviationKept).squareRoot() * stream.normal()
        deviation = deviation * deviationKept + figures.volatility * noise
        spike *= spikeKept
        if figures.spikeInterval > 0, stream.unitInterval() * figures.spikeInterval < 1 {
            spike += figures.spikeSize * stream.exponential()
        }
    }

    /// What is left after a block of what halves in so many.
    private static func halved(after halfLife: Double) -> Double {
        naturalExponential(-0.693_147_180_559_945_3 / halfLife)
    }

    /// The highest step not above a rate.
    private static func place(ofRate rate: Double) -> Int {
        var low = 0
        var high = rates.count - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if Double(rates[middle]) <= rate { low = middle } else { high = middle - 1 }
        }
        return low
    }

    private mutating func dropCheapest() {
        var excess = waiting.subtractingOrZero(Self.backlogBlocksMaximum * blockWeight)
        for place in backlog.indices {
            guard excess > 0 else { return }
            let dropped = min(excess, backlog[place])
            backlog[place] -= dropped
            excess -= dropped
        }
    }

    /// A miner takes the best of what waits above a rate, as far as it fits.
    mutating func take(upTo weight: UInt64, above feerate: UInt64) -> (weight: UInt64, feerateLowest: UInt64)
    {
        var left = weight
        var lowest = UInt64.max
        for place in backlog.indices.reversed() {
            guard left > 0, Self.rates[place] > feerate else { break }
            let taken = min(left, backlog[place])
            guard taken > 0 else { continue }
            backlog[place] -= taken
            left -= taken
            lowest = Self.rates[place]
        }
        return (weight - left, lowest)
    }
}

extension UInt64 {
    fileprivate func subtractingOrZero(_ other: UInt64) -> UInt64 { self > other ? self - other : 0 }
}
