import LightningTypes
import Testing

@testable import Settlement

@Suite struct `A replacement` {
    private let coin = Chain.genesisOutpoint(0)

    private func refusal(of transaction: Transaction, on chain: inout Chain) -> TransactionRefusal? {
        do throws(TransactionRefusal) {
            try chain.submit(transaction)
            return nil
        } catch {
            return error
        }
    }

    /// A payment of 438 weight that leaves a fee; replacing adds 438 × 250 ÷ 1,000, rounded up to 110.
    private func payment(fee: UInt64, spending outpoint: Outpoint? = nil, of value: UInt64 = 1_000_000)
        -> Transaction
    {
        World.payment(spending: [outpoint ?? coin], value: Satoshi(value - fee))
    }

    @Test func `pays for what it replaces and for its own way, to the satoshi`() throws {
        var world = World()
        let first = try world.chain.submit(payment(fee: 1_000).signed())
        #expect(
            refusal(of: payment(fee: 1_109).signed(), on: &world.chain)
                == .replacementFeeTooLow(fee: Satoshi(1_109), required: Satoshi(1_110)))
        #expect(world.chain.spender(of: coin) == first)
        #expect(
            refusal(of: payment(fee: 999).signed(), on: &world.chain) == .replacementFeerateTooLow(first))
        var elsewhere = payment(fee: 1_000)
        elsewhere.outputs[0] = Output(value: elsewhere.outputs[0].value, key: World.key(8).publicKey)
        #expect(
            refusal(of: elsewhere.signed(), on: &world.chain) == .replacementFeerateTooLow(first),
            "the same rate is not a higher one")
        #expect(refusal(of: payment(fee: 1_110).signed(), on: &world.chain) == nil)
        #expect(world.chain.confirmations(of: first) == nil, "what is replaced is gone")
        #expect(world.chain.mineBlock().transactions.map(\.id) == [payment(fee: 1_110).id])
        #expect(
            refusal(of: payment(fee: 9_000).signed(), on: &world.chain)
                == .alreadySpent(coin, by: payment(fee: 1_110).id))
        world.chain.checkTotals()
    }

    @Test func `pays for the descendants too, and takes them with it`() throws {
        var world = World()
        let parent = payment(fee: 1_000)
        try world.chain.submit(parent.signed())
        let child = payment(fee: 5_000, spending: parent.outpoint(0), of: 999_000)
        try world.chain.submit(child.signed(by: [9]))
        let required = Satoshi(1_000 + 5_000 + 110)
        #expect(
            refusal(of: payment(fee: 2_000).signed(), on: &world.chain)
                == .replacementFeeTooLow(fee: Satoshi(2_000), required: required))
        #expect(refusal(of: payment(fee: required.rawValue).signed(), on: &world.chain) == nil)
        #expect(world.chain.confirmations(of: child.id) == nil)
        #expect(world.chain.mineBlock().transactions.count == 1)
    }

    /// A heavier replacement pays more and yet has the lower rate.
    @Test func `has the higher rate as well as the higher fee`() throws {
        var world = World()
        let first = try world.chain.submit(payment(fee: 1_000).signed())
        var heavy = World.payment(
            spending: [coin, Chain.genesisOutpoint(1)], value: Satoshi(2_000_000 - 1_500))
        heavy.sign(input: 0, keys: [0])
        heavy.sign(input: 1, keys: [1])
        #expect(refusal(of: heavy, on: &world.chain) == .replacementFeerateTooLow(first))
    }

    @Test func `neither spends what it replaces nor replaces more than a hundred`() throws {
        var world = World(coins: 2)
        var parent = payment(fee: 100_000)
        parent.outputs = Array(
            repeating: Output(value: Satoshi(8_000), key: World.key(9).publicKey), count: 101)
        try world.chain.submit(parent.signed())
        var own = World.payment(spending: [coin, parent.outpoint(0)], value: Satoshi(8_000))
        own.sign(input: 0, keys: [0])
        own.sign(input: 1, keys: [9])
        #expect(refusal(of: own, on: &world.chain) == .replacesItsAncestor(parent.id))
        for index in 0..<99 as Range<UInt32> {
            try world.chain.submit(
                payment(fee: 500, spending: parent.outpoint(index), of: 8_000).signed(by: [9]))
        }
        var fits = world.chain
        #expect(refusal(of: payment(fee: 999_000).signed(), on: &fits) == nil)
        try world.chain.submit(payment(fee: 500, spending: parent.outpoint(99), of: 8_000).signed(by: [9]))
        #expect(refusal(of: payment(fee: 999_000).signed(), on: &world.chain) == .tooManyReplaced(count: 101))
    }

    @Test func `that is refused for its signature leaves what it would replace`() throws {
        var world = World()
        let first = try world.chain.submit(payment(fee: 1_000).signed())
        #expect(
            refusal(of: payment(fee: 9_000).signed(by: [1]), on: &world.chain)
                == .badSignature(input: 0, key: 0))
        #expect(world.chain.confirmations(of: first) == 0)
    }
}

@Suite struct `A signature of a pair` {
    /// Key 0 vouches for its input and the first output alone; key 1 adds money for the fee and takes the change.
    private func joined() -> Transaction {
        var transaction = World.payment(value: Satoshi(1_000_000))
        let vouched = transaction.pairHash(of: 0)!
        transaction.inputs.append(Input(Chain.genesisOutpoint(1)))
        transaction.outputs.append(Output(value: Satoshi(990_000), key: World.key(1).publicKey))
        transaction.sign(input: 1, keys: [1])
        transaction.inputs[0].witness = Witness(
            signatures: [World.key(0).signature(of: vouched)], scopes: [.pair])
        return transaction
    }

    @Test func `lets others be added`() throws {
        var world = World()
        #expect(try Transaction(decoding: joined().encoded()) == joined())
        try world.chain.submit(joined())
        #expect(world.chain.mineBlock().fees == Satoshi(10_000))
    }

    @Test func `covers its input, its output and their place`() {
        var world = World()
        func isRefused(_ change: (inout Transaction) -> Void) -> Bool {
            var transaction = joined()
            change(&transaction)
            transaction.sign(input: transaction.inputs.count - 1, keys: [1])
            return (try? world.chain.submit(transaction)) == nil
        }
        #expect(isRefused { $0.outputs[0].value -= Satoshi(1) })
        #expect(isRefused { $0.outputs.swapAt(0, 1) })
        #expect(isRefused { $0.inputs[0].witness?.scopes = [] }, "a pair's signature does not cover the rest")
        #expect(isRefused { $0.inputs[0].witness?.scopes = [.pair, .pair] })
        #expect(joined().pairHash(of: 2) == nil)
    }
}
