import LightningTypes
import Testing
import Topologies

@testable import PaymentNetwork

@Suite struct `Traffic models` {
    /// A ring of eight nodes, the first channel ten times as large as the others.
    private static func network(_ flow: String, duration: String = "10d", seed: UInt64 = 1) throws -> Topology
    {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"]
        let channels = names.indices.map { index in
            "  - {from: \(names[index]), to: \(names[(index + 1) % 8]), "
                + "capacity_sat: \(index == 0 ? 100_000_000 : 10_000_000), standing: true}"
        }
        return try topology(
            """
            millrace: 1
            seed: \(seed)
            duration: \(duration)
            nodes: [\(names.joined(separator: ", "))]
            defaults: {policy: {base_fee_msat: 0, fee_ppm: 0, cltv_expiry_delta: 40}}
            channels:
            \(channels.joined(separator: "\n"))
            traffic:
              - {name: flow, \(flow)}
            """)
    }

    private func payments(_ topology: Topology) -> [PlannedPayment] {
        var source = TrafficSource(topology, paymentsMaximum: nil, rateFactor: 1)
        var payments: [PlannedPayment] = []
        while let payment = source.next() { payments.append(payment) }
        return payments
    }

    private func shares(_ nodes: [Int32]) -> [Double] {
        var counts = [Double](repeating: 0, count: 8)
        for node in nodes { counts[Int(node)] += 1 / Double(nodes.count) }
        return counts
    }

    @Test(arguments: ["capacity", "{first: 0.5, weights: capacity}"])
    func `a flow whose payers have no channels to weigh is refused by its name`(weights: String) throws {
        let network = try topology(
            """
            millrace: 1
            duration: 1h
            nodes: [a, b, c, d]
            channels: [{from: a, to: b, capacity_sat: 1_000_000, standing: true}]
            traffic:
              - {name: some, from: a, to: b, rate_per_hour: 1, amount_sat: 1}
              - {name: none, from: [c, d], to: b, from_weights: \(weights), rate_per_hour: 1, amount_sat: 1}
            """)
        let error = #expect(throws: SimulationError.self) {
            try NetworkSimulation(network, settings: RunSettings())
        }
        #expect(try #require(error).description.contains("'none'"))
    }

    /// 86,400 draws of a deviation of the logarithm of √(2 ln 4) = 1.665: the mean's standard error is
    /// √(e^(σ²) − 1) ÷ √n = 1.3 %, the median's 0.7 %.
    @Test func `a log-normal amount has its mean and its median`() throws {
        let drawn = try payments(
            Self.network("rate_per_second: 0.1, amount_sat: {mean: 40_000, median: 10_000}")
        )
        .map { Double($0.amount.rawValue) / 1_000 }.sorted()
        let mean = drawn.reduce(0, +) / Double(drawn.count)
        #expect(abs(mean / 40_000 - 1) < 4 * 0.013)
        #expect(abs(drawn[drawn.count / 2] / 10_000 - 1) < 4 * 0.007)
        // One in 6.3 lies above e^σ medians.
        let above = Double(drawn.count { $0 > 10_000 * 5.284 }) / Double(drawn.count)
        #expect(abs(above - 0.158_66) < 4 * (0.158_66 * 0.841_34 / Double(drawn.count)).squareRoot())
    }

    @Test func `listed amounts come as often as their weights say`() throws {
        let drawn = try payments(
            Self.network("rate_per_second: 0.1, amount_sat: {values: [500, 2000, 9000], weights: [5, 3, 0]}"))
        let small = Double(drawn.count { $0.amount == Millisatoshi(500_000) }) / Double(drawn.count)
        #expect(abs(small - 0.625) < 4 * (0.625 * 0.375 / Double(drawn.count)).squareRoot())
        #expect(drawn.allSatisfy { $0.amount != Millisatoshi(9_000_000) })
    }

    /// a and b have 110 million of capacity, the others 20: shares 0.3235 and 0.0588. A payer is as likely as that; a
    /// payee is likelier where the payer is somebody else.
    @Test func `weights by capacity follow it`() throws {
        let drawn = try payments(
            Self.network("rate_per_second: 0.1, amount_sat: 1, from_weights: capacity"))
        let payers = shares(drawn.map(\.source))
        for (node, expected) in [0.323_5, 0.323_5, 0.058_8, 0.058_8, 0.058_8].enumerated() {
            #expect(abs(payers[node] - expected) < 0.007)
        }
    }

    @Test func `weights by rank fall as one over the rank, in an order that the seed draws`() throws {
        let drawn = try payments(Self.network("rate_per_second: 0.1, amount_sat: 1, from_weights: rank"))
        let harmonic = (1...8).reduce(0.0) { $0 + 1 / Double($1) }
        let payers = shares(drawn.map(\.source))
        for (rank, share) in payers.sorted(by: >).enumerated() {
            #expect(abs(share - 1 / Double(rank + 1) / harmonic) < 0.007)
        }
        let other = try payments(
            Self.network("rate_per_second: 0.1, amount_sat: 1, from_weights: rank", seed: 2))
        #expect(shares(other.map(\.source)).max() ?? 0 > 0.3)
        #expect(zip(payers, shares(other.map(\.source))).contains { abs($0 - $1) > 0.05 })
    }

    @Test func `a share of nodes is the same in every flow`() throws {
        let payees = try payments(
            Self.network("rate_per_second: 0.1, amount_sat: 1, to_weights: {first: 0.25}")
        ).map(\.destination)
        let payers = try payments(
            Self.network("rate_per_second: 0.1, amount_sat: 1, from_weights: {first: 0.25}")
        ).map(\.source)
        #expect(Set(payees).count == 2 && Set(payees) == Set(payers))
    }

    /// Five of eight nodes, drawn by capacity: a and b, if they are among them, 5.5 times as often as the others.
    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `merchants are drawn in proportion to their capacities`(seed: UInt64) throws {
        let drawn = try payments(
            Self.network(
                "rate_per_second: 0.1, amount_sat: 1, from_weights: {first: 0.625, weights: capacity}",
                seed: seed)
        ).map(\.source)
        let payers = shares(drawn)
        let merchants = payers.indices.filter { payers[$0] > 0 }
        #expect(merchants.count == 5)
        let capacity = merchants.map { $0 < 2 ? 110.0 : 20 }
        let error = 4 * (0.25 / Double(drawn.count)).squareRoot()
        for (node, capacity) in zip(merchants, capacity.map { $0 / capacity.reduce(0, +) }) {
            #expect(abs(payers[node] - capacity) < error)
        }
    }

    @Test func `circular pairs leave every node with what it had`() throws {
        let drawn = try payments(Self.network("rate_per_second: 0.1, amount_sat: 1, pairs: circular"))
        let next = Dictionary(
            drawn.map { ($0.source, $0.destination) }, uniquingKeysWith: { first, _ in first })
        #expect(drawn.allSatisfy { next[$0.source] == $0.destination })
        var node: Int32 = 0
        var visited: [Int32] = []
        repeat {
            visited.append(node)
            node = try #require(next[node])
        } while node != 0
        #expect(visited.sorted() == Array(0..<8))
    }

    @Test func `listed pairs come as often as their weights say`() throws {
        let drawn = try payments(
            Self.network("rate_per_second: 0.1, amount_sat: 1, pairs: [[a, c], [h, b, 3]]"))
        #expect(Set(drawn.map { [$0.source, $0.destination] }) == [[0, 2], [7, 1]])
        let first = Double(drawn.count { $0.source == 0 }) / Double(drawn.count)
        #expect(abs(first - 0.25) < 4 * (0.25 * 0.75 / Double(drawn.count)).squareRoot())
    }

    @Test func `hours have their weights, and the mean rate stays`() throws {
        let hours = (0..<24).map { $0 < 12 ? "1" : $0 < 18 ? "0" : "4" }.joined(separator: ", ")
        let drawn = try payments(Self.network("rate_per_second: 0.1, amount_sat: 1, hours: [\(hours)]"))
        #expect(abs(Double(drawn.count) - 86_400) < 4 * 294)
        var counts = [Double](repeating: 0, count: 24)
        for payment in drawn { counts[Int(payment.time / 3_600_000_000) % 24] += 1 }
        // Weights 12 × 1 and 6 × 4 over 36: an hour of weight 1 gets 2,400 of 86,400.
        for hour in 0..<12 { #expect(abs(counts[hour] - 2_400) < 4 * 49) }
        for hour in 12..<18 { #expect(counts[hour] == 0) }
        for hour in 18..<24 { #expect(abs(counts[hour] - 9_600) < 4 * 98) }
    }

    /// In bursts the rate is 20 times that between them, and half of the time is one: of minutes' counts the variance
    /// is far above a Poisson's.
    @Test func `bursts crowd payments, and the mean rate stays`() throws {
        let drawn = try payments(
            Self.network(
                "rate_per_second: 0.5, amount_sat: 1, bursts: {factor: 20, lasting: 10m, every: 10m}"))
        // The share of time in bursts has a standard deviation of √(10 min ÷ (4 × 10 d)) = 0.013, the count of 1.8
        // times that.
        let ratio = Double(drawn.count) / 432_000
        #expect(abs(ratio - 1) < 4 * 0.024)
        var minutes = [Double](repeating: 0, count: 14_400)
        for payment in drawn { minutes[Int(payment.time / 60_000_000)] += 1 }
        let mean = minutes.reduce(0, +) / 14_400
        let variance = minutes.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 14_400
        #expect(variance / mean > 10)
    }

    @Test func `what circulates follows from what settled`() throws {
        let notebook = Notebook()
        let network = try Self.network(
            "from: a, to: [d, e], rate_per_second: 0.01, amount_sat: 50_000, ends_at: 5d, "
                + "circulation: {give_back: 1, after: 10m}", duration: "6d")
        let result = try NetworkSimulation(network, settings: RunSettings(), recorder: notebook).run()
        let there = notebook.payments.filter { $0.source == 0 }
        let back = notebook.payments.filter { $0.destination == 0 }
        #expect(result.payments.settled == UInt64(there.count + back.count))
        #expect(there.count == back.count, "all that went out came back")
        #expect(there.count > 3_900 && result.payments.failed == 0)
    }

    @Test func `a swap goes by way of the swap node`() throws {
        let notebook = Notebook()
        let network = try Self.network(
            "from: a, to: d, rate_per_second: 0.001, amount_sat: 5_000, ends_at: 5d, "
                + "circulation: {swap: 1, swap_nodes: f, after: 10m}", duration: "6d")
        _ = try NetworkSimulation(network, settings: RunSettings(), recorder: notebook).run()
        let legs = Dictionary(grouping: notebook.payments) { [$0.source, $0.destination] }.mapValues(\.count)
        #expect(legs.count == 3 && legs[[0, 3]] == legs[[3, 5]] && legs[[3, 5]] == legs[[5, 0]])
    }

    @Test(arguments: [1, 3])
    func `circulation is the same on any number of threads, and counts among the payments asked for`(
        threads: Int
    ) throws {
        let network = try Self.network(
            "rate_per_second: 2, amount_sat: {mean: 9_000, median: 4_000}, "
                + "circulation: {spend: 0.5, give_back: 0.3, swap: 0.1, swap_nodes: [c, g], after: 1m}")
        var settings = RunSettings()
        settings.paymentsMaximum = 3_000
        let expected = try run(network, settings)
        #expect(expected.payments.attempted == 3_000)
        settings.threads = threads
        #expect(try run(network, settings).digest == expected.digest)
    }
}
