import RunStore
import Topologies

/// What `millrace stress` says: the curve, the knee, and how fast the simulator was.
public struct StressReport {
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
            .init("p99"), .init("fees, sat"), .init("HTLCs"), .init("refused: balance"), .init("limits"),
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
                + [step.pendingHTLCs, step.refusedForBalance, step.refusedForLimits].map { Figures.count($0) }
            table.rows.append(
                cells.map { .init($0, isKnee ? .bold : .plain) }
                    + [.init(step.isBurst ? "*" : ""), .init(isKnee ? "← knee" : "", .bold)])
        }
        var lines = [TopologyWords.title(of: topology, style: style)]
        for sentence in TopologyWords.assumedTraffic(of: topology) { lines.append(style.yellow(sentence)) }
        lines += [
            "Balances   \(TopologyWords.balances(of: topology))",
            "Every step starts from them and offers the same \(Figures.counted(payments, "payment")), "
                + "only closer together.",
            "",
        ]
        lines += table.lines(style: style)
        lines += [
            "settled/s  from the first payment's start until the last one's end",
            "HTLCs      pending at once, at the most",
            "refused    HTLCs that routers could not pay, and those that a limit of a channel left no room for",
        ]
        if curve.steps.contains(where: \.isBurst) {
            lines += [
                "*          a burst, shorter than ten times its 99th percentile of latency: settled/s is mostly its",
                "           beginning and its end; more --payments make it longer",
            ]
        }
        lines += [
            "", style.bold(curve.verdict),
        ]
        for speed in simulator {
            lines.append(
                "Simulator, alone on \(Figures.counted(UInt64(speed.threads), "thread")): "
                    + "\(Figures.rate(speed.paymentsPerSecond)) payments/s, "
                    + "\(Figures.rate(speed.eventsPerSecond)) events/s, "
                    + "\(Figures.rate(speed.messagesPerSecond)) messages/s of real time.")
        }
        return lines.joined(separator: "\n") + "\n"
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
                            "refused_for_balance": .unsigned(step.refusedForBalance),
                            "refused_for_limits": .unsigned(step.refusedForLimits),
                            "failures": .object(step.failures.map { .init($0.name, .unsigned($0.count)) }),
                            "saturated": .array(
                                step.saturated.map { channel in
                                    [
                                        "direction": .text(channel.direction), "node": .text(channel.node),
                                        "refusals": .unsigned(channel.refusals),
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
                    ]
                }),
        ]
    }

    private static func latency(_ milliseconds: Double?) -> String {
        guard let milliseconds else { return "–" }
        return Figures.duration(microseconds: UInt64((milliseconds * 1_000).rounded()))
    }
}
