import LightningTypes
import Testing

@testable import PaymentNetwork

@Suite struct `A quantile of latencies` {
    /// docs/RUN-STORE.md: "at least 1, to within 0.1 %". Each of these alone, so that every quantile is it.
    @Test(arguments: [
        1_000, 1_001, 1_023, 1_500, 9_999, 51_300, 201_384, 999_999, 31_536_001, 86_400_000_000,
    ])
    func `is within a thousandth from a millisecond on`(latency: UInt64) {
        var statistics = RunStatistics()
        statistics.count(
            PaymentRecord(
                number: 0, source: 0, destination: 1, amount: .zero, startedAt: 7, endedAt: 7 + latency,
                failure: nil,
                attempts: 1, hops: 1, fee: .zero), isMeasured: true)
        // A higher one, since no quantile is above the largest that was recorded.
        statistics.latencies.record(1 << 40)
        let found = Double(statistics.latencies.valueAtPercentile(50))
        #expect(abs(found - Double(latency)) <= 0.001 * Double(latency), "\(found)")
    }
}
