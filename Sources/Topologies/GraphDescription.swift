import LightningTypes

/// The sizes and spreads of a topology, for `millrace inspect`.
public struct GraphDescription: Sendable, Hashable {
    /// Five places of a sorted list: the value below which a given share of it lies (nearest rank). All zero
    /// for an empty list.
    public struct Quantiles: Sendable, Hashable {
        public var p25: UInt64
        public var p50: UInt64
        public var p75: UInt64
        public var p90: UInt64
        public var p99: UInt64
        public var maximum: UInt64

        init(_ values: [UInt64]) {
            let sorted = values.sorted()
            func rank(_ percent: Int) -> UInt64 {
                sorted.isEmpty ? 0 : sorted[max(0, (sorted.count * percent + 99) / 100 - 1)]
            }
            (p25, p50, p75, p90, p99, maximum) = (rank(25), rank(50), rank(75), rank(90), rank(99), rank(100))
        }
    }

    public var nodes: Int
    public var channels: Int
    /// Channels that stand open before the run, and those opened in it.
    public var standingChannels: Int
    public var openedChannels: Int
    /// Nodes none of whose channels has a policy in either direction: nobody can pay them, nor they anybody.
    public var nodesWithoutPolicy: Int
    public var directionsWithPolicy: Int
    public var channelsBothWays: Int
    public var channelsOneWay: Int
    public var channelsWithoutPolicy: Int
    public var disabledDirections: Int
    public var capacityTotal: Satoshi
    public var capacityMedian: Satoshi
    /// Of enabled directions.
    public var baseFeeMillisatoshi: Quantiles
    public var proportionalFeePPM: Quantiles
    public var cltvExpiryDelta: Quantiles
    /// Channels of a node.
    public var degree: Quantiles
    /// Nodes with one channel.
    public var leaves: Int
    /// Nodes of the largest component in which enabled directions lead from every node to every other.
    public var largestStronglyConnectedComponent: Int
    /// Components of the graph when every channel counts, whatever its policies; lone nodes too.
    public var weaklyConnectedComponents: Int
    /// Flows of the traffic; a trace has none.
    public var flows: Int
    /// Payments of the trace, if the traffic is one.
    public var tracePayments: Int
}

extension Topology {
    /// Counts everything `millrace inspect` prints. Sorts every figure once: O(n log n).
    public func describe() -> GraphDescription {
        let policies = channels.flatMap { [$0.policy1, $0.policy2] }
        let announced = policies.compactMap(\.self)
        let enabled = announced.filter { !$0.isDisabled }
        let policiesOfChannel = channels.map { ($0.policy1 == nil ? 0 : 1) + ($0.policy2 == nil ? 0 : 1) }
        var degree = [UInt64](repeating: 0, count: nodes.count)
        var hasPolicy = [Bool](repeating: false, count: nodes.count)
        for channel in channels {
            degree[Int(channel.node1)] += 1
            degree[Int(channel.node2)] += 1
            guard channel.policy1 != nil || channel.policy2 != nil else { continue }
            hasPolicy[Int(channel.node1)] = true
            hasPolicy[Int(channel.node2)] = true
        }
        let capacities = channels.map(\.capacity.rawValue).sorted()
        // The mean of the middle two where there are two.
        let median =
            capacities.isEmpty
            ? 0 : (capacities[(capacities.count - 1) / 2] + capacities[capacities.count / 2]) / 2
        let (flows, tracePayments) =
            switch traffic {
            case .flows(let flows): (flows.count, 0)
            case .trace(let payments): (0, payments.count)
            }
        return GraphDescription(
            nodes: nodes.count, channels: channels.count,
            standingChannels: channels.count { $0.opensAt == nil },
            openedChannels: channels.count { $0.opensAt != nil },
            nodesWithoutPolicy: hasPolicy.count { !$0 }, directionsWithPolicy: announced.count,
            channelsBothWays: policiesOfChannel.count { $0 == 2 },
            channelsOneWay: policiesOfChannel.count { $0 == 1 },
            channelsWithoutPolicy: policiesOfChannel.count { $0 == 0 },
            disabledDirections: announced.count - enabled.count,
            capacityTotal: channels.reduce(.zero) { $0 + $1.capacity },
            capacityMedian: Satoshi(median),
            baseFeeMillisatoshi: GraphDescription.Quantiles(enabled.map(\.baseFee.rawValue)),
            proportionalFeePPM: GraphDescription.Quantiles(enabled.map { UInt64($0.proportionalFee) }),
            cltvExpiryDelta: GraphDescription.Quantiles(enabled.map { UInt64($0.cltvExpiryDelta) }),
            degree: GraphDescription.Quantiles(degree), leaves: degree.count { $0 == 1 },
            largestStronglyConnectedComponent: connectedNodes.count,
            weaklyConnectedComponents: weaklyConnectedComponentCount(), flows: flows,
            tracePayments: tracePayments)
    }

    /// Union of nodes by their channels, with path halving.
    private func weaklyConnectedComponentCount() -> Int {
        var parent = Array(nodes.indices)
        func root(_ node: Int) -> Int {
            var node = node
            while parent[node] != node {
                parent[node] = parent[parent[node]]
                node = parent[node]
            }
            return node
        }
        var count = nodes.count
        for channel in channels {
            let (a, b) = (root(Int(channel.node1)), root(Int(channel.node2)))
            if a != b {
                // The lesser index stays root, so that trees stay flat enough in any order of channels.
                parent[max(a, b)] = min(a, b)
                count -= 1
            }
        }
        return count
    }
}
