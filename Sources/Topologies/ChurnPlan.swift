import LightningTypes
import Randomness

extension Topology {
    /// Draws what `churn` brings until `horizon`: nodes that join and leave, channels that open and close, each with
    /// its time. They stand in the topology from then on like those the file gives times for; `churn` is done with.
    ///
    /// New channels are opened by a node drawn evenly from those there at the time, to one drawn in proportion to the
    /// channels it has (Barabási and Albert, "Emergence of Scaling in Random Networks", 1999).
    ///
    /// Linear in what comes, and in the network that is there.
    ///
    /// - Parameter memory: what is refused before memory is taken for it.
    /// - Throws: `TopologyError` where that would be more channels than there are ids for, more memory than is allowed,
    ///   or more money than there is.
    public mutating func drawChurn(
        until horizon: Duration, memory: MemoryAllowance? = nil,
        loading: ((LoadingStage) -> Void)? = nil
    ) throws(TopologyError) {
        guard let churn else { return }
        try refuseChurn(churn, until: horizon, memory, loading)
        self.churn = nil
        var plan = ChurnPlan(churn, of: self, until: horizon / .seconds(1))
        try plan.run()
        nodes = plan.nodes
        channels = plan.channels
        admitJoining(from: plan.firstJoining)
        guard isWithinSupply else {
            throw SourceFile(name: name).error(
                nil, "churn: \(MoneySum.refusal(of: "the channels and what opening others takes"))")
        }
    }

    /// Counts what is to come before any of it is drawn.
    private func refuseChurn(
        _ churn: Churn, until horizon: Duration, _ memory: MemoryAllowance?,
        _ loading: ((LoadingStage) -> Void)?
    ) throws(TopologyError) {
        let seconds = horizon / .seconds(1)
        let joining = churn.joiningRate * seconds
        let opened = churn.openingRate * seconds + joining * Double(churn.channelsPerJoiningNode)
        let maximum = Double(ChurnPlan.countMaximum)
        let file = SourceFile(name: name)
        guard joining <= maximum, opened <= maximum else {
            let needed = MemoryAllowance(bytes: 0, owner: "", purpose: .run).bytes(
                nodes: joining, channels: opened)
            throw file.error(
                nil,
                "churn: about \(NumberText.grouped(joining)) nodes would join and \(NumberText.grouped(opened)) "
                    + "channels open in \(horizon.inWords), some \(NumberText.gigabytes(needed)) of memory; at most "
                    + "\(NumberText.grouped(maximum)) each: lower rates or a shorter duration bring fewer")
        }
        if let refusal = memory?.refusal(
            nodes: Double(nodes.count) + joining, channels: Double(channels.count) + opened)
        {
            throw file.error(nil, "churn, with what joins and opens in \(horizon.inWords): \(refusal)")
        }
        loading?(.drawingChurn(nodes: nodes.count + Int(joining), channels: channels.count + Int(opened)))
    }

    /// Who joins takes part in the traffic of which all nodes do.
    private mutating func admitJoining(from first: Int) {
        guard case .flows(var flows) = traffic, first < nodes.count else { return }
        let joining = Int32(first)..<Int32(nodes.count)
        for index in flows.indices where flows[index].pairing == .independent {
            if flows[index].payers.count == first { flows[index].payers += joining }
            if flows[index].payees.count == first { flows[index].payees += joining }
        }
        traffic = .flows(flows)
    }
}

/// Draws churn in order of time. Times are seconds.
private struct ChurnPlan {
    /// Channels that open, and nodes that join.
    static let countMaximum = 10_000_000

    private let churn: Topology.Churn
    private let name: String
    private let horizon: Double
    private(set) var nodes: [Topology.Node]
    private(set) var channels: [Topology.Channel]
    /// The nodes from here on join in the run.
    let firstJoining: Int
    /// What the names of nodes that join begin with.
    private let joiningPrefix: String
    private let standingCount: Int
    /// For each node a policy it has in some channel.
    private var policies: [ChannelPolicy?]
    /// One stream for each kind of draw, so that more of one changes no other.
    private var openings: RandomStream
    private var joinings: RandomStream
    private var lifetimes: RandomStream
    private var choices: RandomStream

    init(_ churn: Topology.Churn, of topology: Topology, until horizon: Double) {
        func stream(_ number: UInt64) -> RandomStream {
            RandomStream(seed: topology.seed, purpose: .init("churn"), process: number)
        }
        self.churn = churn
        name = topology.name
        self.horizon = horizon
        nodes = topology.nodes
        channels = topology.channels
        firstJoining = topology.nodes.count
        joiningPrefix = Self.joiningPrefix(beside: topology.nodes)
        standingCount = topology.channels.count
        policies = Array(repeating: nil, count: topology.nodes.count)
        for channel in topology.channels {
            policies[Int(channel.node1)] = policies[Int(channel.node1)] ?? channel.policy1
            policies[Int(channel.node2)] = policies[Int(channel.node2)] ?? channel.policy2
        }
        openings = stream(0)
        joinings = stream(1)
        lifetimes = stream(2)
        choices = stream(3)
    }

    mutating func run() throws(TopologyError) {
        for index in nodes.indices { nodes[index].leavesAt = drawEnd(from: 0, mean: churn.nodeLifetime) }
        for index in channels.indices { planClosing(of: index) }
        var nextOpening = gap(&openings, churn.openingRate)
        var nextJoining = gap(&joinings, churn.joiningRate)
        while min(nextOpening, nextJoining) < horizon {
            if nextJoining <= nextOpening {
                let node = join(at: nextJoining)
                for _ in 0..<churn.channelsPerJoiningNode { try open(at: nextJoining, by: node) }
                nextJoining += gap(&joinings, churn.joiningRate)
            } else {
                if let opener = draw(at: nextOpening) { try open(at: nextOpening, by: opener) }
                nextOpening += gap(&openings, churn.openingRate)
            }
        }
    }

    private func gap(_ stream: inout RandomStream, _ rate: Double) -> Double {
        rate > 0 ? stream.exponential() / rate : .infinity
    }

    private mutating func drawEnd(from start: Double, mean: Duration?) -> Duration? {
        guard let mean else { return nil }
        let end = start + lifetimes.exponential() * (mean / .seconds(1))
        return end < horizon ? Self.duration(end) : nil
    }

    private static func duration(_ seconds: Double) -> Duration { .microseconds(Int64(seconds * 1e6)) }

    /// A channel closes at the end of its life, when the file says, or when one of its nodes leaves.
    private mutating func planClosing(of index: Int) {
        let channel = channels[index]
        let start = (channel.opensAt ?? .zero) / .seconds(1)
        let ends = [
            drawEnd(from: start, mean: churn.channelLifetime), channel.closesAt,
            nodes[Int(channel.node1)].leavesAt, nodes[Int(channel.node2)].leavesAt,
        ].compactMap { $0 }
        // What opens after a node left is the file's own doing: it closes right after.
        let earliest = (channel.opensAt ?? .zero) + .microseconds(1)
        channels[index].closesAt = ends.min().map { max($0, earliest) }
    }

    // MARK: Who

    /// Names of the file stay its own.
    private static func joiningPrefix(beside nodes: [Topology.Node]) -> String {
        var prefix = "joined-"
        while nodes.contains(where: { $0.id.hasPrefix(prefix) || $0.alias.hasPrefix(prefix) }) {
            prefix = "re" + prefix
        }
        return prefix
    }

    private mutating func join(at time: Double) -> Int32 {
        let id = "\(joiningPrefix)\(nodes.count - firstJoining + 1)"
        var node = Topology.Node(id: id, alias: id, group: nil, wallet: nil)
        node.joinsAt = Self.duration(time)
        node.leavesAt = drawEnd(from: time, mean: churn.nodeLifetime)
        nodes.append(node)
        policies.append(nil)
        return Int32(nodes.count - 1)
    }

    /// A node that is there, drawn evenly; nil where hardly any is.
    private mutating func draw(at time: Double, but other: Int32? = nil) -> Int32? {
        for _ in 0..<1_000 where !nodes.isEmpty {
            let node = Int32(choices.below(UInt64(nodes.count)))
            if node != other, nodes[Int(node)].isPresent(at: Self.duration(time)) { return node }
        }
        return nil
    }

    /// A node that is there, drawn in proportion to its open channels; any other where hardly any channel is open.
    private mutating func drawPeer(of opener: Int32, at time: Double) -> Int32? {
        let now = Self.duration(time)
        for _ in 0..<200 where !channels.isEmpty {
            let channel = channels[Int(choices.below(UInt64(channels.count)))]
            let node = choices.below(2) == 0 ? channel.node1 : channel.node2
            guard channel.opensAt.map({ $0 < now }) ?? true, channel.closesAt.map({ $0 > now }) ?? true,
                node != opener, nodes[Int(node)].isPresent(at: now)
            else { continue }
            return node
        }
        return draw(at: time, but: opener)
    }

    // MARK: What

    private mutating func open(at time: Double, by opener: Int32) throws(TopologyError) {
        guard let peer = drawPeer(of: opener, at: time) else { return }
        let number = UInt64(channels.count - standingCount) + 1
        let block = (channels[..<standingCount].last?.shortChannelID.block ?? 0) + 1
        guard number <= Self.countMaximum,
            let id = ShortChannelID(block: block, transaction: number, output: 0)
        else {
            throw SourceFile(name: name).error(
                nil, "churn: more channels would open than there are short channel ids for")
        }
        let template = standingCount > 0 ? channels[Int(choices.below(UInt64(standingCount)))] : nil
        // The funder's first commitment has to be paid for.
        var capacity = churn.capacity ?? template?.capacity ?? Satoshi(1)
        let cost = churn.limits.resolved(capacity: capacity).commitmentCost
        capacity = max(capacity, cost + cost + Satoshi(1_000))
        var channel = Topology.Channel(
            standing: id, node1: min(opener, peer), node2: max(opener, peer), capacity: capacity)
        channel.limits = churn.limits.resolved(capacity: capacity)
        channel.funder = opener < peer ? .first : .second
        channel.opensAt = Self.duration(time)
        channel.policy1 = policy(of: channel.node1, template?.policy1, capacity)
        channel.policy2 = policy(of: channel.node2, template?.policy2, capacity)
        channels.append(channel)
        planClosing(of: channels.count - 1)
    }

    /// As in the node's other channels, else as in the channel that the capacity is from.
    private func policy(of node: Int32, _ template: ChannelPolicy?, _ capacity: Satoshi) -> ChannelPolicy {
        guard var policy = policies[Int(node)] ?? template else {
            return churn.policy.resolved(capacity: capacity)
        }
        policy.htlcMaximum = Millisatoshi(capacity)
        policy.htlcMinimum = min(policy.htlcMinimum, policy.htlcMaximum)
        policy.isDisabled = false
        return policy
    }
}

extension Topology.Node {
    /// Whether it has joined and not left.
    public func isPresent(at time: Duration) -> Bool {
        joinsAt.map { $0 <= time } ?? true && leavesAt.map { time < $0 } ?? true
    }
}
