/// What a node thinks a transaction must pay to be confirmed in time, judged by the last blocks alone.
///
/// As Bitcoin Core's estimator it looks back, not at what waits: `feerate(within: n)` is the lowest rate that would
/// have been confirmed within n blocks from 95 of 100 starting points among the blocks it remembers (Core's
/// `SUCCESS_PCT`). So it lags: too low when a spike begins, too high after one. That is what nodes have.
///
/// Works on the lowest rate each block took, so that all nodes that have seen the same blocks estimate alike.
public struct FeeEstimator: Hashable, Sendable {
    /// Of 100 starting points, how many must have been confirmed in time.
    public static let confidence = 95
    /// Blocks remembered: a day of Bitcoin's.
    public static let memory = 144

    /// The lowest rate of each block that would have been confirmed in it, newest last.
    var lowest: [UInt64] = []
    /// The rate asked for while nothing is known, and the least that is ever answered.
    public let feerateMinimum: UInt64

    public init(feerateMinimum: UInt64) { self.feerateMinimum = feerateMinimum }

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

    /// Satoshi per 1,000 weight to be confirmed within so many blocks. O(memory × blocks) at most.
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
