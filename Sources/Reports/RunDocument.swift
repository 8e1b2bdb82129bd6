import LightningTypes
import PaymentNetwork
import RunStore
import Topologies

/// What `millrace run --json` prints: the whole result in one object.
public struct RunDocument {
    public let json: JSONValue

    /// `directory` is where the run was stored.
    public init(
        _ result: RunResult, of topology: Topology, settings: RunSettings, wall: WallFigures,
        directory: String
    ) {
        json = [
            "digest": .text(digestText(result.digest)),
            "topology": .text(topology.name),
            "seed": .unsigned(result.seed),
            "threads": JSONValue(settings.threads),
            "signatures": .text(settings.signatures.rawValue),
            "run_directory": .text(directory),
            "events": .unsigned(result.events),
            "messages": .object(result.messages.map { .init($0.name, .unsigned($0.count)) }),
            "simulated_seconds": .number(Self.seconds(result.simulatedMicroseconds)),
            "drain_seconds": .number(Self.seconds(result.drainMicroseconds)),
            "measured_seconds": .number(Self.seconds(result.measuredMicroseconds)),
            "wall_seconds": .number(wall.wallSeconds),
            "loading_seconds": .number(wall.loadingSeconds),
            "traffic_assumed": .boolean(!TopologyWords.assumedTraffic(of: topology).isEmpty),
            "balances": .text(topology.balances.rawValue),
            "payments": [
                "attempted": .unsigned(result.payments.attempted),
                "routable": .unsigned(result.payments.routable),
                "settled": .unsigned(result.payments.settled),
                "failed": .unsigned(result.payments.failed),
            ],
            "warmup_payments": .unsigned(result.warmupPayments),
            "failures": .object(result.failures.map { .init($0.name.name, .unsigned($0.count)) }),
            "attempts": .unsigned(result.attempts),
            "attempt_failures": .object(
                result.attemptFailures.map { .init($0.name.name, .unsigned($0.count)) }),
            "mean_hops": .number(result.meanHops),
            "latency_ms": [
                "p50": .number(result.latencyMilliseconds.p50),
                "p90": .number(result.latencyMilliseconds.p90),
                "p99": .number(result.latencyMilliseconds.p99),
            ],
            "amount_settled_msat": .unsigned(result.amountSettled.rawValue),
            "fees_paid_msat": .unsigned(result.feesPaid.rawValue),
            "fees_earned_msat": .unsigned(result.feesEarned.rawValue),
            "chain": [
                "height": .unsigned(UInt64(result.chain.height)),
                "transactions": .unsigned(result.chain.transactions),
                "channels_opened": .unsigned(result.chain.channelsOpened),
                "channels_closed": .unsigned(result.chain.channelsClosed),
                "openings_refused": .unsigned(result.chain.openingsRefused),
                "miner_fees_sat": .unsigned(result.chain.minerFees.rawValue),
                "genesis_sat": .unsigned(result.chain.genesisAmount.rawValue),
            ],
            "channel_lifetime_days": .unsigned(UInt64(result.channelLifetimeDays)),
            "income": IncomeTable(result, of: topology).json,
        ]
    }

    private static func seconds(_ microseconds: UInt64) -> Double { Double(microseconds) / 1e6 }
}
