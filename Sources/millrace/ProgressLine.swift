import Foundation
import PaymentNetwork
import Reports
import Synchronization

/// One line of a terminal's standard error, redrawn while a command works; silent anywhere else.
struct ProgressLine {
    private let isShown: Bool
    private let stopwatch = Stopwatch()

    init(isQuiet: Bool) { isShown = !isQuiet && Terminal.isStandardErrorOne }

    /// The state of one run.
    func draw(_ progress: RunProgress) {
        guard isShown else { return }
        let ended = progress.settled + progress.failed
        let seconds = stopwatch.seconds
        var parts = [
            Figures.duration(microseconds: progress.simulated),
            progress.started < 100_000
                ? Figures.counted(progress.started, "payment")
                : "\(Figures.rate(Double(progress.started))) payments",
        ]
        if ended > 0 {
            parts.append("\(Figures.percent(Double(progress.settled) / Double(ended), places: 1)) settled")
        }
        parts.append("\(Figures.rate(Double(ended) / max(seconds, 1e-3))) payments/s")
        draw(fraction: progress.fraction, parts)
    }

    /// What is done where nobody knows how far it has come.
    func draw(_ text: String) {
        guard isShown else { return }
        let width = Terminal.standardErrorWidth - 1
        show(TerminalText(text).truncated(to: width).text)
    }

    func draw(fraction: Double, _ parts: [String]) {
        guard isShown else { return }
        let seconds = stopwatch.seconds
        var head = Figures.percent(fraction, places: 0)
        if fraction > 0, fraction < 1 {
            let left = min(max((seconds * (1 - fraction) / fraction).rounded(), 1), 1e9)
            head += "  \(Figures.duration(microseconds: UInt64(left) * 1_000_000)) left"
        }
        // What matters most stands first: a narrow terminal cuts the end. The bar takes what room there is.
        let width = Terminal.standardErrorWidth - 1
        let text = ([head] + parts).joined(separator: "  ")
        let cells = min(width - text.count - 1, 20)
        var line = TerminalText(text).truncated(to: width)
        if cells >= 4 {
            let full = Int((min(max(fraction, 0), 1) * Double(cells)).rounded(.down))
            let bar = String(repeating: "█", count: full) + String(repeating: "░", count: cells - full)
            line = TerminalText("\(bar) \(text)")
        }
        show(line.text)
    }

    private func show(_ line: String) {
        Self.isDrawn.store(true, ordering: .relaxed)
        Diagnostics.write("\r\u{1B}[K\(line)")
    }

    /// Leaves the line empty for what comes next.
    func clear() {
        if isShown { Self.clearIfDrawn() }
    }

    /// Whether there is one on the terminal now, whoever drew it.
    private static let isDrawn = Atomic<Bool>(false)

    /// So that what is said next does not stand behind it.
    static func clearIfDrawn() {
        if isDrawn.exchange(false, ordering: .relaxed) { Diagnostics.write("\r\u{1B}[K") }
    }
}

/// What the streams are connected to.
enum Terminal {
    static var isStandardErrorOne: Bool {
        isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    }

    /// Weight and colour only where a person reads, and unless they asked for none (no-color.org).
    static var outputStyle: TextStyle {
        let environment = ProcessInfo.processInfo.environment
        let refuses = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
        return TextStyle(isRich: isatty(STDOUT_FILENO) == 1 && !refuses)
    }

    static var standardErrorWidth: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}

/// Standard output: results, and nothing else.
enum Output {
    static func write(_ text: String) throws(CommandFailure) { try write(Array(text.utf8)) }

    static func write(_ bytes: [UInt8]) throws(CommandFailure) {
        do {
            try FileHandle.standardOutput.write(contentsOf: bytes)
        } catch {
            throw CommandFailure(.inputOutput, "standard output: \(String(cString: strerror(errno)))")
        }
    }
}
