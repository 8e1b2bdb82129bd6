import Dispatch
import Foundation
import Synchronization

/// Control-C: the first asks the command to finish cleanly, the second ends it.
enum Interruption {
    private static let requests = Atomic<Int>(0)

    static var isRequested: Bool { requests.load(ordering: .relaxed) > 0 }

    /// Listens from now on; to be called once.
    static func listen() {
        signal(SIGINT) { _ in
            // Only what a signal handler may do: one atomic addition, and leaving at once.
            if Interruption.requests.add(1, ordering: .relaxed).oldValue > 0 {
                _exit(ExitStatus.interrupted.rawValue)
            }
        }
    }
}
