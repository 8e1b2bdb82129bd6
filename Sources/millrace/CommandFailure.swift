import Foundation
import PaymentNetwork
import RunStore
import Topologies

/// What the shell learns; the numbers of `sysexits.h` where it has them.
enum ExitStatus: Int32 {
    case done = 0
    case usage = 64
    case badInput = 65
    case brokenInvariant = 70
    case inputOutput = 74
    /// Another process has it.
    case inUse = 75
    /// By Control-C.
    case interrupted = 130
    /// By SIGTERM.
    case terminated = 143
}

/// Why a command ended early: an exit code and one line.
struct CommandFailure: Error {
    var status: ExitStatus
    var message: String

    init(_ status: ExitStatus, _ message: String) {
        self.status = status
        self.message = message
    }
}

extension CommandFailure {
    init(_ error: RunStoreError) {
        switch error {
        case .occupied: self.init(.usage, error.description)
        case .inUse: self.init(.inUse, error.description)
        case .notResumable, .otherSchema, .otherRows: self.init(.badInput, error.description)
        case .failed, .database: self.init(.inputOutput, error.description)
        }
    }

    /// Ended by whoever runs the command, as it was asked to.
    ///
    /// - Parameter rest: what follows in the message.
    static func interrupted(_ rest: String = "") -> CommandFailure {
        Interruption.isTermination
            ? CommandFailure(.terminated, "terminated\(rest)")
            : CommandFailure(.interrupted, "interrupted\(rest)")
    }

    /// What a run threw, its recorder included.
    init(duringRun error: any Error) {
        switch error {
        case let failure as CommandFailure: self = failure
        case let error as RunStoreError: self.init(error)
        case SimulationError.noTraffic, SimulationError.idleFlow: self.init(.badInput, "\(error)")
        case SimulationError.interrupted: self = .interrupted()
        case SimulationError.brokenInvariant(let what):
            self.init(.brokenInvariant, "an invariant is broken, a fault of the program: \(what)")
        case SimulationError.recordingFailed(let error): self.init(duringRun: error)
        default: self.init(.inputOutput, "\(error)")
        }
    }
}

/// Standard error: progress and diagnostics, never results.
enum Diagnostics {
    static func say(_ message: String) {
        // Several lines of a library become one; names of files and what they say become harmless.
        let line = message.utf8.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
            .map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
        ProgressLine.clearIfDrawn()
        write("millrace: \(PlainText.line(line))\n")
    }

    static func write(_ text: String) {
        // Nobody is left to tell that standard error is gone.
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}
