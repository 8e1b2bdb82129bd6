/// What the processes of one shard do with an event. It may touch state of the event's destination only.
public protocol ShardModel: AnyObject {
    associatedtype Payload: EventPayload
    func handle(_ event: Event<Payload>, in shard: inout Shard<Payload>)
    /// Called by one thread after every window, when no shard is at work: what one model publishes to the others is
    /// handed over here.
    func windowEnded()
}

extension ShardModel {
    @inlinable public func windowEnded() {}
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
    ///   - end: events at or after this time stay pending; a multiple of the lookahead, or the end of time.
    ///   - threads: how many may handle shards at the same time.
    ///   - batch: how many events pass between two calls of `interrupt`, and what its window adds.
    ///   - interrupt: asked between windows; true ends the run early, and it can be taken up again.
    /// - Returns: whether the run reached `end` (or ran out of events).
    @inlinable public func run(
        until end: UInt64 = .max, threads: Int = 1, batch: Int = 65_536, interrupt: () -> Bool
    ) -> Bool {
        precondition(end == .max || end % lookahead == 0, "a run ends with a window")
        let endWindow = end / lookahead
        var handled: UInt64 = 0
        if shardCount == 1 || threads == 1 {
            while let window = nextWindow, window < endWindow {
                let before = handled
                for index in 0..<shardCount { handled += handle(window, of: index) }
                finishWindow()
                if handled / UInt64(batch) != before / UInt64(batch), interrupt() { return false }
            }
            return true
        }
        return WindowCrew.run(threads: min(threads, shardCount)) { crew in
            while let window = nextWindow, window < endWindow {
                let before = handled
                handled += handleTogether(window, with: crew)
                finishWindow()
                if handled / UInt64(batch) != before / UInt64(batch), interrupt() { return false }
            }
            return true
        }
    }

    /// The first window with an event anywhere; nil when none is pending.
    @inlinable var nextWindow: UInt64? {
        var earliest: UInt64?
        for index in 0..<shardCount {
            guard let window = shards[index].queue.nextWindow else { continue }
            if earliest.map({ window < $0 }) ?? true { earliest = window }
        }
        return earliest
    }

    /// Handles what one shard has in `window`.
    @inlinable func handle(_ window: UInt64, of index: Int) -> UInt64 {
        let shard = shards + index
        shard.pointee.queue.open(window)
        let before = shard.pointee.eventCount
        let model = models[index]
        while let event = shard.pointee.queue.popInWindow() {
            shard.pointee.begin(event)
            model.handle(event, in: &shard.pointee)
        }
        return shard.pointee.eventCount - before
    }

    /// Windows with fewer events than this are handled by the calling thread: waking another costs more.
    @usableFromInline static var crewThreshold: Int { 48 }

    @inlinable func handleTogether(_ window: UInt64, with crew: WindowCrew) -> UInt64 {
        var known = 0
        for index in 0..<shardCount where shards[index].queue.count > 0 {
            known += shards[index].queue.count(in: max(window, shards[index].queue.openWindow))
        }
        var handled: UInt64 = 0
        if known < Self.crewThreshold {
            for index in 0..<shardCount { handled += handle(window, of: index) }
            return handled
        }
        let before = eventCount
        // Shards share nothing: whoever takes one handles it to the end of the window.
        crew.perform(shardCount) { [self] index in _ = handle(window, of: index) }
        return eventCount - before
    }

    /// Hands over what the shards sent each other, and lets the models act between windows.
    @inlinable func finishWindow() {
        if shardCount > 1 { exchangeMailboxes() }
        for model in models { model.windowEnded() }
    }

    @usableFromInline func exchangeMailboxes() {
        for sender in 0..<shardCount where shards[sender].outgoingWindow != .max {
            shards[sender].outgoingWindow = .max
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
    public var isDone: Bool { (0..<shardCount).allSatisfy { shards[$0].queue.count == 0 } }

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
