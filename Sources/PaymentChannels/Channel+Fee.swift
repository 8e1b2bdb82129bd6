import LightningTypes

// `update_fee` (BOLT 2): the funder changes the rate of both commitments. It becomes part of one commitment after the
// other as an HTLC does that it adds, so the two can differ on the way.
extension Channel {
    /// Where a rate stands that both commitments have for good.
    static func feeSettled(isFunder: Bool) -> HTLCState {
        isFunder ? .sentAddAckRevocation : .receivedAddAckRevocation
    }

    /// Whether an `update_fee` is on its way through the commitments.
    public var isFeeUnderWay: Bool { feeState != Self.feeSettled(isFunder: isFunder) }

    /// The rate of a party's next commitment.
    @inline(__always) func feerate(ownerIsUs: Bool) -> UInt32 {
        // Nearly always; the states are looked at only while there is something to tell apart.
        if feerateNext == terms.feeratePerKiloweight { return feerateNext }
        let isNew = ownerIsUs ? feeState.isInLocal : feeState.isInRemote
        return isNew ? feerateNext : terms.feeratePerKiloweight
    }

    /// The rate of the last commitment of a party that was signed.
    func signedFeerate(ownerIsUs: Bool) -> UInt32 {
        let isUnsigned = ownerIsUs ? feeState.isUnsignedInLocal : feeState.awaitsOurCommit
        return isUnsigned ? terms.feeratePerKiloweight : feerate(ownerIsUs: ownerIsUs)
    }

    /// The higher rate of the two commitments: what can be offered must be affordable in both.
    var feerateMaximum: UInt32 { max(terms.feeratePerKiloweight, feerateNext) }

    /// Whether `updateFee` may be called with a rate: by the funder, one update at a time, and only where it "can
    /// afford the new fee rate on the receiving node's current commitment transaction" (BOLT 2) above its reserve. Not
    /// once only `closing_signed` is left to say, which may be on its way.
    public func canUpdateFee(to feerate: UInt32, in pool: borrowing HTLCPool) -> Bool {
        isFunder && !isFeeUnderWay && !awaitsReestablish && feerate > 0
            && feerate != terms.feeratePerKiloweight
            && (phase == .normal || phase == .shuttingDown && hasHTLCs)
            && (isAffordable(feerate, ownerIsUs: false, funds: remote.ours, in: pool)
                || PlantedBug.planted == .raisesFeesBlindly)
    }

    /// Whether the funder's balance in a party's next commitment is enough, with the HTLCs that have an output at the
    /// new rate.
    private func isAffordable(
        _ feerate: UInt32, ownerIsUs: Bool, funds: Millisatoshi, in pool: borrowing HTLCPool
    ) -> Bool {
        let untrimmed = htlcs(in: pool).count { htlc in
            (ownerIsUs ? htlc.state.isInLocal : htlc.state.isInRemote)
                && isUntrimmed(htlc, ownerIsUs: ownerIsUs, feerate: feerate)
        }
        let fee = terms.commitmentFee(untrimmedHTLCs: untrimmed, feerate: feerate)
        return funds >= Millisatoshi(fee + terms.anchors + terms.channelReserve)
    }

    /// Changes the rate (BOLT 2, `update_fee`); the caller sends the message.
    public mutating func updateFee(to feerate: UInt32, in pool: borrowing HTLCPool) {
        precondition(
            canUpdateFee(to: feerate, in: pool), "BOLT 2: an update_fee that the funder may not send")
        feerateNext = feerate
        moveFee(to: .sentAdd, in: pool)
    }

    /// Takes in the funder's `update_fee`.
    ///
    /// - Parameter acceptable: rates that this party goes along with; BOLT 2 has it fail the channel where the rate "is
    ///   too low for timely processing, or is unreasonably large".
    public mutating func receiveFee(
        _ feerate: UInt32, acceptable: ClosedRange<UInt32>, in pool: borrowing HTLCPool
    ) throws(ProtocolViolation) {
        guard phase == .normal || phase == .shuttingDown else { throw .unexpectedMessage(phase) }
        guard !isFunder else { throw .feeNotTheirs }
        guard !isFeeUnderWay else { throw .feeUpdateUnderWay }
        guard acceptable.contains(feerate), feerate > 0 else { throw .feerateOutOfRange(feerate) }
        let isAffordable = isAffordable(feerate, ownerIsUs: true, funds: local.theirs, in: pool)
        guard isAffordable || isCatchingUp else {
            throw .peerCannotAfford
        }
        feerateNext = feerate
        moveFee(to: .receivedAdd, in: pool)
    }

    /// Takes the rate to its next state, and the counts of HTLCs that are worth an output at it along.
    mutating func moveFee(to state: HTLCState, in pool: borrowing HTLCPool) {
        feeState = state
        if state.awaitsOurCommit { changesToCommit += 1 }
        if !isFeeUnderWay { terms.feeratePerKiloweight = feerateNext }
        countUntrimmed(in: pool)
        checkTotals()
    }

    /// Without anchors the rate decides which HTLCs are trimmed (BOLT 3, "Trimmed Outputs").
    mutating func countUntrimmed(in pool: borrowing HTLCPool) {
        let counted = counted(in: pool)
        local.untrimmedCount = counted.local.untrimmedCount
        remote.untrimmedCount = counted.remote.untrimmedCount
    }
}
