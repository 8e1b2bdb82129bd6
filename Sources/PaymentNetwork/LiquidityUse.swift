import LightningTypes

/// How much of the channels HTLCs take up at the most. Measured where the settings ask for it, since it costs a little
/// at every HTLC; no part of a result.
///
/// An HTLC locks its amount from `update_add_htlc` until one of the two can offer it again: its receiver when it
/// fulfils the HTLC, its offerer when it has revoked the last commitment of its own that had the failed one. Both may
/// come before the HTLC is irrevocably removed, so that the money may lie in the next one while the record of the first
/// is still there; counted like this, what a channel locks is never more than its capacity.
public struct LiquidityUse: Sendable {
    /// By `DirectionIndex`: HTLCs offered at once, at the most, as `max_accepted_htlcs` counts them.
    public private(set) var slots: [UInt16]
    /// HTLCs that lock money, each counted in every channel it lies in, and that money in millisatoshis.
    private(set) var count: UInt64 = 0
    private(set) var locked: UInt64 = 0
    public private(set) var countMaximum: UInt64 = 0
    public private(set) var lockedMaximum: UInt64 = 0
    /// By `DirectionIndex`: of failed HTLCs, what their offerer cannot offer again yet.
    private var returning: [Returning]

    private struct Returning {
        var count: UInt16 = 0
        var amount: UInt64 = 0
    }

    init(endCount: Int) {
        slots = Array(repeating: 0, count: endCount)
        returning = Array(repeating: Returning(), count: endCount)
    }

    /// An HTLC was offered, the `slot`-th that now lies in this direction.
    mutating func offered(_ amount: Millisatoshi, at end: DirectionIndex, slot: UInt16) {
        slots[Int(end.rawValue)] = max(slots[Int(end.rawValue)], slot)
        count += 1
        locked += amount.rawValue
        countMaximum = max(countMaximum, count)
        lockedMaximum = max(lockedMaximum, locked)
    }

    /// The receiver of an HTLC fulfils it: BOLT 2 has it in the offerer's next commitment as the receiver's own.
    mutating func fulfilled(_ amount: Millisatoshi) { release(1, amount.rawValue) }

    /// The offerer of an HTLC hears that it failed.
    mutating func failed(_ amount: Millisatoshi, at end: DirectionIndex) {
        returning[Int(end.rawValue)].count += 1
        returning[Int(end.rawValue)].amount += amount.rawValue
    }

    /// The offerer revoked its last commitment with the HTLCs of which it had heard that they failed.
    mutating func revoked(at end: DirectionIndex) {
        let back = returning[Int(end.rawValue)]
        release(UInt64(back.count), back.amount)
        returning[Int(end.rawValue)] = Returning()
    }

    private mutating func release(_ count: UInt64, _ amount: UInt64) {
        self.count -= count
        locked -= amount
    }
}

extension NetworkSimulation {
    /// What HTLCs took up so far; nil where the settings did not ask.
    public var liquidityUse: LiquidityUse? { services.use }
}
