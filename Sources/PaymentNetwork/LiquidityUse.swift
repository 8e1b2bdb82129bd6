import LightningTypes

/// How much of the channels HTLCs take up at the most. Measured where the settings ask for it, since it costs a little at
/// every HTLC; no part of a result.
public struct LiquidityUse: Sendable {
    /// By `DirectionIndex`: HTLCs offered at once, at the most.
    public private(set) var slots: [UInt16]
    /// Millisatoshis in HTLCs on their way, each counted in every channel it lies in: now, and at the most.
    private var locked: UInt64 = 0
    public private(set) var lockedMaximum: UInt64 = 0

    init(endCount: Int) { slots = Array(repeating: 0, count: endCount) }

    /// An HTLC was offered, the `count`-th that now lies in this direction.
    mutating func offered(_ amount: Millisatoshi, at end: DirectionIndex, count: UInt16) {
        slots[Int(end.rawValue)] = max(slots[Int(end.rawValue)], count)
        locked += amount.rawValue
        lockedMaximum = max(lockedMaximum, locked)
    }

    /// An HTLC that was offered is irrevocably removed.
    mutating func removed(_ amount: Millisatoshi) { locked -= amount.rawValue }

    /// Another shard's beside this one's: what is locked is then no more than the sum.
    mutating func add(_ other: LiquidityUse) {
        for index in slots.indices { slots[index] = max(slots[index], other.slots[index]) }
        locked += other.locked
        lockedMaximum += other.lockedMaximum
    }
}

extension NetworkSimulation {
    /// What HTLCs took up so far; nil where the settings did not ask. With one shard what is locked is exact.
    public var liquidityUse: LiquidityUse? {
        guard let first = services.use else { return nil }
        return simulation.models.dropFirst().reduce(into: first) { sum, shard in
            if let use = shard.use { sum.add(use) }
        }
    }
}
