import LightningTypes

/// What a sender asks of a pathfinder.
public struct RouteRequest: Hashable, Sendable {
    public var source: Int32
    public var destination: Int32
    /// What the destination is to receive. Positive and at most all the bitcoin there can be.
    public var amount: Millisatoshi
    /// The invoice's `min_final_cltv_expiry_delta`, blocks.
    public var finalCLTVExpiryDelta: UInt32
    /// The most channels a route may have; at most 255. BOLT 4's onion has room for 20 hops at least.
    public var hopsMaximum: Int
    /// The most blocks above the current height at which the first HTLC may expire.
    public var cltvMaximum: UInt32
    /// The most the sender will pay in fees; nil: whatever it takes.
    public var feeMaximum: Millisatoshi?

    public init(
        source: Int32, destination: Int32, amount: Millisatoshi, finalCLTVExpiryDelta: UInt32 = 18,
        hopsMaximum: Int = 20, cltvMaximum: UInt32 = 2_016, feeMaximum: Millisatoshi? = nil
    ) {
        self.source = source
        self.destination = destination
        self.amount = amount
        self.finalCLTVExpiryDelta = finalCLTVExpiryDelta
        self.hopsMaximum = hopsMaximum
        self.cltvMaximum = cltvMaximum
        self.feeMaximum = feeMaximum
    }
}

/// One channel of a route and the HTLC offered on it.
public struct RouteHop: Hashable, Sendable {
    public var direction: DirectionIndex
    /// What the HTLC on this channel carries: the delivered amount and the fees of all later hops.
    public var amount: Millisatoshi
    /// Blocks above the current height at which the HTLC on this channel expires.
    public var cltvExpiryDelta: UInt32

    public init(direction: DirectionIndex, amount: Millisatoshi, cltvExpiryDelta: UInt32) {
        self.direction = direction
        self.amount = amount
        self.cltvExpiryDelta = cltvExpiryDelta
    }
}

/// A way from source to destination, first hop first; never empty, never through a node twice.
public struct Route: Hashable, Sendable {
    public var hops: [RouteHop]

    public init(hops: [RouteHop]) {
        precondition(!hops.isEmpty, "a route has a hop")
        self.hops = hops
    }

    /// What the destination receives.
    public var amountDelivered: Millisatoshi { hops[hops.count - 1].amount }
    /// What the source offers on its own channel.
    public var amountSent: Millisatoshi { hops[0].amount }
    /// What the nodes between keep.
    public var totalFee: Millisatoshi { amountSent - amountDelivered }
    /// Blocks above the current height at which the source's own HTLC expires.
    public var cltvExpiryDelta: UInt32 { hops[0].cltvExpiryDelta }
}

/// Why there is no route for a request.
///
/// Where an `htlc_minimum` above the amount decides, routes dearer than `feeMaximum` are not looked for: the
/// failure is then `noRoute` or `limitsExceeded`, though a route above the limit may exist.
public enum RoutingFailure: Error, Hashable, Sendable {
    /// Source and destination are the same node.
    case destinationIsSource
    /// No usable directions lead from the source to the destination with this amount.
    case noRoute
    /// Routes exist, but each has too many hops or locks the money for too long.
    case limitsExceeded
    /// Routes exist; the cheapest of them costs `least`, above the request's `feeMaximum`.
    case feeLimitExceeded(least: Millisatoshi)
}

/// BOLT 7's "HTLC Fees" for a direction, msat, never trapping: at least `feeCeiling` where it is above that.
@inline(__always)
func fee(baseFee: UInt32, proportionalFee: UInt32, forwarding amount: UInt64) -> UInt64 {
    let (product, overflow) = amount.multipliedReportingOverflow(by: UInt64(proportionalFee))
    if overflow { return feeOfLargeProduct(baseFee, proportionalFee, amount) }
    return UInt64(baseFee) &+ product / 1_000_000
}

@inline(never)
private func feeOfLargeProduct(_ baseFee: UInt32, _ proportionalFee: UInt32, _ amount: UInt64) -> UInt64 {
    let product = amount.multipliedFullWidth(by: UInt64(proportionalFee))
    guard product.high < 1_000_000 else { return feeCeiling }
    return min(UInt64(1_000_000).dividingFullWidth(product).quotient, feeCeiling) + UInt64(baseFee)
}

/// Fees of a whole route from here on (2^55 msat, 360,000 BTC) count as "no route": nobody can pay them, and
/// below them a fee and a number of hops fit into one 64-bit word.
let feeCeiling: UInt64 = 1 << 55

extension Route {
    /// The amounts and expiries of a given way, computed from the destination back as BOLT 7 says: the source
    /// pays no fee on its own channel, and an HTLC expires the `cltv_expiry_delta` of every later hop before.
    ///
    /// Whether the amounts fit through the channels is not asked. Nil where fees pass 2^55 msat.
    public init?(along directions: [DirectionIndex], of graph: ChannelGraph, for request: RouteRequest) {
        var hops: [RouteHop] = []
        hops.reserveCapacity(directions.count)
        var amount = request.amount.rawValue
        var expiry = request.finalCLTVExpiryDelta
        for direction in directions.reversed() {
            hops.append(
                RouteHop(direction: direction, amount: Millisatoshi(amount), cltvExpiryDelta: expiry))
            let position = graph.positions[Int(direction.rawValue)].outgoing
            guard position >= 0 else { return nil }
            let edge = graph.outgoing[Int(position)]
            guard direction != directions.first else { break }
            amount += fee(
                baseFee: edge.baseFee, proportionalFee: edge.proportionalFee, forwarding: amount)
            guard amount - request.amount.rawValue < feeCeiling else { return nil }
            expiry = expiry.addingReportingOverflow(edge.cltvExpiryDelta).partialValue
        }
        hops.reverse()
        self.init(hops: hops)
    }
}
