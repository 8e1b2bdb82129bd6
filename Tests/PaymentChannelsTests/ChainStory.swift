import Cryptography
import LightningTypes
import Settlement
import Testing

@testable import PaymentChannels

/// A channel whose funding output stands in block 0 of a chain, and what its parties do on that chain.
struct ChainStory {
    let pair: ChannelPair
    var chain: Chain

    /// The conditions of outputs, in the order in which commitments give them.
    enum Way: Int {
        case revocation = 0
        case owner = 1
        case other = 2
    }

    init(_ pair: ChannelPair, rules: ChainRules = .bitcoin) {
        self.pair = pair
        chain = Chain(genesis: [pair.fundingOutput], rules: rules)
    }

    mutating func mine(_ count: Int = 1) { for _ in 0..<count { _ = chain.mineBlock() } }

    mutating func mine(to height: UInt32) { while chain.height.rawValue < height { mine() } }

    /// Why the chain refuses a transaction, which then leaves no trace; nil where it takes it.
    mutating func refusal(of transaction: Transaction) -> TransactionRefusal? {
        do throws(TransactionRefusal) {
            try chain.submit(transaction)
            return nil
        } catch {
            return error
        }
    }

    /// Both parties' signatures on what spends the funding output.
    func fullySigned(_ transaction: Transaction, by a: Signature? = nil, _ b: Signature? = nil) -> Transaction
    {
        let (alice, bob) = (pair.alice.keys.funding, pair.bob.keys.funding)
        var signed = transaction
        signed.inputs[0].witness = fundingWitness(
            (alice.publicKey, a ?? alice.signature(of: transaction.signatureHash)),
            (bob.publicKey, b ?? bob.signature(of: transaction.signatureHash)))
        return signed
    }

    /// A second-stage transaction of Alice's commitment, with the signature Bob sent for it.
    func secondStage(
        _ commitment: CommitmentTransaction, _ place: Int, preimage: Bytes32? = nil
    ) -> Transaction {
        var transaction = commitment.secondStage[place]
        let theirs = CommitmentSignatures(commitment, with: pair.bob.keys).all[place + 1]
        let ours = pair.alice.keys.htlc.signature(of: transaction.signatureHash)
        transaction.inputs[0].witness = Witness(
            condition: Way.owner.rawValue, signatures: [ours, theirs],
            scopes: commitment.hasAnchors ? [.transaction, .pair] : [], secret: preimage)
        return transaction
    }

    /// Takes one output to a wallet for 1,000 satoshi; an anchor, worth less, for 200.
    func sweep(
        _ parent: Transaction, _ index: Int, condition: Int, _ key: SigningKey?, secret: Bytes32? = nil
    ) -> Transaction {
        let value = parent.outputs[index].value
        let fee: Satoshi = value > Satoshi(1_000) ? Satoshi(1_000) : Satoshi(200)
        let wallet = SigningKey(seed: Bytes32(words: 99, 0, 0, 0)).publicKey
        var transaction = Transaction(
            inputs: [Input(parent.outpoint(UInt32(index)))],
            outputs: [Output(value: value - fee, key: wallet)])
        let signatures = key.map { [$0.signature(of: transaction.signatureHash)] } ?? []
        transaction.inputs[0].witness = Witness(condition: condition, signatures: signatures, secret: secret)
        return transaction
    }
}

extension Transaction {
    /// Where the output of that many satoshis is; the stories give each its own value.
    func index(of value: UInt64) throws -> Int {
        try #require(outputs.firstIndex { $0.value == Satoshi(value) })
    }
}
