import LightningTypes

/// When HTLCs force a channel to the chain (BOLT 2, "cltv_expiry_delta Selection").
public struct OnChainDeadlines: Hashable, Sendable {
    /// G: blocks after the expiry of an HTLC offered in which the peer can still fail it.
    public var grace: UInt32
    /// 2R + G + S: blocks before the expiry of an HTLC received and fulfilled at which it must be claimed on chain, for
    /// reorganisations of R and a confirmation within S.
    public var fulfillment: UInt32

    public init(grace: UInt32, fulfillment: UInt32) {
        self.grace = grace
        self.fulfillment = fulfillment
    }

    /// BOLT 2's example: R = 2, G = 2, S = 12.
    public static let standard = OnChainDeadlines(grace: 2, fulfillment: 18)
}

extension Channel {
    /// The height at which the first of the HTLCs forces the channel to the chain; nil where none does.
    ///
    /// BOLT 2: a node that has offered an HTLC "MUST fail the channel" once it has timed out and is in a commitment,
    /// and one that has fulfilled an HTLC fails it before the deadline "if the HTLC is still in a commitment". An HTLC
    /// received whose preimage is unknown costs nothing by waiting.
    ///
    /// - Parameter knowsPreimage: of a payment.
    public func onChainDeadline(
        _ deadlines: OnChainDeadlines = .standard, in pool: borrowing HTLCPool,
        knowsPreimage: (_ payment: UInt64) -> Bool
    ) -> BlockHeight? {
        var nearest: BlockHeight?
        for htlc in htlcs(in: pool) {
            let deadline: BlockHeight
            if htlc.state.isOffered {
                deadline = htlc.expiry + deadlines.grace
            } else {
                let isFulfilled =
                    htlc.removal == .fulfilled || htlc.removal == .none && knowsPreimage(htlc.payment)
                guard isFulfilled else { continue }
                deadline = BlockHeight(
                    htlc.expiry.rawValue - min(htlc.expiry.rawValue, deadlines.fulfillment))
            }
            nearest = min(nearest ?? deadline, deadline)
        }
        return nearest
    }
}
