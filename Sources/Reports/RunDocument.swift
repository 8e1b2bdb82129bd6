import LightningTypes
import PaymentNetwork
import RunStore
import Topologies

/// What `millrace run --json` prints: the whole result in one object.
public struct RunDocument {
    /// All but figures of real time and where the run was stored: the same whenever the same command runs.
    public let stored: JSONValue

    public init(_ result: RunResult, of topology: Topology, settings: RunSettings) {
        stored = [
            "digest": .text(digestText(result.digest)),
            "topology": .text(topology.name),
            "seed": .unsigned(result.seed),
            "threads": JSONValue(settings.threads),
            "signatures": .text(settings.signatures.rawValue),
            "events": .unsigned(result.events),
            "messages": .object(result.messages.map { .init($0.name, .unsigned($0.count)) }),
            "simulated_seconds": .number(Self.seconds(result.simulatedMicroseconds)),
            "drain_seconds": .number(Self.seconds(result.drainMicroseconds)),
            "measured_seconds": .number(Self.seconds(result.measuredMicroseconds)),
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
                "closings_refused": .unsigned(result.chain.closingsRefused),
                "miner_fees_sat": .unsigned(result.chain.minerFees.rawValue),
                "genesis_sat": .unsigned(result.chain.genesisAmount.rawValue),
                "kinds": .array(
                    result.chain.kinds.map { kind in
                        [
                            "kind": .text(kind.kind.rawValue), "transactions": .unsigned(kind.count),
                            "weight": .unsigned(kind.weight), "fees_sat": .unsigned(kind.fees.rawValue),
                        ]
                    }),
            ],
            "disputes": [
                "unilateral_closes": .unsigned(result.disputes.unilateralCloses),
                "cheats": .unsigned(result.disputes.cheats),
                "breaches": .unsigned(result.disputes.breaches),
                "punished": .unsigned(result.disputes.punished),
                "data_losses": .unsigned(result.disputes.dataLosses),
            ],
            "policy_changes": .unsigned(result.policyChanges),
            "primitives": [
                "key_pairs": .unsigned(result.primitives.keyPairs),
                "signatures": .unsigned(result.primitives.signatures),
                "verifications": .unsigned(result.primitives.verifications),
                "transaction_hashes": .unsigned(result.primitives.transactionHashes),
                "hashes": .unsigned(result.primitives.hashes),
                "point_multiplications": .unsigned(result.primitives.pointMultiplications),
                "base_point_multiplications": .unsigned(result.primitives.basePointMultiplications),
                "keyed_hashes": .unsigned(result.primitives.keyedHashes),
                "onion_hashes": .unsigned(result.primitives.onionHashes),
                "stream_bytes": .unsigned(result.primitives.streamBytes),
            ],
            "channel_lifetime_days": .unsigned(UInt64(result.channelLifetimeDays)),
            "exit_days": .number(result.exitDays),
            "days": DayTable.json(of: result.timeline),
            "income": IncomeTable(result, of: topology).json,
        ]
    }

    /// The document as it is printed: a stored one with the figures that differ from run to run behind it.
    public static func printed(
        stored: [UInt8], wallSeconds: Double, loadingSeconds: Double, directory: String
    ) -> [UInt8] {
        let rest: JSONValue = [
            "run_directory": .text(directory), "wall_seconds": .number(wallSeconds),
            "loading_seconds": .number(loadingSeconds),
        ]
        // One object ends in a brace on its own line, the other begins with one.
        return stored.dropLast(3) + Array(",".utf8) + rest.encoded().dropFirst()
    }

    private static func seconds(_ microseconds: UInt64) -> Double { Double(microseconds) / 1e6 }
}
