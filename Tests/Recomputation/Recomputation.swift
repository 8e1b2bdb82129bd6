import Foundation

/// Every column of every table of a run directory, every key of its `result.json`, every field of its `income.csv` and
/// every line of its `report.txt` with a figure in it, recomputed from the rows of `payments`, `attempts` and `chain`, the
/// copy of the topology, and the audit's single facts. Written from docs/RUN-STORE.md, docs/TOPOLOGY.md and the BOLTs; it
/// imports nothing of the simulator.
///
/// What stands in a file and is recomputed by nobody is a violation, so that a new column cannot come in without.
public struct Recomputation {
    public private(set) var account = Account()

    /// Figures that cannot be recomputed from a run's rows, and why; all but these have to be recomputed exactly in some
    /// run. Each is held to a bound or an identity all the same.
    public static let boundedOnly: [String: String] = [
        "result.disputes.data_losses":
            "who found its own state to be old, no row tells; no more than channels on chain",
        "result.disputes.breaches": "what its victim saw, no row tells; no less than were punished",
        "result.disputes.cheats": "that a commitment was revoked, no row tells; no less than were punished",
        "result.events": "events are not recorded; no fewer than messages",
        "meta.simulated_us": "the last event is not recorded; no earlier than any row",
        "meta.drain_us": "the last revoke_and_ack is not recorded; after the last attempt and soon after",
        "result.messages.commitment_signed":
            "rounds of commitments are not recorded; no more than two for each change",
        "result.messages.channel_reestablish": "connections are not recorded",
        "result.messages.update_fee": "rates of commitments are not recorded",
        "result.messages.channel_update": "at least those of openings, closings and changes",
        "result.primitives.key_pairs": "cryptography is not recorded; at least what its messages need",
        "result.primitives.signatures": "the same", "result.primitives.verifications": "the same",
        "result.primitives.transaction_hashes": "the same", "result.primitives.hashes": "the same",
        "result.primitives.point_multiplications": "the same",
        "result.primitives.base_point_multiplications": "the same",
        "result.primitives.keyed_hashes": "the same",
        "result.primitives.onion_hashes": "the same", "result.primitives.stream_bytes": "the same",
    ]

    /// What runs are recomputed from: held to bounds, and to each other.
    public static let facts: Set<String> = [
        "payments.source", "payments.destination", "payments.amount_msat", "payments.started_us",
        "attempts.started_us", "attempts.ended_us", "attempts.failing_hop", "attempts.failure",
    ]

    private let files: StoredFiles
    private let file: TopologyFile
    private let audit: AuditedRun
    private let facts: RunFacts
    private let rules: Rules
    private let nodes: [String]
    private var books: Books
    private let timeline: Timeline

    /// - Parameter directory: of a complete run whose attempts were all kept.
    public init(of directory: String, _ audit: AuditedRun) throws {
        files = try StoredFiles(directory: directory)
        file = try TopologyFile(files.topology)
        facts = try RunFacts(files)
        self.audit = audit
        let rows = files.tables.first { $0.name == "nodes" }?.rows ?? []
        nodes = rows.sorted { $0.integer("node") < $1.integer("node") }.map { $0.text("id") ?? "" }
        rules = Rules(file, facts, nodes: nodes)
        let flows = Flows(
            facts, audit, isSplit: rules.isSplit, isWalkable: rules.keepsPolicies,
            isFaultless: rules.isFaultless)
        account.violations += flows.violations
        books = Books(facts, audit, flows, file, rules)
        timeline = Timeline(facts, books, flows, file, rules, nodes: nodes)
        checkTables()
        checkTowers()
        checkIncomeFile()
        checkResult(flows)
        checkReport()
    }

    private func rows(_ table: String) -> [[String: Figure]] {
        files.tables.first { $0.name == table }?.rows ?? []
    }

    // MARK: Tables

    private mutating func checkTables() {
        var expected: [String: ExpectedTable] = [
            "meta": meta(), "nodes": nodeTable(), "channels": channelTable(), "directions": directionTable(),
            "income": books.income(), "payments": paymentTable(), "attempts": attemptTable(),
            "chain": chainTable(), "timeline": timeline.table(),
        ]
        var sums = ExpectedTable()
        for sum in books.nodeIncome(rows("income")) { sums[sum.node] = sum.row(rules) }
        expected["node_income"] = sums
        for table in files.tables {
            guard let rows = expected.removeValue(forKey: table.name) else {
                account.violations.append("nobody recomputes the table \(table.name)")
                continue
            }
            var left = rows.rows
            for row in table.rows {
                let key = table.key(of: row)
                guard let wanted = left.removeValue(forKey: key) else {
                    account.violations.append("\(table.name) has a row \(key) that nothing asks for")
                    continue
                }
                for column in table.columns {
                    account.compare(
                        "\(table.name).\(column)", at: key, row[column] ?? .null, with: wanted[column])
                }
            }
            for key in left.keys.sorted() { account.violations.append("\(table.name) lacks the row \(key)") }
        }
        for table in expected.keys.sorted() { account.violations.append("there is no table \(table)") }
        for object in files.otherObjects { account.violations.append("nobody knows \(object)") }
        books.check(rows("income"))
        account.violations += books.violations
    }

    private var digest: Figure { files.manifest["digest"] ?? .null }

    private var lastTime: Int64 {
        max(
            facts.payments.map(\.ended).max() ?? 0, facts.chain.map(\.confirmed).max() ?? 0,
            facts.attempts.map(\.ended).max() ?? 0)
    }

    private func result(_ path: String) -> Figure {
        files.result.first { $0.path == path }?.figure ?? .null
    }

    private func meta() -> ExpectedTable {
        let lastStart = facts.payments.map(\.started).max() ?? 0
        let lastEnd = facts.attempts.map(\.ended).max() ?? lastStart
        // The last HTLC is removed soon after its payer knows, where nothing keeps it.
        let slack = facts.attempts.map { rules.timing.lies($0).upperBound }.max() ?? 0
        let latest = rules.isFaultless && !rules.hasFeeMarket ? max(slack - lastStart, 0) : Int64.max / 2
        let exit = rules.exitDays
        func text(_ value: Int64) -> Expectation { .exactly("\(value)") }
        let measured = rules.measured.upperBound - rules.measured.lowerBound
        var values: [String: Expectation] = [
            "schema_version": .exactly("3"), "program": .exactly(files.manifest["program"] ?? .null),
            "status": .exactly("complete"), "topology": .exactly(file.text("name") ?? name),
            "seed": .exactly(file.text("seed") ?? "1"), "attempts": .exactly("all"),
            "digest": .exactly(digest), "measured_us": text(measured),
            "channel_lifetime_days": text(Int64(rules.lifetimeDays)), "exit_days": .exactly("\(exit)"),
            "events": .fact, "simulated_us": .fact, "drain_us": .fact,
        ]
        if case .integer(let events) = result("events") { values["events"] = text(events) }
        var table = ExpectedTable()
        for (name, value) in values { table[name] = ["name": .exactly(name), "value": value] }
        return
            table
            .bounding("drain_us", facts.meta, max(lastEnd - lastStart, 0)...latest)
            .bounding("simulated_us", facts.meta, lastTime...Int64.max / 2)
    }

    /// The file's name without its ending.
    private var name: String {
        guard case .text(let path)? = files.manifest["input[0]"] else { return "" }
        return String(path.dropFirst("input/".count).prefix { $0 != "." })
    }

    private func nodeTable() -> ExpectedTable {
        var table = ExpectedTable()
        let described = Dictionary(file.nodes.map { ($0.id, $0) }) { first, _ in first }
        let sorted = nodes.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
        for (index, id) in sorted.enumerated() {
            guard let node = described[id] else {
                // One that joined in the run.
                guard file.hasChurn, id.hasPrefix("joined-") else { continue }
                table[index] = [
                    "node": .exactly(index), "id": .exactly(id), "alias": .exactly(id),
                    "node_group": .exactly(nil),
                    "wallet_sat": .exactly(nil),
                ]
                continue
            }
            table[index] = [
                "node": .exactly(index), "id": .exactly(id), "alias": .exactly(node.alias),
                "node_group": .exactly(node.group),
                "wallet_sat": node.wallet.map { .exactly($0) } ?? .exactly(.null),
            ]
        }
        return table
    }

    /// The channels of the file by short channel id; others opened in the run.
    private func channelTable() -> ExpectedTable {
        var table = ExpectedTable()
        let described = Dictionary(file.channels.map { ($0.shortChannelID, $0) }) { first, _ in first }
        func place(_ id: String) -> [Int64] { id.split(separator: "x").compactMap { Int64($0) } }
        let stored = rows("channels")
        let sorted = stored.sorted {
            place($0.text("short_channel_id") ?? "").lexicographicallyPrecedes(
                place($1.text("short_channel_id") ?? ""))
        }
        for (index, row) in sorted.enumerated() {
            guard let channel = described[row.text("short_channel_id") ?? ""] else {
                if file.hasChurn { table[index] = opened(row, index) }
                continue
            }
            var wanted: [String: Expectation] = [
                "channel": .exactly(index), "short_channel_id": .exactly(channel.shortChannelID),
                "node1": .exactly(nodes.firstIndex(of: channel.from) ?? -1),
                "node2": .exactly(nodes.firstIndex(of: channel.to) ?? -1),
                "capacity_sat": .exactly(channel.capacity),
                "funder": channel.funder.map { .exactly($0) } ?? .exactly(.null),
                "pushed_msat": .exactly(channel.pushed),
                "opens_at_us": channel.opensAt.map { .exactly($0) } ?? .exactly(.null),
                "closes_at_us": channel.closesAt.map { .exactly($0) } ?? .exactly(.null),
                "opening_cost_sat": .exactly(channel.openingCost),
            ]
            if file.hasChurn, channel.closesAt == nil { wanted["closes_at_us"] = .fact }
            for (limit, value) in channel.limits { wanted[limit] = .exactly(value) }
            // What a profile settles.
            for limit in ["to_self_delay", "feerate_per_kw"] where wanted[limit] == nil {
                wanted[limit] = .between(1, 10_000_000)
            }
            table[index] = wanted
        }
        return table
    }

    /// A channel that churn opened: its limits are those of `defaults`.
    private func opened(_ row: [String: Figure], _ index: Int) -> [String: Expectation] {
        let capacity = row.integer("capacity_sat")
        return [
            "channel": .exactly(index), "short_channel_id": .fact,
            "node1": .between(0, Double(row.integer("node2") - 1)),
            "node2": .between(1, Double(nodes.count - 1)),
            "capacity_sat": .between(1, 2.1e15), "funder": .oneOf([.integer(1), .integer(2)]),
            "pushed_msat": .exactly(0), "opens_at_us": .between(0, Double(Int64.max / 2)),
            "closes_at_us": .fact,
            "opening_cost_sat": .exactly(0), "dust_limit_sat": .fact,
            "channel_reserve_sat": .between(0, Double(capacity - 1)),
            "htlc_value_in_flight_maximum_msat": .between(1, Double(capacity * 1_000)),
            "accepted_htlcs_maximum": .between(1, 483), "to_self_delay": .between(0, 65_535),
            "feerate_per_kw": .between(0, 10_000_000), "has_anchors": .oneOf([.integer(0), .integer(1)]),
        ]
    }

    private func directionTable() -> ExpectedTable {
        var table = ExpectedTable()
        let described = Dictionary(file.channels.map { ($0.shortChannelID, $0) }) { first, _ in first }
        let balances = file.text("balances") ?? "uniform"
        let ids = rows("channels").sorted { $0.integer("channel") < $1.integer("channel") }
        for (index, channel) in facts.channels.enumerated() {
            let capacity = channel.capacity * 1_000
            let known = described[ids[index].text("short_channel_id") ?? ""]
            for side in 0..<2 {
                let direction = 2 * index + side
                var initial = Expectation.between(0, Double(capacity))
                if channel.opensAt != nil {
                    initial = .exactly(
                        facts.funder(of: index) == direction ? capacity - channel.pushed : channel.pushed)
                } else if let given = known?.balance {
                    initial = .exactly(side == 0 ? given : capacity - given)
                } else if balances == "even" {
                    initial = .exactly(side == 0 ? capacity / 2 : capacity - capacity / 2)
                } else if balances == "one-sided" {
                    initial = .oneOf([.integer(0), .integer(capacity)])
                } else if side == 1 {
                    initial = .exactly(capacity - facts.directions[direction - 1].initial)
                }
                var wanted: [String: Expectation] = [
                    "direction": .exactly(direction), "channel": .exactly(index), "side": .exactly(side + 1),
                    "node": .exactly(channel.nodes[side]), "initial_balance_msat": initial,
                    "final_balance_msat": .exactly(books.ends[direction].final),
                ]
                let policy = known?.policies[side]
                wanted["has_policy"] = .exactly(policy == nil && known != nil ? 0 : 1)
                let fields: [(String, Int64?)] = [
                    ("is_disabled", policy.map { $0.isDisabled ? 1 : 0 }), ("base_fee_msat", policy?.baseFee),
                    ("fee_ppm", policy?.proportionalFee), ("cltv_expiry_delta", policy?.delta),
                    ("htlc_minimum_msat", policy?.minimum), ("htlc_maximum_msat", policy?.maximum),
                ]
                for (name, value) in fields {
                    wanted[name] = known == nil ? .fact : value.map { .exactly($0) } ?? .exactly(.null)
                }
                table[direction] = wanted
            }
        }
        return table
    }

    private var paths: [Int64: [Int]] {
        Dictionary(grouping: facts.attempts.indices) { facts.attempts[$0].payment }
    }

    /// What the attempts say of their payment.
    private func paymentTable() -> ExpectedTable {
        var table = ExpectedTable()
        let attempts = paths
        let end = Double(file.duration("duration") ?? 3_600_000_000)
        let maximum = TopologyFile.integer(file.section("payments")["attempts_maximum"]) ?? 10
        var former: Int64 = 0
        for (number, payment) in facts.payments.enumerated() {
            let own = (attempts[Int64(number)] ?? []).map { facts.attempts[$0] }
            let settled = own.filter { $0.failure == nil }
            let failed = own.filter { $0.failure != nil }
            var ended = Expectation.exactly(own.map(\.ended).max() ?? payment.started)
            if !rules.isFaultless {
                ended = .between(Double(own.map(\.ended).max() ?? payment.started), 9e18)
            }
            table[number] = [
                "payment": .exactly(number), "source": .between(0, Double(facts.nodeCount - 1)),
                "destination": payment.source == payment.destination
                    ? .between(-1, -1) : .between(0, Double(facts.nodeCount - 1)),
                "amount_msat": .between(1, 2.1e18),
                "started_us": .between(Double(former), end), "ended_us": ended,
                "attempts": .exactly(own.count),
                "hops": .exactly(settled.map { $0.route.count }.max() ?? 0),
                "fee_msat": .exactly(settled.reduce(0) { $0 + $1.fee }),
                "failure": failure(of: payment, settled, failed, maximum: Int(maximum)),
            ]
            former = payment.started
        }
        return table
    }

    /// BOLT 4's, of the last attempt, or the payer's own.
    private func failure(
        of payment: RunFacts.Payment, _ settled: [RunFacts.Attempt], _ failed: [RunFacts.Attempt],
        maximum: Int
    ) -> Expectation {
        if !settled.isEmpty { return .exactly(.null) }
        let own = ["no_route", "insufficient_local_balance", "htlc_limit", "fee_limit_exceeded"]
        if failed.isEmpty { return .oneOf(own.map { .text($0) }) }
        guard rules.isFaultless, !rules.isSplit else {
            // Of several parts whichever came back; of one on the chain, that.
            let names = Set(failed.compactMap(\.failure)).union(own)
            return .oneOf(names.union(["attempts_exhausted", "permanent_channel_failure"]).map { .text($0) })
        }
        // Tried as often as allowed: the reason is that.
        if failed.count >= maximum, !isRefusedByPayee(failed) { return .exactly("attempts_exhausted") }
        return payment.failure == "fee_limit_exceeded"
            ? .oneOf([.text("fee_limit_exceeded")]) : .exactly(failed.last?.failure)
    }

    private func isRefusedByPayee(_ failed: [RunFacts.Attempt]) -> Bool {
        failed.last.map { ($0.failingHop ?? 0) >= $0.route.count && $0.failure != "mpp_timeout" } ?? false
    }

    private func attemptTable() -> ExpectedTable {
        var table = ExpectedTable()
        let texts = rows("channels").sorted { $0.integer("channel") < $1.integer("channel") }
            .map { $0.text("short_channel_id") ?? "" }
        var next: [Int64: Int] = [:]
        for attempt in facts.attempts {
            let payment = facts.payments[Int(attempt.payment)]
            let number = next[attempt.payment, default: 0]
            next[attempt.payment] = number + 1
            // A way from the payer to the payee, each channel where the one before it ends.
            var place = Int(payment.source)
            var isWay = !attempt.route.isEmpty
            for direction in attempt.route {
                guard direction >= 0, facts.node(of: direction) == place else {
                    isWay = false
                    break
                }
                place = facts.node(of: direction ^ 1)
            }
            isWay = isWay && place == Int(payment.destination) && attempt.route.count <= 20
            let route =
                "["
                + attempt.route.map { $0 < 0 ? "?" : "\"\(texts[$0 / 2])/\($0 & 1)\"" }.joined(separator: ",")
                + "]"
            table["\(attempt.payment)/\(attempt.number)"] = [
                "payment": .exactly(attempt.payment), "attempt": .exactly(number),
                "started_us": .between(Double(payment.started), Double(attempt.ended)),
                "ended_us": .between(Double(attempt.started), Double(payment.ended)),
                // Walked backwards where policies allow it (`Flows`).
                "fee_msat": rules.keepsPolicies ? .exactly(attempt.fee) : .between(0, Double(payment.amount)),
                "failing_hop": attempt.failure == nil
                    ? .exactly(.null) : .between(0, Double(attempt.route.count)),
                "failure": attempt.failingHop == nil
                    ? .exactly(.null) : .oneOf(Self.wireFailures.map { .text($0) }),
                "route": isWay ? .exactly(route) : .exactly("a way from payer to payee"),
            ]
        }
        return table
    }

    /// BOLT 4, "Failure Messages", as far as nodes here send them.
    private static let wireFailures = [
        "temporary_node_failure", "permanent_node_failure", "permanent_channel_failure",
        "temporary_channel_failure", "unknown_next_peer", "amount_below_minimum", "fee_insufficient",
        "incorrect_cltv_expiry", "expiry_too_soon", "incorrect_or_unknown_payment_details",
        "final_incorrect_cltv_expiry", "final_incorrect_htlc_amount", "channel_disabled", "expiry_too_far",
        "mpp_timeout", "invalid_onion_version", "invalid_onion_hmac", "invalid_onion_key",
        "invalid_onion_payload",
    ]

    private func chainTable() -> ExpectedTable {
        var table = ExpectedTable()
        var positions: [Int64: Int] = [:]
        var times: [Int64: Int64] = [:]
        for row in rows("chain") where times[row.integer("height")] == nil {
            times[row.integer("height")] = row.integer("confirmed_us")
        }
        var former: Int64 = 0
        for transaction in audit.transactions {
            let position = positions[transaction.height, default: 0]
            positions[transaction.height] = position + 1
            let time = times[transaction.height] ?? -1
            let confirmed: Expectation =
                rules.regularInterval.map { .exactly($0 * transaction.height) }
                ?? .between(time...max(time, former))
            former = time
            table["\(transaction.height)/\(position)"] = [
                "height": .exactly(transaction.height), "position": .exactly(position),
                "confirmed_us": confirmed, "txid": .exactly(transaction.id),
                "kind": .exactly(transaction.kind), "channel": .exactly(transaction.channel),
                "weight": weight(of: transaction), "fee_sat": .exactly(transaction.fee),
            ]
        }
        return table
    }

    /// A tower's penalties give it so many thousandths of what they take.
    private mutating func checkTowers() {
        let permille = TopologyFile.integer(file.section("watchtower")["reward_permille"]) ?? 0
        for transaction in audit.transactions
        where transaction.kind == "penalty" && transaction.outputCount > 1 {
            account.require(
                transaction.towerShare == transaction.spent * permille / 1_000,
                "a penalty of \(transaction.spent) sat gives the tower \(transaction.towerShare) sat, of \(permille) thousandths"
            )
        }
    }

    /// docs/DISPUTES.md, "What transactions weigh": BOLT 3 and 5, Appendix A.
    private func weight(of transaction: AuditedRun.Transaction) -> Expectation {
        let channel = facts.channels[Int(transaction.channel)]
        let anchors = channel.hasAnchors
        func oneOf(_ weights: [Int]) -> Expectation { .oneOf(weights.map { .integer(Int64($0)) }) }
        switch transaction.kind {
        case "funding":
            return .exactly(42 + 272 * transaction.inputCount + 172 + 124 * (transaction.outputCount - 1))
        case "closing": return .exactly(42 + 164 + 222 + 124 * transaction.outputCount)
        case "commitment":
            // Both balances, and with anchors two of these; each HTLC is one output more.
            let outputs = transaction.outputCount
            if anchors { return .exactly(1_124 + 172 * (outputs - 4)) }
            return oneOf([724 + 172 * (outputs - 2), 724 + 172 * (outputs - 2) + 48])
        case "fee-bump": return oneOf((0...20).flatMap { [722 + 272 * $0, 598 + 272 * $0] })
        case "penalty": return oneOf([490, 573, 579, 576, 582, 614, 697, 703, 700, 706])
        default:
            let stages = anchors ? [666, 706, 1_062, 1_102] : [663, 703]
            let paid =
                anchors
                ? (0...20).flatMap { count in stages.flatMap { [$0 + 272 * count, $0 + 272 * count + 124] } }
                : []
            return oneOf([490, 438, 446, 572, 546, 575, 549] + stages + paid)
        }
    }
}

extension ExpectedTable {
    /// A value of `meta` is text: that it lies within bounds is said as what it has to be.
    fileprivate func bounding(_ name: String, _ meta: [String: String], _ range: ClosedRange<Int64>)
        -> ExpectedTable
    {
        var table = self
        let isWithin = meta[name].flatMap { Int64($0) }.map { range.contains($0) } ?? false
        table[name]["value"] = isWithin ? .fact : .exactly("from \(range.lowerBound) to \(range.upperBound)")
        return table
    }
}

extension Recomputation {
    // MARK: income.csv

    private mutating func checkIncomeFile() {
        let columns = [
            "node", "alias", "forwards", "volume_msat", "routing_fees_msat", "fees_paid_msat",
            "onchain_fees_msat",
            "penalties_msat", "principal_msat", "net_msat", "capital_msat", "apr_gross", "apr_net",
        ]
        account.require(files.csvHeader == columns, "income.csv has the columns \(files.csvHeader)")
        account.require(files.csvRows.count == nodes.count, "income.csv has \(files.csvRows.count) rows")
        let table = rows("node_income").sorted { $0.integer("node") < $1.integer("node") }
        let aliases = rows("nodes").sorted { $0.integer("node") < $1.integer("node") }.map {
            $0.text("alias") ?? ""
        }
        for (index, fields) in files.csvRows.enumerated() where index < table.count {
            for (column, field) in zip(files.csvHeader, fields) {
                let expected: Figure =
                    switch column {
                    case "node": .text(nodes[index])
                    case "alias": .text(aliases[index])
                    default: table[index][column] ?? .null
                    }
                let found: Figure =
                    switch expected {
                    case .text: .text(field)
                    case .integer: Int64(field).map { .integer($0) } ?? .text(field)
                    case .real: Double(field).map { .real($0) } ?? .text(field)
                    case .null, .boolean: field.isEmpty ? .null : .text(field)
                    }
                account.compare("csv.\(column)", at: nodes[index], found, with: .exactly(expected))
            }
        }
    }

    // MARK: result.json

    private mutating func checkResult(_ flows: Flows) {
        let expected = ExpectedResult(
            facts, rules, file, audit, flows, manifest: files.manifest,
            days: days(), income: rows("node_income"), nodes: rows("nodes"), stored: files.result
        ).members
        var wanted = Dictionary(expected.map { ($0.path, $0.expectation) }) { first, _ in first }
        for (path, figure) in files.result {
            let name = "result." + path.replacing(/\[\d+\]/, with: "")
            account.compare(name, at: path, figure, with: wanted.removeValue(forKey: path))
        }
        for path in wanted.keys.sorted() { account.violations.append("result.json lacks \(path)") }
        let order = expected.map(\.path)
        let found = files.result.map(\.path)
        if order.sorted() == found.sorted() {
            account.require(order == found, "the members of result.json stand in another order")
        }
    }

    private struct Day {
        var settled: Int64 = 0
        var failed: Int64 = 0
        var volume: Int64 = 0
        var fees: Int64 = 0
        /// The hour that ends it.
        var last: [String: Figure] = [:]
    }

    /// From the rows of `timeline`, which stand under their own checks.
    func days() -> [[(name: String, value: Int64)]] {
        var days: [Day] = []
        for row in rows("timeline").sorted(by: { $0.integer("hour") < $1.integer("hour") }) {
            let number = Int(row.integer("hour") / 24)
            while days.count <= number { days.append(Day()) }
            days[number].settled += row.integer("settled")
            days[number].failed += row.integer("failed")
            days[number].volume += row.integer("volume_msat")
            days[number].fees += row.integer("fees_msat")
            days[number].last = row
        }
        return days.enumerated().map { number, day in
            [
                ("day", Int64(number)), ("settled", day.settled), ("failed", day.failed),
                ("volume_msat", day.volume), ("fees_msat", day.fees),
                ("pending_htlcs", day.last.integer("pending_htlcs")),
                ("depleted_directions", day.last.integer("depleted_directions")),
                ("open_directions", day.last.integer("open_directions")),
                ("drift_msat", day.last.integer("drift_msat")),
            ]
        }
    }

    // MARK: report.txt

    private mutating func checkReport() {
        let expected = ExpectedReport(
            facts, rules, file, days: days(), sums: books.nodeIncome(rows("income")),
            aliases: rows("nodes").sorted { $0.integer("node") < $1.integer("node") }.map {
                $0.text("alias") ?? ""
            },
            result: Dictionary(files.result.map { ($0.path, $0.figure) }) { first, _ in first },
            name: reportName)
        account.violations += expected.differences(from: files.report)
    }

    private var reportName: String {
        if case .text(let name) = files.result.first(where: { $0.path == "topology" })?.figure ?? .null {
            name
        } else {
            ""
        }
    }
}
