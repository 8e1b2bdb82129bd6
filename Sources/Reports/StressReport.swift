import RunStore
import Topologies

/// What `millrace stress` says: the curve, the knee, and how fast the simulator was.
public struct StressReport {
    /// As the file has it, channels that open in a run among them.
    private let topology: Topology
    private let curve: StressCurve
    private let simulator: [SimulatorSpeed]
    /// Payments of each step.
    private let payments: UInt64

    public init(_ curve: StressCurve, simulator: [SimulatorSpeed], of topology: Topology, payments: UInt64) {
        self.curve = curve
        self.simulator = simulator
        self.topology = topology
        self.payments = payments
    }

    public func text(style: TextStyle) -> String {
        var table = TextTable(columns: [
            .init("offered/s"), .init("settled/s"), .init("success"), .init("latency p50"), .init("p90"),
            .init("p99"), .init("fees, sat"), .init("HTLCs"), .init("slots"), .init("locked"),
            .init("refused: balance"), .init("limits"),
            .init("", .left), .init("", .left),
        ])
        for step in curve.steps {
            let isKnee = step.offeredPerSecond == curve.kneePerSecond
            let cells =
                [
                    Figures.rate(step.offeredPerSecond), Figures.rate(step.settledPerSecond),
                    Figures.percent(step.success, places: 1),
                ] + [step.latency?.p50, step.latency?.p90, step.latency?.p99].map(Self.latency)
                + [Figures.satoshis(Int64(clamping: step.fees), decimals: false)]
                + [
                    Figures.count(step.pendingHTLCs), "\(step.slotsMaximum)/\(step.slotsLimit)",
                    Figures.percent(step.lockedShare, places: 2), Figures.count(step.refusedForBalance),
                    Figures.count(step.refusedForLimits),
                ]
            table.rows.append(
                cells.map { .init($0, isKnee ? .bold : .plain) }
                    + [.init(step.isBurst ? "*" : ""), .init(isKnee ? "← knee" : "", .bold)])
        }
        var lines = [TopologyWords.title(of: topology, style: style)]
        for sentence in TopologyWords.assumedTraffic(of: topology) { lines.append(style.yellow(sentence)) }
        lines += [
            "Balances   \(TopologyWords.balances(of: topology, openFromTheBeginning: true))",
            "Every step starts from them and offers the same \(Figures.counted(payments, "payment")), "
                + "only closer together.",
            "",
        ]
        lines += table.lines(style: style)
        lines += [
            "settled/s  from the first payment's start until the last one's end",
            "HTLCs      that locked money at once, at the most, each counted in every channel it lay in",
            "slots      the most that were taken in one direction of a channel, of its max_accepted_htlcs",
            "locked     share of all capacity that HTLCs locked at once, at the most",
            "refused    HTLCs that routers could not pay, and those that a limit of a channel left no room for",
        ]
        if curve.steps.contains(where: \.isBurst) {
            lines += [
                "*          a burst, shorter than ten times its 99th percentile of latency: settled/s is mostly its",
                "           beginning and its end; more --payments make it longer",
            ]
        }
        lines += failing(style: style)
        lines += [
            "", style.bold(curve.verdict), "", "Simulator, alone on the machine, per second of real time",
        ]
        lines += speeds(style: style)
        return lines.joined(separator: "\n") + "\n"
    }

    /// Why payments fail, and which channels saturate, at the load that is not borne or, without one, at the highest.
    private func failing(style: TextStyle) -> [String] {
        let step =
            curve.steps.first { $0.offeredPerSecond == curve.failingPerSecond }
            ?? curve.steps[curve.steps.count - 1]
        guard !step.failures.isEmpty else { return [] }
        let reasons = step.failures.map { "\($0.name) \(Figures.count($0.count))" }
        var lines = [
            "",
            "At \(Figures.paymentRate(perSecond: step.offeredPerSecond)) payments fail of \(reasons.joined(separator: ", "))",
        ]
        guard !step.saturated.isEmpty else { return lines }
        var table = TextTable(columns: [
            .init("refused by", .left), .init("towards", .left), .init("direction", .left),
            .init("for balance"), .init("for limits"), .init("slots"),
        ])
        for channel in step.saturated.prefix(5) {
            table.rows.append(
                [channel.node, channel.peer].map { .init(TerminalText($0).truncated(to: 30).text) }
                    + [.init(channel.direction)]
                    + [channel.refusedForBalance, channel.refusedForLimits, channel.slots].map {
                        .init(Figures.count($0))
                    })
        }
        lines += table.lines(style: style)
        return lines
    }

    private func speeds(style: TextStyle) -> [String] {
        var table = TextTable(columns: [
            .init("threads"), .init("payments"), .init("events"), .init("messages"), .init("signatures"),
        ])
        for speed in simulator {
            table.rows.append(
                [.init("\(speed.threads)")]
                    + [
                        speed.paymentsPerSecond, speed.eventsPerSecond, speed.messagesPerSecond,
                        speed.signaturesPerSecond,
                    ].map { .init(Figures.rate($0)) })
        }
        return table.lines(style: style)
    }

    public var json: JSONValue {
        [
            "network": [
                "steps": .array(
                    curve.steps.map { step in
                        [
                            "offered_per_second": .number(step.offeredPerSecond),
                            "settled_per_second": .number(step.settledPerSecond),
                            "success": .number(step.success),
                            "latency_ms": [
                                "p50": JSONValue(step.latency?.p50),
                                "p90": JSONValue(step.latency?.p90),
                                "p99": JSONValue(step.latency?.p99),
                            ],
                            "fees_msat": .unsigned(step.fees),
                            "pending_htlcs_max": .unsigned(step.pendingHTLCs),
                            "htlc_slots_max": .unsigned(step.slotsMaximum),
                            "htlc_slots_limit": .unsigned(step.slotsLimit),
                            "locked_msat_max": .unsigned(step.lockedMaximum),
                            "locked_share_max": .number(step.lockedShare),
                            "refused_for_balance": .unsigned(step.refusedForBalance),
                            "refused_for_limits": .unsigned(step.refusedForLimits),
                            "failures": .object(step.failures.map { .init($0.name, .unsigned($0.count)) }),
                            "saturated": .array(
                                step.saturated.map { channel in
                                    [
                                        "direction": .text(channel.direction), "node": .text(channel.node),
                                        "peer": .text(channel.peer),
                                        "refusals": .unsigned(channel.refusals),
                                        "refused_for_balance": .unsigned(channel.refusedForBalance),
                                        "refused_for_limits": .unsigned(channel.refusedForLimits),
                                        "htlc_slots_max": .unsigned(channel.slots),
                                    ]
                                }),
                        ]
                    }),
                "knee_per_second": JSONValue(curve.kneePerSecond),
                "verdict": .text(curve.verdict),
            ],
            "simulator": .array(
                simulator.map { speed in
                    [
                        "threads": JSONValue(speed.threads),
                        "payments_per_second": .number(speed.paymentsPerSecond),
                        "events_per_second": .number(speed.eventsPerSecond),
                        "messages_per_second": .number(speed.messagesPerSecond),
                        "signatures_per_second": .number(speed.signaturesPerSecond),
                    ]
                }),
        ]
    }

    private static func latency(_ milliseconds: Double?) -> String {
        guard let milliseconds else { return "–" }
        return Figures.duration(microseconds: UInt64((milliseconds * 1_000).rounded()))
    }
}
