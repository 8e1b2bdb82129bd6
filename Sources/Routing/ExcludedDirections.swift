import LightningTypes

/// Directions that the present query must not use: a bit for each direction of a graph.
///
/// They are few, and the table is large: which of the 64 places of a word any of them has says of nearly every
/// direction that it is not among them, without a read that the search would wait for.
struct ExcludedDirections {
    private let words: UnsafeMutablePointer<UInt64>
    /// The places that are taken in some word.
    private var places: UInt64 = 0
    let memorySize: Int

    init(channelCount: Int) {
        let count = channelCount / 32 + 1
        words = .allocate(capacity: count)
        words.initialize(repeating: 0, count: count)
        memorySize = count * MemoryLayout<UInt64>.stride
    }

    func deallocate() { words.deallocate() }

    @inline(__always) private static func place(of direction: UInt32) -> UInt64 {
        1 << UInt64(direction & 63)
    }

    @inline(__always) func contains(_ direction: UInt32) -> Bool {
        let place = Self.place(of: direction)
        return places & place != 0 && words[Int(direction) >> 6] & place != 0
    }

    mutating func insert(_ direction: UInt32) {
        words[Int(direction) >> 6] |= Self.place(of: direction)
        places |= Self.place(of: direction)
    }

    mutating func remove(_ direction: UInt32) { words[Int(direction) >> 6] &= ~Self.place(of: direction) }

    /// Empties it of the directions given, which are all there are.
    mutating func removeAll(_ directions: some Collection<DirectionIndex>) {
        for direction in directions { words[Int(direction.rawValue) >> 6] = 0 }
        places = 0
    }
}
