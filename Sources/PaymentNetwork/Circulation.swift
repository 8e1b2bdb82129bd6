import LightningTypes
import Randomness
import Topologies

/// What payees do with the money they received: payments that follow from settled ones (`Topology.Circulation`).
///
/// Part of the traffic's state. A payer reports how each payment of a circulating flow ended; what follows is drawn
/// from a stream of the flow, in order of these reports, which is that of the events.
struct Circulation {
    /// Of whom and for what a payment is made.
    struct Purpose: Hashable, Sendable {
        /// The flow, by its place in the topology.
        var flow: Int32
        /// Whose money it was: the payer of the first payment.
        var origin: Int32
        /// Whether the swap node that is paid now pays the same amount to the origin next.
        var isSwap: Bool
    }

    /// A payment decided on, for later.
    struct Plan: Hashable, Sendable {
        var payment: PlannedPayment
        /// Nil for one after which nothing follows.
        var purpose: Purpose?
        /// In order of decision.
        var sequence: UInt64
    }

    private let settings: [Int32: Topology.Circulation]
    private let factor: Double
    var streams: [Int32: RandomStream] = [:]
    private(set) var plans = PlanHeap()
    /// Payments handed out and not yet heard of, by number.
    private(set) var underway: [UInt64: Underway] = [:]
    private(set) var sequence: UInt64 = 0

    struct Underway: Hashable, Sendable {
        var purpose: Purpose
        var destination: Int32
        var amount: Millisatoshi
    }

    init(_ topology: Topology, rateFactor: Double) {
        factor = rateFactor
        var settings: [Int32: Topology.Circulation] = [:]
        if case .flows(let flows) = topology.traffic {
            for (index, flow) in flows.enumerated() { settings[Int32(index)] = flow.circulation }
        }
        self.settings = settings
        for index in settings.keys { streams[index] = Self.stream(of: index, seed: topology.seed) }
    }

    static func stream(of flow: Int32, seed: UInt64, position: UInt64 = 0) -> RandomStream {
        RandomStream(seed: seed, purpose: .init("circulation"), process: UInt64(flow), position: position)
    }

    /// What a flow's payment is for; nil where nothing follows from it.
    func purpose(of payment: PlannedPayment) -> Purpose? {
        guard let flow = payment.flow, settings[flow] != nil else { return nil }
        return Purpose(flow: flow, origin: payment.source, isSwap: false)
    }

    /// A payment with a purpose is on its way.
    mutating func began(_ payment: PlannedPayment, _ purpose: Purpose) {
        underway[payment.number] = Underway(
            purpose: purpose, destination: payment.destination, amount: payment.amount)
    }

    mutating func takeFirst() -> Plan? { plans.removeFirst() }

    /// A payment with a purpose ended; if it settled, decides what its payee does with the money.
    ///
    /// - Parameters:
    ///   - earliest: no payment is planned before, microseconds.
    ///   - payee: draws whom a node pays as the flow's payers do; nil where there is nobody.
    mutating func ended(
        _ number: UInt64, isSettled: Bool, at now: UInt64, earliest: UInt64,
        payee: (_ flow: Int32, _ source: Int32, inout RandomStream) -> Int32?
    ) {
        guard let ended = underway.removeValue(forKey: number) else {
            preconditionFailure("payment \(number) ended without having begun")
        }
        guard isSettled, let setting = settings[ended.purpose.flow], var stream = streams[ended.purpose.flow]
        else { return }
        defer { streams[ended.purpose.flow] = stream }
        let holder = ended.destination
        let origin = ended.purpose.origin
        var purpose = ended.purpose
        let destination: Int32?
        if purpose.isSwap {
            purpose.isSwap = false
            destination = origin
        } else {
            let choice = stream.unitInterval()
            if choice < setting.spend {
                destination = payee(purpose.flow, holder, &stream)
            } else if choice < setting.spend + setting.giveBack {
                destination = origin
            } else if choice < setting.spend + setting.giveBack + setting.swap {
                destination = setting.swapNodes[Int(stream.below(UInt64(setting.swapNodes.count)))]
                purpose.isSwap = true
            } else {
                destination = nil
            }
        }
        guard let destination, destination != holder else { return }
        let delay = stream.exponential() * setting.after.inSeconds * 1e6 / factor
        let time = max(now + UInt64(min(delay, 0x1p62)), earliest)
        // Home again: nothing follows.
        let goesOn = destination != origin
        let payment = PlannedPayment(
            number: 0, time: time, source: holder, destination: destination, amount: ended.amount,
            flow: purpose.flow)
        plans.insert(Plan(payment: payment, purpose: goesOn ? purpose : nil, sequence: sequence))
        sequence += 1
    }

    /// Goes on where another was; for checkpoints.
    mutating func restore(plans: [Plan], underway: [(UInt64, Underway)], sequence: UInt64) {
        for plan in plans { self.plans.insert(plan) }
        for (number, payment) in underway { self.underway[number] = payment }
        self.sequence = sequence
    }
}

/// Planned payments, the earliest first; among equals the one decided on first. A binary heap.
struct PlanHeap {
    private(set) var items: [Circulation.Plan] = []

    var first: Circulation.Plan? { items.first }

    private static func isBefore(_ a: Circulation.Plan, _ b: Circulation.Plan) -> Bool {
        (a.payment.time, a.sequence) < (b.payment.time, b.sequence)
    }

    /// O(log n).
    mutating func insert(_ plan: Circulation.Plan) {
        items.append(plan)
        var place = items.count - 1
        while place > 0, case let parent = (place - 1) / 2, Self.isBefore(items[place], items[parent]) {
            items.swapAt(place, parent)
            place = parent
        }
    }

    /// O(log n).
    mutating func removeFirst() -> Circulation.Plan? {
        guard let first = items.first else { return nil }
        let last = items.removeLast()
        guard !items.isEmpty else { return first }
        items[0] = last
        var place = 0
        while true {
            let children = [2 * place + 1, 2 * place + 2].filter { $0 < items.count }
            guard let child = children.min(by: { Self.isBefore(items[$0], items[$1]) }),
                Self.isBefore(items[child], items[place])
            else { return first }
            items.swapAt(place, child)
            place = child
        }
    }

    /// The `count` earliest in order, without taking them: O(count²), however many there are.
    func earliest(_ count: Int) -> [Circulation.Plan] {
        var found: [Circulation.Plan] = []
        var open = items.isEmpty ? [] : [0]
        while found.count < count,
            let best = open.indices.min(by: { Self.isBefore(items[open[$0]], items[open[$1]]) })
        {
            let place = open.remove(at: best)
            found.append(items[place])
            open += [2 * place + 1, 2 * place + 2].filter { $0 < items.count }
        }
        return found
    }
}
