import LightningTypes
import PaymentNetwork
import RunStore
import Topologies

/// What a run says on the terminal: what went in, what became of it, and what nodes earned.
public struct RunReport {
    private let topology: Topology
    private let result: RunResult
    private let rows: IncomeRows
    private let style: TextStyle

    public init(_ result: RunResult, of topology: Topology, rows: IncomeRows, style: TextStyle) {
        self.topology = topology
        self.result = result
        self.rows = rows
        self.style = style
    }

    public func text() -> String {
        let income = IncomeReport(topology: topology, result: result, rows: rows, style: style)
        let days = DayTable(result.timeline, style: style).lines()
        return (summary() + [""] + income.lines() + days).joined(separator: "\n") + "\n"
    }

    private func summary() -> [String] {
        var lines = [TopologyWords.title(of: topology, style: style)]
        for sentence in TopologyWords.assumedTraffic(of: topology) { lines.append(style.yellow(sentence)) }
        lines.append("Balances   \(TopologyWords.balances(of: topology))")
        lines.append("Payments   \(payments)")
        if result.payments.routable < result.payments.attempted {
            lines.append(
                "           routable: the payer knew a route, from the public graph, its own channels and what it had learned"
            )
        }
        if result.warmupPayments > 0 {
            lines.append(
                "           and \(Figures.count(result.warmupPayments)) in the warm-up, left out of every figure"
            )
        }
        lines.append("Failures   \(failures)")
        if result.payments.settled > 0 { lines.append("Latency    \(latency)") }
        lines.append("Layer 1    \(chain)")
        if !result.disputes.isEmpty {
            lines.append("Disputes   \(disputes)")
            lines.append("           on chain: \(transactions)")
        }
        if result.policyChanges > 0 {
            lines.append("Policies   \(Figures.counted(result.policyChanges, "change"))")
        }
        return lines
    }

    private var payments: String {
        let counts = result.payments
        var text =
            "\(Figures.count(counts.attempted)) attempted, \(Figures.count(counts.routable)) routable, "
            + "\(Figures.count(counts.settled)) settled"
        if counts.attempted > 0 {
            let share = Double(counts.settled) / Double(counts.attempted)
            text += " (\(Figures.percent(share, places: 1)))"
        }
        if counts.settled > 0 { text += ", over \(Figures.decimal(result.meanHops, 2)) channels on average" }
        return text
    }

    private var failures: String {
        guard result.payments.failed > 0 else { return "none" }
        let reasons = result.failures.map { "\($0.name.name) \(Figures.count($0.count))" }
        return "\(Figures.count(result.payments.failed)): \(reasons.joined(separator: ", "))"
    }

    private var latency: String {
        let latency = result.latencyMilliseconds
        func words(_ milliseconds: Double) -> String {
            Figures.duration(microseconds: UInt64((milliseconds * 1_000).rounded()))
        }
        return "half settle within \(words(latency.p50)), 90 % within \(words(latency.p90)), "
            + "99 % within \(words(latency.p99))"
    }

    private var disputes: String {
        let disputes = result.disputes
        var parts = [Figures.counted(disputes.unilateralCloses, "unilateral close")]
        if disputes.cheats > 0 {
            parts.append(
                "\(Figures.count(disputes.cheats)) of them with a revoked commitment "
                    + "(\(Figures.count(disputes.breaches)) seen by the other party, "
                    + "\(Figures.count(disputes.punished)) punished)")
        }
        if disputes.dataLosses > 0 {
            parts.append(Figures.counted(disputes.dataLosses, "channel") + " with lost data")
        }
        return parts.joined(separator: ", ")
    }

    /// How many transactions of each kind, and their fees.
    private var transactions: String {
        result.chain.kinds.map { kind in
            "\(Figures.count(kind.count)) \(kind.kind.rawValue) (\(Figures.count(kind.fees.rawValue)) sat)"
        }.joined(separator: ", ")
    }

    private var chain: String {
        let chain = result.chain
        var text =
            "\(Figures.counted(UInt64(chain.height), "block")), \(Figures.counted(chain.channelsOpened, "channel")) opened, "
            + "\(Figures.count(chain.channelsClosed)) closed, \(Figures.count(chain.minerFees.rawValue)) sat in fees"
        if chain.openingsRefused > 0 {
            text += ", \(Figures.counted(chain.openingsRefused, "opening")) refused for want of money"
        }
        if chain.closingsRefused > 0 {
            text += ", \(Figures.counted(chain.closingsRefused, "closing")) refused: too little for the fee"
        }
        return text
    }
}

/// What a report says of the network it is about.
enum TopologyWords {
    static func title(of topology: Topology, style: TextStyle) -> String {
        let name = TerminalText(topology.name).truncated(to: 60).text
        return style.bold(name)
            + ": \(Figures.counted(UInt64(topology.nodes.count), "node")), "
            + "\(Figures.counted(UInt64(topology.channels.count), "channel")), seed \(topology.seed)"
    }

    /// A sentence for each flow that no file asked for.
    static func assumedTraffic(of topology: Topology) -> [String] {
        guard case .flows(let flows) = topology.traffic else { return [] }
        return flows.filter(\.isAssumed).map { flow in
            let people = Set(flow.payers).union(flow.payees).count
            return "Assumed traffic: \(Figures.rate(flow.rate)) payments per simulated second, "
                + "\(flow.amount.words) each, among \(Figures.counted(UInt64(people), "node")).\n"
                + "Nobody measured it, and income is proportional to it."
        }
    }

    /// How every channel came by its balances.
    ///
    /// - Parameter openFromTheBeginning: whether channels that open in the run were let stand open before.
    static func balances(of topology: Topology, openFromTheBeginning: Bool = false) -> String {
        let opened = topology.channels.count { $0.opensAt != nil }
        let given = topology.channels.count { $0.opensAt == nil && $0.balance1 != nil }
        let drawn = topology.channels.count - opened - given
        var parts: [String] = []
        if drawn > 0 {
            let rule =
                switch topology.balances {
                case .even: "half on each side"
                case .uniform: "drawn uniformly from 0 to capacity"
                case .oneSided: "all on one side, which one drawn"
                }
            parts.append(
                "\(Figures.counted(UInt64(drawn), "channel")) \(rule) (\(topology.balances.rawValue))")
        }
        if given > 0 { parts.append("\(Figures.counted(UInt64(given), "channel")) as the file says") }
        if opened > 0 {
            let when =
                openFromTheBeginning ? "that a run opens, open here from the beginning" : "opened in the run"
            parts.append(
                "\(Figures.counted(UInt64(opened), "channel")) \(when), on the funder's side but for what it pushes"
            )
        }
        return parts.isEmpty ? "no channels" : parts.joined(separator: "; ")
    }
}

extension Topology.AmountDistribution {
    /// `250 sat` or `1,000 to 100,000 sat`.
    var words: String {
        switch self {
        case .fixed(let amount): "\(Figures.satoshis(amount)) sat"
        case .uniform(let lowest, let highest):
            "\(Figures.count(lowest.rawValue)) to \(Figures.count(highest.rawValue)) sat"
        case .logNormal(let mean, let median):
            "\(Figures.count(mean.rawValue)) sat on average, median \(Figures.count(median.rawValue)) (log-normal)"
        case .listed(let values, _): "one of \(Figures.counted(UInt64(values.count), "listed amount"))"
        }
    }
}
