import LightningTypes

/// How far a channel is (BOLT 2), as one party sees it.
@frozen public enum ChannelPhase: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// Agreed in the topology, not opened yet.
    case planned
    /// `open_channel` to `funding_signed`.
    case opening
    /// The funding transaction waits for its confirmations or the peer's `channel_ready`.
    case awaitingReady
    case normal
    /// `shutdown` sent or received; HTLCs still pending.
    case shuttingDown
    /// Only the closing transaction's confirmation is missing.
    case closing
    case closed
    /// Given up: a commitment is on its way to the chain or stands there, and outputs of it are to be resolved.
    case failed
    /// This party has lost states that the peer has: it must not publish its commitment and waits for the peer's.
    case lostData
}

/// One party's copy of a channel: both commitments as it knows them, and the rules of BOLT 2 for changing them.
///
/// Messages come in and go out as values; nothing here knows of time, of the network or of files. Its peer keeps a
/// copy of its own, which meets this one through messages only: crossed updates and stale state are real.
///
/// Invariant, checked by `checkTotals` after every mutation and recounted from the HTLCs at every
/// `commitment_signed`: in both views, balances and HTLCs add up to the capacity.
public struct Channel: BitwiseCopyable, Equatable, Sendable {
    public internal(set) var terms: ChannelTerms
    /// Whether this party pays commitment fee and anchors.
    public let isFunder: Bool
    public internal(set) var phase: ChannelPhase
    /// Where the rate of the last `update_fee` stands: it passes through the states of an HTLC that the funder adds
    /// and nobody removes.
    var feeState: HTLCState
    /// The rate of the last `update_fee`; once irrevocably committed, that of the terms.
    var feerateNext: UInt32
    /// The next commitment of this party that the peer will sign.
    public internal(set) var local: CommitmentView
    /// The next commitment of the peer that this party will sign.
    public internal(set) var remote: CommitmentView
    /// Number of the latest commitment of this party with a signature of the peer; BOLT 3 counts from 0.
    public internal(set) var localNumber: UInt64 = 0
    /// Number of the latest commitment of the peer that this party has signed.
    public internal(set) var remoteNumber: UInt64 = 0
    /// The fingerprint that came with the peer's signature of commitment `localNumber`.
    public internal(set) var localFingerprint: UInt64
    /// Whether a `commitment_signed` is out for which no `revoke_and_ack` has come.
    public internal(set) var awaitsRevocation = false
    /// HTLC changes this party owes a `commitment_signed` for.
    public internal(set) var changesToCommit: UInt16 = 0
    /// Both parties' `shutdown`.
    public internal(set) var hasSentShutdown = false
    public internal(set) var hasReceivedShutdown = false
    /// Owner's bookkeeping: whether a timer for the next `commitment_signed` runs.
    public var isCommitScheduled = false

    /// Whether this party offers nothing any more since it is about to send `shutdown`.
    var hasStoppedOffering = false
    /// Both parties' `channel_ready`.
    var hasSentReady = false
    var hasReceivedReady = false
    /// Whether the connection broke and the peer's `channel_reestablish` has not come.
    public internal(set) var awaitsReestablish = false
    /// Whether the last of this party's `commitment_signed` and `revoke_and_ack` was the latter.
    var hasRevokedLast = false
    /// Whether the peer may be sending again what it had sent before a reconnection, until its next
    /// `commitment_signed`. It could afford that when it first sent it; since then HTLCs of this party may have joined
    /// it in the same commitment, and BOLT 2 asks nobody to withdraw what was signed for.
    var isCatchingUp = false
    var nextOfferedID: UInt64 = 0
    var nextReceivedID: UInt64 = 0
    var firstHTLC: HTLCIndex = .none
    var lastHTLC: HTLCIndex = .none

    /// A channel with these balances and no HTLC; both parties start from the same ones.
    ///
    /// - Parameters:
    ///   - ours: this party's balance; the rest of the capacity is the peer's.
    ///   - phase: `.normal` for a channel that stands open, `.planned` for one to be opened.
    public init(terms: ChannelTerms, isFunder: Bool, ours: Millisatoshi, phase: ChannelPhase) {
        let theirs = Millisatoshi(terms.capacity) - ours
        self.terms = terms
        self.isFunder = isFunder
        self.phase = phase
        feeState = Self.feeSettled(isFunder: isFunder)
        feerateNext = terms.feeratePerKiloweight
        local = CommitmentView(ours: ours, theirs: theirs)
        remote = local
        localFingerprint = 0
        localFingerprint = fingerprint(of: local, number: 0, ownerIsUs: true)
        checkTotals()
    }

    /// Whether HTLCs can be offered.
    public var isUsable: Bool { phase == .normal && !hasStoppedOffering && !awaitsReestablish }

    /// HTLCs this party knows of, in any state.
    public var hasHTLCs: Bool { !firstHTLC.isNone }

    /// Own side plus HTLCs offered, in this party's own commitment: what it has locked in the channel. An HTLC leaves
    /// its offerer's capital with the preimage and enters the receiver's once that is revoked for, so that the two
    /// together are never more than the capacity.
    public var capital: Millisatoshi { isFunded ? local.ours + local.offered : .zero }

    // MARK: What may be offered

    /// The most that could be offered if every HTLC offered came back.
    public var spendableAtMost: Millisatoshi { spendable + local.offered }

    /// The most that could be offered in one HTLC now, limits of policy apart.
    public var spendable: Millisatoshi {
        guard isUsable, remote.offeredCount < terms.acceptedHTLCsMaximum, peerCanPayFee else {
            return .zero
        }
        return min(spendableBalance, room)
    }

    /// Refuses as BOLT 2 demands of the sender of `update_add_htlc`; nil where `amount` may be offered.
    public func refusal(of amount: Millisatoshi) -> HTLCRefusal? {
        guard isUsable else { return .notUsable(phase) }
        guard amount <= spendableBalance else { return .insufficientBalance(spendable: spendableBalance) }
        guard peerCanPayFee else { return .peerCannotPayFee }
        guard amount <= room else { return .tooMuchInFlight(room: room) }
        guard remote.offeredCount < terms.acceptedHTLCsMaximum else { return .tooManyHTLCs }
        return nil
    }

    /// What `max_htlc_value_in_flight_msat` leaves.
    private var room: Millisatoshi {
        terms.htlcValueInFlightMaximum.subtractingOrZero(remote.offered)
    }

    /// Balance in the peer's next commitment, less the reserve and what a funder must keep for fees.
    ///
    /// BOLT 2: a funder "SHOULD NOT offer amount_msat if, after adding that HTLC to its commitment transaction, its
    /// remaining balance doesn't allow it to pay the commitment transaction fee when receiving or sending a future
    /// additional non-dust HTLC" at twice the feerate: the fee spike buffer.
    private var spendableBalance: Millisatoshi {
        var kept = terms.channelReserve
        if isFunder {
            kept += terms.anchors
            let fee = terms.commitmentFee(
                untrimmedHTLCs: Int(untrimmedMaximum) + 2, feerate: feerateMaximum)
            kept += fee + fee
        }
        return remote.ours.subtractingOrZero(Millisatoshi(kept))
    }

    /// BOLT 2: a party that does not pay the fee "SHOULD NOT offer amount_msat if, once the remote node adds that
    /// HTLC to its commitment transaction, it cannot pay the fee for the updated local or remote transaction at the
    /// current feerate_per_kw while maintaining its channel reserve".
    private var peerCanPayFee: Bool {
        if isFunder { return true }
        let fee = terms.commitmentFee(untrimmedHTLCs: Int(untrimmedMaximum) + 1, feerate: feerateMaximum)
        return remote.theirs >= Millisatoshi(fee + terms.anchors + terms.channelReserve)
    }

    /// HTLC outputs of the larger of the two commitments: BOLT 2 asks for the fee of "either the local or remote" one.
    var untrimmedMaximum: UInt16 { max(local.untrimmedCount, remote.untrimmedCount) }

    // MARK: update_add_htlc

    /// Bitcoin reads lock times from here on as seconds, so BOLT 2 keeps `cltv_expiry` below.
    static let expiryLimit = BlockHeight(500_000_000)

    /// Offers an HTLC (BOLT 2, `update_add_htlc`); the caller sends the message.
    ///
    /// - Returns: where the HTLC lies in `pool`; its `id` goes into the message.
    public mutating func offer(
        _ amount: Millisatoshi, payment: UInt64, expiry: BlockHeight, in pool: inout HTLCPool
    ) throws(HTLCRefusal) -> HTLCIndex {
        precondition(amount > .zero, "an HTLC carries no money")
        precondition(expiry < Self.expiryLimit, "BOLT 2: MUST set cltv_expiry less than 500000000")
        if let refusal = refusal(of: amount) { throw refusal }
        let htlc = HTLC(id: nextOfferedID, amount: amount, payment: payment, expiry: expiry, state: .sentAdd)
        nextOfferedID += 1
        changesToCommit += 1
        remote.add(htlc, isUntrimmed: isUntrimmed(htlc, ownerIsUs: false), mark: mark(htlc, ownerIsUs: false))
        defer { checkTotals() }
        return append(htlc, to: &pool)
    }

    /// Takes in the peer's `update_add_htlc`, or fails the channel for what the peer must not do.
    public mutating func receiveAdd(
        id: UInt64, _ amount: Millisatoshi, payment: UInt64, expiry: BlockHeight, in pool: inout HTLCPool
    ) throws(ProtocolViolation) -> HTLCIndex {
        guard phase == .normal || phase == .shuttingDown && !hasReceivedShutdown else {
            throw .unexpectedMessage(phase)
        }
        guard amount > .zero else { throw .zeroAmount }
        guard id == nextReceivedID else { throw .htlcIDOutOfOrder(expected: nextReceivedID, received: id) }
        guard expiry < Self.expiryLimit else { throw .expiryOutOfRange }
        let htlc = HTLC(id: id, amount: amount, payment: payment, expiry: expiry, state: .receivedAdd)
        let isUntrimmed = isUntrimmed(htlc, ownerIsUs: true)
        var owed = Satoshi.zero
        if !isFunder {
            owed = terms.anchors
            owed += terms.commitmentFee(
                untrimmedHTLCs: Int(local.untrimmedCount) + (isUntrimmed ? 1 : 0),
                feerate: feerate(ownerIsUs: true))
        }
        // The balance comes first: an amount from the wire may be anything, and sums trap.
        guard amount <= local.theirs,
            local.theirs - amount >= Millisatoshi(owed + terms.channelReserve) || isCatchingUp
        else {
            throw .peerCannotAfford
        }
        guard local.received + amount <= terms.htlcValueInFlightMaximum else { throw .tooMuchInFlight }
        guard local.receivedCount < terms.acceptedHTLCsMaximum else { throw .tooManyHTLCs }
        nextReceivedID += 1
        local.add(htlc, isUntrimmed: isUntrimmed, mark: mark(htlc, ownerIsUs: true))
        defer { checkTotals() }
        return append(htlc, to: &pool)
    }

    // MARK: update_fulfill_htlc, update_fail_htlc

    /// Removes an HTLC the peer offered, once it is irrevocably committed; the caller sends the message.
    public mutating func remove(_ index: HTLCIndex, as removal: HTLCRemoval, in pool: inout HTLCPool) {
        precondition(
            pool[index].state == .receivedAddAckRevocation,
            "BOLT 2: must not send an update_fulfill_htlc or update_fail_htlc until the HTLC is irrevocably committed"
        )
        precondition(removal != .none, "an HTLC is removed for a reason")
        pool[index].removal = removal
        let htlc = pool[index]
        remote.remove(
            htlc, isUntrimmed: isUntrimmed(htlc, ownerIsUs: false), mark: mark(htlc, ownerIsUs: false))
        pool[index].state = .sentRemove
        changesToCommit += 1
        checkTotals()
    }

    /// Takes in the peer's removal of an HTLC this party offered.
    public mutating func receiveRemoval(
        id: UInt64, as removal: HTLCRemoval, in pool: inout HTLCPool
    ) throws(ProtocolViolation) -> HTLCIndex {
        guard phase == .normal || phase == .shuttingDown else { throw .unexpectedMessage(phase) }
        var index = firstHTLC
        while !index.isNone, !(pool[index].id == id && pool[index].state.isOffered) {
            index = pool[index].next
        }
        guard !index.isNone else { throw .unknownHTLC(id: id) }
        guard pool[index].state == .sentAddAckRevocation else {
            throw .htlcNotRemovable(id: id, pool[index].state)
        }
        pool[index].removal = removal
        let htlc = pool[index]
        local.remove(htlc, isUntrimmed: isUntrimmed(htlc, ownerIsUs: true), mark: mark(htlc, ownerIsUs: true))
        pool[index].state = .receivedRemove
        checkTotals()
        return index
    }

    // MARK: HTLC records

    func isUntrimmed(_ htlc: borrowing HTLC, ownerIsUs: Bool) -> Bool {
        isUntrimmed(htlc, ownerIsUs: ownerIsUs, feerate: feerate(ownerIsUs: ownerIsUs))
    }

    func isUntrimmed(_ htlc: borrowing HTLC, ownerIsUs: Bool, feerate: UInt32) -> Bool {
        // A commitment's owner claims what it received by HTLC-success, what it offered by HTLC-timeout.
        !terms.isTrimmed(
            htlc.amount, isSuccess: htlc.state.isOffered != ownerIsUs, feerate: feerate)
    }

    mutating func append(_ htlc: HTLC, to pool: inout HTLCPool) -> HTLCIndex {
        let index = pool.insert(htlc)
        pool[index].previous = lastHTLC
        if lastHTLC.isNone { firstHTLC = index } else { pool[lastHTLC].next = index }
        lastHTLC = index
        return index
    }

    mutating func unlink(_ index: HTLCIndex, in pool: inout HTLCPool) {
        let (next, previous) = (pool[index].next, pool[index].previous)
        if previous.isNone { firstHTLC = next } else { pool[previous].next = next }
        if next.isNone { lastHTLC = previous } else { pool[next].previous = previous }
        pool.remove(index)
    }

    /// The HTLCs of the channel, oldest first.
    public func htlcs(in pool: borrowing HTLCPool) -> [HTLC] {
        var all: [HTLC] = []
        var index = firstHTLC
        while !index.isNone {
            all.append(pool[index])
            index = pool[index].next
        }
        return all
    }

    // MARK: Invariants

    func checkTotals() {
        let capacity = Millisatoshi(terms.capacity)
        precondition(local.total == capacity && remote.total == capacity, "a commitment lost or made money")
    }

    /// Counts both views anew from the HTLCs.
    func recount(in pool: borrowing HTLCPool) {
        let counted = counted(in: pool)
        precondition(
            counted.local == local && counted.remote == remote, "running totals differ from a recount")
        checkTotals()
    }

    /// Both views as balances and HTLCs make them.
    func counted(in pool: borrowing HTLCPool) -> (local: CommitmentView, remote: CommitmentView) {
        var counted = (
            local: CommitmentView(ours: local.ours, theirs: local.theirs),
            remote: CommitmentView(ours: remote.ours, theirs: remote.theirs)
        )
        var index = firstHTLC
        while !index.isNone {
            let htlc = pool[index]
            if htlc.state.isInLocal {
                counted.local.count(
                    htlc, isUntrimmed: isUntrimmed(htlc, ownerIsUs: true), mark: mark(htlc, ownerIsUs: true))
            }
            if htlc.state.isInRemote {
                counted.remote.count(
                    htlc, isUntrimmed: isUntrimmed(htlc, ownerIsUs: false), mark: mark(htlc, ownerIsUs: false)
                )
            }
            index = htlc.next
        }
        return counted
    }
}
