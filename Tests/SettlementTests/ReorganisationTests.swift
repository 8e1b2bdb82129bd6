import LightningTypes
import Randomness
import Snapshots
import Testing

@testable import Settlement

@Suite struct `A reorganisation` {
    private func payment(_ coin: Int, fee: UInt64 = 1_000) -> Transaction {
        World.payment(
            spending: [Chain.genesisOutpoint(UInt32(coin))], value: World.coin - Satoshi(fee)
        ).signed(by: [coin])
    }

    @Test(arguments: 1...6)
    func `undoes the last blocks, and their transactions wait again`(depth: Int) throws {
        var world = World(coins: 8)
        var before: [Chain] = [world.chain]
        for coin in 0..<8 {
            try world.chain.submit(payment(coin))
            world.mine(1)
            before.append(world.chain)
        }
        let undone = world.chain.undoBlocks(depth)
        #expect(undone.blocks.map(\.height.rawValue) == (0..<depth).map { UInt32(8 - $0) })
        #expect(undone.evicted.isEmpty)
        let then = before[8 - depth]
        #expect(world.chain.height == then.height && world.chain.unspentTotal == then.unspentTotal)
        #expect(world.chain.feesTotal == then.feesTotal)
        for coin in 0..<8 {
            let confirmations = world.chain.confirmations(of: payment(coin).id)
            #expect(confirmations == (coin < 8 - depth ? UInt32(8 - depth - coin) : 0))
        }
        world.chain.checkTotals()
        // The branch that replaces them is longer by one, and has all of it.
        world.mine(depth + 1)
        #expect(world.chain.height == BlockHeight(9) && world.chain.isMempoolEmpty)
        #expect(world.chain.feesTotal == Satoshi(8_000))
        world.chain.checkTotals()
    }

    @Test func `lets a payment be replaced that was confirmed`() throws {
        var world = World()
        try world.chain.submit(payment(0))
        world.mine(3)
        _ = world.chain.undoBlocks(3)
        try world.chain.submit(payment(0, fee: 2_000))
        world.mine(4)
        #expect(world.chain.confirmations(of: payment(0).id) == nil)
        #expect(world.chain.confirmations(of: payment(0, fee: 2_000).id) == 4)
        world.chain.checkTotals()
    }

    @Test func `throws out what counted its delay from an undone block, with what spends from it`() throws {
        let key = World.key(0).publicKey
        var world = World([[SpendCondition(keys: [key])]])
        var parent = World.payment(value: Satoshi(999_000))
        parent.outputs[0].conditions = [SpendCondition(keys: [key], relativeLock: 2)]
        try world.chain.submit(parent.signed())
        world.mine(2)
        let child = World.payment(spending: [parent.outpoint(0)], value: Satoshi(998_000)).signed()
        let grandchild = World.payment(spending: [child.outpoint(0)], value: Satoshi(990_000)).signed(by: [9])
        try world.chain.submit(child)
        world.mine(1)
        try world.chain.submit(grandchild)
        let undone = world.chain.undoBlocks(2)
        #expect(undone.evicted == [child.id, grandchild.id].sorted())
        #expect(world.chain.confirmations(of: parent.id) == 1)
        world.mine(1)
        try world.chain.submit(child)
        world.mine(1)
        world.chain.checkTotals()
    }

    @Test func `throws out what is locked until a height that was undone`() throws {
        let key = World.key(0).publicKey
        var world = World([[SpendCondition(keys: [key], absoluteLock: BlockHeight(3))]])
        world.mine(3)
        try world.chain.submit(World.payment().signed())
        #expect(world.chain.undoBlocks(1).evicted == [World.payment().id])
        #expect(world.chain.isMempoolEmpty)
    }

    /// Money is conserved through any sequence of payments, blocks, reorganisations, saving and restoring.
    @Test(arguments: 0..<16 as Range<UInt64>)
    func `of any depth at any time makes and loses no money`(seed: UInt64) throws {
        var stream = RandomStream(seed: seed, purpose: .init("reorganisations"), process: 0)
        let genesis = (0..<6).map { Output(value: World.coin, key: World.key($0).publicKey) }
        func fresh() -> Chain {
            let demand = BackgroundDemand(LayerOneProfile.bitcoin.demand, seed: seed, rules: .bitcoin)
            return Chain(genesis: genesis, rules: .bitcoin, demand: demand)
        }
        var chain = fresh()
        var coins = (0..<6).map {
            (outpoint: Chain.genesisOutpoint(UInt32($0)), value: UInt64(1_000_000), key: $0)
        }
        for _ in 0..<120 {
            switch stream.below(6) {
            case 0, 1:
                let place = Int(stream.below(UInt64(coins.count)))
                let coin = coins[place]
                let fee = 500 + stream.below(40_000)
                guard coin.value > fee + 1_000 else { continue }
                let transaction = World.payment(
                    spending: [coin.outpoint], value: Satoshi(coin.value - fee)
                ).signed(by: [coin.key])
                guard (try? chain.submit(transaction)) != nil else { continue }
                coins[place] = (transaction.outpoint(0), coin.value - fee, 9)
            case 2, 3:
                _ = chain.mineBlock()
            case 4:
                let depth = 1 + Int(stream.below(6))
                guard chain.height.rawValue >= UInt32(depth) else { continue }
                _ = chain.undoBlocks(depth)
                for _ in 0...depth { _ = chain.mineBlock() }
            default:
                var writer = SnapshotWriter()
                chain.write(to: &writer)
                let bytes = writer.finish()
                var restored = fresh()
                var reader = SnapshotReader(bytes)
                try restored.read(from: &reader)
                try reader.finish()
                var again = SnapshotWriter()
                restored.write(to: &again)
                #expect(again.finish() == bytes)
                chain = restored
            }
            chain.checkTotals()
        }
        #expect(chain.unspentTotal + chain.feesTotal == chain.genesisTotal)
    }
}
