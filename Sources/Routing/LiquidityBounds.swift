import LightningTypes

/// Beliefs read as LDK's scorer reads its own: bounds of what a channel holds, which fade.
///
/// A success of an amount says that there is at least that much, a failure that there is less; since the two sides of
/// a channel sum to its capacity, either direction also tells of the other. Every bound moves back towards "anything"
/// by half of its way every half-life since the direction was last heard of: 30 minutes by default (rust-lightning,
/// `scoring.rs`, `liquidity_offset_half_life`).
public struct LiquidityBounds: Sendable {
    private let index: BeliefIndex
    private let seconds: UInt32
    private let halfLife: Double

    /// - Parameters:
    ///   - seconds: simulated time now.
    ///   - halfLife: seconds.
    public init(_ beliefs: Beliefs, at seconds: UInt32, halfLife: Double = 1_800) {
        precondition(halfLife > 0, "beliefs fade in some time")
        index = BeliefIndex(beliefs)
        self.seconds = seconds
        self.halfLife = halfLife
    }

    /// What `direction` can carry now: no less than `lower`, less than `upper`, msat.
    public func bounds(of direction: DirectionIndex, capacity: UInt64) -> (lower: UInt64, upper: UInt64) {
        known(of: direction, capacity: capacity) ?? (0, capacity)
    }

    /// The same, or nil where nothing was heard of the channel.
    @inline(__always)
    func known(of direction: DirectionIndex, capacity: UInt64) -> (lower: UInt64, upper: UInt64)? {
        guard let (entry, otherEntry) = index.entries(of: direction) else { return nil }
        let (lower, upper) = bounds(by: entry, capacity)
        let (otherLower, otherUpper) = bounds(by: otherEntry, capacity)
        let most = min(upper, capacity - otherLower)
        return (min(max(lower, capacity - otherUpper), most), most)
    }

    /// Whether something was heard of a direction's channel.
    @inline(__always) func knows(_ direction: DirectionIndex) -> Bool { index.knows(direction) }

    /// By one direction's own outcomes.
    private func bounds(by entry: Beliefs.Entry?, _ capacity: UInt64) -> (lower: UInt64, upper: UInt64) {
        guard let entry else { return (0, capacity) }
        let age = Double(seconds - min(entry.latest, seconds))
        let rest = Exponentials.exp(-0.693_147_180_559_945_3 * age / halfLife)
        let known = Double(min(UInt64(entry.success) * 1_000, capacity))
        let refused =
            entry.failureTime > 0 ? capacity - min(UInt64(entry.failure) * 1_000, capacity) : 0
        return (
            wholeMillisatoshis(known * rest),
            capacity - min(wholeMillisatoshis(Double(refused) * rest), capacity)
        )
    }
}
