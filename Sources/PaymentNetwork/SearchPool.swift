import Foundation
import Routing

/// As many pathfinders as searches run at the same time. The last one given back is the first to be used again, so that
/// its memory is still in a cache: one for each shard costs a fifth of a run on eight shards.
final class SearchPool: @unchecked Sendable {
    // Unchecked: `idle` is locked, and whoever took a pathfinder out of it has it alone.

    private let lock = NSLock()
    private var idle: [RouteSearch] = []

    /// Lends a pathfinder for graphs of this one's size.
    func withSearch<Result>(for graph: ChannelGraph, _ body: (RouteSearch) -> Result) -> Result {
        let search = lock.withLock { idle.popLast() } ?? RouteSearch(for: graph)
        defer { lock.withLock { idle.append(search) } }
        return body(search)
    }
}
