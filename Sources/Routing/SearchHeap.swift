/// A node waiting in a search.
struct SearchEntry: BitwiseCopyable {
    /// No path this entry still stands for costs less.
    var key: UInt64
    var node: UInt32
    /// Where the node's row goes on; `fresh` for a node reached but not yet settled.
    var position: Int32

    static let fresh: Int32 = -1
}

/// A heap of four children a parent over memory claimed once; the least key on top.
///
/// Entries are never taken out of the middle: a search skips those it has outdated.
/// Invariant: no entry's key is below its parent's.
struct SearchHeap {
    private(set) var entries: UnsafeMutablePointer<SearchEntry>
    private(set) var count = 0
    private var capacity: Int

    init(capacity: Int) {
        self.capacity = max(capacity, 16)
        entries = .allocate(capacity: self.capacity)
    }

    func deallocate() { entries.deallocate() }

    var memorySize: Int { capacity * MemoryLayout<SearchEntry>.stride }

    @inline(__always) mutating func removeAll() { count = 0 }

    /// The least key, or `UInt64.max` when nothing waits.
    @inline(__always) var leastKey: UInt64 { count == 0 ? .max : entries[0].key }

    /// O(log count)
    @inline(__always) mutating func push(_ entry: SearchEntry) {
        if count == capacity { grow() }
        var hole = count
        count &+= 1
        while hole > 0 {
            let parent = (hole &- 1) >> 2
            guard entry.key < entries[parent].key else { break }
            entries[hole] = entries[parent]
            hole = parent
        }
        entries[hole] = entry
    }

    /// Precondition: something waits. O(log count)
    @inline(__always) mutating func popLeast() -> SearchEntry {
        precondition(count > 0, "nothing waits")
        let least = entries[0]
        count &-= 1
        let last = entries[count]
        var hole = 0
        while true {
            let firstChild = hole << 2 &+ 1
            guard firstChild < count else { break }
            var child = firstChild
            var childKey = entries[firstChild].key
            let end = min(firstChild &+ 4, count)
            var other = firstChild &+ 1
            while other < end {
                let key = entries[other].key
                if key < childKey {
                    child = other
                    childKey = key
                }
                other &+= 1
            }
            guard childKey < last.key else { break }
            entries[hole] = entries[child]
            hole = child
        }
        entries[hole] = last
        return least
    }

    @inline(never) private mutating func grow() {
        let larger = UnsafeMutablePointer<SearchEntry>.allocate(capacity: capacity * 2)
        larger.moveInitialize(from: entries, count: count)
        entries.deallocate()
        entries = larger
        capacity *= 2
    }
}
