import LightningTypes
import RunStore
import Topologies

/// What `millrace inspect` says of a topology.
public struct InspectReport {
    private let topology: Topology
    private let description: GraphDescription

    public init(_ topology: Topology) {
        self.topology = topology
        description = topology.describe()
    }

    public func text(style: TextStyle) -> String {
        var lines = [TopologyWords.title(of: topology, style: style)]
        for sentence in TopologyWords.assumedTraffic(of: topology) { lines.append(style.yellow(sentence)) }
        lines.append("")
        lines += (nodes + channels + balances + layerOne + traffic + changes + faults).map { label, words in
            label + String(repeating: " ", count: max(1, 17 - label.count)) + words
        }
        lines.append("")
        lines += spreads().lines(style: style)
        return lines.joined(separator: "\n") + "\n"
    }

    private typealias Fact = (label: String, words: String)

    private var nodes: [Fact] {
        let d = description
        return [
            (
                "Nodes",
                "\(count(d.nodes)): \(count(d.leaves)) with one channel, \(count(d.nodesWithoutPolicy)) without any policy"
            ),
            (
                "Components",
                "\(count(d.weaklyConnectedComponents)) by channels of any kind; "
                    + "\(counted(d.largestStronglyConnectedComponent, "node")) can all pay one another"
            ),
        ]
    }

    private var channels: [Fact] {
        let d = description
        return [
            (
                "Channels",
                "\(count(d.channels)): \(count(d.standingChannels)) stand open, \(count(d.openedChannels)) open in the run"
            ),
            (
                "Policies",
                "\(counted(d.channelsBothWays, "channel")) both ways, \(count(d.channelsOneWay)) one way, "
                    + "\(count(d.channelsWithoutPolicy)) without any"
                    + (d.channelsWithoutPolicy > 0 ? " (--channels-without-policy drop leaves them out)" : "")
            ),
            (
                "Directions",
                "\(count(d.directionsWithPolicy)) announced, \(count(d.disabledDirections)) of them disabled"
            ),
            (
                "Capacity",
                "\(Figures.count(d.capacityTotal.rawValue)) sat, median \(Figures.count(d.capacityMedian.rawValue)) sat a channel"
            ),
        ]
    }

    /// Only what is not as in every file: a profile with its fee market.
    private var layerOne: [Fact] {
        let layer = topology.layerOne
        guard let profile = layer.profile else { return [] }
        let rate =
            layer.hasFeeMarket
            ? "a fee market around \(Figures.satoshisPerVirtualByte(profile.demand.feerateTypical)) sat/vB"
            : "\(layer.feeratePerVirtualByte) sat/vB"
        let interval = Figures.duration(microseconds: microseconds(layer.blockInterval))
        let exit = Figures.duration(microseconds: microseconds(layer.exitDelay))
        let words = layer.exitDelay > .zero ? ", \(exit) to leave it" : ""
        return [("Layer 1", "\(profile.name): a block every \(interval), \(rate)\(words)")]
    }

    /// What goes wrong, and who watches.
    private var faults: [Fact] {
        var facts: [Fact] = []
        if let tower = topology.watchtower {
            facts.append(
                (
                    "Watchtower",
                    "for \(counted(tower.nodes.count, "node")), for "
                        + "\(Figures.decimal(Double(tower.rewardPermille) / 10, 1)) % of what penalties bring"
                ))
        }
        let counts = topology.faultCounts
        guard !counts.isEmpty else { return facts }
        let kinds = counts.map {
            $0.count == 1 ? $0.kind.rawValue : "\($0.kind.rawValue) × \(count($0.count))"
        }
        return facts + [("Faults", kinds.joined(separator: ", "))]
    }

    /// What changes in a run beside balances.
    private var changes: [Fact] {
        var facts: [Fact] = []
        if !topology.policyChanges.isEmpty {
            facts.append(("Policies", counted(topology.policyChanges.count, "rule") + " of how they change"))
        }
        guard let churn = topology.churn else { return facts }
        func perDay(_ rate: Double) -> String { Figures.rate(rate * 86_400) }
        var parts = [
            "\(perDay(churn.openingRate)) channels opened and \(perDay(churn.joiningRate)) nodes joining a day"
        ]
        if let lifetime = churn.channelLifetime {
            parts.append(
                "a channel lasts \(Figures.duration(microseconds: microseconds(lifetime))) on average")
        }
        if let lifetime = churn.nodeLifetime {
            parts.append("a node \(Figures.duration(microseconds: microseconds(lifetime)))")
        }
        return facts + [("Churn", parts.joined(separator: ", "))]
    }

    private var balances: [Fact] { [("Balances", TopologyWords.balances(of: topology))] }

    private var traffic: [Fact] {
        let length =
            topology.duration.map { "for \(Figures.duration(microseconds: microseconds($0)))" }
            ?? "until --payments or --duration ends it"
        switch topology.traffic {
        case .trace(let payments):
            return [("Traffic", counted(payments.count, "payment") + " of a trace")]
        case .flows(let flows) where flows.isEmpty:
            return [("Traffic", "none")]
        case .flows(let flows):
            return flows.enumerated().map { index, flow in
                let people =
                    "\(counted(flow.payers.count, "payer")), \(counted(flow.payees.count, "payee"))"
                return (
                    index == 0 ? "Traffic" : "",
                    "\(TerminalText(flow.name).text): \(Figures.paymentRate(perSecond: flow.rate)) of \(flow.amount.words), "
                        + "\(people)" + (index == 0 ? ", \(length)" : "")
                )
            }
        }
    }

    private func spreads() -> TextTable {
        let d = description
        var table = TextTable(columns: [
            .init("spread over", .left), .init("p25"), .init("median"), .init("p75"), .init("p90"),
            .init("p99"),
            .init("maximum"),
        ])
        let rows: [(String, GraphDescription.Quantiles)] = [
            ("nodes: channels", d.degree), ("enabled directions: base fee, msat", d.baseFeeMillisatoshi),
            ("enabled directions: fee, ppm", d.proportionalFeePPM),
            ("enabled directions: CLTV delta, blocks", d.cltvExpiryDelta),
        ]
        for (name, values) in rows {
            let figures = [values.p25, values.p50, values.p75, values.p90, values.p99, values.maximum]
            table.rows.append([.init(name)] + figures.map { .init(Figures.count($0)) })
        }
        return table
    }

    public var json: JSONValue {
        let d = description
        return [
            "topology": .text(topology.name),
            "seed": .unsigned(topology.seed),
            "nodes": [
                "total": JSONValue(d.nodes),
                "leaves": JSONValue(d.leaves),
                "without_policy": JSONValue(d.nodesWithoutPolicy),
            ],
            "channels": [
                "total": JSONValue(d.channels),
                "standing": JSONValue(d.standingChannels),
                "opened_in_run": JSONValue(d.openedChannels),
                "policy_both_ways": JSONValue(d.channelsBothWays),
                "policy_one_way": JSONValue(d.channelsOneWay),
                "without_policy": JSONValue(d.channelsWithoutPolicy),
            ],
            "directions": [
                "with_policy": JSONValue(d.directionsWithPolicy), "disabled": JSONValue(d.disabledDirections),
            ],
            "components": [
                "weakly_connected": JSONValue(d.weaklyConnectedComponents),
                "largest_strongly_connected_nodes": JSONValue(d.largestStronglyConnectedComponent),
            ],
            "capacity_sat": [
                "total": .unsigned(d.capacityTotal.rawValue), "median": .unsigned(d.capacityMedian.rawValue),
            ],
            "degree": Self.json(d.degree),
            "base_fee_msat": Self.json(d.baseFeeMillisatoshi),
            "fee_ppm": Self.json(d.proportionalFeePPM),
            "cltv_expiry_delta": Self.json(d.cltvExpiryDelta),
            "balances": .text(topology.balances.rawValue),
            "duration_seconds": JSONValue(topology.duration.map { Double(microseconds($0)) / 1e6 }),
            "warmup_seconds": .number(Double(microseconds(topology.warmup)) / 1e6),
            "layer_1": [
                "profile": JSONValue(topology.layerOne.profile?.name),
                "fee_market": .boolean(topology.layerOne.hasFeeMarket),
            ],
            "watchtower_nodes": JSONValue(topology.watchtower?.nodes.count ?? 0),
            "faults": .object(topology.faultCounts.map { .init($0.kind.rawValue, JSONValue($0.count)) }),
            "traffic": RunDescription.traffic(of: topology),
        ]
    }

    private static func json(_ values: GraphDescription.Quantiles) -> JSONValue {
        [
            "p25": .unsigned(values.p25), "p50": .unsigned(values.p50), "p75": .unsigned(values.p75),
            "p90": .unsigned(values.p90), "p99": .unsigned(values.p99), "maximum": .unsigned(values.maximum),
        ]
    }

    private func count(_ value: Int) -> String { Figures.count(UInt64(value)) }
    private func counted(_ value: Int, _ noun: String) -> String { Figures.counted(UInt64(value), noun) }
}
