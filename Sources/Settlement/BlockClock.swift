import LightningTypes
import Randomness

extension RandomStream.Purpose {
    /// Block times: one stream for each period of 64 blocks.
    public static let blocks = Self("blocks")
}

/// When blocks come: a pure function of the seed, so that any process knows the height at its own time.
///
/// Time is cut into periods of 64 mean intervals. Each holds exactly 64 blocks at independent, uniformly
/// distributed moments, drawn from the stream (seed, blocks, period): any height and any time is found without
/// going through those before it, and no horizon is needed.
///
/// Given how many events a Poisson process has in a period, their moments are independent and uniform (for
/// example Kingman, *Poisson Processes*, 1993, section 2.4). What is fixed here is that number. A gap within a
/// period exceeds x mean intervals with probability (1 - x/64)^64 in place of e^-x, the one across the border
/// of two periods is the sum of two such; over all gaps the mean is exactly the interval, the variance 0.970 of
/// its square where an exponential's is 1. And the count never strays: at the end of each period the height is
/// what it is on average, where a Poisson process would wander by the square root of the time. Bitcoin's
/// difficulty adjustment has that effect over 2,016 blocks.
///
/// Times are in microseconds, strictly increasing; block 0 comes at 0. A copy is cheap and independent.
public struct BlockClock: Sendable {
    private static let periodBlocks: UInt64 = 64

    private let seed: UInt64
    private let meanInterval: UInt64
    private let isRegular: Bool

    // The answer given last holds for `lastStart <= time < lastEnd`: most questions come close together.
    private var lastHeight = BlockHeight(0)
    private var lastStart: UInt64 = 0
    private var lastEnd: UInt64 = 0

    /// The period whose times are held; none at first.
    private var period: UInt64?
    /// Moments of the period's blocks since the period's begin, from 1 to its length, strictly increasing.
    private var moments: [UInt64] = []

    /// - Parameters:
    ///   - meanInterval: microseconds from block to block on average, above 0.
    ///   - isRegular: whether blocks come exactly every `meanInterval`, as on Liquid.
    public init(seed: UInt64, meanInterval: UInt64, isRegular: Bool) {
        precondition(meanInterval > 0, "blocks need time between them")
        self.seed = seed
        self.meanInterval = meanInterval
        self.isRegular = isRegular
    }

    /// The height of the chain at a time: of the last block that came at it or before.
    ///
    /// Two comparisons where the height is the one asked for last; else a search among 64; else 64 draws.
    public mutating func height(at microseconds: UInt64) -> BlockHeight {
        if microseconds >= lastStart && microseconds < lastEnd { return lastHeight }
        lastHeight = BlockHeight(UInt32(blocks(upTo: microseconds)))
        lastStart = time(of: lastHeight)
        lastEnd = time(of: lastHeight + 1)
        return lastHeight
    }

    /// The time at which a block comes.
    public mutating func time(of height: BlockHeight) -> UInt64 {
        let block = UInt64(height.rawValue)
        if isRegular || block == 0 { return block * meanInterval }
        load(period: (block - 1) / Self.periodBlocks)
        return (block - 1) / Self.periodBlocks * periodLength
            + moments[Int((block - 1) % Self.periodBlocks)]
    }

    private var periodLength: UInt64 { Self.periodBlocks * meanInterval }

    private mutating func blocks(upTo time: UInt64) -> UInt64 {
        if isRegular { return time / meanInterval }
        // A period reaches from just after its begin to its end, so that a block at its end belongs to it.
        guard time > 0 else { return 0 }
        let period = (time - 1) / periodLength
        load(period: period)
        let moment = time - period * periodLength
        let begun = moments.firstIndex { $0 > moment } ?? moments.count
        return period * Self.periodBlocks + UInt64(begun)
    }

    private mutating func load(period: UInt64) {
        guard self.period != period else { return }
        var stream = RandomStream(seed: seed, purpose: .blocks, process: period)
        // Drawn from a range shorter by the number of blocks and spread by one each: distinct without a second try.
        let range = periodLength - Self.periodBlocks + 1
        moments = (0..<Self.periodBlocks).map { _ in stream.below(range) }
        moments.sort()
        for index in moments.indices { moments[index] += UInt64(index) + 1 }
        self.period = period
    }
}
