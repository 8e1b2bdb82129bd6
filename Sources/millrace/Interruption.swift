import Dispatch
import Foundation
import Synchronization

/// Control-C, and SIGTERM as a cluster sends it before it takes the machine away: the first asks the command to finish
/// cleanly, the second ends it.
enum Interruption {
    /// The signal that came first; zero: none has.
    private static let signal = Atomic<Int32>(0)

    static var isRequested: Bool { signal.load(ordering: .relaxed) != 0 }

    /// Whether it was SIGTERM.
    static var isTermination: Bool { signal.load(ordering: .relaxed) == SIGTERM }

    /// Listens from now on; to be called once.
    static func listen() {
        // A child of a Dispatch thread begins with all signals blocked.
        var awaited = sigset_t()
        sigemptyset(&awaited)
        defer { pthread_sigmask(SIG_UNBLOCK, &awaited, nil) }
        for number in [SIGINT, SIGTERM] {
            sigaddset(&awaited, number)
            Foundation.signal(number) { number in
                // Only what a signal handler may do: one atomic exchange, and leaving at once.
                let first = Interruption.signal.compareExchange(
                    expected: 0, desired: number, ordering: .relaxed)
                if !first.exchanged { _exit(128 + number) }
            }
        }
    }
}
