import LightningTypes
import Randomness
import Topologies

/// One flow of a run: how far it is, and whom and what it draws.
///
/// Four streams, so that the same payments come in the same order whatever the rate: gaps, bursts, choices (payer,
/// payee, amount), and the order of all nodes that ranks and shares refer to.
struct FlowState {
    let flow: Topology.Flow
    private let payers: WeightedNodes
    private let payees: WeightedNodes
    /// For listed pairs, by place.
    private let pairSums: [Double]
    /// For circular pairs: whom each payer pays, by its place in `payers`.
    private let successors: [Int32]
    private let amountSums: [Double]
    /// Of the hours of a day, with mean 1; empty: all alike.
    private let hourFactors: [Double]

    private(set) var gaps: RandomStream
    private(set) var choices: RandomStream
    private(set) var burst: BurstState?
    /// Seconds at the file's own rate; infinite when the flow has ended.
    private(set) var next: Double
    private let end: Double

    /// Nil where the flow has no two nodes of whom one could pay the other.
    init?(_ flow: Topology.Flow, index: Int, of topology: Topology) {
        self.flow = flow
        let seed = topology.seed
        payees = WeightedNodes(flow.payees, flow.payeeWeights, of: topology)
        // A payer whose only payee is itself has nobody to pay.
        let alone = payees.nodes.count == 1 ? payees.nodes.first : nil
        payers = WeightedNodes(flow.payers.filter { $0 != alone }, flow.payerWeights, of: topology)
        guard !payers.nodes.isEmpty, !payees.nodes.isEmpty else { return nil }
        var pairSums: [Double] = []
        var successors: [Int32] = []
        switch flow.pairing {
        case .independent: break
        case .circular:
            var order = Array(payers.nodes.indices)
            var stream = RandomStream(seed: seed, purpose: .init("circle"), process: UInt64(index))
            stream.shuffle(&order)
            successors = Array(repeating: 0, count: order.count)
            for (place, payer) in order.enumerated() {
                successors[payer] = payers.nodes[order[(place + 1) % order.count]]
            }
        case .listed(let pairs): pairSums = runningTotals(pairs.map(\.weight))
        }
        self.pairSums = pairSums
        self.successors = successors
        if case .listed(_, let weights) = flow.amount {
            amountSums = runningTotals(weights)
        } else {
            amountSums = []
        }
        let mean = flow.hours.reduce(0, +) / Double(max(flow.hours.count, 1))
        hourFactors = flow.hours.map { $0 / mean }
        gaps = Self.gaps(of: index, seed: seed)
        choices = Self.choices(of: index, seed: seed)
        next = flow.startsAt.inSeconds
        end = flow.endsAt?.inSeconds ?? .infinity
        burst = flow.bursts.map { BurstState($0, flow: index, seed: seed, from: flow.startsAt.inSeconds) }
        advance()
    }

    static func gaps(of flow: Int, seed: UInt64, position: UInt64 = 0) -> RandomStream {
        RandomStream(seed: seed, purpose: .init("gaps"), process: UInt64(flow), position: position)
    }

    static func choices(of flow: Int, seed: UInt64, position: UInt64 = 0) -> RandomStream {
        RandomStream(seed: seed, purpose: .init("payments"), process: UInt64(flow), position: position)
    }

    /// Goes on where a flow of the same seed and place was.
    mutating func resume(gaps: UInt64, choices: UInt64, next: Double, seed: UInt64, index: Int) {
        self.gaps = Self.gaps(of: index, seed: seed, position: gaps)
        self.choices = Self.choices(of: index, seed: seed, position: choices)
        self.next = next
    }

    mutating func resume(burst: BurstState) { self.burst = burst }

    /// Moves on to the next payment.
    ///
    /// With a rate that changes, a gap is as long as it takes the integral of the rate to grow by an exponential draw.
    mutating func advance() {
        var left = gaps.exponential() / flow.rate
        while next < Self.horizon {
            // The rate is the flow's times `factor` until it changes.
            var factor = burst?.factor ?? 1
            var change = burst?.until ?? .infinity
            if !hourFactors.isEmpty {
                let hour = (next / 3_600).rounded(.down)
                factor *= hourFactors[Int(hour.truncatingRemainder(dividingBy: 24))]
                change = min(change, (hour + 1) * 3_600)
            }
            let offered = factor > 0 ? (change - next) * factor : 0
            if left < offered {
                next += left / factor
                break
            }
            left -= offered
            next = change
            if let until = burst?.until, until <= next { burst?.turn() }
        }
        if next >= end || next >= Self.horizon { next = .infinity }
    }

    /// A thousand years: no run gets there, and a rate near zero ends there.
    private static let horizon = 365_000 * 86_400.0

    /// Who pays whom how much at a time, microseconds.
    mutating func draw(
        at time: UInt64, _ presence: Presence?
    ) -> (source: Int32, destination: Int32, amount: Millisatoshi) {
        var pair = drawPair()
        if let presence {
            var draws = 1
            // Where hardly any of the flow's nodes are there, somebody pays in vain.
            while draws < 1_000,
                !presence.holds(pair.source, at: time) || !presence.holds(pair.destination, at: time)
            {
                pair = drawPair()
                draws += 1
            }
        }
        return (pair.source, pair.destination, drawAmount())
    }

    private mutating func drawPair() -> (source: Int32, destination: Int32) {
        let pair: (source: Int32, destination: Int32)
        switch flow.pairing {
        case .independent:
            let source = payers.draw(&choices)
            pair = (source, payee(of: source, &choices))
        case .circular:
            let place = payers.drawPlace(&choices)
            pair = (payers.nodes[place], successors[place])
        case .listed(let pairs):
            let drawn = pairs[choices.index(bySums: pairSums)]
            pair = (drawn.payer, drawn.payee)
        }
        return pair
    }

    /// Whom this node pays when it pays as the flow's payers do.
    func payee(of source: Int32, _ stream: inout RandomStream) -> Int32 {
        var destination = source
        // Every payer left has somebody else to pay.
        while destination == source { destination = payees.draw(&stream) }
        return destination
    }

    /// Whether somebody other than this node is paid by the flow.
    func pays(anyoneBut node: Int32) -> Bool { payees.nodes.contains { $0 != node } }

    private mutating func drawAmount() -> Millisatoshi {
        switch flow.amount {
        case .fixed(let amount): amount
        case .uniform(let lowest, let highest):
            Millisatoshi(Satoshi(choices.within(lowest.rawValue...highest.rawValue)))
        case .logNormal(let mean, let median):
            // Median e^µ and mean e^(µ + σ²/2) give both.
            logNormal(median: Double(median.rawValue), ratio: Double(mean.rawValue) / Double(median.rawValue))
        case .listed(let values, _): Millisatoshi(values[choices.index(bySums: amountSums)])
        }
    }

    private mutating func logNormal(median: Double, ratio: Double) -> Millisatoshi {
        let deviation = (2 * naturalLogarithm(ratio)).squareRoot()
        let value = median * naturalExponential(deviation * choices.normal())
        let bounded = min(max(value.rounded(), 1), Double(Satoshi.supplyMaximum.rawValue))
        return Millisatoshi(Satoshi(UInt64(bounded)))
    }
}

/// Nodes of whom each is drawn as often as its weight says.
private struct WeightedNodes {
    let nodes: [Int32]
    /// Running totals of the weights; empty: all alike.
    private let sums: [Double]

    init(_ nodes: [Int32], _ weights: Topology.Weights, of topology: Topology) {
        switch weights {
        case .even:
            self.nodes = nodes
            sums = []
        case .capacity: (self.nodes, sums) = Self.byCapacity(nodes, of: topology)
        case .rank:
            self.nodes = Self.ranked(nodes, of: topology)
            sums = runningTotals(self.nodes.indices.map { 1 / Double($0 + 1) })
        case .first(let share, let weights):
            let count = max(Int((Double(nodes.count) * share).rounded()), 1)
            let first = Self.ranked(nodes, of: topology).prefix(count).sorted()
            switch weights {
            case .even: (self.nodes, sums) = (first, [])
            case .capacity: (self.nodes, sums) = Self.byCapacity(first, of: topology)
            }
        }
    }

    /// Those that have channels, and the running totals of their capacities.
    private static func byCapacity(_ nodes: [Int32], of topology: Topology) -> ([Int32], [Double]) {
        var capacity = [UInt64](repeating: 0, count: topology.nodes.count)
        for channel in topology.channels {
            capacity[Int(channel.node1)] += channel.capacity.rawValue
            capacity[Int(channel.node2)] += channel.capacity.rawValue
        }
        let nodes = nodes.filter { capacity[Int($0)] > 0 }
        return (nodes, runningTotals(nodes.map { Double(capacity[Int($0)]) }))
    }

    /// In the order of all nodes that the seed draws: the same nodes stand first in every flow.
    private static func ranked(_ nodes: [Int32], of topology: Topology) -> [Int32] {
        var order = Array(topology.nodes.indices)
        var stream = RandomStream(seed: topology.seed, purpose: .init("ranks"), process: 0)
        stream.shuffle(&order)
        var rank = [Int](repeating: 0, count: order.count)
        for (place, node) in order.enumerated() { rank[node] = place }
        return nodes.sorted { rank[Int($0)] < rank[Int($1)] }
    }

    func drawPlace(_ stream: inout RandomStream) -> Int {
        sums.isEmpty ? Int(stream.below(UInt64(nodes.count))) : stream.index(bySums: sums)
    }

    func draw(_ stream: inout RandomStream) -> Int32 { nodes[drawPlace(&stream)] }
}

/// Whether a flow is in a burst, and until when.
struct BurstState {
    private let bursts: Topology.Bursts
    private(set) var stream: RandomStream
    private(set) var isOn: Bool
    /// Seconds at the file's own rate.
    private(set) var until: Double

    /// Begins between two bursts.
    init(_ bursts: Topology.Bursts, flow: Int, seed: UInt64, from start: Double) {
        self.init(bursts, isOn: true, until: start, Self.stream(of: flow, seed: seed))
        turn()
    }

    static func stream(of flow: Int, seed: UInt64, position: UInt64 = 0) -> RandomStream {
        RandomStream(seed: seed, purpose: .init("bursts"), process: UInt64(flow), position: position)
    }

    init(_ bursts: Topology.Bursts, isOn: Bool, until: Double, _ stream: RandomStream) {
        self.bursts = bursts
        self.isOn = isOn
        self.until = until
        self.stream = stream
    }

    /// What the flow's rate is multiplied by now; its mean over time is 1.
    var factor: Double {
        let on = bursts.lasting.inSeconds
        let off = bursts.every.inSeconds
        let between = (on + off) / (on * bursts.factor + off)
        return isOn ? between * bursts.factor : between
    }

    mutating func turn() {
        isOn.toggle()
        until += stream.exponential() * (isOn ? bursts.lasting : bursts.every).inSeconds
    }
}

/// When each node is there, where some come or go.
struct Presence {
    private let spans: [Range<UInt64>]

    /// Nil where all nodes are always there.
    init?(of topology: Topology) {
        guard topology.nodes.contains(where: { $0.joinsAt != nil || $0.leavesAt != nil }) else { return nil }
        spans = topology.nodes.map { node in
            let start = node.joinsAt?.microseconds ?? 0
            return start..<max(node.leavesAt?.microseconds ?? .max, start)
        }
    }

    /// Whether a node is there at a time, microseconds.
    func holds(_ node: Int32, at time: UInt64) -> Bool { spans[Int(node)].contains(time) }
}

private func runningTotals(_ weights: [Double]) -> [Double] {
    var total = 0.0
    return weights.map { weight in
        total += weight
        return total
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
