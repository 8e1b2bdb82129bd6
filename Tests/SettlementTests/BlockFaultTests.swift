import LightningTypes
import Testing

@testable import Settlement

@Suite struct `Faults of blocks` {
    @Test func `come as often and as deep as they are asked for`() {
        let faults = BlockFaults(seed: 3, reorganisationInterval: 50, depthMaximum: 6, emptyInterval: 20)
        let heights = (10..<100_010).map { BlockHeight($0) }
        let depths = heights.map { faults.reorganisationDepth(before: $0) }
        let count = depths.count { $0 > 0 }
        #expect((1_800...2_200).contains(count), "\(count) in 100,000 blocks")
        let deep = (1...6).map { depth in depths.count { $0 == depth } }
        #expect(deep[0] > 800 && deep[5] > 20)
        for (shallow, deeper) in zip(deep, deep.dropFirst().dropLast()) { #expect(deeper < shallow) }
        let empty = heights.count { faults.isEmpty($0) }
        #expect((4_600...5_400).contains(empty), "\(empty) empty blocks in 100,000")
        #expect(depths == heights.map { faults.reorganisationDepth(before: $0) })
    }

    @Test func `are none unless asked for, and those planned at their heights`() {
        let none = BlockFaults(seed: 3)
        #expect((1..<1_000).allSatisfy { none.reorganisationDepth(before: BlockHeight($0)) == 0 })
        #expect((1..<1_000).allSatisfy { !none.isEmpty(BlockHeight($0)) })
        let planned = BlockFaults(seed: 3, planned: [BlockHeight(3): 6, BlockHeight(50): 4])
        #expect(planned.reorganisationDepth(before: BlockHeight(50)) == 4)
        #expect(planned.reorganisationDepth(before: BlockHeight(51)) == 0)
        #expect(planned.reorganisationDepth(before: BlockHeight(3)) == 2, "block 0 stands for ever")
    }

    /// Heights are those of the clock whatever is undone: the height after each block is its number.
    @Test func `change no height`() throws {
        let faults = BlockFaults(seed: 9, reorganisationInterval: 5, depthMaximum: 6)
        var world = World(coins: 6)
        for height in UInt32(1)...200 {
            if height % 20 == 0 {
                let coin = Int(height / 20) - 1
                if coin < 6 {
                    let payment = World.payment(spending: [Chain.genesisOutpoint(UInt32(coin))])
                    try world.chain.submit(payment.signed(by: [coin]))
                }
            }
            let depth = faults.reorganisationDepth(before: world.chain.height + 1)
            if depth > 0 { _ = world.chain.undoBlocks(depth) }
            world.mine(depth + 1)
            #expect(world.chain.height == BlockHeight(height))
        }
        #expect(world.chain.isMempoolEmpty && world.chain.feesTotal == Satoshi(60_000))
        world.chain.checkTotals()
    }
}
