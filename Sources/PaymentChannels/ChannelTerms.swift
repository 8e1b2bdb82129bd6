import LightningTypes

/// What both parties of a channel agreed on when they opened it (`open_channel`, `accept_channel`), the same limits
/// for both, and the rate that both commitments have since. Every limit may be zero.
public struct ChannelTerms: BitwiseCopyable, Sendable, Hashable {
    public var capacity: Satoshi
    /// `dust_limit_satoshis`.
    public var dustLimit: Satoshi
    /// `channel_reserve_satoshis`.
    public var channelReserve: Satoshi
    /// `max_htlc_value_in_flight_msat`.
    public var htlcValueInFlightMaximum: Millisatoshi
    /// `max_accepted_htlcs`.
    public var acceptedHTLCsMaximum: UInt16
    /// `to_self_delay`, blocks.
    public var toSelfDelay: UInt16
    /// `feerate_per_kw`: satoshi per 1,000 weight units, before an `update_fee` that is under way.
    public var feeratePerKiloweight: UInt32
    /// `option_anchors`: two anchor outputs, and second-stage transactions without fee.
    public var hasAnchors: Bool

    public init(
        capacity: Satoshi, dustLimit: Satoshi, channelReserve: Satoshi,
        htlcValueInFlightMaximum: Millisatoshi, acceptedHTLCsMaximum: UInt16, toSelfDelay: UInt16,
        feeratePerKiloweight: UInt32, hasAnchors: Bool
    ) {
        precondition(acceptedHTLCsMaximum <= 483, "BOLT 2: max_accepted_htlcs is at most 483")
        self.capacity = capacity
        self.dustLimit = dustLimit
        self.channelReserve = channelReserve
        self.htlcValueInFlightMaximum = htlcValueInFlightMaximum
        self.acceptedHTLCsMaximum = acceptedHTLCsMaximum
        self.toSelfDelay = toSelfDelay
        self.feeratePerKiloweight = feeratePerKiloweight
        self.hasAnchors = hasAnchors
    }

    /// Worth of one anchor output (BOLT 3).
    public static let anchor = Satoshi(330)

    /// What both anchors take from the funder.
    public var anchors: Satoshi { hasAnchors ? Self.anchor + Self.anchor : .zero }

    /// The commitment transaction's fee with so many untrimmed HTLCs (BOLT 3, "Fee Calculation"): 724 weight units,
    /// 1,124 with anchors, and 172 an HTLC, rounded down.
    ///
    /// - Parameter feerate: `feerate_per_kw`, where it is another than that of the terms.
    public func commitmentFee(untrimmedHTLCs count: Int, feerate: UInt32? = nil) -> Satoshi {
        Satoshi(UInt64(feerate ?? feeratePerKiloweight) * commitmentWeight(untrimmedHTLCs: count) / 1_000)
    }

    /// What the commitment transaction weighs with so many untrimmed HTLCs, by BOLT 3's reckoning.
    func commitmentWeight(untrimmedHTLCs count: Int) -> UInt64 {
        (hasAnchors ? 1_124 : 724) + 172 * UInt64(count)
    }

    /// The fee of the second-stage transaction that claims an HTLC (BOLT 3, "Fee Calculation"): 663 weight units for
    /// HTLC-timeout, 703 for HTLC-success; none with anchors, where the claimant adds it.
    public func htlcTransactionFee(isSuccess: Bool, feerate: UInt32? = nil) -> Satoshi {
        if hasAnchors { return .zero }
        return Satoshi(UInt64(feerate ?? feeratePerKiloweight) * (isSuccess ? 703 : 663) / 1_000)
    }

    /// The least an output is worth: the dust limit, and never nothing.
    var outputMinimum: Satoshi { max(dustLimit, Satoshi(1)) }

    /// Whether an HTLC gets no output of its own (BOLT 3, "Trimmed Outputs"): less the second-stage fee it would be
    /// below the dust limit, or worth nothing where there is none.
    public func isTrimmed(_ amount: Millisatoshi, isSuccess: Bool, feerate: UInt32? = nil) -> Bool {
        amount.roundedDown < outputMinimum + htlcTransactionFee(isSuccess: isSuccess, feerate: feerate)
    }
}
