import CPrefetch

// A search on a graph that no cache holds waits for memory most of its time: what its next step will read is asked for
// while the present one is computed.

extension UnsafeMutablePointer {
    /// Asks for the cache line of an element that will be read soon.
    @inline(__always) func prefetch(_ index: Int) { prefetch_cache_line(self + index) }
}

extension EdgeTable {
    /// Asks for what a search looks at first of directions from `position` on.
    @inline(__always) func prefetch(_ position: Int32) {
        heads.prefetch(Int(position))
        // What is read at once, and the one that is looked at to see whether it is enough, lie on three lines.
        heads.prefetch(Int(position) &+ 4)
        heads.prefetch(Int(position) &+ 8)
    }
}
