import Routing
import Synchronization

/// As many pathfinders as searches run at the same time. The last one given back is the first to be used again, so that
/// its memory is still in a cache: one for each shard costs a fifth of a run on eight shards.
final class SearchPool: Sendable {
    /// Unchecked: whoever took a pathfinder out of the pool has it alone.
    private struct Idle: @unchecked Sendable {
        var search: RouteSearch
    }

    private let idle = Mutex<[Idle]>([])

    /// Lends a pathfinder for graphs of this one's size.
    func withSearch<Result>(for graph: ChannelGraph, _ body: (RouteSearch) -> Result) -> Result {
        let own = idle.withLock { $0.popLast() } ?? Idle(search: RouteSearch(for: graph))
        defer { idle.withLock { $0.append(own) } }
        return body(own.search)
    }
}
