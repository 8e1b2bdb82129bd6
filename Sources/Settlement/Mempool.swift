import LightningTypes

/// A valid transaction that waits for a block.
struct PendingTransaction {
    let id: TransactionID
    let transaction: Transaction
    let fee: Satoshi
    let weight: UInt64

    var outputs: [Output] { transaction.outputs }

    /// Whether this one is mined before another of which it spends nothing: the higher fee rate, then the lower id.
    func precedes(_ other: PendingTransaction) -> Bool {
        // Crosswise products compare the rates exactly, where quotients would round.
        let ours = fee.rawValue.multipliedFullWidth(by: other.weight)
        let theirs = other.fee.rawValue.multipliedFullWidth(by: weight)
        if ours.high != theirs.high { return ours.high > theirs.high }
        if ours.low != theirs.low { return ours.low > theirs.low }
        return id < other.id
    }
}

/// Valid transactions that wait for a block, none of which conflict.
struct Mempool {
    private var pending: [TransactionID: PendingTransaction] = [:]
    private var spenders: [Outpoint: TransactionID] = [:]

    var isEmpty: Bool { pending.isEmpty }

    /// By id.
    var transactions: [PendingTransaction] { pending.values.sorted { $0.id < $1.id } }

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

    /// Takes out what a block holds, in its order: O(n log n) in the transactions waiting.
    mutating func removeBest(weightMaximum: UInt64) -> [PendingTransaction] {
        // A dictionary has no order; from here on nothing depends on its.
        let best = pending.values.sorted { $0.precedes($1) }
        var parentsLeft: [TransactionID: Int] = [:]
        var children: [TransactionID: [PendingTransaction]] = [:]
        for transaction in best {
            for parent in parents(of: transaction) {
                parentsLeft[transaction.id, default: 0] += 1
                children[parent, default: []].append(transaction)
            }
        }

        // Those whose parents are all in the block or older, the best at the end.
        var ready = Array(best.filter { parentsLeft[$0.id] == nil }.reversed())
        var mined: [PendingTransaction] = []
        var weightLeft = weightMaximum
        while let next = ready.popLast() {
            guard next.weight <= weightLeft else { continue }
            weightLeft -= next.weight
            mined.append(next)
            for child in children[next.id, default: []] {
                parentsLeft[child.id]! -= 1
                if parentsLeft[child.id] == 0 { ready.insert(child, at: place(of: child, in: ready)) }
            }
        }
        for transaction in mined { remove(transaction) }
        return mined
    }

    private func parents(of transaction: PendingTransaction) -> Set<TransactionID> {
        Set(transaction.transaction.inputs.map(\.outpoint.transaction).filter { pending[$0] != nil })
    }

    /// Where a transaction belongs among others sorted from the last to be mined to the first.
    private func place(of transaction: PendingTransaction, in ready: [PendingTransaction]) -> Int {
        var low = 0
        var high = ready.count
        while low < high {
            let middle = (low + high) / 2
            if transaction.precedes(ready[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private mutating func remove(_ transaction: PendingTransaction) {
        pending[transaction.id] = nil
        for input in transaction.transaction.inputs { spenders[input.outpoint] = nil }
    }
}
