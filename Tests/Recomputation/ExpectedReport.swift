/// The lines of `report.txt` in which a figure stands, made anew from rows. What says no figure is left to other tests.
struct ExpectedReport {
    private var lines: [String] = []

    /// Lines whose figures are part of their wording.
    private static let constants = [
        "depleted open channel directions in which less than 1 % of the capacity could be sent at the end of the day",
        "APR gross routing fees ÷ capital, per 365 days, not compounded",
        "* fewer than 30 forwards: not a forecast",
    ]
    private static let wordings = ["Balances", "APR net", "Assumed traffic", "Layer 1 "]

    init(
        _ facts: RunFacts, _ rules: Rules, _ file: TopologyFile, days: [[(name: String, value: Int64)]],
        sums: [NodeSum], aliases: [String], result: [String: Figure], name: String
    ) {
        func integer(_ path: String) -> Int64 {
            if case .integer(let value)? = result[path] { value } else { 0 }
        }
        let channelCount = facts.channels.count
        lines.append(
            "\(name): \(Self.counted(facts.nodeCount, "node")), \(Self.counted(channelCount, "channel")), seed \(integer("seed"))"
        )
        let (attempted, settled) = (integer("payments.attempted"), integer("payments.settled"))
        var text =
            "Payments \(Self.grouped(attempted)) attempted, \(Self.grouped(integer("payments.routable"))) routable, \(Self.grouped(settled)) settled"
        if attempted > 0 { text += " (\(Self.percent(Double(settled) / Double(attempted), 1)))" }
        if settled > 0 {
            text += ", over \(Self.decimal(result["mean_hops"]?.number ?? 0, 2)) channels on average"
        }
        lines.append(text)
        if integer("warmup_payments") > 0 {
            lines.append(
                "and \(Self.grouped(integer("warmup_payments"))) in the warm-up, left out of every figure")
        }
        let failed = integer("payments.failed")
        if failed > 0 {
            let names = result.keys.filter { $0.hasPrefix("failures.") }.map { String($0.dropFirst(9)) }
                .sorted {
                    (-integer("failures.\($0)"), $0) < (-integer("failures.\($1)"), $1)
                }
            let reasons = names.map { "\($0) \(Self.grouped(integer("failures.\($0)")))" }.joined(
                separator: ", ")
            lines.append("Failures \(Self.grouped(failed)): \(reasons)")
        }
        if settled > 0 {
            func latency(_ name: String) -> String {
                Self.duration(Int64(((result["latency_ms.\(name)"]?.number ?? 0) * 1_000).rounded()))
            }
            lines.append(
                "Latency half settle within \(latency("p50")), 90 % within \(latency("p90")), 99 % within \(latency("p99"))"
            )
        }
        addChain(result, integer)
        addTable(rules, sums, aliases)
        addNotes(rules, sums)
        addDays(days)
    }

    private mutating func addChain(_ result: [String: Figure], _ integer: (String) -> Int64) {
        var text =
            "Layer 1 \(Self.counted(Int(integer("chain.height")), "block")), "
            + "\(Self.counted(Int(integer("chain.channels_opened")), "channel")) opened, "
            + "\(Self.grouped(integer("chain.channels_closed"))) closed, \(Self.grouped(integer("chain.miner_fees_sat"))) sat in fees"
        let (openings, closings) = (integer("chain.openings_refused"), integer("chain.closings_refused"))
        if openings > 0 { text += ", \(Self.counted(Int(openings), "opening")) refused for want of money" }
        if closings > 0 {
            text += ", \(Self.counted(Int(closings), "closing")) refused: too little for the fee"
        }
        lines.append(text)
        let closes = integer("disputes.unilateral_closes")
        if closes + integer("disputes.breaches") + integer("disputes.data_losses") > 0 {
            var parts = [Self.counted(Int(closes), "unilateral close")]
            if integer("disputes.cheats") > 0 {
                parts.append(
                    "\(integer("disputes.cheats")) of them with a revoked commitment (\(integer("disputes.breaches")) seen by the other party, \(integer("disputes.punished")) punished)"
                )
            }
            if integer("disputes.data_losses") > 0 {
                parts.append(
                    "\(Self.counted(Int(integer("disputes.data_losses")), "channel")) with lost data")
            }
            lines.append("Disputes \(parts.joined(separator: ", "))")
            var kinds: [String] = []
            var number = 0
            while case .text(let kind)? = result["chain.kinds[\(number)].kind"] {
                kinds.append(
                    "\(Self.grouped(integer("chain.kinds[\(number)].transactions"))) \(kind) (\(Self.grouped(integer("chain.kinds[\(number)].fees_sat"))) sat)"
                )
                number += 1
            }
            lines.append("on chain: \(kinds.joined(separator: ", "))")
        }
        if integer("policy_changes") > 0 {
            lines.append("Policies \(Self.counted(Int(integer("policy_changes")), "change"))")
        }
    }

    /// Sums of nodes, their yields weighed by capital.
    private func yields(_ sums: [NodeSum], _ rules: Rules) -> (gross: Double?, net: Double?) {
        let capital = sums.reduce(0.0) { $0 + Double($1.capital) }
        guard capital > 0 else { return (nil, nil) }
        let gross = sums.reduce(0.0) { $0 + ($1.gross(rules) ?? 0) * Double($1.capital) }
        let net = sums.reduce(0.0) { $0 + ($1.net(rules) ?? 0) * Double($1.capital) }
        return (gross / capital, net / capital)
    }

    private mutating func addTable(_ rules: Rules, _ sums: [NodeSum], _ aliases: [String]) {
        let hasPenalties = sums.contains { $0.penalties != 0 }
        let hasPrincipal = sums.contains { $0.principal != 0 }
        /// Millisatoshi are shown where a column has some, and is not large.
        func decimals(_ amount: (NodeSum) -> Int64) -> Bool {
            sums.reduce(Int64(0)) { $0 + abs(amount($1)) } < 10_000_000
                && sums.contains { amount($0) % 1_000 != 0 }
        }
        var columns: [(NodeSum) -> Int64] = [
            \.volume, \.routingFees, \.feesPaid, \.onchainFees,
        ]
        if hasPenalties { columns.append(\.penalties) }
        if hasPrincipal { columns.append(\.principal) }
        columns += [\.net, \.capital]
        let fine = columns.map { decimals($0) }
        func row(_ name: String, _ group: [NodeSum], isSum: Bool) -> String {
            var sum = NodeSum(node: 0)
            for node in group { sum.add(node) }
            let (gross, net) = yields(group, rules)
            var cells = [name, Self.grouped(sum.forwards)]
            for (column, isFine) in zip(columns, fine) { cells.append(Self.satoshis(column(sum), isFine)) }
            cells += [Self.percent(gross, 2), Self.percent(net, 2)]
            if !isSum, gross != nil, sum.forwards < 30 { cells.append("*") }
            return cells.joined(separator: " ")
        }
        let ranked = sums.sorted { ($1.net, $0.node) < ($0.net, $1.node) }
        let top = ranked.count == 21 ? 21 : 20
        for sum in ranked.prefix(top) { lines.append(row(aliases[sum.node], [sum], isSum: false)) }
        let rest = Array(ranked.dropFirst(top))
        if !rest.isEmpty {
            lines.append(row("… \(Self.counted(rest.count, "other node"))", rest, isSum: true))
        }
        lines.append(row("total", ranked, isSum: true))
    }

    private mutating func addNotes(_ rules: Rules, _ sums: [NodeSum]) {
        let measured = rules.measured.upperBound - rules.measured.lowerBound
        let forwards = sums.reduce(Int64(0)) { $0 + $1.forwards }
        var sources: [String] = []
        if measured < 30 * 86_400_000_000 { sources.append(Self.simulatedTime(measured)) }
        if forwards < 30 { sources.append(Self.counted(Int(forwards), "forward")) }
        if !sources.isEmpty {
            lines.append("APR: annualised from \(sources.joined(separator: " and ")); not a forecast")
        }
        let warmup = rules.warmup > 0 ? ", after a warm-up of \(Self.duration(rules.warmup))" : ""
        lines.append("Measured over \(Self.duration(measured)) of simulated time\(warmup).")
        let routers = sums.filter { $0.forwards > 0 }
        guard !routers.isEmpty else { return }
        let ahead = routers.count { $0.net > 0 }
        lines.append(
            "Can routing be a passive income? \(Self.grouped(Int64(ahead))) of \(Self.counted(routers.count, "node")) that forwarded"
        )
        let (gross, net) = yields(routers, rules)
        let each = routers.compactMap { $0.net(rules) }.sorted()
        if let gross, let net, !each.isEmpty {
            let middle = each.count / 2
            let median = each.count % 2 == 1 ? each[middle] : (each[middle - 1] + each[middle]) / 2
            lines.append(
                "All together they made \(Self.percent(gross, 2)) a year on their capital \(Self.percent(net, 2)) the median node \(Self.percent(median, 2))."
            )
        }
    }

    private mutating func addDays(_ days: [[(name: String, value: Int64)]]) {
        guard days.count > 1 else { return }
        for day in days {
            let value = Dictionary(uniqueKeysWithValues: day.map { ($0.name, $0.value) })
            let all = value["settled"]! + value["failed"]!
            let success = all == 0 ? nil : Double(value["settled"]!) / Double(all)
            let depleted = Double(value["depleted_directions"]!) / Double(max(value["open_directions"]!, 1))
            lines.append(
                [
                    Self.grouped(value["day"]! + 1), Self.grouped(all), Self.percent(success, 1),
                    Self.satoshis(value["fees_msat"]!, false), Self.grouped(value["pending_htlcs"]!),
                    Self.percent(depleted, 1), Self.satoshis(value["drift_msat"]!, false),
                ].joined(separator: " "))
        }
    }

    // MARK: Comparing

    /// Lines with a figure that are not as they should be.
    func differences(from report: [String]) -> [String] {
        var wanted = Dictionary(lines.map { ($0, 1) }, uniquingKeysWith: +)
        var found: [String] = []
        for line in report {
            let words = line.split(separator: " ").joined(separator: " ")
            guard words.contains(where: \.isNumber), !Self.constants.contains(words) else { continue }
            if let known = wanted[words], known > 0 {
                wanted[words] = known - 1
                continue
            }
            // Sentences of which only the figures are made anew.
            if let known = wanted.first(where: { $0.value > 0 && Self.hasFigures(of: $0.key, words) })?.key {
                wanted[known]! -= 1
                continue
            }
            if Self.wordings.contains(where: { words.hasPrefix($0) && $0 != "Layer 1 " }) { continue }
            found.append("nobody recomputes the line '\(words)' of report.txt")
        }
        for (line, count) in wanted.sorted(by: { $0.key < $1.key }) where count > 0 {
            found.append("report.txt lacks the line '\(line)'")
        }
        return found
    }

    private static func hasFigures(of expected: String, _ words: String) -> Bool {
        for beginning in ["Can routing be", "All together they made"] where expected.hasPrefix(beginning) {
            guard words.hasPrefix(beginning) else { return false }
            func percentages(_ text: String) -> [Substring] {
                text.matches(of: /[0-9,.−<]+(?= %)/).map { $0.output }
            }
            if beginning == "Can routing be" { return words.hasPrefix(expected) }
            let (wanted, found) = (percentages(expected), percentages(words))
            // Where nothing lies between gross and net, one of them stands.
            return wanted == found
                || wanted.count == 3 && [wanted[0], wanted[2]] == found && wanted[0] == wanted[1]
        }
        return false
    }

    // MARK: Figures

    static func grouped(_ value: Int64) -> String {
        var digits = Array("\(value.magnitude)")
        var place = digits.count - 3
        while place > 0 {
            digits.insert(",", at: place)
            place -= 3
        }
        return (value < 0 ? "−" : "") + String(digits)
    }

    static func counted(_ value: Int, _ noun: String) -> String {
        "\(grouped(Int64(value))) \(noun)\(value == 1 ? "" : "s")"
    }

    /// Millisatoshi, with three decimals or rounded half away from zero.
    static func satoshis(_ amount: Int64, _ isFine: Bool) -> String {
        let size = Int64(amount.magnitude)
        if isFine {
            let rest = "\(size % 1_000)"
            let text = grouped(size / 1_000) + "." + String(repeating: "0", count: 3 - rest.count) + rest
            return (amount < 0 ? "−" : "") + text
        }
        let rounded = (size + 500) / 1_000
        return (amount < 0 && rounded > 0 ? "−" : "") + grouped(rounded)
    }

    static func decimal(_ value: Double, _ places: Int) -> String {
        let scale = places == 1 ? 10.0 : 100
        let units = Int64((abs(value) * scale).rounded())
        let whole = units / Int64(scale)
        let rest = "\(units % Int64(scale))"
        return (value < 0 && units > 0 ? "−" : "") + grouped(whole) + "."
            + String(repeating: "0", count: places - rest.count) + rest
    }

    static func percent(_ share: Double?, _ places: Int) -> String {
        guard let share else { return "–" }
        let smallest = places == 1 ? 0.1 : 0.01
        if share > 0, share * 100 < smallest / 2 { return "< \(places == 1 ? "0.1" : "0.01") %" }
        return "\(decimal(share * 100, places)) %"
    }

    /// The two largest units, rounded to the smaller one.
    static func duration(_ microseconds: Int64) -> String {
        if microseconds < 999_500 { return "\((microseconds + 500) / 1_000) ms" }
        if microseconds < 59_950_000 { return "\(decimal(Double(microseconds) / 1e6, 1)) s" }
        let seconds = (microseconds + 500_000) / 1_000_000
        func two(_ large: Int64, _ unit: String, _ small: Int64, _ smallUnit: String) -> String {
            if small == 0 { return "\(grouped(large)) \(unit)" }
            let padding = smallUnit != "h" && small < 10 ? "0" : ""
            return "\(grouped(large)) \(unit) \(padding)\(small) \(smallUnit)"
        }
        if seconds < 3_600 { return two(seconds / 60, "min", seconds % 60, "s") }
        let minutes = (seconds + 30) / 60
        if minutes < 1_440 { return two(minutes / 60, "h", minutes % 60, "min") }
        let hours = (minutes + 30) / 60
        return two(hours / 24, "d", hours % 24, "h")
    }

    static func simulatedTime(_ microseconds: Int64) -> String {
        let seconds = (microseconds + 500_000) / 1_000_000
        let steps: [(limit: Int64, unit: Int64, name: String)] = [
            (120, 1, "second"), (7_200, 60, "minute"), (172_800, 3_600, "hour"), (.max, 86_400, "day"),
        ]
        let step = steps.first { seconds < $0.limit } ?? steps[3]
        let value = (seconds + step.unit / 2) / step.unit
        return "\(grouped(value)) simulated \(step.name)\(value == 1 ? "" : "s")"
    }
}
