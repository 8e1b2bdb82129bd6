import LightningTypes
import Randomness

extension Topology {
    /// Something that goes wrong in the run: at a time, or again and again at random times.
    public struct Fault: Sendable, Hashable {
        public enum Kind: String, Sendable, CaseIterable {
            /// A node is away: its links are down, and it does not see the chain.
            case offline
            /// A node's links are down, or one of them; it sees the chain.
            case disconnect
            /// A node is away and comes back with what it had saved some time before.
            case staleBackup = "stale-backup"
            /// A node publishes the revoked commitment that is best for it.
            case cheat
            /// A node goes on chain with its channels, or with one.
            case forceClose = "force-close"
            /// A payee keeps the HTLCs that come to it, for a time or for good.
            case hold
            /// The tower neither sees blocks nor takes appointments.
            case towerOutage = "watchtower-outage"
            /// Everybody else bids more for block space.
            case feeSpike = "fee-spike"
            /// Miners take nothing.
            case emptyBlocks = "empty-blocks"
            /// Blocks give way to others.
            case reorganisation = "reorg"
            /// Messages over a node's links, or over one of them, take longer, each by another while.
            case latencyJitter = "latency-jitter"
        }

        /// What becomes of HTLCs that were kept.
        public enum Outcome: String, Sendable, CaseIterable {
            case settle
            case fail
        }

        public enum Timing: Sendable, Hashable {
            case at(Duration)
            /// Times a second of each node concerned, or of layer 1 or the tower (Poisson).
            case rate(Double)
        }

        public var kind: Kind
        public var timing: Timing
        /// Whom it befalls, ascending; none for what befalls layer 1 or the tower.
        public var nodes: [Int32] = []
        /// Only this one of their channels.
        public var channel: ShortChannelID?
        /// How long it lasts; nil: for good.
        public var duration: Duration?
        /// `hold`: how long each HTLC is kept; nil: as long as the fault lasts. `latency-jitter`: by how much a message
        /// is late on average.
        public var delay: Duration?
        /// `hold`: what the payee does with each in the end.
        public var outcome = Outcome.settle
        /// `stale-backup`: how old what was saved is.
        public var age: Duration = .zero
        /// `fee-spike`: by what bids are multiplied.
        public var factor: Double = 1
        /// `reorg`: how many blocks are undone.
        public var depth = 0
    }

    /// A fault's happening.
    public struct PlannedFault: Sendable, Hashable {
        /// Which of `faults`.
        public var fault: Int
        /// Whom it befalls; nil: layer 1 or the tower.
        public var node: Int32?
        /// Simulated microseconds; it lasts from `start` to before `end`, `.max` for good.
        public var start: UInt64
        public var end: UInt64
    }

    /// Who watches the chain for nodes that may be away.
    public struct Watchtower: Sendable, Hashable {
        /// Its clients, ascending.
        public var nodes: [Int32]
        /// Its share of what a penalty brings, in thousandths.
        public var rewardPermille: UInt64
    }

    /// All that goes wrong until `horizon`, in order of time and then as in `faults`.
    public func plannedFaults(until horizon: Duration) -> [PlannedFault] {
        var all: [PlannedFault] = []
        for (index, fault) in faults.enumerated() {
            let victims: [Int32?] = fault.kind.befallsNodes ? fault.nodes : [nil]
            for node in victims {
                for start in starts(of: fault, index, node, until: horizon.inMicroseconds) {
                    let end = fault.duration.map { start + $0.inMicroseconds } ?? .max
                    all.append(PlannedFault(fault: index, node: node, start: start, end: end))
                }
            }
        }
        return all.sorted {
            ($0.start, $0.fault, $0.node ?? -1) < ($1.start, $1.fault, $1.node ?? -1)
        }
    }

    private func starts(of fault: Fault, _ index: Int, _ node: Int32?, until horizon: UInt64) -> [UInt64] {
        switch fault.timing {
        case .at(let time): return [time.inMicroseconds]
        case .rate(let rate):
            // Each fault begins far away from the draws of the others.
            var stream = RandomStream(
                seed: seed, purpose: .init("faults"), process: UInt64(node.map { $0 + 1 } ?? 0),
                position: UInt64(index) << 32)
            var all: [UInt64] = []
            var seconds = stream.exponential() / rate
            while seconds * 1e6 < Double(horizon) {
                all.append(UInt64(seconds * 1e6))
                seconds += stream.exponential() / rate
            }
            return all
        }
    }

    /// How many of `faults` there are of each kind, in the order of `Fault.Kind`; kinds there are none of are left out.
    public var faultCounts: [(kind: Fault.Kind, count: Int)] {
        Fault.Kind.allCases.map { kind in (kind, faults.count { $0.kind == kind }) }.filter { $0.count > 0 }
    }

    /// Leaves out what would happen at times of its own, however close together payments come.
    public mutating func leaveOutFaults() { faults = [] }
}

extension Topology.Fault.Kind {
    /// Whether it befalls nodes; else layer 1 or the tower.
    public var befallsNodes: Bool {
        switch self {
        case .offline, .disconnect, .staleBackup, .cheat, .forceClose, .hold, .latencyJitter: true
        case .towerOutage, .feeSpike, .emptyBlocks, .reorganisation: false
        }
    }

    /// The keys it has beside `kind`, `at` and `rate_per_day`.
    var keys: [String] {
        switch self {
        case .offline: ["node", "for"]
        case .disconnect: ["node", "for", "short_channel_id"]
        case .staleBackup: ["node", "for", "age"]
        case .cheat, .forceClose: ["node", "short_channel_id"]
        case .hold: ["node", "for", "delay", "outcome"]
        case .towerOutage, .emptyBlocks: ["for"]
        case .feeSpike: ["factor"]
        case .reorganisation: ["depth"]
        case .latencyJitter: ["node", "for", "short_channel_id", "delay"]
        }
    }

    /// Whether it comes to an end that the file has to give.
    var needsDuration: Bool {
        switch self {
        case .offline, .disconnect, .staleBackup, .towerOutage, .emptyBlocks, .latencyJitter: true
        case .cheat, .forceClose, .hold, .feeSpike, .reorganisation: false
        }
    }
}
