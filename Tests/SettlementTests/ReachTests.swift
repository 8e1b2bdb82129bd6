import Cryptography
import LightningTypes
import Testing

@testable import Settlement

/// What the chain may refuse, without the figures that go with it: a new case must be named here, and then be reached.
private enum Refusal: String, CaseIterable {
    case noInputs, noOutputs, duplicateInput, alreadyKnown, unknownOutput, alreadySpent, replacementFeeTooLow
    case replacementFeerateTooLow, tooManyReplaced, replacesItsAncestor, missingWitness, unknownCondition
    case wrongSignatureCount, badSignature, wrongSecret, locked, immature, outputsExceedInputs, feerateTooLow
    case tooHeavy

    init(_ refusal: TransactionRefusal) {
        self =
            switch refusal {
            case .noInputs: .noInputs
            case .noOutputs: .noOutputs
            case .duplicateInput: .duplicateInput
            case .alreadyKnown: .alreadyKnown
            case .unknownOutput: .unknownOutput
            case .alreadySpent: .alreadySpent
            case .replacementFeeTooLow: .replacementFeeTooLow
            case .replacementFeerateTooLow: .replacementFeerateTooLow
            case .tooManyReplaced: .tooManyReplaced
            case .replacesItsAncestor: .replacesItsAncestor
            case .missingWitness: .missingWitness
            case .unknownCondition: .unknownCondition
            case .wrongSignatureCount: .wrongSignatureCount
            case .badSignature: .badSignature
            case .wrongSecret: .wrongSecret
            case .locked: .locked
            case .immature: .immature
            case .outputsExceedInputs: .outputsExceedInputs
            case .feerateTooLow: .feerateTooLow
            case .tooHeavy: .tooHeavy
            }
    }
}

@Suite struct `There is a way to` {
    @Test func `every refusal of a transaction, and each says what it is`() throws {
        var reached: [Refusal] = []
        func attempt(_ transaction: Transaction, on world: inout World) {
            do throws(TransactionRefusal) {
                try world.chain.submit(transaction)
            } catch {
                reached.append(Refusal(error))
                #expect(!error.description.isEmpty && !error.description.contains("\n"))
            }
        }
        func attempt(
            _ transaction: Transaction, under condition: SpendCondition? = nil, rules: ChainRules = .bitcoin
        ) {
            var world = condition.map { World([[$0]], rules: rules) } ?? World(rules: rules)
            attempt(transaction, on: &world)
        }
        let coin = Chain.genesisOutpoint(0)
        let key = World.key(0).publicKey
        let payment = World.payment().signed()
        var paysNobody = payment
        paysNobody.outputs = []
        attempt(Transaction(inputs: [], outputs: payment.outputs))
        attempt(paysNobody)
        attempt(World.payment(spending: [coin, coin]).signed())
        attempt(World.payment(spending: [Chain.genesisOutpoint(9)]).signed())
        attempt(World.payment())
        attempt(World.payment().signed(condition: 1))
        attempt(World.payment().signed(by: []))
        attempt(World.payment().signed(by: [1]))
        attempt(payment, under: SpendCondition(keys: [key], hashlock: sha256(.zero)))
        attempt(payment, under: SpendCondition(keys: [key], absoluteLock: BlockHeight(9)))
        attempt(payment, under: SpendCondition(keys: [key], relativeLock: 9))
        attempt(World.payment(value: World.coin + Satoshi(1)).signed())
        attempt(World.payment(value: World.coin).signed())
        attempt(payment, rules: ChainRules(transactionWeightMaximum: 1))

        var world = World(coins: 3)
        attempt(payment, on: &world)
        attempt(payment, on: &world)
        attempt(World.payment(value: Satoshi(989_999)).signed(), on: &world)
        // Pays all the fees of what it conflicts with, and is heavy.
        var heavy = Transaction(
            inputs: [Input(coin)],
            outputs: (0..<200).map { _ in Output(value: Satoshi(4_700), key: key) })
        heavy.sign()
        attempt(heavy, on: &world)
        // Spends from what it conflicts with.
        var child = Transaction(
            inputs: [Input(coin), Input(payment.outpoint(0))],
            outputs: [Output(value: Satoshi(900_000), key: key)])
        child.sign()
        child.sign(input: 1, keys: [9])
        attempt(child, on: &world)
        world.mine(1)
        attempt(World.payment(value: Satoshi(980_000)).signed(), on: &world)

        var rules = ChainRules.bitcoin
        rules.replacementsMaximum = 0
        var strict = World(rules: rules)
        attempt(payment, on: &strict)
        attempt(World.payment(value: Satoshi(900_000)).signed(), on: &strict)
        #expect(Refusal.allCases.filter { !reached.contains($0) } == [])
    }
}

@Suite struct `Blocks that confirm nothing` {
    @Test func `pass at once where nobody else is on the chain, and can be undone`() {
        var world = World()
        world.chain.passEmptyBlocks(upTo: BlockHeight(1_000_000))
        #expect(world.chain.height == BlockHeight(1_000_000))
        world.chain.passEmptyBlocks(upTo: BlockHeight(7))
        #expect(world.chain.height == BlockHeight(1_000_000), "heights do not fall")
        #expect(world.chain.undoBlocks(6).blocks.isEmpty)
        #expect(world.chain.height == BlockHeight(999_994))
    }
}
