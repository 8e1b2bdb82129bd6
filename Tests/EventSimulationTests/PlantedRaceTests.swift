import Foundation
import Testing

@testable import EventSimulation

@Suite struct `The thread sanitizer` {
    /// A window's shards that write to one place, as no shard may: `scripts/thread-sanitizer` runs this and demands a
    /// report. On its own it proves nothing, so it does not run with the other tests.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["MILLRACE_PLANTED_RACE"] != nil))
    func `finds a planted race`() {
        let place = UnsafeMutablePointer<Int>.allocate(capacity: 1)
        place.initialize(to: 0)
        defer { place.deallocate() }
        WindowCrew.run(threads: 2) { crew in
            for _ in 0..<200 {
                crew.perform(2) { _ in
                    for _ in 0..<10_000 { place.pointee += 1 }
                }
            }
        }
        #expect(place.pointee > 0)
    }
}
