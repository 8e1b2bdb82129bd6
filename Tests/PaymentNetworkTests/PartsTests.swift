import LightningTypes
import Routing
import Testing
import Topologies

@testable import PaymentNetwork

/// Payers of `busyNetwork` who choose by a model and divide amounts that are large for its channels.
func dividingNetwork(_ model: RoutingModel, _ splitting: Splitting, rate: Int = 4) throws -> Topology {
    var topology = try busyNetwork(rate: rate)
    guard case .flows(var flows) = topology.traffic else { throw CancellationError() }
    flows[0].amount = .uniform(lowest: Satoshi(20_000), highest: Satoshi(400_000))
    topology.traffic = .flows(flows)
    topology.payments.model = model
    topology.payments.splitting = splitting
    return topology
}

@Suite struct `A payment in parts` {
    /// Ada pays Dan over Ben or Cyd; what the two have towards Dan is given.
    private func twoWays(ben: UInt64, cyd: UInt64, amount: UInt64, splitting: Splitting = .halving) throws
        -> Topology
    {
        var topology = try topology(
            """
            millrace: 1
            duration: 1h
            latency: {fixed: 10ms}
            payments: {split: \(splitting.rawValue)}
            defaults:
              policy: {base_fee_msat: 1000, fee_ppm: 100, cltv_expiry_delta: 40}
              channel_reserve_sat: 0
              feerate_per_kw: 0
              anchors: false
            nodes: [ada, ben, cyd, dan]
            channels:
              - {from: ada, to: ben, standing: true, capacity_sat: 100000, balance_sat: 100000}
              - {from: ada, to: cyd, standing: true, capacity_sat: 100000, balance_sat: 100000}
              - {from: ben, to: dan, standing: true, capacity_sat: 100000, balance_sat: \(ben)}
              - {from: cyd, to: dan, standing: true, capacity_sat: 100000, balance_sat: \(cyd)}
            traffic:
              - {name: one, from: ada, to: dan, rate_per_second: 1, amount_sat: \(amount)}
            """)
        topology.seed = 3
        return topology
    }

    private func runOne(_ topology: Topology) throws -> (RunResult, Notebook) {
        var settings = RunSettings()
        settings.paymentsMaximum = 1
        let notebook = Notebook()
        return (try NetworkSimulation(topology, settings: settings, recorder: notebook).run(), notebook)
    }

    @Test(arguments: [Splitting.halving, .minimumCostFlow])
    func `settles when all parts are there`(splitting: Splitting) throws {
        let (result, notebook) = try runOne(
            try twoWays(ben: 95_000, cyd: 95_000, amount: 150_000, splitting: splitting))
        #expect(result.payments.settled == 1)
        let payment = notebook.payments[0]
        #expect(payment.attempts > 1 && payment.hops == 2)
        #expect(notebook.attempts.allSatisfy { $0.failure == nil })
        #expect(payment.fee == notebook.attempts.reduce(.zero) { $0 + $1.fee })
        #expect(result.feesEarned == payment.fee)
        #expect(result.amountSettled == Millisatoshi(Satoshi(150_000)))
    }

    @Test func `tries again with what failed alone`() throws {
        // The cheapest way for each half is the same; Ben can carry one of them.
        let (result, notebook) = try runOne(
            try twoWays(ben: 40_000, cyd: 95_000, amount: 120_000, splitting: .minimumCostFlow))
        #expect(result.payments.settled == 1)
        let settled = notebook.attempts.filter { $0.failure == nil }
        let failed = notebook.attempts.filter { $0.failure != nil }
        #expect(!failed.isEmpty && settled.count > 1)
        #expect(failed.allSatisfy { $0.failure == .temporaryChannelFailure })
        // What was under way when a part failed stayed under way.
        #expect(settled.contains { attempt in failed.allSatisfy { $0.startedAt >= attempt.startedAt } })
        #expect(result.feesPaid == notebook.payments[0].fee)
    }

    @Test(arguments: [Splitting.halving, .minimumCostFlow])
    func `gives everything back where a part is missing`(splitting: Splitting) throws {
        let topology = try twoWays(ben: 95_000, cyd: 1_000, amount: 150_000, splitting: splitting)
        let (result, notebook) = try runOne(topology)
        #expect(result.payments.settled == 0)
        #expect(result.feesPaid == .zero && result.feesEarned == .zero)
        let timedOut = notebook.attempts.filter { $0.failure == .mppTimeout }
        #expect(!timedOut.isEmpty)
        // From the first part's arrival, not the payment's start.
        let payment = notebook.payments[0]
        #expect((60_000_000...70_000_000).contains(payment.endedAt - payment.startedAt))
        let initial = try NetworkSimulation(topology, settings: RunSettings()).initialBalances()
        #expect(result.finalBalances == initial)
    }

    @Test(arguments: [Splitting.none, .halving, .minimumCostFlow])
    func `digests do not depend on shards, threads or signatures`(splitting: Splitting) throws {
        let model: RoutingModel = splitting == .minimumCostFlow ? .cheapestFee : .ldk
        var topology = try dividingNetwork(model, splitting)
        topology.seed = 7
        var settings = RunSettings()
        settings.paymentsMaximum = 200
        let expected = try run(topology, settings)
        #expect(expected.attempts > expected.payments.settled)
        for shards in [2, 5] {
            #expect(try run(topology, settings, shards: shards).digest == expected.digest)
        }
        settings.threads = 3
        #expect(try run(topology, settings, shards: 6).digest == expected.digest)
        settings.threads = 1
        settings.signatures = .eager
        #expect(try run(topology, settings).digest == expected.digest)
    }

    @Test(arguments: RoutingModel.allCases)
    func `every model's sender pays`(model: RoutingModel) throws {
        var settings = RunSettings()
        settings.paymentsMaximum = 150
        let result = try run(try dividingNetwork(model, .halving), settings)
        #expect(result.payments.settled > 50)
        #expect(result.feesPaid == result.feesEarned)
    }

    @Test func `an amount wider than any channel fails where it is not divided`() throws {
        let whole = try twoWays(ben: 95_000, cyd: 95_000, amount: 150_000, splitting: .none)
        #expect(try runOne(whole).0.payments.settled == 0)
    }

    /// Learns at every payment; with a memory that fades, the same channels fail less often.
    @Test func `a sender that learns fails less often`() throws {
        var settings = RunSettings()
        settings.paymentsMaximum = 400
        let forgetful = try run(try dividingNetwork(.eclair, .none, rate: 1), settings)
        let learning = try run(try dividingNetwork(.lnd, .none, rate: 1), settings)
        #expect(
            learning.attempts * forgetful.payments.settled < forgetful.attempts * learning.payments.settled)
    }
}
