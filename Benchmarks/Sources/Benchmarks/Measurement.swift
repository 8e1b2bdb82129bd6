import Dispatch

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What something took: wall time, and processor time of all threads together.
struct Measurement {
    var wall: Double
    var processor: Double

    /// Runs `body` so many times and keeps the least of each: what disturbs a measurement only ever adds to it.
    static func best<Value>(of repetitions: Int, _ body: () throws -> Value) rethrows -> (
        Measurement, Value
    ) {
        precondition(repetitions > 0, "nothing is measured")
        var (best, value) = try once(body)
        for _ in 1..<repetitions {
            let next: Measurement
            (next, value) = try once(body)
            best.wall = min(best.wall, next.wall)
            best.processor = min(best.processor, next.processor)
        }
        return (best, value)
    }

    static func once<Value>(_ body: () throws -> Value) rethrows -> (Measurement, Value) {
        let processor = processorSeconds
        let start = DispatchTime.now().uptimeNanoseconds
        let value = try body()
        let wall = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
        return (Measurement(wall: wall, processor: processorSeconds - processor), value)
    }

    private static var processorSeconds: Double {
        var time = timespec()
        precondition(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0, "the system keeps no time")
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
