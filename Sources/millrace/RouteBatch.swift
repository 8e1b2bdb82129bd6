import EventSimulation
import LightningTypes
import Reports
import Routing
import RunStore
import Synchronization
import Topologies

/// Many route queries on one graph: answered on several threads, reported in the order they were asked.
struct RouteBatch: Sendable {
    /// What one query gave. Times are wall time of the search alone, the route's making included.
    struct Answer: Sendable {
        /// Nil: no route.
        var fee: Millisatoshi?
        /// Of the longest part.
        var hops: Int?
        var parts: Int?
        var microseconds: Double
    }

    let topology: Topology
    let queries: [Topology.RouteQuery]
    private let showsParts: Bool
    private let answers: [Answer]

    /// Answers all queries; each thread has its own search and takes a handful of queries at a time.
    ///
    /// - Throws: code 130 when interrupted.
    init(
        _ queries: [Topology.RouteQuery], of topology: Topology, in graph: ChannelGraph, threads: Int,
        showsParts: Bool, line: ProgressLine,
        answer: @escaping @Sendable (RouteRequest, RouteSearch) -> Result<[Route], RoutingFailure>
    ) throws(CommandFailure) {
        let board = AnswerBoard(count: queries.count, line: line)
        let finalCLTVExpiryDelta = UInt32(topology.payments.finalCLTVExpiryDelta)
        let threads = min(threads, queries.count, SystemThreads.processorCount)
        SystemThreads.perform(threads, threads: threads) { _ in
            let search = RouteSearch(for: graph)
            while let range = board.take() {
                let answers = range.map { index in
                    let query = queries[index]
                    let request = RouteRequest(
                        source: query.source, destination: query.destination, amount: query.amount,
                        finalCLTVExpiryDelta: finalCLTVExpiryDelta)
                    let stopwatch = Stopwatch()
                    let result = answer(request, search)
                    let seconds = stopwatch.seconds
                    let parts = try? result.get()
                    return Answer(
                        fee: parts.map { $0.reduce(.zero) { $0 + $1.totalFee } },
                        hops: parts?.map(\.hops.count).max(), parts: parts?.count,
                        microseconds: (seconds * 1e9).rounded() / 1e3)
                }
                board.put(answers, at: range.lowerBound)
            }
        }
        line.clear()
        if Interruption.isRequested { throw CommandFailure.interrupted() }
        self.topology = topology
        self.queries = queries
        self.showsParts = showsParts
        self.answers = board.answers
    }

    /// A header and a line for each query; without a route, fee and hops are empty.
    var csv: [UInt8] {
        var text = "source,destination,amount_msat,fee_msat,hops,\(showsParts ? "parts," : "")microseconds\n"
        for (query, answer) in zip(queries, answers) {
            text += CSVCell.text(topology.nodes[Int(query.source)].id) + ","
            text += CSVCell.text(topology.nodes[Int(query.destination)].id) + ","
            text += "\(query.amount.rawValue),"
            text += (answer.fee.map { $0.rawValue.description } ?? "") + ","
            text += (answer.hops.map(\.description) ?? "") + ","
            if showsParts { text += (answer.parts.map(\.description) ?? "") + "," }
            text += "\(answer.microseconds)\n"
        }
        return Array(text.utf8)
    }

    /// The figures of the summary are those of the routable queries; null where there are none.
    var json: JSONValue {
        let times = answers.filter { $0.fee != nil }.map(\.microseconds).sorted()
        let count = times.count
        let mean = count == 0 ? nil : times.reduce(0, +) / Double(count)
        return [
            "queries": .array(
                zip(queries, answers).map { query, answer in
                    var members: [JSONValue.Member] = [
                        .init("source", .text(topology.nodes[Int(query.source)].id)),
                        .init("destination", .text(topology.nodes[Int(query.destination)].id)),
                        .init("amount_msat", .unsigned(query.amount.rawValue)),
                        .init("fee_msat", JSONValue(answer.fee?.rawValue)),
                        .init("hops", JSONValue(answer.hops.map { UInt64($0) })),
                        .init("microseconds", .number(answer.microseconds)),
                    ]
                    if showsParts {
                        members.append(.init("parts", JSONValue(answer.parts.map { UInt64($0) })))
                    }
                    return .object(members)
                }),
            "summary": [
                "queries": JSONValue(queries.count),
                "routable": JSONValue(count),
                "median_us": JSONValue(quantile(0.5, of: times)),
                "mean_us": JSONValue(mean.map { ($0 * 1e3).rounded() / 1e3 }),
                "p99_us": JSONValue(quantile(0.99, of: times)),
            ],
        ]
    }

    /// The least of the sorted `times` that is no less than this share of them.
    private func quantile(_ share: Double, of times: [Double]) -> Double? {
        guard !times.isEmpty else { return nil }
        let rank = Int((share * Double(times.count)).rounded(.up))
        return times[min(max(rank, 1), times.count) - 1]
    }
}

/// Which queries are taken, and what came of them.
private final class AnswerBoard: Sendable {
    private struct State {
        var taken = 0
        var done = 0
        var answers: [RouteBatch.Answer]
    }

    private static let queriesAtOnce = 64

    private let state: Mutex<State>
    private let line: ProgressLine
    private let count: Int

    init(count: Int, line: ProgressLine) {
        state = Mutex(State(answers: Array(repeating: .init(microseconds: 0), count: count)))
        self.line = line
        self.count = count
    }

    /// The next queries; nil when none are left or the user has had enough.
    func take() -> Range<Int>? {
        guard !Interruption.isRequested else { return nil }
        return state.withLock { state in
            guard state.taken < count else { return nil }
            let range = state.taken..<min(state.taken + Self.queriesAtOnce, count)
            state.taken = range.upperBound
            return range
        }
    }

    func put(_ answers: [RouteBatch.Answer], at start: Int) {
        state.withLock { state in
            for (offset, answer) in answers.enumerated() { state.answers[start + offset] = answer }
            state.done += answers.count
            // A line every few thousand: drawing must not cost more than routing.
            if state.done.isMultiple(of: Self.queriesAtOnce * 64) {
                line.draw(
                    fraction: Double(state.done) / Double(count),
                    ["\(state.done) of \(count) queries"])
            }
        }
    }

    var answers: [RouteBatch.Answer] { state.withLock { $0.answers } }
}
