import EventSimulation
import LightningTypes
import Routing

/// Gossip as a process: collects what nodes announce of their directions and publishes a new version of the graph at
/// the next epoch, when every sender sees it at once (BOLT 7's staggered broadcast, thinned to epochs).
final class GossipProcess {
    let world: NetworkWorld
    /// In order of arrival.
    var updates: [DirectionUpdate] = []
    var epoch: UInt64?
    /// Made in this window, to be seen by all from its time on.
    var made: (time: UInt64, graph: ChannelGraph)?

    init(_ world: NetworkWorld) { self.world = world }

    func receive(_ message: NetworkMessage, _ shard: inout Shard<NetworkMessage>) {
        updates.append(message.directionUpdate)
        guard epoch == nil else { return }
        // The version is made a window before senders see it.
        let next = ((shard.now + 2 * world.lookahead) / world.gossipInterval + 1) * world.gossipInterval
        epoch = next
        shard.send(
            to: shard.process, at: next - world.lookahead,
            NetworkMessage(.gossipTimer, end: DirectionIndex(0)))
    }

    func publish(_ shard: inout Shard<NetworkMessage>) {
        guard let time = epoch else { preconditionFailure("an epoch nobody asked for") }
        epoch = nil
        made = (time, world.board.next(after: updates))
        updates.removeAll(keepingCapacity: true)
    }

    /// Hands a new version over, between windows, when no shard reads the board.
    ///
    /// - Returns: from when it is seen and how many updates it has in it; nil: there was none.
    @discardableResult
    func release() -> (time: UInt64, updates: Int)? {
        guard let version = made else { return nil }
        made = nil
        return (version.time, world.board.publish(version.graph, at: version.time))
    }
}
