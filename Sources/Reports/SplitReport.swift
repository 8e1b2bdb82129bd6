import LightningTypes
import Routing
import RunStore
import Topologies

/// The parts a payment is divided into, or why it cannot be.
public struct SplitReport {
    private let topology: Topology
    private let request: RouteRequest
    private let answer: Result<[Route], RoutingFailure>
    private let balances: [Millisatoshi]?

    public init(
        _ answer: Result<[Route], RoutingFailure>, to request: RouteRequest, in topology: Topology,
        balances: [Millisatoshi]?
    ) {
        self.answer = answer
        self.request = request
        self.topology = topology
        self.balances = balances
    }

    public func text(style: TextStyle) -> String {
        guard case .success(let parts) = answer else { return whole.text(style: style) }
        let fee = parts.reduce(Millisatoshi.zero) { $0 + $1.totalFee }
        let share = Double(fee.rawValue) / Double(request.amount.rawValue)
        let title =
            "\(style.bold(whole.query)): \(Figures.counted(UInt64(parts.count), "part")), "
            + "fee \(Figures.satoshis(fee)) sat (\(Figures.percent(share, places: 3)))"
        var table = TextTable(columns: [
            .init("part"), .init("delivers, sat"), .init("fee, sat"), .init("locked for"), .init("by", .left),
        ])
        for (index, part) in parts.enumerated() {
            let nodes = part.hops.dropLast().map { hop in
                let channel = topology.channels[hop.direction.channel]
                return whole.name(hop.direction.side == .first ? channel.node2 : channel.node1)
            }
            table.rows.append([
                .init("\(index + 1)"), .init(Figures.satoshis(part.amountDelivered)),
                .init(Figures.satoshis(part.totalFee)),
                .init(Figures.counted(UInt64(part.cltvExpiryDelta), "block")),
                .init(nodes.isEmpty ? "its own channel" : nodes.joined(separator: ", ")),
            ])
        }
        return ([title, ""] + table.lines(style: style)).joined(separator: "\n") + "\n"
    }

    /// `parts` is null, and `reason` says why, where there are none.
    public var json: JSONValue {
        let fee = (try? answer.get())?.reduce(Millisatoshi.zero) { $0 + $1.totalFee }
        let parts = (try? answer.get())?.map { whole.json(of: $0) }
        var reason = JSONValue.null
        if case .failure(let failure) = answer { reason = .text(RouteReport.reasonName(of: failure)) }
        return [
            "source": .text(topology.nodes[Int(request.source)].id),
            "destination": .text(topology.nodes[Int(request.destination)].id),
            "amount_msat": .unsigned(request.amount.rawValue),
            "balances": .text(balances == nil ? "unknown" : topology.balances.rawValue),
            "fee_msat": JSONValue(fee?.rawValue),
            "parts": parts.map { .array($0) } ?? .null,
            "reason": reason,
        ]
    }

    /// The same without parts: words and JSON for what both tell.
    private var whole: RouteReport {
        RouteReport(
            answer.flatMap { _ in .failure(.noRoute) }, to: request, in: topology, balances: balances)
    }

    private func name(_ node: Int32) -> String { TerminalText(topology.nodes[Int(node)].alias).text }
}
