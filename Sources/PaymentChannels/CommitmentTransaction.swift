import Cryptography
import LightningTypes
import Settlement

/// Everything besides the channel's own state that its transactions are made of.
public struct CommitmentContext: Sendable {
    /// The output both commitments spend.
    public var funding: Outpoint
    public var ours: ChannelPublicKeys
    public var theirs: ChannelPublicKeys
    /// The hash that stands for a payment (`payment_hash`), by the payment an `HTLC` names.
    public var paymentHash: @Sendable (_ payment: UInt64) -> Bytes32

    public init(
        funding: Outpoint, ours: ChannelPublicKeys, theirs: ChannelPublicKeys,
        paymentHash: @escaping @Sendable (_ payment: UInt64) -> Bytes32
    ) {
        self.funding = funding
        self.ours = ours
        self.theirs = theirs
        self.paymentHash = paymentHash
    }

    /// BOLT 3: the commitment number is "obscured by XOR with the lower 48 bits of SHA256(payment_basepoint from
    /// open_channel || payment_basepoint from accept_channel)".
    ///
    /// - Parameter oursFirst: whether this party sent `open_channel`.
    func obscuringFactor(oursFirst: Bool) -> UInt64 {
        let (first, second) = oursFirst ? (ours.payment, theirs.payment) : (theirs.payment, ours.payment)
        var hash = SHA256()
        hash.update(first.bytes)
        hash.update(second.bytes)
        return hash.finalize().words.3 & 0xFFFF_FFFF_FFFF
    }

    /// The number that a commitment of the channel bears; nil for a transaction that is none.
    ///
    /// - Parameter isFunder: whether this party sent `open_channel`.
    public func commitmentNumber(of transaction: Transaction, isFunder: Bool) -> UInt64? {
        transaction.tag.map { $0 ^ obscuringFactor(oursFirst: isFunder) }
    }
}

/// A commitment transaction (BOLT 3) and the second-stage transactions of its HTLCs, all unsigned.
public struct CommitmentTransaction: Sendable {
    public var transaction: Transaction
    /// HTLC-timeout and HTLC-success transactions, in the order of the outputs they spend.
    public var secondStage: [Transaction]
    /// Outputs + fee = capacity.
    public var fee: Satoshi
    /// Whether the other party's signatures of the second stage cover one input and its output alone, so that the
    /// owner can add money for the fee (BOLT 3, "HTLC-Timeout and HTLC-Success Transactions").
    public var hasAnchors: Bool

    /// What a second-stage signature of the party that does not own the commitment covers.
    public func secondStageHash(_ place: Int) -> Bytes32 {
        guard hasAnchors else { return secondStage[place].signatureHash }
        guard let hash = secondStage[place].pairHash(of: 0) else {
            preconditionFailure("a second-stage transaction has an input and an output")
        }
        return hash
    }
}

extension Channel {
    /// The latest commitment of this party that the peer has signed, or nil where the fingerprint that came with
    /// that signature is not the one of the transaction rebuilt now: then nothing is ever signed.
    ///
    /// - Parameter point: `perCommitmentPoint(localNumber)` of this party.
    public func latestCommitment(
        _ context: CommitmentContext, point: Bytes32, in pool: borrowing HTLCPool
    ) -> CommitmentTransaction? {
        var view = CommitmentView(ours: local.ours, theirs: local.theirs)
        var members: [HTLC] = []
        // Newest first, as changes are undone: what an HTLC released may have paid for a newer one.
        for htlc in htlcs(in: pool).reversed() {
            switch htlc.state {
            case .receivedAdd, .receivedAddRevocation:
                // In the next commitment, but not yet in a signed one.
                view.undo(htlc)
            case .receivedRemove, .receivedRemoveRevocation:
                // Gone from the next commitment, but still in the signed one.
                view.undo(htlc)
                members.append(htlc)
            case .receivedAddAckCommit, .sentAddAckRevocation, .receivedAddCommit, .sentAddRevocation,
                .sentAddAckCommit, .receivedAddAckRevocation, .sentRemove, .sentRemoveCommit:
                members.append(htlc)
            case .sentAdd, .sentAddCommit, .receivedRemoveCommit, .sentRemoveRevocation, .sentRemoveAckCommit,
                .receivedRemoveAckRevocation, .receivedRemoveAckCommit, .sentRemoveAckRevocation:
                break
            }
        }
        let feerate = signedFeerate(ownerIsUs: true)
        for htlc in members {
            let isUntrimmed = isUntrimmed(htlc, ownerIsUs: true, feerate: feerate)
            view.count(htlc, isUntrimmed: isUntrimmed, mark: mark(htlc, ownerIsUs: true))
        }
        let rebuilt = fingerprint(of: view, number: localNumber, ownerIsUs: true, feerate: feerate)
        guard rebuilt == localFingerprint else { return nil }
        return commitment(
            of: view, number: localNumber, members, context, point: point, ownerIsUs: true, feerate: feerate)
    }

    /// The commitment of the peer that this party's last `commitment_signed` was for, without what was changed since.
    ///
    /// - Parameter point: the peer's `perCommitmentPoint(remoteNumber)`.
    public func signedRemoteCommitment(
        _ context: CommitmentContext, point: Bytes32, in pool: borrowing HTLCPool
    ) -> CommitmentTransaction {
        let members = htlcs(in: pool).filter { $0.state.isInRemote != $0.state.awaitsOurCommit }
        return commitment(
            of: signedRemoteView(in: pool), number: remoteNumber, members, context, point: point,
            ownerIsUs: false, feerate: signedFeerate(ownerIsUs: false))
    }

    /// BOLT 3, "Commitment Transaction": the owner's output delayed and revocable, the other side's spendable, the
    /// anchors, and an output for each HTLC that is not trimmed.
    private func commitment(
        of view: CommitmentView, number: UInt64, _ members: [HTLC], _ context: CommitmentContext,
        point: Bytes32, ownerIsUs: Bool, feerate: UInt32
    ) -> CommitmentTransaction {
        let owner = ownerIsUs ? context.ours : context.theirs
        let other = ownerIsUs ? context.theirs : context.ours
        let revocation = SpendCondition(keys: [other.revocation], hashlock: point)
        let delayed = [
            revocation, SpendCondition(keys: [owner.delayedPayment], relativeLock: terms.toSelfDelay),
        ]

        // BOLT 3: the fee and the anchors come out of the funder's output, as far as it goes.
        var (ours, theirs) = (view.ours.roundedDown, view.theirs.roundedDown)
        let funds = isFunder ? ours : theirs
        let fee = terms.commitmentFee(untrimmedHTLCs: Int(view.untrimmedCount), feerate: feerate)
        let costs = fee + terms.anchors
        if isFunder { ours = ours.subtractingOrZero(costs) } else { theirs = theirs.subtractingOrZero(costs) }
        let (toLocal, toRemote) = ownerIsUs ? (ours, theirs) : (theirs, ours)

        // The rank settles the order of outputs of one value.
        typealias Entry = (output: Output, rank: UInt8, htlc: HTLC?)
        var entries: [Entry] = []
        if toLocal >= terms.outputMinimum {
            entries.append((Output(value: toLocal, conditions: delayed), 0, nil))
        }
        if toRemote >= terms.outputMinimum {
            let condition = SpendCondition(keys: [other.payment], relativeLock: confirmationLock)
            entries.append((Output(value: toRemote, conditions: [condition]), 1, nil))
        }
        for htlc in members where isUntrimmed(htlc, ownerIsUs: ownerIsUs, feerate: feerate) {
            let isOwners = htlc.state.isOffered == ownerIsUs
            let conditions = htlcConditions(
                htlc, isOwners: isOwners, owner: owner, other: other, revocation: revocation,
                paymentHash: context.paymentHash(htlc.payment))
            entries.append((Output(value: htlc.amount.roundedDown, conditions: conditions), 2, htlc))
        }
        if terms.hasAnchors {
            // BOLT 3: an anchor stands for each side that has an output or an HTLC; anyone may sweep it later.
            // What a funder without the money cannot pay for is left out, the other side's anchor first, or the
            // outputs would exceed the capacity.
            let hasHTLCs = entries.contains { $0.htlc != nil }
            var left = funds
            for (key, value, rank) in [(owner.funding, toLocal, 3 as UInt8), (other.funding, toRemote, 4)]
            where (value >= terms.outputMinimum || hasHTLCs) && left >= ChannelTerms.anchor {
                left -= ChannelTerms.anchor
                let conditions = [SpendCondition(keys: [key]), SpendCondition(relativeLock: 16)]
                entries.append((Output(value: ChannelTerms.anchor, conditions: conditions), rank, nil))
            }
        }
        // BOLT 3, "Transaction Output Ordering": by value, then as agreed; HTLCs of one value by expiry, then id.
        entries.sort { a, b in
            if a.output.value != b.output.value { return a.output.value < b.output.value }
            guard let x = a.htlc, let y = b.htlc else { return a.rank < b.rank }
            return sortKey(x, ownerIsUs) < sortKey(y, ownerIsUs)
        }

        let transaction = Transaction(
            inputs: [Input(context.funding)], outputs: entries.map(\.output),
            tag: number ^ context.obscuringFactor(oursFirst: isFunder))
        let id = transaction.id
        let secondStage = entries.indices.compactMap { index -> Transaction? in
            guard let htlc = entries[index].htlc else { return nil }
            let isSuccess = htlc.state.isOffered != ownerIsUs
            let fee = terms.htlcTransactionFee(isSuccess: isSuccess, feerate: feerate)
            let value = htlc.amount.roundedDown - fee
            return Transaction(
                inputs: [Input(Outpoint(transaction: id, index: UInt32(index)))],
                outputs: [Output(value: value, conditions: delayed)])
        }
        let paid = entries.reduce(Satoshi.zero) { $0 + $1.output.value }
        return CommitmentTransaction(
            transaction: transaction, secondStage: secondStage, fee: terms.capacity - paid,
            hasAnchors: terms.hasAnchors)
    }

    /// BOLT 3, "Offered HTLC Outputs" and "Received HTLC Outputs": revocation, the owner's way out through its
    /// second-stage transaction (both sign), and the other side's.
    private func htlcConditions(
        _ htlc: HTLC, isOwners: Bool, owner: ChannelPublicKeys, other: ChannelPublicKeys,
        revocation: SpendCondition, paymentHash: Bytes32
    ) -> [SpendCondition] {
        let both = [owner.htlc, other.htlc]
        let lock = confirmationLock
        if isOwners {
            return [
                revocation,
                SpendCondition(keys: both, absoluteLock: htlc.expiry, relativeLock: lock),
                SpendCondition(keys: [other.htlc], hashlock: paymentHash, relativeLock: lock),
            ]
        }
        return [
            revocation,
            SpendCondition(keys: both, hashlock: paymentHash, relativeLock: lock),
            SpendCondition(keys: [other.htlc], absoluteLock: htlc.expiry, relativeLock: lock),
        ]
    }

    /// BOLT 3: with anchors, all that is not a penalty or an anchor waits for the commitment's confirmation
    /// (`1 OP_CHECKSEQUENCEVERIFY`), so that nothing but an anchor can be used to hold it up in the mempool.
    private var confirmationLock: UInt16 { terms.hasAnchors ? 1 : 0 }

    /// The same for both parties.
    private func sortKey(_ htlc: HTLC, _ ownerIsUs: Bool) -> (UInt32, UInt64) {
        (htlc.expiry.rawValue, htlc.id << 1 | (htlc.state.isOffered == ownerIsUs ? 1 : 0))
    }
}

/// The signatures of one `commitment_signed`: the commitment's, then one for each second-stage transaction.
public struct CommitmentSignatures: Hashable, Sendable {
    public var all: [Signature]

    public init(all: [Signature]) { self.all = all }

    /// Signs as BOLT 2 asks: with the funding key and, for HTLCs, the HTLC key.
    public init(_ commitment: CommitmentTransaction, with keys: ChannelKeys) {
        all = [keys.funding.signature(of: commitment.transaction.signatureHash)]
        for place in commitment.secondStage.indices {
            all.append(keys.htlc.signature(of: commitment.secondStageHash(place)))
        }
    }

    /// BOLT 2: "if any signature is not valid for its corresponding transaction", or their number differs, the
    /// channel fails.
    public func areValid(for commitment: CommitmentTransaction, by peer: ChannelPublicKeys) -> Bool {
        guard all.count == commitment.secondStage.count + 1,
            peer.funding.verifies(all[0], of: commitment.transaction.signatureHash)
        else { return false }
        return commitment.secondStage.indices.allSatisfy { place in
            peer.htlc.verifies(all[place + 1], of: commitment.secondStageHash(place))
        }
    }
}
