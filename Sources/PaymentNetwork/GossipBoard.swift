import Routing

/// The versions of the public channel graph, each with the time from which nodes see it.
///
/// The gossip process makes a version a window before its time; it is put up between windows, and from then on every
/// process reads the one of its own time.
final class GossipBoard: @unchecked Sendable {
    // Unchecked: written between windows only, when no shard is at work.
    var versions: [(time: UInt64, graph: ChannelGraph)]

    /// As the topology gives it.
    let first: ChannelGraph

    init(_ graph: ChannelGraph) {
        first = graph
        versions = [(0, graph)]
    }

    /// The latest graph, whether its time has come or not.
    var latest: ChannelGraph { versions[versions.count - 1].graph }

    func graph(at time: UInt64) -> ChannelGraph {
        var index = versions.count - 1
        while versions[index].time > time { index -= 1 }
        return versions[index].graph
    }

    func publish(_ graph: ChannelGraph, at time: UInt64) {
        precondition(time > versions[versions.count - 1].time, "graph versions come in order of time")
        // Nobody reads back further than the version before the one to come.
        if versions.count > 1 { versions.removeFirst() }
        versions.append((time, graph))
    }
}
