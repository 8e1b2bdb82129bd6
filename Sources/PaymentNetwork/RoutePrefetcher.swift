import Dispatch
import EventSimulation
import Foundation
import LightningTypes
import Routing
import Synchronization

/// Finds routes of payments that are due soon, and of those about to be tried again, on threads that have nothing else
/// to do.
///
/// With sparse traffic a window holds about one event, and searches are the only work there is to share out; with dense
/// traffic they fill what threads would wait for each other at the end of windows. The questions are put together
/// between windows, and a thread may answer one while the others go on: it reads nothing that they write.
final class RoutePrefetcher: @unchecked Sendable {
    // Unchecked: `questions` changes between windows only, when no shard is at work, and shards only read it; the rest
    // is locked or atomic.

    /// Payments looked ahead at: enough to keep a thread busy, few enough for most answers to be still valid.
    private static let horizon = 64

    private let world: NetworkWorld
    private let traffic: TrafficProcess
    /// All that makes a payment what it is; its number is known only when it is handed out.
    private struct Key: Hashable {
        var time: UInt64
        var source: Int32
        var destination: Int32
        var amount: Millisatoshi
    }

    /// By the payments looked at; looked up only.
    private var questions: [Key: RouteQuestion] = [:]
    /// Of the graph that the questions are about.
    private var version: ChannelGraph.Version
    /// Looks ahead again when so many payments were handed out.
    private var nextCount: UInt64 = 0
    /// Guards `waiting` and `answered`. Not a `Mutex`, which the thread sanitizer does not see through on Linux.
    private let lock = NSLock()
    /// Questions nobody has looked at, by falling due time.
    private var waiting: [RouteQuestion] = []
    private let waitingCount = Atomic<Int>(0)
    private let nanoseconds = Atomic<UInt64>(0)
    /// Questions answered since the last window, whose next attempts can be predicted.
    private var answered: [RouteQuestion] = []
    private let isAnswered = Atomic<Bool>(false)

    init(_ world: NetworkWorld, traffic: TrafficProcess) {
        self.world = world
        self.traffic = traffic
        version = world.board.latest.version
    }

    /// Wall time of all threads together that went into searching ahead. For reports only.
    var searchNanoseconds: UInt64 { nanoseconds.load(ordering: .relaxed) }

    /// What is known of a payment that starts now.
    func question(of payment: OwnPayment, from source: UInt32) -> RouteQuestion? {
        questions[
            Key(
                time: payment.startedAt, source: Int32(source), destination: payment.destination,
                amount: payment.amount)]
    }

    /// A payer will ask this soon. On any thread; no sleeping one is woken for it, since in sparse traffic the answer
    /// is needed before a sleeper could look at it.
    func ask(_ question: RouteQuestion) { lock.withLock { wait(for: question) } }

    /// Under the lock.
    private func wait(for question: RouteQuestion) {
        waiting.insert(question, at: waiting.partition { $0.due <= question.due })
        waitingCount.store(waiting.count, ordering: .relaxed)
    }

    /// Looks ahead: at the next attempts of payments whose answers would fail, and, if half of what was looked at has
    /// been handed out, at payments to come. Between two windows.
    ///
    /// - Returns: whether it is worth waking a thread for `answerNext`.
    func lookAhead(from time: UInt64) -> Bool {
        if world.board.latest.version != version { forgetQuestions() }
        var new: [RouteQuestion] = []
        if isAnswered.exchange(false, ordering: .acquiring) {
            let answered = lock.withLock {
                defer { self.answered.removeAll(keepingCapacity: true) }
                return self.answered
            }
            for question in answered where question.followUp == nil {
                question.followUp = question.prediction(world)
                if let next = question.followUp { new.append(next) }
            }
        }
        if traffic.count >= nextCount, traffic.upcoming != nil { new += newPayments(from: time) }
        guard !new.isEmpty else { return false }
        lock.withLock { for question in new { wait(for: question) } }
        return true
    }

    /// A new version of the graph is up: nothing asked of an older one will be of use.
    private func forgetQuestions() {
        version = world.board.latest.version
        questions.removeAll()
        nextCount = 0
        lock.withLock {
            for question in waiting { _ = question.take() }
            waiting.removeAll(keepingCapacity: true)
            waitingCount.store(0, ordering: .relaxed)
        }
    }

    private func newPayments(from time: UInt64) -> [RouteQuestion] {
        nextCount = traffic.count + UInt64(Self.horizon / 2)
        let graph = world.board.latest
        questions = questions.filter { $0.key.time >= time }
        var new: [RouteQuestion] = []
        for payment in traffic.lookAhead(Self.horizon) {
            let key = Key(
                time: payment.time, source: payment.source, destination: payment.destination,
                amount: payment.amount)
            guard questions[key] == nil else { continue }
            let request = world.splitRequest(
                from: payment.source, to: payment.destination, amount: payment.amount,
                at: NetworkWorld.seconds(at: payment.time))
            let question = RouteQuestion(request, due: payment.time, in: graph, world)
            questions[key] = question
            new.append(question)
        }
        return new
    }

    /// Answers a question; false: none was left. On any thread, at any time.
    func answerNext() -> Bool {
        guard waitingCount.load(ordering: .relaxed) > 0 else { return false }
        let question = lock.withLock {
            let last = waiting.popLast()
            waitingCount.store(waiting.count, ordering: .relaxed)
            return last
        }
        guard let question else { return false }
        let start = DispatchTime.now().uptimeNanoseconds
        if question.answer(world.searches) {
            nanoseconds.wrappingAdd(DispatchTime.now().uptimeNanoseconds - start, ordering: .relaxed)
            noteAnswer(to: question)
        }
        return true
    }

    /// Answers a question that nobody else knows of.
    func answer(to question: RouteQuestion) -> RouteQuestion.Answer {
        guard question.answer(world.searches), let answer = question.answer else {
            preconditionFailure("somebody knew of a new question")
        }
        noteAnswer(to: question)
        return answer
    }

    private func noteAnswer(to question: RouteQuestion) {
        lock.withLock { answered.append(question) }
        isAnswered.store(true, ordering: .releasing)
    }
}
