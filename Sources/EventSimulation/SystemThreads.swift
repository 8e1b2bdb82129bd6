import Foundation
import Synchronization

/// Threads asked of the system one by one, which may have none left (`ulimit -u`): Dispatch would wait for one for ever.
///
///     let helpers = SystemThreads(3) { helper in work(helper) }
///     helpers.join()
package final class SystemThreads {
    private var handles: [pthread_t] = []

    /// What one thread runs.
    private final class Start: Sendable {
        let body: @Sendable (Int) -> Void
        let index: Int

        init(_ index: Int, _ body: @escaping @Sendable (Int) -> Void) {
            self.index = index
            self.body = body
        }
    }

    /// Starts as many of `count` threads as the system gives; each calls `body` with its number, from 0.
    package init(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        for index in 0..<count {
            let start = Unmanaged.passRetained(Start(index, body))
            guard let handle = Self.start(start.toOpaque()) else {
                start.release()
                return
            }
            handles.append(handle)
        }
    }

    /// How many there are.
    package var count: Int { handles.count }

    /// Waits until all have ended.
    package func join() {
        for handle in handles { pthread_join(handle, nil) }
        handles = []
    }

    private static func start(_ argument: UnsafeMutableRawPointer) -> pthread_t? {
        #if os(Linux)
            var handle = pthread_t()
        #else
            var handle: pthread_t?
        #endif
        let status = pthread_create(
            &handle, nil,
            { argument in
                SystemThreads.run(argument)
                return nil
            }, argument)
        return status == 0 ? handle : nil
    }

    private static func run(_ argument: UnsafeMutableRawPointer?) {
        guard let argument else { return }
        let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        start.body(start.index)
    }

    /// How many threads this process may run at the same time: more are of no use.
    package static var processorCount: Int { ProcessInfo.processInfo.activeProcessorCount }

    /// Calls `body` once for each of 0 ..< `count`, on the calling thread and on up to `threads - 1` others.
    package static func perform(_ count: Int, threads: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let next = Counter()
        let take: @Sendable () -> Void = {
            while let index = next.take(below: count) { body(index) }
        }
        let helpers = SystemThreads(max(0, min(threads, count) - 1)) { _ in take() }
        take()
        helpers.join()
    }

    private final class Counter: Sendable {
        private let next = Atomic<Int>(0)

        func take(below end: Int) -> Int? {
            let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
            return index < end ? index : nil
        }
    }
}
