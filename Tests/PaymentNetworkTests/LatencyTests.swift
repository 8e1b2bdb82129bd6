import LightningTypes
import Snapshots
import Testing

@testable import PaymentNetwork

/// Latencies of every length a run may have, from a microsecond to centuries.
struct LatencyTests {
    private static let day: UInt64 = 86_400_000_000

    private func statistics(of latencies: [UInt64]) -> RunStatistics {
        var statistics = RunStatistics()
        for (number, latency) in latencies.enumerated() {
            statistics.count(
                PaymentRecord(
                    number: UInt64(number), source: 0, destination: 1, amount: Millisatoshi(1), startedAt: 7,
                    endedAt: 7 + latency, failure: nil, attempts: 1, hops: 1, fee: .zero),
                isMeasured: true)
        }
        return statistics
    }

    // 2^40 microseconds, once the longest that was counted, are 12.7 days.
    @Test(
        arguments: [1_000, 250_000, day, (1 << 40) - 1, 1 << 40, 13 * day, 50 * day, 3_650 * day] as [UInt64])
    func `are found within 0.1 %, and in a saved state as well`(latency: UInt64) throws {
        let counted = statistics(of: [latency, latency, latency])
        var writer = SnapshotWriter()
        counted.write(to: &writer)
        var restored = RunStatistics()
        var reader = SnapshotReader(writer.finish())
        try restored.read(from: &reader)
        try reader.finish()
        for statistics in [counted, restored] {
            #expect(statistics.latencies.totalCount == 3)
            for percentile in [1.0, 50, 99, 100] {
                let found = Double(statistics.latencies.valueAtPercentile(percentile))
                #expect(abs(found / Double(latency) - 1) <= 0.001)
            }
        }
    }

    @Test func `of nothing count as a millisecond`() {
        #expect(statistics(of: [0]).latencies.valueAtPercentile(50) == 1_000)
    }
}
