import LightningTypes

/// The graph as single senders see it: the public one, but for a few policies that they know better.
///
/// One thread's. It keeps a copy of the version that was asked for last, so that a sender's view costs a few writes,
/// and the copy is made once an epoch at the most.
public final class PrivateGraph {
    private var copy: ChannelGraph?
    /// Of which version.
    private var base: ChannelGraph.Version?
    /// What takes the last sender's knowledge out again, the last of it first.
    private var undoing: [DirectionUpdate] = []

    public init() {}

    /// Valid until the next call.
    ///
    /// - Parameter known: what a sender learned of directions; none is used that the public graph has no use for.
    public func view(of graph: ChannelGraph, knowing known: [DirectionUpdate]) -> ChannelGraph {
        if let copy, base == graph.version {
            copy.apply(undoing)
        } else {
            copy = ChannelGraph(copying: graph)
            base = graph.version
        }
        guard let copy else { preconditionFailure("just made") }
        undoing.removeAll(keepingCapacity: true)
        for update in known {
            let isUsable = copy.isUsable(update.direction)
            undoing.append(
                DirectionUpdate(
                    update.direction, isUsable: isUsable, policy: copy.policy(of: update.direction)))
            copy.apply(
                CollectionOfOne(
                    DirectionUpdate(
                        update.direction, isUsable: isUsable && update.isUsable, policy: update.policy)))
        }
        undoing.reverse()
        return copy
    }
}
