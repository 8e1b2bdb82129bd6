import LightningTypes
import Randomness

extension RandomStream.Purpose {
    /// Which blocks are undone and which are empty: one stream for each block.
    public static let blockFaults = Self("block faults")
}

/// What goes wrong with blocks, as a pure function of seed and height, so that any process can know it.
///
/// A reorganisation at a height means: when the block of that height comes, the blocks before it down to the depth have
/// given way to others. Heights are what they would have been (`BlockClock`); what the blocks hold is not.
///
/// ```swift
/// let faults = BlockFaults(seed: 7, reorganisationInterval: 2_000, depthMaximum: profile.reorganisationDepth)
/// let depth = faults.reorganisationDepth(before: chain.height + 1)
/// if depth > 0 { undone = chain.undoBlocks(depth) }
/// for _ in 0...depth { blocks.append(chain.mineBlock(isEmpty: faults.isEmpty(chain.height + 1))) }
/// ```
public struct BlockFaults: Hashable, Sendable {
    private let seed: UInt64
    /// Blocks from one reorganisation to the next on average; 0 for none but those planned.
    public let reorganisationInterval: Double
    /// The deepest of those drawn; each depth is half as likely as the one before.
    public let depthMaximum: Int
    /// Blocks from one empty block to the next on average; 0 for none.
    public let emptyInterval: Double
    /// Depths at given heights, whatever is drawn.
    public let planned: [BlockHeight: Int]

    public init(
        seed: UInt64, reorganisationInterval: Double = 0, depthMaximum: Int = 1, emptyInterval: Double = 0,
        planned: [BlockHeight: Int] = [:]
    ) {
        let depths = 0...Chain.reorganisationDepthMaximum
        precondition(depths.contains(depthMaximum), "a chain undoes at most 6 blocks")
        precondition(planned.values.allSatisfy(depths.contains), "a chain undoes at most 6 blocks")
        precondition(reorganisationInterval >= 0 && emptyInterval >= 0, "blocks lie between faults")
        self.seed = seed
        self.reorganisationInterval = reorganisationInterval
        self.depthMaximum = depthMaximum
        self.emptyInterval = emptyInterval
        self.planned = planned
    }

    /// How many blocks are undone when the block of this height comes; 0 for none, and never block 0.
    public func reorganisationDepth(before height: BlockHeight) -> Int {
        let possible = Int(height.rawValue) - 1
        if let depth = planned[height] { return min(depth, possible) }
        guard reorganisationInterval > 0, depthMaximum > 0 else { return 0 }
        var stream = RandomStream(seed: seed, purpose: .blockFaults, process: UInt64(height.rawValue))
        guard stream.unitInterval() * reorganisationInterval < 1 else { return 0 }
        var depth = 1
        while depth < depthMaximum, stream.below(2) == 0 { depth += 1 }
        return min(depth, possible)
    }

    /// Whether the miner of the block of this height takes nothing.
    public func isEmpty(_ height: BlockHeight) -> Bool {
        guard emptyInterval > 0 else { return false }
        // Position 64: away from the draws above.
        var stream = RandomStream(
            seed: seed, purpose: .blockFaults, process: UInt64(height.rawValue), position: 64)
        return stream.unitInterval() * emptyInterval < 1
    }
}
