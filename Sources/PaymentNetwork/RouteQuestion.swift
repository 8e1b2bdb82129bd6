import EventSimulation
import LightningTypes
import Routing
import Synchronization

/// A search that a payer will make soon, with a copy of everything it depends on: any thread may answer it at any time.
///
/// The answer is used only if the payer's search, when its time comes, would have found the same: the graph is the same
/// version, what the payer has learned is the same, and every comparison with what its own channels can offer comes out
/// as it did. So neither a result nor the digest can tell that it was found earlier, or by whom.
final class RouteQuestion: @unchecked Sendable {
    // Unchecked: whoever takes the question writes the rest, alone, before it raises `state`; others read it after.

    /// What a search gave.
    struct Answer {
        var routes: Result<[Route], RoutingFailure>
        /// Whether public information alone shows a route; nil: nobody looked.
        var isPubliclyRoutable: Bool?
    }

    private enum State {
        static let open: UInt8 = 0
        static let taken: UInt8 = 1
        static let answered: UInt8 = 2
    }

    /// How long a payer waits for another thread's search to end, rounds of spinning: longer than most take.
    private static let patience = 200_000

    let graph: ChannelGraph
    private var request: SplitRequest
    /// The payer's own channels, what they could offer, and by the search's comparisons the greatest amount that was
    /// there and the least that was not.
    private let ends: ArraySlice<DirectionIndex>
    private let spendable: [Millisatoshi]
    private var enough: [Millisatoshi]
    private var missing: [Millisatoshi]
    private var answer: Answer?
    private let state = Atomic<UInt8>(State.open)

    /// - Parameters:
    ///   - request: without `spendable`, which is read here.
    ///   - refund: what one of the payer's channels will get back before.
    init(
        _ request: SplitRequest, in graph: ChannelGraph, _ world: NetworkWorld,
        refund: (end: DirectionIndex, amount: Millisatoshi)? = nil
    ) {
        self.graph = graph
        self.request = request
        ends = world.ends(of: Int(request.route.source))
        spendable = ends.map { end in
            let amount = world.channels[Int(end.rawValue)].spendable
            return if let refund, refund.end == end { amount + refund.amount } else { amount }
        }
        enough = Array(repeating: .zero, count: ends.count)
        missing = Array(repeating: Millisatoshi(.max), count: ends.count)
    }

    /// Searches, unless somebody else took the question before.
    func answer(with search: RouteSearch) {
        guard take() else { return }
        request.spendable = { [unowned self] direction, least in
            let place = place(of: direction)
            let amount = spendable[place]
            if least.map({ $0 <= amount }) ?? true { enough[place] = max(enough[place], least ?? amount) }
            if least.map({ $0 > amount }) ?? true {
                missing[place] = min(missing[place], least ?? amount + Millisatoshi(1))
            }
            return amount
        }
        var answer = Answer(request, in: graph, search)
        if case .failure = answer.routes, request.excluded.isEmpty {
            answer.isPubliclyRoutable = search.finds(request.route, in: graph)
        }
        self.answer = answer
        state.store(State.answered, ordering: .releasing)
    }

    /// The answer, if it holds for `world` as it is now; nil also where there is none yet, and nobody will look for one
    /// from then on.
    func valid(in current: ChannelGraph, at seconds: UInt32, _ world: NetworkWorld) -> Answer? {
        guard isAnswered(), current === graph, let answer else { return nil }
        if let beliefs = request.beliefs {
            guard seconds == request.seconds,
                beliefs == world.nodes[Int(request.route.source)].beliefs
            else { return nil }
        }
        for (place, end) in ends.enumerated()
        where enough[place] > .zero || missing[place] < Millisatoshi(.max) {
            let amount = world.channels[Int(end.rawValue)].spendable
            guard enough[place] <= amount, amount < missing[place] else { return nil }
        }
        return answer
    }

    private func take() -> Bool {
        state.compareExchange(expected: State.open, desired: State.taken, ordering: .acquiringAndReleasing)
            .exchanged
    }

    private func isAnswered() -> Bool {
        if take() { return false }
        var spins = 0
        while state.load(ordering: .acquiring) != State.answered {
            spins += 1
            if spins > Self.patience { return false }
        }
        return true
    }

    /// A node's ends stand in order of their directions.
    private func place(of direction: DirectionIndex) -> Int {
        var (low, high) = (ends.startIndex, ends.endIndex)
        while low < high {
            let middle = (low + high) / 2
            if ends[middle] < direction { low = middle + 1 } else { high = middle }
        }
        return low - ends.startIndex
    }
}

extension RouteQuestion.Answer {
    init(_ request: SplitRequest, in graph: ChannelGraph, _ search: RouteSearch) {
        do throws(RoutingFailure) { routes = .success(try search.parts(request, in: graph)) } catch {
            routes = .failure(error)
        }
    }
}

extension RouteSearch {
    /// Whether public information alone shows a route.
    func finds(_ request: RouteRequest, in graph: ChannelGraph) -> Bool {
        (try? cheapestRoute(request, in: graph)) != nil
    }
}

extension NetworkWorld {
    /// What a payer asks for its first attempt at a payment, but for what its own channels can offer.
    func splitRequest(
        from source: Int32, to destination: Int32, amount: Millisatoshi, at seconds: UInt32
    ) -> SplitRequest {
        let rules = topology.payments
        var request = SplitRequest(
            routeRequest(from: source, to: destination, amount: amount), splitting: rules.splitting,
            model: rules.model)
        request.partsMaximum = Int(rules.partsMaximum)
        if rules.learns {
            request.beliefs = nodes[Int(source)].beliefs
            request.seconds = seconds
        }
        return request
    }

    /// What a payer asks for: BOLT 4's limits, the invoice's final delta and a block to spare, and a bound on fees.
    func routeRequest(from source: Int32, to destination: Int32, amount: Millisatoshi) -> RouteRequest {
        let rules = topology.payments
        let share = ChannelPolicy(
            baseFee: .zero, proportionalFee: rules.feeLimitProportional, cltvExpiryDelta: 0,
            htlcMaximum: .zero)
        return RouteRequest(
            source: source, destination: destination, amount: amount,
            finalCLTVExpiryDelta: UInt32(rules.finalCLTVExpiryDelta) + 1,
            feeMaximum: max(rules.feeLimitMinimum, share.fee(forwarding: amount)))
    }

    /// The clock of what payers have learned.
    static func seconds(at time: UInt64) -> UInt32 { UInt32(clamping: time / 1_000_000) }
}
