import LightningTypes
import PaymentChannels
import Settlement

// What must hold after every action, and once everything has settled.
extension Trial {
    /// What both ends of a channel must agree on when nothing is on its way between them. Totals, the libraries check.
    func check() throws {
        for link in 0..<2 where isConnected[link] {
            let (a, b) = (ends[link * 2], ends[link * 2 + 1])
            guard a.isAlive, b.isAlive, a.inbox.isEmpty, b.inbox.isEmpty, !a.channel.awaitsReestablish,
                !b.channel.awaitsReestablish
            else { continue }
            guard a.channel.local.mirrors(b.channel.remote), b.channel.local.mirrors(a.channel.remote) else {
                throw TrialFailure("two rebuild different commitments")
            }
            guard a.channel.localNumber == b.channel.remoteNumber,
                b.channel.localNumber == a.channel.remoteNumber
            else { throw TrialFailure("two count their commitments differently") }
        }
    }

    // MARK: Liveness

    /// Delivers and signs until nobody owes anybody a message.
    func settle() throws {
        for _ in 0..<200 {
            var isQuiet = true
            for end in ends where node(of: end).isOnline {
                isQuiet = isQuiet && end.inbox.isEmpty
                for _ in 0..<end.inbox.count { try deliver(to: end) }
            }
            for end in ends where node(of: end).isOnline && end.isAlive && isConnected[end.link] {
                isQuiet = isQuiet && !end.channel.canCommit
                try commit(end)
            }
            if isQuiet { return }
        }
        throw TrialFailure("two that never stop talking")
    }

    /// Faults stop, everybody is back; payees take what they can and refuse the rest,
    /// or let it expire; blocks come until all is resolved.
    func settleForGood() throws {
        for node in nodes {
            if !node.isOnline { try comeOrGo(node) }
            if !node.isTowerUp { try switchTower(node) }
        }
        for _ in 0..<600 {
            for link in 0..<2 { reconnect(link) }
            try settle()
            for node in nodes where !holdsAtTheEnd {
                for _ in payments { try take(.fulfil(node: node.place)) }
                for _ in payments { try take(.fail(node: node.place)) }
            }
            try settle()
            try check()
            if ends.allSatisfy(isSettled) { return }
            try mine()
        }
        let pending = ends.map { "\($0.channel.phase), \($0.htlcs.map(\.state))" }
        throw TrialFailure("unsettled: \(pending.joined(separator: "; "))")
    }

    private func isSettled(_ end: TrialEnd) -> Bool {
        guard !end.channel.hasHTLCs else { return false }
        if end.channel.phase == .closed { return true }
        return end.channel.phase == .normal && !end.wantsClose && end.channel.isQuiet && isConnected[end.link]
            && !end.channel.awaitsReestablish
    }

    // MARK: The end

    func checkTheEnd() throws {
        chain.checkTotals()
        guard ends.allSatisfy({ $0.pool.count == 0 }) else { throw TrialFailure("an HTLC nobody knows of") }
        let left = try leftOver()
        for node in nodes where node.isProtected { try checkLoss(of: node, left) }
        if nodes[1].isProtected { try checkPairs() }
        for end in ends where end.hasCheated { try checkPenalty(of: end) }
    }

    /// What is nobody's: anchors, and what is not worth its sweeping.
    private func leftOver() throws -> Int64 {
        var left = Int64(chain.unspentTotal.rawValue)
        for node in nodes {
            let coins = node.wallet.coins
            guard Set(coins.map(\.outpoint)).count == coins.count,
                coins.allSatisfy({ chain.unspentValue($0.outpoint) == $0.value })
            else { throw TrialFailure("node \(node.place) has coins that are not there") }
            left -= Int64(node.wallet.total.rawValue)
        }
        for link in 0..<2 where ends[link * 2].channel.phase != .closed {
            left -= Int64(Self.capacity.rawValue)
        }
        // What towers took, they have.
        left -= OnChainGains(of: self).towers
        guard left >= 0, left <= 6_000 else { throw TrialFailure("\(left) satoshi are nobody's") }
        return left
    }

    /// A protected node loses what it paid and has a proof for, and fees at most, HTLCs that went to the miner among
    /// them.
    private func checkLoss(of node: TrialNode, _ left: Int64) throws {
        var wealth = Int64(node.wallet.total.rawValue) - Int64(Self.coin.rawValue) * Int64(Self.coinsEach)
        for end in node.ends {
            wealth -= Int64(end.ours.roundedDown.rawValue)
            if end.channel.phase != .closed { wealth += Int64(end.channel.local.ours.roundedDown.rawValue) }
        }
        var due: Int64 = 0
        for payment in payments {
            if payment.route.last == node.place, payment.isClaimed {
                due += Int64(payment.amount.roundedDown.rawValue)
            }
            if payment.route.first == node.place, node.known.contains(payment.id) {
                due -= Int64(payment.sent.roundedDown.rawValue) + 1
            }
        }
        var fees = Int64(chain.feesTotal.rawValue) + left + OnChainGains(of: self).towers
        // The funder pays for both anchors, and one may end as the other side's.
        for end in node.ends where end.terms.hasAnchors { fees += Int64(ChannelTerms.anchor.rawValue) }
        guard wealth >= due - fees - 20 else {
            throw TrialFailure(
                "chain \(chain.feesTotal) left \(left) gains \(OnChainGains(of: self).gains) wallets \(nodes.map(\.wallet.total)) node \(node.place) has \(wealth) where \(due) less fees of \(fees) are due"
            )
        }
    }

    /// What was paid downstream was paid upstream, unless it went to the miner there.
    private func checkPairs() throws {
        for payment in payments where payment.route.count == 3 && nodes[1].attempted.contains(payment.id) {
            let (up, down) = payment.route[0] == 0 ? (ends[1], ends[2]) : (ends[2], ends[1])
            guard down.outcomes[payment.id] == .fulfilled else { continue }
            if up.outcomes[payment.id] == .fulfilled {
                report.count(.settledPairs)
                continue
            }
            report.count(.brokenPairs)
            // At the highest rate an HTLC of 354 + 703 * 2.5 is trimmed.
            guard payment.amount < Millisatoshi(Satoshi(4_000)) || up.hasSeenBreach else {
                throw TrialFailure("payment \(payment.id) was settled downstream and refunded upstream")
            }
        }
    }

    /// BOLT 3 grants a cheat its anchor; what costs more than it is worth is not fought for.
    private func checkPenalty(of cheat: TrialEnd) throws {
        let victim = peer(of: cheat)
        guard victim.hasSeenBreach else { return }
        let watcher = node(of: victim)
        let towerWatched = hasTowers && !victim.terms.hasAnchors && !watcher.wasTowerDown
        guard watcher.isProtected || towerWatched else { return }
        let gain = OnChainGains(of: self).gains[cheat.link][node(of: cheat).place]
        guard gain <= 1_000 else {
            throw TrialFailure("a cheat has \(gain) of the channel though its victim watched")
        }
    }
}

/// What each node has got from each channel's funding output, less what it added for fees.
struct OnChainGains {
    /// By link and node.
    private(set) var gains = [[Int64]](repeating: [0, 0, 0], count: 2)
    private(set) var towers: Int64 = 0

    init(of trial: Trial) {
        var owners: [Outpoint: (node: Int, value: Int64)] = [:]
        for node in trial.nodes {
            for coin in 0..<Trial.coinsEach {
                let index = 2 + UInt32(node.place) * Trial.coinsEach + coin
                owners[Chain.genesisOutpoint(index)] = (node.place, Int64(Trial.coin.rawValue))
            }
        }
        var links = [Chain.genesisOutpoint(0): 0, Chain.genesisOutpoint(1): 1]
        for transaction in trial.blocks.flatMap(\.transactions) {
            let link = transaction.transaction.inputs.lazy.compactMap { links[$0.outpoint] }.first
            guard let link else { continue }
            for input in transaction.transaction.inputs {
                if let coin = owners[input.outpoint] { gains[link][coin.node] -= coin.value }
            }
            for (index, output) in transaction.transaction.outputs.enumerated() {
                let outpoint = Outpoint(transaction: transaction.id, index: UInt32(index))
                let isPlain = output.conditions.count == 1 && output.conditions[0].keys.count == 1
                let key = output.conditions[0].keys.first
                if isPlain, let owner = trial.nodes.first(where: { $0.wallet.publicKey == key }) {
                    gains[link][owner.place] += Int64(output.value.rawValue)
                    owners[outpoint] = (owner.place, Int64(output.value.rawValue))
                } else if isPlain, trial.towerKeys.contains(where: { $0 == key }) {
                    towers += Int64(output.value.rawValue)
                } else {
                    links[outpoint] = link
                }
            }
        }
    }
}
