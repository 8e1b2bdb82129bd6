import Foundation

/// One run of the built tests, with a mutant or without.
struct Trial: Sendable {
    enum Outcome: Equatable, Sendable { case passed, failed, ranOut }

    let program: URL
    let suite: String
    let mutant: UInt32?
    /// Of wall time.
    let limit: TimeInterval

    /// Ends at the first test that fails. Whatever the tests start gets as much processor time, so that a mutant that
    /// runs for ever ends there as well, and 8 GB.
    func run() throws -> (outcome: Outcome, seconds: TimeInterval, tests: Int) {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = [
            "-c", "ulimit -c 0; ulimit -t \(Int(limit)); ulimit -v 16000000; exec \"$0\" \"$@\"",
            program.path,
            "--testing-library", "swift-testing", "--filter", suite,
        ]
        var environment = ProcessInfo.processInfo.environment
        environment["MILLRACE_MUTANT"] = mutant.map { String($0) }
        environment["SWIFT_BACKTRACE"] = "enable=no"
        process.environment = environment
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        let begin = ContinuousClock.now
        try process.run()
        let watch = DispatchSource.makeTimerSource()
        watch.setEventHandler { kill(process.processIdentifier, SIGKILL) }
        watch.schedule(deadline: .now() + limit)
        watch.resume()
        var (unread, hasFailed, tests) = (Data(), false, 0)
        while true {
            let data = pipe.fileHandleForReading.availableData
            if data.isEmpty { break }
            unread += data
            while let end = unread.firstIndex(of: 10) {
                let line = String(decoding: unread[..<end], as: UTF8.self)
                unread = Data(unread[(end + 1)...])
                if line.contains("recorded an issue"), !hasFailed {
                    hasFailed = true
                    kill(process.processIdentifier, SIGKILL)
                }
                if let found = line.firstMatch(of: /Test run with (\d+) tests?/) { tests = Int(found.1) ?? 0 }
            }
        }
        process.waitUntilExit()
        watch.cancel()
        let elapsed = (ContinuousClock.now - begin) / .seconds(1)
        let outcome: Outcome =
            if hasFailed {
                .failed
            } else if elapsed >= limit {
                .ranOut
            } else {
                process.terminationStatus == 0 && process.terminationReason == .exit ? .passed : .failed
            }
        return (outcome, elapsed, tests)
    }
}
