/// What one end of a channel asks for forwarding through it: the fields of BOLT 7's `channel_update`.
public struct ChannelPolicy: Hashable, Sendable, BitwiseCopyable {
    /// `fee_base_msat`.
    public var baseFee: Millisatoshi
    /// `fee_proportional_millionths`, parts per million of the amount forwarded.
    public var proportionalFee: UInt32
    /// `cltv_expiry_delta` in blocks.
    public var cltvExpiryDelta: UInt16
    /// `disable` bit of `channel_flags`.
    public var isDisabled: Bool
    /// `htlc_minimum_msat`.
    public var htlcMinimum: Millisatoshi
    /// `htlc_maximum_msat`.
    public var htlcMaximum: Millisatoshi

    @inlinable public init(
        baseFee: Millisatoshi, proportionalFee: UInt32, cltvExpiryDelta: UInt16, isDisabled: Bool = false,
        htlcMinimum: Millisatoshi = .zero, htlcMaximum: Millisatoshi
    ) {
        self.baseFee = baseFee
        self.proportionalFee = proportionalFee
        self.cltvExpiryDelta = cltvExpiryDelta
        self.isDisabled = isDisabled
        self.htlcMinimum = htlcMinimum
        self.htlcMaximum = htlcMaximum
    }

    /// The fee for forwarding `amount` (BOLT 7, "HTLC Fees"):
    /// `fee_base_msat + floor(amount_to_forward * fee_proportional_millionths / 1000000)`.
    @inlinable public func fee(forwarding amount: Millisatoshi) -> Millisatoshi {
        let product = amount.rawValue.multipliedFullWidth(by: UInt64(proportionalFee))
        let proportional =
            product.high == 0
            ? product.low / 1_000_000 : UInt64(1_000_000).dividingFullWidth(product).quotient
        return baseFee + Millisatoshi(proportional)
    }
}
