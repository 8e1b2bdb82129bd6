/// What is thought that a transaction must pay to be confirmed in time.
public protocol FeeRates {
    /// Satoshi per 1,000 weight to be confirmed within so many blocks.
    func feerate(within blocks: Int) -> UInt64
}

/// The answers of a `FeeEstimator` at one height, as a node takes them home.
public struct FeeEstimates: FeeRates, Hashable, Sendable, BitwiseCopyable {
    /// Within one block, two and so on, and within as many as an estimator remembers.
    public let next: UInt64
    public let second: UInt64
    public let third: UInt64
    public let sixth: UInt64
    public let whenever: UInt64

    /// - Parameter rates: asked for each of the targets that are kept.
    public init(_ rates: some FeeRates) {
        next = rates.feerate(within: 1)
        second = rates.feerate(within: 2)
        third = rates.feerate(within: 3)
        sixth = rates.feerate(within: 6)
        whenever = rates.feerate(within: FeeEstimator.memory)
    }

    /// The same rate whatever the haste.
    public init(fixed feerate: UInt64) {
        (next, second, third, sixth, whenever) = (feerate, feerate, feerate, feerate, feerate)
    }

    /// That of the longest target kept that is no longer.
    public func feerate(within blocks: Int) -> UInt64 {
        precondition(blocks > 0, "nothing is confirmed within no block")
        return switch blocks {
        case 1: next
        case 2: second
        case 3...5: third
        case 6..<FeeEstimator.memory: sixth
        default: whenever
        }
    }
}

/// What a node thinks a transaction must pay to be confirmed in time, judged by the last blocks alone.
///
/// As Bitcoin Core's estimator it looks back, not at what waits: `feerate(within: n)` is the lowest rate that would
/// have been confirmed within n blocks from 95 of 100 starting points among the blocks it remembers (Core's
/// `SUCCESS_PCT`). So it lags: too low when a spike begins, too high after one. That is what nodes have.
///
/// Works on the lowest rate each block took, so that all nodes that have seen the same blocks estimate alike.
public struct FeeEstimator: FeeRates, Hashable, Sendable {
    /// Of 100 starting points, how many must have been confirmed in time.
    public static let confidence = 95
    /// Blocks remembered: a day of Bitcoin's.
    public static let memory = 144

    /// The lowest rate of each block that would have been confirmed in it, newest last.
    var lowest: [UInt64] = []
    /// The rate asked for while nothing is known, and the least that is ever answered.
    public let feerateMinimum: UInt64

    /// - Parameter blocks: what blocks before the first one asked for, oldest first.
    public init(feerateMinimum: UInt64, after blocks: [UInt64] = []) {
        self.feerateMinimum = feerateMinimum
        lowest = blocks.suffix(Self.memory)
    }

    /// A block came: what would have been confirmed in it at least.
    public mutating func connect(_ block: Block, rules: ChainRules) {
        connect(feerate: block.feerateNeeded(rules))
    }

    mutating func connect(feerate: UInt64) {
        if lowest.count == Self.memory { lowest.removeFirst() }
        lowest.append(feerate)
    }

    /// The last blocks were undone.
    public mutating func disconnect(blocks: Int) { lowest.removeLast(min(blocks, lowest.count)) }

    /// O(memory × blocks) at most.
    public func feerate(within blocks: Int) -> UInt64 {
        precondition(blocks > 0, "nothing is confirmed within no block")
        let width = min(blocks, lowest.count)
        guard width > 0 else { return feerateMinimum }
        // From each starting point, the cheapest of the next blocks would have been enough.
        let enough = (0...lowest.count - width).map { start in
            lowest[start..<start + width].min() ?? feerateMinimum
        }
        let rank = (enough.count * Self.confidence + 99) / 100
        return max(feerateMinimum, enough.sorted()[rank - 1])
    }
}
