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
/// wake a thread. So each worker is one long-lived thread that spins for the next window, but only for a
/// short while: then it sleeps on a semaphore and costs nothing until a window comes that is worth waking it for.
/// The caller works too and never waits for a worker to begin: a worker that got no core in time finds nothing left.
/// Who would wait for others asks for an errand instead: work that is due later, and may be done at any time.
public final class WindowCrew: @unchecked Sendable {
    // Unchecked: `body` is written by the caller before it raises `round`, and read by workers that saw it raised.

    /// Rounds of spinning before a worker sleeps, or the caller lets others have the core; some 200 µs. Waking a
    /// sleeper can take as long, and dense traffic brings a window worth sharing every few hundred microseconds.
    private static let patience = 200_000

    private var workers: SystemThreads?
    /// How many there are, the calling one included: as many as were asked for, or as the system gave.
    public private(set) var threadCount = 1
    /// Raised once for each window.
    private let round = Atomic<UInt64>(0)
    /// The items not taken yet: round << 32 | end << 16 | first, so that a late worker takes none of another round.
    private let ticket = Atomic<UInt64>(0)
    private let finished = Atomic<Int>(0)
    private let sleeping = Atomic<Int>(0)
    private let isOver = Atomic<Bool>(false)
    private let wakeUp = DispatchSemaphore(value: 0)
    private var body: (Int) -> Void = { _ in }
    private let runErrand: @Sendable () -> Bool

    private init(workers: Int, runErrand: @escaping @Sendable () -> Bool) {
        self.runErrand = runErrand
        let workers = SystemThreads(workers) { worker in self.work(fromEnd: worker % 2 == 0) }
        self.workers = workers
        threadCount = workers.count + 1
    }

    /// Runs `job` with a crew of `threads`, the calling one included.
    ///
    /// Where the system has no room for so many, those it gives do the work, in the end the calling one alone.
    ///
    /// - Parameter runErrand: does a piece of work that is due later; false: there is none. Called on several threads
    ///   at a time.
    public static func run<Result>(
        threads: Int, runErrand: @escaping @Sendable () -> Bool = { false },
        _ job: (WindowCrew) -> Result
    ) -> Result {
        precondition(threads > 0, "somebody has to do it")
        let crew = WindowCrew(workers: threads - 1, runErrand: runErrand)
        defer { crew.dismiss() }
        return job(crew)
    }

    private func dismiss() {
        isOver.store(true, ordering: .releasing)
        for _ in 1..<max(threadCount, 1) { wakeUp.signal() }
        workers?.join()
    }

    /// There are new errands: workers that sleep may do them.
    public func wakeForErrands() {
        for _ in 0..<sleeping.load(ordering: .sequentiallyConsistent) { wakeUp.signal() }
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
            takeItems(of: number, fromEnd: false)
            var spins = 0
            while finished.load(ordering: .acquiring) < count {
                if runErrand() { continue }
                spins += 1
                if spins > Self.patience { sched_yield() }
            }
            self.body = { _ in }
        }
    }

    /// Takes items of a round until none is left: some threads the first that is left and others the last, so that
    /// from window to window most shards stay on their thread, and with them their memory in its cache.
    private func takeItems(of number: UInt64, fromEnd: Bool) {
        while true {
            let left = ticket.load(ordering: .acquiring)
            let (first, end) = (left & 0xFFFF, left >> 16 & 0xFFFF)
            guard left >> 32 == number, first < end else { return }
            let rest = fromEnd ? left - (1 << 16) : left + 1
            guard
                ticket.compareExchange(expected: left, desired: rest, ordering: .acquiringAndReleasing)
                    .exchanged
            else { continue }
            body(Int(fromEnd ? end - 1 : first))
            finished.wrappingAdd(1, ordering: .releasing)
        }
    }

    private func work(fromEnd: Bool) {
        var seen: UInt64 = 0
        var spins = 0
        while !isOver.load(ordering: .acquiring) {
            let current = round.load(ordering: .acquiring)
            if current != seen {
                seen = current
                takeItems(of: current, fromEnd: fromEnd)
                spins = 0
                continue
            }
            if runErrand() {
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
