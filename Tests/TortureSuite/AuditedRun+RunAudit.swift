import LightningTypes
import PaymentNetwork
import Recomputation
import Settlement

extension AuditedRun {
    /// The single facts of an audit, transactions replayed block by block.
    init(_ audit: RunAudit) {
        let htlcs = audit.outcomes.map { outcome in
            HTLC(
                end: Int(outcome.end.rawValue), id: Int64(outcome.id), isOffered: outcome.isOffered,
                payment: Int64(outcome.payment), amount: Int64(outcome.amount.rawValue),
                isFulfilled: outcome.isFulfilled, isOnChain: outcome.isOnChain)
        }
        var replay = Replay(audit)
        self.init(
            htlcs: htlcs, transactions: audit.transactions.map { replay.add($0.transaction, at: $0.height) },
            genesis: audit.genesis.reduce(0) { $0 + Int64($1.value.rawValue) })
    }
}

/// The outputs there are, and whose they are.
private struct Replay {
    private struct Coin {
        var output: Output
        var channel: Int64?
    }

    private var unspent: [Outpoint: Coin] = [:]
    private var nodes: [SpendCondition: Int] = [:]
    private var fundings: [Outpoint: Int64] = [:]
    private let towerKey: SpendCondition

    init(_ audit: RunAudit) {
        towerKey = audit.towerKey
        for (position, end) in audit.ends.enumerated() {
            if let funding = end.funding { fundings[funding] = Int64(position / 2) }
        }
        let fundedCount = fundings.keys.count { $0.transaction == TransactionID(.zero) }
        var coins = audit.genesis.suffix(from: fundedCount)
        for (index, output) in audit.genesis.enumerated() {
            let outpoint = Outpoint(transaction: TransactionID(.zero), index: UInt32(index))
            unspent[outpoint] = Coin(output: output, channel: fundings[outpoint])
        }
        for (node, wallet) in audit.startingWallets.enumerated() {
            var left = wallet
            while left > .zero, let coin = coins.popFirst() {
                left = left.subtractingOrZero(coin.value)
                nodes[coin.conditions[0]] = node
            }
        }
        for (node, coins) in audit.wallets.enumerated() {
            // A wallet that began empty has one key all the same, under which closings paid.
            for coin in coins {
                let made = audit.transactions.lazy.first { $0.transaction.id == coin.outpoint.transaction }
                guard let output = made?.transaction.outputs[Int(coin.outpoint.index)],
                    output.conditions.count == 1
                else { continue }
                nodes[output.conditions[0]] = node
            }
        }
    }

    private func wallet(_ output: Output) -> Int? {
        output.conditions.count == 1 ? nodes[output.conditions[0]] : nil
    }

    mutating func add(_ transaction: Transaction, at height: BlockHeight) -> AuditedRun.Transaction {
        let id = transaction.id
        let spent = transaction.inputs.compactMap { unspent.removeValue(forKey: $0.outpoint) }
        var changes: [Int: Int64] = [:]
        var fee: Int64 = 0
        for coin in spent {
            fee += Int64(coin.output.value.rawValue)
            if let node = wallet(coin.output) {
                changes[node, default: 0] -= Int64(coin.output.value.rawValue)
            }
        }
        for output in transaction.outputs {
            fee -= Int64(output.value.rawValue)
            if let node = wallet(output) { changes[node, default: 0] += Int64(output.value.rawValue) }
        }
        let funded = transaction.outputs.indices.compactMap { fundings[transaction.outpoint(UInt32($0))] }
            .first
        // A coin of a wallet may have come of another channel.
        let own = spent.first { wallet($0.output) == nil }?.channel ?? spent.first?.channel
        let channel = funded ?? own
        for (index, output) in transaction.outputs.enumerated() {
            let outpoint = transaction.outpoint(UInt32(index))
            unspent[outpoint] = Coin(
                output: output, channel: funded == nil || fundings[outpoint] != nil ? channel : nil)
        }
        return AuditedRun.Transaction(
            height: Int64(height.rawValue), id: id.description, fee: fee, channel: channel ?? -1,
            kind: kind(transaction, spent, funds: funded != nil), inputCount: transaction.inputs.count,
            outputCount: transaction.outputs.count,
            spent: spent.reduce(0) { $0 + Int64($1.output.value.rawValue) },
            towerShare: transaction.outputs.reduce(0) { sum, output in
                output.conditions == [towerKey] ? sum + Int64(output.value.rawValue) : sum
            }, walletChanges: changes)
    }

    private func kind(_ transaction: Transaction, _ spent: [Coin], funds: Bool) -> String {
        if funds { return "funding" }
        guard let first = transaction.inputs.first, let coin = spent.first else { return "?" }
        if fundings[first.outpoint] != nil {
            return transaction.outputs.allSatisfy { wallet($0) != nil } ? "closing" : "commitment"
        }
        // The first way to spend what can be spent in several is the revocation, which takes the secret.
        if coin.output.conditions.count > 1, first.witness?.condition == 0, first.witness?.secret != nil {
            return "penalty"
        }
        let isAnchor = coin.output.value == Satoshi(330) && wallet(coin.output) == nil
        return isAnchor && transaction.inputs.count > 1 ? "fee-bump" : "claim"
    }
}
