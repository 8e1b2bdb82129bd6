import ArgumentParser
import Foundation
import Logging
import PaymentNetwork
import Reports
import Topologies

/// What the program tells of its work on standard error, beside the progress line, from a level on.
///
/// `info`: phases, gossip epochs and faults. `debug`: checkpoints, and how busy the engine is, about once a second.
/// `trace`: the network at the end of every simulated hour. The default, `notice`, adds nothing.
struct ProgramLog {
    private let logger: Logger
    private let stopwatch = Stopwatch()
    private var last: (seconds: Double, progress: RunProgress)?

    private let nodes: [Topology.Node]

    init(level: LogLevel, of topology: Topology) {
        nodes = topology.nodes
        var logger = Logger(label: "millrace") { _ in StandardErrorLog() }
        logger.logLevel = level.level
        self.logger = logger
    }

    func phase(_ text: String) { logger.info("\(text)") }

    /// What a simulation tells between two windows.
    func note(_ note: RunNote) {
        switch note {
        case .gossipEpoch(let time, let updates):
            logger.info(
                "gossip epoch at \(Figures.duration(microseconds: time)): \(Figures.counted(UInt64(updates), "update"))"
            )
        case .fault(let happening, let kind):
            let victim = happening.node.map { " of \(TerminalText(nodes[Int($0)].alias).text)" } ?? ""
            let end =
                happening.end == .max
                ? "" : ", for \(Figures.duration(microseconds: happening.end - happening.start))"
            logger.info(
                "fault at \(Figures.duration(microseconds: happening.start)): \(kind.rawValue)\(victim)\(end)"
            )
        case .fewerThreads(let made, let asked):
            logger.notice(
                "the system gives \(Figures.counted(UInt64(made), "thread")) of the \(asked) asked for; the result is the same"
            )
        case .hour(let hour, let network):
            logger.trace(
                "hour \(hour): \(Figures.count(network.pendingHTLCs)) HTLCs pending, \(network.depletedDirections) of \(network.openDirections) directions depleted, \(Figures.satoshis(network.drift, decimals: false)) sat drifted"
            )
        }
    }

    func checkpoint(bytes: Int, at time: UInt64, seconds: Double) {
        logger.debug(
            "checkpoint at \(Figures.duration(microseconds: time)): \(Figures.count(UInt64(bytes))) bytes in \(Figures.decimal(seconds, 3)) s"
        )
    }

    /// Once a second at the most.
    mutating func progress(_ progress: RunProgress) {
        guard logger.logLevel <= .debug else { return }
        let now = stopwatch.seconds
        guard let before = last else {
            last = (now, progress)
            return
        }
        guard now - before.seconds >= 1 else { return }
        last = (now, progress)
        let events = progress.events - before.progress.events
        let windows = progress.windows - before.progress.windows
        let perWindow = Double(events) / Double(max(windows, 1))
        let perSecond = Double(events) / (now - before.seconds)
        logger.debug(
            "at \(Figures.duration(microseconds: progress.simulated)): \(Figures.count(windows)) windows of \(Figures.decimal(perWindow, 1)) events, \(Figures.rate(perSecond)) events/s, \(Figures.count(progress.started - progress.settled - progress.failed)) payments underway"
        )
    }
}

/// `millrace: info: ...`, over the progress line where there is one.
private struct StandardErrorLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.notice

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let clearing = Terminal.isStandardErrorOne ? "\r\u{1B}[K" : ""
        Diagnostics.write("\(clearing)millrace: \(event.level): \(event.message)\n")
    }
}

/// From which level on the program tells of its work.
enum LogLevel: String, CaseIterable, ExpressibleByArgument {
    case trace, debug, info, notice

    var level: Logger.Level {
        switch self {
        case .trace: .trace
        case .debug: .debug
        case .info: .info
        case .notice: .notice
        }
    }
}
