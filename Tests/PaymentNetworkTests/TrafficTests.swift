import LightningTypes
import Randomness
import Testing
import Topologies

@testable import PaymentNetwork

@Suite struct `Traffic` {
    private func all(_ topology: Topology, maximum: UInt64? = nil, factor: Double = 1) -> [PlannedPayment] {
        var source = TrafficSource(topology, paymentsMaximum: maximum, rateFactor: factor)
        var payments: [PlannedPayment] = []
        while let payment = source.next() { payments.append(payment) }
        return payments
    }

    @Test func `comes in order of time, numbered from zero`() throws {
        let payments = try all(busyNetwork(rate: 30))
        #expect(payments.map(\.number) == Array(0..<UInt64(payments.count)))
        #expect(zip(payments, payments.dropFirst()).allSatisfy { $0.time <= $1.time })
        #expect(payments.allSatisfy { $0.source != $0.destination && $0.time < 600_000_000 })
    }

    /// 18,000 expected; the standard deviation of a Poisson count is its root, 134.
    @Test func `comes as often as its rate says`() throws {
        let payments = try all(busyNetwork(rate: 30))
        #expect(abs(Double(payments.count) - 18_000) < 4 * 134)
        let gaps = zip(payments, payments.dropFirst()).map { Double($1.time - $0.time) / 1e6 * 30 }
        let mean = gaps.reduce(0, +) / Double(gaps.count)
        let variance = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gaps.count)
        #expect(abs(variance - 1) < 0.06, "exponential gaps have variance one")
    }

    /// Chi-squared over the 20 ordered pairs of five nodes: 43.8 is passed once in a thousand.
    @Test func `spreads over all pairs and all amounts`() throws {
        let payments = try all(busyNetwork(rate: 30))
        var counts: [Int32: Double] = [:]
        for payment in payments { counts[payment.source * 5 + payment.destination, default: 0] += 1 }
        let expected = Double(payments.count) / 20
        #expect(counts.count == 20)
        #expect(counts.values.reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected } < 43.8)
        let amounts = payments.map { Double($0.amount.rawValue) / 1_000 }
        #expect(amounts.allSatisfy { (500...60_000).contains($0) })
        let mean = amounts.reduce(0, +) / Double(amounts.count)
        #expect(abs(mean - 30_250) < 4 * 17_177 / Double(amounts.count).squareRoot())
    }

    @Test(arguments: [0.01, 3, 1_000])
    func `offers the same payments at another rate, closer together`(factor: Double) throws {
        var network = try busyNetwork(rate: 5)
        network.duration = nil
        let slow = all(network, maximum: 500)
        let fast = all(network, maximum: 500, factor: factor)
        #expect(slow.count == 500)
        #expect(slow.map(\.source) == fast.map(\.source) && slow.map(\.amount) == fast.map(\.amount))
        #expect(slow.map(\.destination) == fast.map(\.destination))
        #expect(
            zip(slow, fast).allSatisfy { abs(Double($0.time) / factor - Double($1.time)) <= 1 + 1 / factor })
    }

    @Test func `of several flows is the union of each alone`() throws {
        let text = """
            millrace: 1
            duration: 10m
            nodes: [a, b, c]
            channels: [{from: a, to: b, capacity_sat: 10000}, {from: b, to: c, capacity_sat: 10000}]
            traffic:
              - {name: one, from: a, to: b, rate_per_second: 1, amount_sat: 1}
              - {name: two, from: b, to: c, rate_per_second: 2, amount_sat: 2, starts_at: 5m}
            """
        let payments = try all(topology(text))
        let late = payments.filter { $0.amount == Millisatoshi(2_000) }
        #expect(late.allSatisfy { $0.time >= 300_000_000 && $0.source == 1 })
        #expect(abs(late.count - 600) < 100 && abs(payments.count - late.count - 600) < 100)
    }

    @Test func `is not drawn for a payer that could only pay itself`() throws {
        let payments = try all(
            topology(
                """
                millrace: 1
                duration: 1h
                nodes: [a, b, c]
                channels: [{from: a, to: b, capacity_sat: 10000}, {from: b, to: c, capacity_sat: 10000}]
                traffic: [{name: shop, from: all, to: c, rate_per_second: 1, amount_sat: 1}]
                """))
        #expect(Set(payments.map(\.source)) == [0, 1] && payments.allSatisfy { $0.destination == 2 })
    }

    @Test(arguments: [
        ("max_accepted_htlcs: 0", FailureName.htlcLimit), ("max_htlc_value_in_flight_msat: 10", .htlcLimit),
        ("balance_sat: 0", .insufficientLocalBalance), ("policy: {disabled: true}", .noRoute),
    ])
    func `that cannot leave its payer says why`(key: String, expected: FailureName) throws {
        let balance = key.hasPrefix("balance") ? "" : ", balance_sat: 50000"
        let result = try run(
            topology(
                """
                millrace: 1
                duration: 1m
                nodes: [a, b]
                channels: [{from: a, to: b, capacity_sat: 100000, standing: true, \(key)\(balance)}]
                traffic: [{name: one, from: a, to: b, rate_per_second: 1, amount_sat: 100}]
                """))
        #expect(result.failures.map(\.name) == [expected] && result.payments.routable == 0)
    }

    @Test func `starts exactly as many payments as asked for`() throws {
        var settings = RunSettings()
        settings.paymentsMaximum = 77
        let result = try run(busyNetwork(), settings)
        #expect(result.payments.attempted == 77)
        #expect(result.payments.settled + result.payments.failed == 77)
    }

    @Test func `without an end or without anything is refused`() throws {
        var network = try busyNetwork()
        network.duration = nil
        #expect(throws: SimulationError.self) { try run(network) }
        network.traffic = .flows([])
        #expect { try run(network) } throws: { "\($0)".contains("--trace") }
    }
}

@Suite struct `Random draws` {
    @Test func `of balances follow the rule and nothing else`() throws {
        var channel = try busyNetwork().channels[0]
        channel.balance1 = nil
        channel.funder = nil
        var shares: [Double] = []
        for id in 0..<4_000 as Range<UInt64> {
            channel.shortChannelID = ShortChannelID(id << 40 | 7 << 16)
            let whole = Millisatoshi(channel.capacity)
            #expect(channel.startingBalance1(rule: .even, seed: 1) == Millisatoshi(whole.rawValue / 2))
            let oneSided = channel.startingBalance1(rule: .oneSided, seed: 1)
            #expect(oneSided == .zero || oneSided == whole)
            let drawn = channel.startingBalance1(rule: .uniform, seed: 1)
            shares.append(Double(drawn.rawValue) / Double(whole.rawValue))
        }
        // Uniform: mean 1/2 and variance 1/12, within four standard errors.
        let mean = shares.reduce(0, +) / 4_000
        let variance = shares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 4_000
        #expect(abs(mean - 0.5) < 4 * (1 / 12.0 / 4_000).squareRoot())
        #expect(abs(variance - 1 / 12.0) < 0.006)
    }

    @Test func `of latency have the quantiles they are drawn from and respect the floor`() throws {
        let latency = try busyNetwork().latency
        let delays = (0..<10_000).map { latency.delay(of: ShortChannelID(UInt64($0) << 16), seed: 3) }
        #expect(delays.min() == 5_000 && delays.allSatisfy { $0 <= 423_000 })
        for (share, milliseconds) in [(0.25, 18.0), (0.5, 45), (0.75, 53.5), (0.9, 69), (0.99, 138)] {
            let below = Double(delays.count { Double($0) <= milliseconds * 1_000 }) / 10_000
            #expect(abs(below - share) < 4 * (share * (1 - share) / 10_000).squareRoot())
        }
    }

    @Test func `never share a purpose`() {
        let names: [StaticString] = ["balances", "latency", "gaps", "payments", "blocks"]
        #expect(Set(names.map { RandomStream.Purpose($0) }).count == names.count)
    }
}
