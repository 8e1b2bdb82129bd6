/// The members of `result.json`, in their order, as docs/RUN-STORE.md says and the rows give them.
struct ExpectedResult {
    private(set) var members: [(path: String, expectation: Expectation)] = []

    private let facts: RunFacts
    private let rules: Rules
    private let stored: [String: Figure]

    init(
        _ facts: RunFacts, _ rules: Rules, _ file: TopologyFile, _ audit: AuditedRun, _ flows: Flows,
        manifest: [String: Figure], days: [[(name: String, value: Int64)]], income: [[String: Figure]],
        nodes: [[String: Figure]], stored: [(path: String, figure: Figure)]
    ) {
        self.facts = facts
        self.rules = rules
        self.stored = Dictionary(stored.map { ($0.path, $0.figure) }) { first, _ in first }
        func add(_ path: String, _ expectation: Expectation) { members.append((path, expectation)) }
        func add(_ path: String, _ value: Int64) { add(path, .exactly(value)) }
        func count(_ path: String, _ value: Int) { add(path, .exactly(value)) }
        func seconds(_ name: String) -> Expectation {
            .near((Double(facts.meta[name] ?? "") ?? -1) / 1e6, within: 1e-12)
        }
        let measured = facts.payments.filter { $0.started >= rules.warmup }
        let settled = measured.filter { $0.failure == nil }
        let failed = measured.filter { $0.failure != nil }

        add("digest", .exactly(manifest["digest"] ?? .null))
        add("topology", .exactly(facts.meta["topology"]))
        add("seed", Int64(file.text("seed") ?? "1") ?? 1)
        add("threads", .exactly(manifest["settings.threads"] ?? .null))
        add("signatures", .exactly(manifest["settings.signatures"] ?? .null))
        let messages = Messages(facts, rules, file, flows)
        let sum = messages.names.reduce(0) { $0 + (self.stored["messages.\($1)"]?.number ?? 0) }
        add("events", .between(sum, 9e18))
        for member in stored where member.path.hasPrefix("messages.") {
            let name = String(member.path.dropFirst("messages.".count))
            add(member.path, messages.expectation(of: name, among: self.stored))
        }
        for name in messages.names where self.stored["messages.\(name)"] == nil {
            // Those never sent are left out: they have to be expected never.
            if case .exactly(.integer(let value)) = messages.expectation(of: name, among: self.stored),
                value > 0
            {
                add("messages.\(name)", value)
            }
        }
        for name in ["simulated", "drain", "measured"] { add("\(name)_seconds", seconds("\(name)_us")) }
        add("traffic_assumed", .exactly(.boolean(file.text("traffic") == "assumed")))
        add("balances", .exactly(file.text("balances") ?? "uniform"))
        count("payments.attempted", measured.count)
        count("payments.routable", measured.count { $0.attempts > 0 })
        count("payments.settled", settled.count)
        count("payments.failed", failed.count)
        count("warmup_payments", facts.payments.count - measured.count)
        for (name, times) in Self.ranked(failed.compactMap(\.failure)) { count("failures.\(name)", times) }
        let attempts = facts.attempts.filter { facts.payments[Int($0.payment)].started >= rules.warmup }
        count("attempts", attempts.count)
        for (name, times) in Self.ranked(attempts.compactMap(\.failure)) {
            count("attempt_failures.\(name)", times)
        }
        let hops = settled.reduce(0) { $0 + $1.hops }
        let mean = settled.isEmpty ? 0 : Double(hops) / Double(settled.count)
        add("mean_hops", .near(mean, within: 1e-12))
        let latencies = settled.map { max($0.ended - $0.started, 1_000) }.sorted()
        for percent in [50, 90, 99] {
            // The least latency that so many payments do not exceed; buckets are a thousandth wide.
            let rank = (percent * latencies.count + 99) / 100
            let value = latencies.isEmpty ? 0 : Double(latencies[rank - 1]) / 1_000
            add("latency_ms.p\(percent)", .near(value, within: 0.001))
        }
        add("amount_settled_msat", settled.reduce(0) { $0 + $1.amount })
        func total(_ column: String) -> Int64 { income.reduce(0) { $0 + $1.integer(column) } }
        add("fees_paid_msat", total("fees_paid_msat"))
        add("fees_earned_msat", total("routing_fees_msat"))
        addChain(audit)
        addDisputes()
        addPolicyChanges(file)
        for name in Self.primitives { add("primitives.\(name)", primitive(name)) }
        add("channel_lifetime_days", Int64(rules.lifetimeDays))
        add("exit_days", .near(rules.exitDays, within: 1e-12))
        for (number, day) in days.enumerated() {
            for (name, value) in day { add("days[\(number)].\(name)", value) }
        }
        addIncome(income, nodes)
    }

    private mutating func addIncome(_ income: [[String: Figure]], _ nodes: [[String: Figure]]) {
        let names = nodes.sorted { $0.integer("node") < $1.integer("node") }
        let rows = income.sorted { $0.integer("node") < $1.integer("node") }
        let columns = [
            "forwards", "volume_msat", "routing_fees_msat", "fees_paid_msat", "onchain_fees_msat",
            "penalties_msat",
            "principal_msat", "net_msat", "capital_msat", "apr_gross", "apr_net",
        ]
        for (number, row) in rows.enumerated() {
            members.append(("income[\(number)].node", .exactly(names[number]["id"] ?? .null)))
            members.append(("income[\(number)].alias", .exactly(names[number]["alias"] ?? .null)))
            for column in columns {
                // Whole numbers of a real column stand as such in JSON.
                let wanted = row[column] ?? .null
                if case .real(let value) = wanted {
                    members.append(("income[\(number)].\(column)", .near(value, within: 1e-15)))
                } else {
                    members.append(("income[\(number)].\(column)", .exactly(wanted)))
                }
            }
        }
    }

    private static func ranked(_ names: [String]) -> [(String, Int)] {
        Dictionary(grouping: names) { $0 }.map { ($0, $1.count) }.sorted {
            $0.1 != $1.1 ? $0.1 > $1.1 : $0.0 < $1.0
        }
    }

    private mutating func addChain(_ audit: AuditedRun) {
        let highest = facts.chain.map(\.height).max() ?? 0
        let end = Int64(facts.meta["simulated_us"] ?? "") ?? 0
        var height = Expectation.between(
            Double(highest), Double(max(highest, end / rules.blockInterval + 64)))
        if let interval = rules.regularInterval { height = .exactly(end / interval) }
        members.append(("chain.height", height))
        func add(_ name: String, _ value: Int64) { members.append(("chain.\(name)", .exactly(value))) }
        add("transactions", Int64(facts.chain.count))
        let funded = Set(facts.chain.filter { $0.kind == "funding" }.map(\.channel))
        let closed = Set(
            facts.chain.filter { $0.kind == "closing" || $0.kind == "commitment" }.map(\.channel))
        func bounded(_ name: String, _ range: ClosedRange<Int>) {
            members.append(("chain.\(name)", .between(Int64(range.lowerBound)...Int64(range.upperBound))))
        }
        // In a faulty run one side may go on chain before a channel is ready, and one that is away never hears.
        let isFaultless = rules.isFaultless
        bounded("channels_opened", isFaultless ? funded.count...funded.count : 0...funded.count)
        bounded("channels_closed", isFaultless ? closed.count...closed.count : 0...closed.count)
        let planned = facts.channels.indices.filter { facts.channels[$0].opensAt != nil }
        let unfunded = planned.count { !funded.contains(Int64($0)) }
        bounded("openings_refused", isFaultless ? unfunded...unfunded : 0...unfunded)
        let unclosed = facts.unclosed
        bounded("closings_refused", isFaultless ? unclosed...unclosed : 0...unclosed)
        add("miner_fees_sat", facts.chain.reduce(0) { $0 + $1.fee })
        add("genesis_sat", audit.genesis)
        var number = 0
        for kind in ["funding", "closing", "commitment", "claim", "penalty", "fee-bump"] {
            let rows = facts.chain.filter { $0.kind == kind }
            if rows.isEmpty { continue }
            members.append(("chain.kinds[\(number)].kind", .exactly(kind)))
            add("kinds[\(number)].transactions", Int64(rows.count))
            add("kinds[\(number)].weight", rows.reduce(0) { $0 + $1.weight })
            add("kinds[\(number)].fees_sat", rows.reduce(0) { $0 + $1.fee })
            number += 1
        }
    }

    private mutating func addDisputes() {
        let commitments = facts.chain.filter { $0.kind == "commitment" }
        let punished = Set(facts.chain.filter { $0.kind == "penalty" }.map(\.channel)).count
        let cheatable = commitments.count { row in
            facts.channels[Int(row.channel)].nodes.contains { rules.cheats.contains($0) }
        }
        func add(_ name: String, _ expectation: Expectation) {
            members.append(("disputes.\(name)", expectation))
        }
        add("unilateral_closes", .exactly(commitments.count))
        add("cheats", .between(0, Double(cheatable)))
        add("breaches", .between(Double(rules.isFaultless ? punished : 0), Double(commitments.count)))
        add("punished", .exactly(punished))
        add("data_losses", .between(0, rules.isFaultless ? 0 : Double(facts.channels.count)))
    }

    private mutating func addPolicyChanges(_ file: TopologyFile) {
        var expected: Int64? = 0
        for change in file.policyChanges {
            // Those of one direction at a time, each to another policy, can be counted here.
            guard change["at"] != nil, change["from"] != nil,
                change["to"] != nil || change["short_channel_id"] != nil
            else {
                expected = nil
                break
            }
            expected! += 1
        }
        members.append(("policy_changes", expected.map { .exactly($0) } ?? .between(0, 9e15)))
    }

    private static let primitives = [
        "key_pairs", "signatures", "verifications", "transaction_hashes", "hashes", "point_multiplications",
        "base_point_multiplications", "keyed_hashes", "onion_hashes", "stream_bytes",
    ]

    /// What the messages and transactions of a run need at the least, with eager signatures and without.
    private func primitive(_ name: String) -> Expectation {
        let isEager = stored["signatures"] == .text("eager")
        func messages(_ name: String) -> Double { stored["messages.\(name)"]?.number ?? 0 }
        let funded = Double(facts.chain.count { $0.kind == "funding" })
        let closed = Double(facts.chain.count { $0.kind == "closing" })
        let least: Double =
            switch name {
            case "signatures": isEager ? messages("commitment_signed") : funded + 2 * closed
            case "verifications": isEager ? messages("commitment_signed") : 0
            case "transaction_hashes": isEager ? messages("commitment_signed") : 0
            case "hashes": isEager ? messages("update_fulfill_htlc") : 0
            case "point_multiplications", "onion_hashes": isEager ? messages("update_add_htlc") : 0
            case "stream_bytes": isEager ? 1_300 * messages("update_add_htlc") : 0
            default: 0
            }
        // With lazy signatures nothing is wrapped or peeled.
        let isOfOnions = ["point_multiplications", "onion_hashes", "stream_bytes", "keyed_hashes"].contains(
            name)
        return .between(least, isOfOnions && !isEager ? 0 : 9e18)
    }
}

/// How many messages the attempts and the chain ask for.
private struct Messages {
    let names = [
        "open_channel", "accept_channel", "funding_created", "funding_signed", "channel_ready",
        "update_add_htlc",
        "update_fulfill_htlc", "update_fail_htlc", "commitment_signed", "revoke_and_ack", "shutdown",
        "closing_signed", "channel_update", "channel_reestablish", "update_fee",
    ]
    private var exact: [String: Int64] = [:]
    private var changes: Int64 = 0
    private let rules: Rules

    init(_ facts: RunFacts, _ rules: Rules, _ file: TopologyFile, _ flows: Flows) {
        self.rules = rules
        guard rules.isFaultless else { return }
        let adds = facts.attempts.reduce(0) { $0 + ($1.failure == nil ? $1.route.count : $1.failingHop ?? 0) }
        let fulfilments = facts.attempts.reduce(0) { $0 + ($1.failure == nil ? $1.route.count : 0) }
        let funded = facts.chain.count { $0.kind == "funding" }
        let closed = facts.chain.count { $0.kind == "closing" }
        let unclosed = facts.unclosed
        exact = [
            "update_add_htlc": Int64(adds), "update_fulfill_htlc": Int64(fulfilments),
            "update_fail_htlc": Int64(adds - fulfilments), "funding_created": Int64(funded),
            "funding_signed": Int64(funded), "channel_ready": Int64(2 * funded),
            "closing_signed": Int64(2 * closed), "shutdown": Int64(2 * (closed + unclosed)),
            "channel_reestablish": 0,
        ]
        if !rules.hasFeeMarket { exact["update_fee"] = 0 }
        changes = Int64(2 * adds)
    }

    func expectation(of name: String, among stored: [String: Figure]) -> Expectation {
        func sent(_ name: String) -> Int64 {
            if case .integer(let value)? = stored["messages.\(name)"] { value } else { 0 }
        }
        guard rules.isFaultless else { return names.contains(name) ? .between(0, 9e18) : .fact }
        if let value = exact[name] { return .exactly(value) }
        switch name {
        // Each is answered by the other.
        case "accept_channel": return .exactly(sent("open_channel"))
        case "revoke_and_ack": return .exactly(sent("commitment_signed"))
        case "open_channel":
            return .between(sent("funding_created")...max(sent("accept_channel"), sent("funding_created")))
        case "commitment_signed":
            let fees = sent("update_fee")
            return .between((changes + fees > 0 ? 2 : 0)...2 * (changes + fees))
        case "shutdown":
            return .between(
                sent("closing_signed")...sent("closing_signed") + 2 * sent("channel_ready") + 1_000)
        case "channel_update": return .between(sent("channel_ready") + sent("shutdown")...Int64.max / 2)
        case "update_fee": return .between(0, 9e18)
        default: return .exactly("no message of this name")
        }
    }
}
