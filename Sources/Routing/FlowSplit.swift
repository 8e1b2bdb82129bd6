import LightningTypes

/// Turns a flow of least cost into parts that keep every limit to the millisatoshi.
///
/// A flow counts what is delivered; HTLCs carry fees besides, have minimums, and their routes have at most 20 hops and
/// a bounded time lock. So the flow is taken apart into ways, each becomes a route with its true amounts, and a route
/// that breaks a limit is dropped and its worst direction left out. What is missing then (also ways smaller than a part
/// may be) goes onto the other parts as far as they have room, and else flows once more beside them.
struct FlowSplit {
    private let request: SplitRequest
    private let graph: ChannelGraph

    /// Flows for what is missing, each with a direction fewer.
    private static let roundsMaximum = 8
    /// Units of a flow; the finer ones only where the coarser find no room: channels not much wider than a unit waste
    /// it.
    private static let unitCounts: [UInt64] = [16, 64]
    /// Risk weighs as much as lnd makes a failed attempt cost; where the fees are then above the limit, a sixteenth of
    /// that, and nothing at last.
    private static let riskWeights = [1.0, 1.0 / 16, 0]

    init(_ request: SplitRequest, _ graph: ChannelGraph) {
        self.request = request
        self.graph = graph
    }

    func parts() throws(RoutingFailure) -> [Route] {
        let feeMaximum = request.route.feeMaximum
        var least: Millisatoshi?
        for weight in Self.riskWeights {
            let found = Set(Self.unitCounts.map { unit(count: $0) }).sorted(by: >).lazy
                .compactMap { parts(riskWeight: weight, unit: $0) }.first
            guard let parts = found else { break }
            let fees = parts.reduce(Millisatoshi.zero) { $0 + $1.totalFee }
            guard let feeMaximum, fees > feeMaximum else { return parts }
            least = min(least ?? fees, fees)
        }
        if let least { throw .feeLimitExceeded(least: least) }
        throw .noRoute
    }

    /// The amount in so many units, or in fewer where these would be smaller than parts may be.
    private func unit(count: UInt64) -> UInt64 {
        let amount = request.route.amount.rawValue
        return (amount - 1) / min(count, max(amount / SplitRequest.partMinimum, 1)) + 1
    }

    private func parts(riskWeight: Double, unit: UInt64) -> [Route]? {
        let amount = request.route.amount.rawValue
        var limits = FlowLimits(request, graph, partMinimum: unit)
        var parts: [Route] = []
        var rest = amount
        for _ in 0..<Self.roundsMaximum {
            let count = (rest - 1) / unit + 1
            var flow = MinimumCostFlow(
                graph, from: request.route.source, to: request.route.destination, limits: limits,
                natCost: riskWeight * LNDModel().failureCost(delivering: amount), unit: unit,
                usualUnits: min(4, count))
            defer { flow.deallocate() }
            guard flow.send(units: Int(count)) else { return nil }
            for way in flow.ways(from: request.route.source, to: request.route.destination) {
                let count = (way.amount - 1) / limits.partMaximum(along: way.directions) + 1
                var piece = FlowWay(directions: way.directions, amount: (way.amount - 1) / count + 1)
                for _ in 0..<count where parts.count < request.partsMaximum {
                    piece.amount = min(piece.amount, rest)
                    guard piece.amount > 0, let part = part(along: piece, &limits) else { break }
                    parts.append(part)
                    rest -= piece.amount
                }
            }
            for index in parts.indices where rest > 0 { rest -= enlarge(&parts[index], by: rest, &limits) }
            if rest == 0 { return parts }
            guard parts.count < request.partsMaximum else { return nil }
        }
        return nil
    }

    /// The part on a way, noted in `limits`; nil where it breaks one, and then the worst direction is left out.
    private func part(along way: FlowWay, _ limits: inout FlowLimits) -> Route? {
        guard let route = route(along: way.directions, way.amount) else {
            limits.cap(way.directions[0].rawValue, at: 0)
            return nil
        }
        if route.hops.count > request.route.hopsMaximum || route.cltvExpiryDelta > request.route.cltvMaximum {
            // The longest lock on the way, the payer's own channel aside, which locks nothing more.
            let slowest = way.directions.dropFirst().max { delta(of: $0) < delta(of: $1) }
            limits.cap((slowest ?? way.directions[0]).rawValue, at: 0)
            return nil
        }
        for hop in route.hops {
            let room = limits.room(of: hop.direction, isOwn: hop == route.hops[0])
            if hop.amount.rawValue > room || hop.amount.rawValue < limits.minimum(of: hop.direction) {
                limits.cap(hop.direction.rawValue, at: limits.used[hop.direction.rawValue] ?? 0)
                return nil
            }
        }
        for hop in route.hops { limits.use(hop.direction, hop.amount.rawValue) }
        return route
    }

    /// Puts as much of `amount` onto a part as halving it finds room for; answers how much.
    private func enlarge(_ part: inout Route, by amount: UInt64, _ limits: inout FlowLimits) -> UInt64 {
        let directions = part.hops.map(\.direction)
        for hop in part.hops { limits.release(hop.direction, hop.amount.rawValue) }
        defer { for hop in part.hops { limits.use(hop.direction, hop.amount.rawValue) } }
        var more = amount
        while more > 0 {
            if let larger = route(along: directions, part.amountDelivered.rawValue + more),
                larger.hops.allSatisfy({
                    $0.amount.rawValue <= limits.room(of: $0.direction, isOwn: $0 == larger.hops[0])
                })
            {
                part = larger
                return more
            }
            more /= 2
        }
        return 0
    }

    private func route(along directions: [DirectionIndex], _ amount: UInt64) -> Route? {
        var single = request.route
        single.amount = Millisatoshi(amount)
        return Route(along: directions, of: graph, for: single)
    }

    private func delta(of direction: DirectionIndex) -> UInt32 {
        graph.cltvExpiryDelta(of: direction)
    }
}

/// A way from payer to payee and what flows along it.
struct FlowWay {
    var directions: [DirectionIndex]
    /// Msat, as delivered.
    var amount: UInt64
}

extension MinimumCostFlow {
    /// Takes the flow apart, the widest way first; leaves nothing of it. A flow of least cost has no circles.
    mutating func ways(from source: Int32, to destination: Int32) -> [FlowWay] {
        var ways: [FlowWay] = []
        while let way = takeWay(from: source, to: destination) { ways.append(way) }
        return ways.enumerated()
            .sorted { ($1.element.amount, $0.offset) < ($0.element.amount, $1.offset) }
            .map(\.element)
    }
}
