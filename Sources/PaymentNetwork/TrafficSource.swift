import LightningTypes
import Randomness
import Topologies

/// A payment somebody will make.
struct PlannedPayment: Hashable, Sendable {
    /// From 0, in order of start.
    var number: UInt64
    /// Simulated microseconds.
    var time: UInt64
    var source: Int32
    var destination: Int32
    var amount: Millisatoshi
}

/// The merged payments of all flows, or of a trace, in order of time; a pure function of topology and seed.
///
/// Each flow is a Poisson process: exponential gaps from one stream, payers, payees and amounts from another, so that
/// the same payments come in the same order whatever the rate. The rate factor scales time about the start of the
/// traffic: the same payments, closer together.
struct TrafficSource {
    struct FlowState {
        var flow: Topology.Flow
        var gaps: RandomStream
        var choices: RandomStream
        /// Seconds at the file's own rate; infinite when the flow has ended.
        var next: Double
        var end: Double
    }

    var flows: [FlowState] = []
    var trace: [Topology.TracePayment] = []
    var count: UInt64 = 0
    private let countMaximum: UInt64
    private let factor: Double
    /// The start of the earliest flow, seconds.
    private let origin: Double
    /// No payment starts later, simulated microseconds after scaling.
    private let lastStart: UInt64

    init(_ topology: Topology, paymentsMaximum: UInt64?, rateFactor: Double) {
        precondition(rateFactor > 0 && rateFactor.isFinite, "a rate factor is positive")
        factor = rateFactor
        countMaximum = paymentsMaximum ?? .max
        lastStart = (topology.duration ?? topology.timeMaximum).microseconds
        switch topology.traffic {
        case .trace(let payments):
            trace = payments
            origin = Double(payments.first?.microseconds ?? 0) / 1_000_000
        case .flows(let list):
            origin = list.map(\.startsAt.inSeconds).min() ?? 0
            for (index, var flow) in list.enumerated() {
                // A payer whose only payee is itself has nobody to pay.
                if flow.payees.count == 1 { flow.payers.removeAll { $0 == flow.payees[0] } }
                guard !flow.payers.isEmpty else { continue }
                var state = FlowState(
                    flow: flow,
                    gaps: Self.gaps(of: index, seed: topology.seed),
                    choices: Self.choices(of: index, seed: topology.seed),
                    next: flow.startsAt.inSeconds, end: flow.endsAt?.inSeconds ?? .infinity)
                state.advance()
                flows.append(state)
            }
        }
    }

    /// Whether as many payments have come as were asked for.
    var isCutShort: Bool { count == countMaximum }

    /// The next payment, or nil when the traffic has ended.
    mutating func next() -> PlannedPayment? {
        guard count < countMaximum else { return nil }
        let payment: PlannedPayment
        if trace.isEmpty {
            guard let index = flows.indices.min(by: { flows[$0].next < flows[$1].next }),
                flows[index].next.isFinite
            else { return nil }
            let time = scaled(flows[index].next)
            let (source, destination, amount) = flows[index].draw()
            flows[index].advance()
            payment = PlannedPayment(
                number: count, time: time, source: source, destination: destination, amount: amount)
        } else {
            guard count < trace.count else { return nil }
            let entry = trace[Int(count)]
            let time = factor == 1 ? entry.microseconds : scaled(Double(entry.microseconds) / 1_000_000)
            payment = PlannedPayment(
                number: count, time: time, source: entry.source, destination: entry.destination,
                amount: entry.amount)
        }
        guard payment.time < lastStart else { return nil }
        count += 1
        return payment
    }

    static func gaps(of flow: Int, seed: UInt64, position: UInt64 = 0) -> RandomStream {
        RandomStream(seed: seed, purpose: .init("gaps"), process: UInt64(flow), position: position)
    }

    static func choices(of flow: Int, seed: UInt64, position: UInt64 = 0) -> RandomStream {
        RandomStream(seed: seed, purpose: .init("payments"), process: UInt64(flow), position: position)
    }

    /// Monotone in `seconds`, so that scaling never changes the order.
    private func scaled(_ seconds: Double) -> UInt64 {
        let microseconds = (origin + (seconds - origin) / factor) * 1_000_000
        return microseconds < 0x1p63 ? UInt64(microseconds) : .max
    }
}

extension TrafficSource.FlowState {
    mutating func advance() {
        next += gaps.exponential() / flow.rate
        if next >= end { next = .infinity }
    }

    /// Goes on where a flow of the same seed and place was.
    mutating func resume(gaps: UInt64, choices: UInt64, next: Double, seed: UInt64, index: Int) {
        self.gaps = TrafficSource.gaps(of: index, seed: seed, position: gaps)
        self.choices = TrafficSource.choices(of: index, seed: seed, position: choices)
        self.next = next
    }

    mutating func draw() -> (source: Int32, destination: Int32, amount: Millisatoshi) {
        let source = flow.payers[Int(choices.below(UInt64(flow.payers.count)))]
        var destination = source
        // Every payer left has somebody else to pay.
        while destination == source {
            destination = flow.payees[Int(choices.below(UInt64(flow.payees.count)))]
        }
        let amount: Millisatoshi =
            switch flow.amount {
            case .fixed(let amount): amount
            case .uniform(let lowest, let highest):
                Millisatoshi(Satoshi(choices.within(lowest.rawValue...highest.rawValue)))
            }
        return (source, destination, amount)
    }
}

extension Duration {
    fileprivate var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
