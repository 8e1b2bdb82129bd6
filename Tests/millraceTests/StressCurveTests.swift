import Testing

@testable import Reports

struct StressCurveTests {
    private func step(
        _ rate: Double, _ success: Double, p99: Double?, offeringSeconds: Double = 1_000
    ) -> StressCurve.Step {
        StressCurve.Step(
            offeredPerSecond: rate, settledPerSecond: rate * success, success: success,
            offeringSeconds: offeringSeconds,
            latency: p99.map { StressCurve.Latency(p50: $0 / 4, p90: $0 / 2, p99: $0) })
    }

    @Test func `has no knee where nothing gives way`() {
        let curve = StressCurve(steps: [step(1, 0.9, p99: 100), step(10, 0.855, p99: 200)])
        #expect(curve.kneePerSecond == nil)
        #expect(
            curve.verdict.hasPrefix(
                "Nothing gives way up to 10.0 payments/s: success stays between 85.5 % and 90.0 %, and latency holds."
            ))
        let same = StressCurve(steps: [step(1, 1, p99: 100), step(10, 1, p99: 200)])
        #expect(
            same.verdict.hasPrefix(
                "Nothing gives way up to 10.0 payments/s: success is 100.0 % at every step"))
    }

    @Test func `the knee is the last load before success falls`() {
        let curve = StressCurve(steps: [
            step(1, 0.9, p99: 100), step(10, 0.86, p99: 150), step(100, 0.85, p99: 150),
        ])
        #expect(curve.kneePerSecond == 10)
        #expect(
            curve.verdict
                == "Gives way at 100 payments/s: nobody refused an HTLC. The network bears 10.0 payments/s, 86.0 % "
                + "settled; then success falls to 85.0 %, below 95 % of the first step's 90.0 %.")
        #expect(curve.failingPerSecond == 100)
    }

    @Test func `a load offered for less than ten of its latencies is a burst`() {
        #expect(!step(1, 0.9, p99: 100, offeringSeconds: 1).isBurst)
        #expect(step(1, 0.9, p99: 100.1, offeringSeconds: 1).isBurst)
        let curve = StressCurve(steps: [
            step(1, 0.9, p99: 100, offeringSeconds: 0.5), step(10, 0.1, p99: 100),
        ])
        #expect(curve.verdict.contains("The network bears a burst of 1.00 payments/s, 90.0 % settled"))
    }

    @Test func `the verdict names what gave way and where`() {
        var failing = step(420, 0.5, p99: 100)
        failing.bottleneck = .init(resource: .slots, channels: 12, node: "HUB")
        let curve = StressCurve(steps: [step(1, 0.9, p99: 100), failing])
        #expect(
            curve.verdict.hasPrefix("Gives way at 420 payments/s: HTLC slots of 12 channels around HUB. "))
        failing.bottleneck = nil
        failing.failures = [("htlc_limit", 7)]
        let other = StressCurve(steps: [step(1, 0.9, p99: 100), failing])
        #expect(
            other.verdict.hasPrefix(
                "Gives way at 420 payments/s: htlc_limit, without a router that refused. "))
    }

    @Test func `latency alone can give way`() {
        let curve = StressCurve(steps: [step(1, 0.9, p99: 100), step(10, 0.9, p99: 200.1)])
        #expect(curve.kneePerSecond == 1)
        #expect(curve.verdict.contains("latency more than doubles"))
    }

    @Test func `the highest load that holds counts, and a dip below it is told`() {
        let curve = StressCurve(steps: [
            step(1, 0.9, p99: 100), step(10, 0.8, p99: 100), step(100, 0.9, p99: 100),
            step(1_000, 0.1, p99: 100),
        ])
        #expect(curve.kneePerSecond == 100)
        #expect(curve.verdict.contains("although"))
    }

    @Test func `nothing settled is no load to compare with`() {
        let curve = StressCurve(steps: [step(1, 0, p99: nil), step(10, 0, p99: nil)])
        #expect(curve.kneePerSecond == nil)
        #expect(curve.verdict.hasPrefix("No payment settled"))
    }

    @Test func `a step that settles nothing gives way`() {
        let curve = StressCurve(steps: [step(1, 0.5, p99: 10), step(10, 0, p99: nil)])
        #expect(curve.kneePerSecond == 1)
    }

    @Test func `loads rise by one factor between the ends asked for`() {
        let rates = StressCurve.geometricRates(from: 1, to: 1_000, count: 10)
        #expect(rates == [1, 2.154, 4.642, 10, 21.54, 46.42, 100, 215.4, 464.2, 1_000])
        #expect(StressCurve.geometricRates(from: 0.5, to: 2, count: 2) == [0.5, 2])
        #expect(StressCurve.geometricRates(from: 2, to: 8, count: 3) == [2, 4, 8])
    }
}
