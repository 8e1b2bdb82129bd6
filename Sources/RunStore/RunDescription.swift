import Cryptography
import LightningTypes
import PaymentNetwork
import Topologies

/// Which payments' attempts a run keeps.
public enum AttemptSampling: Sendable, Equatable, CustomStringConvertible {
    case none
    /// Those of payments whose number is a multiple of this; 1 keeps all.
    case oneIn(UInt64)

    /// Payments above which a run keeps a sample of the attempts only, unless told otherwise.
    public static let paymentsKeptWhole: UInt64 = 1_000_000

    /// All attempts of a run of up to a million payments, else those of about a million, evenly spread.
    public init(forPayments expected: UInt64) {
        self = .oneIn(max(1, expected.dividedRoundingUp(by: Self.paymentsKeptWhole)))
    }

    /// Reads `all`, `none` and `1/N`; nil for anything else.
    public init?(_ text: String) {
        switch text {
        case "all": self = .oneIn(1)
        case "none": self = .none
        default:
            guard text.hasPrefix("1/"), let divisor = UInt64(text.dropFirst(2)), divisor > 0 else {
                return nil
            }
            self = .oneIn(divisor)
        }
    }

    public func includes(_ payment: UInt64) -> Bool {
        switch self {
        case .none: false
        case .oneIn(let divisor): payment.isMultiple(of: divisor)
        }
    }

    public var description: String {
        switch self {
        case .none: "none"
        case .oneIn(1): "all"
        case .oneIn(let divisor): "1/\(divisor)"
        }
    }
}

extension UInt64 {
    fileprivate func dividedRoundingUp(by divisor: UInt64) -> UInt64 {
        self / divisor + (isMultiple(of: divisor) ? 0 : 1)
    }
}

/// A file the run was made from, to be copied into its directory.
public struct InputFile: Sendable {
    /// The last component of its path; `standard-input.yaml` for what was piped in.
    public var name: String
    public var bytes: [UInt8]
    public var role: Role

    /// What the run reads it as.
    public enum Role: Sendable, Hashable {
        case topology
        /// `--nodes`, the names of a graph's nodes.
        case nodes
        /// `--trace`.
        case trace
        /// A file that the topology names by this path.
        case referenced(path: String)
    }

    public init(name: String, bytes: [UInt8], role: Role = .topology) {
        self.name = name
        self.bytes = bytes
        self.role = role
    }

    /// BLAKE2b-256: by it a copy that was changed is known.
    var hash: Bytes32 { bytes.withUnsafeBytes { blake2b($0) } }
}

/// Everything that decides a run and stands in no topology: what was asked for, by whom it is carried out.
public struct RunDescription: Sendable {
    /// The program's version.
    public var version: String
    /// The arguments as typed, without the directory's own name, so that two runs of one command are one.
    public var arguments: [String]
    /// What the arguments changed of the file, by option.
    public var overrides: [(option: String, value: String)]
    public var settings: RunSettings
    public var attempts: AttemptSampling
    /// The topology first, then what it refers to.
    public let inputs: [InputFile]
    /// BLAKE2b-256 of each.
    let inputHashes: [Bytes32]

    public init(
        version: String, arguments: [String], overrides: [(option: String, value: String)],
        settings: RunSettings, attempts: AttemptSampling, inputs: [InputFile]
    ) {
        self.version = version
        self.arguments = arguments
        self.overrides = overrides
        self.settings = settings
        self.attempts = attempts
        self.inputs = inputs
        inputHashes = inputs.map(\.hash)
    }
}

/// How far a run came. The manifest says `incomplete` until its last file is written.
public enum RunStatus: String, Sendable {
    case incomplete
    case interrupted
    case complete
}

/// Microseconds of a simulated time; `Duration` counts finer than any file does.
package func microseconds(_ duration: Duration) -> UInt64 {
    let parts = duration.components
    return UInt64(parts.seconds) * 1_000_000 + UInt64(parts.attoseconds / 1_000_000_000_000)
}

extension RunDescription {
    /// The manifest: what ran, over which input, how far it came.
    func manifest(of topology: Topology, inputNames: [String], status: RunStatus, digest: UInt64?)
        -> JSONValue
    {
        [
            "manifest_version": .integer(1),
            "program": .text("millrace \(version)"),
            "schema_version": JSONValue(RunDatabase.schemaVersion),
            "status": .text(status.rawValue),
            "digest": JSONValue(digest.map(digestText)),
            "seed": .unsigned(topology.seed),
            "arguments": .array(arguments.map(JSONValue.text)),
            "overrides": .object(overrides.map { .init($0.option, .text($0.value)) }),
            "input": .array(inputNames.map(JSONValue.text)),
            "input_roles": .array(inputs.map { .text($0.role.text) }),
            "input_blake2b": .array(inputHashes.map { .text($0.description) }),
            "settings": [
                "signatures": .text(settings.signatures.rawValue),
                "threads": JSONValue(settings.threads),
                "payments": JSONValue(settings.paymentsMaximum),
                "rate_factor": .number(settings.rateFactor),
                "attempts": .text(attempts.description),
            ],
            "topology": Self.summary(of: topology),
        ]
    }

    private static func summary(of topology: Topology) -> JSONValue {
        [
            "name": .text(topology.name),
            "nodes": JSONValue(topology.nodes.count),
            "channels": JSONValue(topology.channels.count),
            "balances": .text(topology.balances.rawValue),
            "duration_seconds": JSONValue(topology.duration.map(seconds)),
            "warmup_seconds": .number(seconds(topology.warmup)),
            "layer_one": [
                "profile": JSONValue(topology.layerOne.profile?.name),
                "fee_market": .boolean(topology.layerOne.hasFeeMarket),
                "block_interval_seconds": .number(seconds(topology.layerOne.blockInterval)),
                "regular_blocks": .boolean(topology.layerOne.hasRegularBlocks),
                "confirmations": .unsigned(UInt64(topology.layerOne.confirmations)),
                "feerate_sat_per_vbyte": .unsigned(UInt64(topology.layerOne.feeratePerVirtualByte)),
                "block_weight": .unsigned(topology.layerOne.blockWeight),
                "exit_delay_seconds": .number(seconds(topology.layerOne.exitDelay)),
            ],
            "payments": [
                "attempts_maximum": .unsigned(UInt64(topology.payments.attemptsMaximum)),
                "fee_limit_ppm": .unsigned(UInt64(topology.payments.feeLimitProportional)),
                "fee_limit_minimum_msat": .unsigned(topology.payments.feeLimitMinimum.rawValue),
                "final_cltv_expiry_delta": .unsigned(UInt64(topology.payments.finalCLTVExpiryDelta)),
                "commitment_interval_seconds": .number(seconds(topology.payments.commitmentInterval)),
                "gossip_interval_seconds": .number(seconds(topology.payments.gossipInterval)),
                "policy_grace_seconds": .number(seconds(topology.payments.policyGrace)),
                "channel_lifetime_days": .unsigned(UInt64(topology.payments.channelLifetimeDays)),
                "model": .text(topology.payments.model.rawValue),
                "split": .text(topology.payments.splitting.rawValue),
                "parts_maximum": .unsigned(UInt64(topology.payments.partsMaximum)),
            ],
            "latency": [
                "floor_seconds": .number(seconds(topology.latency.floor)),
                "fixed_seconds": JSONValue(topology.latency.fixed.map(seconds)),
            ],
            "watchtower": topology.watchtower.map { tower in
                [
                    "nodes": JSONValue(tower.nodes.count),
                    "reward_permille": .unsigned(tower.rewardPermille),
                ]
            } ?? .null,
            "faults": .array(
                topology.faultCounts.map {
                    [
                        "kind": .text($0.kind.rawValue), "rules": JSONValue($0.count),
                    ]
                }),
            "traffic": traffic(of: topology),
        ]
    }

    /// The traffic as the manifest and `inspect` tell it: its flows, or the length of its trace.
    package static func traffic(of topology: Topology) -> JSONValue {
        switch topology.traffic {
        case .trace(let payments): ["trace_payments": JSONValue(payments.count)]
        case .flows(let flows):
            .array(
                flows.map { flow in
                    [
                        "name": .text(flow.name),
                        "payments_per_second": .number(flow.rate),
                        "amount": .text(flow.amount.text),
                        "payers": JSONValue(flow.payers.count),
                        "payees": JSONValue(flow.payees.count),
                        "starts_at_seconds": .number(seconds(flow.startsAt)),
                        "ends_at_seconds": JSONValue(flow.endsAt.map(seconds)),
                        "assumed": .boolean(flow.isAssumed),
                    ]
                })
        }
    }

    private static func seconds(_ duration: Duration) -> Double { Double(microseconds(duration)) / 1e6 }
}

extension Topology.AmountDistribution {
    /// `25000000 msat` or `1000 to 100000 sat`.
    fileprivate var text: String {
        switch self {
        case .fixed(let amount): amount.description
        case .uniform(let lowest, let highest): "\(lowest.rawValue) to \(highest)"
        case .logNormal(let mean, let median): "log-normal, mean \(mean), median \(median)"
        case .listed(let values, _): "one of \(values.count) amounts"
        }
    }
}

extension InputFile.Role {
    /// `topology`, `nodes`, `trace`, or `file PATH`.
    var text: String {
        switch self {
        case .topology: "topology"
        case .nodes: "nodes"
        case .trace: "trace"
        case .referenced(let path): "file \(path)"
        }
    }

    init?(_ text: String) {
        switch text {
        case "topology": self = .topology
        case "nodes": self = .nodes
        case "trace": self = .trace
        default:
            guard text.hasPrefix("file ") else { return nil }
            self = .referenced(path: String(text.dropFirst(5)))
        }
    }
}

/// A digest as people compare it: sixteen hexadecimal digits.
public func digestText(_ digest: UInt64) -> String {
    let digits = String(digest, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
}
