import LightningTypes
import PaymentChannels
import PaymentNetwork
import Settlement
import Topologies

/// Checks the facts of a finished run against what must hold whatever went wrong in it.
struct RunChecker {
    let audit: RunAudit
    let topology: Topology
    let chain: ChainChecker
    private(set) var violations: [String]
    /// Nodes that cannot complain: away, cheating, restored from an old state or keeping what they should settle.
    private let faulty: Set<Int32>
    /// Those of them that publish a revoked commitment.
    private let cheats: Set<Int32>
    /// Those of them that start from an old state: what they were paid since may be pending in what they publish.
    private let forgetful: Set<Int32>
    /// Whether block space may have been too scarce for a claim in time.
    private let isScarce: Bool
    /// What spends the coins of the nodes' wallets.
    private var walletConditions: Set<SpendCondition> = []

    init(_ audit: RunAudit, _ topology: Topology) {
        self.audit = audit
        self.topology = topology
        chain = ChainChecker(audit)
        violations = chain.violations
        var faulty: Set<Int32> = []
        var isScarce = topology.layerOne.hasFeeMarket || topology.layerOne.blockWeight < 100_000
        for fault in topology.faults {
            switch fault.kind {
            case .offline, .staleBackup, .cheat, .hold: faulty.formUnion(fault.nodes)
            case .emptyBlocks, .reorganisation, .feeSpike: isScarce = true
            case .disconnect, .forceClose, .towerOutage, .latencyJitter: break
            }
        }
        self.faulty = faulty
        cheats = Set(topology.faults.filter { $0.kind == .cheat }.flatMap(\.nodes))
        forgetful = Set(topology.faults.filter { $0.kind == .staleBackup }.flatMap(\.nodes))
        self.isScarce = isScarce
        walletConditions = Set(startingCoins.joined()).union([audit.towerKey])
        checkMoney()
        checkWhatIsLeft()
        checkHTLCs()
        checkLosses()
        // Some were found in no order.
        violations.sort()
    }

    private func isFaulty(_ end: DirectionIndex) -> Bool { faulty.contains(audit.owners[Int(end.rawValue)]) }

    // MARK: Money

    /// Every coin of a wallet is there, every open channel is funded, and nothing else is but what nobody took.
    private mutating func checkMoney() {
        var total = chain.fees.values.reduce(0, +)
        for entry in chain.unspent.values { total += entry.output.value.rawValue }
        let genesis = audit.genesis.reduce(UInt64(0)) { $0 + $1.value.rawValue }
        if total != genesis {
            violations.append("\(total) sat in outputs and fees, \(genesis) at the beginning")
        }
        for (node, coins) in audit.wallets.enumerated() {
            for coin in coins where chain.unspent[coin.outpoint]?.output.value != coin.value {
                violations.append("a coin of node \(node) is not there: \(coin.outpoint)")
            }
            if Set(coins.map(\.outpoint)).count != coins.count {
                violations.append("node \(node) counts a coin twice")
            }
        }
        for (position, end) in audit.ends.enumerated() where end.phase == .normal {
            let other = audit.ends[position ^ 1]
            let capacity = topology.channels[position / 2].capacity
            if end.funding.flatMap({ chain.unspent[$0] })?.output.value != capacity {
                violations.append("the open channel \(position / 2) is not funded")
            }
            if other.phase == .normal, other.balance + end.balance != Millisatoshi(capacity) {
                violations.append("the sides of channel \(position / 2) do not add up")
            }
        }
    }

    /// No node forgets a coin of its wallet, and no two honest parties leave an output of their channel that is worth a
    /// claim.
    private mutating func checkWhatIsLeft() {
        var nodeOfKey: [SpendCondition: Int] = [:]
        for (node, coins) in startingCoins.enumerated() {
            for condition in coins { nodeOfKey[condition] = node }
        }
        let counted = audit.wallets.map { Set($0.map(\.outpoint)) }
        for (outpoint, entry) in chain.unspent {
            if entry.output.conditions.count == 1, let node = nodeOfKey[entry.output.conditions[0]] {
                if !counted[node].contains(outpoint), !faulty.contains(Int32(node)) {
                    violations.append("node \(node) forgot its coin \(outpoint) of \(entry.output.value)")
                }
            } else if let channel = entry.channel, isNobodys(entry), !isScarce,
                entry.output.value.rawValue > leastWorthwhile(in: channel),
                !isFaulty(DirectionIndex(UInt32(2 * channel))),
                !isFaulty(DirectionIndex(UInt32(2 * channel + 1)))
            {
                violations.append("\(entry.output.value) of channel \(channel) are left to nobody")
            }
        }
    }

    /// By node, what spends the coins it began with.
    private var startingCoins: [[SpendCondition]] {
        var wallets = audit.genesis.suffix(from: topology.channels.count { $0.opensAt == nil })[...]
        return audit.startingWallets.map { amount in
            var left = amount
            var conditions: [SpendCondition] = []
            while left > .zero, let coin = wallets.popFirst() {
                left = left.subtractingOrZero(coin.value)
                conditions.append(coin.conditions[0])
            }
            return conditions
        }
    }

    // MARK: HTLCs

    private mutating func checkHTLCs() {
        struct Key: Hashable {
            var channel: Int
            var offerer: UInt32
            var id: UInt64
        }
        var offered: [Key: RunAudit.HTLCOutcome] = [:]
        var received: [Key: RunAudit.HTLCOutcome] = [:]
        for outcome in audit.outcomes {
            let offerer = outcome.isOffered ? outcome.end : outcome.end.reversed
            let key = Key(channel: outcome.end.channel, offerer: offerer.rawValue, id: outcome.id)
            let former =
                outcome.isOffered
                ? offered.updateValue(outcome, forKey: key) : received.updateValue(outcome, forKey: key)
            // What a broken connection undid may come again under the same id.
            if let former, former.isFulfilled { violations.append("an HTLC ends twice: \(outcome)") }
        }
        for (key, outcome) in offered {
            guard let other = received[key] else {
                // Never committed by the other side.
                if outcome.isFulfilled { violations.append("an HTLC was fulfilled by nobody: \(outcome)") }
                continue
            }
            if outcome.amount != other.amount { violations.append("two amounts of one HTLC: \(outcome)") }
            let isExcused =
                outcome.isOnChain && other.isOnChain
                && (isTrimmed(outcome) || isFaulty(outcome.end) || isFaulty(other.end))
            let isForgotten =
                outcome.isOnChain && other.isFulfilled
                && forgetful.contains(audit.owners[Int(other.end.rawValue)])
            if outcome.isFulfilled != other.isFulfilled, !isExcused, !isForgotten {
                violations.append("the parties of an HTLC see it end differently: \(outcome), \(other)")
            }
        }
        checkPairs()
    }

    /// Whether an HTLC may have been too small for an output, or its output for a claim.
    private func isTrimmed(_ outcome: RunAudit.HTLCOutcome) -> Bool {
        outcome.amount < Millisatoshi(Satoshi(leastWorthwhile(in: outcome.end.channel)))
    }

    /// Satoshis above which an output of a channel is worth its claim. The heaviest claim weighs less than 1,100; where
    /// there is a market its rates are below 60,000.
    private func leastWorthwhile(in channel: Int) -> UInt64 {
        let limits = topology.channels[channel].limits
        let layer = topology.layerOne
        let feerate = layer.hasFeeMarket ? 60_000 : max(UInt64(layer.feeratePerVirtualByte) * 250, 253)
        let highest = max(feerate, UInt64(limits.feeratePerKiloweight))
        return limits.dustLimit.rawValue + 2 * highest * 1_100 / 1_000 + 700
    }

    /// Upstream refunded with downstream settled: only where the router cannot complain, or came too late for want of
    /// room. What a cheat took back with a revoked commitment comes with the penalty: that is for `checkLosses` to see.
    private mutating func checkPairs() {
        struct Flow {
            var received: UInt64 = 0
            var returned: UInt64 = 0
            var paid: UInt64 = 0
            var isExcused = false
        }
        struct Key: Hashable {
            var payment: UInt64
            var node: Int32
        }
        var flows: [Key: Flow] = [:]
        for outcome in audit.outcomes {
            let key = Key(payment: outcome.payment, node: audit.owners[Int(outcome.end.rawValue)])
            var flow = flows[key] ?? Flow()
            if outcome.isOffered {
                if outcome.isFulfilled { flow.paid += outcome.amount.rawValue }
            } else if outcome.isFulfilled {
                flow.received += outcome.amount.rawValue
            } else {
                flow.returned += outcome.amount.rawValue
                let peer = audit.owners[Int(outcome.end.reversed.rawValue)]
                if outcome.isOnChain, isTrimmed(outcome) || cheats.contains(peer) { flow.isExcused = true }
            }
            flows[key] = flow
        }
        for (key, flow) in flows where flow.paid > flow.received && flow.received + flow.returned > 0 {
            if faulty.contains(key.node) || isScarce || flow.isExcused { continue }
            violations.append(
                "node \(key.node) paid \(flow.paid) msat for payment \(key.payment) and got \(flow.received)")
            violations += audit.outcomes.filter { $0.payment == key.payment }.map { "\($0)" }
        }
    }

    // MARK: Losses

    /// An honest node that was there loses what the chain and its tower took from its channels, and no more.
    private mutating func checkLosses() {
        var change = [Int64](repeating: 0, count: audit.wallets.count)
        for node in audit.wallets.indices {
            let now = audit.wallets[node].reduce(UInt64(0)) { $0 + $1.value.rawValue }
            change[node] += (Int64(now) - Int64(audit.startingWallets[node].rawValue)) * 1_000
        }
        for (position, end) in audit.ends.enumerated() {
            let node = Int(audit.owners[position])
            let channel = topology.channels[position / 2]
            if channel.opensAt == nil { change[node] -= Int64(audit.startingBalances[position].rawValue) }
            switch end.phase {
            case .normal, .shuttingDown, .awaitingReady: change[node] += Int64(end.balance.rawValue)
            case .planned, .opening, .closed: break
            case .closing, .failed, .lostData:
                violations.append("channel \(position / 2) is not resolved: \(end.phase) at node \(node)")
            }
            if channel.opensAt != nil, end.phase != .planned, end.phase != .opening {
                let push = Int64(channel.pushed.rawValue)
                let isFunder = (channel.funder == .second) == (position & 1 == 1)
                if isFunded(position) { change[node] += isFunder ? push : -push }
            }
        }
        for outcome in audit.outcomes where outcome.isFulfilled {
            let amount = Int64(outcome.amount.rawValue)
            change[Int(audit.owners[Int(outcome.end.rawValue)])] += outcome.isOffered ? amount : -amount
        }
        for node in change.indices where !faulty.contains(Int32(node)) {
            var allowance: UInt64 = 0
            var gains: UInt64 = 0
            for (position, owner) in audit.owners.enumerated() where Int(owner) == node {
                let channel = position / 2
                allowance += chain.fees[channel] ?? 0
                for entry in chain.unspent.values where entry.channel == channel {
                    if entry.output.conditions == [audit.towerKey] {
                        // What its tower was promised for a penalty, though it was there itself.
                        allowance += entry.output.value.rawValue
                    } else if isNobodys(entry) {
                        allowance += min(entry.output.value.rawValue, leastWorthwhile(in: channel))
                    }
                }
                if faulty.contains(audit.owners[position ^ 1]) {
                    gains += topology.channels[channel].capacity.rawValue
                }
            }
            if isScarce { gains += 1 << 40 }
            if change[node] < -Int64(allowance * 1_000), !isScarce {
                violations.append(
                    "node \(node), honest and there, lost \(-change[node]) msat where the chain took \(allowance) sat"
                )
            }
            if change[node] > Int64(gains * 1_000) + Int64(allowance * 1_000) {
                violations.append("node \(node) gained \(change[node]) msat from nowhere")
            }
        }
    }

    private func isFunded(_ position: Int) -> Bool {
        audit.transactions.contains { $0.transaction.id == audit.ends[position].funding?.transaction }
    }

    /// An output that no wallet holds, and that is no open channel's funding: a commitment's, or a second stage's.
    private func isNobodys(_ entry: ChainChecker.Entry) -> Bool {
        guard let condition = entry.output.conditions.first, entry.output.conditions.count == 1 else {
            return true
        }
        // Without anchors the other side's balance is one key's, like a coin, but no wallet's.
        return condition.relativeLock > 0
            || condition.keys.count == 1 && !walletConditions.contains(condition)
    }
}
