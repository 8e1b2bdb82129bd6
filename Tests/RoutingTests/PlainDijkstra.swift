import LightningTypes

@testable import Routing

/// The textbook search, one at a time from the destination to everywhere: what the fast one must agree with.
///
/// It reads the list of channels, not the graph under test, and shares no code with it but the heap.
struct PlainDijkstra {
    private let channels: [ChannelGraph.Channel]
    private let entering: [[DirectionIndex]]
    private let leaving: [[DirectionIndex]]

    init(nodeCount: Int, channels: [ChannelGraph.Channel]) {
        self.channels = channels
        var entering = [[DirectionIndex]](repeating: [], count: nodeCount)
        var leaving = entering
        for (index, channel) in channels.enumerated() where channel.isOpen {
            for side in Side.allCases {
                let (source, destination, policy) =
                    side == .first
                    ? (channel.node1, channel.node2, channel.policy1)
                    : (channel.node2, channel.node1, channel.policy2)
                guard let policy, !policy.isDisabled else { continue }
                leaving[Int(source)].append(DirectionIndex(channel: index, from: side))
                entering[Int(destination)].append(DirectionIndex(channel: index, from: side))
            }
        }
        self.entering = entering
        self.leaving = leaving
    }

    private func ends(_ direction: DirectionIndex) -> (source: Int, destination: Int) {
        let channel = channels[direction.channel]
        return direction.side == .first
            ? (Int(channel.node1), Int(channel.node2)) : (Int(channel.node2), Int(channel.node1))
    }

    private func carries(_ amount: UInt64, _ direction: DirectionIndex) -> ChannelPolicy? {
        let channel = channels[direction.channel]
        let policy = (direction.side == .first ? channel.policy1 : channel.policy2)!
        let fits =
            policy.htlcMinimum.rawValue <= amount
            && amount <= min(policy.htlcMaximum.rawValue, channel.capacity.rawValue * 1_000)
        return fits ? policy : nil
    }

    /// From every node the best way to one destination: fee, hops and the first direction.
    struct Ways {
        fileprivate(set) var reached: [(fee: UInt64, hops: UInt64)?]
        fileprivate(set) var next: [DirectionIndex?]
        let amount: UInt64
        let destination: Int
    }

    func ways(to destination: Int, amount: UInt64) -> Ways {
        var ways = Ways(
            reached: Array(repeating: nil, count: entering.count),
            next: Array(repeating: nil, count: entering.count), amount: amount, destination: destination)
        var heap = SearchHeap(capacity: entering.count)
        defer { heap.deallocate() }
        ways.reached[destination] = (0, 0)
        heap.push(SearchEntry(key: 0, node: UInt32(destination), position: SearchEntry.fresh))
        while heap.count > 0 {
            let entry = heap.popLeast()
            let (fee, hops) = ways.reached[Int(entry.node)]!
            guard entry.key == fee << 8 | hops else { continue }
            for direction in entering[Int(entry.node)] {
                guard let policy = carries(amount + fee, direction) else { continue }
                let near = ends(direction).source
                let reached = (fee + policy.fee(forwarding: Millisatoshi(amount + fee)).rawValue, hops + 1)
                if let known = ways.reached[near] {
                    if known < reached { continue }
                    if known == reached {
                        ways.next[near] = ways.next[near].map { min($0, direction) }
                        continue
                    }
                }
                ways.reached[near] = reached
                ways.next[near] = direction
                heap.push(
                    SearchEntry(
                        key: reached.0 << 8 | reached.1, node: UInt32(near), position: SearchEntry.fresh))
            }
        }
        return ways
    }

    /// The best route from a source. No way that is cheapest from a neighbour leads back through the source,
    /// since going straight from there would be cheaper still.
    func route(from source: Int, by ways: Ways) -> (fee: UInt64, directions: [DirectionIndex])? {
        var best: (fee: UInt64, hops: UInt64, direction: DirectionIndex)?
        for direction in leaving[source] {
            guard let (fee, hops) = ways.reached[ends(direction).destination],
                carries(ways.amount + fee, direction) != nil
            else { continue }
            if best.map({ (fee, hops, direction) < $0 }) ?? true { best = (fee, hops, direction) }
        }
        guard let best else { return nil }
        var directions = [best.direction]
        while ends(directions.last!).destination != ways.destination {
            directions.append(ways.next[ends(directions.last!).destination]!)
        }
        return (best.fee, directions)
    }
}
