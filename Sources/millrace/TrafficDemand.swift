import LightningTypes
import PaymentNetwork
import Topologies

/// How many payments are under way at once at the most, reckoned before a run: each takes memory from its start to its
/// end, so that the rate decides, not how many there are in all.
///
/// An estimate, and a generous one: it is to refuse what no machine bears, a unit mistaken, and nothing else.
struct TrafficDemand {
    /// Some two gigabytes.
    static let underwayMaximum = 4_000_000.0
    /// Of a payment with its HTLCs, its route and its messages; measured on networks like mainnet.
    static let bytesEach = 500.0
    /// Of a payment that is planned for later, as circulation does.
    private static let bytesPlanned = 100.0

    /// Payments under way, those that wait counted by what they take.
    private(set) var underway = 0.0
    /// The flow that brings most of them; nil for a trace.
    private(set) var busiest: Topology.Flow?

    init(_ topology: Topology, _ settings: RunSettings) {
        let latency =
            (topology.latency.fixed ?? max(topology.latency.floor, .milliseconds(100))) / .seconds(1)
        // Handed out four windows ahead; then some ten times over a link, and the pauses before commitments.
        let seconds =
            4 * min(topology.latency.floor / .seconds(1), 60) + 10 * latency
            + 6 * (topology.payments.commitmentInterval / .seconds(1)) + 1
        let maximum = Double(settings.paymentsMaximum ?? .max)
        switch topology.traffic {
        case .trace(let payments):
            underway = min(maximum, Double(Self.densest(payments, within: seconds)))
        case .flows(let flows):
            var most = 0.0
            for flow in flows {
                let demand = Self.underway(
                    of: flow, seconds, factor: settings.rateFactor, until: topology.duration, maximum: maximum
                )
                underway += demand
                if demand > most { (most, busiest) = (demand, flow) }
            }
        }
    }

    private static func underway(
        of flow: Topology.Flow, _ seconds: Double, factor: Double, until duration: Duration?, maximum: Double
    ) -> Double {
        var all = maximum
        if let end = [flow.endsAt, duration].compactMap({ $0 }).min() {
            all = min(all, max(end - flow.startsAt, .zero) / .seconds(1) * flow.rate * factor)
        }
        var peak = flow.rate * factor
        if let bursts = flow.bursts {
            let (every, lasting) = (bursts.every / .seconds(1), bursts.lasting / .seconds(1))
            peak *= bursts.factor * (every + lasting) / (every + bursts.factor * lasting)
        }
        if let busiest = flow.hours.max() { peak *= busiest * 24 / flow.hours.reduce(0, +) }
        guard let circulation = flow.circulation else { return min(all, peak * seconds) }
        // Each settled payment leads to another, which leads to more.
        let share = circulation.spend + circulation.giveBack + circulation.swap
        let chain = (1 + circulation.giveBack + 2 * circulation.swap) / (1 - circulation.spend)
        let waiting = min(all * chain, flow.rate * factor * chain * (circulation.after / .seconds(1))) * share
        return min(all * chain, peak * chain * seconds) + waiting * bytesPlanned / bytesEach
    }

    /// The most payments of a trace that start within so many seconds.
    private static func densest(_ payments: [Topology.TracePayment], within seconds: Double) -> Int {
        let width = UInt64(min(seconds, 1e9) * 1e6)
        var (first, most) = (0, 0)
        for (last, payment) in payments.enumerated() {
            while payments[first].microseconds + width < payment.microseconds { first += 1 }
            most = max(most, last - first + 1)
        }
        return most
    }

    /// Bytes that they take together.
    var bytes: Double { underway * Self.bytesEach }

    /// Why there can be no run of them; nil: there can.
    func refusal(_ name: String) -> String? {
        guard underway > Self.underwayMaximum else { return nil }
        let cause = busiest.map { ", most of them of the flow '\($0.name)'" } ?? ""
        return
            "\(name): about \(MemoryAllowance.grouped(underway)) payments would be under way at once\(cause), some "
            + "\(MemoryAllowance.gigabytes(bytes)) of memory; at most \(MemoryAllowance.grouped(Self.underwayMaximum)) "
            + "(\(MemoryAllowance.gigabytes(Self.underwayMaximum * Self.bytesEach))): a lower rate, as --rate sets it, or fewer "
            + "payments, as --payments, take less"
    }
}

extension Topology {
    /// Refuses, before the network is made, a run that takes more memory than any or than there is.
    func checkDemand(_ settings: RunSettings, _ memory: MemoryAllowance) throws(CommandFailure) {
        let demand = TrafficDemand(self, settings)
        if let refusal = demand.refusal(name) { throw CommandFailure(.badInput, refusal) }
        let refusal = memory.refusal(
            nodes: Double(nodes.count), channels: Double(channels.count),
            more: demand.bytes + plannedEventBytes)
        if let refusal { throw CommandFailure(.badInput, "\(name): \(refusal)") }
    }
}
