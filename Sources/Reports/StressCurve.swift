/// What the network did under rising load, and where it gave way.
public struct StressCurve: Sendable {
    /// Success below this share of the first step's is giving way.
    public static let successShare = 0.95
    /// A 99th percentile of latency above this multiple of the first step's is giving way.
    public static let latencyMultiple = 2.0

    /// Payments offered for less than this multiple of the 99th percentile of latency are a burst: what settled per
    /// second is mostly its beginning and its end.
    public static let burstMultiple = 10.0

    /// One load, run from the same balances with the same payments.
    public struct Step: Sendable {
        /// Payments started, and settled, per simulated second.
        public var offeredPerSecond: Double
        public var settledPerSecond: Double
        /// Settled ÷ attempted payments.
        public var success: Double
        /// Simulated seconds from the first payment's start to the last one's.
        public var offeringSeconds: Double
        /// Simulated milliseconds of settled payments; nil where none settled.
        public var latency: Latency?
        /// Millisatoshi paid to routers.
        public var fees: UInt64 = 0
        /// HTLCs that locked money at once, at the most, each counted in every channel it lay in.
        public var pendingHTLCs: UInt64 = 0
        /// Millisatoshis that HTLCs locked at once, at the most, each counted in every channel it lay in.
        public var lockedMaximum: UInt64 = 0
        /// The same as a share of all capacity.
        public var lockedShare: Double = 0
        /// Of the channel direction that came nearest to its `max_accepted_htlcs`: HTLCs at once, and that limit.
        public var slotsMaximum: UInt64 = 0
        public var slotsLimit: UInt64 = 0
        /// HTLCs that routers refused to forward: for want of balance, and because a limit of the channel was reached.
        public var refusedForBalance: UInt64 = 0
        public var refusedForLimits: UInt64 = 0
        /// Payments by the reason of their failure, the most frequent first.
        public var failures: [(name: String, count: UInt64)] = []
        /// The channel directions that refused, the worst first; the first of them only.
        public var saturated: [Saturated] = []
        /// What gives way first, as far as routers refused more than at the first step.
        public var bottleneck: Bottleneck?

        public init(
            offeredPerSecond: Double, settledPerSecond: Double, success: Double, offeringSeconds: Double,
            latency: Latency?
        ) {
            self.offeredPerSecond = offeredPerSecond
            self.settledPerSecond = settledPerSecond
            self.success = success
            self.offeringSeconds = offeringSeconds
            self.latency = latency
        }

        /// Whether the step was too short to tell what the network bears for long.
        public var isBurst: Bool {
            guard let latency else { return false }
            return offeringSeconds * 1_000 < burstMultiple * latency.p99
        }
    }

    /// A channel direction that refused HTLCs.
    public struct Saturated: Sendable {
        /// `700000x12x1/0`.
        public var direction: String
        /// The alias of the node that refused.
        public var node: String
        /// The alias of the node it leads to.
        public var peer: String
        public var refusedForBalance: UInt64
        public var refusedForLimits: UInt64
        /// HTLCs at once, at the most.
        public var slots: UInt64

        public var refusals: UInt64 { refusedForBalance + refusedForLimits }

        public init(
            direction: String, node: String, peer: String, refusedForBalance: UInt64,
            refusedForLimits: UInt64,
            slots: UInt64
        ) {
            self.direction = direction
            self.node = node
            self.peer = peer
            self.refusedForBalance = refusedForBalance
            self.refusedForLimits = refusedForLimits
            self.slots = slots
        }
    }

    /// Where a network refuses HTLCs.
    public struct Bottleneck: Sendable {
        public enum Resource: String, Sendable {
            /// `max_accepted_htlcs`, or else `max_htlc_value_in_flight_msat`.
            case slots = "HTLC slots"
            case valueInFlight = "HTLC value in flight"
            case balance = "the balance"
        }

        public var resource: Resource
        /// The fewest channels that refused half of all HTLCs refused.
        public var channels: UInt64
        /// The alias of the node that refused most of those.
        public var node: String

        public init(resource: Resource, channels: UInt64, node: String) {
            self.resource = resource
            self.channels = channels
            self.node = node
        }
    }

    /// Quantiles in simulated milliseconds.
    public struct Latency: Sendable {
        public var p50: Double
        public var p90: Double
        public var p99: Double

        public init(p50: Double, p90: Double, p99: Double) {
            self.p50 = p50
            self.p90 = p90
            self.p99 = p99
        }
    }

    /// In order of the load.
    public let steps: [Step]
    /// The highest load the network bore; nil when it bore all of them, or settled nothing even at the first.
    public let kneePerSecond: Double?
    /// The same in a sentence or two.
    public let verdict: String
    /// The lowest load above the knee that the network did not bear; nil without a knee, or where there is none above.
    public let failingPerSecond: Double?

    /// At least one step, the loads rising.
    public init(steps: [Step]) {
        precondition(!steps.isEmpty, "a curve has at least one step")
        self.steps = steps
        let first = steps[0]
        guard first.success > 0 else {
            kneePerSecond = nil
            failingPerSecond = nil
            verdict = "No payment settled even at \(Self.rate(first)): there is no load to compare with."
            return
        }
        let causes = steps.map { Self.cause(of: $0, against: first) }
        guard let firstFailing = causes.firstIndex(where: { $0 != nil }), let cause = causes[firstFailing]
        else {
            kneePerSecond = nil
            failingPerSecond = nil
            verdict =
                "Nothing gives way up to \(Self.rate(steps[steps.count - 1])): success \(Self.range(of: steps)), "
                + "and latency holds. "
                + "--rate LOW:HIGH tries more."
            return
        }
        let lastHolding = causes.lastIndex { $0 == nil } ?? 0
        kneePerSecond = steps[lastHolding].offeredPerSecond
        failingPerSecond = steps.dropFirst(lastHolding + 1).first?.offeredPerSecond
        if firstFailing < lastHolding {
            verdict =
                "The network bears \(Self.rate(steps[lastHolding])), although \(cause) at "
                + "\(Self.rate(steps[firstFailing])) already: these steps are noisy, try more --payments."
        } else {
            let knee = steps[lastHolding]
            verdict =
                "Gives way at \(Self.rate(steps[firstFailing])): \(Self.place(of: steps[firstFailing])). "
                + "The network bears \(knee.isBurst ? "a burst of " : "")\(Self.rate(knee)), "
                + "\(Self.percent(knee.success)) settled; then \(cause)."
        }
    }

    /// What gives way at a step; nil where it holds.
    private static func cause(of step: Step, against first: Step) -> String? {
        let success = step.success < successShare * first.success
        let latency =
            if let here = step.latency, let there = first.latency {
                here.p99 > latencyMultiple * there.p99
            } else {
                false
            }
        let fallen =
            "success falls to \(percent(step.success)), below 95 % of the first step's \(percent(first.success))"
        return switch (success, latency) {
        case (false, false): nil
        case (true, false): fallen
        case (false, true): "the 99th percentile of latency more than doubles"
        case (true, true): "\(fallen), and latency more than doubles"
        }
    }

    /// What gave way at a step, and where.
    private static func place(of step: Step) -> String {
        guard let bottleneck = step.bottleneck else {
            return step.failures.first.map { "\($0.name), without a router that refused" }
                ?? "nobody refused an HTLC"
        }
        let node = TerminalText(bottleneck.node).truncated(to: 30).text
        let count = Figures.counted(bottleneck.channels, "channel")
        return "\(bottleneck.resource.rawValue) of \(count) around \(node)"
    }

    /// `is 100.0 % at every step`, `stays between 85.3 % and 90.0 %`.
    private static func range(of steps: [Step]) -> String {
        let lowest = percent(steps.map(\.success).min() ?? 0)
        let highest = percent(steps.map(\.success).max() ?? 0)
        return lowest == highest ? "is \(lowest) at every step" : "stays between \(lowest) and \(highest)"
    }

    private static func percent(_ share: Double) -> String { Figures.percent(share, places: 1) }

    private static func rate(_ step: Step) -> String { Figures.paymentRate(perSecond: step.offeredPerSecond) }

    /// `count` loads from `lowest` to `highest`, each the same multiple of the one before.
    ///
    /// The factor is found by repeated square-and-multiply bisection instead of the C library's `pow`, whose last
    /// bit differs between machines and would change the digest of a step.
    public static func geometricRates(from lowest: Double, to highest: Double, count: Int) -> [Double] {
        precondition(lowest > 0 && highest >= lowest && count > 0, "loads rise from a positive one")
        guard count > 1, highest > lowest else { return [lowest] }
        let ratio = highest / lowest
        func power(_ base: Double) -> Double { (1..<count).reduce(1.0) { product, _ in product * base } }
        var below = 1.0
        var above = ratio
        while case let middle = below + (above - below) / 2, middle > below, middle < above {
            if power(middle) < ratio { below = middle } else { above = middle }
        }
        var rates = [lowest]
        for _ in 1..<(count - 1) { rates.append(rates[rates.count - 1] * below) }
        // Rounded to four figures, as people would have typed them.
        return rates.map(roundedToFourFigures) + [highest]
    }

    private static func roundedToFourFigures(_ value: Double) -> Double {
        var scale = 1.0
        while value * scale < 1_000 { scale *= 10 }
        while value * scale >= 10_000 { scale /= 10 }
        return (value * scale).rounded() / scale
    }
}

/// How fast the simulator itself was, in a run that had the machine to itself.
public struct SimulatorSpeed: Sendable {
    public var threads: Int
    /// Settled payments, events and messages per second of wall time, loading left out.
    public var paymentsPerSecond: Double
    public var eventsPerSecond: Double
    public var messagesPerSecond: Double
    /// Ed25519 signatures made; with lazy signatures those alone that reach layer 1.
    public var signaturesPerSecond: Double

    public init(
        threads: Int, paymentsPerSecond: Double, eventsPerSecond: Double, messagesPerSecond: Double,
        signaturesPerSecond: Double
    ) {
        self.threads = threads
        self.paymentsPerSecond = paymentsPerSecond
        self.eventsPerSecond = eventsPerSecond
        self.messagesPerSecond = messagesPerSecond
        self.signaturesPerSecond = signaturesPerSecond
    }
}
