import LightningTypes

extension Topology {
    /// How nodes and channels come and go in the run; what comes of it is drawn by `drawChurn`.
    public struct Churn: Sendable, Hashable {
        /// Channels a second that nodes of the network open, at random times (Poisson). May be zero.
        public var openingRate: Double
        /// The mean time from opening, or the start of the run, to closing, exponential; nil: nothing closes.
        public var channelLifetime: Duration?
        /// Nodes a second that join, at random times, and how many channels each opens then.
        public var joiningRate: Double
        public var channelsPerJoiningNode: UInt32
        /// The mean time from joining, or the start of the run, to leaving, exponential; nil: nobody leaves.
        public var nodeLifetime: Duration?
        /// Of channels that churn opens; nil: that of a channel of the file, drawn anew for each.
        public var capacity: Satoshi?
        /// What holds for such a channel where no other channel of its node says anything.
        var policy: PolicyDraft
        var limits: LimitsDraft
    }
}

extension TopologyReader {
    static let churnKeys = [
        "channels_opened_per_day", "channel_lifetime", "nodes_joining_per_day", "channels_per_joining_node",
        "node_lifetime", "capacity_sat",
    ]
    /// What `churn` may bring in a day: a few times the whole of the real network.
    static let openingsPerDayMaximum = 1e6

    func churn() throws(TopologyError) -> Topology.Churn? {
        guard let section = try root.section("churn", keys: Self.churnKeys) else { return nil }
        func rate(_ key: String) throws(TopologyError) -> Double {
            let rate = try section.rate(key) ?? 0
            guard rate <= Self.openingsPerDayMaximum else {
                throw section.error(key, "more than \(Int(Self.openingsPerDayMaximum)) a day")
            }
            return rate / 86_400
        }
        let churn = Topology.Churn(
            openingRate: try rate("channels_opened_per_day"),
            channelLifetime: try section.duration("channel_lifetime", from: .seconds(60)),
            joiningRate: try rate("nodes_joining_per_day"),
            channelsPerJoiningNode: try section.integer(
                "channels_per_joining_node", "channels", from: 1, to: 1_000) ?? 2,
            nodeLifetime: try section.duration("node_lifetime", from: .seconds(60)),
            capacity: try section.satoshi("capacity_sat", from: 1) ?? nil, policy: defaultPolicy,
            limits: defaultLimits)
        guard churn.capacity != nil || !draft.channels.isEmpty || churn.openingRate + churn.joiningRate == 0
        else {
            throw file.error(
                section.line, "no channel of the file whose capacity others could have; give 'capacity_sat'")
        }
        return churn
    }
}

extension Topology {
    /// Leaves out what would happen at times of its own, however close together payments come.
    public mutating func leaveOutChurn() { churn = nil }
}
