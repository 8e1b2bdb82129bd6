import LightningTypes

/// Why a payment or an attempt failed: BOLT 4's failure codes, and what happens before any message is sent.
public enum FailureName: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    // BOLT 4, "Failure Messages", in its order.
    case temporaryNodeFailure
    case permanentNodeFailure
    case permanentChannelFailure
    case temporaryChannelFailure
    case unknownNextPeer
    case amountBelowMinimum
    case feeInsufficient
    case incorrectCLTVExpiry
    case expiryTooSoon
    case incorrectOrUnknownPaymentDetails
    case finalIncorrectCLTVExpiry
    case finalIncorrectHTLCAmount
    case channelDisabled
    case expiryTooFar
    // The sender's own reasons.
    /// None that the payer knows and believes in starts with a channel it can use, whatever that has on its side.
    case noRoute
    /// There would be a route if the payer's channels had more on its side.
    case insufficientLocalBalance
    case feeLimitExceeded
    case attemptsExhausted
    case htlcLimit
    /// BOLT 4's; last, since the numbers of the others are part of every digest so far.
    case mppTimeout
    // BOLT 4's too: an onion that the next node could not read, or what it read in it.
    case invalidOnionVersion
    case invalidOnionHMAC
    case invalidOnionKey
    case invalidOnionPayload

    /// The name in output: BOLT 4's spelling, `temporary_channel_failure`.
    public var name: String {
        switch self {
        case .temporaryNodeFailure: "temporary_node_failure"
        case .permanentNodeFailure: "permanent_node_failure"
        case .permanentChannelFailure: "permanent_channel_failure"
        case .temporaryChannelFailure: "temporary_channel_failure"
        case .unknownNextPeer: "unknown_next_peer"
        case .amountBelowMinimum: "amount_below_minimum"
        case .feeInsufficient: "fee_insufficient"
        case .incorrectCLTVExpiry: "incorrect_cltv_expiry"
        case .expiryTooSoon: "expiry_too_soon"
        case .incorrectOrUnknownPaymentDetails: "incorrect_or_unknown_payment_details"
        case .finalIncorrectCLTVExpiry: "final_incorrect_cltv_expiry"
        case .finalIncorrectHTLCAmount: "final_incorrect_htlc_amount"
        case .channelDisabled: "channel_disabled"
        case .expiryTooFar: "expiry_too_far"
        case .noRoute: "no_route"
        case .insufficientLocalBalance: "insufficient_local_balance"
        case .feeLimitExceeded: "fee_limit_exceeded"
        case .attemptsExhausted: "attempts_exhausted"
        case .htlcLimit: "htlc_limit"
        case .mppTimeout: "mpp_timeout"
        case .invalidOnionVersion: "invalid_onion_version"
        case .invalidOnionHMAC: "invalid_onion_hmac"
        case .invalidOnionKey: "invalid_onion_key"
        case .invalidOnionPayload: "invalid_onion_payload"
        }
    }
}

/// One payment, written when its payer learns its end.
public struct PaymentRecord: Sendable {
    /// From 0, in order of start.
    public var number: UInt64
    public var source: Int32
    public var destination: Int32
    public var amount: Millisatoshi
    /// Simulated microseconds.
    public var startedAt: UInt64
    public var endedAt: UInt64
    /// Nil: settled.
    public var failure: FailureName?
    /// Zero where no route was found.
    public var attempts: UInt16
    /// Channels of the settled route, of several parts the longest; zero for a failed payment.
    public var hops: UInt8
    /// Routing fees paid; zero for a failed payment.
    public var fee: Millisatoshi
}

/// One attempt over one route, written when its sender learns its end.
public struct AttemptRecord: Sendable {
    public var payment: UInt64
    /// From 0 within its payment.
    public var number: UInt16
    public var startedAt: UInt64
    public var endedAt: UInt64
    /// From the sender's own channel to the receiver's.
    public var route: [DirectionIndex]
    public var fee: Millisatoshi
    /// Nil: settled.
    public var failure: FailureName?
    /// Which node of the route failed: 0 the sender, `route.count` the receiver. Nil: settled.
    public var failingHop: UInt8?
}

/// One confirmed layer-1 transaction.
public struct ChainRecord: Sendable {
    public var height: UInt32
    /// Position in its block.
    public var position: UInt32
    /// Simulated microseconds of its block.
    public var confirmedAt: UInt64
    /// Hexadecimal.
    public var transactionID: String
    public var kind: Kind
    /// Index of the channel it opens or closes.
    public var channel: Int32
    public var weight: UInt64
    public var fee: Satoshi

    public enum Kind: String, Sendable, CaseIterable {
        case funding, closing, commitment, claim, penalty
        case feeBump = "fee-bump"
    }
}

/// What one simulated hour of the whole network saw.
public struct TimelineRecord: Sendable {
    /// From 0.
    public var hour: UInt32
    /// Payments whose end was learned in this hour.
    public var settled: UInt64
    public var failed: UInt64
    public var volume: Millisatoshi
    public var fees: Millisatoshi
    /// What nodes paid for layer-1 transactions then, satoshi per 1,000 weight: the fixed rate or, where there is a fee
    /// market, what blocks asked for at the end of the hour of whoever wanted to be in one of six.
    public var feeratePerKiloweight: UInt64 = 0
    /// The network at the end of the hour, or of the run.
    public var network = NetworkSample()
}

/// Where the money of a network is at one instant.
public struct NetworkSample: Sendable, Equatable {
    /// Below this share of its channel's capacity a direction counts as depleted.
    public static let depletionShare: UInt64 = 100

    /// HTLCs pending, each counted once.
    public var pendingHTLCs: UInt64 = 0
    /// Open directions in which less than 1 % of the capacity could be sent.
    public var depletedDirections: UInt64 = 0
    public var openDirections: UInt64 = 0
    /// What some nodes hold more in their channels than at the beginning, and others less: the half of the sum over
    /// nodes of the difference.
    public var drift: Millisatoshi = .zero

    public init() {}
}

/// What one end of one channel earned and spent, over the measured time.
public struct ChannelIncome: Sendable, Equatable {
    /// HTLCs forwarded out through this channel and settled.
    public var forwards: UInt64 = 0
    /// HTLCs that were to be forwarded out through this channel and were refused, because this node could not pay
    /// them ...
    public var refusedForBalance: UInt64 = 0
    /// ... or because `max_accepted_htlcs` or `max_htlc_value_in_flight_msat` was reached.
    public var refusedForLimits: UInt64 = 0
    /// What the forwarded HTLCs carried.
    public var volume: Millisatoshi = .zero
    /// Fees earned by forwarding out through this channel (as `bkpr-listincome` books them).
    public var routingFees: Millisatoshi = .zero
    /// Routing fees paid on this node's own payments, which left through this channel.
    public var feesPaid: Millisatoshi = .zero
    /// What this node's own payments delivered, and what it received as a payee.
    public var sent: Millisatoshi = .zero
    public var received: Millisatoshi = .zero
    /// Layer-1 fees borne by this node for the channel's opening and closing, rounding and unmade dust included.
    public var openingCost: Millisatoshi = .zero
    public var closingCost: Millisatoshi = .zero
    /// What revoked commitments brought to this side, or cost it, beyond what was due to it; fees on the chain
    /// included.
    public var penalties: Int64 = 0
    /// What HTLCs that the chain settled on one side alone brought or cost, beyond fees.
    public var principal: Int64 = 0
    /// Own side plus HTLCs offered, averaged over the measured time.
    public var capital: Millisatoshi = .zero

    public init() {}

    public var onchainFees: Millisatoshi { openingCost + closingCost }
}

/// Where a run's records go. Called from the thread that runs the simulation, in an order that does not
/// depend on threads.
public protocol RunRecorder: AnyObject {
    func record(_ payment: PaymentRecord) throws
    func record(_ attempt: AttemptRecord) throws
    func record(_ transaction: ChainRecord) throws
    func record(_ hour: TimelineRecord) throws
    /// Whether attempts are to be reported at all: they cost an array each.
    func wantsAttempts(of payment: UInt64) -> Bool
}

/// How signatures are made; both give the same digest.
public enum SignatureMode: String, Sendable, CaseIterable {
    /// Fingerprints travel; a signature is made when a transaction reaches the chain.
    case lazy
    /// Every signature is made and verified when the protocol does.
    case eager
}

/// How a run is carried out; everything about the network itself stands in the `Topology`.
public struct RunSettings: Sendable {
    public var signatures: SignatureMode = .lazy
    public var threads: Int = 1
    /// More threads than this are not made, whatever is asked for. Changes no result.
    public var threadsMaximum = Int.max
    /// Into how many shards the processes are divided; nil: as suits the threads. Changes no result.
    public var shards: Int?
    /// Whether first routes are found ahead of time where there are several threads. Changes no result.
    public var prefetch = true
    /// Whether `NetworkSimulation.liquidityUse` is kept: of runs on one shard, without faults. Changes no result.
    public var measuresUse = false
    /// Whether the facts for `NetworkSimulation.audit()` are kept: every HTLC and every transaction. Changes no result;
    /// not kept across a resumption.
    public var audits = false
    /// Exactly the first so many payments of the merged traffic; nil: all that start within the duration.
    public var paymentsMaximum: UInt64?
    /// Multiplies every rate of the traffic: the same payments in the same order, closer together.
    public var rateFactor: Double = 1

    public init() {}

    /// How many threads the run asks the system for.
    public var threadsMade: Int { min(threads, max(threadsMaximum, 1)) }
}

/// What a running simulation says of itself.
public struct RunProgress: Sendable {
    /// Simulated microseconds so far.
    public var simulated: UInt64
    public var started: UInt64
    public var settled: UInt64
    public var failed: UInt64
    public var events: UInt64
    /// Windows of the engine's, since this process began.
    public var windows: UInt64
    /// Share of the run done, 0 to 1, by payments or by time, whichever bounds it.
    public var fraction: Double
}

/// The result of a run.
public struct RunResult: Sendable {
    public var digest: UInt64
    public var seed: UInt64
    public var events: UInt64
    /// Messages delivered, by their BOLT names, in a fixed order; those never sent are left out.
    public var messages: [(name: String, count: UInt64)]
    /// Until the last event, layer 1 included.
    public var simulatedMicroseconds: UInt64
    /// From the last payment's start until no HTLC was pending.
    public var drainMicroseconds: UInt64
    /// The time every table is measured over: from the end of the warm-up to the end of the duration or, where the
    /// payments were counted or took longer, until no HTLC was pending.
    public var measuredMicroseconds: UInt64
    /// Payments that started after the warm-up.
    public var payments: PaymentCounts
    /// The same, of the warm-up.
    public var warmupPayments: UInt64
    /// Final reasons of failed payments, most frequent first, then by name.
    public var failures: [(name: FailureName, count: UInt64)]
    /// What attempts failed of, most frequent first, then by name.
    public var attemptFailures: [(name: FailureName, count: UInt64)]
    public var attempts: UInt64
    /// Of settled payments.
    public var meanHops: Double
    public var amountSettled: Millisatoshi
    /// What senders paid and what routers earned; equal to the millisatoshi once nothing is in flight.
    public var feesPaid: Millisatoshi
    public var feesEarned: Millisatoshi
    /// Of settled payments, simulated milliseconds from first attempt to the payer's learning the end.
    public var latencyMilliseconds: Quantiles
    /// Indexed by `DirectionIndex`: what the node that offers in this direction earned through this channel.
    public var channelIncome: [ChannelIncome]
    /// Final state of each channel, by `DirectionIndex`: the offering side's balance at the end.
    public var finalBalances: [Millisatoshi]
    public var nodeIncome: [NodeIncome]
    public var chain: ChainSummary
    public var disputes: DisputeSummary
    /// How often a node's policy in one direction became another.
    public var policyChanges: UInt64
    public var channelLifetimeDays: UInt32
    /// Days for which capital stays locked after that.
    public var exitDays: Double
    /// By simulated hour.
    public var timeline: [TimelineRecord]
    public var primitives: PrimitiveCounts

    public struct PaymentCounts: Sendable, Equatable {
        public var attempted: UInt64 = 0
        /// Those whose sender found at least one route to try: in the public graph, with what its own channels could
        /// offer and, where it learns, with what it had learned.
        public var routable: UInt64 = 0
        public var settled: UInt64 = 0
        public var failed: UInt64 = 0
        public init() {}
    }

    public struct Quantiles: Sendable, Equatable {
        public var p50: Double
        public var p90: Double
        public var p99: Double
    }

    public struct ChainSummary: Sendable, Equatable {
        public var height: UInt32
        public var transactions: UInt64
        public var channelsOpened: UInt64
        public var channelsClosed: UInt64
        /// Openings a funder's wallet could not pay for.
        public var openingsRefused: UInt64
        /// Channels too small to pay for their closing.
        public var closingsRefused: UInt64
        public var minerFees: Satoshi
        public var genesisAmount: Satoshi
        /// Confirmed transactions by kind, in the order of `ChainRecord.Kind`; kinds that nobody made are left out.
        public var kinds: [KindSummary]
    }

    /// The confirmed transactions of one kind.
    public struct KindSummary: Sendable, Equatable {
        public var kind: ChainRecord.Kind
        public var count: UInt64 = 0
        public var weight: UInt64 = 0
        public var fees: Satoshi = .zero

        public init(_ kind: ChainRecord.Kind) { self.kind = kind }
    }

    /// What went wrong between the parties of channels.
    public struct DisputeSummary: Sendable, Equatable {
        /// Channels that a node took to the chain, those with a revoked commitment among them.
        public var unilateralCloses: UInt64
        /// Revoked commitments that closed a channel ...
        public var cheats: UInt64
        /// ... that their victims saw on the chain ...
        public var breaches: UInt64
        /// ... and channels in which a penalty took something of one, the victim's or its tower's.
        public var punished: UInt64
        /// Channels whose node found its state to be old.
        public var dataLosses: UInt64

        public var isEmpty: Bool { unilateralCloses + breaches + dataLosses == 0 }
    }
}

/// What one node earned, from its channels' books.
public struct NodeIncome: Sendable {
    public var node: Int32
    public var forwards: UInt64
    public var volume: Millisatoshi
    public var routingFees: Millisatoshi
    public var feesPaid: Millisatoshi
    public var onchainFees: Millisatoshi
    /// Won or lost by revoked commitments, and by HTLCs that the chain settled on one side alone; millisatoshi.
    public var penalties: Int64
    public var principal: Int64
    /// Routing fees less on-chain fees, with what disputes brought or cost, in millisatoshi. May be negative.
    public var net: Int64
    public var capital: Millisatoshi
    /// Routing fees ÷ capital, per 365 days, as a fraction (0.05 is 5 %). Nil without capital.
    public var aprGross: Double?
    /// The same less on-chain costs, opening and closing spread over the channel's lifetime; and that on capital which
    /// stays locked for a layer's exit delay after it.
    public var aprNet: Double?
}
