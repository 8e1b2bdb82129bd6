import Dispatch
import EventSimulation
import LightningTypes
import Routing
import Synchronization

/// A first route found before its payment is due, and everything it was found from.
struct PrefetchedRoute {
    var payment: PlannedPayment
    var graph: ChannelGraph
    /// What the payer could spend in the directions the search asked about.
    var spendable: [(direction: DirectionIndex, amount: Millisatoshi)]
    var result: Result<Route, RoutingFailure>
}

/// Finds the first routes of the payments that are due soon, on all threads at once, between two windows.
///
/// With sparse traffic a window holds about one event, and searches are the only work there is to share out. A route
/// is used only if the graph and all the balances it was found from are still the same when its payment starts; the
/// search would find the same one again then, so neither a result nor the digest can tell that it was found earlier.
final class RoutePrefetcher: @unchecked Sendable {
    // Unchecked: `perform` writes between windows, when no shard is at work; shards only read.

    /// Payments looked ahead at a time: enough to share out, few enough for most to be still valid when they are due.
    private static let batchSize = 64

    private let world: NetworkWorld
    private let traffic: TrafficProcess
    private var searches: [RouteSearch] = []
    private var routes: [PrefetchedRoute?] = []
    /// The number of the payment that `routes` begins with.
    private var firstNumber: UInt64 = 0
    /// Nanoseconds of all threads together spent on searching ahead. Of wall time: for reports only.
    private(set) var searchNanoseconds: UInt64 = 0

    init(_ world: NetworkWorld, traffic: TrafficProcess) {
        self.world = world
        self.traffic = traffic
    }

    /// What was found for a payment that starts now, if it would be found again.
    ///
    /// What circulates may have come between since: then another payment bears the number that was looked at.
    func route(
        of payment: OwnPayment, from source: UInt32, in graph: ChannelGraph
    ) -> Result<Route, RoutingFailure>? {
        let number = payment.token.number
        guard number >= firstNumber, number - firstNumber < routes.count,
            let found = routes[Int(number - firstNumber)], found.graph === graph,
            found.payment.source == Int32(source), found.payment.destination == payment.destination,
            found.payment.amount == payment.amount
        else { return nil }
        for (direction, amount) in found.spendable
        where world.channels[Int(direction.rawValue)].spendable != amount { return nil }
        return found.result
    }

    /// Looks ahead if a payment not looked at yet will be handed out in `window`.
    func prepare(for window: UInt64, _ crew: WindowCrew) {
        guard let next = traffic.upcoming, next.number >= firstNumber + UInt64(routes.count),
            next.time < (window + 6) * world.lookahead
        else { return }
        let payments = traffic.lookAhead(Self.batchSize)
        firstNumber = next.number
        routes = Array(repeating: nil, count: payments.count)
        while searches.count < crew.threadCount { searches.append(RouteSearch(for: world.board.latest)) }
        let graph = world.board.latest
        let taken = Atomic<Int>(0)
        let nanoseconds = Atomic<UInt64>(0)
        routes.withUnsafeMutableBufferPointer { routes in
            nonisolated(unsafe) let routes = routes
            crew.perform(crew.threadCount) { thread in
                let start = DispatchTime.now().uptimeNanoseconds
                while true {
                    let index = taken.wrappingAdd(1, ordering: .relaxed).oldValue
                    guard index < payments.count else { break }
                    routes[index] = find(payments[index], in: graph, searches[thread])
                }
                nanoseconds.wrappingAdd(DispatchTime.now().uptimeNanoseconds - start, ordering: .relaxed)
            }
        }
        searchNanoseconds += nanoseconds.load(ordering: .relaxed)
    }

    private func find(_ payment: PlannedPayment, in graph: ChannelGraph, _ search: RouteSearch)
        -> PrefetchedRoute
    {
        let request = world.routeRequest(
            from: payment.source, to: payment.destination, amount: payment.amount)
        var asked: [(direction: DirectionIndex, amount: Millisatoshi)] = []
        let result: Result<Route, RoutingFailure>
        do throws(RoutingFailure) {
            result = .success(
                try search.cheapestRoute(
                    request, in: graph,
                    spendable: { direction in
                        let amount = self.world.channels[Int(direction.rawValue)].spendable
                        asked.append((direction, amount))
                        return amount
                    }))
        } catch {
            result = .failure(error)
        }
        return PrefetchedRoute(payment: payment, graph: graph, spendable: asked, result: result)
    }
}

extension NetworkWorld {
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
}
