import LightningTypes

@testable import Routing

/// Everything a query depends on, in a form that a checker reads without the graph under test.
struct Query {
    var nodeCount: Int
    var channels: [ChannelGraph.Channel]
    var request: RouteRequest
    var excluded: [DirectionIndex] = []
    /// By direction; nil: public information alone.
    var spendable: [Millisatoshi]?

    func policy(_ direction: DirectionIndex) -> ChannelPolicy? {
        let channel = channels[direction.channel]
        guard channel.isOpen else { return nil }
        let policy = direction.side == .first ? channel.policy1 : channel.policy2
        // A base fee that `channel_update` cannot say makes a direction unusable.
        guard let policy, !policy.isDisabled, policy.baseFee <= Millisatoshi(UInt64(UInt32.max)) else {
            return nil
        }
        return policy
    }

    func source(_ direction: DirectionIndex) -> Int32 {
        direction.side == .first ? channels[direction.channel].node1 : channels[direction.channel].node2
    }

    func search(_ search: RouteSearch, _ graph: ChannelGraph) throws(RoutingFailure) -> Route {
        let spendable = spendable
        return try search.cheapestRoute(
            request, in: graph, excluding: excluded,
            spendable: spendable.map { balances in { direction, _ in balances[Int(direction.rawValue)] } })
    }
}

/// Every simple path, walked from the destination: the definition of the answer, in wide arithmetic.
struct BruteForce {
    struct Path {
        var fee: UInt64
        /// From the source.
        var directions: [UInt32]
        var cltv: UInt64

        func precedes(_ other: Path) -> Bool {
            if fee != other.fee { return fee < other.fee }
            if directions.count != other.directions.count {
                return directions.count < other.directions.count
            }
            return directions.lexicographicallyPrecedes(other.directions)
        }
    }

    let query: Query
    private(set) var paths: [Path] = []
    /// A minimum above the amount delivered anywhere: fees may then have to be raised to use a direction.
    let hasThresholds: Bool

    init(_ query: Query) {
        self.query = query
        hasThresholds = query.channels.contains { channel in
            [channel.policy1, channel.policy2].contains {
                $0.map { $0.htlcMinimum > query.request.amount } ?? false
            }
        }
        var visited = [Bool](repeating: false, count: query.nodeCount)
        extend(
            Path(fee: 0, directions: [], cltv: UInt64(query.request.finalCLTVExpiryDelta)),
            at: query.request.destination, &visited)
    }

    private mutating func extend(_ path: Path, at node: Int32, _ visited: inout [Bool]) {
        visited[Int(node)] = true
        defer { visited[Int(node)] = false }
        let amount = query.request.amount.rawValue + path.fee
        for channel in query.channels.indices {
            for side in Side.allCases {
                let direction = DirectionIndex(channel: channel, from: side)
                let near = query.source(direction)
                guard query.source(direction.reversed) == node, !visited[Int(near)],
                    let policy = query.policy(direction), !query.excluded.contains(direction)
                else { continue }
                let capacity = query.channels[channel].capacity.rawValue * 1_000
                guard policy.htlcMinimum.rawValue <= amount, amount <= policy.htlcMaximum.rawValue,
                    amount <= capacity
                else { continue }
                var longer = path
                longer.directions.insert(direction.rawValue, at: 0)
                if near == query.request.source {
                    if let spendable = query.spendable,
                        spendable[Int(direction.rawValue)].rawValue < amount
                    {
                        continue
                    }
                    paths.append(longer)
                    continue
                }
                let fee =
                    UInt128(policy.baseFee.rawValue)
                    + UInt128(amount) * UInt128(policy.proportionalFee) / 1_000_000
                guard UInt128(path.fee) + fee < UInt128(feeCeiling) else { continue }
                longer.fee += UInt64(fee)
                longer.cltv += UInt64(policy.cltvExpiryDelta)
                extend(longer, at: near, &visited)
            }
        }
    }

    /// The answer the specification of `cheapestRoute` asks for.
    var expected: Result<Path, RoutingFailure> {
        guard !paths.isEmpty else { return .failure(.noRoute) }
        let request = query.request
        let kept = paths.filter {
            $0.directions.count <= request.hopsMaximum && $0.cltv <= UInt64(request.cltvMaximum)
        }
        guard let best = kept.min(by: { $0.precedes($1) }) else { return .failure(.limitsExceeded) }
        if let maximum = request.feeMaximum, best.fee > maximum.rawValue {
            return .failure(.feeLimitExceeded(least: Millisatoshi(best.fee)))
        }
        return .success(best)
    }
}
