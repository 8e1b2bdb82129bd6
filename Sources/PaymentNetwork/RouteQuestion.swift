import EventSimulation
import LightningTypes
import Routing
import Synchronization
import Topologies

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
        /// Where there is no route: whether there would be one if the payer's own channels, as far as they can be used,
        /// had enough on its side; nil: nobody looked.
        var lacksBalance: Bool?
    }

    private enum State {
        static let open: UInt8 = 0
        static let taken: UInt8 = 1
        static let answered: UInt8 = 2
    }

    /// A comparison that the search made: whether one of the payer's own channels could offer an amount.
    private struct Reading {
        /// Of the channel among the payer's.
        var index: Int
        var amount: Millisatoshi
        var isEnough: Bool

        init(_ index: Int, _ offer: ChannelTable.Offer, offers amount: Millisatoshi) {
            self.index = index
            self.amount = amount
            isEnough = offer.spendable >= amount
        }
    }

    /// How long a payer waits for another thread's search to end, rounds of spinning: longer than most take.
    private static let patience = 200_000

    /// When the payer will ask, as far as can be told; simulated microseconds.
    let due: UInt64
    /// Which graph; and the graph itself until somebody searches it, since one that is referred to cannot be used
    /// again.
    private let version: ChannelGraph.Version
    private var graph: ChannelGraph?
    /// Without `spendable`.
    let request: SplitRequest
    /// Attempts that will have failed by then.
    let failedAttempts: UInt16
    /// What will be asked if the answer's route fails, as it would if nothing changed. Written between windows.
    var followUp: RouteQuestion?
    private let channels: ChannelTable
    /// Of the payer's own channels, and what they could offer.
    private let places: Range<Int>
    private var offers: [ChannelTable.Offer]
    private var readings: [Reading] = []
    private(set) var answer: Answer?
    private let state = Atomic<UInt8>(State.open)

    /// - Parameter refund: what one of the payer's channels will get back before.
    init(
        _ request: SplitRequest, failedAttempts: UInt16 = 0, due: UInt64, in graph: ChannelGraph,
        _ world: NetworkWorld, refund: (end: DirectionIndex, amount: Millisatoshi)? = nil
    ) {
        self.due = due
        version = graph.version
        self.graph = graph
        self.request = request
        self.failedAttempts = failedAttempts
        channels = world.channels
        places = world.places(ofEndsOf: Int(request.route.source))
        offers = Array(channels.offers(at: places))
        if let refund {
            let index = index(of: refund.end)
            let spendable = offers[index].spendable + refund.amount
            offers[index] = ChannelTable.Offer(spendable: spendable, isUsable: offers[index].isUsable)
        }
    }

    /// Of one of the payer's own ends in `offers`.
    private func index(of end: DirectionIndex) -> Int { channels.place(of: end) - places.lowerBound }

    /// Searches, unless somebody else took the question before.
    ///
    /// - Returns: whether it did.
    func answer(_ searches: SearchPool) -> Bool {
        guard let graph = take() else { return false }
        var request = request
        request.spendable = { [self] direction, least in
            let index = index(of: direction)
            let offer = offers[index]
            if let least {
                readings.append(Reading(index, offer, offers: least))
            } else {
                readings.append(Reading(index, offer, offers: offer.spendable))
                readings.append(Reading(index, offer, offers: offer.spendable + Millisatoshi(1)))
            }
            return offer.spendable
        }
        answer = searches.withSearch(for: graph) { search in
            var answer = Answer(request, in: graph, search)
            if case .failure = answer.routes, failedAttempts == 0 {
                answer.lacksBalance = search.finds(self.request, in: graph) { [self] direction in
                    offers[index(of: direction)].isUsable
                }
            }
            return answer
        }
        state.store(State.answered, ordering: .releasing)
        return true
    }

    /// The answer, if it holds for a payer that asks the same in `world` as it is now; nil also where there is none
    /// yet, and nobody will look for one from then on.
    ///
    /// - Parameter meanwhile: done while another thread is about to answer; false: nothing to do.
    func valid(
        for payment: OwnPayment, in current: ChannelGraph, at time: UInt64, _ world: NetworkWorld,
        meanwhile: () -> Bool
    ) -> Answer? {
        guard isAnswered(meanwhile), current.version == version, payment.excluded == request.excluded,
            let answer
        else {
            return nil
        }
        if let beliefs = request.beliefs {
            guard NetworkWorld.seconds(at: time) == request.seconds,
                beliefs == world.nodes[Int(request.route.source)].beliefs
            else { return nil }
        }
        let now = channels.offers(at: places)
        for reading in readings {
            guard (now[reading.index].spendable >= reading.amount) == reading.isEnough else { return nil }
        }
        if answer.lacksBalance != nil {
            guard zip(offers, now).allSatisfy({ $0.isUsable == $1.isUsable }) else { return nil }
        }
        return answer
    }

    /// The only route of an answer that is there already.
    var route: Route? {
        guard state.load(ordering: .acquiring) == State.answered, case .success(let routes)? = answer?.routes,
            routes.count == 1
        else { return nil }
        return routes[0]
    }

    /// Takes the question, so that nobody else looks for an answer; nil: somebody did before.
    func take() -> ChannelGraph? {
        let isOpen = state.compareExchange(
            expected: State.open, desired: State.taken, ordering: .acquiringAndReleasing
        ).exchanged
        guard isOpen else { return nil }
        defer { graph = nil }
        return graph
    }

    private func isAnswered(_ meanwhile: () -> Bool) -> Bool {
        if take() != nil { return false }
        var spins = 0
        while state.load(ordering: .acquiring) != State.answered {
            if meanwhile() { continue }
            spins += 1
            if spins > Self.patience { return false }
        }
        return true
    }
}

extension RandomAccessCollection where Index == Int {
    /// The first index from which on `isBehind` holds of all elements, as it holds of none before. O(log count)
    func partition(_ isBehind: (Element) -> Bool) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = (low + high) / 2
            if isBehind(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

extension RouteQuestion {
    /// What the payer will ask when this answer's route has failed: where a channel could not carry the payment now,
    /// it hardly will when it comes there. Nil where the route could be taken now. Between windows.
    func prediction(_ world: NetworkWorld) -> RouteQuestion? {
        let rules = world.topology.payments
        let graph = world.board.latest
        guard failedAttempts + 1 < rules.attemptsMaximum, let route, graph.version == version else {
            return nil
        }
        let failing = route.hops.indices.dropFirst().first { index in
            let hop = route.hops[index]
            return world.channels[Int(hop.direction.rawValue)].refusal(of: hop.amount) != nil
        }
        // What is in flight now may have come back by then.
        guard let failing,
            world.channels[Int(route.hops[failing].direction.rawValue)].spendableAtMost
                < route.hops[failing].amount
        else { return nil }
        let failure = FailureName.temporaryChannelFailure
        var request = request
        request.excluded.append(
            rules.exclusion(of: route.hops[failing].direction, failure, route.amountDelivered))
        // There and back: on each link two commitments are signed and revoked for an HTLC to come or go for good.
        let time = route.hops.prefix(failing).reduce(due) {
            $0 + 4 * world.commitmentInterval + 6 * world.latency(of: $1.direction)
        }
        request.seconds = NetworkWorld.seconds(at: time)
        request.beliefs?.learn(from: route, failingNode: failing, failure, at: request.seconds)
        return RouteQuestion(
            request, failedAttempts: failedAttempts + 1, due: time, in: graph, world)
    }
}

extension Topology.PaymentRules {
    /// What a payment is not to try again: the direction, or where parts may be smaller only as much as failed.
    func exclusion(of direction: DirectionIndex, _ failure: FailureName, _ amount: Millisatoshi) -> Exclusion
    {
        let isForAmount = splitting != .none && failure == .temporaryChannelFailure
        return Exclusion(direction, from: isForAmount ? amount : .zero)
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
    /// Whether there would be a route if the payer's own channels that can be used had any amount on its side.
    ///
    /// What the payer has learned counts: a way it does not believe in is none, whatever it has itself. Where it learns
    /// nothing, the cheapest route for the whole amount tells.
    func finds(
        _ request: SplitRequest, in graph: ChannelGraph, isUsable: @escaping (DirectionIndex) -> Bool
    ) -> Bool {
        let spendable = { (direction: DirectionIndex, _: Millisatoshi?) in
            isUsable(direction) ? Millisatoshi(.max) : .zero
        }
        guard request.beliefs != nil else {
            return (try? cheapestRoute(request.route, in: graph, spendable: spendable)) != nil
        }
        var request = request
        request.spendable = spendable
        return (try? parts(request, in: graph)) != nil
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
