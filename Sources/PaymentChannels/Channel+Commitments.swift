import LightningTypes

/// What `commitment_signed` says besides signatures: which transaction was signed.
public struct CommitmentSigned: Hashable, Sendable, BitwiseCopyable {
    /// Of the receiver's commitment.
    public var number: UInt64
    /// Of that commitment: number, feerate, balances and HTLC set. The receiver compares it with its own rebuild.
    public var fingerprint: UInt64

    public init(number: UInt64, fingerprint: UInt64) {
        self.number = number
        self.fingerprint = fingerprint
    }
}

/// What a commitment step settled for good, in the order the HTLCs were added.
public struct SettledHTLCs: Sendable {
    /// HTLCs of the peer that are now irrevocably committed: to forward or to accept.
    public internal(set) var committed: [HTLCIndex] = []
    /// Copies of HTLCs, of either party, that are now irrevocably removed.
    public internal(set) var removed: [HTLC] = []

    public init() {}

    public var isEmpty: Bool { committed.isEmpty && removed.isEmpty }

    /// Empties both lists and keeps their memory.
    public mutating func clear() {
        committed.removeAll(keepingCapacity: true)
        removed.removeAll(keepingCapacity: true)
    }
}

extension Channel {
    /// Whether a `commitment_signed` may be sent now: there is something to sign, and the last one is revoked.
    public var canCommit: Bool {
        changesToCommit > 0 && !awaitsRevocation && (phase == .normal || phase == .shuttingDown)
            && !awaitsReestablish
    }

    /// Signs the peer's next commitment (BOLT 2, `commitment_signed`); the caller sends the message.
    public mutating func commit(in pool: inout HTLCPool, _ settled: inout SettledHTLCs) -> CommitmentSigned {
        precondition(
            canCommit, "BOLT 2: MUST NOT send a commitment_signed message that does not include any updates")
        remoteNumber += 1
        awaitsRevocation = true
        hasRevokedLast = false
        changesToCommit = 0
        advance(.sentCommit, in: &pool, &settled)
        recount(in: pool)
        return CommitmentSigned(
            number: remoteNumber, fingerprint: fingerprint(of: remote, number: remoteNumber, ownerIsUs: false)
        )
    }

    /// Takes in the peer's `commitment_signed` and revokes the commitment before it (`revoke_and_ack`).
    ///
    /// Signatures, in eager mode, are verified by the caller before the revocation is sent.
    /// - Returns: the number of the commitment revoked, whose secret `revoke_and_ack` reveals.
    public mutating func receiveCommit(
        _ message: CommitmentSigned, in pool: inout HTLCPool, _ settled: inout SettledHTLCs
    ) throws(ProtocolViolation) -> UInt64 {
        guard phase == .normal || phase == .shuttingDown else { throw .unexpectedMessage(phase) }
        guard message.number == localNumber + 1 else { throw .commitmentMismatch(number: message.number) }
        let expected = fingerprint(of: local, number: message.number, ownerIsUs: true)
        guard message.fingerprint == expected else { throw .commitmentMismatch(number: message.number) }
        guard advance(.receivedCommit, in: &pool, &settled) > 0 else { throw .emptyCommitment }
        recount(in: pool)
        localNumber = message.number
        localFingerprint = message.fingerprint
        hasRevokedLast = true
        isCatchingUp = false
        advance(.sentRevocation, in: &pool, &settled)
        checkTotals()
        return localNumber - 1
    }

    /// Takes in the peer's `revoke_and_ack` of its commitment `number`.
    public mutating func receiveRevocation(
        of number: UInt64, in pool: inout HTLCPool, _ settled: inout SettledHTLCs
    ) throws(ProtocolViolation) {
        guard awaitsRevocation else { throw .unexpectedRevocation }
        // Awaited since commitment 1 at the earliest, so that there is one before it.
        guard number == remoteNumber - 1 else { throw .wrongSecret(number: number) }
        awaitsRevocation = false
        advance(.receivedRevocation, in: &pool, &settled)
        checkTotals()
    }

    /// Moves every HTLC on that `step` concerns, and both views with it.
    ///
    /// Oldest first: an HTLC was offered against money that only older ones can have released, so no balance
    /// falls below zero on the way.
    /// - Returns: how many HTLCs moved.
    @discardableResult
    private mutating func advance(
        _ step: CommitmentStep, in pool: inout HTLCPool, _ settled: inout SettledHTLCs
    ) -> Int {
        var moved = 0
        var index = firstHTLC
        while !index.isNone {
            let htlc = pool[index]
            let current = index
            index = htlc.next
            guard let state = htlc.state.advanced(by: step) else { continue }
            moved += 1
            if state.isInLocal != htlc.state.isInLocal {
                change(&local, by: htlc, enters: state.isInLocal, ownerIsUs: true)
            }
            if state.isInRemote != htlc.state.isInRemote {
                change(&remote, by: htlc, enters: state.isInRemote, ownerIsUs: false)
            }
            if state.awaitsOurCommit { changesToCommit += 1 }
            pool[current].state = state
            if state == .receivedAddAckRevocation { settled.committed.append(current) }
            if state.isRemoved {
                settled.removed.append(pool[current])
                unlink(current, in: &pool)
            }
        }
        if isFeeUnderWay, let state = feeState.advanced(by: step) {
            moved += 1
            moveFee(to: state, in: pool)
        }
        return moved
    }

    private func change(_ view: inout CommitmentView, by htlc: HTLC, enters: Bool, ownerIsUs: Bool) {
        let isUntrimmed = isUntrimmed(htlc, ownerIsUs: ownerIsUs)
        let mark = mark(htlc, ownerIsUs: ownerIsUs)
        if enters {
            view.add(htlc, isUntrimmed: isUntrimmed, mark: mark)
        } else {
            view.remove(htlc, isUntrimmed: isUntrimmed, mark: mark)
        }
    }

    // MARK: Fingerprints

    /// 64 bits that both parties compute alike for the same transaction, each from its own copy.
    func fingerprint(of view: CommitmentView, number: UInt64, ownerIsUs: Bool) -> UInt64 {
        fingerprint(of: view, number: number, ownerIsUs: ownerIsUs, feerate: feerate(ownerIsUs: ownerIsUs))
    }

    func fingerprint(of view: CommitmentView, number: UInt64, ownerIsUs: Bool, feerate: UInt32) -> UInt64 {
        let owner = ownerIsUs ? view.ours : view.theirs
        let other = ownerIsUs ? view.theirs : view.ours
        var hash = mix(number, UInt64(feerate))
        hash = mix(hash ^ owner.rawValue, other.rawValue)
        return mix(hash, view.htlcSum)
    }

    /// An HTLC's share of the fingerprint, the same for both parties.
    func mark(_ htlc: borrowing HTLC, ownerIsUs: Bool) -> UInt64 {
        let isOwners = htlc.state.isOffered == ownerIsUs
        var hash = mix(htlc.id << 1 | (isOwners ? 1 : 0), htlc.amount.rawValue)
        hash = mix(hash ^ htlc.payment, UInt64(htlc.expiry.rawValue))
        return hash
    }
}

/// Folds two words into one; both halves of a 128-bit product, as wyhash does.
@inline(__always) private func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = (a ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: b ^ 0xE703_7ED1_A0B4_28DB)
    return product.high ^ product.low
}
