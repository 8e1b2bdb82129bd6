import LightningTypes
import Randomness

/// Makes graphs of the families in the literature, the same ones on every machine.
///
/// Barabási and Albert, "Emergence of scaling in random networks" (1999); Watts and Strogatz, "Collective dynamics
/// of 'small-world' networks" (1998); Erdős and Rényi, "On random graphs I" (1959), with the number of edges given.
struct GraphGenerator {
    private let recipe: GraphRecipe
    private var stream: RandomStream
    private var pairs: [(Int32, Int32)] = []

    /// The graph; its nodes in the order of their names.
    static func draft(of recipe: GraphRecipe) -> NetworkDraft {
        if recipe.kind == .mainnetLike { return MainnetLikeGraph.draft(of: recipe) }
        var generator = GraphGenerator(
            recipe: recipe, stream: RandomStream(seed: recipe.seed, purpose: .init("graph"), process: 0))
        generator.draw()
        var draft = named(recipe.nodes)
        draft.channels.reserveCapacity(generator.pairs.count)
        let policy = recipe.policy.resolved(capacity: recipe.capacity)
        let limits = recipe.limits.resolved(capacity: recipe.capacity)
        for (index, pair) in generator.pairs.enumerated() {
            var channel = Topology.Channel(
                standing: shortChannelID(index), node1: pair.0, node2: pair.1, capacity: recipe.capacity)
            channel.policy1 = policy
            channel.policy2 = policy
            channel.limits = limits
            draft.channels.append(channel)
        }
        return draft
    }

    /// Nodes `n1`, `n2` and so on, with as many digits as the last needs, so that they stand in order.
    static func named(_ count: Int) -> NetworkDraft {
        var draft = NetworkDraft()
        draft.reserve(nodes: count)
        let width = String(count).count
        for number in 1...count {
            let digits = String(number)
            _ = draft.intern("n" + String(repeating: "0", count: width - digits.count) + digits)
        }
        return draft
    }

    /// A thousand channels a block, from block 1: apart from 0xNx0, which a topology's own channels get.
    static func shortChannelID(_ index: Int) -> ShortChannelID {
        // No graph has 2^24 × 1,000 channels.
        ShortChannelID(block: UInt64(index / 1_000) + 1, transaction: UInt64(index % 1_000), output: 0)!
    }

    private mutating func draw() {
        let count = Int32(recipe.nodes)
        switch recipe.kind {
        case .mainnetLike: preconditionFailure("drawn by MainnetLikeGraph")
        case .ring:
            for node in 0..<count { pairs.append((node, (node + 1) % count)) }
        case .star:
            for node in 1..<count { pairs.append((0, node)) }
        case .grid: drawGrid(count, columns: Int32(recipe.columns))
        case .hubAndSpoke: drawHubs(count, Int32(recipe.hubs))
        case .erdosRenyi: drawPairs()
        case .barabasiAlbert: drawPreferentially()
        case .wattsStrogatz: drawSmallWorld()
        }
    }

    private mutating func drawGrid(_ count: Int32, columns: Int32) {
        for node in 0..<count {
            if (node + 1) % columns != 0, node + 1 < count { pairs.append((node, node + 1)) }
            if node + columns < count { pairs.append((node, node + columns)) }
        }
    }

    /// Spokes in turn to each hub, so that hubs differ by one at most.
    private mutating func drawHubs(_ count: Int32, _ hubs: Int32) {
        for hub in 0..<hubs {
            for other in (hub + 1)..<max(hub + 1, hubs) { pairs.append((hub, other)) }
        }
        for spoke in hubs..<count { pairs.append((spoke % hubs, spoke)) }
    }

    private mutating func drawPairs() {
        let count = UInt64(recipe.nodes)
        var drawn = PairSet(minimumCapacity: recipe.channels)
        while pairs.count < recipe.channels {
            let a = Int32(stream.below(count))
            let b = Int32(stream.below(count))
            if a != b, drawn.insert(a, b) { pairs.append((a, b)) }
        }
    }

    private mutating func drawPreferentially() {
        let each = recipe.channelsPerNode
        // Every node stands here once for each of its channels: to draw from it is to draw by degree.
        var ends: [Int32] = []
        ends.reserveCapacity(2 * each * recipe.nodes)
        func join(_ a: Int, _ b: Int, _ pairs: inout [(Int32, Int32)]) {
            pairs.append((Int32(a), Int32(b)))
            ends.append(Int32(a))
            ends.append(Int32(b))
        }
        // A first few, all joined, so that everybody has somebody to choose.
        for node in 0...each { for other in 0..<node { join(other, node, &pairs) } }
        var chosen: [Int32] = []
        for node in (each + 1)..<max(each + 1, recipe.nodes) {
            chosen.removeAll(keepingCapacity: true)
            while chosen.count < each {
                let candidate = ends[Int(stream.below(UInt64(ends.count)))]
                if !chosen.contains(candidate) { chosen.append(candidate) }
            }
            for other in chosen { join(Int(other), node, &pairs) }
        }
    }

    private mutating func drawSmallWorld() {
        let (count, reach) = (recipe.nodes, recipe.channelsPerNode / 2)
        var drawn = PairSet(minimumCapacity: count * reach)
        for step in 1...reach {
            for node in 0..<count {
                let pair = (Int32(node), Int32((node + step) % count))
                if drawn.insert(pair.0, pair.1) { pairs.append(pair) }
            }
        }
        guard recipe.channelsPerNode < count - 1 else { return }
        var degree = [Int](repeating: 0, count: count)
        for pair in pairs {
            degree[Int(pair.0)] += 1
            degree[Int(pair.1)] += 1
        }
        for index in pairs.indices where stream.unitInterval() < recipe.rewiring {
            let (node, old) = pairs[index]
            // Who is joined to everybody has nowhere else to lead.
            guard degree[Int(node)] < count - 1 else { continue }
            while true {
                let other = Int32(stream.below(UInt64(count)))
                guard other != node, drawn.insert(node, other) else { continue }
                drawn.remove(node, old)
                pairs[index] = (node, other)
                degree[Int(old)] -= 1
                degree[Int(other)] += 1
                break
            }
        }
    }
}

/// Pairs of nodes without order. Asked for members only, never iterated.
private struct PairSet {
    private var keys: Set<UInt64>

    init(minimumCapacity: Int) { keys = Set(minimumCapacity: minimumCapacity) }

    private static func key(_ a: Int32, _ b: Int32) -> UInt64 { UInt64(min(a, b)) << 32 | UInt64(max(a, b)) }

    /// False if it is a member already.
    mutating func insert(_ a: Int32, _ b: Int32) -> Bool { keys.insert(Self.key(a, b)).inserted }
    mutating func remove(_ a: Int32, _ b: Int32) { keys.remove(Self.key(a, b)) }
}
