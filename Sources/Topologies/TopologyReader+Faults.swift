import LightningTypes

extension TopologyReader {
    static let faultKeys = [
        "kind", "at", "rate_per_day", "node", "short_channel_id", "for", "delay", "outcome", "age", "factor",
        "depth",
    ]
    static let watchtowerKeys = ["nodes", "reward_permille"]
    static let faultsMaximum = 10_000

    /// `topology` has its nodes, channels, traffic and changes of policies already; `names` speaks of its indices.
    func readFaults(into topology: inout Topology) throws(TopologyError) {
        var sets = NodeSets()
        if let section = try root.section("watchtower", keys: Self.watchtowerKeys) {
            topology.watchtower = Topology.Watchtower(
                nodes: try nodes("nodes", of: section, in: topology, sets: &sets),
                rewardPermille: try section.unsigned("reward_permille", "thousandths", to: 1_000) ?? 0)
        }
        let list = try root.list("faults") ?? []
        guard list.count <= Self.faultsMaximum else {
            throw root.error("faults", "\(list.count) faults; at most \(Self.faultsMaximum)")
        }
        guard !list.isEmpty else { return }
        var planned = PlannedEvents(topology, until: topology.trafficHorizon)
        for change in topology.policyChanges { planned.add(change) }
        var firstTooMany: Int?
        for value in list {
            let section = try Section(value, title: "a fault", keys: Self.faultKeys, file: file)
            let fault = try fault(of: section, in: topology, &sets)
            planned.add(fault)
            // The rest is counted, not kept, so that the refusal can tell what they come to.
            if planned.isTooMany {
                firstTooMany = firstTooMany ?? section.line
            } else {
                topology.faults.append(fault)
            }
        }
        if let firstTooMany { throw file.error(firstTooMany, planned.refusal) }
        try checkFeerates(of: topology)
    }

    /// Where a channel may end up on chain, its commitment has to get there.
    private func checkFeerates(of topology: Topology) throws(TopologyError) {
        let lowest = topology.layerOne.rules.feerateMinimum
        guard let channel = topology.channels.first(where: { $0.limits.feeratePerKiloweight < lowest })
        else { return }
        throw root.error(
            "faults",
            "the commitment of the channel \(channel.shortChannelID) pays "
                + "\(channel.limits.feeratePerKiloweight) sat for 1,000 weight, and layer 1 relays nothing below "
                + "\(lowest): it would never be confirmed; give 'feerate_per_kw' \(lowest) or more")
    }

    private func fault(
        of section: Section, in topology: Topology, _ sets: inout NodeSets
    ) throws(TopologyError) -> Topology.Fault {
        guard let kind = try section.word("kind", of: Topology.Fault.Kind.self) else {
            throw file.error(
                section.line,
                "a fault lacks 'kind', such as \(Topology.Fault.Kind.offline.rawValue) or "
                    + Topology.Fault.Kind.cheat.rawValue)
        }
        for key in Self.faultKeys.dropFirst(3) where section.has(key) && !kind.keys.contains(key) {
            let keys = kind.keys.map { "'\($0)'" }.joined(separator: ", ")
            throw section.error(key, "a fault of the kind \(kind.rawValue) has no such key, but \(keys)")
        }
        var fault = Topology.Fault(kind: kind, timing: .at(.zero))
        if kind.befallsNodes {
            guard section.has("node") else {
                throw file.error(section.line, "a fault of the kind \(kind.rawValue) lacks 'node'")
            }
            fault.nodes = try nodes("node", of: section, in: topology, sets: &sets)
            guard !fault.nodes.isEmpty else { throw section.error("node", "it befalls nobody") }
        }
        fault.duration = try section.duration("for", from: .seconds(1))
        if kind.needsDuration, fault.duration == nil {
            throw file.error(
                section.line, "a fault of the kind \(kind.rawValue) lacks 'for', how long it lasts")
        }
        fault.timing = try timing(of: section)
        fault.channel = try faultyChannel(of: section, fault.nodes, in: topology)
        fault.delay = try section.duration(
            "delay", from: .milliseconds(1), to: kind == .latencyJitter ? .seconds(60) : durationMaximum)
        fault.outcome = try section.word("outcome", of: Topology.Fault.Outcome.self) ?? .settle
        fault.age = try section.duration("age", from: .milliseconds(1)) ?? .zero
        switch kind {
        case .latencyJitter:
            guard section.has("delay") else {
                throw file.error(
                    section.line, "a latency jitter lacks 'delay', by how much messages are late on average")
            }
        case .staleBackup:
            guard section.has("age") else {
                throw file.error(section.line, "a stale backup lacks 'age', how old what was saved is")
            }
        case .feeSpike:
            guard topology.layerOne.hasFeeMarket else {
                throw section.error(
                    "kind", "nobody bids for block space here; 'layer_1' needs a 'profile' and no fixed rate")
            }
            guard let factor = try section.rate("factor"), (1...1_000).contains(factor) else {
                throw file.error(section.line, "a fee spike needs 'factor', from 1 to 1000")
            }
            fault.factor = factor
        case .reorganisation:
            guard let depth = try section.unsigned("depth", "blocks", from: 1, to: 6) else {
                throw file.error(section.line, "a reorg lacks 'depth', 1 to 6 blocks")
            }
            if let profile = topology.layerOne.profile, depth > profile.reorganisationDepth {
                throw section.error(
                    "depth", "\(profile.name) undoes \(profile.reorganisationDepth) blocks at the most")
            }
            fault.depth = Int(depth)
        case .offline, .disconnect, .cheat, .forceClose, .hold, .towerOutage, .emptyBlocks: break
        }
        if kind == .towerOutage, topology.watchtower == nil {
            throw section.error("kind", "there is no watchtower; 'watchtower' describes one")
        }
        return fault
    }

    private func timing(of section: Section) throws(TopologyError) -> Topology.Fault.Timing {
        guard section.has("at") != section.has("rate_per_day") else {
            throw file.error(section.line, "a fault needs either 'at' or 'rate_per_day'")
        }
        if let time = try section.duration("at", to: timeMaximum) { return .at(time) }
        // One of the two keys is there, and it is not the other.
        return .rate(try section.rate("rate_per_day")! / 86_400)
    }

    private func faultyChannel(
        of section: Section, _ nodes: [Int32], in topology: Topology
    ) throws(TopologyError) -> ShortChannelID? {
        guard let id = try shortChannelID(of: section, in: topology) else { return nil }
        let isOwn = topology.channel(of: id).map { nodes.contains($0.node1) || nodes.contains($0.node2) }
        guard isOwn == true else {
            throw section.error("short_channel_id", "the channel \(id) is none of the node's")
        }
        return id
    }
}
