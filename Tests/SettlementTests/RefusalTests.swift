import Cryptography
import LightningTypes
import Testing

@testable import Settlement

/// Every refusal, each where the transaction is right but for one thing.
@Suite struct RefusalTests {
    private var world = World()
    private let coin = Chain.genesisOutpoint(0)

    private func refusal(of transaction: Transaction, on chain: Chain) -> TransactionRefusal? {
        var chain = chain
        do throws(TransactionRefusal) { _ = try chain.submit(transaction) } catch {
            #expect(chain.isMempoolEmpty, "a refused transaction leaves no trace")
            return error
        }
        return nil
    }

    @Test func `a transaction that is right is taken`() {
        #expect(refusal(of: World.payment().signed(), on: world.chain) == nil)
    }

    @Test func `a signature with any bit flipped is refused`() throws {
        let payment = World.payment().signed()
        let signature = try #require(payment.inputs[0].witness?.signatures[0])
        for bit in 0..<512 {
            var bytes = signature.withUnsafeBytes { Array($0) }
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            var forged = payment
            forged.inputs[0].witness?.signatures[0] = bytes.withUnsafeBytes { Signature(bytes: $0) }
            #expect(refusal(of: forged, on: world.chain) == .badSignature(input: 0, key: 0), "bit \(bit)")
        }
    }

    @Test func `a signature does not cover a transaction changed after it was made`() {
        let payment = World.payment().signed()
        var cheaper = payment
        cheaper.outputs[0].value = cheaper.outputs[0].value - Satoshi(1)
        var toAnother = payment
        toAnother.outputs[0] = Output(value: payment.outputs[0].value, key: World.key(8).publicKey)
        var withMore = payment
        withMore.outputs.append(Output(value: Satoshi(1), key: World.key(8).publicKey))
        var unlocked = payment
        unlocked.outputs[0].conditions[0].keys = []
        for changed in [cheaper, toAnother, withMore, unlocked] {
            #expect(refusal(of: changed, on: world.chain) == .badSignature(input: 0, key: 0))
        }
    }

    @Test func `another key's signature is refused`() {
        #expect(
            refusal(of: World.payment().signed(by: [1]), on: world.chain) == .badSignature(input: 0, key: 0))
    }

    @Test func `signatures in the wrong order are refused, and in the right order taken`() {
        let world = World([[SpendCondition(keys: [World.key(0).publicKey, World.key(1).publicKey])]])
        let payment = World.payment()
        #expect(refusal(of: payment.signed(by: [1, 0]), on: world.chain) == .badSignature(input: 0, key: 0))
        #expect(refusal(of: payment.signed(by: [0, 0]), on: world.chain) == .badSignature(input: 0, key: 1))
        #expect(refusal(of: payment.signed(by: [0, 1]), on: world.chain) == nil)
    }

    @Test(arguments: [[], [0], [0, 1, 1]])
    func `too few or too many signatures are refused`(keys: [Int]) {
        let world = World([[SpendCondition(keys: [World.key(0).publicKey, World.key(1).publicKey])]])
        #expect(
            refusal(of: World.payment().signed(by: keys), on: world.chain)
                == .wrongSignatureCount(input: 0, expected: 2, given: keys.count))
    }

    @Test func `one satoshi more than the inputs is refused`() {
        let world = World(rules: ChainRules(feerateMinimum: 0))
        let all = World.payment(value: World.coin)
        #expect(refusal(of: all.signed(), on: world.chain) == nil)
        let more = World.payment(value: World.coin + Satoshi(1))
        #expect(
            refusal(of: more.signed(), on: world.chain)
                == .outputsExceedInputs(inputs: World.coin, outputs: World.coin + Satoshi(1)))
    }

    @Test func `outputs whose sum overflows are refused`() {
        var payment = World.payment(value: Satoshi(.max))
        payment.outputs.append(payment.outputs[0])
        #expect(
            refusal(of: payment.signed(), on: world.chain)
                == .outputsExceedInputs(inputs: World.coin, outputs: Satoshi(.max)))
    }

    @Test func `a second spend is refused, in the mempool where it pays no more`() throws {
        var chain = world.chain
        let first = try chain.submit(World.payment().signed())
        let second = World.payment(value: Satoshi(990_000 + 1)).signed()
        #expect(throws: TransactionRefusal.replacementFeerateTooLow(first)) { try chain.submit(second) }
        #expect(chain.spender(of: coin) == first)
        _ = chain.mineBlock()
        #expect(throws: TransactionRefusal.alreadySpent(coin, by: first)) { try chain.submit(second) }
        #expect(chain.spender(of: coin) == first)
    }

    @Test func `a transaction that is known is refused, whatever its witnesses`() throws {
        var chain = world.chain
        let payment = World.payment()
        let id = try chain.submit(payment.signed())
        #expect(throws: TransactionRefusal.alreadyKnown(id)) { try chain.submit(payment.signed()) }
        #expect(throws: TransactionRefusal.alreadyKnown(id)) { try chain.submit(payment) }
        _ = chain.mineBlock()
        #expect(throws: TransactionRefusal.alreadyKnown(id)) { try chain.submit(payment.signed()) }
    }

    @Test func `an absolute lock holds until the chain has reached it`() {
        var world = World([[SpendCondition(keys: [World.key(0).publicKey], absoluteLock: BlockHeight(5))]])
        let payment = World.payment().signed()
        for _ in 0..<5 {
            #expect(refusal(of: payment, on: world.chain) == .locked(input: 0, until: BlockHeight(5)))
            world.mine(1)
        }
        #expect(world.chain.height == BlockHeight(5))
        #expect(refusal(of: payment, on: world.chain) == nil)
    }

    @Test func `a relative lock holds until the output has its confirmations`() throws {
        let delayed = SpendCondition(keys: [World.key(1).publicKey], relativeLock: 4)
        var world = World()
        world.mine(7)
        let parent = Transaction(
            inputs: [Input(coin)], outputs: [Output(value: Satoshi(995_000), conditions: [delayed])])
        try world.chain.submit(parent.signed())
        let child = World.payment(spending: [parent.outpoint(0)]).signed(by: [1])
        for confirmations in UInt32(0)..<4 {
            #expect(throws: TransactionRefusal.immature(input: 0, confirmations: confirmations, required: 4))
            {
                try world.chain.submit(child)
            }
            world.mine(1)
        }
        #expect(world.chain.confirmations(of: parent.id) == 4)
        try world.chain.submit(child)
    }

    @Test func `a wrong, a missing and a needless secret are refused`() {
        let secret = sha256(Bytes32.zero)
        let key = World.key(0).publicKey
        let world = World([
            [SpendCondition(keys: [key], hashlock: sha256(secret)), SpendCondition(keys: [key])]
        ])
        let payment = World.payment()
        let wrong = TransactionRefusal.wrongSecret(input: 0)
        #expect(refusal(of: payment.signed(secret: secret), on: world.chain) == nil)
        #expect(refusal(of: payment.signed(secret: .zero), on: world.chain) == wrong)
        #expect(refusal(of: payment.signed(secret: sha256(secret)), on: world.chain) == wrong)
        #expect(refusal(of: payment.signed(), on: world.chain) == wrong)
        #expect(refusal(of: payment.signed(condition: 1), on: world.chain) == nil)
        #expect(refusal(of: payment.signed(condition: 1, secret: secret), on: world.chain) == wrong)
    }

    @Test func `a missing witness is refused, also of the second input`() {
        var payment = World.payment(spending: [coin, Chain.genesisOutpoint(1)])
        #expect(refusal(of: payment, on: world.chain) == .missingWitness(input: 0))
        payment.sign(input: 0)
        #expect(refusal(of: payment, on: world.chain) == .missingWitness(input: 1))
        payment.sign(input: 1, keys: [1])
        #expect(refusal(of: payment, on: world.chain) == nil)
    }

    @Test func `one input's signature does not serve another`() {
        var payment = World.payment(spending: [coin, Chain.genesisOutpoint(1)])
        payment.sign(input: 0)
        payment.inputs[1].witness = payment.inputs[0].witness
        #expect(refusal(of: payment, on: world.chain) == .badSignature(input: 1, key: 0))
    }

    @Test(arguments: [-1, 1, 7])
    func `a condition that the output does not have is refused`(condition: Int) {
        #expect(
            refusal(of: World.payment().signed(condition: condition), on: world.chain)
                == .unknownCondition(input: 0, condition: condition))
    }

    @Test func `an output without conditions cannot be spent`() {
        let world = World([[]])
        #expect(
            refusal(of: World.payment().signed(by: []), on: world.chain)
                == .unknownCondition(input: 0, condition: 0))
    }

    @Test func `an unknown output is refused: of block 0, of a known and of an unknown transaction`() throws {
        var chain = world.chain
        let beyond = Chain.genesisOutpoint(3)
        #expect(throws: TransactionRefusal.unknownOutput(beyond)) {
            try chain.submit(World.payment(spending: [beyond]).signed())
        }
        let parent = World.payment()
        #expect(throws: TransactionRefusal.unknownOutput(parent.outpoint(0))) {
            try chain.submit(World.payment(spending: [parent.outpoint(0)]).signed(by: [9]))
        }
        try chain.submit(parent.signed())
        for _ in 0..<2 {
            #expect(throws: TransactionRefusal.unknownOutput(parent.outpoint(1))) {
                try chain.submit(World.payment(spending: [parent.outpoint(1)]).signed(by: [9]))
            }
            _ = chain.mineBlock()
        }
    }

    @Test func `an input that stands there twice is refused`() {
        #expect(
            refusal(of: World.payment(spending: [coin, coin]).signed(), on: world.chain)
                == .duplicateInput(coin))
    }

    @Test func `a transaction without inputs or outputs is refused`() {
        let nothing = Transaction(inputs: [], outputs: [Output(value: .zero, key: World.key(9).publicKey)])
        #expect(refusal(of: nothing, on: world.chain) == .noInputs)
        #expect(refusal(of: Transaction(inputs: [Input(coin)], outputs: []), on: world.chain) == .noOutputs)
    }

    @Test func `the lowest fee rate is met exactly`() {
        let weight = World.payment().weight(spending: [Output(value: World.coin, key: World.key(0).publicKey)]
        )
        let least = Satoshi(weight * 253 / 1_000)
        #expect(refusal(of: World.payment(value: World.coin - least).signed(), on: world.chain) == nil)
        let less = least - Satoshi(1)
        #expect(
            refusal(of: World.payment(value: World.coin - less).signed(), on: world.chain)
                == .feerateTooLow(fee: less, required: least))
    }

    @Test func `the greatest weight is met exactly`() {
        let weight = World.payment().weight(spending: [Output(value: World.coin, key: World.key(0).publicKey)]
        )
        let exact = World(rules: ChainRules(transactionWeightMaximum: weight))
        #expect(refusal(of: World.payment().signed(), on: exact.chain) == nil)
        let tight = World(rules: ChainRules(transactionWeightMaximum: weight - 1))
        #expect(
            refusal(of: World.payment().signed(), on: tight.chain)
                == .tooHeavy(weight: weight, maximum: weight - 1))
    }

    @Test func `a coin that asks for no key is anyone's`() {
        let world = World([[SpendCondition()]])
        #expect(refusal(of: World.payment().signed(by: []), on: world.chain) == nil)
    }

    @Test func `every refusal says in one line what was wrong`() {
        let id = TransactionID(.zero)
        let refusals: [TransactionRefusal] = [
            .noInputs, .noOutputs, .duplicateInput(coin), .alreadyKnown(id), .unknownOutput(coin),
            .alreadySpent(coin, by: id), .missingWitness(input: 21),
            .unknownCondition(input: 21, condition: 34),
            .wrongSignatureCount(input: 21, expected: 34, given: 55), .badSignature(input: 21, key: 34),
            .wrongSecret(input: 21), .locked(input: 21, until: BlockHeight(34)),
            .immature(input: 21, confirmations: 34, required: 55),
            .outputsExceedInputs(inputs: Satoshi(21), outputs: Satoshi(34)),
            .feerateTooLow(fee: Satoshi(21), required: Satoshi(34)), .tooHeavy(weight: 21, maximum: 34),
        ]
        let texts = refusals.map(\.description)
        #expect(Set(texts).count == refusals.count)
        for (refusal, text) in zip(refusals, texts) {
            #expect(!text.contains("\n") && text.count > 20)
            // A refusal's figures, as reflection prints them, are all in its text.
            for figure in ["21", "34", "55"] where String(reflecting: refusal).contains(figure) {
                #expect(text.contains(figure), "\(text)")
            }
        }
    }
}
