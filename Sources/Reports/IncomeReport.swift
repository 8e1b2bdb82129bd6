import LightningTypes
import PaymentNetwork
import RunStore
import Topologies

/// The table of what nodes earned, and under it what each figure is measured against.
struct IncomeReport {
    /// Below these a yield is marked: it is no basis for a forecast.
    static let daysForForecast: UInt64 = 30
    static let forwardsForForecast: UInt64 = 30

    let topology: Topology
    let result: RunResult
    let rows: IncomeRows
    let style: TextStyle

    func lines() -> [String] {
        [style.bold("What the nodes earned, in satoshis")] + table().lines(style: style) + [""] + notes()
    }

    /// Highest net first; among equals, in the topology's order.
    private var ranked: [NodeIncome] {
        result.nodeIncome.sorted { ($1.net, $0.node) < ($0.net, $1.node) }
    }

    private var hasPenalties: Bool { result.nodeIncome.contains { $0.penalties != 0 } }
    private var hasPrincipal: Bool { result.nodeIncome.contains { $0.principal != 0 } }

    private var isShort: Bool {
        result.measuredMicroseconds < Self.daysForForecast * 86_400 * 1_000_000
    }

    private func table() -> TextTable {
        let ranked = ranked
        let decimals = Decimals(of: result.nodeIncome)
        var columns: [TextTable.Column] = [
            .init("node", .left, widthMaximum: 24), .init("forwards"), .init("volume"), .init("routing fees"),
            .init("fees paid"), .init("on-chain"),
        ]
        if hasPenalties { columns.append(.init("penalties")) }
        if hasPrincipal { columns.append(.init("principal")) }
        columns += [
            .init("net"), .init("capital"), .init("APR gross"), .init("APR net"), .init("", .left),
        ]
        var table = TextTable(columns: columns)
        // A row for the rest stands for two nodes at least.
        let top = ranked.count == rows.top + 1 ? ranked.count : rows.top
        var rest: [NodeIncome] = []
        for (rank, income) in ranked.enumerated() {
            if rank < top || rows.named.contains(income.node) {
                let name = topology.nodes[Int(income.node)].alias
                table.rows.append(row(name, IncomeSum([income]), decimals, isSum: false))
            } else {
                rest.append(income)
            }
        }
        if !rest.isEmpty, !table.rows.isEmpty {
            let name = "… \(Figures.counted(UInt64(rest.count), "other node"))"
            table.rows.append(row(name, IncomeSum(rest), decimals, isSum: true))
        }
        table.sums.append(row("total", IncomeSum(ranked), decimals, isSum: true))
        return table
    }

    private func row(_ name: String, _ sum: IncomeSum, _ decimals: Decimals, isSum: Bool) -> [TextTable.Cell]
    {
        let emphasis: TextTable.Emphasis = sum.net > 0 ? .good : sum.net < 0 ? .bad : .plain
        let isMarked = !isSum && sum.aprGross != nil && sum.forwards < Self.forwardsForForecast
        var cells: [TextTable.Cell] = [
            .init(name), .init(Figures.count(sum.forwards)),
            .init(Figures.satoshis(sum.volume, decimals: decimals.volume)),
            .init(Figures.satoshis(sum.routingFees, decimals: decimals.routingFees)),
            .init(Figures.satoshis(sum.feesPaid, decimals: decimals.feesPaid)),
            .init(Figures.satoshis(sum.onchainFees, decimals: decimals.onchainFees)),
        ]
        if hasPenalties {
            cells.append(.init(Figures.satoshis(sum.penalties, decimals: decimals.penalties)))
        }
        if hasPrincipal {
            cells.append(.init(Figures.satoshis(sum.principal, decimals: decimals.principal)))
        }
        return cells + [
            .init(Figures.satoshis(sum.net, decimals: decimals.net), emphasis),
            .init(Figures.satoshis(sum.capital, decimals: decimals.capital)),
            .init(Figures.percent(sum.aprGross)), .init(Figures.percent(sum.aprNet)),
            .init(isMarked ? "*" : ""),
        ]
    }

    private func notes() -> [String] {
        let life = "\(Figures.counted(UInt64(result.channelLifetimeDays), "day")) of a channel's life"
        let measured = Figures.duration(microseconds: result.measuredMicroseconds)
        var lines: [String] = []
        if let mark { lines += [style.yellow(mark), ""] }
        lines += [
            "Measured over \(measured) of simulated time\(warmupWords).",
            "volume     what was forwarded out through a node's channels, and settled",
            "fees paid  routing fees on a node's own payments: a purchase, no cost of routing",
            "on-chain   what opening and closing its channels cost a node in this run",
        ]
        if hasPenalties {
            lines.append(
                "penalties  what a revoked commitment brought a node, or cost it, beyond what was due, after fees and a tower's share"
            )
        }
        if hasPrincipal {
            lines.append(
                "principal  what HTLCs brought a node, or cost it, that the chain paid on one side and gave back on the other"
            )
        }
        let disputes = [hasPenalties ? "penalties" : nil, hasPrincipal ? "principal" : nil].compactMap(\.self)
        let andDisputes = disputes.isEmpty ? "" : " and with \(disputes.joined(separator: " and "))"
        let spread =
            disputes.isEmpty
            ? "opening and closing spread over \(life)"
            : "each counted once in \(life), however long the run"
        lines += [
            "net        routing fees less on-chain\(andDisputes)",
            "capital    a node's own side of its channels and the HTLCs it offered, averaged over that time",
            "APR gross  routing fees ÷ capital, per 365 days, not compounded",
            "APR net    the same less on-chain costs\(andDisputes), \(spread)\(exitWords)",
        ]
        if result.nodeIncome.contains(where: { $0.aprGross != nil && $0.forwards < Self.forwardsForForecast })
        {
            lines.append("*          fewer than \(Self.forwardsForForecast) forwards: not a forecast")
        }
        return lines + [""] + answer()
    }

    /// For how long capital stays locked after a channel's life; nil where it is free at once.
    private var exitDelay: String? {
        let delay = microseconds(topology.layerOne.exitDelay)
        return delay > 0 ? Figures.duration(microseconds: delay) : nil
    }

    private var exitWords: String { exitDelay.map { ", with the capital locked for \($0) more" } ?? "" }

    private var warmupWords: String {
        topology.warmup > .zero
            ? ", after a warm-up of \(Figures.duration(microseconds: microseconds(topology.warmup)))" : ""
    }

    private var mark: String? {
        let forwards = result.nodeIncome.reduce(0) { $0 + $1.forwards }
        var sources: [String] = []
        if isShort { sources.append(Figures.simulatedTime(microseconds: result.measuredMicroseconds)) }
        if forwards < Self.forwardsForForecast { sources.append(Figures.counted(forwards, "forward")) }
        guard !sources.isEmpty else { return nil }
        return "APR: annualised from \(sources.joined(separator: " and ")); not a forecast"
    }

    /// Can routing be a passive income? The run's own answer.
    private func answer() -> [String] {
        let routers = ranked.filter { $0.forwards > 0 }
        guard !routers.isEmpty else {
            return [style.bold("Can routing be a passive income?") + " Nobody forwarded a payment here."]
        }
        let sum = IncomeSum(routers)
        let ahead = routers.count { $0.net > 0 }
        let yields = routers.compactMap(\.aprNet).sorted()
        let who =
            "\(Figures.count(UInt64(ahead))) of \(Figures.counted(UInt64(routers.count), "node")) that forwarded"
        var text = "\(who) \(outcome(ofRouters: sum))"
        if let gross = sum.aprGross, let net = sum.aprNet, !yields.isEmpty {
            let costs = costs(ofRouters: sum)
            let yield =
                costs.isEmpty
                ? "\(Figures.percent(gross)) a year on their capital"
                : "\(Figures.percent(gross)) a year on their capital before \(costs.joined(separator: " and ")), "
                    + "\(Figures.percent(net)) after"
            text +=
                "\nAll together they made \(yield); the median node \(Figures.percent(median(of: yields)))."
        }
        let lines = text.split(separator: "\n").map(String.init)
        return [style.bold("Can routing be a passive income?") + " " + lines[0]] + lines.dropFirst()
    }

    /// What those that came out ahead did, and against what.
    private func outcome(ofRouters sum: IncomeSum) -> String {
        if hasPenalties || hasPrincipal {
            return "came out ahead of what the chain and disputes on it cost them in this run."
        }
        guard sum.onchainFees == .zero else {
            return "earned more in fees than the chain cost them in this run."
        }
        guard result.nodeIncome.allSatisfy({ $0.onchainFees == .zero }) else {
            return "earned something, and paid nothing for the chain in this run: what it cost, others paid."
        }
        return "earned something. Their channels stood open all along: nothing here paid for the chain."
    }

    /// What lies between the gross and the net yield.
    private func costs(ofRouters sum: IncomeSum) -> [String] {
        var costs: [String] = []
        if hasPenalties || hasPrincipal {
            costs.append("what the chain and disputes cost")
        } else if sum.onchainFees > .zero {
            costs.append("on-chain costs")
        }
        if let exitDelay { costs.append("the \(exitDelay) that leaving takes") }
        return costs
    }

    private func median(of sorted: [Double]) -> Double {
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }
}

/// What several nodes earned together.
private struct IncomeSum {
    var forwards: UInt64 = 0
    var volume = Millisatoshi.zero
    var routingFees = Millisatoshi.zero
    var feesPaid = Millisatoshi.zero
    var onchainFees = Millisatoshi.zero
    var penalties: Int64 = 0
    var principal: Int64 = 0
    var net: Int64 = 0
    var capital = Millisatoshi.zero
    /// Each node's yield weighs as much as its capital. Nil without capital.
    var aprGross: Double?
    var aprNet: Double?

    init(_ incomes: some Sequence<NodeIncome>) {
        var gross = 0.0
        var net = 0.0
        for income in incomes {
            forwards += income.forwards
            volume += income.volume
            routingFees += income.routingFees
            feesPaid += income.feesPaid
            onchainFees += income.onchainFees
            penalties += income.penalties
            principal += income.principal
            self.net += income.net
            capital += income.capital
            gross += (income.aprGross ?? 0) * Double(income.capital.rawValue)
            net += (income.aprNet ?? 0) * Double(income.capital.rawValue)
        }
        guard capital > .zero else { return }
        aprGross = gross / Double(capital.rawValue)
        aprNet = net / Double(capital.rawValue)
    }
}

/// Which columns show millisatoshis: those that have some, and whose figures are small enough for them to matter.
private struct Decimals {
    var volume: Bool
    var routingFees: Bool
    var feesPaid: Bool
    var onchainFees: Bool
    var penalties: Bool
    var principal: Bool
    var net: Bool
    var capital: Bool

    init(of incomes: [NodeIncome]) {
        func isNeeded(_ amount: (NodeIncome) -> UInt64) -> Bool {
            let total = incomes.reduce(UInt64(0)) { $0 + amount($1) }
            return total < 10_000_000 && incomes.contains { !amount($0).isMultiple(of: 1_000) }
        }
        volume = isNeeded(\.volume.rawValue)
        routingFees = isNeeded(\.routingFees.rawValue)
        feesPaid = isNeeded(\.feesPaid.rawValue)
        onchainFees = isNeeded(\.onchainFees.rawValue)
        penalties = isNeeded(\.penalties.magnitude)
        principal = isNeeded(\.principal.magnitude)
        net = isNeeded(\.net.magnitude)
        capital = isNeeded(\.capital.rawValue)
    }
}
