/// What happened in a run beyond what its files tell: single facts, no sum.
public struct AuditedRun: Sendable {
    /// What an HTLC came to in the eyes of one of its channel's parties.
    public struct HTLC: Sendable, Hashable {
        /// The party's direction: twice the channel's number, plus 1 for the second node.
        public var end: Int
        public var id: Int64
        public var isOffered: Bool
        public var payment: Int64
        public var amount: Int64
        public var isFulfilled: Bool
        public var isOnChain: Bool

        public init(
            end: Int, id: Int64, isOffered: Bool, payment: Int64, amount: Int64, isFulfilled: Bool,
            isOnChain: Bool
        ) {
            self.end = end
            self.id = id
            self.isOffered = isOffered
            self.payment = payment
            self.amount = amount
            self.isFulfilled = isFulfilled
            self.isOnChain = isOnChain
        }
    }

    /// A confirmed transaction, as replaying the blocks shows it.
    public struct Transaction: Sendable {
        public var height: Int64
        public var id: String
        /// What it kept of its inputs, satoshi.
        public var fee: Int64
        /// The channel it funds or whose money it moves.
        public var channel: Int64
        public var kind: String
        public var inputCount: Int
        public var outputCount: Int
        /// What it spent, and what of that went to the tower; satoshi.
        public var spent: Int64
        public var towerShare: Int64
        /// By node, what its wallet got less what it gave; satoshi.
        public var walletChanges: [Int: Int64]

        public init(
            height: Int64, id: String, fee: Int64, channel: Int64, kind: String, inputCount: Int,
            outputCount: Int, spent: Int64, towerShare: Int64, walletChanges: [Int: Int64]
        ) {
            self.spent = spent
            self.towerShare = towerShare
            self.height = height
            self.id = id
            self.fee = fee
            self.channel = channel
            self.kind = kind
            self.inputCount = inputCount
            self.outputCount = outputCount
            self.walletChanges = walletChanges
        }
    }

    public var htlcs: [HTLC]
    public var transactions: [Transaction]
    /// What block 0 made, satoshi.
    public var genesis: Int64

    public init(htlcs: [HTLC], transactions: [Transaction], genesis: Int64) {
        self.htlcs = htlcs
        self.transactions = transactions
        self.genesis = genesis
    }
}
