import LightningTypes
import Topologies

@testable import PaymentNetwork

/// A topology from the text of a file.
func topology(_ text: String, name: String = "test.yaml") throws -> Topology {
    try Topology(bytes: Array(text.utf8), fileName: name, directory: ".", options: .init())
}

/// One channel of 1,000,000 sat with nothing in the way, payments of one size both ways (`one-channel.yaml`).
func oneChannel(balance: UInt64, amount: UInt64, days: Int = 3) throws -> Topology {
    try topology(
        """
        millrace: 1
        duration: \(days)d
        nodes: [alice, bob]
        channels:
          - from: alice
            to: bob
            standing: true
            capacity_sat: 1000000
            balance_sat: \(balance)
            channel_reserve_sat: 0
            dust_limit_sat: 0
            feerate_per_kw: 0
            anchors: false
            policy: {base_fee_msat: 0, fee_ppm: 0, cltv_expiry_delta: 40}
        traffic:
          - {name: there, from: alice, to: bob, rate_per_day: 720, amount_sat: \(amount)}
          - {name: back, from: bob, to: alice, rate_per_day: 720, amount_sat: \(amount)}
        """)
}

/// Five nodes, channels with little room, traffic thick enough for HTLCs to cross and to fail.
func busyNetwork(opened: Bool = false, rate: Int = 4) throws -> Topology {
    let standing = opened ? "opens_at: 0s, closes_at: 12h" : "standing: true"
    func channel(_ from: String, _ to: String, _ capacity: Int) -> String {
        "  - {from: \(from), to: \(to), capacity_sat: \(capacity), \(standing)\(opened ? ", push_sat: \(capacity / 3)" : "")}"
    }
    return try topology(
        """
        millrace: 1
        duration: \(opened ? "13h" : "10m")
        balances: uniform
        defaults:
          policy: {base_fee_msat: 1000, fee_ppm: 700, cltv_expiry_delta: 40}
        nodes: [ada, ben, cyd, dan, eve]
        channels:
        \(channel("ada", "ben", 600_000))
        \(channel("ben", "cyd", 900_000))
        \(channel("cyd", "dan", 700_000))
        \(channel("dan", "ada", 500_000))
        \(channel("ben", "dan", 800_000))
        \(channel("dan", "eve", 400_000))
        \(channel("cyd", "eve", 650_000))
        traffic:
          - {name: all, rate_per_second: \(opened ? "0.02" : "\(rate)"), amount_sat: {from: 500, to: 60000}, starts_at: \(opened ? "2h" : "0s")}
        """)
}

/// Keeps what a run reports.
final class Notebook: RunRecorder {
    var payments: [PaymentRecord] = []
    var attempts: [AttemptRecord] = []
    var transactions: [ChainRecord] = []
    var hours: [TimelineRecord] = []

    func record(_ payment: PaymentRecord) { payments.append(payment) }
    func record(_ attempt: AttemptRecord) { attempts.append(attempt) }
    func record(_ transaction: ChainRecord) { transactions.append(transaction) }
    func record(_ hour: TimelineRecord) { hours.append(hour) }
    func wantsAttempts(of payment: UInt64) -> Bool { true }
}

func run(_ topology: Topology, _ settings: RunSettings = RunSettings(), shards: Int = 1) throws -> RunResult {
    try NetworkSimulation(topology, settings: settings, shardCount: shards).run()
}
