import LightningTypes
import Routing

/// A policy as three words and a half, the fields of a `channel_update` side by side.
struct PolicyWords: BitwiseCopyable {
    /// `fee_base_msat` below, `fee_proportional_millionths` above.
    var fees: UInt64
    /// `htlc_minimum_msat` and `htlc_maximum_msat`.
    var minimum: UInt64
    var maximum: UInt64
    /// `cltv_expiry_delta` below, the `disable` bit above.
    var rest: UInt32

    static let disableBit: UInt32 = 1 << 16

    init(fees: UInt64, minimum: UInt64, maximum: UInt64, rest: UInt32) {
        self.fees = fees
        self.minimum = minimum
        self.maximum = maximum
        self.rest = rest
    }

    init(_ policy: ChannelPolicy) {
        fees = policy.baseFee.rawValue | UInt64(policy.proportionalFee) << 32
        minimum = policy.htlcMinimum.rawValue
        maximum = policy.htlcMaximum.rawValue
        rest = UInt32(policy.cltvExpiryDelta) | (policy.isDisabled ? Self.disableBit : 0)
    }

    var policy: ChannelPolicy {
        ChannelPolicy(
            baseFee: Millisatoshi(fees & 0xFFFF_FFFF), proportionalFee: UInt32(fees >> 32),
            cltvExpiryDelta: UInt16(truncatingIfNeeded: rest), isDisabled: rest & Self.disableBit != 0,
            htlcMinimum: Millisatoshi(minimum), htlcMaximum: Millisatoshi(maximum))
    }
}

extension NetworkMessage {
    /// A node to gossip: its policy in a direction is another now, or different from the topology's when it opens.
    static func policyUpdate(_ direction: DirectionIndex, _ policy: ChannelPolicy) -> NetworkMessage {
        var message = NetworkMessage(.policyUpdate, end: direction)
        let words = PolicyWords(policy)
        message.id = words.fees
        message.amount = words.minimum
        message.payment = PaymentToken(rawValue: words.maximum)
        message.expiry = words.rest
        return message
    }

    /// What a message to gossip says.
    var directionUpdate: DirectionUpdate {
        guard kind == .policyUpdate else { return DirectionUpdate(end, isUsable: id == 1) }
        let words = PolicyWords(fees: id, minimum: amount, maximum: payment.rawValue, rest: expiry)
        return DirectionUpdate(end, isUsable: !words.policy.isDisabled, policy: words.policy)
    }
}

/// The `channel_update` in a failure (BOLT 4): what the failing node asks for now, as an attachment.
struct FailureUpdate: Hashable {
    /// When the node failed the HTLC, simulated microseconds.
    var time: UInt64
    var policy: ChannelPolicy

    static let wordCount = 5
    /// Bytes of the attachment.
    static let size = wordCount * MemoryLayout<UInt64>.size

    init(time: UInt64, policy: ChannelPolicy) {
        self.time = time
        self.policy = policy
    }

    var words: [UInt64] {
        let words = PolicyWords(policy)
        return [time, words.fees, words.minimum, words.maximum, UInt64(words.rest)]
    }

    init(words: [UInt64]) {
        precondition(words.count == Self.wordCount, "the channel_update of a failure has five words")
        time = words[0]
        policy =
            PolicyWords(
                fees: words[1], minimum: words[2], maximum: words[3],
                rest: UInt32(truncatingIfNeeded: words[4])
            ).policy
    }
}
