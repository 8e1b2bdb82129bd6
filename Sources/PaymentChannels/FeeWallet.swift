import Cryptography
import LightningTypes
import Settlement

/// Confirmed coins of one key, kept to pay for transactions that cannot pay for themselves, and where swept money goes.
///
/// A coin taken for a transaction is reserved until that transaction's fate is final; then it comes back, or its
/// change.
public struct FeeWallet: Sendable {
    /// An output of the wallet's key.
    public struct Coin: Hashable, Sendable {
        public var outpoint: Outpoint
        public var value: Satoshi

        public init(outpoint: Outpoint, value: Satoshi) {
            self.outpoint = outpoint
            self.value = value
        }
    }

    /// Below this an output costs more than it brings (BOLT 3's dust limit for P2WPKH).
    public static let outputMinimum = Satoshi(294)

    public let key: SigningKey
    public let publicKey: PublicKey
    /// Coins that are not reserved.
    public private(set) var coins: [Coin]

    public init(key: SigningKey, coins: [Coin] = []) {
        self.key = key
        publicKey = key.publicKey
        self.coins = coins
    }

    public var total: Satoshi { coins.reduce(.zero) { $0 + $1.value } }

    public mutating func receive(_ coin: Coin) { coins.append(coin) }

    /// Reserves coins worth no less than an amount: the smallest one that is enough, or else the largest ones together.
    ///
    /// - Returns: nil, and nothing reserved, where all together are not enough.
    mutating func reserve(_ amount: Satoshi) -> [Coin]? {
        let byValue = coins.sorted { ($0.value, $0.outpoint) < ($1.value, $1.outpoint) }
        if let enough = byValue.first(where: { $0.value >= amount }) {
            if PlantedBug.planted == .reservesNoCoins { return [enough] }
            coins.removeAll { $0 == enough }
            return [enough]
        }
        guard !coins.isEmpty, total >= amount else { return nil }
        var taken: [Coin] = []
        var sum = Satoshi.zero
        for coin in byValue.reversed() where sum < amount {
            taken.append(coin)
            sum += coin.value
        }
        coins.removeAll { taken.contains($0) }
        return taken
    }

    /// The output that a coin is.
    func output(of coin: Coin) -> Output { Output(value: coin.value, key: publicKey) }
}
