/// Which nodes a search may have been at: asked before the node itself is read, which is mostly a wait for memory.
///
/// A bit for each of 16,384 remainders of a node's number, 2 KB that stay in the first cache: what it does not contain
/// has not been put in.
struct NodeFilter {
    private static let wordCount = 256
    private let words: UnsafeMutablePointer<UInt64>

    init() {
        words = .allocate(capacity: Self.wordCount)
        words.initialize(repeating: 0, count: Self.wordCount)
    }

    func deallocate() { words.deallocate() }

    var memorySize: Int { Self.wordCount * MemoryLayout<UInt64>.stride }

    func removeAll() { words.update(repeating: 0, count: Self.wordCount) }

    @inline(__always) func insert(_ node: UInt32) {
        words[Int(node >> 6) & (Self.wordCount - 1)] |= 1 << UInt64(node & 63)
    }

    @inline(__always) func mayContain(_ node: UInt32) -> Bool {
        words[Int(node >> 6) & (Self.wordCount - 1)] & 1 << UInt64(node & 63) != 0
    }
}
