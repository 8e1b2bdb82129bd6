import Cryptography
import LightningTypes
import PaymentChannels
import Settlement

// What the nodes and their towers see of the chain, and do there.
extension Trial {
    func broadcast(_ transaction: Transaction) {
        // What the chain refuses is stale, known or too cheap: whoever needs it tries again.
        _ = try? chain.submit(transaction)
    }

    // MARK: Going on chain

    func giveUp(_ end: TrialEnd) throws {
        guard node(of: end).isOnline, end.isAlive, !end.isUnsure else { return }
        report.count(.unilateralCloses)
        try publish(end)
    }

    func publish(_ end: TrialEnd) throws {
        try checkLatest(of: end)
        guard let latest = end.latest else { throw TrialFailure("no commitment to publish") }
        end.channel.fail()
        try publish(end.signed(latest), of: end)
    }

    private func publish(_ own: OwnCommitment, of end: TrialEnd) throws {
        try disconnect(end.link)
        watch(end)
        let node = node(of: end)
        let effects = end.monitor?.publish(own, at: node.seen, fees, &node.wallet) ?? []
        try handle(effects, at: end)
    }

    /// A cheat knows what it does: it publishes a commitment that it has revoked.
    func cheat(_ end: TrialEnd, oldest: Bool) throws {
        let node = node(of: end)
        guard node.isOnline, end.isAlive, !end.isUnsure, !nodes.contains(where: \.hasLostData) else { return }
        let revoked = end.history.keys.filter { $0 < end.channel.localNumber }
        guard let number = oldest ? revoked.min() : revoked.max(), let old = end.history[number] else {
            return
        }
        end.hasCheated = true
        report.count(.cheats)
        end.channel.fail()
        try publish(end.signed(old), of: end)
    }

    private func watch(_ end: TrialEnd) {
        var monitor = ChannelMonitor(end.channel, in: end.pool, end.surroundings(chain.rules))
        let node = node(of: end)
        for htlc in monitor.htlcs where htlc.key.isOffered {
            guard let other = node.other(than: end) else { break }
            let upstream = other.htlcs.first { $0.payment == htlc.payment && !$0.state.isOffered }
            if let upstream { monitor.setUpstreamExpiry(upstream.expiry, of: htlc.key) }
        }
        for payment in node.known.sorted() { monitor.learn(Self.preimage(payment)) }
        end.monitor = monitor
    }

    private func handle(_ effects: [MonitorEffect], at end: TrialEnd) throws {
        let node = node(of: end)
        for effect in effects {
            switch effect {
            case .broadcast(let transaction): broadcast(transaction)
            case .learned(let preimage, let htlc):
                guard preimage == Self.preimage(htlc.payment) else {
                    throw TrialFailure("the chain taught the wrong preimage")
                }
                node.known.insert(htlc.payment)
                report.count(.learnedOnChain)
            case .resolved(let htlc, let removal):
                guard end.channel.resolve(htlc.key, as: removal, in: &end.pool) != nil else {
                    throw TrialFailure("the chain resolved an HTLC that is not there")
                }
                end.outcomes[htlc.payment] = removal
                report.count(.resolvedOnChain)
            case .breach:
                end.hasSeenBreach = true
                report.count(.breaches)
            case .received(let coin): node.wallet.receive(coin)
            case .released(let coins): for coin in coins { node.wallet.receive(coin) }
            case .closed: end.channel.close()
            }
        }
    }

    // MARK: Blocks

    func mine(isEmpty: Bool = false) throws {
        let block = chain.mineBlock(isEmpty: isEmpty)
        fees.connect(block, rules: chain.rules)
        blocks.append(block)
        report.count(.blocks)
        for node in nodes {
            if node.isOnline { try catchUp(node) } else { node.missed += 1 }
        }
        for node in nodes { catchUpTower(node) }
    }

    /// The last blocks give way to a branch that is longer by one.
    func reorganise(depth: Int) throws {
        guard depth <= blocks.count else { return }
        _ = chain.undoBlocks(depth)
        fees.disconnect(blocks: depth)
        blocks.removeLast(depth)
        for node in nodes {
            if chain.height < node.seen {
                node.seen = chain.height
                node.hasUndone = true
                if node.isOnline { try undo(node) }
            }
            if chain.height < node.towerSeen {
                // A tower that is out hears of it when it is back: it goes back to where the branches part.
                node.tower?.disconnect(to: chain.height)
                node.towerSeen = chain.height
            }
        }
        report.count(.reorganisations)
        for _ in 0...depth { try mine() }
    }

    private func undo(_ node: TrialNode) throws {
        guard node.hasUndone else { return }
        node.hasUndone = false
        for end in node.ends {
            try handle(end.monitor?.disconnect(to: node.seen) ?? [], at: end)
        }
    }

    private func catchUp(_ node: TrialNode) throws {
        while node.seen < chain.height {
            let block = blocks[Int(node.seen.rawValue)]
            node.seen = block.height
            for end in node.ends { try see(block, at: end, of: node) }
        }
        for end in node.ends where end.isAlive && !end.isUnsure {
            let deadline = end.channel.onChainDeadline(in: end.pool) { node.known.contains($0) }
            guard let deadline, deadline <= node.seen else { continue }
            report.count(.deadlines)
            try publish(end)
        }
        try drive(node)
    }

    private func see(_ block: Block, at end: TrialEnd, of node: TrialNode) throws {
        let transactions = block.transactions.map(\.transaction)
        if end.monitor == nil, end.channel.phase != .closed,
            transactions.contains(where: { $0.inputs.contains { $0.outpoint == end.funding } })
        {
            if end.channel.phase == .normal || end.channel.phase == .shuttingDown { end.channel.fail() }
            try disconnect(end.link)
            watch(end)
        }
        let effects = end.monitor?.connect(transactions, at: block.height, fees, &node.wallet)
        try handle(effects ?? [], at: end)
    }

    // MARK: Coming and going

    func comeOrGo(_ node: TrialNode) throws {
        node.isOnline.toggle()
        guard node.isOnline else {
            report.count(.absences)
            for end in node.ends { try disconnect(end.link) }
            return
        }
        try undo(node)
        try catchUp(node)
    }

    func switchTower(_ node: TrialNode) throws {
        node.isTowerUp.toggle()
        if !node.isTowerUp { node.wasTowerDown = true }
        catchUpTower(node)
    }

    func handOver(_ node: TrialNode) {
        guard node.tower != nil, node.isTowerUp else { return }
        for end in node.ends {
            for appointment in end.tower?.handOver() ?? [] { node.tower?.accept(appointment) }
        }
    }

    private func catchUpTower(_ node: TrialNode) {
        guard node.tower != nil, node.isTowerUp else { return }
        handOver(node)
        while node.towerSeen < chain.height {
            let block = blocks[Int(node.towerSeen.rawValue)]
            node.towerSeen = block.height
            let answers = node.tower?.connect(block.transactions.map(\.transaction), at: block.height, fees)
            for answer in answers ?? [] {
                report.count(.towerAnswers)
                broadcast(answer)
            }
        }
    }
}
