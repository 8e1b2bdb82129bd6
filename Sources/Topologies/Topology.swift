import LightningTypes
import Routing
import Settlement

/// A network to simulate: everything a topology file says, checked and resolved to dense indices.
///
/// Nodes stand in order of `id`, channels in order of `shortChannelID`, so that two files that describe the
/// same network are the same value, whatever order they list it in. Nodes that join in the run come after the others.
public struct Topology: Sendable {
    /// The file's name without its ending, or the file's own `name`.
    public var name: String
    public var nodes: [Node]
    public var channels: [Channel]
    /// How balances are drawn for channels that give none.
    public var balances: BalanceRule
    public var layerOne: LayerOne
    public var payments: PaymentRules
    public var latency: Latency
    public var traffic: Traffic
    /// How policies change in the run; applied in this order where times are equal.
    public var policyChanges: [PolicyChange] = []
    /// How nodes and channels come and go; nil once `drawChurn` has drawn it, and where they do not.
    public var churn: Churn?
    /// What goes wrong in the run.
    public var faults: [Fault] = []
    /// Nothing of `faults` happens at a random time later than this; nil: than the traffic's end. Where a number of
    /// payments ends the traffic, whoever starts the run knows about when.
    public var faultsEnd: Duration?
    /// Who watches the chain for nodes that may be away; nil: nobody.
    public var watchtower: Watchtower?
    /// The last payment starts before this much simulated time; nil is bounded by the number of payments alone.
    public var duration: Duration?
    /// The first stretch of the run, left out of every table.
    public var warmup: Duration
    public var seed: UInt64
    /// The graph file that channels come from, if any.
    public var graph: Graph?

    /// Whether any channel's balance is left to `balances`.
    public var drawsBalances: Bool { channels.contains { $0.opensAt == nil && $0.balance1 == nil } }

    /// A channel graph of another program.
    public struct Graph: Sendable, Hashable {
        public var format: GraphFormat
        /// Whether it is the topology by itself, its traffic assumed; else a topology file refers to it.
        public var isWholeTopology: Bool
    }

    public struct Node: Sendable, Hashable {
        /// The public key (66 hexadecimal digits) in a graph file, else the name.
        public var id: String
        /// What people call it; the name itself where there is no other.
        public var alias: String
        /// The group it belongs to (`household`), if any.
        public var group: String?
        /// The on-chain wallet at genesis; nil: as much as the channels it opens need.
        public var wallet: Satoshi?
        /// Whether a topology names it beside the graph it refers to: whoever wrote it in wants to see it.
        public var isSingledOut = false
        /// When it joins and leaves, drawn by `drawChurn`; nil: before the run, never.
        public var joinsAt: Duration?
        public var leavesAt: Duration?
    }

    public struct Channel: Sendable, Hashable {
        public var shortChannelID: ShortChannelID
        /// Indices into `nodes`; `node1 < node2`, as BOLT 7 orders them.
        public var node1: Int32
        public var node2: Int32
        public var capacity: Satoshi
        /// Who pays commitment fee, anchors, opening and closing; nil: whoever has the larger drawn balance.
        public var funder: Side?
        /// What the first side owns at the start of a standing channel; nil: drawn by `Topology.balances`.
        public var balance1: Millisatoshi?
        /// What the funder gives the other side at the opening (`push_msat` of `open_channel`).
        public var pushed: Millisatoshi
        /// The policy of the direction in which node1 (node2) offers HTLCs; nil: never announced.
        public var policy1: ChannelPolicy?
        public var policy2: ChannelPolicy?
        /// When the funder sends `open_channel`; nil: the channel stands open before the run.
        public var opensAt: Duration? {
            get { Self.duration(opening) }
            set { opening = Self.microseconds(newValue) }
        }
        /// When its funder asks for a cooperative close; nil: never.
        public var closesAt: Duration? {
            get { Self.duration(closing) }
            set { closing = Self.microseconds(newValue) }
        }
        /// The same in microseconds, `.max` for nil: of many channels few have times, and a `Duration?` takes 32 bytes.
        var opening = UInt64.max
        var closing = UInt64.max
        /// What opening a standing channel had cost its funder, charged to the ledger at time zero.
        public var openingCost: Satoshi
        public var limits: ChannelLimits
    }

    /// BOLT 2's limits of a channel, the same for both sides. Each may be zero.
    public struct ChannelLimits: Sendable, Hashable {
        /// `dust_limit_satoshis`: an output below it is not made. 354 by default (BOLT 3).
        public var dustLimit: Satoshi
        /// `channel_reserve_satoshis`; by default 1 % of the capacity, at least the dust limit.
        public var channelReserve: Satoshi
        /// `max_htlc_value_in_flight_msat`; by default the whole capacity.
        public var htlcValueInFlightMaximum: Millisatoshi
        /// `max_accepted_htlcs`; 483 by default, and never more (BOLT 2).
        public var acceptedHTLCsMaximum: UInt16
        /// `to_self_delay` in blocks; 144 by default.
        public var toSelfDelay: UInt16
        /// `feerate_per_kw` of the commitment transaction: satoshi per 1,000 weight units; 2,500 by default.
        public var feeratePerKiloweight: UInt32
        /// Whether the commitment has BOLT 3's two 330-satoshi anchor outputs; true by default.
        public var hasAnchors: Bool
    }

    public enum BalanceRule: String, Sendable, CaseIterable {
        /// Half to each side; the odd millisatoshi to the second.
        case even
        /// The first side's share uniform over 0 to capacity.
        case uniform
        /// All to one side, which side drawn evenly.
        case oneSided = "one-sided"
    }

    public struct LayerOne: Sendable, Hashable {
        /// Mean time between blocks; 600 s by default.
        public var blockInterval: Duration
        /// Exponential intervals (mining) or exactly equal ones.
        public var hasRegularBlocks: Bool
        /// Blocks until a funding transaction counts (`minimum_depth`); 3 by default.
        public var confirmations: UInt32
        /// What nodes pay for their transactions where there is no fee market, satoshi per virtual byte. May be zero.
        public var feeratePerVirtualByte: UInt32
        /// Weight a block has room for; 4,000,000 by default.
        public var blockWeight: UInt64
        /// How long money that left a channel is on its way to where it can be used elsewhere, as what leaves a rollup
        /// is; zero by default.
        public var exitDelay: Duration = .zero
        /// The figures it goes by, if the file names some.
        public var profile: LayerOneProfile?
        /// Whether others bid for block space too, as the profile says, and nodes pay what they estimate.
        public var hasFeeMarket = false

        /// What its chain accepts. Where rates never change, it relays at the one there is.
        public var rules: ChainRules {
            var rules = profile?.rules ?? .bitcoin
            rules.blockWeightMaximum = blockWeight
            rules.transactionWeightMaximum = min(rules.transactionWeightMaximum, blockWeight)
            if !hasFeeMarket { rules.feerateMinimum = min(rules.feerateMinimum, feeratePerKiloweight) }
            return rules
        }

        /// `feeratePerVirtualByte` in satoshi for 1,000 weight.
        public var feeratePerKiloweight: UInt64 { UInt64(feeratePerVirtualByte) * 250 }
    }

    /// How senders try.
    public struct PaymentRules: Sendable, Hashable {
        /// Attempts of one payment; 10 by default.
        public var attemptsMaximum: UInt16
        /// The largest fee a sender accepts, parts per million of the amount (50,000 by default) ...
        public var feeLimitProportional: UInt32
        /// ... but never refused below this (5,000 msat by default).
        public var feeLimitMinimum: Millisatoshi
        /// `min_final_cltv_expiry_delta` of every invoice; 18 by default.
        public var finalCLTVExpiryDelta: UInt16
        /// Pause between the first change of a commitment and the `commitment_signed` for it; 10 ms by default.
        public var commitmentInterval: Duration
        /// How long `channel_announcement`s and `channel_update`s are collected before senders see them; 60 s.
        public var gossipInterval: Duration
        /// How long a node accepts HTLCs that keep the policy it has just replaced (BOLT 7); 10 minutes by default.
        public var policyGrace: Duration
        /// Over how many days the cost of opening and closing is spread in the net APR; 365 by default.
        public var channelLifetimeDays: UInt32
        /// What senders mind in a route; the fee alone by default.
        public var model: RoutingModel
        /// How senders divide an amount; not at all by default. A flow has a cost of its own in place of the model.
        public var splitting: Splitting
        /// The most parts under way of one payment; 16 by default.
        public var partsMaximum: UInt16

        /// Whether senders remember what their payments taught them about other nodes' channels.
        public var learns: Bool { model.learns || splitting == .minimumCostFlow }
    }

    /// One-way delay of a link between two nodes.
    public struct Latency: Sendable, Hashable {
        /// No message is faster: the engine's lookahead; 5 ms by default.
        public var floor: Duration
        /// Nil: drawn for each link from the measured round trips of the real network; else the same everywhere.
        public var fixed: Duration?
    }

    public enum Traffic: Sendable {
        case flows([Flow])
        case trace([TracePayment])
    }

    public struct TracePayment: Sendable, Hashable {
        /// Microseconds of simulated time; ascending.
        public var microseconds: UInt64
        public var source: Int32
        public var destination: Int32
        public var amount: Millisatoshi
    }
}
