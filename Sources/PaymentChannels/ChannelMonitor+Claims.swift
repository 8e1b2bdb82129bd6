import Cryptography
import LightningTypes
import Settlement

/// What a monitor has said already; a reorganisation does not make it say it again.
struct MonitorReports: Hashable, Sendable {
    var hasBreach = false
    var isClosed = false
    var learned: Set<MonitoredHTLC.Key> = []
    var resolved: Set<MonitoredHTLC.Key> = []
    /// Transactions whose outputs to the wallet were announced, and outputs whose attempts were settled.
    var credited: Set<TransactionID> = []
    var settled: Set<Outpoint> = []
}

extension ChannelMonitor {
    /// All that is to be done at the height it stands at.
    mutating func act(_ fees: some FeeRates, _ wallet: inout FeeWallet) -> [MonitorEffect] {
        var effects: [MonitorEffect] = []
        if reports.isClosed {
            // What its party left, the tower may have taken.
            credit(&effects, wallet)
            return effects
        }
        if view.closing == nil {
            pushPublication(fees, &wallet, &effects)
        } else {
            pushClaims(fees, &wallet, &effects)
        }
        report(&effects, wallet)
        return effects
    }

    // MARK: The commitment itself

    /// Blocks between two broadcasts of the same transaction: the chain may have thrown it out.
    private static let rebroadcastInterval: UInt32 = 6

    private mutating func pushPublication(
        _ fees: some FeeRates, _ wallet: inout FeeWallet, _ effects: inout [MonitorEffect]
    ) {
        guard var publication else { return }
        let waited = blocks(since: publication.since)
        if waited % Self.rebroadcastInterval == 0 { effects.append(.broadcast(publication.own.transaction)) }
        if let index = anchor(of: publication.own) {
            let funding = fundingOutput(
                capacity: terms.capacity, surroundings.context.ours.funding,
                surroundings.context.theirs.funding)
            let weight = publication.own.transaction.weight(spending: [funding])
            let feerate = feerate(fees, deadline: nearestDeadline, since: publication.since)
            // Rounded down, as the fee of a commitment is: one of the rate asked for needs no child.
            let feeNeeded = Satoshi(feerate * weight / 1_000)
            // Half of what is at stake, balances and HTLCs, is what a child may cost at most.
            let stake = publication.own.transaction.outputs.reduce(Satoshi.zero) { $0 + $1.value }
            if publication.own.commitment.fee < feeNeeded {
                let child = transactions.child(
                    of: publication.own, weight: weight, anchor: index, feerate: feerate,
                    costMaximum: Satoshi(stake.rawValue / 2),
                    from: &wallet, replacing: publication.child)
                if let child {
                    publication.child = child
                    effects.append(.broadcast(child.transaction))
                }
            }
        }
        self.publication = publication
    }

    /// None where a reorganisation has taken the chain back below that height.
    private func blocks(since past: BlockHeight) -> UInt32 {
        height > past ? height.rawValue - past.rawValue : 0
    }

    /// Where this party's anchor is.
    func anchor(of own: OwnCommitment) -> Int? {
        own.transaction.outputs.firstIndex {
            CommitmentPart($0, owner: surroundings.context.ours, other: surroundings.context.theirs)
                == .ownersAnchor
        }
    }

    /// The expiry of the HTLC that expires first.
    private var nearestDeadline: BlockHeight? { htlcs.map(\.expiry).min() }

    private var transactions: ClaimTransactions {
        ClaimTransactions(keys: surroundings.keys, rules: surroundings.rules, height: height)
    }

    // MARK: Claims

    /// Blocks after which an output is left whose taking has never been worth its fee: Bitcoin's two weeks.
    private static let patience: UInt32 = 2_016

    /// Whether a claim's output may still be taken.
    func isOpen(_ claim: OutputClaim) -> Bool {
        guard claim.spent == nil else { return false }
        if height > claim.availableFrom + Self.patience, attempts[claim.outpoint] == nil { return false }
        guard let hash = claim.hashNeeded else { return true }
        return preimages[hash] != nil
    }

    private mutating func pushClaims(
        _ fees: some FeeRates, _ wallet: inout FeeWallet, _ effects: inout [MonitorEffect]
    ) {
        for claim in view.claims where isOpen(claim) && claim.availableFrom <= height {
            let former = attempts[claim.outpoint]
            let since = former?.since ?? height
            let feerate = feerate(fees, deadline: claim.deadline, since: since)
            if let attempt = attempt(claim, feerate, replacing: former, &wallet) {
                attempts[claim.outpoint] = attempt
                effects.append(.broadcast(attempt.transaction))
            } else if let former, blocks(since: since) % Self.rebroadcastInterval == 0 {
                effects.append(.broadcast(former.transaction))
            }
        }
    }

    private func attempt(
        _ claim: OutputClaim, _ feerate: UInt64, replacing former: ClaimAttempt?, _ wallet: inout FeeWallet
    ) -> ClaimAttempt? {
        let preimage = claim.hashNeeded.flatMap { preimages[$0] }
        // Who can wait does not give more than half away; who cannot would rather have nothing than leave it.
        let value = claim.output.value
        let costMaximum = claim.deadline == nil ? Satoshi(value.rawValue / 2) : value
        switch claim.way {
        case .secondStage(let place, _):
            let own = owned.first { $0.id == claim.outpoint.transaction }
            guard let own else { return nil }
            return transactions.secondStage(
                own, place, claim, preimage: preimage, feerate: feerate, costMaximum: costMaximum,
                from: &wallet, replacing: former)
        case .delayed, .balance, .penalty, .preimage, .timeout:
            return transactions.sweep(
                claim, preimage: preimage, feerate: feerate, costMaximum: costMaximum, to: wallet,
                replacing: former)
        }
    }

    /// The rate that the blocks left ask for, a quarter more of it for each block that has passed in vain: an estimate
    /// looks back, and is too low just when it matters.
    private func feerate(_ fees: some FeeRates, deadline: BlockHeight?, since: BlockHeight) -> UInt64 {
        guard let deadline else { return fees.feerate(within: FeeEstimator.memory) }
        let left = deadline.rawValue > height.rawValue ? deadline.rawValue - height.rawValue : 0
        let estimate = fees.feerate(within: Int(min(max(left / 4, 1), 6)))
        let waited = UInt64(blocks(since: since))
        return estimate * (4 + min(waited, 60)) / 4
    }

    // MARK: Reports

    private mutating func report(_ effects: inout [MonitorEffect], _ wallet: FeeWallet) {
        guard let closing = view.closing else { return }
        if case .revoked(let number) = closing.spend, !reports.hasBreach {
            reports.hasBreach = true
            effects.append(.breach(number: number))
        }
        for htlc in htlcs where htlc.key.isOffered && !reports.learned.contains(htlc.key) {
            guard let preimage = view.outcomes[htlc.key]?.preimage,
                PlantedBug.planted != .ignoresPreimagesOnChain
            else { continue }
            reports.learned.insert(htlc.key)
            effects.append(.learned(preimage: preimage, htlc))
        }
        guard final(closing.height) <= height else { return }
        for htlc in htlcs where !reports.resolved.contains(htlc.key) {
            guard let removal = finalRemoval(of: htlc) else { continue }
            reports.resolved.insert(htlc.key)
            effects.append(.resolved(htlc, removal))
        }
        credit(&effects, wallet)
        if isDone {
            reports.isClosed = true
            effects.append(.closed(closing.spend))
        }
    }

    /// What has become of an HTLC for good; nil while that is open.
    private func finalRemoval(of htlc: MonitoredHTLC) -> HTLCRemoval? {
        if view.withOutput.contains(htlc.key) {
            if let outcome = view.outcomes[htlc.key] {
                return final(outcome.height) <= height ? outcome.removal : nil
            }
            // What has expired is nobody's concern any more where only the peer can take it, or this party could and
            // does not care to.
            guard final(htlc.expiry) <= height else { return nil }
            let claim = view.claims.first { $0.htlc == htlc.key }
            return claim.map { isLeft($0) } ?? true ? .failed : nil
        }
        // BOLT 5: once the commitment is deep enough, an HTLC without an output is resolved. What its receiver had
        // fulfilled is part of the balances, or dust that went to the miner.
        return htlc.isFulfilled ? .fulfilled : .failed
    }

    /// Announces money that is final, and what was reserved in vain.
    private mutating func credit(_ effects: inout [MonitorEffect], _ wallet: FeeWallet) {
        for (confirmedAt, id, transaction) in confirmed where final(confirmedAt) <= height {
            guard reports.credited.insert(id).inserted else { continue }
            for (index, output) in transaction.outputs.enumerated()
            where output.conditions.count == 1 && output.conditions[0].keys == [wallet.publicKey] {
                let outpoint = Outpoint(transaction: id, index: UInt32(index))
                effects.append(.received(FeeWallet.Coin(outpoint: outpoint, value: output.value)))
            }
            let spent = Set(transaction.inputs.map(\.outpoint))
            for outpoint in spent.sorted() where reports.settled.insert(outpoint).inserted {
                guard let attempt = attempts.removeValue(forKey: outpoint) else { continue }
                release(attempt, except: spent, &effects)
            }
            settleChild(by: id, spent, &effects)
        }
    }

    /// The child of a commitment is settled by its confirmation, or by that of another spend of the funding output.
    private mutating func settleChild(
        by id: TransactionID, _ spent: Set<Outpoint>, _ effects: inout [MonitorEffect]
    ) {
        guard let publication, let child = publication.child else { return }
        let isChild = spent.contains(child.transaction.inputs[0].outpoint)
        let isRival =
            spent.contains(surroundings.context.funding)
            && id != publication.own.id
        guard isChild || isRival else { return }
        self.publication?.child = nil
        release(child, except: spent, &effects)
    }

    private func release(
        _ attempt: ClaimAttempt, except spent: Set<Outpoint>, _ effects: inout [MonitorEffect]
    ) {
        let unspent = attempt.coins.filter { !spent.contains($0.outpoint) }
        guard !unspent.isEmpty, PlantedBug.planted != .keepsReservedCoins else { return }
        effects.append(.released(unspent))
        if PlantedBug.planted == .releasesCoinsTwice { effects.append(.released(unspent)) }
    }

    /// Whether every output is taken for good, or is worth less than the lowest fee, and every HTLC resolved.
    private var isDone: Bool {
        guard reports.resolved.count == htlcs.count, publication?.child == nil else { return false }
        return view.claims.allSatisfy { claim in
            if let spent = claim.spent { return final(spent.height) <= height }
            guard let hash = claim.hashNeeded, preimages[hash] == nil else { return isLeft(claim) }
            return (claim.deadline ?? height) <= height
        }
    }

    /// Whether an output is left to whoever may take it: nothing that takes it is on its way, or will be.
    private func isLeft(_ claim: OutputClaim) -> Bool {
        attempts[claim.outpoint] == nil && (!isOpen(claim) || !isWorthwhile(claim))
    }

    /// Whether an output is worth its sweeping at the lowest rate there is.
    private func isWorthwhile(_ claim: OutputClaim) -> Bool {
        // The heaviest of BOLT 5's claims of one output weighs less.
        let weight: UInt64 = 4 * (41 + 31 + 10) + 2 + 330
        let fee = surroundings.rules.feeMinimum(weight: weight)
        return claim.output.value.rawValue > 2 * fee.rawValue + FeeWallet.outputMinimum.rawValue
    }
}
