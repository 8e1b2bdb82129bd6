import LightningTypes

/// A direction as a search reads it.
struct GraphEdge: BitwiseCopyable {
    /// The largest and smallest amount that may be forwarded, msat; a maximum of zero: not usable.
    var maximum: UInt64
    var minimum: UInt64
    /// Of the channel, msat.
    var capacity: UInt64
    /// `fee_base_msat` and `fee_proportional_millionths`.
    var baseFee: UInt32
    var proportionalFee: UInt32
    /// `cltv_expiry_delta`, blocks.
    var cltvExpiryDelta: UInt32
    /// The other end: the source in a row by destination, the destination in a row by source.
    var peer: UInt32
    /// The raw value of the `DirectionIndex`.
    var direction: UInt32
}

/// The directions of a graph in rows, 48 bytes each in two arrays.
///
/// Of seven directions that a search reads, six lead nowhere: they are too dear, or too narrow. What shows that lies by
/// itself, four directions to a cache line, and the rest in half a line that is read of few.
struct EdgeTable {
    struct Head: BitwiseCopyable {
        var baseFee: UInt32
        var proportionalFee: UInt32
        var peer: UInt32
        /// Of the maximum; zero: not usable.
        var magnitude: UInt32
    }

    struct Body: BitwiseCopyable {
        var maximum: UInt64
        var minimum: UInt64
        var capacity: UInt64
        var direction: UInt32
        var cltvExpiryDelta: UInt32
    }

    let heads: UnsafeMutablePointer<Head>
    let bodies: UnsafeMutablePointer<Body>

    init(count: Int) {
        heads = LargeMemory.allocate(Head.self, count: count)
        bodies = LargeMemory.allocate(Body.self, count: count)
    }

    func initialize(from other: EdgeTable, count: Int) {
        heads.initialize(from: other.heads, count: count)
        bodies.initialize(from: other.bodies, count: count)
    }

    func free() {
        LargeMemory.free(heads)
        LargeMemory.free(bodies)
    }

    /// Bytes a direction.
    static var stride: Int { MemoryLayout<Head>.stride + MemoryLayout<Body>.stride }

    /// The order of numbers, in 32 bits: of two with different ones the greater has the greater. An amount of at least
    /// one has at least one.
    @inline(__always) static func magnitude(_ amount: UInt64) -> UInt32 {
        // How many bits it has, and the 25 below the first: a floating-point number rounded down.
        let zeros = UInt64(truncatingIfNeeded: amount.leadingZeroBitCount)
        let fraction = (amount << zeros) >> 38 & 0x1FF_FFFF
        return UInt32(truncatingIfNeeded: (64 &- zeros) << 25 | fraction)
    }

    @inline(__always) subscript(position: Int) -> GraphEdge {
        get {
            let (head, body) = (heads + position, bodies + position)
            return GraphEdge(
                maximum: body.pointee.maximum, minimum: body.pointee.minimum,
                capacity: body.pointee.capacity, baseFee: head.pointee.baseFee,
                proportionalFee: head.pointee.proportionalFee, cltvExpiryDelta: body.pointee.cltvExpiryDelta,
                peer: head.pointee.peer, direction: body.pointee.direction)
        }
        nonmutating set {
            heads[position] = Head(
                baseFee: newValue.baseFee, proportionalFee: newValue.proportionalFee, peer: newValue.peer,
                magnitude: Self.magnitude(newValue.maximum))
            bodies[position] = Body(
                maximum: newValue.maximum, minimum: newValue.minimum, capacity: newValue.capacity,
                direction: newValue.direction, cltvExpiryDelta: newValue.cltvExpiryDelta)
        }
    }
}
