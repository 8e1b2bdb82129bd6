import Testing
import Topologies

@testable import millrace

struct OfferedRateTests {
    private func topology(traffic: String) throws -> Topology {
        let text = """
            millrace: 1
            name: pair
            nodes: [a, b]
            channels:
              - {from: a, to: b, capacity_sat: 1_000_000, standing: true}
            duration: 10h
            traffic:
            \(traffic)
            """
        return try Topology(bytes: Array(text.utf8), fileName: "pair.yaml", directory: "")
    }

    @Test func `one flow offers its own rate`() throws {
        let one = try topology(
            traffic: "  - {name: x, from: a, to: b, rate_per_second: 2, amount_sat: 1, starts_at: 1h}")
        #expect(one.offeredRate(ofFirst: 100) == 2)
    }

    @Test func `a flow that starts later counts from then on`() throws {
        let two = try topology(
            traffic: """
                  - {name: x, from: a, to: b, rate_per_second: 1, amount_sat: 1}
                  - {name: y, from: b, to: a, rate_per_second: 3, amount_sat: 1, starts_at: 100s}
                """)
        #expect(two.offeredRate(ofFirst: 50) == 1)
        // 100 payments in the first 100 s, 400 in the next 100.
        #expect(two.offeredRate(ofFirst: 500) == 2.5)
    }

    @Test func `flows that end offer what they have`() throws {
        let short = try topology(
            traffic: "  - {name: x, from: a, to: b, rate_per_second: 2, amount_sat: 1, ends_at: 100s}")
        #expect(short.offeredRate(ofFirst: 1_000) == 2)
    }
}
