import LightningTypes
import Randomness

/// Draws a graph that is distributed like Bitcoin's mainnet (`MainnetFigures`): who has how many channels, of what
/// size, announced by whom, at what price.
///
/// The degrees are the quantiles themselves, dealt to the nodes at random; their ends are joined at random, as in
/// the configuration model, except that leaves hang on others and silent nodes mostly on each other. Capacities and
/// proportional fees are quantiles too, dealt in an order of which size and node are part. A node has one base fee,
/// CLTV delta and HTLC minimum for all its channels, as most do; nodes are lined up at random, as long as they have
/// directions, and take the quantile at their middle, so that directions are distributed as they should.
struct MainnetLikeGraph {
    private let recipe: GraphRecipe
    private var stream: RandomStream
    private var degree: [Int] = []
    private var isSilent: [Bool] = []

    static func draft(of recipe: GraphRecipe) -> NetworkDraft {
        var graph = MainnetLikeGraph(
            recipe: recipe,
            stream: RandomStream(seed: recipe.seed, purpose: .init("mainnet-like graph"), process: 0))
        graph.drawDegrees()
        graph.drawSilence()
        var pairs = graph.joinEnds()
        graph.stream.shuffle(&pairs)
        return graph.channels(pairs)
    }

    /// So many that they come to two a channel: all but the leaves stretched or shrunk alike.
    private mutating func drawDegrees() {
        let (count, ends) = (recipe.nodes, 2 * recipe.channels)
        let table = (0..<count).map { index -> Int in
            let share = count > 1 ? Double(index) / Double(count - 1) : 0
            // Nobody has channels with more than a third of the others, as in the real graph.
            return max(1, min(Int(MainnetFigures.degree.value(at: share)), max(2, count / 3)))
        }
        let leaves = table.count { $0 == 1 }
        let inner = table.reduce(0, +) - leaves
        let factor = inner > 0 ? Double(max(ends - leaves, 0)) / Double(inner) : 1
        degree = table.map { $0 == 1 ? 1 : max(2, Int(Double($0) * factor + 0.5)) }
        // Rounding leaves a few ends over, or wants some back; the largest hardly notice.
        var missing = ends - degree.reduce(0, +)
        var index = count - 1
        while missing != 0 {
            let step = missing > 0 ? 1 : (degree[index] > 1 ? -1 : 0)
            degree[index] += step
            missing -= step
            index = index > 0 ? index - 1 : count - 1
        }
        stream.shuffle(&degree)
    }

    /// As many silent nodes of each class of degrees as there should be, give or take one.
    private mutating func drawSilence() {
        let shares = MainnetFigures.silentShare
        var owed = shares.map { _ in stream.unitInterval() }
        isSilent = degree.map { degree in
            let digits = min(Int.bitWidth - degree.leadingZeroBitCount, shares.count - 1)
            owed[digits] += shares[digits]
            guard owed[digits] >= 1 else { return false }
            owed[digits] -= 1
            return true
        }
    }

    // MARK: Ends

    private mutating func joinEnds() -> [(Int32, Int32)] {
        var silent: [Int32] = []
        var announcing: [Int32] = []
        for node in degree.indices {
            for _ in 0..<degree[node] {
                if isSilent[node] { silent.append(Int32(node)) } else { announcing.append(Int32(node)) }
            }
        }
        stream.shuffle(&silent)
        stream.shuffle(&announcing)
        var pairs: [(Int32, Int32)] = []
        pairs.reserveCapacity(recipe.channels)
        let split = announcing.partition { degree[Int($0)] == 1 }
        // Those that lead from silent nodes to others, as far as there are others; leaves, behind `split`, are not
        // among them.
        let taken = min(Int(Double(silent.count) * (1 - MainnetFigures.silentToSilent)), split)
        for index in 0..<taken { pairs.append((silent[silent.count - 1 - index], announcing[index])) }
        silent.removeLast(taken)
        announcing.removeFirst(taken)
        var left = join(silent, &pairs) + join(announcing, &pairs)
        stream.shuffle(&left)
        // What found no partner of another node in its own part: rare, and few.
        _ = join(left, &pairs)
        return pairs
    }

    /// Joins leaves to others, then the others to each other; gives back the end of an odd number, and those of a
    /// node that is left with itself alone.
    private mutating func join(_ ends: [Int32], _ pairs: inout [(Int32, Int32)]) -> [Int32] {
        var ends = ends
        let split = ends.partition { degree[Int($0)] == 1 }
        // Leaves first, each beside one of the others; then the rest of either.
        let (inner, leaves) = (Array(ends[..<split]), Array(ends[split...]))
        let hung = min(inner.count, leaves.count)
        for index in 0..<hung { pairs.append((inner[index], leaves[index])) }
        var rest = Array(inner[hung...]) + Array(leaves[hung...])
        stream.shuffle(&rest)
        var left: [Int32] = []
        var index = 0
        while index + 1 < rest.count {
            // A channel to oneself: somebody further on takes the place, or somebody joined already.
            if rest[index] == rest[index + 1] {
                if let other = rest[(index + 1)...].firstIndex(where: { $0 != rest[index] }) {
                    rest.swapAt(index + 1, other)
                } else {
                    break
                }
            }
            pairs.append((rest[index], rest[index + 1]))
            index += 2
        }
        while index < rest.count {
            left.append(rest[index])
            index += 1
        }
        return exchange(left, &pairs)
    }

    /// Puts two ends of one node into a channel of two others.
    private mutating func exchange(_ left: [Int32], _ pairs: inout [(Int32, Int32)]) -> [Int32] {
        var left = left
        while left.count >= 2, left[0] == left[left.count - 1] {
            let node = left[0]
            guard let index = pairs.firstIndex(where: { $0.0 != node && $0.1 != node }) else { return left }
            let other = pairs[index].1
            pairs[index].1 = node
            pairs.append((other, node))
            left.removeLast(2)
        }
        return left
    }

    // MARK: Channels

    private mutating func channels(_ pairs: [(Int32, Int32)]) -> NetworkDraft {
        var draft = GraphGenerator.named(recipe.nodes)
        let announcements = pairs.map { announcement(of: $0) }
        let capacities = capacities(pairs, announcements)
        draft.channels = pairs.indices.map { index in
            Topology.Channel(
                standing: GraphGenerator.shortChannelID(index), node1: pairs[index].0, node2: pairs[index].1,
                capacity: Satoshi(capacities[index]))
        }
        let habits = habits(drawnFor: pairs, announcements)
        var fees = proportionalFees(pairs, announcements, capacities).makeIterator()
        for (index, pair) in pairs.enumerated() {
            let capacity = draft.channels[index].capacity
            if announcements[index].first {
                draft.channels[index].policy1 = policy(habits[Int(pair.0)], fees.next()!, capacity)
            }
            if announcements[index].second {
                draft.channels[index].policy2 = policy(habits[Int(pair.1)], fees.next()!, capacity)
            }
        }
        return draft
    }

    /// Which of a channel's directions were announced.
    private typealias Announcement = (first: Bool, second: Bool)

    private mutating func announcement(of pair: (Int32, Int32)) -> Announcement {
        let fate = stream.unitInterval()
        let isFirst = stream.below(2) == 1
        guard !isSilent[Int(pair.0)], !isSilent[Int(pair.1)], fate >= MainnetFigures.unannounced else {
            return (false, false)
        }
        let oneWay = (1 - MainnetFigures.unannounced) * MainnetFigures.oneWay
        return fate < MainnetFigures.unannounced + oneWay ? (isFirst, !isFirst) : (true, true)
    }

    /// Satoshis of each channel. One that is announced is as large as the lesser of its nodes allows: a node is the
    /// larger the more channels it has, give or take what it draws for itself.
    private mutating func capacities(
        _ pairs: [(Int32, Int32)], _ announcements: [Announcement]
    ) -> [UInt64] {
        let sizes = degree.map { degree in
            naturalLogarithm(Double(degree)) + MainnetFigures.sizeDeviation * stream.normal()
        }
        var scores: [Double] = []
        for (pair, announcement) in zip(pairs, announcements) where announcement.first || announcement.second
        {
            let size = min(sizes[Int(pair.0)], sizes[Int(pair.1)])
            scores.append(size + MainnetFigures.capacityDeviation * stream.normal())
        }
        var announced = MainnetFigures.capacity.dealt(by: scores).makeIterator()
        return announcements.map { announcement in
            announcement.first || announcement.second
                ? announced.next()! : MainnetFigures.unannouncedCapacity.value(at: stream.unitInterval())
        }
    }

    /// Millionths for each announced direction, in the order of channels: who asks for much does so mostly
    /// everywhere, and somewhat more in large channels.
    private mutating func proportionalFees(
        _ pairs: [(Int32, Int32)], _ announcements: [Announcement], _ capacities: [UInt64]
    ) -> [UInt64] {
        let levels = degree.indices.map { _ in stream.normal() }
        var scores: [Double] = []
        for (index, (pair, announcement)) in zip(pairs, announcements).enumerated() {
            let size = MainnetFigures.feeOfSize * naturalLogarithm(Double(capacities[index]))
            for (node, isAnnounced) in [(pair.0, announcement.first), (pair.1, announcement.second)]
            where isAnnounced {
                scores.append(levels[Int(node)] + size + MainnetFigures.feeDeviation * stream.normal())
            }
        }
        return MainnetFigures.proportionalFee.dealt(by: scores)
    }

    /// What a node asks on all its channels.
    private struct Habits {
        var baseFee: Millisatoshi
        var cltvExpiryDelta: UInt16
        var htlcMinimum: Millisatoshi
    }

    private mutating func habits(
        drawnFor pairs: [(Int32, Int32)], _ announcements: [Announcement]
    ) -> [Habits] {
        var directions = [Int](repeating: 0, count: recipe.nodes)
        for (pair, announcement) in zip(pairs, announcements) {
            directions[Int(pair.0)] += announcement.first ? 1 : 0
            directions[Int(pair.1)] += announcement.second ? 1 : 0
        }
        let baseFees = shares(directions)
        let deltas = shares(directions)
        let minimums = shares(directions)
        return directions.indices.map { node in
            Habits(
                baseFee: Millisatoshi(MainnetFigures.baseFee.value(at: baseFees[node])),
                cltvExpiryDelta: UInt16(MainnetFigures.cltvExpiryDelta.value(at: deltas[node])),
                htlcMinimum: Millisatoshi(MainnetFigures.htlcMinimum.value(at: minimums[node])))
        }
    }

    /// Where the middle of each node lies when all are lined up at random, each as long as it has directions.
    private mutating func shares(_ directions: [Int]) -> [Double] {
        var order = Array(directions.indices)
        stream.shuffle(&order)
        let whole = Double(max(1, directions.reduce(0, +)))
        var shares = [Double](repeating: 0, count: directions.count)
        var before = 0
        for node in order {
            shares[node] = (Double(before) + Double(directions[node]) / 2) / whole
            before += directions[node]
        }
        return shares
    }

    private func policy(_ habits: Habits, _ proportionalFee: UInt64, _ capacity: Satoshi) -> ChannelPolicy {
        ChannelPolicy(
            baseFee: habits.baseFee,
            proportionalFee: UInt32(proportionalFee),
            cltvExpiryDelta: habits.cltvExpiryDelta,
            htlcMinimum: habits.htlcMinimum,
            htlcMaximum: Millisatoshi(capacity.rawValue * 10 * MainnetFigures.htlcMaximumPercent))
    }
}
