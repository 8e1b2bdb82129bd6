import Randomness
import Testing
import Topologies

@testable import PaymentNetwork

/// What goes wrong and when is asked for at every event: the answers are those of a look at every fault.
struct FaultPlanTests {
    @Test(arguments: 0..<20 as Range<UInt64>)
    func `spans tell when a moment's is over`(seed: UInt64) {
        var stream = RandomStream(seed: seed, purpose: .init("spans"), process: 0)
        let all = (0..<30).map { _ in
            let start = stream.below(300)
            return start..<(start + 1 + stream.below(20))
        }.sorted { $0.lowerBound < $1.lowerBound }
        let spans = TimeSpans(all)
        for time in 0..<350 as Range<UInt64> {
            #expect((spans.end(at: time) != nil) == all.contains { $0.contains(time) })
            if let end = spans.end(at: time) {
                #expect(end >= all.filter { $0.contains(time) }.map(\.upperBound).max()!)
            }
        }
    }

    @Test(arguments: 0..<10 as Range<UInt64>)
    func `a payee keeps HTLCs by the last of its holds to begin`(seed: UInt64) throws {
        let network = try topology(
            """
            millrace: 1
            seed: \(seed)
            duration: 1h
            nodes: [alice, bob]
            channels: [{from: alice, to: bob, capacity_sat: 1_000_000}]
            traffic: [{from: alice, to: bob, rate_per_hour: 10, amount_sat: 100}]
            faults:
              - {kind: hold, node: bob, rate_per_day: 480, for: 1m}
              - {kind: hold, node: bob, rate_per_day: 100, for: 10m, outcome: fail}
              - {kind: hold, node: [alice, bob], rate_per_day: 240, for: 20s}
            """)
        let plan = FaultPlan(network, until: .seconds(3_600))
        for second in 0..<4_200 as Range<UInt64> {
            let now = second * 1_000_000
            for node in 0..<2 as Range<UInt32> {
                let expected = plan.planned.last { $0.node == Int32(node) && $0.start <= now && now < $0.end }
                let found = plan.hold(node, now)
                #expect(found?.end == expected?.end)
                #expect(found?.outcome == expected.map { network.faults[$0.fault].outcome })
            }
        }
    }
}
