import LightningTypes

extension TopologyReader {
    static let flowKeys = [
        "name", "rate_per_second", "rate_per_hour", "rate_per_day", "amount_sat", "amount_msat", "from", "to",
        "from_weights", "to_weights", "pairs", "starts_at", "ends_at", "hours", "bursts", "circulation",
    ]
    /// No node of any network comes near; beyond it a run would never get past its first microsecond.
    static let rateMaximum = 1e9
    /// Fewer come to none in the longest run.
    static let rateMinimum = 1e-10
    static let flowsMaximum = 1_000
    /// Payers, payees and who swaps, of all flows together: each flow holds its own, so that many flows over many nodes
    /// would fill the memory. Measured, a run keeps some 20 bytes for each.
    static let partiesMaximum = 100_000_000
    private static let bytesOfParty = 20.0

    /// `topology` has its nodes and channels already; `names` speaks of its indices.
    func readTraffic(into topology: inout Topology) throws(TopologyError) {
        if let path = try root.text("trace") {
            guard !root.has("traffic") else {
                throw root.error("trace", "a topology has 'traffic' or 'trace', not both")
            }
            let trace = try ReferencedFile(
                path, key: "trace", of: root, directory: directory, files: options.files)
            topology.traffic = .trace(
                try TraceReader.read(
                    trace.bytes, file: trace.file, names: names, nodes: topology.nodes, latest: timeMaximum))
            return
        }
        var flows: [Topology.Flow] = []
        var parties = 0
        var firstTooMany: Int?
        var sets = NodeSets()
        let list = try root.list("traffic") ?? []
        guard list.count <= Self.flowsMaximum else {
            throw root.error("traffic", "\(list.count) flows; at most \(Self.flowsMaximum)")
        }
        for (position, value) in list.enumerated() {
            let section = try Section(value, title: "a flow", keys: Self.flowKeys, file: file)
            let flow = try flow(of: section, position: position, in: topology, sets: &sets)
            parties += flow.payers.count + flow.payees.count + (flow.circulation?.swapNodes.count ?? 0)
            // The rest is counted, not kept, so that the refusal can tell what they come to.
            if parties > Self.partiesMaximum {
                firstTooMany = firstTooMany ?? section.line
            } else {
                flows.append(flow)
            }
        }
        if let firstTooMany {
            throw file.error(
                firstTooMany,
                "flows name \(NumberText.grouped(Double(parties))) payers and payees in all, some "
                    + "\(NumberText.gigabytes(Double(parties) * Self.bytesOfParty)) of memory; at most "
                    + "\(NumberText.grouped(Double(Self.partiesMaximum))): fewer flows, or smaller groups in them"
            )
        }
        for (position, flow) in flows.enumerated()
        where flows[..<position].contains(where: { $0.name == flow.name }) {
            throw root.error("traffic", "two flows are named \(quoted(flow.name))")
        }
        // Without a duration and without an end, flows would go on for ever.
        if !flows.isEmpty, topology.duration == nil { topology.duration = .seconds(3_600) }
        topology.traffic = .flows(flows)
    }

    private func flow(
        of section: Section, position: Int, in topology: Topology, sets: inout NodeSets
    ) throws(TopologyError) -> Topology.Flow {
        let pairing = try pairing(of: section, in: topology)
        var payers = try nodes("from", of: section, in: topology, sets: &sets)
        var payees = try nodes("to", of: section, in: topology, sets: &sets)
        switch pairing {
        case .independent: break
        case .circular: payees = payers
        case .listed(let pairs):
            payers = Set(pairs.map(\.payer)).sorted()
            payees = Set(pairs.map(\.payee)).sorted()
        }
        // A payer whose only payee is itself has nobody to pay.
        if payees.count == 1 { payers.removeAll { $0 == payees[0] } }
        guard !payers.isEmpty, !payees.isEmpty else {
            throw file.error(section.line, "'from' and 'to' leave no pair of two different nodes")
        }
        let name = try section.text("name")
        if let name { try checkText(name, "a flow", line: section.line(of: "name")) }
        let startsAt = try section.duration("starts_at", to: timeMaximum) ?? .zero
        let endsAt = try section.duration("ends_at", to: timeMaximum)
        if let endsAt, endsAt <= startsAt {
            throw section.error("ends_at", "the flow would end before it starts")
        }
        var flow = Topology.Flow(
            name: name ?? "flow \(position + 1)", rate: try rate(of: section),
            amount: try amount(of: section), payers: payers, payees: payees, startsAt: startsAt,
            endsAt: endsAt, isAssumed: false)
        flow.pairing = pairing
        flow.payerWeights = try weights("from_weights", of: section)
        flow.payeeWeights = try weights("to_weights", of: section)
        flow.hours = try hours(of: section)
        flow.bursts = try bursts(of: section, rate: flow.rate)
        flow.circulation = try circulation(of: section, in: topology, sets: &sets)
        return flow
    }

    private func rate(of section: Section) throws(TopologyError) -> Double {
        let units: [(key: String, seconds: Double)] = [
            ("rate_per_second", 1), ("rate_per_hour", 3_600), ("rate_per_day", 86_400),
        ]
        let given = units.filter { section.has($0.key) }
        guard let unit = given.first, given.count == 1 else {
            let choice = "exactly one of rate_per_second, rate_per_hour, rate_per_day"
            throw file.error(
                section.line, "a flow needs \(choice); found \(given.isEmpty ? "none" : "\(given.count)")")
        }
        // The key is there, so a value is.
        let rate = try section.rate(unit.key)! / unit.seconds
        guard rate <= Self.rateMaximum else {
            throw section.error(unit.key, "more than \(Int(Self.rateMaximum)) payments a second")
        }
        guard rate >= Self.rateMinimum else {
            throw section.error(unit.key, "less than one payment in 300 years")
        }
        return rate
    }

    private func amount(of section: Section) throws(TopologyError) -> Topology.AmountDistribution {
        guard section.has("amount_sat") != section.has("amount_msat") else {
            throw file.error(section.line, "a flow needs either amount_sat or amount_msat")
        }
        if let amount = try section.millisatoshi("amount_msat", from: 1) { return .fixed(amount) }
        if case .mapping? = section.value("amount_sat")?.content {
            // Just seen to be there.
            let range = try section.section(
                "amount_sat", keys: ["from", "to", "mean", "median", "values", "weights"])!
            if range.has("mean") || range.has("median") { return try logNormal(range) }
            if range.has("values") { return try listed(range) }
            guard let lowest = try range.satoshi("from", from: 1),
                let highest = try range.satoshi("to", from: 1)
            else {
                throw section.error(
                    "amount_sat",
                    "expected 'from' and 'to' (uniform), 'mean' and 'median' (log-normal), or 'values'")
            }
            guard lowest <= highest else { throw section.error("amount_sat", "'from' is above 'to'") }
            return .uniform(lowest: lowest, highest: highest)
        }
        // One of the two keys is there, and it is not the other.
        return .fixed(Millisatoshi(try section.satoshi("amount_sat", from: 1)!))
    }

    /// The nodes that `all`, `connected`, a group, a node, or a list of these means, ascending; all of them where the
    /// key is absent. Takes what the nodes named take, not what there are: a file may name one of millions a thousand
    /// times.
    func nodes(
        _ key: String, of section: Section, in topology: Topology, sets: inout NodeSets
    ) throws(TopologyError) -> [Int32] {
        guard let value = section.value(key) else { return sets.all(of: topology) }
        let words: [YAMLValue]
        if case .list(let list) = value.content { words = list } else { words = [value] }
        var named: [[Int32]] = []
        for word in words {
            guard case .text(let name, _) = word.content, !word.isEmpty else {
                throw section.error(key, "expected all, connected, a group or a node, found \(word.kind)")
            }
            named.append(try members(of: name, line: word.line, in: topology, sets: &sets))
        }
        if named.count == 1 { return named[0] }
        let count = named.reduce(0) { $0 + $1.count }
        guard count >= topology.nodes.count / 16 else { return Set(named.joined()).sorted() }
        var isMember = [Bool](repeating: false, count: topology.nodes.count)
        for node in named.joined() { isMember[Int(node)] = true }
        return isMember.indices.filter { isMember[$0] }.map { Int32($0) }
    }

    /// Ascending.
    private func members(
        of name: String, line: Int, in topology: Topology, sets: inout NodeSets
    ) throws(TopologyError) -> [Int32] {
        if name == "all" { return sets.all(of: topology) }
        if name == "connected" { return sets.connected(of: topology) }
        if let members = names.membersOfGroup[name] { return members.sorted() }
        do {
            return [try names.node(name)]
        } catch {
            throw file.error(line, names.message(error, name: name, among: topology.nodes))
        }
    }
}

/// The sets of nodes that words of the format name, found once and shared by all who name them.
struct NodeSets {
    private var all: [Int32]?
    private var connected: [Int32]?

    mutating func all(of topology: Topology) -> [Int32] {
        let nodes = all ?? Array(0..<Int32(topology.nodes.count))
        all = nodes
        return nodes
    }

    mutating func connected(of topology: Topology) -> [Int32] {
        let nodes = connected ?? topology.connectedNodes
        connected = nodes
        return nodes
    }
}
