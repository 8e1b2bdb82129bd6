import LightningTypes
import Routing
import Settlement

/// Turns the values of a topology file into a `Topology`: settings first, then the network, then the traffic,
/// each checked against what came before.
struct TopologyReader {
    static let keys = [
        "millrace", "name", "seed", "duration", "warmup", "balances", "layer_1", "latency", "payments",
        "defaults",
        "groups", "graph", "generate", "nodes", "channels", "policy_changes", "churn", "watchtower", "faults",
        "traffic", "trace",
    ]

    let file: SourceFile
    /// What the paths of graph and trace files are relative to.
    let directory: String
    let options: Topology.ReadOptions
    let root: Section

    var draft = NetworkDraft()
    var graphFormat: GraphFormat?
    var names = FileNames()
    /// For each channel of the draft, the line that gives it; 0 for those of a graph file.
    var channelLines: [Int] = []
    /// The line that gives a node its wallet, its group's if that is it, by the node's place in the draft.
    var walletLines: [Int32: Int] = [:]
    /// The latest moment of a run; known once the layer-1 settings are.
    var timeMaximum = durationMaximum
    /// What `nodes` says of the policies of a node, by its place in the draft.
    var nodePolicies: [Int32: PolicyDraft] = [:]
    var defaultPolicy = PolicyDraft()
    var defaultLimits = LimitsDraft()
    var defaultCapacity: Satoshi?
    var defaultOpensAt: Duration?
    var defaultClosesAt: Duration?

    static func read(
        _ value: YAMLValue, file: SourceFile, directory: String, options: Topology.ReadOptions
    ) throws(TopologyError) -> Topology {
        let root = try Section(value, title: "the topology", keys: keys, file: file)
        guard root.has("millrace") else {
            throw file.error(root.line, "no format version; a topology begins with 'millrace: 1'")
        }
        guard try root.unsigned("millrace", to: .max) == 1 else {
            throw root.error(
                "millrace", "format version \(root.value("millrace")!.kind); this program reads 1")
        }
        var reader = TopologyReader(file: file, directory: directory, options: options, root: root)
        return try reader.topology()
    }

    private mutating func topology() throws(TopologyError) -> Topology {
        var topology = try settings()
        timeMaximum = topology.timeMaximum
        try readDefaults(topology.layerOne)
        try readGroups()
        try readGraph()
        try readNodes()
        try readChannels()
        try checkMoney(topology.layerOne)
        options.loading?(.ordering(nodes: draft.nodes.count, channels: draft.channels.count))
        let (nodes, channels, newIndex) = draft.inOrder()
        topology.nodes = nodes
        topology.graph = graphFormat.map { Topology.Graph(format: $0, isWholeTopology: false) }
        topology.channels = channels
        names.renumber(newIndex)
        try readPolicyChanges(into: &topology)
        topology.churn = try churn()
        if let lifetime = topology.churn?.channelLifetime,
            try root.section("payments", keys: Self.paymentKeys)?.has("channel_lifetime_days") != true
        {
            topology.payments.channelLifetimeDays = UInt32(max(1, (lifetime / .seconds(86_400)).rounded()))
        }
        if try !readGraphTraffic(into: &topology, newIndex) { try readTraffic(into: &topology) }
        try readFaults(into: &topology)
        guard topology.faults.isEmpty || topology.isWithinSupply else {
            throw root.error(
                "faults",
                MoneySum.refusal(of: "standing channels, wallets and what is kept for claims on chain"))
        }
        try topology.checkTimes(file: file) { root.line(of: $0) }
        return topology
    }

    // MARK: Settings

    static let layerOneKeys = [
        "profile", "block_interval", "regular_blocks", "confirmations", "feerate_sat_per_vbyte",
        "block_weight", "exit_delay",
    ]
    static let latencyKeys = ["floor", "fixed"]
    static let paymentKeys = [
        "attempts_maximum", "fee_limit_ppm", "fee_limit_minimum_msat", "final_cltv_expiry_delta",
        "commitment_interval", "gossip_interval", "policy_grace", "channel_lifetime_days", "model", "split",
        "parts_maximum",
    ]

    private func settings() throws(TopologyError) -> Topology {
        let name = try root.text("name") ?? Topology.defaultName(of: file.name)
        let isPathPart =
            !name.isEmpty && name.utf8.count <= 100 && !name.hasPrefix(".")
            && !name.unicodeScalars.contains { $0 == "/" || $0.properties.generalCategory == .control }
        guard isPathPart else {
            throw root.error(
                "name", "\(quoted(name)) cannot name a run directory; expected up to 100 letters")
        }
        let balances = try root.word("balances", of: Topology.BalanceRule.self)
        let layerOne = try layerOne()
        let latest = layerOne.timeMaximum
        return Topology(
            name: name, nodes: [], channels: [], balances: options.balances ?? balances ?? .uniform,
            layerOne: layerOne, payments: try paymentRules(), latency: try latency(),
            traffic: .flows([]),
            duration: try root.duration("duration", from: .microseconds(1), to: latest),
            warmup: try root.duration("warmup", to: latest) ?? .zero, seed: try root.integer("seed") ?? 1,
            graph: nil)
    }

    private func layerOne() throws(TopologyError) -> Topology.LayerOne {
        var layer = Topology.LayerOne.standard
        guard let section = try root.section("layer_1", keys: Self.layerOneKeys) else { return layer }
        if let profile = try profile(of: section) {
            layer = Topology.LayerOne(profile)
            // A fixed rate takes the place of the market.
            layer.hasFeeMarket = !section.has("feerate_sat_per_vbyte")
        }
        layer.blockInterval =
            try section.duration("block_interval", from: .milliseconds(100), to: .seconds(30 * 86_400))
            ?? layer.blockInterval
        layer.hasRegularBlocks = try section.boolean("regular_blocks") ?? layer.hasRegularBlocks
        layer.confirmations =
            try section.integer("confirmations", "blocks", from: 1, to: 1_000)
            ?? layer.confirmations
        layer.feeratePerVirtualByte =
            try section.integer("feerate_sat_per_vbyte", "satoshis", to: 1_000_000)
            ?? layer.feeratePerVirtualByte
        // A transaction of a few hundred weight units has to fit.
        layer.blockWeight =
            try section.integer("block_weight", "weight units", from: 4_000, to: 1_000_000_000_000)
            ?? layer.blockWeight
        layer.exitDelay =
            try section.duration("exit_delay", to: .seconds(365 * 86_400)) ?? layer.exitDelay
        return layer
    }

    private func profile(of section: Section) throws(TopologyError) -> LayerOneProfile? {
        guard let name = try section.text("profile") else { return nil }
        guard let profile = LayerOneProfile.named(name) else {
            let names = LayerOneProfile.all.map(\.name)
            throw section.error(
                "profile",
                "expected one of \(names.joined(separator: ", ")), found \(quoted(name))"
                    + suggestion(for: name, among: names))
        }
        return profile
    }

    private func paymentRules() throws(TopologyError) -> Topology.PaymentRules {
        var rules = Topology.PaymentRules.standard
        guard let section = try root.section("payments", keys: Self.paymentKeys) else { return rules }
        rules.attemptsMaximum =
            try section.integer("attempts_maximum", from: 1, to: 1_000) ?? rules.attemptsMaximum
        rules.model = try section.word("model", of: RoutingModel.self) ?? rules.model
        rules.splitting = try section.word("split", of: Splitting.self) ?? rules.splitting
        rules.partsMaximum = try section.integer("parts_maximum", from: 1, to: 100) ?? rules.partsMaximum
        if rules.splitting == .minimumCostFlow, section.has("model") {
            throw section.error("model", "'split: mcf' has a cost of its own in place of a model")
        }
        rules.feeLimitProportional =
            try section.integer("fee_limit_ppm", "parts per million", to: 1_000_000)
            ?? rules.feeLimitProportional
        rules.feeLimitMinimum = try section.millisatoshi("fee_limit_minimum_msat") ?? rules.feeLimitMinimum
        rules.finalCLTVExpiryDelta =
            try section.integer("final_cltv_expiry_delta", "blocks")
            ?? rules.finalCLTVExpiryDelta
        // Bounded, like latency and attempts, so that what is under way when the last payment starts ends while
        // there are block heights left (see `timeMaximum`).
        rules.commitmentInterval =
            try section.duration("commitment_interval", to: .seconds(600)) ?? rules.commitmentInterval
        rules.gossipInterval =
            try section.duration("gossip_interval", to: .seconds(30 * 86_400)) ?? rules.gossipInterval
        rules.policyGrace =
            try section.duration("policy_grace", to: .seconds(30 * 86_400)) ?? rules.policyGrace
        rules.channelLifetimeDays =
            try section.integer("channel_lifetime_days", "days", from: 1, to: 36_500)
            ?? rules.channelLifetimeDays
        return rules
    }

    private func latency() throws(TopologyError) -> Topology.Latency {
        var latency = Topology.Latency.standard
        guard let section = try root.section("latency", keys: Self.latencyKeys) else { return latency }
        latency.floor =
            try section.duration("floor", from: .microseconds(1), to: .seconds(600)) ?? latency.floor
        latency.fixed = try section.duration("fixed", to: .seconds(600))
        if let fixed = latency.fixed, fixed < latency.floor {
            throw section.error(
                "fixed", "shorter than 'floor' (\(latency.floor.inWords)), below which no message is")
        }
        return latency
    }

    // MARK: Defaults

    static let policyKeys = [
        "base_fee_msat", "fee_ppm", "cltv_expiry_delta", "htlc_minimum_msat", "htlc_maximum_msat", "disabled",
    ]
    static let limitKeys = [
        "dust_limit_sat", "channel_reserve_sat", "max_htlc_value_in_flight_msat", "max_accepted_htlcs",
        "to_self_delay", "feerate_per_kw", "anchors",
    ]

    static let defaultKeys = ["policy", "capacity_sat", "opens_at", "closes_at"] + limitKeys

    private mutating func readDefaults(_ layerOne: Topology.LayerOne) throws(TopologyError) {
        if let profile = layerOne.profile { defaultLimits = LimitsDraft(profile) }
        guard let section = try root.section("defaults", keys: Self.defaultKeys)
        else {
            return
        }
        defaultPolicy = try Self.policy("policy", of: section) ?? defaultPolicy
        defaultLimits = try Self.limits(of: section).over(defaultLimits)
        defaultCapacity = try section.satoshi("capacity_sat", from: 1)
        defaultOpensAt = try section.duration("opens_at", to: timeMaximum)
        defaultClosesAt = try section.duration("closes_at", to: timeMaximum)
    }

    /// The parts of the policy under `key`, if it is there.
    static func policy(_ key: String, of section: Section) throws(TopologyError) -> PolicyDraft? {
        guard let policy = try section.section(key, keys: policyKeys) else { return nil }
        // BOLT 7 gives the base fee and the rate 32 bits each, the delta 16.
        let draft = PolicyDraft(
            baseFee: try policy.unsigned("base_fee_msat", "millisatoshis", to: UInt64(UInt32.max))
                .map { Millisatoshi($0) },
            proportionalFee: try policy.integer("fee_ppm", "parts per million"),
            cltvExpiryDelta: try policy.integer("cltv_expiry_delta", "blocks"),
            htlcMinimum: try policy.millisatoshi("htlc_minimum_msat"),
            htlcMaximum: try policy.millisatoshi("htlc_maximum_msat", from: 1),
            isDisabled: try policy.boolean("disabled"))
        if let minimum = draft.htlcMinimum, let maximum = draft.htlcMaximum, minimum > maximum {
            throw policy.error("htlc_minimum_msat", "above 'htlc_maximum_msat' (\(maximum))")
        }
        return draft
    }

    static func limits(of section: Section) throws(TopologyError) -> LimitsDraft {
        LimitsDraft(
            dustLimit: try section.satoshi("dust_limit_sat"),
            channelReserve: try section.satoshi("channel_reserve_sat"),
            htlcValueInFlightMaximum: try section.millisatoshi("max_htlc_value_in_flight_msat"),
            // BOLT 2: "max_accepted_htlcs is greater than 483" is a failure.
            acceptedHTLCsMaximum: try section.integer("max_accepted_htlcs", "HTLCs", to: 483),
            toSelfDelay: try section.integer("to_self_delay", "blocks"),
            feeratePerKiloweight: try section.integer("feerate_per_kw", "satoshis", to: 10_000_000),
            hasAnchors: try section.boolean("anchors"))
    }
}

extension Topology {
    /// Refuses settings of time under which no payment could start.
    func checkTimes(file: SourceFile, line: (String) -> Int?) throws(TopologyError) {
        guard let duration else { return }
        guard duration <= timeMaximum else {
            throw file.error(
                line("duration"),
                "a duration of \(duration.inWords); at most \(timeMaximum.inWords)")
        }
        guard warmup < duration else {
            throw file.error(
                line("warmup"),
                "the warm-up of \(warmup.inWords) leaves nothing of the duration of \(duration.inWords); "
                    + "a shorter warm-up or a longer duration would")
        }
        guard case .flows(let flows) = traffic, let first = flows.min(by: { $0.startsAt < $1.startsAt })
        else { return }
        guard first.startsAt < duration else {
            throw file.error(
                line("duration"),
                "no payment can start: the first flow, \(quoted(first.name)), starts at "
                    + "\(first.startsAt.inWords), the duration is \(duration.inWords)")
        }
    }
}
