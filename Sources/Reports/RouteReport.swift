import LightningTypes
import Routing
import RunStore
import Topologies

/// One route explained hop by hop, or why there is none.
public struct RouteReport {
    private let topology: Topology
    private let request: RouteRequest
    private let answer: Result<Route, RoutingFailure>
    /// The offering side's balances by `DirectionIndex`; nil where public information alone was asked.
    private let balances: [Millisatoshi]?

    public init(
        _ answer: Result<Route, RoutingFailure>, to request: RouteRequest, in topology: Topology,
        balances: [Millisatoshi]?
    ) {
        self.answer = answer
        self.request = request
        self.topology = topology
        self.balances = balances
    }

    /// What was asked.
    var query: String {
        "\(name(request.source)) → \(name(request.destination)), \(Figures.satoshis(request.amount)) sat"
    }

    public func text(style: TextStyle) -> String {
        switch answer {
        case .failure(let failure):
            return "\(style.bold(query)): no route. \(words(of: failure))\n"
        case .success(let route):
            let share = Double(route.totalFee.rawValue) / Double(request.amount.rawValue)
            let title =
                "\(style.bold(query)): \(Figures.counted(UInt64(route.hops.count), "channel")), "
                + "fee \(Figures.satoshis(route.totalFee)) sat (\(Figures.percent(share, places: 3))), "
                + "locked for at most \(Figures.counted(UInt64(route.cltvExpiryDelta), "block"))"
            return ([title, ""] + table(of: route).lines(style: style) + [""] + notes(on: route))
                .joined(separator: "\n") + "\n"
        }
    }

    /// `route` is null, and `reason` says why, where there is none.
    public var json: JSONValue {
        let route: JSONValue
        let reason: JSONValue
        switch answer {
        case .success(let found):
            route = json(of: found)
            reason = .null
        case .failure(let failure):
            route = .null
            reason = .text(Self.reasonName(of: failure))
        }
        return [
            "source": .text(topology.nodes[Int(request.source)].id),
            "destination": .text(topology.nodes[Int(request.destination)].id),
            "amount_msat": .unsigned(request.amount.rawValue),
            "balances": .text(balances == nil ? "unknown" : topology.balances.rawValue),
            "route": route,
            "reason": reason,
        ]
    }

    func json(of route: Route) -> JSONValue {
        [
            "sent_msat": .unsigned(route.amountSent.rawValue),
            "fee_msat": .unsigned(route.totalFee.rawValue),
            "cltv_expiry_delta": .unsigned(UInt64(route.cltvExpiryDelta)),
            "hops": .array(
                route.hops.indices.map { index in
                    let hop = route.hops[index]
                    let ends = ends(of: hop.direction)
                    return [
                        "short_channel_id": .text(channel(of: hop).shortChannelID.description),
                        "direction": .unsigned(UInt64(hop.direction.side.rawValue)),
                        "from": .text(topology.nodes[Int(ends.from)].id),
                        "to": .text(topology.nodes[Int(ends.to)].id),
                        "amount_msat": .unsigned(hop.amount.rawValue),
                        "fee_msat": .unsigned(fee(at: index, of: route).rawValue),
                        "cltv_expiry_delta": .unsigned(UInt64(hop.cltvExpiryDelta)),
                        "balance_msat": JSONValue(balance(of: hop.direction)?.rawValue),
                    ]
                }),
        ]
    }

    private func table(of route: Route) -> TextTable {
        var table = TextTable(columns: [
            .init("from", .left, widthMaximum: 24), .init("to", .left, widthMaximum: 24),
            .init("channel", .left),
            .init("HTLC, sat"), .init("fee of from, sat"), .init("expires after"),
        ])
        if balances != nil { table.columns.append(.init("balance, sat")) }
        let showsDecimals = route.hops.contains { !$0.amount.rawValue.isMultiple(of: 1_000) }
        for (index, hop) in route.hops.enumerated() {
            let ends = ends(of: hop.direction)
            let fee = fee(at: index, of: route)
            var row: [TextTable.Cell] = [
                .init(name(ends.from)), .init(name(ends.to)),
                .init(channel(of: hop).shortChannelID.description),
                .init(Figures.satoshis(hop.amount, decimals: showsDecimals)),
                .init(index == 0 ? "–" : Figures.satoshis(fee, decimals: showsDecimals)),
                .init(Figures.counted(UInt64(hop.cltvExpiryDelta), "block")),
            ]
            if let balance = balance(of: hop.direction) {
                row.append(
                    .init(Figures.satoshis(balance, decimals: false), balance < hop.amount ? .bad : .plain))
            }
            table.rows.append(row)
        }
        return table
    }

    private func notes(on route: Route) -> [String] {
        guard balances != nil else {
            return [
                "Public information alone: whether the channels have the money on the right side is not known."
            ]
        }
        let short = route.hops.first { hop in balance(of: hop.direction).map { $0 < hop.amount } ?? false }
        let verdict =
            short.map { hop in
                "It would fail at \(name(ends(of: hop.direction).from)), whose side of "
                    + "\(channel(of: hop).shortChannelID) has too little."
            } ?? "Every channel of it has the money on the right side, reserves left aside."
        return [
            "Balances: \(TopologyWords.balances(of: topology, openFromTheBeginning: true)); "
                + "the sender knows its own alone.",
            verdict,
        ]
    }

    /// What the node that offers on hop `index` earns; the sender takes nothing from itself.
    private func fee(at index: Int, of route: Route) -> Millisatoshi {
        index == 0 ? .zero : route.hops[index - 1].amount - route.hops[index].amount
    }

    private func balance(of direction: DirectionIndex) -> Millisatoshi? { balances?[Int(direction.rawValue)] }

    private func channel(of hop: RouteHop) -> Topology.Channel { topology.channels[hop.direction.channel] }

    private func ends(of direction: DirectionIndex) -> (from: Int32, to: Int32) {
        let channel = topology.channels[direction.channel]
        return direction.side == .first ? (channel.node1, channel.node2) : (channel.node2, channel.node1)
    }

    func name(_ node: Int32) -> String { TerminalText(topology.nodes[Int(node)].alias).text }

    private func words(of failure: RoutingFailure) -> String {
        switch failure {
        case .destinationIsSource: "Payer and payee are the same node."
        case .noRoute:
            balances == nil
                ? "No enabled channels lead there with this amount."
                : "No enabled channels lead there with this amount from what the payer has on its side."
        case .limitsExceeded: "Every way has more than 20 channels or locks money longer than senders allow."
        case .feeLimitExceeded(let least): "The cheapest costs \(Figures.satoshis(least)) sat."
        }
    }

    static func reasonName(of failure: RoutingFailure) -> String {
        switch failure {
        case .destinationIsSource: "destination_is_source"
        case .noRoute: "no_route"
        case .limitsExceeded: "limits_exceeded"
        case .feeLimitExceeded: "fee_limit_exceeded"
        }
    }
}
