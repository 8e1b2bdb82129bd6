/// What a search under a cost model knows of a node: half a cache line.
struct CostNode: BitwiseCopyable {
    /// From the source to here, at the least: cost << 8 | hops.
    var forwardKey: UInt64
    /// The key of the first way settled here, before that of the best reached: no way has less.
    var backwardKey: UInt64
    /// The position in the outgoing table of the direction that led here, as in `NodeLabel`.
    var forwardEdge: UInt32
    /// The best way reached and the last settled, which has the least amount.
    var bestWay: UInt32
    var settledWay: UInt32
    /// The stamp of the last query that came here, and above it what that did; see `marks`.
    private var state: UInt32

    static let unreached = CostNode(
        forwardKey: 0, backwardKey: 0, forwardEdge: 0, bestWay: 0, settledWay: 0, state: 0)

    static let forwardLabelled: UInt32 = 1
    static let forwardSettled: UInt32 = 2
    static let backwardLabelled: UInt32 = 4
    static let backwardSettled: UInt32 = 8
    /// The stamps of two queries differ by this at least.
    static let stampStep: UInt32 = 16

    /// What the query of this stamp, the latest, did here. What is settled is labelled too.
    @inline(__always) func marks(_ stamp: UInt32) -> UInt32 { state >= stamp ? state &- stamp : 0 }

    @inline(__always) mutating func mark(_ marks: UInt32, _ stamp: UInt32) {
        state = max(state, stamp) | marks
    }

    @inline(__always) mutating func unmark(_ marks: UInt32) { state &= ~marks }
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
