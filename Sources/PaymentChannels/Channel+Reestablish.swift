import LightningTypes

/// What two parties tell each other when a connection is back (BOLT 2, `channel_reestablish`).
///
/// `your_last_per_commitment_secret` travels beside it: with lazy signatures it is the number itself.
public struct ChannelReestablish: Hashable, Sendable, BitwiseCopyable {
    /// "The commitment number of the next commitment_signed it expects to receive".
    public var nextCommitmentNumber: UInt64
    /// "The commitment number of the next revoke_and_ack message it expects to receive".
    public var nextRevocationNumber: UInt64

    public init(nextCommitmentNumber: UInt64, nextRevocationNumber: UInt64) {
        self.nextCommitmentNumber = nextCommitmentNumber
        self.nextRevocationNumber = nextRevocationNumber
    }
}

/// A message that is sent again after a reconnection, in the order of `Channel.receiveReestablish`'s answer.
public enum Retransmission: Hashable, Sendable {
    case channelReady
    /// `update_fulfill_htlc` or `update_fail_htlc` of an HTLC.
    case removal(HTLCIndex)
    /// `update_fee`.
    case fee(UInt32)
    /// `update_add_htlc`.
    case add(HTLCIndex)
    case commitmentSigned(CommitmentSigned)
    /// `revoke_and_ack` of the commitment of this number.
    case revokeAndAck(UInt64)
    case shutdown
}

/// Why a channel cannot go on after a reconnection.
public enum ReestablishFailure: Error, Hashable, Sendable {
    /// The peer has proved that it knows later states: this party's commitment is revoked, and publishing it would be
    /// punished (BOLT 2, `option_data_loss_protect`). The peer is to publish its own.
    case lostData
    /// The peer has lost states: this party gives the channel up and publishes its commitment.
    case peerLostData
    /// The numbers fit no history, or are not proved.
    case inconsistent
    /// No reconnection is under way.
    case notAwaited
}

// "Message Retransmission" (BOLT 2). Each side keeps what it has signed for or revoked; what a peer has sent and not
// signed for is forgotten with the connection, and sent again by the peer.
extension Channel {
    /// The connection is gone, or this party restarts from the state it saved before its last message.
    ///
    /// BOLT 2: "upon disconnection: MUST reverse any uncommitted updates sent by the other side (i.e. all messages
    /// beginning with update_ for which no commitment_signed has been received)". What this party has changed and not
    /// sent, or sent in vain, it sends again: `receiveReestablish` says what.
    public mutating func disconnect(in pool: inout HTLCPool) {
        awaitsReestablish = true
        hasReceivedShutdown = false
        // Newest first: what an HTLC released may have paid for a newer one.
        for index in htlcIndices(in: pool).reversed() {
            switch pool[index].state {
            case .receivedAdd where PlantedBug.planted != .forgetsNothing: forgetAdd(index, in: &pool)
            case .receivedRemove: forgetRemoval(index, in: &pool)
            case .receivedAdd, .sentAdd, .sentAddCommit, .receivedAddRevocation, .receivedAddAckCommit,
                .sentAddAckRevocation, .receivedRemoveCommit, .sentRemoveRevocation, .sentRemoveAckCommit,
                .receivedRemoveAckRevocation, .receivedAddCommit, .sentAddRevocation, .sentAddAckCommit,
                .receivedAddAckRevocation, .sentRemove, .sentRemoveCommit, .receivedRemoveRevocation,
                .receivedRemoveAckCommit, .sentRemoveAckRevocation:
                break
            }
        }
        if feeState == .receivedAdd, PlantedBug.planted != .forgetsNoFees {
            feerateNext = terms.feeratePerKiloweight
            moveFee(to: Self.feeSettled(isFunder: isFunder), in: pool)
        }
        recount(in: pool)
    }

    private mutating func forgetAdd(_ index: HTLCIndex, in pool: inout HTLCPool) {
        let htlc = pool[index]
        // As if it had failed: the money is its offerer's again.
        var failed = htlc
        failed.removal = .failed
        local.remove(
            failed, isUntrimmed: isUntrimmed(htlc, ownerIsUs: true), mark: mark(htlc, ownerIsUs: true))
        precondition(htlc.id == nextReceivedID - 1, "the last HTLC received is forgotten first")
        nextReceivedID -= 1
        unlink(index, in: &pool)
    }

    private mutating func forgetRemoval(_ index: HTLCIndex, in pool: inout HTLCPool) {
        let htlc = pool[index]
        local.restore(
            htlc, isUntrimmed: isUntrimmed(htlc, ownerIsUs: true), mark: mark(htlc, ownerIsUs: true))
        pool[index].removal = .none
        pool[index].state = .sentAddAckRevocation
    }

    /// What this party sends first when the connection is back.
    public var reestablish: ChannelReestablish {
        ChannelReestablish(
            nextCommitmentNumber: localNumber + 1,
            nextRevocationNumber: awaitsRevocation ? remoteNumber - 1 : remoteNumber)
    }

    /// Takes in the peer's `channel_reestablish` and tells what to send again, in this order.
    ///
    /// Where the channel cannot go on, it is given up (`failed`) or waits for the peer to do so (`lostData`).
    ///
    /// - Parameter provesSecret: whether the secret that came along is that of this party's commitment
    ///   `nextRevocationNumber - 1`; only this party could have revealed it.
    public mutating func receiveReestablish(
        _ message: ChannelReestablish, provesSecret: Bool, in pool: borrowing HTLCPool
    ) throws(ReestablishFailure) -> [Retransmission] {
        guard awaitsReestablish else { throw .notAwaited }
        // Compared by sums: a number from the wire may be anything.
        let (revoked, overflow) = message.nextRevocationNumber.addingReportingOverflow(1)
        guard !overflow, message.nextCommitmentNumber > 0 else { throw failed(.inconsistent) }
        if message.nextRevocationNumber > localNumber {
            guard provesSecret else { throw failed(.inconsistent) }
            phase = .lostData
            throw .lostData
        }
        guard revoked >= localNumber else { throw failed(.peerLostData) }
        guard message.nextCommitmentNumber <= remoteNumber + 1 else { throw failed(.inconsistent) }
        let isCommitLost = message.nextCommitmentNumber == remoteNumber
        guard isCommitLost && awaitsRevocation || message.nextCommitmentNumber == remoteNumber + 1 else {
            throw failed(.peerLostData)
        }
        guard provesSecret || message.nextRevocationNumber == 0 else { throw failed(.inconsistent) }
        awaitsReestablish = false
        isCatchingUp = true
        return retransmissions(
            isFirst: message.nextCommitmentNumber == 1 && localNumber == 0, isCommitLost: isCommitLost,
            isRevocationLost: revoked == localNumber, in: pool)
    }

    /// This party knows that its state is not the latest one: for a channel that was restored from an old backup.
    public mutating func loseData() {
        precondition(isFunded, "a channel without money has nothing to lose")
        phase = .lostData
    }

    private mutating func failed(_ failure: ReestablishFailure) -> ReestablishFailure {
        if phase != .lostData { phase = .failed }
        return failure
    }

    private func retransmissions(
        isFirst: Bool, isCommitLost: Bool, isRevocationLost: Bool, in pool: borrowing HTLCPool
    ) -> [Retransmission] {
        var all: [Retransmission] = []
        // BOLT 2: "if next_commitment_number is 1 in both the channel_reestablish it sent and received: MUST retransmit
        // channel_ready".
        if isFirst && hasSentReady { all.append(.channelReady) }
        var signed: [Retransmission] = []
        if isCommitLost {
            signed = updates(.sentRemoveCommit, fee: .sentAddCommit, .sentAddCommit, in: pool)
            signed.append(.commitmentSigned(lastCommitmentSigned(in: pool)))
        }
        let revocation: [Retransmission] = isRevocationLost ? [.revokeAndAck(localNumber - 1)] : []
        // BOLT 2: "in the same relative order as initially transmitted".
        all += hasRevokedLast ? signed + revocation : revocation + signed
        all += updates(.sentRemove, fee: .sentAdd, .sentAdd, in: pool)
        // BOLT 2: "if it has sent a previous shutdown: MUST retransmit shutdown".
        if hasSentShutdown { all.append(.shutdown) }
        return all
    }

    /// The changes that stand at these states: removals first, since they may pay for what is added, and additions in
    /// the order of their ids.
    private func updates(
        _ removed: HTLCState, fee: HTLCState, _ added: HTLCState, in pool: borrowing HTLCPool
    ) -> [Retransmission] {
        let indices = htlcIndices(in: pool)
        let bug = PlantedBug.planted
        var all = indices.filter { pool[$0].state == removed && bug != .resendsNoRemovals }.map(
            Retransmission.removal)
        if isFunder && feeState == fee && bug != .resendsNoFees { all.append(.fee(feerateNext)) }
        all += indices.filter { pool[$0].state == added && bug != .resendsNoAdditions }.map(
            Retransmission.add)
        return all
    }

    /// The last `commitment_signed`, made again: the peer's next commitment without what was changed since.
    private func lastCommitmentSigned(in pool: borrowing HTLCPool) -> CommitmentSigned {
        let view = signedRemoteView(in: pool)
        return CommitmentSigned(
            number: remoteNumber,
            fingerprint: fingerprint(
                of: view, number: remoteNumber, ownerIsUs: false, feerate: signedFeerate(ownerIsUs: false)))
    }

    /// The peer's last signed commitment: `remote` less the changes that await this party's `commitment_signed`.
    func signedRemoteView(in pool: borrowing HTLCPool) -> CommitmentView {
        var view = CommitmentView(ours: remote.ours, theirs: remote.theirs)
        let feerate = signedFeerate(ownerIsUs: false)
        // Newest first, as changes are undone.
        for htlc in htlcs(in: pool).reversed() {
            var isMember = htlc.state.isInRemote
            if htlc.state.awaitsOurCommit {
                isMember.toggle()
                view.undo(htlc)
            }
            guard isMember else { continue }
            view.count(
                htlc, isUntrimmed: isUntrimmed(htlc, ownerIsUs: false, feerate: feerate),
                mark: mark(htlc, ownerIsUs: false))
        }
        return view
    }
}
