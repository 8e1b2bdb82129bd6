import Cryptography
import LightningTypes
import Randomness
import Testing

@testable import Settlement

@Suite struct ChainTests {
    @Test func `money moves from block 0 to a payee, and the fee to the miner`() throws {
        var world = World()
        let payment = World.payment()
        let id = try world.chain.submit(payment.signed())
        #expect(id == payment.id)
        #expect(!world.chain.isMempoolEmpty)
        #expect(world.chain.confirmations(of: id) == 0)
        #expect(world.chain.output(payment.outpoint(0)) == payment.outputs[0])
        #expect(world.chain.output(Chain.genesisOutpoint(0)) != nil, "not spent until confirmed")
        #expect(world.chain.unspentTotal == Satoshi(3_000_000))

        let block = world.chain.mineBlock()
        #expect(block.height == BlockHeight(1))
        #expect(block.transactions.map(\.id) == [id])
        #expect(block.transactions[0].transaction == payment.signed())
        #expect(block.transactions[0].position == 0)
        #expect(block.fees == Satoshi(10_000))
        #expect(world.chain.isMempoolEmpty)
        #expect(world.chain.confirmations(of: id) == 1)
        #expect(world.chain.output(Chain.genesisOutpoint(0)) == nil)
        #expect(world.chain.output(payment.outpoint(0)) == payment.outputs[0])
        #expect(world.chain.unspentTotal == Satoshi(2_990_000))
        #expect(world.chain.feesTotal == Satoshi(10_000))
        #expect(world.chain.genesisTotal == Satoshi(3_000_000))
        world.chain.checkTotals()
        world.mine(5)
        #expect(world.chain.confirmations(of: id) == 6)
    }

    @Test func `an empty block only raises the height`() {
        var world = World()
        let block = world.chain.mineBlock()
        #expect(block == Block(height: BlockHeight(1), transactions: []))
        #expect(world.chain.height == BlockHeight(1))
        #expect(block.weight == 0)
    }

    @Test func `what is unknown has no output, spender or confirmations`() {
        let world = World()
        let unknown = World.payment().outpoint(0)
        #expect(world.chain.output(unknown) == nil)
        #expect(world.chain.output(Chain.genesisOutpoint(3)) == nil)
        #expect(world.chain.spender(of: unknown) == nil)
        #expect(world.chain.spender(of: Chain.genesisOutpoint(0)) == nil)
        #expect(world.chain.confirmations(of: unknown.transaction) == nil)
        #expect(world.chain.confirmations(of: Chain.genesisOutpoint(0).transaction) == 1)
    }

    @Test func `a copy of a chain goes its own way`() throws {
        var world = World()
        let before = world
        try world.chain.submit(World.payment().signed())
        world.mine(1)
        #expect(before.chain.isMempoolEmpty && before.chain.height == BlockHeight(0))
        #expect(before.chain.output(Chain.genesisOutpoint(0)) != nil)
    }

    @Test func `conditions of block 0 can be worked out when asked for`() throws {
        var chain = Chain(
            genesisValues: [Satoshi(5), World.coin],
            conditions: { [SpendCondition(keys: [World.key(Int($0)).publicKey])] }, rules: .bitcoin)
        #expect(chain.genesisTotal == World.coin + Satoshi(5))
        #expect(
            chain.output(Chain.genesisOutpoint(1)) == Output(value: World.coin, key: World.key(1).publicKey))
        try chain.submit(World.payment(spending: [Chain.genesisOutpoint(1)]).signed(by: [1]))
        _ = chain.mineBlock()
        chain.checkTotals()
    }

    @Test func `the highest fee rate is mined first, and equal ones by id`() throws {
        var world = World(coins: 12)
        // The first six pay alike, each later one more.
        for index in 0..<12 {
            let value = Satoshi(980_000 - UInt64(max(0, index - 5)) * 1_000)
            let payment = World.payment(spending: [Chain.genesisOutpoint(UInt32(index))], value: value)
            try world.chain.submit(payment.signed(by: [index]))
        }
        let mined = world.chain.mineBlock().transactions
        #expect(mined.count == 12)
        #expect(mined.map(\.position) == Array(0..<12))
        for (better, worse) in zip(mined, mined.dropFirst()) {
            #expect(better.fee > worse.fee || (better.fee == worse.fee && better.id < worse.id))
        }
    }

    @Test func `fee rates count, not fees`() throws {
        var world = World(coins: 3)
        let light = World.payment(spending: [Chain.genesisOutpoint(0)], value: Satoshi(990_000))
        var heavy = World.payment(
            spending: [Chain.genesisOutpoint(1), Chain.genesisOutpoint(2)], value: Satoshi(1_988_000))
        heavy.sign(input: 0, keys: [1])
        heavy.sign(input: 1, keys: [2])
        try world.chain.submit(heavy)
        try world.chain.submit(light.signed())
        let mined = world.chain.mineBlock().transactions
        #expect(mined.map(\.id) == [light.id, heavy.id])
        #expect(mined[0].fee < mined[1].fee)
    }

    /// A parent that pays little, a child that pays much, a grandchild of both the child and the parent, that pays so
    /// much that the family is mined before a rival whose rate is higher than those of the other two.
    @Test func `parents stand before children, whatever these pay`() throws {
        var world = World()
        var parent = World.payment(value: Satoshi(499_000))
        parent.outputs.append(parent.outputs[0])
        let child = World.payment(spending: [parent.outpoint(0)], value: Satoshi(450_000))
        var grandchild = World.payment(
            spending: [parent.outpoint(1), child.outpoint(0)], value: Satoshi(800_000))
        grandchild.sign(input: 0, keys: [9])
        grandchild.sign(input: 1, keys: [9])
        let rival = World.payment(spending: [Chain.genesisOutpoint(1)], value: Satoshi(970_000))
        try world.chain.submit(parent.signed())
        try world.chain.submit(child.signed(by: [9]))
        try world.chain.submit(grandchild)
        try world.chain.submit(rival.signed(by: [1]))
        let mined = world.chain.mineBlock().transactions.map(\.id)
        #expect(mined == [parent.id, child.id, grandchild.id, rival.id])
        world.chain.checkTotals()
    }

    @Test func `children freed by their parent take their places among the others by fee rate`() throws {
        var world = World(coins: 10)
        var parent = World.payment(value: Satoshi(100_000))
        parent.outputs = Array(repeating: parent.outputs[0], count: 9)
        try world.chain.submit(parent.signed())
        // Nine children and nine rivals of one weight, whose fees interleave; all pay less than the parent's rate.
        for index in UInt64(0)..<9 {
            let child = World.payment(
                spending: [parent.outpoint(UInt32(index))],
                value: Satoshi(100_000 - 1_000 - 200 * (index * 5 % 9)))
            try world.chain.submit(child.signed(by: [9]))
            let rival = World.payment(
                spending: [Chain.genesisOutpoint(UInt32(index + 1))],
                value: Satoshi(1_000_000 - 1_100 - 200 * (index * 2 % 9)))
            try world.chain.submit(rival.signed(by: [Int(index) + 1]))
        }
        let mined = world.chain.mineBlock().transactions
        #expect(mined[0].id == parent.id)
        #expect(mined.dropFirst().map(\.fee) == (0..<18).map { Satoshi(2_700 - 100 * UInt64($0)) })
    }

    @Test func `a block holds what its weight allows, and the rest waits`() throws {
        let output = Output(value: World.coin, key: World.key(0).publicKey)
        let weight = World.payment().weight(spending: [output])
        let rules = ChainRules(
            blockWeightMaximum: 3 * weight + weight / 2, transactionWeightMaximum: 2 * weight)
        var world = World(coins: 10, rules: rules)
        for index in 0..<10 {
            let payment = World.payment(
                spending: [Chain.genesisOutpoint(UInt32(index))], value: Satoshi(990_000 - UInt64(index)))
            try world.chain.submit(payment.signed(by: [index]))
        }
        var counts: [Int] = []
        while !world.chain.isMempoolEmpty {
            let block = world.chain.mineBlock()
            #expect(block.weight <= rules.blockWeightMaximum)
            counts.append(block.transactions.count)
        }
        #expect(counts == [3, 3, 3, 1])
    }

    @Test func `what does not fit is passed over with its children, and lighter ones take its place`() throws
    {
        let output = Output(value: World.coin, key: World.key(0).publicKey)
        let weight = World.payment().weight(spending: [output])
        var world = World(
            coins: 4, rules: ChainRules(blockWeightMaximum: 2 * weight, transactionWeightMaximum: 2 * weight))
        // In order of fee rate: one that fits, one too heavy beside it with its child, a light one.
        let first = World.payment(value: Satoshi(900_000)).signed()
        var heavy = World.payment(
            spending: [Chain.genesisOutpoint(1), Chain.genesisOutpoint(2)], value: Satoshi(1_900_000))
        heavy.sign(input: 0, keys: [1])
        heavy.sign(input: 1, keys: [2])
        let child = World.payment(spending: [heavy.outpoint(0)], value: Satoshi(1_700_000)).signed(by: [9])
        let light = World.payment(spending: [Chain.genesisOutpoint(3)]).signed(by: [3])
        for transaction in [first, heavy, child, light] { try world.chain.submit(transaction) }
        #expect(world.chain.mineBlock().transactions.map(\.id) == [first.id, light.id])
        #expect(world.chain.mineBlock().transactions.map(\.id) == [heavy.id])
        #expect(world.chain.mineBlock().transactions.map(\.id) == [child.id])
        #expect(world.chain.isMempoolEmpty)
    }

    @Test func `a hundred thousand outputs of block 0 take little time to make and to find`() throws {
        let count = 100_000
        let chain = Chain(
            genesisValues: Array(repeating: World.coin, count: count),
            conditions: { [SpendCondition(keys: [World.key(Int($0)).publicKey])] }, rules: .bitcoin)
        #expect(chain.genesisTotal == Satoshi(100_000 * 1_000_000))
        var copy = chain
        let last = Chain.genesisOutpoint(UInt32(count - 1))
        try copy.submit(World.payment(spending: [last]).signed(by: [count - 1]))
        _ = copy.mineBlock()
        copy.checkTotals()
    }
}

@Suite struct ConservationTests {
    /// Coins whose key is known by number, with what the chain should say of them.
    private struct Coin {
        var outpoint: Outpoint
        var value: UInt64
        var key: Int
    }

    /// Random payments with several inputs and outputs, of confirmed coins and of coins in the mempool; now and then a
    /// block too small for all of them, and a transaction that must be refused.
    @Test(arguments: 0..<24 as Range<UInt64>)
    func `no sequence of transactions makes or loses money`(seed: UInt64) throws {
        var stream = RandomStream(seed: seed, purpose: .init("transactions"), process: 0)
        let rules = ChainRules(blockWeightMaximum: 6_000, transactionWeightMaximum: 6_000, feerateMinimum: 0)
        var world = World(coins: 4, rules: rules)
        var coins = (0..<4).map { key in
            Coin(outpoint: Chain.genesisOutpoint(UInt32(key)), value: 1_000_000, key: key)
        }
        var feesExpected: UInt64 = 0
        for _ in 0..<60 {
            let spent = (0...stream.below(2)).compactMap { _ in
                coins.isEmpty ? nil : coins.remove(at: Int(stream.below(UInt64(coins.count))))
            }
            guard !spent.isEmpty else { break }
            var left = spent.reduce(0) { $0 + $1.value }
            let keys = (0...stream.below(3)).map { _ in Int(stream.below(8)) }
            let outputs = keys.map { key in
                let value = stream.below(left + 1)
                left -= value
                return Output(value: Satoshi(value), key: World.key(key).publicKey)
            }
            var transaction = Transaction(inputs: spent.map { Input($0.outpoint) }, outputs: outputs)
            for (index, coin) in spent.enumerated() { transaction.sign(input: index, keys: [coin.key]) }

            var greedy = transaction
            greedy.outputs[0].value += Satoshi(left + 1)
            for (index, coin) in spent.enumerated() { greedy.sign(input: index, keys: [coin.key]) }
            #expect(throws: TransactionRefusal.self) { try world.chain.submit(greedy) }
            try world.chain.submit(transaction)
            #expect(throws: TransactionRefusal.alreadyKnown(transaction.id)) {
                try world.chain.submit(transaction)
            }
            feesExpected += left
            for (index, key) in keys.enumerated() {
                let value = outputs[index].value.rawValue
                coins.append(Coin(outpoint: transaction.outpoint(UInt32(index)), value: value, key: key))
            }
            if stream.below(3) == 0 { mineAndCheck(&world) }
        }
        while !world.chain.isMempoolEmpty { mineAndCheck(&world) }
        #expect(world.chain.feesTotal == Satoshi(feesExpected))
        #expect(world.chain.unspentTotal.rawValue == coins.reduce(0) { $0 + $1.value })
        for coin in coins { #expect(world.chain.output(coin.outpoint)?.value == Satoshi(coin.value)) }
    }

    private func mineAndCheck(_ world: inout World) {
        let block = world.chain.mineBlock()
        #expect(block.weight <= world.chain.rules.blockWeightMaximum)
        let places = Dictionary(uniqueKeysWithValues: block.transactions.map { ($0.id, $0.position) })
        for child in block.transactions {
            for input in child.transaction.inputs {
                guard let parent = places[input.outpoint.transaction] else { continue }
                #expect(parent < child.position)
            }
        }
        world.chain.checkTotals()
        #expect(world.chain.unspentTotal + world.chain.feesTotal == world.chain.genesisTotal)
    }
}
