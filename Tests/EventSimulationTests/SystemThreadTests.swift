import Synchronization
import Testing

@testable import EventSimulation

struct SystemThreadTests {
    @Test(arguments: [1, 2, 7], [0, 1, 5, 100])
    func `every item is done once, on however many threads`(threads: Int, count: Int) {
        let done = Mutex([Int](repeating: 0, count: count))
        SystemThreads.perform(count, threads: threads) { index in done.withLock { $0[index] += 1 } }
        #expect(done.withLock { $0 } == Array(repeating: 1, count: count))
    }

    @Test func `each thread gets its number, and is waited for`() {
        let seen = Mutex<[Int]>([])
        let threads = SystemThreads(5) { number in seen.withLock { $0.append(number) } }
        #expect(threads.count == 5)
        threads.join()
        #expect(seen.withLock { $0.sorted() } == [0, 1, 2, 3, 4])
        #expect(SystemThreads.processorCount > 0)
    }
}
