/// Pending events by the window they fall into: a calendar of lookahead-wide buckets (Brown, "Calendar queues", CACM
/// 31, 1988), each sorted once, when its window is opened.
///
/// What is sent to another process in a window arrives in a later one, so a bucket is complete when it is opened and
/// sorting it once is enough: about 10 ns an event where a heap of 20,000 takes 60. Timers shorter than a window fall
/// into the open one and go into a small heap beside it; events beyond the calendar's end wait in another heap.
///
/// Events lie in chunks of one slab and are moved only to be handled. `insert` is O(1), a window of n events O(n).
///
/// Invariant: every pending event is in the open window's run or heap, in the bucket of its window, or beyond the
/// calendar; `bits` marks the buckets that are not empty.
public struct CalendarQueue<Payload: EventPayload>: ~Copyable {
    /// Buckets in the calendar; a power of two. 4,096 windows of 5 ms are 20 s.
    @usableFromInline static var bucketCount: Int { 4_096 }
    /// Events in a chunk: 512 bytes' worth.
    @usableFromInline static var chunkSize: Int { 8 }

    @usableFromInline struct Bucket: BitwiseCopyable {
        /// The chunk being filled; each chunk names the one filled before it.
        @usableFromInline var chunk: UInt32 = .max
        @usableFromInline var count: UInt32 = 0

        @usableFromInline @inline(__always) init() {}
    }

    public var count = 0
    /// Microseconds.
    @usableFromInline let width: UInt64
    /// ⌈2^64 ÷ width⌉: a multiplication in place of a division, exact while dividend × width is below 2^64.
    @usableFromInline let reciprocal: UInt64

    // The slab: chunks of events, the chunk before each, and the chunks not in use.
    @usableFromInline var events: UnsafeMutablePointer<Event<Payload>>
    @usableFromInline var previousChunk: UnsafeMutablePointer<UInt32>
    @usableFromInline var chunkCapacity: Int
    @usableFromInline var freeChunk: UInt32 = 0

    @usableFromInline let buckets: UnsafeMutablePointer<Bucket>
    @usableFromInline let bits: UnsafeMutablePointer<UInt64>
    /// The window being handled, and the start of it. Buckets are for the windows after it.
    @usableFromInline var openWindow: UInt64 = 0
    @usableFromInline var openStart: UInt64 = 0

    // The open window's events: sorted slots from `runPosition` to `runCount`, and later arrivals.
    @usableFromInline var run: UnsafeMutablePointer<UInt64>
    @usableFromInline var spareRun: UnsafeMutablePointer<UInt64>
    @usableFromInline var runCapacity: Int
    @usableFromInline var runCount = 0
    @usableFromInline var runPosition = 0
    /// The chunks the run lies in, freed when the next window is opened.
    @usableFromInline var openChunk: UInt32 = .max
    @usableFromInline var late = EventHeap<Payload>(capacity: 64)
    @usableFromInline var distant = EventHeap<Payload>(capacity: 1_024)

    /// - Parameter width: a window's length in microseconds, the lookahead; from 2 to 2^26 (a minute).
    public init(width: UInt64) {
        precondition(width > 1 && width < 1 << 26, "a window lasts from two microseconds to a minute")
        self.width = width
        reciprocal = UInt64.max / width + 1
        chunkCapacity = 64
        events = .allocate(capacity: chunkCapacity * Self.chunkSize)
        previousChunk = .allocate(capacity: chunkCapacity)
        for chunk in 0..<chunkCapacity { previousChunk[chunk] = UInt32(chunk + 1) }
        previousChunk[chunkCapacity - 1] = .max
        buckets = .allocate(capacity: Self.bucketCount)
        buckets.initialize(repeating: Bucket(), count: Self.bucketCount)
        bits = .allocate(capacity: Self.bucketCount / 64)
        bits.initialize(repeating: 0, count: Self.bucketCount / 64)
        runCapacity = 1_024
        run = .allocate(capacity: runCapacity)
        spareRun = .allocate(capacity: runCapacity)
    }

    deinit {
        events.deallocate()
        previousChunk.deallocate()
        buckets.deallocate()
        bits.deallocate()
        run.deallocate()
        spareRun.deallocate()
    }

    // MARK: Inserting

    /// Takes an event in, whatever its time.
    @inlinable @inline(__always)
    public mutating func insert(_ event: Event<Payload>) {
        count += 1
        let offset = event.key.time &- openStart
        // Times before the open window wrap around; they are as late as those within it.
        if offset < width || event.key.time < openStart {
            late.insert(event)
        } else if offset < width &* UInt64(Self.bucketCount) {
            put(event, in: openWindow &+ offset.multipliedFullWidth(by: reciprocal).high)
        } else {
            distant.insert(event)
        }
    }

    @inlinable @inline(__always)
    mutating func put(_ event: Event<Payload>, in window: UInt64) {
        let index = Int(truncatingIfNeeded: window) & (Self.bucketCount - 1)
        let bucket = buckets + index
        let place = Int(bucket.pointee.count) & (Self.chunkSize - 1)
        if place == 0 {
            if freeChunk == .max { growSlab() }
            let chunk = freeChunk
            freeChunk = previousChunk[Int(chunk)]
            previousChunk[Int(chunk)] = bucket.pointee.chunk
            bucket.pointee.chunk = chunk
            // Not `bits[…] |=`: the compiler's thread sanitizer stumbles over that in a generic struct.
            let word = bits + (index >> 6)
            word.pointee |= 1 << UInt64(index & 63)
        }
        events[Int(bucket.pointee.chunk) &* Self.chunkSize &+ place] = event
        bucket.pointee.count &+= 1
    }

    @usableFromInline mutating func growSlab() {
        let larger = chunkCapacity * 2
        precondition(larger * Self.chunkSize <= Int(UInt32.max), "more than four billion pending events")
        let newEvents = UnsafeMutablePointer<Event<Payload>>.allocate(capacity: larger * Self.chunkSize)
        newEvents.update(from: events, count: chunkCapacity * Self.chunkSize)
        events.deallocate()
        events = newEvents
        let newPrevious = UnsafeMutablePointer<UInt32>.allocate(capacity: larger)
        newPrevious.update(from: previousChunk, count: chunkCapacity)
        previousChunk.deallocate()
        previousChunk = newPrevious
        for chunk in chunkCapacity..<larger { previousChunk[chunk] = UInt32(chunk + 1) }
        previousChunk[larger - 1] = .max
        freeChunk = UInt32(chunkCapacity)
        chunkCapacity = larger
    }

    // MARK: Windows

    /// The number of the first window with an event (its time ÷ width), or nil when empty.
    @inlinable public var nextWindow: UInt64? {
        if count == 0 { return nil }
        var earliest = UInt64.max
        if runPosition < runCount { earliest = openWindow }
        if late.count > 0 { earliest = min(earliest, late.earliestTime / width) }
        if earliest <= openWindow { return earliest }
        let bucket = nextBucket
        if bucket < Self.bucketCount { return openWindow + UInt64(bucket) }
        return distant.earliestTime / width
    }

    /// How many windows after the open one the first bucket with an event is; `bucketCount` when all are empty.
    @inlinable var nextBucket: Int {
        let start = (Int(truncatingIfNeeded: openWindow) + 1) & (Self.bucketCount - 1)
        let wordCount = Self.bucketCount / 64
        var word = start >> 6
        var pattern = bits[word] & (UInt64.max << UInt64(start & 63))
        for _ in 0...wordCount {
            if pattern != 0 {
                let index = (word << 6) + pattern.trailingZeroBitCount
                return ((index &- start) & (Self.bucketCount - 1)) + 1
            }
            word = (word + 1) & (wordCount - 1)
            pattern = bits[word]
        }
        return Self.bucketCount
    }

    /// Events that `window`, not before the open one, is known to have now.
    @inlinable public func count(in window: UInt64) -> Int {
        if window == openWindow { return runCount - runPosition + late.count }
        let distance = window - openWindow
        guard distance < UInt64(Self.bucketCount) else { return distant.isEmpty ? 0 : 1 }
        return Int(buckets[Int(truncatingIfNeeded: window) & (Self.bucketCount - 1)].count)
    }

    /// Opens `window`, which must not be before the open one; all windows before it must have been handled.
    @inlinable public mutating func open(_ window: UInt64) {
        if window <= openWindow { return }
        precondition(runPosition == runCount, "a window is left with events in it")
        releaseOpenChunks()
        openWindow = window
        openStart = window * width
        // The calendar's end moves along: what lay beyond it may have a bucket now.
        let end = openStart &+ width &* UInt64(Self.bucketCount)
        while distant.earliestTime < end {
            let event = distant.popFirst()
            let offset = event.key.time - openStart
            if offset < width { late.insert(event) } else { put(event, in: openWindow + offset / width) }
        }
        let index = Int(truncatingIfNeeded: window) & (Self.bucketCount - 1)
        runPosition = 0
        runCount = Int(buckets[index].count)
        if runCount == 0 { return }
        openChunk = buckets[index].chunk
        buckets[index] = Bucket()
        let word = bits + (index >> 6)
        word.pointee &= ~(1 << UInt64(index & 63))
        sortRun()
    }

    @inlinable mutating func releaseOpenChunks() {
        while openChunk != .max {
            let chunk = openChunk
            openChunk = previousChunk[Int(chunk)]
            previousChunk[Int(chunk)] = freeChunk
            freeChunk = chunk
        }
    }

    /// Fills `run` with (time within the window, slot), sorted by key.
    @inlinable mutating func sortRun() {
        if runCapacity < runCount { growRun() }
        var filled = 0
        var chunk = openChunk
        var inChunk = ((runCount - 1) & (Self.chunkSize - 1)) + 1
        while chunk != .max {
            let first = Int(chunk) * Self.chunkSize
            for slot in first..<first + inChunk {
                run[filled] = (events[slot].key.time - openStart) << 32 | UInt64(slot)
                filled += 1
            }
            inChunk = Self.chunkSize
            chunk = previousChunk[Int(chunk)]
        }
        if runCount < 48 { sortByInsertion(from: 0, to: runCount) } else { sortByTime() }
    }

    /// Insertion by the whole key.
    @inlinable func sortByInsertion(from start: Int, to end: Int) {
        var next = start + 1
        while next < end {
            let entry = run[next]
            var hole = next
            while hole > start, isBefore(entry, run[hole - 1]) {
                run[hole] = run[hole - 1]
                hole -= 1
            }
            run[hole] = entry
            next += 1
        }
    }

    /// By the whole key, in O(n log n).
    @usableFromInline func sortByKey(from start: Int, to end: Int) {
        var part = UnsafeMutableBufferPointer(start: run + start, count: end - start)
        part.sort { isBefore($0, $1) }
    }

    @inlinable @inline(__always) func isBefore(_ a: UInt64, _ b: UInt64) -> Bool {
        if a >> 32 != b >> 32 { return a < b }
        let x = events[Int(truncatingIfNeeded: a & 0xFFFF_FFFF)].key
        let y = events[Int(truncatingIfNeeded: b & 0xFFFF_FFFF)].key
        return x.source != y.source ? x.source < y.source : x.sequence < y.sequence
    }

    /// Two counting passes over the time within the window (at most 26 bits), then the few equal times by the rest of
    /// the key.
    @inlinable mutating func sortByTime() {
        let digitBits = UInt64((64 - (width - 1).leadingZeroBitCount + 1) / 2)
        let digits = 1 << Int(digitBits)
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: digits) { counts in
            for pass in 0..<2 as Range<UInt64> {
                let shift = 32 + pass * digitBits
                counts.initialize(repeating: 0)
                for index in 0..<runCount { counts[Int(run[index] >> shift) & (digits - 1)] += 1 }
                var sum: UInt32 = 0
                for digit in 0..<digits { (counts[digit], sum) = (sum, sum + counts[digit]) }
                for index in 0..<runCount {
                    let digit = Int(run[index] >> shift) & (digits - 1)
                    spareRun[Int(counts[digit])] = run[index]
                    counts[digit] += 1
                }
                swap(&run, &spareRun)
            }
        }
        var start = 0
        while start < runCount {
            var end = start + 1
            while end < runCount, run[end] >> 32 == run[start] >> 32 { end += 1 }
            // Few times are equal, but where a file has thousands of things happen at one moment.
            if end - start > 48 {
                sortByKey(from: start, to: end)
            } else {
                sortByInsertion(from: start, to: end)
            }
            start = end
        }
    }

    @inlinable mutating func growRun() {
        while runCapacity < runCount { runCapacity *= 2 }
        run.deallocate()
        spareRun.deallocate()
        run = .allocate(capacity: runCapacity)
        spareRun = .allocate(capacity: runCapacity)
    }

    /// The open window's next event, or nil when it has none left.
    @inlinable @inline(__always)
    public mutating func popInWindow() -> Event<Payload>? {
        let windowEnd = openStart &+ width
        if late.count == 0 || late.earliestTime >= windowEnd {
            guard runPosition < runCount else { return nil }
            return popRun()
        }
        guard runPosition < runCount else {
            count -= 1
            return late.popFirst()
        }
        let first = events[Int(truncatingIfNeeded: run[runPosition] & 0xFFFF_FFFF)].key
        if first < late.firstKey { return popRun() }
        count -= 1
        return late.popFirst()
    }

    @inlinable @inline(__always) mutating func popRun() -> Event<Payload> {
        let slot = Int(truncatingIfNeeded: run[runPosition] & 0xFFFF_FFFF)
        runPosition += 1
        count -= 1
        return events[slot]
    }

    /// Every pending event, in the order of keys: for checkpoints.
    public func pendingEvents() -> [Event<Payload>] {
        var all = late.pendingEvents() + distant.pendingEvents()
        for position in runPosition..<runCount { all.append(events[Int(run[position] & 0xFFFF_FFFF)]) }
        for index in 0..<Self.bucketCount {
            var chunk = buckets[index].chunk
            var inChunk = ((Int(buckets[index].count) - 1) & (Self.chunkSize - 1)) + 1
            while chunk != .max {
                let first = Int(chunk) * Self.chunkSize
                for slot in first..<first + inChunk { all.append(events[slot]) }
                inChunk = Self.chunkSize
                chunk = previousChunk[Int(chunk)]
            }
        }
        return all.sorted { $0.key < $1.key }
    }
}
