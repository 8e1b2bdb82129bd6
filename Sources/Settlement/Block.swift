import LightningTypes

/// A transaction in a block.
public struct ConfirmedTransaction: Hashable, Sendable {
    public let id: TransactionID
    public let transaction: Transaction
    /// What it left to the miner.
    public let fee: Satoshi
    public let weight: UInt64
    /// Its place in the block, from 0: the transaction index of a short channel id (BOLT 7).
    public let position: UInt32
}

/// The transactions confirmed together at one height, parents before children.
public struct Block: Hashable, Sendable {
    public let height: BlockHeight
    public let transactions: [ConfirmedTransaction]

    /// What all of them left to the miner.
    public var fees: Satoshi { transactions.reduce(.zero) { $0 + $1.fee } }

    /// What all of them weigh, never above `ChainRules.blockWeightMaximum`.
    public var weight: UInt64 { transactions.reduce(0) { $0 + $1.weight } }
}

/// What a chain accepts.
public struct ChainRules: Hashable, Sendable {
    /// The weight of a block's transactions at most.
    public var blockWeightMaximum: UInt64
    /// The weight of one transaction at most; no more than a block's, or it could never be mined.
    public var transactionWeightMaximum: UInt64
    /// Satoshi for 1,000 weight that a transaction pays at least (BOLT 2's `feerate_per_kw`); 0 asks for nothing.
    public var feerateMinimum: UInt64

    public init(
        blockWeightMaximum: UInt64 = 4_000_000, transactionWeightMaximum: UInt64 = 400_000,
        feerateMinimum: UInt64 = 253
    ) {
        precondition(
            transactionWeightMaximum <= blockWeightMaximum,
            "a transaction heavier than a block could never be mined")
        self.blockWeightMaximum = blockWeightMaximum
        self.transactionWeightMaximum = transactionWeightMaximum
        self.feerateMinimum = feerateMinimum
    }

    /// Bitcoin's: blocks of 4,000,000 (BIP 141), transactions relayed up to a tenth of that, and the lowest rate
    /// relayed, 1 satoshi per virtual byte. That is 250 by weight; Lightning nodes pay 253 at least, because a
    /// weight that is no multiple of four rounds up to virtual bytes.
    public static let bitcoin = ChainRules()

    /// The fee that a transaction of this weight must pay, rounded down as BOLT 3 rounds fees.
    public func feeMinimum(weight: UInt64) -> Satoshi { Satoshi(weight * feerateMinimum / 1_000) }
}
