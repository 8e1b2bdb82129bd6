import Yams

/// What a topology file says (docs/TOPOLOGY.md), read without the program's reader: lists of nodes and channels, no
/// graph of another file, all names plain.
struct TopologyFile {
    struct Policy {
        var baseFee: Int64 = 1_000
        var proportionalFee: Int64 = 1
        var delta: Int64 = 80
        var minimum: Int64 = 1
        var maximum: Int64?
        var isDisabled = false
    }

    struct Node {
        var id: String
        var alias: String
        var group: String?
        var wallet: Int64?
    }

    struct Channel {
        var shortChannelID: String
        /// For the order of numbers.
        var place: [Int64]
        var from: String
        var to: String
        var capacity: Int64
        var isStanding: Bool
        /// 1 or 2.
        var funder: Int64?
        var pushed: Int64 = 0
        var opensAt: Int64?
        var closesAt: Int64?
        var openingCost: Int64 = 0
        /// Millisatoshi of the first side.
        var balance: Int64?
        var policies: [Policy?]
        var limits: [String: Int64]

        mutating func turnAround() {
            swap(&from, &to)
            funder = funder.map { 3 - $0 }
            balance = balance.map { capacity * 1_000 - $0 }
            policies.reverse()
        }
    }

    struct Fault {
        var kind: String
        var nodes: Set<String>
        var at: Int64?
        var lasts: Int64?
    }

    private let root: [String: Any]
    private(set) var nodes: [Node] = []
    private(set) var channels: [Channel] = []
    private(set) var faults: [Fault] = []
    /// Fixed times of `policy_changes`, each of one direction: from, to.
    private(set) var policyChanges: [[String: Any]] = []

    struct Unreadable: Error {}

    init(_ text: String) throws {
        guard let root = try Yams.load(yaml: text) as? [String: Any] else { throw Unreadable() }
        self.root = root
        var nodePolicies: [String: [String: Any]] = [:]
        let groups = section("groups")
        for (name, value) in groups.sorted(by: { $0.key < $1.key }) {
            for member in Self.mapping(value)["members"] as? [Any] ?? [] {
                nodes.append(Node(id: "\(member)", alias: "\(member)", group: name))
            }
        }
        for value in root["nodes"] as? [Any] ?? [] {
            let keys = value as? [String: Any] ?? ["name": "\(value)"]
            let name = "\(keys["name"] ?? "")"
            let node = Node(
                id: keys["public_key"].map { "\($0)" } ?? name, alias: keys["alias"].map { "\($0)" } ?? name,
                group: keys["group"] as? String ?? nodes.first { $0.id == name }?.group,
                wallet: Self.integer(keys["wallet_sat"]))
            nodePolicies[name] = Self.mapping(keys["policy"])
            nodes.removeAll { $0.id == name }
            nodes.append(node)
        }
        for index in nodes.indices where nodes[index].wallet == nil {
            nodes[index].wallet = nodes[index].group.flatMap {
                Self.integer(Self.mapping(groups[$0])["wallet_sat"])
            }
        }
        nodes.sort { Array($0.id.utf8).lexicographicallyPrecedes(Array($1.id.utf8)) }
        for (position, value) in (root["channels"] as? [Any] ?? []).enumerated() {
            channels.append(channel(Self.mapping(value), position, nodePolicies))
        }
        // BOLT 7: `node_id_1` is the lesser of the two.
        for index in channels.indices
        where Array(channels[index].to.utf8).lexicographicallyPrecedes(Array(channels[index].from.utf8)) {
            channels[index].turnAround()
        }
        channels.sort { $0.place.lexicographicallyPrecedes($1.place) }
        for value in root["faults"] as? [Any] ?? [] {
            let keys = Self.mapping(value)
            let names: Set<String> =
                switch keys["node"] {
                case let list as [Any]: Set(list.map { "\($0)" })
                case "all" as String: Set(nodes.map(\.id))
                case let name?: ["\(name)"]
                case nil: []
                }
            faults.append(
                Fault(
                    kind: "\(keys["kind"] ?? "")", nodes: names, at: Self.microseconds(keys["at"]),
                    lasts: Self.microseconds(keys["for"])))
        }
        policyChanges = (root["policy_changes"] as? [Any] ?? []).map { Self.mapping($0) }
    }

    static func mapping(_ value: Any?) -> [String: Any] { value as? [String: Any] ?? [:] }

    static func integer(_ value: Any?) -> Int64? { (value as? Int).map(Int64.init) }

    func section(_ name: String) -> [String: Any] { Self.mapping(root[name]) }

    func text(_ key: String) -> String? { root[key].map { "\($0)" } }

    func duration(_ key: String) -> Int64? { Self.microseconds(root[key]) }

    var hasChurn: Bool { root["churn"] != nil }
    var hasFeeMarket: Bool {
        section("layer_1")["profile"] != nil && section("layer_1")["feerate_sat_per_vbyte"] == nil
    }
    var hasTower: Bool { root["watchtower"] != nil }

    /// `2.5h`, in microseconds.
    static func microseconds(_ value: Any?) -> Int64? {
        guard let value else { return nil }
        let text = "\(value)".replacing("_", with: "")
        let number = text.prefix { $0.isNumber || $0 == "." }
        let units: [Substring: Double] = [
            "us": 1, "ms": 1e3, "s": 1e6, "m": 6e7, "h": 3.6e9, "d": 8.64e10,
        ]
        guard let unit = units[text.dropFirst(number.count)], let figure = Double(number) else { return nil }
        return Int64((figure * unit).rounded())
    }

    // MARK: Channels

    private static let limitDefaults: [(column: String, key: String)] = [
        ("dust_limit_sat", "dust_limit_sat"), ("channel_reserve_sat", "channel_reserve_sat"),
        ("htlc_value_in_flight_maximum_msat", "max_htlc_value_in_flight_msat"),
        ("accepted_htlcs_maximum", "max_accepted_htlcs"), ("to_self_delay", "to_self_delay"),
        ("feerate_per_kw", "feerate_per_kw"), ("has_anchors", "anchors"),
    ]

    private func channel(
        _ keys: [String: Any], _ position: Int, _ nodePolicies: [String: [String: Any]]
    ) -> Channel {
        let defaults = section("defaults")
        let (from, to) = ("\(keys["from"] ?? "")", "\(keys["to"] ?? "")")
        let capacity = Self.integer(keys["capacity_sat"] ?? defaults["capacity_sat"]) ?? 0
        let id = keys["short_channel_id"].map { "\($0)" } ?? "0x\(position + 1)x0"
        let isStanding = keys["standing"] as? Bool ?? false
        var channel = Channel(
            shortChannelID: id, place: id.split(separator: "x").compactMap { Int64($0) }, from: from, to: to,
            capacity: capacity, isStanding: isStanding, policies: [],
            limits: limits(keys, defaults, capacity: capacity))
        if let funder = keys["funder"] {
            channel.funder = "\(funder)" == from ? 1 : 2
        } else if !isStanding || keys["opening_cost_sat"] != nil {
            channel.funder = 1
        }
        channel.pushed = (Self.integer(keys["push_sat"]) ?? 0) * 1_000
        if !isStanding { channel.opensAt = Self.microseconds(keys["opens_at"] ?? defaults["opens_at"]) ?? 0 }
        channel.closesAt = Self.microseconds(keys["closes_at"] ?? defaults["closes_at"])
        channel.openingCost = Self.integer(keys["opening_cost_sat"]) ?? 0
        channel.balance = Self.integer(keys["balance_sat"]).map { $0 * 1_000 }
        for (key, name) in [("from_policy", from), ("to_policy", to)] {
            if keys[key] as? String == "none" {
                channel.policies.append(nil)
                continue
            }
            let group = nodes.first { $0.id == name }?.group
            let sources = [
                Self.mapping(keys[key]), Self.mapping(keys["policy"]), nodePolicies[name] ?? [:],
                Self.mapping(group.map { Self.mapping(section("groups")[$0])["policy"] } ?? nil),
                Self.mapping(defaults["policy"]),
            ]
            channel.policies.append(Self.policy(sources, capacity: capacity))
        }
        return channel
    }

    private func limits(
        _ keys: [String: Any], _ defaults: [String: Any], capacity: Int64
    ) -> [String: Int64] {
        var limits: [String: Int64] = [:]
        for (column, key) in Self.limitDefaults {
            let value = keys[key] ?? defaults[key]
            limits[column] = Self.integer(value) ?? (value as? Bool).map { $0 ? 1 : 0 }
        }
        let layer = section("layer_1")
        limits["dust_limit_sat"] = limits["dust_limit_sat"] ?? 354
        limits["channel_reserve_sat"] =
            limits["channel_reserve_sat"] ?? max(capacity / 100, limits["dust_limit_sat"]!)
        let inFlight = limits["htlc_value_in_flight_maximum_msat"] ?? capacity * 1_000
        limits["htlc_value_in_flight_maximum_msat"] = min(inFlight, capacity * 1_000)
        limits["accepted_htlcs_maximum"] = limits["accepted_htlcs_maximum"] ?? 483
        limits["has_anchors"] = limits["has_anchors"] ?? 1
        // With a profile these two follow from it.
        if layer["profile"] == nil {
            limits["to_self_delay"] = limits["to_self_delay"] ?? 144
            limits["feerate_per_kw"] = limits["feerate_per_kw"] ?? 2_500
        }
        return limits
    }

    /// Each field by itself from the first that gives it.
    private static func policy(_ sources: [[String: Any]], capacity: Int64) -> Policy {
        func field(_ key: String) -> Int64? { sources.lazy.compactMap { integer($0[key]) }.first }
        var policy = Policy()
        policy.baseFee = field("base_fee_msat") ?? policy.baseFee
        policy.proportionalFee = field("fee_ppm") ?? policy.proportionalFee
        policy.delta = field("cltv_expiry_delta") ?? policy.delta
        policy.minimum = field("htlc_minimum_msat") ?? policy.minimum
        policy.maximum = min(field("htlc_maximum_msat") ?? capacity * 1_000, capacity * 1_000)
        policy.isDisabled = sources.lazy.compactMap { $0["disabled"] as? Bool }.first ?? false
        return policy
    }
}
