/// What a search under a cost model knows of a node.
struct CostNode: BitwiseCopyable {
    /// From the source to here, at the least: cost << 8 | hops.
    var forwardKey: UInt64
    /// The key of the first way settled here, before that of the best reached: no way has less.
    var backwardKey: UInt64
    /// The least amount of a way settled here.
    var settledAmount: UInt64
    /// The position in the outgoing table of the direction that led here; see `NodeLabel.severalDirect`.
    var forwardEdge: UInt32
    /// The best way reached and the last settled.
    var bestWay: UInt32
    var settledWay: UInt32
    /// At `stamp` of the query: labelled; one above: settled; below: not reached yet.
    var forwardStamp: UInt32
    var backwardStamp: UInt32

    static let unreached = CostNode(
        forwardKey: 0, backwardKey: 0, settledAmount: 0, forwardEdge: 0, bestWay: 0, settledWay: 0,
        forwardStamp: 0, backwardStamp: 0)
}

/// A way from a node to the destination.
struct Way: BitwiseCopyable {
    /// cost << 8 | hops
    var key: UInt64
    /// What the node has to receive.
    var amount: UInt64
    var node: UInt32
    var direction: UInt32
    /// The way at the other end of `direction`.
    var next: UInt32
}

/// Ways over memory that only grows.
struct WayList {
    private(set) var ways: UnsafeMutablePointer<Way>
    private(set) var count: UInt32 = 0
    private var capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
        ways = .allocate(capacity: capacity)
    }

    func deallocate() { ways.deallocate() }

    var memorySize: Int { capacity * MemoryLayout<Way>.stride }

    @inline(__always) mutating func removeAll() { count = 0 }

    @inline(__always) subscript(index: UInt32) -> Way {
        get { ways[Int(index)] }
        nonmutating set { ways[Int(index)] = newValue }
    }

    /// The index of `way`. O(1), amortised
    @inline(__always) mutating func append(_ way: Way) -> UInt32 {
        if Int(count) == capacity { grow() }
        ways[Int(count)] = way
        count &+= 1
        return count &- 1
    }

    @inline(never) private mutating func grow() {
        let larger = UnsafeMutablePointer<Way>.allocate(capacity: capacity * 2)
        larger.moveInitialize(from: ways, count: Int(count))
        ways.deallocate()
        ways = larger
        capacity *= 2
    }
}
