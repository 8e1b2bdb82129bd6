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
