import EventSimulation
import LightningTypes
import Randomness
import Routing
import Topologies

/// A policy that a node replaced, and still accepts.
struct FormerPolicy: Equatable {
    var end: DirectionIndex
    var policy: ChannelPolicy
    /// Simulated microseconds.
    var until: UInt64
}

/// A policy that a failure taught a sender before gossip did.
struct LearnedPolicy: Equatable {
    /// A sender keeps the latest so many.
    static let countMaximum = 64

    var direction: DirectionIndex
    var policy: ChannelPolicy
    /// From then on the public graph knows it too, or something later. Simulated microseconds.
    var until: UInt64
}

// Policies that change in the run: the node that changes one, the router that accepts both for a while, the sender that
// learns of it from a failure.
extension NetworkShard {
    // MARK: The node that changes its policy

    /// The time of a change has come.
    func changePolicy(_ message: NetworkMessage, _ shard: inout Shard<NetworkMessage>) {
        let place = Int(message.id)
        let change = world.topology.policyChanges[place]
        var stream = world.policyStream(of: shard.process, change: place, position: message.amount)
        switch change.timing {
        case .at: setPolicy(of: message.end, by: change, &stream, &shard)
        case .rate:
            let ends = world.ends(of: Int(shard.process), concernedBy: change)
            setPolicy(of: ends[Int(stream.below(UInt64(ends.count)))], by: change, &stream, &shard)
            guard !world.isTrafficOver,
                let next = world.nextPolicyChange(place, ends: ends, after: shard.now, &stream)
            else { return }
            shard.send(to: shard.process, at: next.time, next.message)
        }
    }

    private func setPolicy(
        of end: DirectionIndex, by change: Topology.PolicyChange, _ stream: inout RandomStream,
        _ shard: inout Shard<NetworkMessage>
    ) {
        let position = Int(end.rawValue)
        let former = world.policies[position]
        let channel = world.topology.channels[end.channel]
        let first = (end.side == .first ? channel.policy1 : channel.policy2) ?? former
        let policy = change.applied(to: former, startingFrom: first, capacity: channel.capacity, &stream)
        guard policy != former else { return }
        world.policies[position] = policy
        statistics.policyChanges += 1
        let words = PolicyWords(policy)
        shard.fold(words.fees, UInt64(end.rawValue) << 32 | UInt64(words.rest))
        let node = Int(shard.process)
        world.nodes[node].formerPolicies.removeAll { $0.until <= shard.now || $0.end == end }
        if world.policyGrace > 0 {
            world.nodes[node].formerPolicies.append(
                FormerPolicy(end: end, policy: former, until: shard.now + world.policyGrace))
        }
        if world.channels[position].isUsable { announcePolicy(of: end, &shard) }
    }

    func announcePolicy(of end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        shard.send(
            to: world.gossipProcess, after: world.lookahead,
            .policyUpdate(end, world.policies[Int(end.rawValue)]))
    }

    // MARK: The router

    /// The policy an HTLC to be forwarded is judged by.
    ///
    /// BOLT 7, "HTLC Fees": a node that sends a `channel_update` "SHOULD accept HTLCs that pay an older fee, for some
    /// reasonable time after sending" it, since others have to hear of it first.
    func policy(
        of end: DirectionIndex, forwarding amount: Millisatoshi, fee: Millisatoshi, cltvExpiryDelta: UInt32,
        _ shard: borrowing Shard<NetworkMessage>
    ) -> ChannelPolicy {
        let policy = world.policies[Int(end.rawValue)]
        let formers = world.nodes[Int(shard.process)].formerPolicies
        if formers.isEmpty || policy.accepts(amount, fee: fee, cltvExpiryDelta: cltvExpiryDelta) {
            return policy
        }
        let former = formers.first { $0.end == end && $0.until > shard.now }
        guard var former = former?.policy,
            former.accepts(amount, fee: fee, cltvExpiryDelta: cltvExpiryDelta)
        else { return policy }
        // A direction that is closed to HTLCs is closed at once.
        former.isDisabled = policy.isDisabled
        return former
    }

    /// The `channel_update` that goes with a failure, as BOLT 4 asks of those with the bit UPDATE; none where the
    /// policy is the one the topology gives, which every sender knows.
    func update(
        for failure: FailureName, over next: UInt32, _ shard: inout Shard<NetworkMessage>
    ) -> Attachment {
        guard failure.carriesUpdate, Int(next) < world.endCount, world.owners[Int(next)] == shard.process
        else { return .none }
        let policy = world.policies[Int(next)]
        guard policy != world.firstPolicy(of: DirectionIndex(next)) else { return .none }
        return shard.attach(FailureUpdate(time: shard.now, policy: policy).words)
    }

    // MARK: The sender

    /// The graph as this node sees it.
    func view(of graph: ChannelGraph, _ shard: borrowing Shard<NetworkMessage>) -> ChannelGraph {
        let node = Int(shard.process)
        if world.nodes[node].learnedPolicies.isEmpty { return graph }
        world.nodes[node].learnedPolicies.removeAll { $0.until <= shard.now }
        let learned = world.nodes[node].learnedPolicies
        if learned.isEmpty { return graph }
        return privateGraph.view(
            of: graph,
            knowing: learned.map {
                DirectionUpdate($0.direction, isUsable: !$0.policy.isDisabled, policy: $0.policy)
            })
    }

    /// Takes in the `channel_update` of a failure.
    ///
    /// - Returns: whether it explains the failure: then the direction may do under its new policy.
    func learnPolicy(
        from attachment: Attachment, failure: FailureName, failingNode: Int, of route: Route,
        _ shard: inout Shard<NetworkMessage>
    ) -> Bool {
        guard !attachment.isNone else { return false }
        let update = FailureUpdate(words: detach(attachment, &shard))
        // The first node after the sender is the first whose policy a route has to keep.
        guard failingNode > 0, failingNode < route.hops.count else { return false }
        let hop = route.hops[failingNode]
        let before = route.hops[failingNode - 1]
        let node = Int(shard.process)
        world.nodes[node].learnedPolicies.removeAll {
            $0.until <= shard.now || $0.direction == hop.direction
        }
        if world.nodes[node].learnedPolicies.count == LearnedPolicy.countMaximum {
            world.nodes[node].learnedPolicies.removeFirst()
        }
        let until = world.visible(announcedAt: update.time)
        if until > shard.now {
            world.nodes[node].learnedPolicies.append(
                LearnedPolicy(direction: hop.direction, policy: update.policy, until: until))
        }
        return failure.isOfPolicy && !update.policy.isDisabled
            && !update.policy.accepts(
                hop.amount, fee: before.amount - hop.amount,
                cltvExpiryDelta: before.cltvExpiryDelta - hop.cltvExpiryDelta)
    }
}

extension NetworkWorld {
    /// What the topology says of a direction; a direction without a policy asks for nothing and is in no graph.
    func firstPolicy(of end: DirectionIndex) -> ChannelPolicy {
        let channel = topology.channels[end.channel]
        return (end.side == .first ? channel.policy1 : channel.policy2) ?? Self.noPolicy
    }

    static var noPolicy: ChannelPolicy {
        ChannelPolicy(
            baseFee: .zero, proportionalFee: 0, cltvExpiryDelta: 0, isDisabled: true, htlcMaximum: .zero)
    }

    /// The latest time from which senders see in the public graph what was announced at `time`.
    func visible(announcedAt time: UInt64) -> UInt64 {
        ((time + 3 * lookahead) / gossipInterval + 1) * gossipInterval
    }

    // MARK: Changes of policies

    /// The ends of a node whose policy a change concerns, in order.
    func ends(of node: Int, concernedBy change: Topology.PolicyChange) -> [DirectionIndex] {
        guard change.concerns(node: Int32(node)) else { return [] }
        return ends(of: node).filter { end in
            let channel = topology.channels[end.channel]
            guard (end.side == .first ? channel.policy1 : channel.policy2) != nil else { return false }
            return change.concerns(
                peer: Int32(owners[Int(end.reversed.rawValue)]), channel: channel.shortChannelID)
        }
    }

    func policyStream(of node: UInt32, change place: Int, position: UInt64 = 0) -> RandomStream {
        // Streams of one node's changes lie 2^40 draws apart.
        RandomStream(
            seed: topology.seed, purpose: .init("policy changes"), process: UInt64(node),
            position: UInt64(place) << 40 + position)
    }

    /// The event of a node's next change at random; nil: none before the traffic ends.
    func nextPolicyChange(
        _ place: Int, ends: [DirectionIndex], after time: UInt64, _ stream: inout RandomStream
    ) -> (time: UInt64, message: NetworkMessage)? {
        guard case .rate(let rate) = topology.policyChanges[place].timing, let first = ends.first else {
            return nil
        }
        let gap = stream.exponential() / (rate * Double(ends.count)) * 1_000_000
        guard gap < Double(trafficHorizon - time) else { return nil }
        var message = NetworkMessage(.policyTimer, end: first)
        message.id = UInt64(place)
        message.amount = stream.position - UInt64(place) << 40
        return (time + max(UInt64(gap), 1), message)
    }

    /// The nodes that a change may concern, ascending: no more are looked at than it names.
    private func nodes(concernedBy change: Topology.PolicyChange) -> [Int32] {
        if let id = change.channel {
            return topology.channel(of: id).map { [$0.node1, $0.node2] } ?? []
        }
        if let nodes = change.nodes { return nodes }
        guard let peers = change.peers, peers.count < nodeCount / 16 else {
            return Array(0..<Int32(nodeCount))
        }
        return Set(peers.flatMap { ends(of: Int($0)).map { Int32(owners[Int($0.reversed.rawValue)]) } })
            .sorted()
    }

    /// The events that the changes of policies begin with, in order of change and end.
    func forEachFirstPolicyChange(_ body: (UInt32, UInt64, NetworkMessage) -> Void) {
        for (place, change) in topology.policyChanges.enumerated() {
            for node in nodes(concernedBy: change) {
                let ends = ends(of: Int(node), concernedBy: change)
                switch change.timing {
                case .at(let time):
                    for (order, end) in ends.enumerated() {
                        var message = NetworkMessage(.policyTimer, end: end)
                        message.id = UInt64(place)
                        // A draw of its own for each.
                        message.amount = UInt64(order)
                        body(UInt32(node), time.microseconds, message)
                    }
                case .rate:
                    guard !ends.isEmpty else { continue }
                    var stream = policyStream(of: UInt32(node), change: place)
                    if let next = nextPolicyChange(place, ends: ends, after: 0, &stream) {
                        body(UInt32(node), next.time, next.message)
                    }
                }
            }
        }
    }
}

extension ChannelPolicy {
    /// Whether an HTLC keeps this policy; whether it is disabled is another question.
    fileprivate func accepts(_ amount: Millisatoshi, fee paid: Millisatoshi, cltvExpiryDelta: UInt32) -> Bool
    {
        amount >= htlcMinimum && amount <= htlcMaximum && paid >= fee(forwarding: amount)
            && cltvExpiryDelta >= UInt32(self.cltvExpiryDelta)
    }
}

extension FailureName {
    /// BOLT 4's bit UPDATE: "new channel_update enclosed".
    var carriesUpdate: Bool {
        switch self {
        case .temporaryChannelFailure, .amountBelowMinimum, .feeInsufficient, .incorrectCLTVExpiry,
            .expiryTooSoon, .channelDisabled:
            true
        case .temporaryNodeFailure, .permanentNodeFailure, .permanentChannelFailure, .unknownNextPeer,
            .incorrectOrUnknownPaymentDetails, .finalIncorrectCLTVExpiry, .finalIncorrectHTLCAmount,
            .expiryTooFar, .noRoute, .insufficientLocalBalance, .feeLimitExceeded, .attemptsExhausted,
            .htlcLimit, .mppTimeout, .invalidOnionVersion, .invalidOnionHMAC, .invalidOnionKey,
            .invalidOnionPayload:
            false
        }
    }

    /// Whether the sender asked for what the policy does not allow.
    var isOfPolicy: Bool {
        switch self {
        case .amountBelowMinimum, .feeInsufficient, .incorrectCLTVExpiry: true
        case .temporaryNodeFailure, .permanentNodeFailure, .permanentChannelFailure, .temporaryChannelFailure,
            .unknownNextPeer, .expiryTooSoon, .incorrectOrUnknownPaymentDetails, .finalIncorrectCLTVExpiry,
            .finalIncorrectHTLCAmount, .channelDisabled, .expiryTooFar, .noRoute, .insufficientLocalBalance,
            .feeLimitExceeded, .attemptsExhausted, .htlcLimit, .mppTimeout, .invalidOnionVersion,
            .invalidOnionHMAC, .invalidOnionKey, .invalidOnionPayload:
            false
        }
    }
}
