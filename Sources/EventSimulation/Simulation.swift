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
    /// Two sets of mailboxes, by sender and receiver: one is filled while the other is emptied.
    @usableFromInline let mailboxes: UnsafeMutablePointer<Mailbox<Payload>>
    @usableFromInline var filledSet = 0
    /// What lies in the set that is being emptied: how much, and the earliest window among it.
    @usableFromInline var mailCount = 0
    @usableFromInline var mailWindow: UInt64 = .max
    /// The first window each shard has an event in; `.max` for none.
    @usableFromInline let nextWindows: UnsafeMutablePointer<UInt64>
    /// Whether the present window is handled by the calling thread alone.
    @usableFromInline let isAlone: UnsafeMutablePointer<Bool>
    private let progress: UnsafeMutablePointer<ProcessProgress>
    private let shardOfProcess: UnsafeMutablePointer<UInt16>

    /// - Parameters:
    ///   - lookahead: microseconds that every message to another process takes at the least; positive.
    ///   - models: one a shard.
    ///   - shardOfProcess: for each process the index of its shard.
    public init(lookahead: UInt64, models: [Model], shardOfProcess placement: [UInt16]) {
        precondition(lookahead > 0, "a simulation needs a positive lookahead")
        precondition(!models.isEmpty && models.count <= Int(UInt16.max), "one model a shard")
        precondition(
            placement.allSatisfy { Int($0) < models.count }, "a process stands on a shard that is not")
        self.lookahead = lookahead
        self.models = models
        processCount = placement.count
        shardCount = models.count
        progress = .allocate(capacity: placement.count)
        progress.initialize(repeating: ProcessProgress(), count: placement.count)
        shardOfProcess = .allocate(capacity: placement.count)
        for (process, shard) in placement.enumerated() { shardOfProcess[process] = shard }
        let boxCount = 2 * models.count * models.count
        mailboxes = .allocate(capacity: boxCount)
        for box in 0..<boxCount { (mailboxes + box).initialize(to: Mailbox()) }
        nextWindows = .allocate(capacity: models.count)
        nextWindows.initialize(repeating: .max, count: models.count)
        isAlone = .allocate(capacity: 1)
        isAlone.initialize(to: true)
        shards = .allocate(capacity: models.count)
        for index in models.indices {
            (shards + index).initialize(
                to: Shard(
                    index: UInt16(index), lookahead: lookahead, progress: progress,
                    shardOfProcess: shardOfProcess, shards: shards, nextWindows: nextWindows,
                    isAlone: isAlone,
                    outgoing: mailboxes + index * models.count))
        }
    }

    deinit {
        shards.deinitialize(count: shardCount)
        shards.deallocate()
        mailboxes.deinitialize(count: 2 * shardCount * shardCount)
        mailboxes.deallocate()
        nextWindows.deallocate()
        isAlone.deallocate()
        progress.deallocate()
        shardOfProcess.deallocate()
    }

    /// Puts an event of `process` for itself into the queue before the run.
    public func schedule(_ payload: Payload, for process: UInt32, at time: UInt64) {
        let shard = Int(shardOfProcess[Int(process)])
        shards[shard].enqueue(from: process, to: process, at: time, payload)
        nextWindows[shard] = min(nextWindows[shard], time / lookahead)
    }

    /// Handles events until none is pending before `end`.
    ///
    /// - Parameters:
    ///   - end: events at or after this time stay pending; a multiple of the lookahead, or the end of time.
    ///   - threads: how many may handle shards at the same time.
    ///   - crewThreshold: windows with fewer events are handled by the calling thread alone; by default what pays for
    ///     waking another where an event costs about a microsecond.
    ///   - batch: how many events pass between two calls of `interrupt`, and what its window adds.
    ///   - beforeWindow: called before every window, when no shard is at work: what one model publishes to the others
    ///     is handed over here. With several threads it gets their crew.
    ///   - runErrand: asked by threads that would wait for others; see `WindowCrew.run`.
    ///   - interrupt: asked between windows; true ends the run early, and it can be taken up again.
    /// - Returns: whether the run reached `end` (or ran out of events).
    @inlinable public func run(
        until end: UInt64 = .max, threads: Int = 1, crewThreshold: Int = 48, batch: Int = 65_536,
        beforeWindow: (_ window: UInt64, WindowCrew?) -> Void = { _, _ in },
        runErrand: @escaping @Sendable () -> Bool = { false }, interrupt: () -> Bool
    ) -> Bool {
        precondition(end == .max || end % lookahead == 0, "a run ends with a window")
        let end = end / lookahead
        if threads == 1 { return handleWindows(before: end, nil, .max, batch, beforeWindow, interrupt) }
        return WindowCrew.run(threads: threads, runErrand: runErrand) { crew in
            handleWindows(before: end, crew, crewThreshold, batch, beforeWindow, interrupt)
        }
    }

    /// How many windows pass between two counts of the events handled.
    @usableFromInline static var countedWindows: Int { 16 }

    @inlinable func handleWindows(
        before end: UInt64, _ crew: WindowCrew?, _ crewThreshold: Int, _ batch: Int,
        _ beforeWindow: (UInt64, WindowCrew?) -> Void, _ interrupt: () -> Bool
    ) -> Bool {
        var batches = eventCount / UInt64(batch)
        // Counting takes a look at every shard; sparse windows cannot afford it each time.
        var windowsUncounted = 0
        while let window = nextWindow, window < end {
            beforeWindow(window, crew)
            windowsUncounted += 1
            if let crew, shardCount > 1, eventsKnown(in: window) >= crewThreshold {
                isAlone.pointee = false
                // Shards share nothing: whoever takes one handles it to the end of the window.
                crew.perform(shardCount) { [self] index in
                    if mailCount > 0 { takeMail(of: index) }
                    handle(window, of: index)
                }
                exchangeMail()
            } else {
                deliverMail()
                for index in 0..<shardCount where nextWindows[index] == window { handle(window, of: index) }
            }
            guard windowsUncounted == Self.countedWindows else { continue }
            windowsUncounted = 0
            let handled = eventCount / UInt64(batch)
            if handled != batches {
                batches = handled
                deliverMail()
                if interrupt() { return false }
            }
        }
        deliverMail()
        return true
    }

    /// The first window with an event anywhere; nil when none is pending.
    @inlinable var nextWindow: UInt64? {
        var earliest = mailWindow
        for index in 0..<shardCount { earliest = min(earliest, nextWindows[index]) }
        return earliest == .max ? nil : earliest
    }

    /// Handles what one shard has in `window`.
    @inlinable func handle(_ window: UInt64, of index: Int) {
        let shard = shards + index
        shard.pointee.queue.open(window)
        let model = models[index]
        while let event = shard.pointee.queue.popInWindow() {
            shard.pointee.begin(event)
            model.handle(event, in: &shard.pointee)
        }
        nextWindows[index] = shard.pointee.queue.nextWindow ?? .max
    }

    @inlinable func takeMail(of index: Int) {
        let shard = shards + index
        for sender in 0..<shardCount {
            let box = mailboxes + ((1 - filledSet) * shardCount + sender) * shardCount + index
            if box.pointee.count > 0 {
                box.pointee.empty(into: &shard.pointee.queue, &shard.pointee.attachments)
            }
        }
    }

    @inlinable func eventsKnown(in window: UInt64) -> Int {
        var known = mailWindow == window ? mailCount : 0
        for index in 0..<shardCount where nextWindows[index] == window {
            known += shards[index].queue.count(in: window)
        }
        return known
    }

    /// What was sent in a window handled together is what the next window takes in.
    @inlinable func exchangeMail() {
        isAlone.pointee = true
        mailCount = 0
        mailWindow = .max
        filledSet = 1 - filledSet
        for index in 0..<shardCount {
            mailCount += shards[index].outgoingCount
            mailWindow = min(mailWindow, shards[index].outgoingWindow)
            shards[index].outgoingCount = 0
            shards[index].outgoingWindow = .max
            shards[index].outgoing = mailboxes + (filledSet * shardCount + index) * shardCount
        }
    }

    /// Puts all mail into the queues, so that these hold everything that is pending.
    @inlinable func deliverMail() {
        if mailCount == 0 { return }
        for index in 0..<shardCount {
            takeMail(of: index)
            nextWindows[index] = shards[index].queue.nextWindow ?? .max
        }
        mailCount = 0
        mailWindow = .max
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
            whole.fold(progress[process].digest.value, progress[process].sequence)
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
        let own = progress + Int(process)
        own.pointee.digest.fold(now, UInt64(event.key.source) << 40 ^ event.key.sequence)
        event.payload.fold(into: &own.pointee.digest)
    }
}
