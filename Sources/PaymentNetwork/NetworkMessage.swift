import EventSimulation
import LightningTypes
import Settlement

/// One event of the network: a wire message between nodes, a message to or from layer 1 or gossip, or a timer.
///
/// 40 bytes, so that an event is 64. What does not fit (onions, signatures, transactions) is its attachment.
struct NetworkMessage: EventPayload {
    /// The BOLT 2 messages first, then what is not sent between nodes.
    enum Kind: UInt8, CaseIterable {
        case openChannel
        case acceptChannel
        case fundingCreated
        case fundingSigned
        case channelReady
        case updateAddHTLC
        case updateFulfillHTLC
        case updateFailHTLC
        case commitmentSigned
        case revokeAndAck
        case shutdown
        case closingSigned
        case channelUpdate

        /// A node to layer 1: the attachment is the transaction.
        case broadcastTransaction
        /// A node to layer 1: tell me when the attached transaction id has `id` confirmations.
        case watchTransaction
        /// Layer 1 to a node.
        case transactionConfirmed
        /// Timers.
        case blockTimer
        case gossipTimer
        case trafficTimer
        case openTimer
        case closeTimer
        case commitTimer
        /// A payment to make.
        case startPayment
        /// A payer to traffic: payment `id` ended; `amount` is 1 if it settled, else 0.
        case paymentEnded
        /// A payee to itself: the first part of `payment` has waited long enough for the others.
        case partsTimer
        /// A node to gossip: another policy of its own, in `NetworkMessage.policyUpdate`.
        case policyUpdate
        /// A node to itself: change `id` of the topology's policy changes is due, `amount` draws on.
        case policyTimer

        /// Between nodes, when a connection is back: `id` and `amount` are the numbers of the next commitment and of
        /// the next revocation that the sender expects.
        case channelReestablish
        /// To a node: the link of a channel goes down, or comes back.
        case linkDown
        case linkUp
        /// To a node or a service: `id` names one of the planned faults, `amount` its `FaultMoment`.
        case faultTimer
        /// A node to itself: an HTLC of the channel may have to be resolved on chain.
        case deadlineTimer
        /// A node to itself: it has kept HTLC `id` of the channel for as long as it meant to.
        case holdTimer
        /// A node or the tower to layer 1: tell me of the channel and of fees when the height is `id`, or at once.
        case layerOneQuestion
        /// Layer 1 to a node or the tower, of height `id`: fees, and in the attachment transactions that concern the
        /// channel.
        case blockNews
        /// Layer 1 to a node or the tower: the blocks above height `id` are undone.
        case blocksUndone
        /// A node to the tower: it can punish the peer's commitments up to `id` now.
        case towerUpdate

        /// Between nodes: `amount` is the rate for both commitments. Here, since the numbers of the others are part of
        /// every digest so far.
        case updateFee
        /// A node to itself: the time to look at the fee market has come, `amount` draws on.
        case feerateTimer
        /// A node to layer 1: what does a commitment have to pay now?
        case feerateQuestion
        /// Layer 1 to a node: `amount` satoshi for 1,000 weight.
        case feerateEstimate
        /// To a node: messages over the link of a channel begin, or cease, to be `amount` microseconds late on average.
        case jitterBegins
        case jitterEnds

        /// Whether a channel comes to be by it: those are not interrupted.
        var isEstablishment: Bool { rawValue <= Kind.fundingSigned.rawValue }

        /// Whether layer 1 tells it of blocks.
        var isChainNews: Bool { self == .blockNews || self == .blocksUndone || self == .transactionConfirmed }

        /// Whether it travels between two nodes, over the link of a channel.
        var isWire: Bool {
            rawValue <= Kind.closingSigned.rawValue || self == .channelReestablish || self == .updateFee
        }

        /// The name in the specification; nil for what is no message between nodes.
        var messageName: String? {
            switch self {
            case .openChannel: "open_channel"
            case .acceptChannel: "accept_channel"
            case .fundingCreated: "funding_created"
            case .fundingSigned: "funding_signed"
            case .channelReady: "channel_ready"
            case .updateAddHTLC: "update_add_htlc"
            case .updateFulfillHTLC: "update_fulfill_htlc"
            case .updateFailHTLC: "update_fail_htlc"
            case .commitmentSigned: "commitment_signed"
            case .revokeAndAck: "revoke_and_ack"
            case .shutdown: "shutdown"
            case .closingSigned: "closing_signed"
            case .channelUpdate, .policyUpdate: "channel_update"
            case .channelReestablish: "channel_reestablish"
            case .updateFee: "update_fee"
            case .broadcastTransaction, .watchTransaction, .transactionConfirmed, .blockTimer, .gossipTimer,
                .trafficTimer, .openTimer, .closeTimer, .commitTimer, .startPayment, .partsTimer,
                .paymentEnded, .policyTimer, .linkDown, .linkUp, .faultTimer, .deadlineTimer, .holdTimer,
                .layerOneQuestion, .blockNews, .blocksUndone, .towerUpdate, .feerateTimer, .feerateQuestion,
                .feerateEstimate, .jitterBegins, .jitterEnds:
                nil
            }
        }
    }

    var kind: Kind
    /// `update_fail_htlc`: why, and how many nodes upstream of the failing one the message has passed.
    var failure: FailureName = .temporaryNodeFailure
    var distance: UInt8 = 0
    /// What a layer-1 transaction is for, or between nodes which of the link's connections the message belongs to.
    private(set) var tag: UInt8 = 0
    /// The receiver's end of the channel the message is about; its own direction. A direction for `channel_update`.
    var end: DirectionIndex
    var attachment: Attachment = .none
    /// `cltv_expiry`.
    var expiry: UInt32 = 0
    /// HTLC id, commitment number, or depth; in `channel_update` 1 to enable the direction, 0 to disable it.
    var id: UInt64 = 0
    /// Millisatoshis; the fingerprint in `commitment_signed`; satoshis in `closing_signed`; satoshis
    /// for 1,000 weight in `update_fee`.
    var amount: UInt64 = 0
    /// What stands for the payment hash, and in `update_fulfill_htlc` for the preimage.
    var payment: PaymentToken = PaymentToken(rawValue: 0)

    init(_ kind: Kind, end: DirectionIndex) {
        self.kind = kind
        self.end = end
    }

    /// What a layer-1 transaction is for.
    var purpose: TransactionPurpose {
        get {
            guard let purpose = TransactionPurpose(rawValue: tag) else {
                preconditionFailure("a message between nodes has no purpose")
            }
            return purpose
        }
        set { tag = newValue.rawValue }
    }

    /// Counts the connections of a link, modulo 256: far fewer are broken within a link's latency.
    var connection: UInt8 {
        get { tag }
        set { tag = newValue }
    }

    func fold(into digest: inout Digest) {
        var head = UInt64(kind.rawValue) | UInt64(failure.rawValue) << 8 | UInt64(distance) << 16
        head |= UInt64(tag) << 24 | UInt64(end.rawValue) << 32
        digest.fold(head, id)
        digest.fold(amount, payment.rawValue ^ UInt64(expiry) << 32)
    }
}

/// What a layer-1 transaction does for a channel.
enum TransactionPurpose: UInt8 {
    case funding
    /// Agreed by both parties.
    case closing
    case commitment
    /// The child by which a party raises the fee of its commitment.
    case feeBump
    /// Takes an output of a commitment, or of a second stage.
    case claim
    case penalty
}

/// Names a payment in place of its hash: the preimage and the hash derive from it when someone needs them.
struct PaymentToken: Hashable, Sendable, BitwiseCopyable {
    private static let measuredBit: UInt64 = 1 << 63
    private static let reportedBit: UInt64 = 1 << 62
    static let numberMaximum: UInt64 = reportedBit - 1

    var rawValue: UInt64

    init(rawValue: UInt64) { self.rawValue = rawValue }

    init(number: UInt64, isMeasured: Bool, isReported: Bool = false) {
        precondition(number <= Self.numberMaximum, "payment numbers have 62 bits")
        rawValue = number | (isMeasured ? Self.measuredBit : 0) | (isReported ? Self.reportedBit : 0)
    }

    var number: UInt64 { rawValue & Self.numberMaximum }
    /// Whether it started after the warm-up, so that the tables count it.
    var isMeasured: Bool { rawValue & Self.measuredBit != 0 }
    /// Whether its payer tells the traffic how it ended.
    var isReported: Bool { rawValue & Self.reportedBit != 0 }
}
