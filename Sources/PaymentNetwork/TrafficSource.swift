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
    /// The flow it belongs to, by its place in the topology; nil: a trace's.
    var flow: Int32?
    /// Whether its payer reports how it ended, since more payments may follow from it.
    var isReported = false
}

/// The merged payments of all flows, or of a trace, in order of time; a pure function of topology and seed.
///
/// The rate factor scales time about the start of the traffic: the same payments, closer together.
struct TrafficSource {
    var flows: [FlowState] = []
    /// The place in the topology of each of `flows`.
    private(set) var indices: [Int] = []
    /// Flows of the file in which nobody can pay anybody.
    private(set) var idleFlows: [Topology.Flow] = []
    let trace: [Topology.TracePayment]
    private let presence: Presence?
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
        presence = Presence(of: topology)
        lastStart = (topology.duration ?? topology.timeMaximum).microseconds
        switch topology.traffic {
        case .trace(let payments):
            trace = payments
            origin = Double(payments.first?.microseconds ?? 0) / 1_000_000
        case .flows(let list):
            trace = []
            origin = list.map(\.startsAt.inSeconds).min() ?? 0
            for (index, flow) in list.enumerated() {
                if let state = FlowState(flow, index: index, of: topology) {
                    flows.append(state)
                    indices.append(index)
                } else if !flow.isAssumed {
                    idleFlows.append(flow)
                }
            }
        }
    }

    /// The next payment, or nil when the traffic has ended.
    mutating func next() -> PlannedPayment? {
        guard count < countMaximum else { return nil }
        let payment: PlannedPayment
        if trace.isEmpty {
            guard let place = flows.indices.min(by: { flows[$0].next < flows[$1].next }),
                flows[place].next.isFinite
            else { return nil }
            let time = scaled(flows[place].next)
            let (source, destination, amount) = flows[place].draw(at: time, presence)
            flows[place].advance()
            payment = PlannedPayment(
                number: count, time: time, source: source, destination: destination, amount: amount,
                flow: Int32(indices[place]))
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

    /// The state of the flow at a place in the topology; nil for one without any pair of nodes.
    func state(of flow: Int32) -> FlowState? { indices.firstIndex(of: Int(flow)).map { flows[$0] } }

    /// Monotone in `seconds`, so that scaling never changes the order.
    private func scaled(_ seconds: Double) -> UInt64 {
        let microseconds = (origin + (seconds - origin) / factor) * 1_000_000
        return microseconds < 0x1p63 ? UInt64(microseconds) : .max
    }
}
