import LightningTypes
import Settlement
import Testing
import Topologies

@testable import PaymentNetwork

@Suite struct `A channel opened and closed in the run` {
    private func network(wallet: UInt64 = 200_000, push: UInt64 = 20_000, feerate: UInt64 = 10) throws
        -> Topology
    {
        try topology(
            """
            millrace: 1
            duration: 20h
            layer_1: {feerate_sat_per_vbyte: \(feerate), regular_blocks: true}
            nodes: [{name: alice, wallet_sat: \(wallet)}, {name: bob, wallet_sat: 0}]
            channels:
              - {from: alice, to: bob, capacity_sat: 100000, push_sat: \(push), opens_at: 10m, closes_at: 10h}
            traffic:
              - {name: there, from: alice, to: bob, rate_per_hour: 6, amount_sat: 1000, starts_at: 1h}
            """)
    }

    /// P2WPKH input, funding output and change: 4 × (10 + 41) + 2 + 109 + 172 + 124 = 611 weight units; closing with
    /// two P2WPKH outputs: 4 × (10 + 41) + 2 + 222 + 2 × 124 = 676.
    @Test func `costs its funder both layer-1 fees and nobody else anything`() throws {
        let notebook = Notebook()
        let result = try NetworkSimulation(network(), settings: RunSettings(), recorder: notebook).run()
        #expect(notebook.transactions.map(\.kind) == [.funding, .closing])
        #expect(result.chain.channelsOpened == 1 && result.chain.channelsClosed == 1)
        let fees = notebook.transactions.map(\.fee.rawValue)
        let weights = notebook.transactions.map(\.weight)
        #expect(fees == weights.map { ($0 * 2_500 + 999) / 1_000 })
        #expect(result.channelIncome[0].openingCost == Millisatoshi(Satoshi(fees[0])))
        #expect(result.channelIncome[0].closingCost == Millisatoshi(Satoshi(fees[1])))
        #expect(result.channelIncome[1].onchainFees == .zero)
        #expect(result.chain.minerFees == Satoshi(fees[0] + fees[1]))
        #expect(result.payments.settled > 30)
        // After the close there is no way any more.
        #expect(result.failures.first?.name == .noRoute)
    }

    @Test func `waits for its confirmations and for gossip`() throws {
        let notebook = Notebook()
        _ = try NetworkSimulation(network(), settings: RunSettings(), recorder: notebook).run()
        let opened = try #require(notebook.transactions.first)
        let firstSettled = try #require(notebook.payments.first { $0.failure == nil })
        // Two more blocks after the one that confirms it, at the earliest.
        #expect(firstSettled.startedAt > opened.confirmedAt + 2 * 600_000_000)
    }

    @Test func `is not opened by a wallet that cannot pay for it`() throws {
        let result = try run(network(wallet: 100_100))
        #expect(result.chain.openingsRefused == 1 && result.chain.transactions == 0)
        #expect(result.payments.settled == 0 && result.chain.minerFees == .zero)
    }

    @Test func `costs nothing where layer 1 is free`() throws {
        let result = try run(network(feerate: 0))
        #expect(result.chain.minerFees == .zero && result.chain.channelsClosed == 1)
        #expect(result.nodeIncome.allSatisfy { $0.onchainFees == .zero })
    }

    @Test func `spends its capital only while it is funded`() throws {
        let result = try run(network())
        let capital = result.nodeIncome.reduce(UInt64(0)) { $0 + $1.capital.rawValue }
        // Open for about 10 of 20 hours; it stays for a block or so at either end.
        let share = Double(capital) / 100_000_000
        let hours = Double(result.measuredMicroseconds) / 3_600_000_000
        #expect(abs(share * hours - 10) < 1)
    }
}

@Suite struct `A closing` {
    private func network(_ channel: String, feerate: Int = 10, commitments: Int = 0, faults: String = "")
        throws -> Topology
    {
        try topology(
            """
            millrace: 1
            duration: 3h
            layer_1: {feerate_sat_per_vbyte: \(feerate), regular_blocks: true}
            nodes: [alice, bob]
            channels:
              - {from: alice, to: bob, channel_reserve_sat: 0, dust_limit_sat: 0, feerate_per_kw: \(commitments), anchors: false, \(channel)}
            traffic:
              - {name: there, from: alice, to: bob, rate_per_hour: 20, amount_sat: 1000}
            \(faults)
            """)
    }

    @Test func `is paid for by the other side where the funder has nothing left`() throws {
        let result = try run(
            network("capacity_sat: 20000, balance_sat: 0, standing: true, funder: alice, closes_at: 1h"))
        #expect(result.chain.channelsClosed == 1 && result.chain.minerFees == Satoshi(1_380))
        #expect(result.channelIncome[0].closingCost == .zero)
        #expect(result.channelIncome[1].closingCost == Millisatoshi(1_380_000))
    }

    @Test func `that costs more than there is does not happen, and is counted`() throws {
        let result = try run(network("capacity_sat: 1000, balance_sat: 500, standing: true, closes_at: 1h"))
        #expect(result.chain.channelsClosed == 0 && result.chain.closingsRefused == 1)
    }

    /// Each time that the two are connected again they look whether they can close now.
    @Test func `that costs more than there is counts once, however often it is tried`() throws {
        let result = try run(
            network(
                "capacity_sat: 1000, balance_sat: 500, standing: true, closes_at: 1h", commitments: 253,
                faults: "faults: [{kind: disconnect, node: bob, rate_per_day: 500, for: 10s}]"))
        #expect(result.chain.channelsClosed == 0 && result.chain.closingsRefused == 1)
    }

    @Test(arguments: ["1us", "5m", "35m"])
    func `due while the channel is opening follows as soon as it is open`(time: String) throws {
        let result = try run(network("capacity_sat: 100000, opens_at: 0s, closes_at: \(time)"))
        #expect(result.chain.channelsOpened == 1 && result.chain.channelsClosed == 1)
        #expect(result.failures.first?.name == .noRoute)
    }
}

@Suite struct `The time a run is measured over` {
    private func network(_ rest: String) throws -> Topology {
        try topology(
            """
            millrace: 1
            \(rest)
            latency: {fixed: 10ms}
            nodes: [alice, bob, carol]
            channels:
              - {from: alice, to: bob, capacity_sat: 100000, balance_sat: 90000, standing: true, closes_at: 50d}
              - {from: bob, to: carol, capacity_sat: 100000, balance_sat: 90000, standing: true}
            """)
    }

    private func traced(_ rest: String) throws -> Topology {
        var traced = try network(rest)
        let csv =
            "time_seconds,source,destination,amount_msat\n10,alice,carol,1000000\n20,alice,carol,1000000"
        try traced.apply(.init(trace: (Array(csv.utf8), "trace.csv"), duration: traced.duration))
        return traced
    }

    @Test func `is the duration, whenever the last payment or block was`() throws {
        let result = try run(traced("duration: 30d"))
        #expect(result.measuredMicroseconds == 30 * 86_400_000_000)
        let bob = result.nodeIncome[1]
        let expected = Double(bob.routingFees.rawValue) / Double(bob.capital.rawValue) * 365 / 30
        #expect(bob.routingFees > .zero && abs(bob.aprGross! - expected) < 1e-9)
    }

    @Test func `is what the payments took where these alone bound the run`() throws {
        let result = try run(traced("warmup: 5s"))
        #expect((15_000_000...16_000_000).contains(result.measuredMicroseconds))
        #expect((20_000_000...).contains(result.simulatedMicroseconds))
        let capital = result.nodeIncome.reduce(UInt64(0)) { $0 + $1.capital.rawValue }
        #expect((190_000_000...200_000_000).contains(capital))
    }
}

@Suite struct `Money` {
    @Test(arguments: 1...24 as ClosedRange<UInt64>)
    func `is conserved whatever is paid, opened and closed`(seed: UInt64) throws {
        // The run itself checks every node's books, the chain and all channels, and throws if anything is off.
        var network = try busyNetwork(opened: seed % 2 == 0, rate: 40)
        network.seed = seed
        var settings = RunSettings()
        settings.paymentsMaximum = 400
        let result = try run(network, settings)
        #expect(result.feesPaid == result.feesEarned)
        #expect(result.payments.attempted == 400)
    }

    @Test func `of the warm-up is in no table`() throws {
        var network = try busyNetwork()
        let whole = try run(network)
        network.warmup = .seconds(300)
        let rest = try run(network)
        #expect(rest.payments.attempted + rest.warmupPayments == whole.payments.attempted)
        #expect(rest.warmupPayments > 0 && rest.feesEarned < whole.feesEarned)
        #expect(rest.digest != 0 && rest.finalBalances == whole.finalBalances)
    }
}
