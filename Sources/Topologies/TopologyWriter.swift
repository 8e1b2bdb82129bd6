import LightningTypes

/// Writes a network of standing channels as a topology file that reads back as the same network: the same nodes,
/// channels, policies, balances and traffic.
struct TopologyWriter {
    private let topology: Topology
    /// Of each node: whether it takes no part in assumed traffic.
    private let onlyForwards: [Bool]
    private var text = ""

    /// Text that would be more than a topology file may have; some 600,000 channels are.
    struct TooLong: Error, CustomStringConvertible {
        var description: String {
            "so large that its tables would be more than the "
                + "\(TextBytes.inMebibytes(TextBytes.topologyBytesMaximum)) a topology file may have"
        }
    }

    /// - Parameter topology: of a graph or a generator: no channel of it is opened or closed in the run.
    static func text(of topology: Topology, onlyForwards: [Bool] = []) throws(TooLong) -> String {
        precondition(
            topology.channels.allSatisfy { $0.opensAt == nil && $0.closesAt == nil },
            "tables hold standing channels")
        var writer = TopologyWriter(topology: topology, onlyForwards: onlyForwards)
        writer.writeSettings()
        writer.writeTraffic()
        writer.writeNodes()
        writer.writeChannels()
        guard writer.text.utf8.count <= TextBytes.topologyBytesMaximum else { throw TooLong() }
        return writer.text
    }

    private mutating func writeSettings() {
        text += "millrace: 1\nname: \(Self.quotedYAML(topology.name))\n"
        if let duration = topology.duration { text += "duration: \(duration.inWords)\n" }
        if topology.balances != .uniform { text += "balances: \(topology.balances.rawValue)\n" }
        if topology.seed != 1 { text += "seed: \(topology.seed)\n" }
    }

    // MARK: Traffic

    private mutating func writeTraffic() {
        guard case .flows(let flows) = topology.traffic else {
            preconditionFailure("no graph brings a trace")
        }
        guard !flows.isEmpty else { return }
        guard !flows.allSatisfy(\.isAssumed) else {
            text += "traffic: assumed\n"
            return
        }
        text += "traffic:\n"
        for flow in flows {
            // A payer and a payee each, as sim-ln's activities have.
            let (payers, payees) = (names(of: flow.payers), names(of: flow.payees))
            text += "  - {name: \(Self.quotedYAML(flow.name)), from: \(payers), to: \(payees), "
            text += "rate_per_second: \(flow.rate), \(Self.words(of: flow.amount))"
            if flow.startsAt > .zero { text += ", starts_at: \(flow.startsAt.inWords)" }
            if let endsAt = flow.endsAt { text += ", ends_at: \(endsAt.inWords)" }
            text += "}\n"
        }
    }

    private func names(of nodes: [Int32]) -> String {
        "[" + nodes.map { Self.quotedYAML(topology.nodes[Int($0)].id) }.joined(separator: ", ") + "]"
    }

    private static func words(of amount: Topology.AmountDistribution) -> String {
        switch amount {
        case .fixed(let amount): "amount_msat: \(amount.rawValue)"
        case .uniform(let lowest, let highest):
            "amount_sat: {from: \(lowest.rawValue), to: \(highest.rawValue)}"
        case .logNormal, .listed: preconditionFailure("no graph's own traffic has such amounts")
        }
    }

    // MARK: Tables

    private mutating func writeNodes() {
        let hasAliases = topology.nodes.contains { $0.alias != $0.id }
        let hasForwarders = onlyForwards.contains(true)
        text += "graph:\n  format: table\n  node_table: |\n    id"
        if hasAliases { text += ",alias" }
        if hasForwarders { text += ",forwards_only" }
        text += "\n"
        for (index, node) in topology.nodes.enumerated() {
            text += "    " + TableText.cell(node.id)
            if hasAliases { text += "," + (node.alias == node.id ? "" : TableText.cell(node.alias)) }
            if hasForwarders { text += onlyForwards[index] ? ",1" : "," }
            text += "\n"
        }
    }

    private mutating func writeChannels() {
        // A column that says nothing in any row is left out.
        var isUsed = [Bool](repeating: false, count: GraphTable.ChannelColumn.allCases.count)
        var cells = [UInt64?](repeating: nil, count: isUsed.count)
        for channel in topology.channels {
            Self.fill(&cells, with: channel)
            for column in isUsed.indices where cells[column] != nil { isUsed[column] = true }
        }
        let columns = GraphTable.ChannelColumn.allCases.filter {
            isUsed[$0.place] || GraphTable.ChannelColumn.required.contains($0)
        }
        text += "  channel_table: |\n    \(columns.map(\.rawValue).joined(separator: ","))\n"
        let places = columns.map(\.place)
        for channel in topology.channels {
            Self.fill(&cells, with: channel)
            text += "    "
            text += channel.shortChannelID.description
            for place in places.dropFirst() {
                text += ","
                if let cell = cells[place] { text += String(cell) }
            }
            text += "\n"
        }
    }

    /// What a row says of each column but the first; nil where the reader's default is the same.
    private static func fill(_ cells: inout [UInt64?], with channel: Topology.Channel) {
        func set(_ column: GraphTable.ChannelColumn, _ value: UInt64?, unless usual: UInt64? = nil) {
            cells[column.place] = value == usual ? nil : value
        }
        set(.node1, UInt64(channel.node1))
        set(.node2, UInt64(channel.node2))
        set(.capacity, channel.capacity.rawValue)
        set(.balance1, channel.balance1?.rawValue)
        for side in Side.allCases {
            let columns = GraphTable.ChannelColumn.policy(of: side)
            let policy = side == .first ? channel.policy1 : channel.policy2
            set(columns[0], policy?.baseFee.rawValue)
            set(columns[1], policy.map { UInt64($0.proportionalFee) })
            set(columns[2], policy.map { UInt64($0.cltvExpiryDelta) })
            set(columns[3], policy?.htlcMinimum.rawValue, unless: 0)
            set(columns[4], policy?.htlcMaximum.rawValue, unless: Millisatoshi(channel.capacity).rawValue)
            set(columns[5], policy.map { $0.isDisabled ? 1 : 0 }, unless: 0)
        }
        let (limits, usual) = (channel.limits, LimitsDraft().resolved(capacity: channel.capacity))
        set(.dustLimit, limits.dustLimit.rawValue, unless: usual.dustLimit.rawValue)
        // The reserve that nobody gives follows from the dust limit.
        let reserve = LimitsDraft(dustLimit: limits.dustLimit).resolved(capacity: channel.capacity)
            .channelReserve
        set(.channelReserve, limits.channelReserve.rawValue, unless: reserve.rawValue)
        set(
            .htlcValueInFlightMaximum, limits.htlcValueInFlightMaximum.rawValue,
            unless: usual.htlcValueInFlightMaximum.rawValue)
        set(
            .acceptedHTLCsMaximum, UInt64(limits.acceptedHTLCsMaximum),
            unless: UInt64(usual.acceptedHTLCsMaximum))
        set(.toSelfDelay, UInt64(limits.toSelfDelay), unless: UInt64(usual.toSelfDelay))
        set(
            .feeratePerKiloweight, UInt64(limits.feeratePerKiloweight),
            unless: UInt64(usual.feeratePerKiloweight))
        set(.anchors, limits.hasAnchors ? 1 : 0, unless: usual.hasAnchors ? 1 : 0)
    }

    /// In double quotes, every character beyond ASCII by its number.
    static func quotedYAML(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case " "..."~": result.unicodeScalars.append(scalar)
            case _:
                let digits = String(scalar.value, radix: 16)
                result += "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
            }
        }
        return result + "\""
    }
}
