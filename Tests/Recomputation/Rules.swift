/// What a topology file settles of a run, with what the run says of its own length.
struct Rules {
    var warmup: Int64
    /// The time that all tables are measured over.
    var measured: ClosedRange<Int64>
    var timing: Timing
    /// Microseconds from one process to another that is no node.
    var lookahead: Int64
    /// Whether all HTLCs ended off the chain and no connection broke.
    var isFaultless: Bool
    var hasFaults: Bool
    var keepsPolicies: Bool
    var isSplit: Bool
    var hasFeeMarket: Bool
    /// Nodes that may publish a revoked commitment.
    var cheats: Set<Int>
    /// Nodes that come back with an old backup: they may publish what they had revoked, if their peer never got the word.
    var forgetful: Set<Int>
    var lifetimeDays: Double
    var exitDays: Double
    var confirmations: Int64
    /// Between blocks where they come at equal intervals, and on average.
    var regularInterval: Int64?
    var blockInterval: Int64
    /// Satoshi for 1,000 weight, where nodes pay what the file says.
    var fixedFeerate: Int64?
    /// When something may go wrong first.
    var firstFault: Int64

    init(_ file: TopologyFile, _ facts: RunFacts, nodes: [String]) {
        warmup = file.duration("warmup") ?? 0
        let payments = file.section("payments")
        let latency = file.section("latency")
        let layer = file.section("layer_1")
        hasFaults = !file.faults.isEmpty
        // Payees that keep HTLCs make payments longer, and nothing else as long as nobody goes on chain.
        isFaultless =
            file.faults.allSatisfy { $0.kind == "hold" } && !facts.chain.contains { $0.kind == "commitment" }
        hasFeeMarket = file.hasFeeMarket
        keepsPolicies = file.policyChanges.isEmpty
        isSplit = payments["split"].map { "\($0)" != "none" } ?? false
        let floor = TopologyFile.microseconds(latency["floor"]) ?? 5_000
        lookahead = min(max(floor, 2), 60_000_000)
        timing = Timing(
            latency: TopologyFile.microseconds(latency["fixed"]),
            commitmentInterval: TopologyFile.microseconds(payments["commitment_interval"]) ?? 10_000,
            isFaultless: isFaultless)
        cheats = []
        forgetful = []
        for fault in file.faults where fault.kind == "stale-backup" {
            for name in fault.nodes { if let node = nodes.firstIndex(of: name) { forgetful.insert(node) } }
        }
        for fault in file.faults where fault.kind == "cheat" {
            for name in fault.nodes { if let node = nodes.firstIndex(of: name) { cheats.insert(node) } }
        }
        let churnLifetime = TopologyFile.microseconds(
            TopologyFile.mapping(file.section("churn"))["channel_lifetime"])
        lifetimeDays =
            (TopologyFile.integer(payments["channel_lifetime_days"]).map(Double.init)
                ?? churnLifetime.map { ($0 < 86_400_000_000 ? 1 : Double($0) / 8.64e10).rounded() }) ?? 365
        let profile = layer["profile"].map { "\($0)" }
        let exits: [String: Double] = ["optimistic-rollup": 7, "zk-rollup": 1]
        exitDays =
            TopologyFile.microseconds(layer["exit_delay"]).map { Double($0) / 8.64e10 }
            ?? profile.flatMap { exits[$0] } ?? 0
        confirmations = TopologyFile.integer(layer["confirmations"]) ?? 3
        // docs/LAYER-ONE.md
        let intervals: [String: Int64] = [
            "liquid": 60_000_000, "ethereum": 12_000_000, "optimistic-rollup": 2_000_000,
            "zk-rollup": 1_000_000,
        ]
        blockInterval =
            TopologyFile.microseconds(layer["block_interval"]) ?? profile.flatMap { intervals[$0] }
            ?? 600_000_000
        regularInterval = layer["regular_blocks"] as? Bool == true ? blockInterval : nil
        fixedFeerate = hasFeeMarket ? nil : (TopologyFile.integer(layer["feerate_sat_per_vbyte"]) ?? 10) * 250
        firstFault = file.faults.map { $0.at ?? 0 }.min() ?? .max
        // The length: the duration, or until nothing was pending any more.
        let lastStart = facts.payments.map(\.started).max() ?? 0
        let drain = facts.meta["drain_us"].flatMap { Int64($0) } ?? 0
        let end = max(file.duration("duration") ?? 3_600_000_000, lastStart + drain)
        measured = min(warmup, end)...end
    }

    /// BOLT 3, "Fee Calculation".
    func commitmentFee(_ channel: RunFacts.Channel, htlcs: Int64) -> Int64 {
        ((channel.hasAnchors ? 1_124 : 724) + 172 * htlcs) * channel.feerate / 1_000
    }

    /// When an end's side of a new channel counts: `open_channel`, `accept_channel` and `funding_created` have come to
    /// the other side, `funding_signed` back to the funder.
    func fundedAt(_ channel: RunFacts.Channel, isFunder: Bool, _ confirmed: Int64) -> ClosedRange<Int64> {
        let opens = channel.opensAt ?? 0
        guard isFaultless, !hasFeeMarket, let latency = timing.latency else {
            return opens...max(opens, confirmed)
        }
        let time = opens + (isFunder ? 4 : 3) * latency
        return time...time
    }
}
