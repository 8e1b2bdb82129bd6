import LightningTypes
import Routing
import Testing
import Topologies

@testable import PaymentNetwork

/// The busy network with policies that change all the time, gossip that is slow and routers without patience.
func changingNetwork(grace: String = "0s") throws -> Topology {
    var network = try busyNetwork(rate: 20)
    let changes = try topology(
        """
        millrace: 1
        payments: {gossip_interval: 5s, policy_grace: \(grace)}
        nodes: [ada, ben, cyd, dan, eve]
        channels: [{from: ada, to: ben, capacity_sat: 600000, standing: true}]
        policy_changes:
          - {rate_per_day: 20000, fee_factor: {from: 0.3, to: 3}}
          - {rate_per_day: 3000, from: dan, policy: {cltv_expiry_delta: 60}}
          - {at: 20s, from: ben, policy: {htlc_minimum_msat: 9000000}}
          - {at: 30s, from: cyd, to: dan, policy: {htlc_maximum_msat: 20000000}}
          - {at: 40s, from: dan, to: eve, policy: {disabled: true}}
          - {at: 50s, from: dan, to: eve, policy: {disabled: false}}
        """)
    network.payments = changes.payments
    network.policyChanges = changes.policyChanges
    return network
}

/// Two ways from alice to dave: by bob, cheap until his policy changes at 20 minutes, and by carol, dear.
private func twoWays(
    _ change: String, interval: String = "30m", grace: String = "0s", traffic: String = "rate_per_hour: 120",
    more: String = ""
) throws -> Topology {
    func channel(_ from: String, _ to: String, _ ppm: Int) -> String {
        "  - {from: \(from), to: \(to), capacity_sat: 10000000, standing: true, balance_sat: 9000000, "
            + "policy: {base_fee_msat: 0, fee_ppm: \(ppm), cltv_expiry_delta: 40}}"
    }
    return try topology(
        """
        millrace: 1
        duration: 28m
        payments: {gossip_interval: \(interval), policy_grace: \(grace)}
        nodes: [alice, bob, carol, dave]
        channels:
        \(channel("alice", "bob", 0))
        \(channel("bob", "dave", 100))
        \(channel("alice", "carol", 0))
        \(channel("carol", "dave", 2_000))
        policy_changes:
          - {at: 20m, from: bob, to: dave, policy: {\(change)}}
        \(more)
        traffic:
          - {from: alice, to: dave, \(traffic), amount_sat: 10000}
        """)
}

private func notes(_ topology: Topology) throws -> (RunResult, Notebook) {
    let notebook = Notebook()
    return (try NetworkSimulation(topology, settings: RunSettings(), recorder: notebook).run(), notebook)
}

@Suite struct `A payment over a policy that is not any more` {
    static let changes: [(change: String, failure: FailureName)] = [
        ("fee_ppm: 500", .feeInsufficient), ("base_fee_msat: 5", .feeInsufficient),
        ("cltv_expiry_delta: 41", .incorrectCLTVExpiry), ("htlc_minimum_msat: 10000001", .amountBelowMinimum),
        ("htlc_maximum_msat: 9999999", .temporaryChannelFailure), ("disabled: true", .channelDisabled),
    ]

    @Test(arguments: changes)
    func `fails with its code once, and the failure teaches the payer`(
        change: String, failure: FailureName
    ) throws {
        let (result, notebook) = try notes(twoWays(change))
        let failed = notebook.attempts.filter { $0.failure != nil }
        #expect(failed.map(\.failure) == [failure] && failed.map(\.failingHop) == [1])
        #expect(result.payments.settled == result.payments.attempted && result.payments.settled > 40)
        // Whatever keeps the new policy still goes by bob, unless bob lets nothing of the kind through.
        let before = notebook.payments.last { $0.startedAt < 20 * 60_000_000 }
        let last = try #require(notebook.payments.max { $0.number < $1.number })
        #expect(before?.fee == Millisatoshi(1_000))
        switch change {
        case "fee_ppm: 500": #expect(last.fee == Millisatoshi(5_000))
        case "base_fee_msat: 5": #expect(last.fee == Millisatoshi(1_005))
        case "cltv_expiry_delta: 41": #expect(last.fee == Millisatoshi(1_000))
        case _: #expect(last.fee == Millisatoshi(20_000))
        }
    }

    @Test func `tries the same channel again at its new price`() throws {
        let (_, notebook) = try notes(twoWays("fee_ppm: 500"))
        let taught = try #require(notebook.attempts.first { $0.failure != nil })
        let second = try #require(
            notebook.attempts.first { $0.payment == taught.payment && $0.number == taught.number + 1 })
        #expect(second.route == taught.route && second.failure == nil)
        #expect(second.fee == Millisatoshi(5_000))
    }

    /// Dave learns nothing from what alice was told.
    @Test func `teaches nobody else`() throws {
        var network = try twoWays(
            "fee_ppm: 500", more: "  - {at: 1m, from: bob, to: alice, policy: {fee_ppm: 9}}")
        guard case .flows(let flows) = network.traffic else { return }
        var back = flows[0]
        back.name = "back"
        swap(&back.payers, &back.payees)
        network.traffic = .flows([flows[0], back])
        let (_, notebook) = try notes(network)
        let failed = notebook.attempts.filter { $0.failure == .feeInsufficient }
        #expect(failed.count == 2)
        let payers = failed.map { attempt in
            notebook.payments.first { $0.number == attempt.payment }?.source
        }
        #expect(Set(payers) == [0, 3])
    }

    @Test func `is accepted for the grace that BOLT 7 asks for`() throws {
        let (_, patient) = try notes(twoWays("fee_ppm: 500", grace: "10m"))
        #expect(patient.attempts.allSatisfy { $0.failure == nil })
        // All pay the old price, for nobody has heard of the new one.
        #expect(patient.payments.allSatisfy { $0.fee == Millisatoshi(1_000) })
        let (_, hasty) = try notes(twoWays("fee_ppm: 500", grace: "4m"))
        let failed = try #require(hasty.attempts.first { $0.failure != nil })
        #expect(failed.endedAt > 24 * 60_000_000 && failed.endedAt < 26 * 60_000_000)
    }

    /// It reaches the gossip process a window later, which makes the version that all see two windows on at the earliest:
    /// one made in time for an epoch is announced more than three windows before it.
    @Test func `is seen at the next epoch it can be made for`() throws {
        let world = NetworkWorld(
            try topology(
                """
                millrace: 1
                duration: 1h
                payments: {gossip_interval: 1m}
                latency: {fixed: 20ms}
                nodes: [a, b]
                channels: [{from: a, to: b, capacity_sat: 1_000_000, standing: true}]
                traffic: [{rate_per_hour: 1, amount_sat: 1}]
                """), settings: RunSettings())
        let (epoch, window) = (60_000_000 as UInt64, world.lookahead)
        #expect(world.gossipInterval == epoch && window > 0)
        #expect(world.visible(announcedAt: 0) == epoch)
        #expect(world.visible(announcedAt: epoch - 3 * window - 1) == epoch)
        #expect(world.visible(announcedAt: epoch - 3 * window) == 2 * epoch)
    }

    @Test func `is no more once gossip has come`() throws {
        let (_, notebook) = try notes(
            twoWays("fee_ppm: 500", interval: "10s", traffic: "starts_at: 1212s, rate_per_hour: 600"))
        #expect(notebook.attempts.allSatisfy { $0.failure == nil })
        #expect(notebook.payments.allSatisfy { $0.fee == Millisatoshi(5_000) })
        #expect(notebook.payments.count > 20)
    }
}

@Suite struct `Changing policies` {
    @Test(arguments: [2, 3, 8], [1, 3])
    func `change nothing from shard to shard and from thread to thread`(shards: Int, threads: Int) throws {
        func result(shards: Int, threads: Int) throws -> RunResult {
            var settings = RunSettings()
            settings.threads = threads
            settings.paymentsMaximum = 1_500
            return try NetworkSimulation(changingNetwork(), settings: settings, shardCount: shards).run()
        }
        let alone = try result(shards: 1, threads: 1)
        let other = try result(shards: shards, threads: threads)
        #expect(alone.digest == other.digest && alone.events == other.events)
        #expect(alone.channelIncome == other.channelIncome)
        for failure in [
            FailureName.feeInsufficient, .incorrectCLTVExpiry, .amountBelowMinimum, .channelDisabled,
        ] {
            #expect(alone.attemptFailures.contains { $0.name == failure }, "\(failure.name)")
        }
    }

    @Test func `are the same with lazy and eager signatures`() throws {
        var settings = RunSettings()
        settings.paymentsMaximum = 150
        let lazy = try run(changingNetwork(), settings)
        settings.signatures = .eager
        let eager = try run(changingNetwork(), settings)
        #expect(lazy.digest == eager.digest)
    }

    /// 14 directions, 20,000 and for dan's three 3,000 more a day, and six of single ones: within four standard errors.
    @Test func `change as often as the file says`() throws {
        var network = try changingNetwork()
        network.duration = .seconds(600)
        let result = try run(network)
        let updates = try #require(result.messages.first { $0.name == "channel_update" }).count
        // A change to the same minutes of delay again is none, so dan's second rule adds nothing but once an end.
        let expected = 14 * 20_000 * 600.0 / 86_400
        #expect(abs(Double(updates) - expected) < 4 * expected.squareRoot() + 20)
    }

    @Test func `end with the traffic`() throws {
        var settings = RunSettings()
        settings.paymentsMaximum = 20
        var network = try changingNetwork()
        network.duration = .seconds(86_400)
        let result = try run(network, settings)
        let updates = try #require(result.messages.first { $0.name == "channel_update" }).count
        #expect(updates < 200)
    }

    @Test func `stay between the factors of the file's own fees`() throws {
        let simulation = try NetworkSimulation(changingNetwork(), settings: RunSettings())
        _ = try simulation.run()
        let world = simulation.world
        var changed = 0
        for end in 0..<world.endCount {
            let (fee, first) = (world.policies[end], world.firstPolicy(of: DirectionIndex(UInt32(end))))
            #expect(
                (210...2_100).contains(fee.proportionalFee) && (300...3_000).contains(fee.baseFee.rawValue))
            if fee.proportionalFee != first.proportionalFee { changed += 1 }
        }
        #expect(changed > 10)
    }
}
