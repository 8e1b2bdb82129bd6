import LightningTypes

/// One channel of a route as a cost model sees it.
public struct HopView: BitwiseCopyable, Sendable {
    public var direction: DirectionIndex
    /// What the HTLC on this channel carries, msat.
    public var amount: UInt64
    /// What its near end asks for forwarding that (BOLT 7), msat.
    public var fee: UInt64
    /// What both sides of the channel own together, msat.
    public var capacity: UInt64
    /// The most that may be forwarded: `htlc_maximum_msat`, never above the capacity.
    public var amountMaximum: UInt64
    /// `cltv_expiry_delta`, blocks.
    public var cltvExpiryDelta: UInt32
}

/// What a sender minds about a channel, in millisatoshis: the best route is the one whose hops sum to the least.
///
/// The payer's own channel costs nothing in any model: it takes no fee from itself and knows its balance. Whole
/// millisatoshis, rounded down, keep the sum independent of its order and the same on every machine.
///
/// To add a model, write a type with `cost(of:)` in this module (in another, the compiler cannot specialise the
/// search for it, which costs about five times the time), and a case in `RoutingModel`.
public protocol CostModel: Sendable {
    /// The hop's fee and what else the sender minds, msat.
    ///
    /// Must be at least the fee, must not fall when the amount rises, and must depend on nothing else that changes
    /// during a search: the search is exact for every function that keeps these three promises.
    func cost(of hop: HopView) -> UInt64

    /// What every hop that carries at least `amount` costs beyond its fee, at the least. Called a few times a
    /// query. The greater it is, the less a search has to look at; zero is always right.
    func leastSurcharge(forwarding amount: UInt64) -> UInt64

    /// Whether the payer may know of a direction what makes it cheaper than others. Asked of every direction that a
    /// search looks at; true is always right.
    func mayKnow(_ direction: DirectionIndex) -> Bool

    /// `leastSurcharge(forwarding:)` of a direction of which the payer knows nothing: no less.
    func leastSurchargeOfUnknown(forwarding amount: UInt64) -> UInt64
}

extension CostModel {
    public func leastSurcharge(forwarding amount: UInt64) -> UInt64 { 0 }

    @inline(__always) public func mayKnow(_ direction: DirectionIndex) -> Bool { true }

    public func leastSurchargeOfUnknown(forwarding amount: UInt64) -> UInt64 {
        leastSurcharge(forwarding: amount)
    }
}

/// The fee and nothing else.
public struct CheapestFee: CostModel {
    public init() {}

    @inline(__always) public func cost(of hop: HopView) -> UInt64 { hop.fee }
}

/// A non-negative real cost in whole millisatoshis, rounded down; what no route can cost stays above all others.
@inline(__always)
func wholeMillisatoshis(_ cost: Double) -> UInt64 {
    // By way of a signed number, which processors convert in one step.
    cost < Double(feeCeiling) ? UInt64(bitPattern: Int64(max(cost, 0))) : feeCeiling
}

/// An amount as a real number. Below 2^63, as all the bitcoin there can be, processors convert it in one step.
@inline(__always)
func realNumber(_ amount: UInt64) -> Double {
    amount < 1 << 63 ? Double(Int64(bitPattern: amount)) : Double(amount)
}

extension GraphEdge {
    /// This direction forwarding `amount` for `fee`.
    @inline(__always) func view(forwarding amount: UInt64, fee: UInt64) -> HopView {
        HopView(
            direction: DirectionIndex(direction), amount: amount, fee: fee, capacity: capacity,
            amountMaximum: maximum, cltvExpiryDelta: cltvExpiryDelta)
    }

    /// What forwarding `amount` in this direction costs under a model, at most `feeCeiling`, and its fee alone.
    @inline(__always)
    func cost(forwarding amount: UInt64, by model: some CostModel) -> (cost: UInt64, fee: UInt64) {
        let feeHere = fee(baseFee: baseFee, proportionalFee: proportionalFee, forwarding: amount)
        return (min(model.cost(of: view(forwarding: amount, fee: feeHere)), feeCeiling), feeHere)
    }
}
