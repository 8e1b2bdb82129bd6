import LightningTypes

// Replacement by fee: BIP 125's rules 3, 4 and 5, and that of Bitcoin Core by which the rate must rise too. No
// transaction need announce that it can be replaced (Bitcoin Core's `-mempoolfullrbf`, the default since 28.0).
extension Chain {
    /// The transactions in the mempool that make room for this one: those it conflicts with, and all that spend from
    /// them.
    func transactionsReplaced(
        by replacement: PendingTransaction
    ) throws(TransactionRefusal) -> [TransactionID] {
        let conflicts = Set(
            replacement.transaction.inputs.compactMap { mempool.spender(of: $0.outpoint) })
        guard !conflicts.isEmpty else { return [] }
        for id in conflicts.sorted() {
            guard let conflict = mempool[id] else { continue }
            // Crosswise products compare the rates exactly.
            let rate = replacement.fee.rawValue.multipliedFullWidth(by: conflict.weight)
            let former = conflict.fee.rawValue.multipliedFullWidth(by: replacement.weight)
            guard (rate.high, rate.low) > (former.high, former.low) else {
                throw .replacementFeerateTooLow(id)
            }
        }
        let replaced = mempool.withDescendants(conflicts).sorted()
        guard replaced.count <= rules.replacementsMaximum else {
            throw .tooManyReplaced(count: replaced.count)
        }
        var required = rules.replacementFee(weight: replacement.weight)
        for id in replaced {
            guard let pending = mempool[id] else { continue }
            required += pending.fee
        }
        guard replacement.fee >= required else {
            throw .replacementFeeTooLow(fee: replacement.fee, required: required)
        }
        let parents = Set(replacement.transaction.inputs.map(\.outpoint.transaction))
        if let ancestor = replaced.first(where: { parents.contains($0) }) {
            throw .replacesItsAncestor(ancestor)
        }
        return replaced
    }
}

extension ChainRules {
    /// What a replacement of this weight pays above all that it replaces (BIP 125, rule 4), rounded up.
    public func replacementFee(weight: UInt64) -> Satoshi {
        Satoshi((weight * feerateIncrement + 999) / 1_000)
    }
}
