import LightningTypes

extension TopologyReader {
    static let policyChangeKeys = [
        "at", "rate_per_day", "from", "to", "short_channel_id", "policy", "fee_factor",
    ]
    static let policyChangesMaximum = 10_000
    /// Changes of a direction a day: one a second, and one in three thousand years.
    static let changesPerDayMaximum = 86_400.0
    static let changesPerDayMinimum = 1e-6

    /// `topology` has its nodes and channels already; `names` speaks of its indices.
    func readPolicyChanges(into topology: inout Topology) throws(TopologyError) {
        let list = try root.list("policy_changes") ?? []
        guard list.count <= Self.policyChangesMaximum else {
            throw root.error(
                "policy_changes", "\(list.count) changes; at most \(Self.policyChangesMaximum)")
        }
        guard !list.isEmpty else { return }
        var sets = NodeSets()
        var planned = PlannedEvents(topology, until: .zero)
        var firstTooMany: Int?
        for value in list {
            let section = try Section(
                value, title: "a change of policies", keys: Self.policyChangeKeys, file: file)
            let change = try policyChange(of: section, in: topology, &sets)
            planned.add(change)
            // The rest is counted, not kept, so that the refusal can tell what they come to.
            if planned.isTooMany {
                firstTooMany = firstTooMany ?? section.line
            } else {
                topology.policyChanges.append(change)
            }
        }
        if let firstTooMany { throw file.error(firstTooMany, planned.refusal) }
    }

    private func policyChange(
        of section: Section, in topology: Topology, _ sets: inout NodeSets
    ) throws(TopologyError) -> Topology.PolicyChange {
        var change = Topology.PolicyChange(
            timing: try timing(of: section),
            nodes: section.has("from")
                ? try nodes("from", of: section, in: topology, sets: &sets) : nil,
            peers: section.has("to")
                ? try nodes("to", of: section, in: topology, sets: &sets) : nil,
            channel: try shortChannelID(of: section, in: topology),
            fields: try Self.policy("policy", of: section) ?? PolicyDraft(), feeFactor: nil)
        if let factor = try section.section("fee_factor", keys: ["from", "to"]) {
            guard let lowest = try factor.rate("from"), let highest = try factor.rate("to"),
                0.001 <= lowest, lowest <= highest, highest <= 1_000
            else {
                throw section.error(
                    "fee_factor", "expected 'from' and 'to', two numbers in order, from 0.001 to 1000")
            }
            change.feeFactor = .init(lowest: lowest, highest: highest)
        }
        guard change.fields != PolicyDraft() || change.feeFactor != nil else {
            throw file.error(
                section.line, "a change of policies needs 'policy' with a field at least, or 'fee_factor'")
        }
        if change.feeFactor != nil, change.fields.baseFee != nil || change.fields.proportionalFee != nil {
            throw section.error("fee_factor", "fees are given by 'policy' or drawn by a factor, not both")
        }
        return change
    }

    private func timing(of section: Section) throws(TopologyError) -> Topology.PolicyChange.Timing {
        guard section.has("at") != section.has("rate_per_day") else {
            throw file.error(
                section.line, "a change of policies needs either 'at' or 'rate_per_day' of each direction")
        }
        if let time = try section.duration("at", to: timeMaximum) { return .at(time) }
        // One of the two keys is there, and it is not the other.
        let rate = try section.rate("rate_per_day")!
        guard rate <= Self.changesPerDayMaximum else {
            throw section.error("rate_per_day", "more than \(Int(Self.changesPerDayMaximum)) changes a day")
        }
        guard rate >= Self.changesPerDayMinimum else {
            throw section.error("rate_per_day", "less than one change in 2,700 years")
        }
        return .rate(rate / 86_400)
    }

    func shortChannelID(
        of section: Section, in topology: Topology
    ) throws(TopologyError) -> ShortChannelID? {
        guard let text = try section.text("short_channel_id") else { return nil }
        guard let id = ShortChannelID(text) else {
            throw section.error("short_channel_id", "expected such as 700000x12x1, found \(quoted(text))")
        }
        guard topology.channel(of: id) != nil else {
            throw section.error("short_channel_id", "no channel has the id \(id)")
        }
        return id
    }
}

extension Topology {
    /// Leaves out what would happen at times of its own, however close together payments come.
    public mutating func leaveOutPolicyChanges() { policyChanges = [] }

    /// The channel of this id; nil: there is none. A search among channels in order.
    public func channel(of id: ShortChannelID) -> Channel? {
        var (low, high) = (0, channels.count)
        while low < high {
            let middle = (low + high) / 2
            if channels[middle].shortChannelID < id { low = middle + 1 } else { high = middle }
        }
        return low < channels.count && channels[low].shortChannelID == id ? channels[low] : nil
    }
}
