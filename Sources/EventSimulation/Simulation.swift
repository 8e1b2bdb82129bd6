/// What the processes of one shard do with an event. It may touch state of the event's destination only.
public protocol ShardModel: AnyObject {
    associatedtype Payload: EventPayload
    func handle(_ event: Event<Payload>, in shard: inout Shard<Payload>)
}

/// A conservative discrete-event simulation of processes that exchange messages.
///
/// Time runs in windows of the lookahead's width, aligned to its multiples: what is sent to another process in a
/// window arrives in a later one, so the shards of a window do not depend on each other. The window counter jumps
/// to that of the earliest pending event: empty time costs nothing. Each process handles its events in the order
/// of their keys, so the result, and the digest of it, do not depend on how processes are placed on shards.
///
/// The classical synchronous-window protocol: Lubachevsky, "Efficient distributed event-driven simulations of
/// multiple-loop networks", CACM 32 (1989).
public final class Simulation<Model: ShardModel> {
    public typealias Payload = Model.Payload

    public let processCount: Int
    /// Microseconds.
    public let lookahead: UInt64
    public let models: [Model]
    @usableFromInline let shards: UnsafeMutablePointer<Shard<Payload>>
    @usableFromInline let shardCount: Int
    private let sequences: UnsafeMutablePointer<UInt64>
    private let digests: UnsafeMutablePointer<Digest>
    private let shardOfProcess: UnsafeMutablePointer<UInt16>

    /// - Parameters:
    ///   - lookahead: microseconds that every message to another process takes at the least; positive.
    ///   - models: one a shard.
    ///   - shardOfProcess: for each process the index of its shard.
    public init(lookahead: UInt64, models: [Model], shardOfProcess placement: [UInt16]) {
        precondition(lookahead > 0, "a simulation needs a positive lookahead")
        precondition(!models.isEmpty && models.count <= Int(UInt16.max), "one model a shard")
        precondition(placement.allSatisfy { Int($0) < models.count }, "a process stands on a shard that is not")
        self.lookahead = lookahead
        self.models = models
        processCount = placement.count
        shardCount = models.count
        sequences = .allocate(capacity: placement.count)
        sequences.initialize(repeating: 0, count: placement.count)
        digests = .allocate(capacity: placement.count)
        digests.initialize(repeating: Digest(), count: placement.count)
        shardOfProcess = .allocate(capacity: placement.count)
        for (process, shard) in placement.enumerated() { shardOfProcess[process] = shard }
        shards = .allocate(capacity: models.count)
        for index in models.indices {
            (shards + index).initialize(
                to: Shard(
                    index: UInt16(index), shardCount: models.count, lookahead: lookahead, sequences: sequences,
                    digests: digests, shardOfProcess: shardOfProcess))
        }
    }

    deinit {
        shards.deinitialize(count: shardCount)
        shards.deallocate()
        sequences.deallocate()
        digests.deallocate()
        shardOfProcess.deallocate()
    }

    /// Puts an event of `process` for itself into the queue before the run.
    public func schedule(_ payload: Payload, for process: UInt32, at time: UInt64) {
        shards[Int(shardOfProcess[Int(process)])].enqueue(from: process, to: process, at: time, payload)
    }

    /// Handles events until none is pending before `end`.
    ///
    /// - Parameters:
    ///   - end: events at or after this time stay pending.
    ///   - batch: how many events pass between two calls of `interrupt` at the most (with one shard).
    ///   - interrupt: asked between batches; true ends the run early.
    /// - Returns: whether the run reached `end` (or ran out of events).
    @inlinable public func run(until end: UInt64 = .max, batch: Int = 65_536, interrupt: () -> Bool) -> Bool {
        if shardCount == 1 { return runAlone(until: end, batch: batch, interrupt: interrupt) }
        var handled = 0
        while true {
            var earliest = UInt64.max
            for index in 0..<shardCount { earliest = min(earliest, shards[index].queue.earliestTime) }
            if earliest >= end { return true }
            let windowEnd = min(end, (earliest / lookahead + 1) * lookahead)
            for index in 0..<shardCount {
                while shards[index].queue.earliestTime < windowEnd {
                    handleFirst(of: index)
                    handled += 1
                }
            }
            exchangeMailboxes()
            if handled >= batch {
                handled = 0
                if interrupt() { return false }
            }
        }
    }

    /// One shard needs no windows: the keys alone order it.
    @inlinable
    func runAlone(until end: UInt64, batch: Int, interrupt: () -> Bool) -> Bool {
        while true {
            for _ in 0..<batch {
                if shards[0].queue.earliestTime >= end { return true }
                handleFirst(of: 0)
            }
            if interrupt() { return false }
        }
    }

    @inlinable @inline(__always)
    func handleFirst(of index: Int) {
        let shard = shards + index
        let event = shard.pointee.queue.popFirst()
        shard.pointee.begin(event)
        models[index].handle(event, in: &shard.pointee)
    }

    @usableFromInline func exchangeMailboxes() {
        for sender in 0..<shardCount {
            for receiver in 0..<shardCount where !shards[sender].outgoing[receiver].events.isEmpty {
                var mailbox = Mailbox<Payload>()
                swap(&mailbox, &shards[sender].outgoing[receiver])
                shards[receiver].receive(&mailbox)
                swap(&mailbox, &shards[sender].outgoing[receiver])
            }
        }
    }

    /// Events handled so far.
    public var eventCount: UInt64 { (0..<shardCount).reduce(0) { $0 + shards[$1].eventCount } }

    /// The time of the latest event handled, in microseconds.
    public var now: UInt64 { (0..<shardCount).reduce(0) { max($0, shards[$1].now) } }

    /// Whether no event is pending.
    public var isDone: Bool { (0..<shardCount).allSatisfy { shards[$0].queue.isEmpty } }

    /// Attachments held by pending events and by the models.
    public var attachmentCount: Int { (0..<shardCount).reduce(0) { $0 + shards[$1].attachments.heldCount } }

    /// The digests of all processes, folded in the order of their indices.
    public var digest: Digest {
        (0..<processCount).reduce(into: Digest()) { whole, process in
            whole.fold(digests[process].value, sequences[process])
        }
    }
}

extension Shard {
    /// Moves to the event's time and process and folds its key and meaning.
    @inlinable mutating func begin(_ event: Event<Payload>) {
        precondition(event.key.time >= now || process != event.destination, "time ran backwards")
        now = event.key.time
        process = event.destination
        eventCount += 1
        digests[Int(process)].fold(now, UInt64(event.key.source) << 40 ^ event.key.sequence)
        event.payload.fold(into: &digests[Int(process)])
    }
}
