import LightningTypes

/// Where a payer's memory tells of a channel: a search asks of hundreds, and hardly any has told something.
///
/// A hash table, made for one search: a binary search in the memory for each channel would take a sixth of it. At most a
/// quarter of the slots is taken, four bytes each, so that the table stays in the first cache.
struct BeliefIndex: @unchecked Sendable {
    // Unchecked for its pointers: nothing they point to changes after `init`.

    private let memory: Memory
    /// The place of a channel's first entry, plus one; zero: free. A channel is in the slot its number gives, or behind it.
    private let slots: UnsafeMutablePointer<UInt32>
    private let mask: Int
    private let entries: UnsafeMutablePointer<Beliefs.Entry>
    private let count: Int

    /// Not in the index itself, since the search would count references to it.
    private final class Memory {
        let slots: UnsafeMutablePointer<UInt32>
        let entries: UnsafeMutablePointer<Beliefs.Entry>

        init(slotCount: Int, entries: [Beliefs.Entry]) {
            slots = .allocate(capacity: slotCount)
            slots.initialize(repeating: 0, count: slotCount)
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
        let entries = beliefs.entries
        var slotCount = 16
        while slotCount < 4 * entries.count { slotCount *= 2 }
        memory = Memory(slotCount: slotCount, entries: entries)
        slots = memory.slots
        mask = slotCount - 1
        self.entries = memory.entries
        count = entries.count
        for (place, entry) in entries.enumerated() {
            var slot = entry.direction.channel & mask
            // The channel's other direction stands right before.
            if place > 0, entries[place - 1].direction.channel == entry.direction.channel { continue }
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = UInt32(place + 1)
        }
    }

    /// The place of the first entry of a direction's channel; nil: nothing is remembered of it. O(1)
    @inline(__always) private func place(of direction: DirectionIndex) -> Int? {
        var slot = direction.channel & mask
        while slots[slot] != 0 {
            let place = Int(slots[slot]) &- 1
            if entries[place].direction.channel == direction.channel { return place }
            slot = (slot &+ 1) & mask
        }
        return nil
    }

    /// Whether something is remembered of a direction's channel.
    @inline(__always) func knows(_ direction: DirectionIndex) -> Bool { place(of: direction) != nil }

    /// What is remembered of a direction and of the other of its channel; nil: nothing of either.
    @inline(__always)
    func entries(of direction: DirectionIndex) -> (own: Beliefs.Entry?, other: Beliefs.Entry?)? {
        guard let place = place(of: direction) else { return nil }
        let first = entries[place]
        let next = place &+ 1
        let second = next < count && entries[next].direction == direction.reversed ? entries[next] : nil
        if first.direction == direction { return (first, second) }
        return (next < count && entries[next].direction == direction ? entries[next] : nil, first)
    }
}
