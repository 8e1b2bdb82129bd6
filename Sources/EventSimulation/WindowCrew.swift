import Dispatch
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Threads that handle the shards of one window together, again and again.
///
/// A window of a few hundred events lasts tens of microseconds, less than a semaphore or `concurrentPerform` takes to
/// wake a thread. So each worker is one long-lived Dispatch work item that spins for the next window, but only for a
/// short while: then it sleeps on a semaphore and costs nothing until a window comes that is worth waking it for.
/// The caller works too and never waits for a worker to begin: a worker that got no core in time finds nothing left.
public final class WindowCrew: @unchecked Sendable {
    // Unchecked: `body` is written by the caller before it raises `round`, and read by workers that saw it raised.

    /// Rounds of spinning before a worker sleeps, or the caller lets others have the core; some 200 µs. Waking a sleeper
    /// can take as long, and dense traffic brings a window worth sharing every few hundred microseconds.
    private static let patience = 200_000

    /// The calling thread and the workers.
    public var threadCount: Int { workerCount + 1 }

    private let workerCount: Int
    /// Raised once for each window.
    private let round = Atomic<UInt64>(0)
    /// The next item to take: round << 32 | items << 16 | index, so that a late worker takes none of another round.
    private let ticket = Atomic<UInt64>(0)
    private let finished = Atomic<Int>(0)
    private let sleeping = Atomic<Int>(0)
    private let isOver = Atomic<Bool>(false)
    private let wakeUp = DispatchSemaphore(value: 0)
    private let goneHome = DispatchGroup()
    private var body: (Int) -> Void = { _ in }

    private init(workers: Int) {
        workerCount = workers
        for worker in 0..<workers {
            // A serial queue of its own gets a thread of its own, however many others are blocked.
            let queue = DispatchQueue(label: "millrace.worker.\(worker)", qos: .userInitiated)
            queue.async(group: goneHome) { self.work() }
        }
    }

    /// Runs `job` with a crew of `threads`, the calling one included.
    public static func run<Result>(threads: Int, _ job: (WindowCrew) -> Result) -> Result {
        precondition(threads > 0, "somebody has to do it")
        let crew = WindowCrew(workers: threads - 1)
        defer { crew.dismiss() }
        return job(crew)
    }

    private func dismiss() {
        isOver.store(true, ordering: .releasing)
        for _ in 0..<workerCount { wakeUp.signal() }
        goneHome.wait()
    }

    /// Calls `body` once for each of 0 ..< `count` on any threads of the crew, and returns when all are done.
    public func perform(_ count: Int, _ body: (Int) -> Void) {
        precondition(count > 0 && count < 1 << 16, "a window has from 1 to 65,535 shards")
        withoutActuallyEscaping(body) { body in
            self.body = body
            finished.store(0, ordering: .relaxed)
            let number = (round.load(ordering: .relaxed) + 1) & 0xFFFF_FFFF
            ticket.store(number << 32 | UInt64(count) << 16, ordering: .releasing)
            round.store(number, ordering: .sequentiallyConsistent)
            let asleep = sleeping.load(ordering: .sequentiallyConsistent)
            for _ in 0..<min(asleep, count - 1) { wakeUp.signal() }
            takeItems(of: number)
            var spins = 0
            while finished.load(ordering: .acquiring) < count {
                spins += 1
                if spins > Self.patience { sched_yield() }
            }
            self.body = { _ in }
        }
    }

    /// Takes items of a round until none is left.
    private func takeItems(of number: UInt64) {
        while true {
            let taken = ticket.load(ordering: .acquiring)
            let index = Int(taken & 0xFFFF)
            guard taken >> 32 == number, index < Int(taken >> 16 & 0xFFFF) else { return }
            guard
                ticket.compareExchange(expected: taken, desired: taken + 1, ordering: .acquiringAndReleasing)
                    .exchanged
            else { continue }
            body(index)
            finished.wrappingAdd(1, ordering: .releasing)
        }
    }

    private func work() {
        var seen: UInt64 = 0
        var spins = 0
        while !isOver.load(ordering: .acquiring) {
            let current = round.load(ordering: .acquiring)
            if current != seen {
                seen = current
                takeItems(of: current)
                spins = 0
                continue
            }
            spins += 1
            if spins < Self.patience { continue }
            spins = 0
            sleeping.wrappingAdd(1, ordering: .sequentiallyConsistent)
            // A round raised in between did not see this worker asleep: look once more before sleeping.
            if round.load(ordering: .sequentiallyConsistent) == seen, !isOver.load(ordering: .acquiring) {
                wakeUp.wait()
            }
            sleeping.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        }
    }
}
