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
    /// What everybody else's transactions in it weigh.
    public let backgroundWeight: UInt64
    /// The lowest rate in it, of packages and background, in satoshi per 1,000 weight; nil for an empty block.
    public let feerateLowest: UInt64?

    init(
        height: BlockHeight, transactions: [ConfirmedTransaction], backgroundWeight: UInt64 = 0,
        feerateLowest: UInt64? = nil
    ) {
        self.height = height
        self.transactions = transactions
        self.backgroundWeight = backgroundWeight
        self.feerateLowest = feerateLowest
    }

    /// What all of its transactions left to the miner, the background's apart.
    public var fees: Satoshi { transactions.reduce(.zero) { $0 + $1.fee } }

    /// What everything in it weighs, never above `ChainRules.blockWeightMaximum`.
    public var weight: UInt64 { transactions.reduce(backgroundWeight) { $0 + $1.weight } }

    /// What a transaction would have paid at least to be in it: the lowest rate of a block with no room for one more
    /// commitment, else what the chain relays.
    public func feerateNeeded(_ rules: ChainRules) -> UInt64 {
        let room = rules.blockWeightMaximum - weight
        guard room < Self.commitmentWeight, let feerateLowest else { return rules.feerateMinimum }
        return max(rules.feerateMinimum, feerateLowest + 1)
    }

    /// BOLT 3's for a commitment with anchors and no HTLC.
    private static let commitmentWeight: UInt64 = 1_124
}

/// What a chain accepts.
public struct ChainRules: Hashable, Sendable {
    /// The weight of a block's transactions at most.
    public var blockWeightMaximum: UInt64
    /// The weight of one transaction at most; no more than a block's, or it could never be mined.
    public var transactionWeightMaximum: UInt64
    /// Satoshi for 1,000 weight that a transaction pays at least (BOLT 2's `feerate_per_kw`); 0 asks for nothing.
    public var feerateMinimum: UInt64
    /// Satoshi for 1,000 of its weight that a replacement pays above what it replaces (BIP 125, rule 4: the relay
    /// rate of 1 satoshi per virtual byte).
    public var feerateIncrement: UInt64
    /// How many transactions one may replace, those that spend from what it conflicts with among them (BIP 125,
    /// rule 5).
    public var replacementsMaximum = 100

    public init(
        blockWeightMaximum: UInt64 = 4_000_000, transactionWeightMaximum: UInt64 = 400_000,
        feerateMinimum: UInt64 = 253, feerateIncrement: UInt64 = 250
    ) {
        precondition(
            transactionWeightMaximum <= blockWeightMaximum,
            "a transaction heavier than a block could never be mined")
        self.blockWeightMaximum = blockWeightMaximum
        self.transactionWeightMaximum = transactionWeightMaximum
        self.feerateMinimum = feerateMinimum
        self.feerateIncrement = feerateIncrement
    }

    /// Bitcoin's: blocks of 4,000,000 (BIP 141), transactions relayed up to a tenth of that, and the lowest rate
    /// relayed, 1 satoshi per virtual byte. That is 250 by weight; Lightning nodes pay 253 at least, because a
    /// weight that is no multiple of four rounds up to virtual bytes.
    public static let bitcoin = ChainRules()

    /// The fee that a transaction of this weight must pay, rounded down as BOLT 3 rounds fees.
    public func feeMinimum(weight: UInt64) -> Satoshi { Satoshi(weight * feerateMinimum / 1_000) }
}
