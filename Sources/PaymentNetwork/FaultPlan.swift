import EventSimulation
import LightningTypes
import Randomness
import Settlement
import Topologies

/// What a `faultTimer` is about.
enum FaultMoment: UInt64 {
    case begin
    case end
    /// A stale backup is saved.
    case backup
}

/// What goes wrong in a run and when, known before it begins: a pure function of topology and seed, so that every
/// process may ask.
struct FaultPlan: Sendable {
    let faults: [Topology.Fault]
    let planned: [Topology.PlannedFault]
    /// By node: when it keeps the HTLCs that come to it.
    private let holds: [Int32: Holds]
    /// When miners take nothing.
    private let emptyTimes: TimeSpans
    /// When the tower is out.
    private let towerOutages: TimeSpans
    /// Who is going to cheat, and so keeps old commitments.
    private let cheats: Set<Int32>
    /// When the last of those that end is over, with the HTLCs that are kept then; simulated microseconds.
    let lastEnd: UInt64
    /// The deepest reorganisation to come; 0 for none.
    let reorganisationDepth: Int

    init(_ topology: Topology, until horizon: Duration) {
        faults = topology.faults
        let faults = faults
        let planned = topology.plannedFaults(until: horizon)
        self.planned = planned
        func times(of kind: Topology.Fault.Kind) -> TimeSpans {
            TimeSpans(planned.lazy.filter { faults[$0.fault].kind == kind }.map { $0.start..<$0.end })
        }
        emptyTimes = times(of: .emptyBlocks)
        towerOutages = times(of: .towerOutage)
        var holds: [Int32: Holds] = [:]
        var cheats: Set<Int32> = []
        for (index, happening) in planned.enumerated() {
            guard let node = happening.node else { continue }
            switch faults[happening.fault].kind {
            case .hold: holds[node, default: Holds()].append(index, until: happening.end)
            case .cheat: cheats.insert(node)
            case .offline, .disconnect, .staleBackup, .forceClose, .towerOutage, .feeSpike, .emptyBlocks,
                .reorganisation, .latencyJitter:
                break
            }
        }
        self.holds = holds
        self.cheats = cheats
        lastEnd = planned.reduce(0) { latest, happening in
            let end = happening.end < .max ? happening.end : happening.start
            return max(latest, end + (faults[happening.fault].delay?.microseconds ?? 0))
        }
        reorganisationDepth = planned.reduce(0) { max($0, faults[$1.fault].depth) }
    }

    var isEmpty: Bool { planned.isEmpty }

    func fault(_ index: Int) -> Topology.Fault { faults[planned[index].fault] }

    /// Whether a node is going to publish a revoked commitment.
    func isCheat(_ node: UInt32) -> Bool { cheats.contains(Int32(node)) }

    func isEmptyBlock(at time: UInt64) -> Bool { emptyTimes.end(at: time) != nil }

    /// Until when a payee keeps an HTLC that comes to it now, `.max` for good, and what becomes of it then; nil: it
    /// does not keep it.
    func hold(_ node: UInt32, _ now: UInt64) -> (end: UInt64, outcome: Topology.Fault.Outcome)? {
        guard let holds = holds[Int32(node)], let index = holds.latest(at: now, in: planned) else {
            return nil
        }
        let fault = fault(index)
        return (fault.delay.map { now + $0.microseconds } ?? planned[index].end, fault.outcome)
    }

    /// When the tower is there again; nil: it is there.
    ///
    /// Of outages that touch each other, when the last is over.
    func towerReturns(_ now: UInt64) -> UInt64? { towerOutages.end(at: now) }
}

/// Spans of time in order, those that overlap joined: asked for one moment in logarithmic time, of however many.
struct TimeSpans: Sendable {
    private var spans: [Range<UInt64>] = []

    /// - Parameter all: by their beginnings.
    init(_ all: some Sequence<Range<UInt64>>) {
        for span in all {
            if let last = spans.last, span.lowerBound < last.upperBound {
                spans[spans.count - 1] = last.lowerBound..<max(last.upperBound, span.upperBound)
            } else {
                spans.append(span)
            }
        }
    }

    /// When the span is over in which a moment lies; nil: it lies in none.
    func end(at time: UInt64) -> UInt64? {
        let place = spans.firstPlace { $0.lowerBound > time } - 1
        return place >= 0 && time < spans[place].upperBound ? spans[place].upperBound : nil
    }
}

/// When one node keeps HTLCs.
private struct Holds: Sendable {
    /// Which of the planned faults, by their beginnings.
    private var indices: [Int] = []
    /// For each when the last of those up to it is over.
    private var latestEnds: [UInt64] = []

    mutating func append(_ index: Int, until end: UInt64) {
        indices.append(index)
        latestEnds.append(max(latestEnds.last ?? 0, end))
    }

    /// The last to begin of those under way.
    func latest(at now: UInt64, in planned: [Topology.PlannedFault]) -> Int? {
        var place = indices.firstPlace { planned[$0].start > now } - 1
        while place >= 0, now < latestEnds[place] {
            if now < planned[indices[place]].end { return indices[place] }
            place -= 1
        }
        return nil
    }
}

extension Array {
    /// The place of the first element for which `isAfter` holds, as for all after it; the count where there is none.
    fileprivate func firstPlace(where isAfter: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isAfter(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

/// How the link of a channel stands, as one of its ends sees it: both ends see it break and come back at the same
/// times.
struct LinkState: BitwiseCopyable {
    /// For how many reasons it is down.
    var downCount: UInt32 = 0
    /// Which connection it is; what was sent over an earlier one is lost.
    var connection: UInt8 = 0
    /// The height for which a `deadlineTimer` is under way; `.max` for none.
    var deadline = BlockHeight(.max)
    /// By how much messages from this end are late on average, microseconds; 0 without jitter.
    var jitter: UInt64 = 0
    /// When the latest message that jitter held up arrives, simulated microseconds.
    var lastArrival: UInt64 = 0

    var isDown: Bool { downCount > 0 }

    /// How long a message takes over a link of this latency, sent now: never less, and never so little that it
    /// overtakes another.
    ///
    /// - Parameter lateness: exponentially distributed, of mean 1.
    mutating func delay(_ latency: UInt64, at now: UInt64, lateness: @autoclosure () -> Double) -> UInt64 {
        if jitter == 0, lastArrival <= now + latency { return latency }
        let late = jitter == 0 ? 0 : UInt64(lateness() * Double(jitter))
        lastArrival = max(lastArrival, now + latency + late)
        return lastArrival - now
    }
}

extension RandomStream.Purpose {
    /// By how much messages are late; of each end one stream, and of each microsecond one place in it.
    static let jitter = Self("jitter")
}

extension NetworkSimulation {
    /// Schedules what is known to go wrong.
    func scheduleFaults() {
        for (index, happening) in world.faults.planned.enumerated() {
            let fault = world.faults.fault(index)
            func timer(_ moment: FaultMoment, for process: UInt32, at time: UInt64) {
                guard time < .max else { return }
                var message = NetworkMessage(.faultTimer, end: DirectionIndex(0))
                message.id = UInt64(index)
                message.amount = moment.rawValue
                simulation.schedule(message, for: process, at: time)
            }
            switch fault.kind {
            case .offline, .staleBackup, .disconnect:
                guard let node = happening.node else { continue }
                let process = UInt32(node)
                if fault.kind != .disconnect {
                    if fault.kind == .staleBackup {
                        let age = min(fault.age.microseconds, happening.start)
                        timer(.backup, for: process, at: happening.start - age)
                    }
                    timer(.begin, for: process, at: happening.start)
                    timer(.end, for: process, at: happening.end)
                }
                for end in world.ends(of: Int(node), concernedBy: fault) {
                    scheduleLink(of: end, from: happening.start, to: happening.end)
                }
            case .cheat, .forceClose:
                if let node = happening.node { timer(.begin, for: UInt32(node), at: happening.start) }
            case .feeSpike, .reorganisation:
                timer(.begin, for: world.layerOneProcess, at: happening.start)
            case .towerOutage: timer(.end, for: world.towerProcess, at: happening.end)
            case .latencyJitter:
                guard let node = happening.node else { continue }
                for end in world.ends(of: Int(node), concernedBy: fault) {
                    scheduleJitter(of: end, fault, from: happening.start, to: happening.end)
                }
            case .hold, .emptyBlocks: break
            }
        }
    }

    private func scheduleJitter(
        of end: DirectionIndex, _ fault: Topology.Fault, from start: UInt64, to stop: UInt64
    ) {
        for side in [end, end.reversed] {
            for (kind, time) in [(NetworkMessage.Kind.jitterBegins, start), (.jitterEnds, stop)] {
                var message = NetworkMessage(kind, end: side)
                message.amount = fault.delay?.microseconds ?? 0
                simulation.schedule(message, for: world.owners[Int(side.rawValue)], at: time)
            }
        }
    }

    private func scheduleLink(of end: DirectionIndex, from start: UInt64, to stop: UInt64) {
        for side in [end, end.reversed] {
            let owner = world.owners[Int(side.rawValue)]
            simulation.schedule(NetworkMessage(.linkDown, end: side), for: owner, at: start)
            if stop < .max { simulation.schedule(NetworkMessage(.linkUp, end: side), for: owner, at: stop) }
        }
    }
}

extension NetworkWorld {
    /// What stretches the way of a message from an end, of mean 1.
    func lateness(of end: DirectionIndex, at time: UInt64) -> Double {
        var stream = RandomStream(
            seed: topology.seed, purpose: .jitter, process: UInt64(end.rawValue), position: 2 * time)
        return stream.exponential()
    }

    /// The ends of a node's channels that a fault concerns.
    func ends(of node: Int, concernedBy fault: Topology.Fault) -> [DirectionIndex] {
        ends(of: node).filter { end in
            fault.channel.map { $0 == topology.channels[end.channel].shortChannelID } ?? true
        }
    }
}
