import LightningTypes

/// Where a payer's memory tells of a channel: a search asks of hundreds, and hardly any has told something.
///
/// A hash table, made for one search: a binary search in the memory for each channel would take a sixth of it. At most
/// a quarter of the slots is taken, four bytes each, so that the table stays in the first cache.
struct BeliefIndex: @unchecked Sendable {
    // Unchecked for its pointers: nothing they point to changes after `init`.

    private let memory: Memory
    /// A channel's number, plus one; zero: free. It is in the slot the number gives, or behind it.
    private let channels: UnsafeMutablePointer<UInt32>
    /// By slot: the place of the channel's first entry.
    private let places: UnsafeMutablePointer<UInt32>
    private let mask: Int
    private let entries: UnsafeMutablePointer<Beliefs.Entry>
    private let count: Int

    /// Not in the index itself, since the search would count references to it.
    private final class Memory {
        let slots: UnsafeMutablePointer<UInt32>
        let entries: UnsafeMutablePointer<Beliefs.Entry>

        init(slotCount: Int, entries: [Beliefs.Entry]) {
            slots = .allocate(capacity: 2 * slotCount)
            slots.initialize(repeating: 0, count: 2 * slotCount)
            self.entries = .allocate(capacity: entries.count)
            _ = UnsafeMutableBufferPointer(start: self.entries, count: entries.count)
                .initialize(from: entries)
        }

        deinit {
            slots.deallocate()
            entries.deallocate()
        }
    }

    init(_ beliefs: Beliefs) {
        count = beliefs.entries.count
        var slotCount = 16
        while slotCount < 4 * count { slotCount *= 2 }
        memory = Memory(slotCount: slotCount, entries: beliefs.entries)
        channels = memory.slots
        places = memory.slots + slotCount
        mask = slotCount - 1
        entries = memory.entries
        for place in 0..<count {
            let channel = entries[place].direction.channel
            // The channel's other direction stands right before.
            if place > 0, entries[place - 1].direction.channel == channel { continue }
            var slot = channel & mask
            while channels[slot] != 0 { slot = (slot + 1) & mask }
            channels[slot] = UInt32(channel) + 1
            places[slot] = UInt32(place)
        }
    }

    /// The slot of a direction's channel; nil: nothing is remembered of it. O(1)
    @inline(__always) private func slot(of direction: DirectionIndex) -> Int? {
        let channel = direction.channel
        var slot = channel & mask
        while channels[slot] != 0 {
            if channels[slot] == UInt32(truncatingIfNeeded: channel &+ 1) { return slot }
            slot = (slot &+ 1) & mask
        }
        return nil
    }

    /// Whether something is remembered of a direction's channel.
    @inline(__always) func knows(_ direction: DirectionIndex) -> Bool { slot(of: direction) != nil }

    /// What is remembered of a direction and of the other of its channel; nil: nothing of either.
    @inline(__always)
    func entries(of direction: DirectionIndex) -> (own: Beliefs.Entry?, other: Beliefs.Entry?)? {
        guard let slot = slot(of: direction) else { return nil }
        let place = Int(places[slot])
        let first = entries[place]
        let next = place &+ 1
        let second = next < count && entries[next].direction == direction.reversed ? entries[next] : nil
        if first.direction == direction { return (first, second) }
        return (next < count && entries[next].direction == direction ? entries[next] : nil, first)
    }
}
