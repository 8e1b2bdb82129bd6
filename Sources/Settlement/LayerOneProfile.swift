/// A layer 1 as a set of figures; `docs/LAYER-ONE.md` gives the source of each.
///
/// ```swift
/// let profile = LayerOneProfile.named("liquid")!
/// let demand = BackgroundDemand(profile.demand, seed: seed, rules: profile.rules)
/// let chain = Chain(genesis: outputs, rules: profile.rules, demand: demand)
/// var clock = BlockClock(seed: seed, meanInterval: profile.blockInterval, isRegular: profile.isRegular)
/// ```
public struct LayerOneProfile: Hashable, Sendable {
    public let name: String
    /// Microseconds from block to block on average.
    public let blockInterval: UInt64
    /// Whether blocks come exactly every `blockInterval`.
    public let isRegular: Bool
    /// Confirmations after which a channel is ready (BOLT 2, `minimum_depth`).
    public let confirmations: UInt32
    /// Blocks in which a cheat can be answered (BOLT 2, `to_self_delay`).
    public let disputeWindow: UInt16
    /// Blocks after which money that left a channel can be used elsewhere: what a rollup's exit takes.
    public let exitDelay: UInt32
    /// Depth of the deepest reorganisation to reckon with, at most `Chain.reorganisationDepthMaximum`.
    public let reorganisationDepth: Int
    public let rules: ChainRules
    public let demand: DemandFigures

    /// By name, as in a topology file.
    public static let all: [LayerOneProfile] = [
        .bitcoin, .liquid, .ethereum, .optimisticRollup, .zkRollup,
    ]

    public static func named(_ name: String) -> LayerOneProfile? { all.first { $0.name == name } }

    private static let second: UInt64 = 1_000_000

    public static let bitcoin = LayerOneProfile(
        name: "bitcoin", blockInterval: 600 * second, isRegular: false, confirmations: 3, disputeWindow: 144,
        exitDelay: 0, reorganisationDepth: 6, rules: .bitcoin,
        demand: DemandFigures(
            feerateTypical: 2_000, volatility: 0.8, halfLife: 432, spread: 0.7, load: 1.1,
            spikeInterval: 2_016, spikeSize: 1.2, spikeHalfLife: 72, spikeLoad: 0.2))

    public static let liquid = LayerOneProfile(
        name: "liquid", blockInterval: 60 * second, isRegular: true, confirmations: 2, disputeWindow: 1_440,
        exitDelay: 0, reorganisationDepth: 0,
        rules: ChainRules(feerateMinimum: 26, feerateIncrement: 25),
        demand: DemandFigures(
            feerateTypical: 26, volatility: 0.1, halfLife: 1_440, spread: 0.2, load: 0.01, spikeInterval: 0,
            spikeSize: 0, spikeHalfLife: 1, spikeLoad: 0))

    public static let ethereum = LayerOneProfile(
        name: "ethereum", blockInterval: 12 * second, isRegular: true, confirmations: 5, disputeWindow: 500,
        exitDelay: 0, reorganisationDepth: 2,
        rules: ChainRules(
            blockWeightMaximum: 300_000, transactionWeightMaximum: 167_000, feerateMinimum: 10,
            feerateIncrement: 10),
        demand: DemandFigures(
            feerateTypical: 350, volatility: 1.0, halfLife: 3_600, spread: 0.5, load: 1.1,
            spikeInterval: 50_400, spikeSize: 1.5, spikeHalfLife: 300, spikeLoad: 0.2))

    public static let optimisticRollup = LayerOneProfile(
        name: "optimistic-rollup", blockInterval: 2 * second, isRegular: true, confirmations: 1,
        disputeWindow: 43_200, exitDelay: 302_400, reorganisationDepth: 0,
        rules: ChainRules(
            blockWeightMaximum: 400_000, transactionWeightMaximum: 167_000, feerateMinimum: 1,
            feerateIncrement: 1),
        demand: DemandFigures(
            feerateTypical: 25, volatility: 0.8, halfLife: 10_800, spread: 0.5, load: 1.05,
            spikeInterval: 302_400, spikeSize: 1.5, spikeHalfLife: 1_800, spikeLoad: 0.2))

    public static let zkRollup = LayerOneProfile(
        name: "zk-rollup", blockInterval: 1 * second, isRegular: true, confirmations: 1,
        disputeWindow: 43_200, exitDelay: 86_400, reorganisationDepth: 0,
        rules: ChainRules(
            blockWeightMaximum: 400_000, transactionWeightMaximum: 167_000, feerateMinimum: 1,
            feerateIncrement: 1),
        demand: DemandFigures(
            feerateTypical: 25, volatility: 0.8, halfLife: 21_600, spread: 0.5, load: 1.05,
            spikeInterval: 604_800, spikeSize: 1.5, spikeHalfLife: 3_600, spikeLoad: 0.2))
}
