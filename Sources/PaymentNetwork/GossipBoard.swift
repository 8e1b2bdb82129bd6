import Routing

/// The versions of the public channel graph, each with the time from which nodes see it.
///
/// The gossip process makes a version a window before its time; it is put up between windows, and from then on every
/// process reads the one of its own time. A new version is made of the one before those on the board, which nobody
/// reads any more, so that an epoch costs as much as it changes and not as much as the graph is large.
final class GossipBoard: @unchecked Sendable {
    // Unchecked: `versions` is written between windows only, when no shard is at work; `spare` and `made` are the
    // gossip process's.
    private(set) var versions: [Version]
    private var spare: ChannelGraph?
    /// What the version that `next` gave last came of.
    private var made: [DirectionUpdate] = []

    struct Version {
        var time: UInt64
        var graph: ChannelGraph
        /// What it differs in from the one before; nil: not known, after a checkpoint.
        var updates: [DirectionUpdate]?
    }

    init(_ graph: ChannelGraph) { versions = [Version(time: 0, graph: graph)] }

    /// The latest graph, whether its time has come or not.
    var latest: ChannelGraph { versions[versions.count - 1].graph }

    func graph(at time: UInt64) -> ChannelGraph {
        var index = versions.count - 1
        while versions[index].time > time { index -= 1 }
        return versions[index].graph
    }

    /// The version after the latest; called by the gossip process once before each `publish`.
    func next(after updates: [DirectionUpdate]) -> ChannelGraph {
        made = updates
        // A route found ahead may still name the graph it was found in.
        guard isKnownUniquelyReferenced(&spare), let version = spare, versions.count == 2,
            let older = versions[0].updates, let newer = versions[1].updates
        else {
            spare = nil
            return latest.withUpdates(updates)
        }
        spare = nil
        version.advance(past: latest, older + newer + updates)
        return version
    }

    /// - Returns: how many updates the version came of.
    func publish(_ graph: ChannelGraph, at time: UInt64) -> Int {
        precondition(time > versions[versions.count - 1].time, "graph versions come in order of time")
        // Nobody reads back further than the version before the one to come.
        if versions.count > 1 { spare = versions.removeFirst().graph }
        versions.append(Version(time: time, graph: graph, updates: made))
        return made.count
    }

    /// Puts up what a checkpoint tells, in place of the first version.
    func restore(_ restored: [Version]) {
        precondition(versions.count == 1, "a board is restored before the run")
        versions = restored
    }
}
