import LightningTypes
import Settlement

// What holds where a file says nothing. Every figure here stands in docs/TOPOLOGY.md too.

extension Topology.LayerOne {
    /// Bitcoin's: ten minutes between blocks of 4,000,000 weight units.
    static let standard = Topology.LayerOne(
        blockInterval: .seconds(600), hasRegularBlocks: false, confirmations: 3, feeratePerVirtualByte: 10,
        blockWeight: 4_000_000)

    init(_ profile: LayerOneProfile) {
        self.init(
            blockInterval: .microseconds(Int64(profile.blockInterval)), hasRegularBlocks: profile.isRegular,
            confirmations: profile.confirmations,
            feeratePerVirtualByte: Self.standard.feeratePerVirtualByte,
            blockWeight: profile.rules.blockWeightMaximum,
            exitDelay: .microseconds(Int64(profile.exitDelay) * Int64(profile.blockInterval)),
            profile: profile)
    }
}

extension Topology.PaymentRules {
    static let standard = Topology.PaymentRules(
        attemptsMaximum: 10, feeLimitProportional: 50_000, feeLimitMinimum: Millisatoshi(5_000),
        finalCLTVExpiryDelta: 18, commitmentInterval: .milliseconds(10), gossipInterval: .seconds(60),
        policyGrace: .seconds(600), channelLifetimeDays: 365, model: .cheapestFee, splitting: .none,
        partsMaximum: 16)
}

extension Topology.Latency {
    static let standard = Topology.Latency(floor: .milliseconds(5), fixed: nil)
}

/// The parts of a policy a file gives; the rest comes from the next one down: channel, node, group, defaults.
struct PolicyDraft: Sendable, Hashable {
    var baseFee: Millisatoshi?
    var proportionalFee: UInt32?
    var cltvExpiryDelta: UInt16?
    var htlcMinimum: Millisatoshi?
    var htlcMaximum: Millisatoshi?
    var isDisabled: Bool?

    /// This one's parts, and `lower`'s where it has none.
    func over(_ lower: PolicyDraft) -> PolicyDraft {
        PolicyDraft(
            baseFee: baseFee ?? lower.baseFee, proportionalFee: proportionalFee ?? lower.proportionalFee,
            cltvExpiryDelta: cltvExpiryDelta ?? lower.cltvExpiryDelta,
            htlcMinimum: htlcMinimum ?? lower.htlcMinimum, htlcMaximum: htlcMaximum ?? lower.htlcMaximum,
            isDisabled: isDisabled ?? lower.isDisabled)
    }

    /// With lnd's default policy under it, and no HTLC larger than the channel.
    func resolved(capacity: Satoshi) -> ChannelPolicy {
        ChannelPolicy(
            baseFee: baseFee ?? Millisatoshi(1_000), proportionalFee: proportionalFee ?? 1,
            cltvExpiryDelta: cltvExpiryDelta ?? 80, isDisabled: isDisabled ?? false,
            htlcMinimum: htlcMinimum ?? Millisatoshi(1),
            htlcMaximum: min(htlcMaximum ?? Millisatoshi(capacity), Millisatoshi(capacity)))
    }
}

/// The limits a file gives for a channel, or for all of them.
struct LimitsDraft: Sendable, Hashable {
    var dustLimit: Satoshi?
    var channelReserve: Satoshi?
    var htlcValueInFlightMaximum: Millisatoshi?
    var acceptedHTLCsMaximum: UInt16?
    var toSelfDelay: UInt16?
    var feeratePerKiloweight: UInt32?
    var hasAnchors: Bool?

    func over(_ lower: LimitsDraft) -> LimitsDraft {
        LimitsDraft(
            dustLimit: dustLimit ?? lower.dustLimit, channelReserve: channelReserve ?? lower.channelReserve,
            htlcValueInFlightMaximum: htlcValueInFlightMaximum ?? lower.htlcValueInFlightMaximum,
            acceptedHTLCsMaximum: acceptedHTLCsMaximum ?? lower.acceptedHTLCsMaximum,
            toSelfDelay: toSelfDelay ?? lower.toSelfDelay,
            feeratePerKiloweight: feeratePerKiloweight ?? lower.feeratePerKiloweight,
            hasAnchors: hasAnchors ?? lower.hasAnchors)
    }

    func resolved(capacity: Satoshi) -> Topology.ChannelLimits {
        let dustLimit = dustLimit ?? Satoshi(354)
        return Topology.ChannelLimits(
            dustLimit: dustLimit,
            channelReserve: channelReserve ?? max(Satoshi(capacity.rawValue / 100), dustLimit),
            htlcValueInFlightMaximum: htlcValueInFlightMaximum ?? Millisatoshi(capacity),
            acceptedHTLCsMaximum: acceptedHTLCsMaximum ?? 483, toSelfDelay: toSelfDelay ?? 144,
            feeratePerKiloweight: feeratePerKiloweight ?? 2_500, hasAnchors: hasAnchors ?? true)
    }
}

extension LimitsDraft {
    /// A channel's dispute window and the rate of its commitments, as they suit a layer 1.
    init(_ profile: LayerOneProfile) {
        toSelfDelay = profile.disputeWindow
        feeratePerKiloweight = UInt32(clamping: profile.demand.feerateTypical)
    }
}
