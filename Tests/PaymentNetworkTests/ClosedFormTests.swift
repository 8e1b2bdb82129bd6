import LightningTypes
import Testing

@testable import PaymentNetwork

/// A channel's balance under payments of one size, equally often both ways, is a random walk between two walls; it
/// spends the same share of time in each of its n + 1 places and fails one payment in n + 1.
@Suite struct `One channel with symmetric traffic` {
    @Test(arguments: [
        (balance: 500_000, amount: 100_000, places: 10.0), (500_000, 300_000, 2.0), (600_000, 300_000, 3.0),
    ])
    func `succeeds n out of n + 1 times`(balance: UInt64, amount: UInt64, places: Double) throws {
        var topology = try oneChannel(balance: balance, amount: amount)
        var rates: [Double] = []
        for seed in 1...12 as ClosedRange<UInt64> {
            topology.seed = seed
            let payments = try run(topology).payments
            #expect(payments.attempted > 3_500 && payments.settled + payments.failed == payments.attempted)
            rates.append(Double(payments.settled) / Double(payments.attempted))
        }
        let mean = rates.reduce(0, +) / Double(rates.count)
        let variance = rates.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(rates.count - 1)
        let standardError = (variance / Double(rates.count)).squareRoot()
        #expect(abs(mean - places / (places + 1)) < 3 * standardError)
        #expect(standardError < 0.005, "a wide error would prove nothing")
    }

    @Test func `locks the whole capacity between its two ends`() throws {
        let result = try run(oneChannel(balance: 500_000, amount: 100_000))
        let capital = result.nodeIncome.reduce(UInt64(0)) { $0 + $1.capital.rawValue }
        // Each mean is rounded down; an HTLC on its way from one end to the other counts at neither.
        #expect((999_900_000...1_000_000_000).contains(capital))
        #expect(result.nodeIncome.allSatisfy { $0.net == 0 && $0.aprGross == 0 })
    }
}

@Suite struct `A routing node` {
    /// BOLT 7's routing example: A sends 5,010,198 msat over B, or 5,020,398 over D, so that C receives 4,999,999.
    @Test(arguments: [(closed: "", fee: 10_199), ("A-B", 20_399)])
    func `earns what the specification's example says`(closed: String, fee: UInt64) throws {
        func channel(_ from: String, _ to: String) -> String {
            let policies = [
                "A": (100, 1_000, 10), "B": (200, 2_000, 20), "C": (300, 3_000, 30), "D": (400, 4_000, 40),
            ]
            func policy(_ node: String) -> String {
                guard let (base, ppm, delta) = policies[node] else { return "" }
                return "{base_fee_msat: \(base), fee_ppm: \(ppm), cltv_expiry_delta: \(delta)"
                    + ("\(from)-\(to)" == closed ? ", disabled: true}" : "}")
            }
            return "  - {from: \(from), to: \(to), capacity_sat: 100000, balance_sat: 50000, standing: true, "
                + "from_policy: \(policy(from)), to_policy: \(policy(to))}"
        }
        let network = try topology(
            """
            millrace: 1
            duration: 1m
            nodes: [A, B, C, D]
            channels:
            \(channel("A", "B"))
            \(channel("B", "C"))
            \(channel("C", "D"))
            \(channel("D", "A"))
            traffic:
              - {name: one, from: A, to: C, rate_per_second: 10, amount_msat: 4999999}
            """)
        var settings = RunSettings()
        settings.paymentsMaximum = 1
        let notebook = Notebook()
        let result = try NetworkSimulation(network, settings: settings, recorder: notebook).run()
        #expect(result.payments.settled == 1 && result.feesPaid == Millisatoshi(fee))
        #expect(result.nodeIncome[fee == 10_199 ? 1 : 3].routingFees == Millisatoshi(fee))
        #expect(notebook.payments.map(\.fee) == [Millisatoshi(fee)] && notebook.attempts[0].route.count == 2)
    }

    /// Routing fees ÷ capital, per 365 days; opening and closing spread over the channel's lifetime.
    @Test func `has its rates measured against the capital it locked`() throws {
        var end = ChannelIncome()
        end.routingFees = Millisatoshi(1_000)
        end.openingCost = Millisatoshi(2_000)
        end.closingCost = Millisatoshi(1_650)
        end.capital = Millisatoshi(1_000_000)
        let day: UInt64 = 86_400_000_000
        let income = NodeIncome(node: 0, [end], measured: day, lifetimeDays: 365)
        #expect(income.net == -2_650)
        #expect(abs(income.aprGross! - 0.365) < 1e-12)
        #expect(abs(income.aprNet! - (0.365 - 0.00365)) < 1e-12)
        let halved = NodeIncome(node: 0, [end], measured: day, lifetimeDays: 730)
        #expect(abs(halved.aprNet! - (0.365 - 0.001825)) < 1e-12)
        let delayed = NodeIncome(node: 0, [end], measured: day, lifetimeDays: 365, exitDays: 365)
        #expect(delayed.aprGross == income.aprGross && abs(delayed.aprNet! - income.aprNet! / 2) < 1e-12)
        let idle = NodeIncome(node: 0, [ChannelIncome()], measured: day, lifetimeDays: 365)
        #expect(idle.aprGross == nil && idle.aprNet == nil)
    }
}
