import LightningTypes
import Settlement

/// In which order a shard's nodes may broadcast the funding transactions they made: of several openings of a node a later
/// one may spend the change of an earlier, and be signed first, and layer 1 takes no transaction before what it spends.
struct FundingOrder {
    /// Made, and not broadcast yet.
    private var unsent: Set<TransactionID> = []
    /// Signed, by one of the unsent transactions that they spend from.
    private var children: [TransactionID: [DirectionIndex]] = [:]

    init() {}

    /// That of transactions which were made and not broadcast.
    init(_ transactions: [DirectionIndex: Transaction], isSigned: (DirectionIndex) -> Bool) {
        for transaction in transactions.values { made(transaction.id) }
        for (end, transaction) in transactions where isSigned(end) { _ = mustWait(end, transaction) }
    }

    mutating func made(_ transaction: TransactionID) { unsent.insert(transaction) }

    mutating func sent(_ transaction: TransactionID) { unsent.remove(transaction) }

    /// Whether a signed transaction has to wait for another; if so, `waiting` tells of it when that one is sent.
    mutating func mustWait(_ end: DirectionIndex, _ transaction: Transaction) -> Bool {
        guard let parent = transaction.inputs.lazy.map(\.outpoint.transaction).first(where: unsent.contains)
        else {
            return false
        }
        children[parent, default: []].append(end)
        return true
    }

    /// Whose transactions waited for this one, in order.
    mutating func waiting(for transaction: TransactionID) -> [DirectionIndex] {
        (children.removeValue(forKey: transaction) ?? []).sorted()
    }
}
