import Randomness
import Testing
import Topologies

@testable import PaymentNetwork

/// Links that are late, or down.
@Suite struct `A link` {
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `is never faster with jitter than without, and delivers in order`(seed: UInt64) {
        var stream = RandomStream(seed: seed, purpose: .init("sendings"), process: 0)
        var link = LinkState()
        var now: UInt64 = 0
        var last: UInt64 = 0
        var late = 0.0
        for message in 0..<3_000 {
            now += stream.below(20_000)
            link.jitter = message < 1_000 ? 0 : message < 2_000 ? 50_000 : 0
            let delay = link.delay(40_000, at: now, lateness: stream.exponential())
            #expect(delay >= 40_000 && now + delay >= last)
            last = now + delay
            switch message {
            case ..<1_000, 2_900...: #expect(delay == 40_000)
            case ..<2_000: late += Double(delay - 40_000)
            default: break
            }
        }
        // The mean is 50 ms, and who waits behind another is later still.
        #expect((50_000.0...250_000.0).contains(late / 1_000))
    }

    /// Some 480 outages of Bob's are under way at once, and 500 breaks of his links.
    @Test func `stays down through outages without number`() throws {
        let network = try network(
            faults: """
                faults:
                  - {kind: offline, node: bob, rate_per_day: 4000, for: 170m}
                  - {kind: disconnect, node: bob, rate_per_day: 4000, for: 170m}
                """)
        let result = try NetworkSimulation(network, settings: RunSettings()).run()
        #expect(result.payments.attempted > 3_000 && result.payments.settled < 100)
    }

    /// Alice pays Bob, and Bob pays Carol, over links of 50 ms, which a payment takes four times: `commitment_signed`
    /// there and back, `revoke_and_ack`, and the preimage. Seed 1.
    private func network(faults: String = "") throws -> Topology {
        try topology(
            """
            millrace: 1
            duration: 3h
            latency: {floor: 5ms, fixed: 50ms}
            nodes: [alice, bob, carol]
            channels:
              - {from: alice, to: bob, capacity_sat: 5_000_000, standing: true, balance_sat: 4_900_000}
              - {from: bob, to: carol, capacity_sat: 5_000_000, standing: true, balance_sat: 4_900_000}
            traffic:
              - {from: alice, to: bob, rate_per_hour: 600, amount_sat: 100}
              - {from: bob, to: carol, rate_per_hour: 600, amount_sat: 100}
            \(faults)
            """)
    }

    private let jitter = "faults: [{kind: latency-jitter, node: alice, at: 1h, for: 1h, delay: 400ms}]"

    @Test func `makes payments over it late while it lasts, and no others`() throws {
        let notebook = Notebook()
        let network = try network(faults: jitter)
        let result = try NetworkSimulation(network, settings: RunSettings(), recorder: notebook).run()
        #expect(result.payments.failed == 0 && result.payments.settled > 3_000)
        func latencies(from payer: Int32, hour: UInt64) -> [UInt64] {
            notebook.payments.filter { $0.source == payer && $0.startedAt / 3_600_000_000 == hour }
                .map { $0.endedAt - $0.startedAt }.sorted()
        }
        let before = latencies(from: 0, hour: 0)
        let during = latencies(from: 0, hour: 1)
        let usual = before[before.count / 2]
        // Four messages one after the other, 400 ms late each on average.
        #expect((usual + 1_200_000...usual + 2_400_000).contains(during[during.count / 2]))
        #expect(latencies(from: 0, hour: 2).last.map { $0 <= before.last! + 100_000 } == true)
        for hour in 0..<3 as Range<UInt64> {
            #expect(latencies(from: 1, hour: hour).last! < usual + 500_000, "Bob's and Carol's has none")
        }
    }

    /// Whoever has both signatures broadcasts; the other may hear of it when it is confirmed.
    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `lets both close a channel, whenever the last message comes`(seed: UInt64) throws {
        let network = try topology(
            """
            millrace: 1
            seed: \(seed)
            duration: 1h
            layer_1: {block_interval: 20s}
            nodes: [alice, bob]
            channels:
              - {from: alice, to: bob, capacity_sat: 1_000_000, standing: true, balance_sat: 500_000, closes_at: 30m}
            traffic: [{from: alice, to: bob, rate_per_hour: 10, amount_sat: 100, ends_at: 10m}]
            faults: [{kind: latency-jitter, node: alice, at: 30m, for: 1h, delay: 1m}]
            """)
        let simulation = try NetworkSimulation(network, settings: RunSettings(), shardCount: 2)
        let result = try simulation.run()
        #expect(result.chain.channelsClosed == 1)
        #expect(
            simulation.world.channels[0].phase == .closed && simulation.world.channels[1].phase == .closed)
    }

    @Test func `gives one digest on any number of shards and threads, lazy and eager`() throws {
        let network = try network(faults: jitter)
        let result = try run(network)
        #expect(try run(self.network()).digest != result.digest)
        for shards in [2, 3] { #expect(try run(network, shards: shards).digest == result.digest) }
        var settings = RunSettings()
        settings.threads = 2
        #expect(try run(network, settings, shards: 3).digest == result.digest)
        settings.paymentsMaximum = 200
        let lazy = try run(network, settings, shards: 3)
        settings.signatures = .eager
        #expect(try run(network, settings, shards: 3).digest == lazy.digest)
    }
}
