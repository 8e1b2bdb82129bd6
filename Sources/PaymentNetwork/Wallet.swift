import Cryptography
import LightningTypes
import PaymentChannels
import Settlement

/// A node's on-chain money: coins of one key, none of them spent.
struct Wallet: Sendable {
    typealias Coin = FeeWallet.Coin

    var coins: [Coin] = []

    var total: Satoshi { coins.reduce(.zero) { $0 + $1.value } }

    mutating func receive(_ coin: Coin) { coins.append(coin) }

    /// A signed transaction that pays for `output` from the largest coins down, change back to the wallet; nil where
    /// the coins do not suffice. The change may be spent at once, before it confirms.
    ///
    /// - Parameter feeratePerKiloweight: satoshi per 1,000 weight units; the fee is rounded up.
    mutating func pay(
        _ output: Output, feeratePerKiloweight: UInt64, with key: @autoclosure () -> SigningKey
    ) -> (transaction: Transaction, fee: Satoshi)? {
        guard total > output.value else { return nil }
        let signingKey = key()
        let publicKey = signingKey.publicKey
        let byValue = coins.sorted { $0.value != $1.value ? $0.value > $1.value : $0.outpoint < $1.outpoint }
        for count in 1...byValue.count {
            let chosen = byValue.prefix(count)
            let sum = chosen.reduce(Satoshi.zero) { $0 + $1.value }
            guard sum >= output.value else { continue }
            let spent = chosen.map { Output(value: $0.value, key: publicKey) }
            var transaction = Transaction(inputs: chosen.map { Input($0.outpoint) }, outputs: [output])
            func fee() -> Satoshi {
                Satoshi((transaction.weight(spending: spent) * feeratePerKiloweight + 999) / 1_000)
            }
            guard sum >= output.value + fee() else { continue }
            transaction.outputs.append(Output(value: FeeWallet.outputMinimum, key: publicKey))
            let change = sum.subtractingOrZero(output.value + fee())
            if change >= FeeWallet.outputMinimum {
                transaction.outputs[1].value = change
            } else {
                transaction.outputs.removeLast()
            }
            let hash = transaction.signatureHash
            for index in transaction.inputs.indices {
                transaction.inputs[index].witness = Witness(signatures: [signingKey.signature(of: hash)])
            }
            coins = Array(byValue.dropFirst(count))
            if transaction.outputs.count == 2 {
                coins.append(Coin(outpoint: transaction.outpoint(1), value: change))
            }
            let paid = transaction.outputs.reduce(Satoshi.zero) { $0 + $1.value }
            return (transaction, sum - paid)
        }
        return nil
    }
}
