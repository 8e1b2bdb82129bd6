/// A priority queue of events by key: a 4-ary heap of 24-byte keys over a slab of events.
///
/// Four children share a cache line or two, so a heap of n events costs about log₄ n misses; an event itself is
/// written and read once. `insert` and `popFirst` are O(log n).
///
/// Invariant: no entry is less than its parent; every slot is in the heap or in `free`.
public struct EventHeap<Payload: EventPayload>: ~Copyable {
    @usableFromInline struct Entry: BitwiseCopyable {
        @usableFromInline var time: UInt64
        @usableFromInline var source: UInt32
        @usableFromInline var slot: UInt32
        @usableFromInline var sequence: UInt64

        @usableFromInline @inline(__always) init(time: UInt64, source: UInt32, slot: UInt32, sequence: UInt64)
        {
            self.time = time
            self.source = source
            self.slot = slot
            self.sequence = sequence
        }

        @usableFromInline @inline(__always) static func < (a: Self, b: Self) -> Bool {
            if a.time != b.time { return a.time < b.time }
            if a.source != b.source { return a.source < b.source }
            return a.sequence < b.sequence
        }
    }

    @usableFromInline var entries: UnsafeMutablePointer<Entry>
    @usableFromInline var events: UnsafeMutablePointer<Event<Payload>>
    @usableFromInline var free: UnsafeMutablePointer<UInt32>
    @usableFromInline var capacity: Int
    @usableFromInline var freeCount: Int
    public var count = 0

    public init(capacity: Int = 1_024) {
        precondition(capacity > 0, "a heap needs room")
        self.capacity = capacity
        entries = .allocate(capacity: capacity)
        events = .allocate(capacity: capacity)
        free = .allocate(capacity: capacity)
        for slot in 0..<capacity { free[slot] = UInt32(capacity - 1 - slot) }
        freeCount = capacity
    }

    deinit {
        entries.deallocate()
        events.deallocate()
        free.deallocate()
    }

    @inlinable public var isEmpty: Bool { count == 0 }

    /// The time of the first event, or `UInt64.max` when empty.
    @inlinable public var earliestTime: UInt64 { count == 0 ? .max : entries[0].time }

    /// The key of the first event; the queue must not be empty.
    @inlinable public var firstKey: EventKey {
        let first = entries[0]
        return EventKey(time: first.time, source: first.source, sequence: first.sequence)
    }

    /// Every event, in no particular order.
    public func pendingEvents() -> [Event<Payload>] {
        (0..<count).map { events[Int(entries[$0].slot)] }
    }

    @inlinable public mutating func insert(_ event: Event<Payload>) {
        if freeCount == 0 { grow() }
        freeCount -= 1
        let slot = free[freeCount]
        events[Int(slot)] = event
        let key = event.key
        let entry = Entry(time: key.time, source: key.source, slot: slot, sequence: key.sequence)
        var hole = count
        count += 1
        while hole > 0 {
            let parent = (hole - 1) / 4
            if !(entry < entries[parent]) { break }
            entries[hole] = entries[parent]
            hole = parent
        }
        entries[hole] = entry
    }

    /// Removes the first event; the queue must not be empty.
    @inlinable public mutating func popFirst() -> Event<Payload> {
        precondition(count > 0, "an empty queue has no first event")
        let slot = entries[0].slot
        count -= 1
        let last = entries[count]
        var hole = 0
        while true {
            let firstChild = hole * 4 + 1
            if firstChild >= count { break }
            var least = firstChild
            for child in (firstChild + 1)..<min(firstChild + 4, count) where entries[child] < entries[least] {
                least = child
            }
            if !(entries[least] < last) { break }
            entries[hole] = entries[least]
            hole = least
        }
        entries[hole] = last
        free[freeCount] = slot
        freeCount += 1
        return events[Int(slot)]
    }

    @usableFromInline mutating func grow() {
        let larger = capacity * 2
        precondition(larger <= Int(UInt32.max), "more than two billion pending events")
        let oldEntries = entries
        let oldEvents = events
        entries = .allocate(capacity: larger)
        entries.update(from: oldEntries, count: count)
        events = .allocate(capacity: larger)
        events.update(from: oldEvents, count: capacity)
        oldEntries.deallocate()
        oldEvents.deallocate()
        free.deallocate()
        free = .allocate(capacity: larger)
        for slot in capacity..<larger { free[slot - capacity] = UInt32(larger - 1 - (slot - capacity)) }
        freeCount = larger - capacity
        capacity = larger
    }
}
