import Cryptography
import LightningTypes
import PaymentNetwork
import Settlement

/// What the transactions of a run come to, found by replaying them with code of its own.
struct ChainChecker {
    struct Entry {
        var output: Output
        var height: UInt32
        /// The channel it came of, by its funding output.
        var channel: Int?
    }

    private(set) var unspent: [Outpoint: Entry] = [:]
    /// By channel: what all transactions that came of it left to miners; those that came of none under nil.
    private(set) var fees: [Int?: UInt64] = [:]
    private(set) var violations: [String] = []

    init(_ audit: RunAudit) {
        for (index, output) in audit.genesis.enumerated() {
            unspent[Outpoint(transaction: TransactionID(.zero), index: UInt32(index))] = Entry(
                output: output, height: 0)
        }
        for (position, end) in audit.ends.enumerated() {
            if let funding = end.funding { unspent[funding]?.channel = position / 2 }
        }
        var last: UInt32 = 0
        for (height, transaction) in audit.transactions {
            if height.rawValue < last { violations.append("a block of \(height) after one of \(last)") }
            last = height.rawValue
            replay(transaction, at: height.rawValue, audit)
        }
    }

    private mutating func replay(_ transaction: Transaction, at height: UInt32, _ audit: RunAudit) {
        let id = transaction.id
        var paid: UInt64 = 0
        var channel: Int?
        for (index, input) in transaction.inputs.enumerated() {
            guard let entry = unspent.removeValue(forKey: input.outpoint) else {
                violations.append("transaction \(id) spends \(input.outpoint), which is not there")
                continue
            }
            paid += entry.output.value.rawValue
            channel = channel ?? entry.channel
            check(input, index, of: transaction, spending: entry, at: height)
        }
        for (index, output) in transaction.outputs.enumerated() {
            let outpoint = Outpoint(transaction: id, index: UInt32(index))
            var owner = channel
            if let funded = audit.ends.firstIndex(where: { $0.funding == outpoint }) { owner = funded / 2 }
            unspent[outpoint] = Entry(output: output, height: height, channel: owner)
            channel = owner ?? channel
        }
        let made = transaction.outputs.reduce(UInt64(0)) { $0 + $1.value.rawValue }
        if made > paid { violations.append("transaction \(id) makes \(made) of \(paid)") }
        fees[channel, default: 0] += paid - min(made, paid)
    }

    private mutating func check(
        _ input: Input, _ index: Int, of transaction: Transaction, spending entry: Entry, at height: UInt32
    ) {
        guard let witness = input.witness, entry.output.conditions.indices.contains(witness.condition) else {
            violations.append("an input shows nothing")
            return
        }
        let condition = entry.output.conditions[witness.condition]
        if let lock = condition.absoluteLock, height <= lock.rawValue {
            violations.append("an output locked until \(lock) is spent in block \(height)")
        }
        if height < entry.height + UInt32(condition.relativeLock) {
            violations.append("an output of block \(entry.height) is spent in \(height), too early")
        }
        if witness.secret.map({ sha256($0) }) != condition.hashlock { violations.append("a wrong secret") }
        for (place, key) in condition.keys.enumerated() {
            let isPair = !witness.scopes.isEmpty && witness.scopes[place] == .pair
            let hash = isPair ? transaction.pairHash(of: index) : transaction.signatureHash
            if hash.map({ key.verifies(witness.signatures[place], of: $0) }) != true {
                violations.append("a wrong signature")
            }
        }
    }
}
