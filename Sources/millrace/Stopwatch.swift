import Foundation

/// Wall time. Nothing of it reaches the model.
struct Stopwatch {
    private let start = ContinuousClock.now

    var seconds: Double {
        let parts = (ContinuousClock.now - start).components
        return Double(parts.seconds) + Double(parts.attoseconds) / 1e18
    }
}

/// The most memory this process had at once, in bytes; nil where the system does not say.
func memoryPeak() -> UInt64? {
    var usage = rusage()
    #if os(macOS)
        guard getrusage(RUSAGE_SELF, &usage) == 0, usage.ru_maxrss > 0 else { return nil }
        return UInt64(usage.ru_maxrss)
    #else
        // Glibc imports the name as an enumeration, and Linux counts in kibibytes.
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0, usage.ru_maxrss > 0 else {
            return nil
        }
        return UInt64(usage.ru_maxrss) * 1_024
    #endif
}
