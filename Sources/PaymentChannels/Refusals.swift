import LightningTypes

/// Why this party does not offer an HTLC: an ordinary outcome, reported upstream as `temporary_channel_failure`.
public enum HTLCRefusal: Error, Hashable, Sendable {
    /// The channel is not open for HTLCs: not ready, shutting down or closed.
    case notUsable(ChannelPhase)
    /// More than own balance less the reserve and, for the funder, the commitment fee.
    case insufficientBalance(spendable: Millisatoshi)
    /// The funder, the peer, could not pay the commitment fee for one more HTLC.
    case peerCannotPayFee
    /// `max_htlc_value_in_flight_msat`.
    case tooMuchInFlight(room: Millisatoshi)
    /// `max_accepted_htlcs`.
    case tooManyHTLCs
}

/// What a peer must never do (BOLT 2); the channel fails.
public enum ProtocolViolation: Error, Hashable, Sendable {
    case unexpectedMessage(ChannelPhase)
    case zeroAmount
    case htlcIDOutOfOrder(expected: UInt64, received: UInt64)
    case unknownHTLC(id: UInt64)
    /// Removed though not yet irrevocably committed, or a second time.
    case htlcNotRemovable(id: UInt64, HTLCState)
    case wrongPreimage(id: UInt64)
    case expiryOutOfRange
    case peerCannotAfford
    case tooMuchInFlight
    case tooManyHTLCs
    /// `commitment_signed` that changes nothing.
    case emptyCommitment
    /// The commitment this party rebuilt is not the one its peer signed.
    case commitmentMismatch(number: UInt64)
    case badSignature(number: UInt64)
    case unexpectedRevocation
    case wrongSecret(number: UInt64)
    case closingFeeOutOfRange
    /// `update_fail_malformed_htlc` without the BADONION bit.
    case badOnionBitMissing(code: UInt16)
    /// `update_fee` from the party that does not pay it.
    case feeNotTheirs
    /// `update_fee` to a rate this party does not go along with.
    case feerateOutOfRange(UInt32)
    /// `update_fee` while another is under way; this implementation has one at a time.
    case feeUpdateUnderWay
}
