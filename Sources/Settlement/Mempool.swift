import LightningTypes

/// A valid transaction that waits for a block.
struct PendingTransaction {
    let id: TransactionID
    let transaction: Transaction
    let fee: Satoshi
    let weight: UInt64

    var outputs: [Output] { transaction.outputs }
}

/// Valid transactions that wait for a block, none of which conflict.
struct Mempool {
    private var pending: [TransactionID: PendingTransaction] = [:]
    private var spenders: [Outpoint: TransactionID] = [:]

    var isEmpty: Bool { pending.isEmpty }

    /// By id.
    var transactions: [PendingTransaction] { pending.values.sorted { $0.id < $1.id } }

    /// For what does not depend on their order.
    var inNoOrder: some Collection<PendingTransaction> { pending.values }

    subscript(id: TransactionID) -> PendingTransaction? { pending[id] }

    func spender(of outpoint: Outpoint) -> TransactionID? { spenders[outpoint] }

    mutating func insert(_ transaction: PendingTransaction) {
        for input in transaction.transaction.inputs {
            let former = spenders.updateValue(transaction.id, forKey: input.outpoint)
            precondition(former == nil, "the mempool spends \(input.outpoint) twice")
        }
        let former = pending.updateValue(transaction, forKey: transaction.id)
        precondition(former == nil, "transaction \(transaction.id) is in the mempool twice")
    }

    mutating func remove(_ id: TransactionID) {
        guard let transaction = pending.removeValue(forKey: id) else {
            preconditionFailure("transaction \(id) is not in the mempool")
        }
        for input in transaction.transaction.inputs { spenders[input.outpoint] = nil }
    }

    /// Those of which a transaction spends outputs, by id.
    func parents(of transaction: PendingTransaction) -> [TransactionID] {
        let ids = transaction.transaction.inputs.map(\.outpoint.transaction).filter { pending[$0] != nil }
        return Set(ids).sorted()
    }

    /// Whether a transaction spends from another that waits.
    func hasParents(_ transaction: PendingTransaction) -> Bool {
        transaction.transaction.inputs.contains { pending[$0.outpoint.transaction] != nil }
    }

    /// Those that spend outputs of a transaction, by id.
    func children(of transaction: PendingTransaction) -> [TransactionID] {
        let spenders = transaction.outputs.indices.compactMap {
            self.spenders[Outpoint(transaction: transaction.id, index: UInt32($0))]
        }
        return Set(spenders).sorted()
    }

    /// These transactions with all that spend from them, however far removed; parents may stand after children.
    func withDescendants(_ ids: some Sequence<TransactionID>) -> Set<TransactionID> {
        closure(of: ids) { children(of: $0) }
    }

    /// A transaction with all that it spends from, however far removed.
    func withAncestors(_ id: TransactionID) -> Set<TransactionID> {
        closure(of: [id]) { parents(of: $0) }
    }

    private func closure(
        of ids: some Sequence<TransactionID>, _ next: (PendingTransaction) -> [TransactionID]
    ) -> Set<TransactionID> {
        var found = Set(ids)
        var open = Array(found)
        while let id = open.popLast() {
            guard let transaction = pending[id] else { continue }
            for other in next(transaction) where found.insert(other).inserted { open.append(other) }
        }
        return found
    }
}
