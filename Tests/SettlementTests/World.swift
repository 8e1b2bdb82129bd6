import Cryptography
import LightningTypes
import Randomness

@testable import Settlement

/// Keys by number, and a chain on which each of the first few owns a coin: what every test begins with.
struct World {
    static let coin = Satoshi(1_000_000)

    var chain: Chain

    /// Block 0 makes one output for each list of conditions.
    init(_ conditions: [[SpendCondition]], rules: ChainRules = .bitcoin) {
        chain = Chain(genesis: conditions.map { Output(value: Self.coin, conditions: $0) }, rules: rules)
    }

    /// Block 0 makes one output for each key 0 ..< `coins`.
    init(coins: Int = 3, rules: ChainRules = .bitcoin) {
        self.init((0..<coins).map { [SpendCondition(keys: [Self.key($0).publicKey])] }, rules: rules)
    }

    static func key(_ number: Int) -> SigningKey {
        SigningKey(seed: blake2b("key", key: Bytes32(words: UInt64(number), 0, 0, 0)))
    }

    /// An unsigned payment of one output to key 9.
    static func payment(
        spending outpoints: [Outpoint] = [Chain.genesisOutpoint(0)], value: Satoshi = Satoshi(990_000)
    ) -> Transaction {
        Transaction(
            inputs: outpoints.map { Input($0) }, outputs: [Output(value: value, key: key(9).publicKey)])
    }

    mutating func mine(_ blocks: Int) {
        for _ in 0..<blocks { _ = chain.mineBlock() }
    }
}

extension Transaction {
    /// Signs one input by the keys of these numbers, in this order.
    mutating func sign(input: Int = 0, condition: Int = 0, keys: [Int] = [0], secret: Bytes32? = nil) {
        let message = signatureHash
        inputs[input].witness = Witness(
            condition: condition, signatures: keys.map { World.key($0).signature(of: message) },
            secret: secret)
    }

    func signed(by keys: [Int] = [0], condition: Int = 0, secret: Bytes32? = nil) -> Transaction {
        var copy = self
        copy.sign(condition: condition, keys: keys, secret: secret)
        return copy
    }
}
