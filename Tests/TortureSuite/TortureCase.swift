import Randomness

extension RandomStream.Purpose {
    static let torture = Self("torture")
    /// What came later, so that the other draws of a seed stay as they were.
    fileprivate static let tortureFees = Self("torture fees")
    fileprivate static let tortureJitter = Self("torture jitter")
    fileprivate static let tortureSpikes = Self("torture spikes")
    fileprivate static let tortureWarmup = Self("torture warm-up")
}

/// A whole configuration drawn from a seed: a topology file, and how it is run.
public struct TortureCase: Sendable {
    public let seed: UInt64
    /// The topology file, as `millrace run` takes it.
    public private(set) var topology = ""
    public private(set) var isEager = false
    public private(set) var threads = 1
    /// Whether the run is saved on the way, thrown away and gone on with.
    public private(set) var isResumed = false
    /// What the configuration has, for the account of what was covered.
    public private(set) var features: Set<String> = []

    private var random: RandomStream
    /// Whether fees move fast, and what goes with that.
    private let hasMovingFees: Bool
    private var feeRandom: RandomStream
    /// Whether they rise far above what small channels hold, without the limit that anchors set.
    private let hasSpike: Bool
    private var spikeRandom: RandomStream
    private let nodes: [String]

    public init(seed: UInt64) {
        self.seed = seed
        random = RandomStream(seed: seed, purpose: .torture, process: 0)
        feeRandom = RandomStream(seed: seed, purpose: .tortureFees, process: 0)
        hasMovingFees = feeRandom.below(4) == 0
        spikeRandom = RandomStream(seed: seed, purpose: .tortureSpikes, process: 0)
        hasSpike = spikeRandom.below(3) == 0 ? hasMovingFees : false
        nodes = (0..<4 + Int(random.below(5))).map { "n\($0)" }
        let hours = 1 + random.below(5)
        var lines = ["millrace: 1", "name: torture-\(seed)", "seed: \(seed)", "duration: \(hours)h"]
        lines += warmup(hours)
        lines.append("latency: {floor: \(choose(["5ms", "20ms", "1ms"]))}")
        lines += hasMovingFees ? movingFees() : layerOne()
        lines += payments()
        lines += defaults()
        lines += network(hours)
        lines += traffic(hours)
        lines += faults(hours)
        if hasMovingFees { lines += flickering(after: lines) }
        lines += jitter(hours, after: lines)
        if hasSpike { lines += spike(hours, after: lines) }
        topology = lines.joined(separator: "\n") + "\n"
        isEager = chance(8)
        threads = chance(4) ? 2 : 1
        isResumed = chance(4)
        if isEager { features.insert("eager") }
        if isResumed { features.insert("resumed") }
        if threads > 1 { features.insert("two threads") }
    }

    // MARK: Draws

    private mutating func chance(_ oneIn: UInt64) -> Bool { random.below(oneIn) == 0 }

    private mutating func choose<Value>(_ values: [Value]) -> Value {
        values[Int(random.below(UInt64(values.count)))]
    }

    private mutating func between(_ low: UInt64, _ high: UInt64) -> UInt64 {
        low + random.below(high - low + 1)
    }

    // MARK: Parts of the file

    /// Payments that no figure counts.
    private mutating func warmup(_ hours: UInt64) -> [String] {
        var stream = RandomStream(seed: seed, purpose: .tortureWarmup, process: 0)
        guard stream.below(4) == 0 else { return [] }
        features.insert("warm-up")
        return ["warmup: \(stream.within(1...hours * 40))m"]
    }

    private mutating func layerOne() -> [String] {
        switch random.below(6) {
        case 0:
            let profile = choose(["bitcoin", "bitcoin", "liquid", "ethereum"])
            features.insert("profile \(profile)")
            return ["layer_1: {profile: \(profile)}"]
        case 1:
            features.insert("small blocks")
            return [
                "layer_1: {block_interval: \(between(60, 600))s, feerate_sat_per_vbyte: \(between(1, 20)), "
                    + "block_weight: \(between(6_000, 40_000))}"
            ]
        default:
            return [
                "layer_1: {block_interval: \(between(30, 900))s, regular_blocks: \(choose(["true", "false"])), "
                    + "feerate_sat_per_vbyte: \(between(0, 40)), confirmations: \(between(1, 6))}"
            ]
        }
    }

    /// Blocks so fast that the market moves while a run lasts, and commitments so slow that links break in between.
    private mutating func movingFees() -> [String] {
        features.insert("moving fees")
        let (profile, slowest): (String, UInt64) =
            feeRandom.below(3) == 0 ? ("ethereum", 15) : ("bitcoin", 120)
        features.insert("profile \(profile)")
        return ["layer_1: {profile: \(profile), block_interval: \(feeRandom.within(10...slowest))s}"]
    }

    /// One more line under `faults`, whether there were some or not.
    private func asFault(_ fault: String, after lines: [String]) -> [String] {
        lines.contains("faults:") ? [fault] : ["faults:", fault]
    }

    /// A node whose links break again and again.
    private mutating func flickering(after lines: [String]) -> [String] {
        guard feeRandom.below(2) == 0 else { return [] }
        features.insert("flickering")
        let node = nodes[Int(feeRandom.below(UInt64(nodes.count)))]
        let fault =
            "  - {kind: disconnect, node: \(node), rate_per_day: \(feeRandom.within(500...4_000)), "
            + "for: \(feeRandom.within(1...10))s}"
        return asFault(fault, after: lines)
    }

    /// Links that deliver late, one or all of a node's or everybody's.
    private mutating func jitter(_ hours: UInt64, after lines: [String]) -> [String] {
        var stream = RandomStream(seed: seed, purpose: .tortureJitter, process: 0)
        guard stream.below(4) == 0 else { return [] }
        features.insert("latency-jitter")
        let node = stream.below(2) == 0 ? "all" : nodes[Int(stream.below(UInt64(nodes.count)))]
        let often =
            stream.below(2) == 0
            ? "at: \(stream.below(hours * 55))m" : "rate_per_day: \(stream.within(10...200))"
        let delay = [20, 200, 2_000, 20_000][Int(stream.below(4))]
        let fault =
            "  - {kind: latency-jitter, node: \(node), \(often), for: \(stream.within(10...7_200))s, delay: \(delay)ms}"
        return asFault(fault, after: lines)
    }

    /// Fees that rise beyond what funders can pay.
    private mutating func spike(_ hours: UInt64, after lines: [String]) -> [String] {
        features.insert("spike of moving fees")
        let fault =
            "  - {kind: fee-spike, at: \(spikeRandom.within(10...hours * 40))m, "
            + "factor: \(spikeRandom.within(20...200))}"
        return asFault(fault, after: lines)
    }

    private mutating func payments() -> [String] {
        let split = choose(["none", "none", "halving", "mcf"])
        features.insert("split \(split)")
        var settings = [
            "split: \(split)", "attempts_maximum: \(between(1, 10))",
            "commitment_interval: \(choose(["0ms", "10ms", "200ms"]))",
        ]
        if hasMovingFees, feeRandom.below(2) == 0 { settings[2] = "commitment_interval: 5s" }
        if split != "mcf" { settings.append("model: \(choose(["cheapest-fee", "ldk", "lnd", "eclair"]))") }
        return ["payments: {\(settings.joined(separator: ", "))}"]
    }

    private mutating func defaults() -> [String] {
        let anchors = !chance(4) && !hasSpike
        features.insert(anchors ? "anchors" : "no anchors")
        let limits = [
            "to_self_delay: \(between(6, 144))", "anchors: \(anchors)",
            "max_accepted_htlcs: \(choose([483, 483, 30, 5, 2]))",
            "dust_limit_sat: \(choose([354, 354, 1_000]))",
            "feerate_per_kw: \(choose([253, 1_000, 2_500, 5_000]))",
            "policy: {base_fee_msat: \(between(0, 2_000)), fee_ppm: \(between(0, 5_000)), "
                + "cltv_expiry_delta: \(between(40, 100))}",
        ]
        return ["defaults: {\(limits.joined(separator: ", "))}"]
    }

    private mutating func network(_ hours: UInt64) -> [String] {
        let wallet = choose([3_000_000, 20_000_000])
        var lines = ["nodes:"]
        lines += nodes.map { "  - {name: \($0), wallet_sat: \(wallet)}" }
        lines.append("channels:")
        var pairs = nodes.indices.map { ($0, ($0 + 1) % nodes.count) }
        for _ in 0..<random.below(UInt64(nodes.count)) {
            let first = Int(random.below(UInt64(nodes.count)))
            let other = (first + 1 + Int(random.below(UInt64(nodes.count - 1)))) % nodes.count
            pairs.append((first, other))
        }
        for (from, to) in pairs {
            var keys = ["from: \(nodes[from])", "to: \(nodes[to])"]
            if chance(6) {
                features.insert("opened")
                let capacity = between(100_000, 1_000_000)
                keys += ["capacity_sat: \(capacity)", "opens_at: \(between(0, hours * 20))m"]
                if chance(2) { keys.append("push_sat: \(capacity / 3)") }
            } else {
                let capacity = between(60_000, 3_000_000)
                keys += [
                    "capacity_sat: \(hasSpike ? max(capacity / 8, 30_000) : capacity)", "standing: true",
                ]
            }
            if chance(8) {
                features.insert("closed by agreement")
                keys.append("closes_at: \(between(hours * 20 + 1, hours * 60))m")
            }
            lines.append("  - {\(keys.joined(separator: ", "))}")
        }
        return lines
    }

    private mutating func traffic(_ hours: UInt64) -> [String] {
        let rate = between(20, 300) / hours + 1
        let amount = choose([
            "{from: 1, to: 2_000}", "{from: 500, to: 60_000}", "{mean: 40_000, median: 9_000}",
        ])
        return ["traffic:", "  - {rate_per_hour: \(rate), amount_sat: \(amount)}"]
    }

    private mutating func faults(_ hours: UInt64) -> [String] {
        var lines: [String] = []
        if chance(4) {
            features.insert("watchtower")
            lines.append(
                "watchtower: {nodes: \(choose(["all", nodes[0]])), reward_permille: \(between(0, 100))}")
        }
        let count = chance(8) ? 0 : between(1, 5)
        if count == 0 { return lines }
        lines.append("faults:")
        let hasMarket = features.contains { $0.hasPrefix("profile") }
        let isFinal = features.contains("profile liquid")
        let isEthereum = features.contains("profile ethereum")
        for _ in 0..<count {
            let node = choose(nodes)
            let at = between(1, hours * 55)
            let lasts = choose(["\(between(10, 300))s", "\(between(5, 90))m", "\(between(2, 60))h"])
            var kinds = [
                "offline", "disconnect", "disconnect-rate", "stale-backup", "cheat", "force-close", "hold",
                "hold-for-good", "empty-blocks", "hold-cut-off",
            ]
            if !isFinal { kinds.append("reorg") }
            if lines[0].hasPrefix("watchtower") { kinds.append("watchtower-outage") }
            if hasMarket { kinds.append("fee-spike") }
            let kind = choose(kinds)
            features.insert(kind)
            let line: String
            switch kind {
            case "offline", "disconnect": line = "{kind: \(kind), node: \(node), at: \(at)m, for: \(lasts)}"
            case "disconnect-rate":
                line =
                    "{kind: disconnect, node: \(node), rate_per_day: \(between(20, 2_000)), for: \(between(1, 60))s}"
            case "stale-backup":
                line =
                    "{kind: stale-backup, node: \(node), at: \(at)m, for: \(between(1, 20))m, age: \(between(1, 60))m}"
            case "cheat", "force-close": line = "{kind: \(kind), node: \(node), at: \(at)m}"
            case "hold":
                let outcome = between(0, 1) == 0 ? "settle" : "fail"
                features.insert("hold and \(outcome)")
                line =
                    "{kind: hold, node: \(node), at: \(at)m, for: \(lasts), delay: \(between(1, 3_600))s, outcome: \(outcome)}"
            case "hold-cut-off":
                // It learns that it is paid while nobody can be told, and has to claim on chain.
                lines.append("  - {kind: hold, node: \(node), at: \(at)m, for: \(between(20, 90))m}")
                line =
                    "{kind: disconnect, node: \(node), at: \(at + between(1, 15))m, for: \(between(20, 60))h}"
            case "hold-for-good": line = "{kind: hold, node: \(node), at: \(at)m}"
            case "reorg": line = "{kind: reorg, at: \(at)m, depth: \(between(1, isEthereum ? 2 : 6))}"
            case "fee-spike": line = "{kind: fee-spike, at: \(at)m, factor: \(between(2, 40))}"
            default: line = "{kind: \(kind), at: \(at)m, for: \(lasts)}"
            }
            lines.append("  - \(line)")
        }
        return lines
    }
}
