import PaymentNetwork
import Testing
import Topologies

@testable import millrace

/// How many payments are under way at once, reckoned before a run.
struct TrafficDemandTests {
    private func network(_ flow: String, _ lines: String = "") throws -> Topology {
        try Topology(
            bytes: Array(
                """
                millrace: 1
                duration: 1d
                nodes: [alice, bob]
                channels: [{from: alice, to: bob, capacity_sat: 1_000_000}]
                \(lines)
                traffic: [{from: alice, to: bob, amount_sat: 1, \(flow)}]
                """.utf8), fileName: "net.yaml", directory: "")
    }

    private func underway(_ flow: String, _ lines: String = "", payments: UInt64? = nil) throws -> Double {
        var settings = RunSettings()
        settings.paymentsMaximum = payments
        return TrafficDemand(try network(flow, lines), settings).underway
    }

    @Test func `a rate that no network bears is refused with what it would take`() throws {
        let demand = TrafficDemand(try network("name: sales, rate_per_second: 1_000_000_000"), RunSettings())
        #expect(
            demand.refusal("net")
                == "net: about 2,080,000,000 payments would be under way at once, most of them of the flow 'sales', "
                + "some 1,040 GB of memory; at most 4,000,000 (2 GB): a lower rate, as --rate sets it, or fewer "
                + "payments, as --payments, take less")
    }

    @Test func `what is useful is not`() throws {
        #expect(try underway("rate_per_second: 1_000_000") < TrafficDemand.underwayMaximum)
        #expect(try underway("rate_per_second: 1_000_000_000", payments: 10_000) == 10_000)
        #expect(try underway("rate_per_hour: 60") < 1)
    }

    @Test func `bursts, hours, far links and circulation count`() throws {
        let plain = try underway("rate_per_second: 100")
        #expect(
            try underway("rate_per_second: 100, bursts: {factor: 1000, lasting: 1s, every: 1000s}") > 400
                * plain)
        let hours = [23] + Array(repeating: 0, count: 23)
        #expect(try underway("rate_per_second: 100, hours: \(hours)") == 24 * plain)
        #expect(try underway("rate_per_second: 100", "latency: {fixed: 10m}") > 1_000 * plain)
        #expect(
            try underway("rate_per_second: 100, circulation: {spend: 0.99, after: 0s}") >= 99 * plain)
        // A day's payments wait for each other.
        #expect(
            try underway("rate_per_second: 100, circulation: {give_back: 1, after: 30d}") > 1_000_000)
    }

    @Test func `a trace counts where it is densest`() throws {
        var network = try network("rate_per_day: 1")
        let times = (0..<100).map { 60 * $0 } + Array(repeating: 6_000, count: 50)
        let trace =
            "time_seconds,source,destination,amount_msat\n" + times.map { "\($0),alice,bob,1\n" }.joined()
        try network.apply(Topology.Overrides(trace: (Array(trace.utf8), "trace.csv")))
        #expect(TrafficDemand(network, RunSettings()).underway == 50)
    }
}
