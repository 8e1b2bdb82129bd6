import Cryptography
import LightningTypes
import Settlement

/// An output on chain that this party can take, or could if it knew a preimage.
struct OutputClaim: Hashable, Sendable {
    /// By which of the output's conditions, with which key.
    enum Way: Hashable, Sendable {
        /// Own balance on one's own commitment, and what second-stage transactions made: after `to_self_delay`.
        case delayed
        /// Own balance on the peer's commitment.
        case balance
        /// An output of a revoked commitment, or of a second stage of one.
        case penalty(secret: Bytes32)
        /// An HTLC on one's own commitment, by the second-stage transaction of this place; with the preimage of a hash
        /// it is HTLC-success, without one HTLC-timeout.
        case secondStage(place: Int, hash: Bytes32?)
        /// An HTLC on the peer's commitment: offered by the peer, with the preimage; offered by this party, once it has
        /// expired.
        case preimage(hash: Bytes32)
        case timeout

        /// Which of the output's conditions is met.
        var condition: Int {
            switch self {
            case .balance, .penalty: 0
            case .delayed, .secondStage: 1
            case .preimage, .timeout: 2
            }
        }
    }

    let outpoint: Outpoint
    let output: Output
    let way: Way
    /// The height of the chain from which the claim can be broadcast.
    let availableFrom: BlockHeight
    /// The height by which it should be confirmed: then somebody else can take the output.
    let deadline: BlockHeight?
    /// The HTLC it resolves, where it is one that this party knows.
    let htlc: MonitoredHTLC.Key?
    /// Who has spent the output in a block, and when.
    var spent: Spent?

    struct Spent: Hashable, Sendable {
        var transaction: TransactionID
        var height: BlockHeight
    }

    /// - Parameter confirmed: the height at which the output came to stand in a block.
    init(
        _ outpoint: Outpoint, _ output: Output, _ way: Way, confirmed: BlockHeight,
        deadline: BlockHeight? = nil,
        htlc: MonitoredHTLC.Key? = nil
    ) {
        self.outpoint = outpoint
        self.output = output
        self.way = way
        let condition = output.conditions[way.condition]
        // n confirmations are there when n - 1 blocks have come on top.
        let delay = PlantedBug.planted == .ignoresDelays ? 1 : max(condition.relativeLock, 1)
        let mature = confirmed + UInt32(delay - 1)
        availableFrom = max(mature, condition.absoluteLock ?? mature)
        self.deadline = deadline
        self.htlc = htlc
    }

    /// The hash whose preimage the claim needs.
    var hashNeeded: Bytes32? {
        switch way {
        case .preimage(let hash): hash
        case .secondStage(_, let hash): hash
        case .delayed, .balance, .penalty, .timeout: nil
        }
    }
}

/// An HTLC that was in some state when a channel came to the chain.
public struct MonitoredHTLC: Hashable, Sendable {
    /// Names an HTLC of a channel: ids are counted by each side for itself.
    public struct Key: Hashable, Sendable, Comparable {
        public var isOffered: Bool
        public var id: UInt64

        public init(isOffered: Bool, id: UInt64) {
            self.isOffered = isOffered
            self.id = id
        }

        public static func < (a: Key, b: Key) -> Bool {
            a.isOffered == b.isOffered ? a.id < b.id : a.isOffered
        }
    }

    public let key: Key
    public let amount: Millisatoshi
    public let payment: UInt64
    public let hash: Bytes32
    public let expiry: BlockHeight
    /// Whether the receiver had fulfilled it, so that whatever becomes of the output it is paid for.
    public let isFulfilled: Bool
    /// When the HTLC that this one was forwarded for expires: by then its fate must be known.
    public var upstreamExpiry: BlockHeight?

    init(_ htlc: HTLC, hash: Bytes32) {
        key = Key(isOffered: htlc.state.isOffered, id: htlc.id)
        amount = htlc.amount
        payment = htlc.payment
        self.hash = hash
        expiry = htlc.expiry
        isFulfilled = htlc.removal == .fulfilled
    }
}
