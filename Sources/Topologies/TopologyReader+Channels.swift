import LightningTypes

extension TopologyReader {
    static let channelKeys =
        [
            "from", "to", "capacity_sat", "balance_sat", "push_sat", "policy", "from_policy", "to_policy",
            "short_channel_id", "standing", "opens_at", "closes_at", "opening_cost_sat", "funder",
        ] + limitKeys

    mutating func readChannels() throws(TopologyError) {
        let list = try root.list("channels") ?? []
        guard list.count < 1 << 24 else {
            throw root.error("channels", "\(list.count) channels; a topology file may list \((1 << 24) - 1)")
        }
        var lineOfID: [ShortChannelID: Int] = [:]
        if !list.isEmpty {
            for (index, channel) in draft.channels.enumerated() {
                lineOfID[channel.shortChannelID] = channelLines[index]
            }
        }
        for (position, value) in list.enumerated() {
            let section = try Section(value, title: "a channel", keys: Self.channelKeys, file: file)
            let channel = try channel(of: section, position: position)
            let id = channel.shortChannelID
            if let line = lineOfID.updateValue(section.line, forKey: id) {
                let other = line == 0 ? "in the graph" : "in line \(line)"
                throw file.error(
                    section.line(of: "short_channel_id"),
                    "the short channel id \(id) stands twice, first \(other)")
            }
            draft.channels.append(channel)
            channelLines.append(section.line)
        }
    }

    private func channel(of section: Section, position: Int) throws(TopologyError) -> Topology.Channel {
        let from = try node("from", of: section)
        let to = try node("to", of: section)
        guard from != to else { throw section.error("to", "a channel from a node to itself") }
        guard let capacity = try section.satoshi("capacity_sat", from: 1) ?? defaultCapacity else {
            throw file.error(section.line, "a channel without 'capacity_sat', and none under 'defaults'")
        }
        var channel = Topology.Channel(
            standing: try shortChannelID(of: section, position: position), node1: from, node2: to,
            capacity: capacity)
        channel.policy1 = try policy("from_policy", of: section, node: from, capacity: capacity)
        channel.policy2 = try policy("to_policy", of: section, node: to, capacity: capacity)
        channel.limits = try Self.limits(of: section).over(defaultLimits).resolved(capacity: capacity)
        channel.closesAt = try section.duration("closes_at", to: timeMaximum) ?? defaultClosesAt
        channel.funder = try funder(of: section, from: from, to: to)
        if try section.boolean("standing") ?? false {
            try readStanding(section, into: &channel)
        } else {
            try readOpening(section, into: &channel)
        }
        try check(channel, section)
        return channel
    }

    private func shortChannelID(of section: Section, position: Int) throws(TopologyError) -> ShortChannelID {
        guard let text = try section.text("short_channel_id") else {
            // The file has fewer channels than 24 bits count.
            return ShortChannelID(block: 0, transaction: UInt64(position) + 1, output: 0)!
        }
        guard let id = ShortChannelID(text) else {
            throw section.error("short_channel_id", "expected such as 700000x12x1, found \(quoted(text))")
        }
        return id
    }

    /// Channel before node before group before defaults, each part of the policy by itself; `none` announces
    /// nothing.
    private func policy(
        _ key: String, of section: Section, node: Int32, capacity: Satoshi
    ) throws(TopologyError) -> ChannelPolicy? {
        if case .text("none", _)? = section.value(key)?.content { return nil }
        let own = try Self.policy(key, of: section) ?? PolicyDraft()
        let both = try Self.policy("policy", of: section) ?? PolicyDraft()
        let group = draft.nodes[Int(node)].group.flatMap { names.groups[$0]?.policy } ?? PolicyDraft()
        let policy = own.over(both).over(nodePolicies[node] ?? PolicyDraft()).over(group).over(defaultPolicy)
        let resolved = policy.resolved(capacity: capacity)
        guard resolved.htlcMinimum <= resolved.htlcMaximum else {
            throw file.error(
                section.line(of: section.has(key) ? key : "policy"),
                "the policy of \(quoted(draft.nodes[Int(node)].alias)) in this channel has an htlc_minimum_msat of "
                    + "\(resolved.htlcMinimum.rawValue) above its htlc_maximum_msat of "
                    + "\(resolved.htlcMaximum.rawValue) (at most the capacity)")
        }
        return resolved
    }

    private func funder(of section: Section, from: Int32, to: Int32) throws(TopologyError) -> Side? {
        guard section.has("funder") else { return nil }
        switch try node("funder", of: section) {
        case from: return .first
        case to: return .second
        case _: throw section.error("funder", "expected one of the channel's two nodes")
        }
    }

    private func readStanding(_ section: Section, into channel: inout Topology.Channel) throws(TopologyError)
    {
        for key in ["opens_at", "push_sat"] where section.has(key) {
            throw section.error(
                key, "a standing channel is open before the run; this is for one opened in it")
        }
        if let balance = try section.satoshi("balance_sat") {
            guard balance <= channel.capacity else {
                throw section.error(
                    "balance_sat", "\(balance) is more than the capacity, \(channel.capacity)")
            }
            channel.balance1 = Millisatoshi(balance)
        }
        if let cost = try section.satoshi("opening_cost_sat") {
            channel.openingCost = cost
            // Somebody paid it, and a file that knows the cost lists whoever opened the channel first.
            channel.funder = channel.funder ?? .first
        }
    }

    private func readOpening(_ section: Section, into channel: inout Topology.Channel) throws(TopologyError) {
        if section.has("balance_sat") {
            throw section.error(
                "balance_sat",
                "this channel is opened in the run, all of it the funder's but for 'push_sat'; "
                    + "'standing: true' for one that has a balance")
        }
        if section.has("opening_cost_sat") {
            throw section.error(
                "opening_cost_sat", "this channel is opened in the run, which charges what it costs")
        }
        channel.opensAt = try section.duration("opens_at", to: timeMaximum) ?? defaultOpensAt ?? .zero
        channel.funder = channel.funder ?? .first
        if let pushed = try section.satoshi("push_sat") {
            guard pushed <= channel.capacity else {
                throw section.error("push_sat", "\(pushed) is more than the capacity, \(channel.capacity)")
            }
            channel.pushed = Millisatoshi(pushed)
        }
    }

    /// What BOLT 2 would have a peer refuse, as far as the file decides it.
    private func check(_ channel: Topology.Channel, _ section: Section) throws(TopologyError) {
        if let closesAt = channel.closesAt, closesAt <= channel.opensAt ?? .zero {
            throw section.error("closes_at", "the channel would close before it opens")
        }
        let limits = channel.limits
        guard limits.channelReserve < channel.capacity else {
            throw section.error(
                "channel_reserve_sat",
                "\(limits.channelReserve) leaves nothing of the capacity, \(channel.capacity)")
        }
        let whole = Millisatoshi(channel.capacity)
        let funderHas: Millisatoshi
        if channel.opensAt != nil {
            funderHas = whole - channel.pushed
        } else if let balance = channel.balance1 {
            let other = whole - balance
            switch channel.funder {
            case .first: funderHas = balance
            case .second: funderHas = other
            case nil: funderHas = max(balance, other)
            }
        } else {
            funderHas = whole
        }
        let cost = limits.commitmentCost
        guard funderHas.roundedDown >= cost else {
            throw file.error(
                section.line,
                "the funder has \(funderHas.roundedDown) in this channel, "
                    + "its first commitment transaction costs \(cost) (fee and anchors)")
        }
    }

    /// The node that a key of `section` names.
    func node(_ key: String, of section: Section) throws(TopologyError) -> Int32 {
        guard let name = try section.text(key) else {
            throw file.error(section.line, "\(section.title) without '\(key)'")
        }
        return try node(name, line: section.line(of: key))
    }

    func node(_ name: String, line: Int) throws(TopologyError) -> Int32 {
        do {
            return try names.node(name)
        } catch {
            throw file.error(line, names.message(error, name: name, among: draft.nodes))
        }
    }
}

extension Topology.ChannelLimits {
    /// What a commitment transaction without HTLCs takes from its funder: the fee of BOLT 3's 724 weight
    /// units, or 1,124 with anchors, and two anchor outputs of 330 sat.
    var commitmentCost: Satoshi {
        let weight: UInt64 = hasAnchors ? 1_124 : 724
        return Satoshi(UInt64(feeratePerKiloweight) * weight / 1_000 + (hasAnchors ? 660 : 0))
    }
}
