/// How far one process is. Every event reads and writes both words, so they lie in one cache line.
@usableFromInline struct ProcessProgress: BitwiseCopyable {
    /// Events sent so far.
    @usableFromInline var sequence: UInt64 = 0
    @usableFromInline var digest = Digest()

    @usableFromInline init() {}
}

/// The processes that share a queue, and all that they may touch: their pending events, sequence numbers, digests
/// and attachments. No shard reads another's.
public struct Shard<Payload: EventPayload>: ~Copyable {
    /// The simulated time of the event being handled, in microseconds.
    public var now: UInt64 = 0
    /// The process that is handling it.
    public var process: UInt32 = 0
    public var attachments = AttachmentPool()
    /// Events handled so far.
    public var eventCount: UInt64 = 0

    /// Whether no other thread waits for this one to reach the end of the present window.
    public var isWorkingAlone: Bool { isAlone.pointee }

    @usableFromInline var queue: CalendarQueue<Payload>
    /// Per process of the whole simulation; a shard touches its own processes' entries alone.
    @usableFromInline let progress: UnsafeMutablePointer<ProcessProgress>
    @usableFromInline let shardOfProcess: UnsafePointer<UInt16>
    @usableFromInline let index: UInt16
    @usableFromInline let lookahead: UInt64
    /// All shards, and the first window each has an event in; `.max` for none.
    @usableFromInline let shards: UnsafeMutablePointer<Shard<Payload>>
    @usableFromInline let nextWindows: UnsafeMutablePointer<UInt64>
    /// Whether one thread handles the present window alone: then what is sent goes straight into its receiver's queue.
    @usableFromInline let isAlone: UnsafePointer<Bool>
    /// Where this shard puts what it sends to others in the present window: one mailbox a shard.
    @usableFromInline var outgoing: UnsafeMutablePointer<Mailbox<Payload>>
    /// How much that is, and the earliest window among it.
    @usableFromInline var outgoingCount = 0
    @usableFromInline var outgoingWindow: UInt64 = .max

    init(
        index: UInt16, lookahead: UInt64, progress: UnsafeMutablePointer<ProcessProgress>,
        shardOfProcess: UnsafePointer<UInt16>,
        shards: UnsafeMutablePointer<Shard<Payload>>, nextWindows: UnsafeMutablePointer<UInt64>,
        isAlone: UnsafePointer<Bool>, outgoing: UnsafeMutablePointer<Mailbox<Payload>>
    ) {
        self.index = index
        self.lookahead = lookahead
        self.progress = progress
        self.shardOfProcess = shardOfProcess
        queue = CalendarQueue(width: lookahead)
        self.shards = shards
        self.nextWindows = nextWindows
        self.isAlone = isAlone
        self.outgoing = outgoing
    }

    /// Sends an event that arrives after `delay` microseconds; at least the lookahead, unless to itself.
    @inlinable public mutating func send(to destination: UInt32, after delay: UInt64, _ payload: Payload) {
        send(to: destination, at: now + delay, payload)
    }

    /// Sends an event that arrives at `time`; at least the lookahead from now, unless to itself.
    @inlinable public mutating func send(to destination: UInt32, at time: UInt64, _ payload: Payload) {
        precondition(
            destination == process ? time >= now : time >= now + lookahead,
            "a message to another process takes at least the lookahead")
        enqueue(from: process, to: destination, at: time, payload)
    }

    /// Folds two words of the current process's own doing into its digest.
    @inlinable public mutating func fold(_ a: UInt64, _ b: UInt64) {
        let own = progress + Int(process)
        own.pointee.digest.fold(a, b)
    }

    @inlinable mutating func enqueue(
        from source: UInt32, to destination: UInt32, at time: UInt64, _ payload: Payload
    ) {
        let sequence = progress[Int(source)].sequence
        progress[Int(source)].sequence = sequence + 1
        let event = Event(
            key: EventKey(time: time, source: source, sequence: sequence), destination: destination,
            payload: payload)
        let shard = shardOfProcess[Int(destination)]
        if shard == index {
            queue.insert(event)
        } else if isAlone.pointee {
            deliver(event, to: Int(shard))
        } else {
            outgoing[Int(shard)].append(event, takingBytesFrom: &attachments)
            outgoingCount += 1
            outgoingWindow = min(outgoingWindow, time / lookahead)
        }
    }

    /// Hands an event to another shard while no other thread is at work.
    @inlinable mutating func deliver(_ event: Event<Payload>, to receiver: Int) {
        var event = event
        let shard = shards + receiver
        let attachment = event.payload.attachment
        if !attachment.isNone {
            let bytes = attachments.bytes(of: attachment)
            let copy = shard.pointee.attachments.allocate(count: bytes.count)
            shard.pointee.attachments.bytes(of: copy).copyMemory(from: UnsafeRawBufferPointer(bytes))
            event.payload.attachment = copy
            attachments.release(attachment)
        }
        shard.pointee.queue.insert(event)
        nextWindows[receiver] = min(nextWindows[receiver], event.key.time / lookahead)
    }
}
