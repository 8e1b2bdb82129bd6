/// The strongly connected components of a topology's enabled directions: within one, every node has a path of
/// announced policies to every other.
///
/// Tarjan's algorithm (R. Tarjan, "Depth-first search and linear graph algorithms", 1972) with a stack of its
/// own in place of recursion, since a path through a large graph is deeper than a thread's stack. Linear in
/// nodes and channels.
struct StronglyConnectedComponents {
    /// The component of each node; numbers mean nothing but equality.
    private(set) var componentOfNode: [Int32]
    private(set) var count = 0

    init(of topology: Topology) {
        let (starts, targets) = topology.enabledDirections()
        self.init(starts: starts, targets: targets)
    }

    /// `targets[starts[n]..<starts[n + 1]]` are the nodes that node `n` has an edge to.
    init(starts: [Int32], targets: [Int32]) {
        let nodeCount = starts.count - 1
        componentOfNode = [Int32](repeating: -1, count: nodeCount)
        var discovered = [Int32](repeating: -1, count: nodeCount)
        var lowest = [Int32](repeating: 0, count: nodeCount)
        var next = Array(starts.dropLast())
        var path: [Int32] = []
        var open: [Int32] = []
        var clock: Int32 = 0
        for root in 0..<nodeCount where discovered[root] < 0 {
            path.append(Int32(root))
            while let node = path.last.map(Int.init) {
                if discovered[node] < 0 {
                    discovered[node] = clock
                    lowest[node] = clock
                    clock += 1
                    open.append(Int32(node))
                }
                if next[node] < starts[node + 1] {
                    let target = Int(targets[Int(next[node])])
                    next[node] += 1
                    if discovered[target] < 0 {
                        path.append(Int32(target))
                    } else if componentOfNode[target] < 0 {
                        lowest[node] = min(lowest[node], discovered[target])
                    }
                    continue
                }
                path.removeLast()
                if let parent = path.last.map(Int.init) { lowest[parent] = min(lowest[parent], lowest[node]) }
                guard lowest[node] == discovered[node] else { continue }
                while true {
                    let member = open.removeLast()
                    componentOfNode[Int(member)] = Int32(count)
                    if member == Int32(node) { break }
                }
                count += 1
            }
        }
    }

    /// The nodes of the largest component, ascending; of equals the one with the lowest node.
    var largest: [Int32] {
        var sizes = [Int](repeating: 0, count: count)
        for component in componentOfNode { sizes[Int(component)] += 1 }
        guard let most = sizes.max() else { return [] }
        let winner = componentOfNode.first { sizes[Int($0)] == most }
        return componentOfNode.indices.filter { componentOfNode[$0] == winner }.map { Int32($0) }
    }
}

extension Topology {
    /// The directions with an enabled policy as compressed rows: `targets[starts[n]..<starts[n + 1]]` are the
    /// nodes that `n` can offer HTLCs to, by ascending short channel id.
    func enabledDirections() -> (starts: [Int32], targets: [Int32]) {
        func isEnabled(_ channel: Channel, _ first: Bool) -> Bool {
            guard let policy = first ? channel.policy1 : channel.policy2 else { return false }
            return !policy.isDisabled
        }
        var starts = [Int32](repeating: 0, count: nodes.count + 1)
        for channel in channels {
            if isEnabled(channel, true) { starts[Int(channel.node1) + 1] += 1 }
            if isEnabled(channel, false) { starts[Int(channel.node2) + 1] += 1 }
        }
        for node in nodes.indices { starts[node + 1] += starts[node] }
        var targets = [Int32](repeating: 0, count: Int(starts[nodes.count]))
        var next = starts
        for channel in channels {
            if isEnabled(channel, true) {
                targets[Int(next[Int(channel.node1)])] = channel.node2
                next[Int(channel.node1)] += 1
            }
            if isEnabled(channel, false) {
                targets[Int(next[Int(channel.node2)])] = channel.node1
                next[Int(channel.node2)] += 1
            }
        }
        return (starts, targets)
    }
}
