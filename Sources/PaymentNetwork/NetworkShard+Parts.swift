import EventSimulation
import LightningTypes
import PaymentChannels

/// The parts of one payment that its payee has and does not settle yet.
struct HeldParts {
    /// `total_msat` of the payment.
    var total: Millisatoshi
    /// In order of arrival.
    var parts: [(index: HTLCIndex, end: DirectionIndex)] = []
}

/// Marks an HTLC that its payee holds.
let heldPartMark = UInt32.max - 2

// The payee of a payment in parts (BOLT 4, "Basic Multi-Part Payments"): all are settled, or none.
extension NetworkShard {
    /// BOLT 4: a payee "MUST fail all HTLCs" of an incomplete set "after some reasonable timeout" of 60 s at least.
    private static var timeout: UInt64 { 60_000_000 }

    /// Keeps a part until what has come adds up to the payment.
    func hold(
        _ index: HTLCIndex, total: Millisatoshi, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) {
        let payment = htlcs[index].payment
        htlcs[index].partnerChannel = heldPartMark
        if held[payment] == nil {
            held[payment] = HeldParts(total: total)
            var timer = NetworkMessage(.partsTimer, end: end)
            timer.payment = PaymentToken(rawValue: payment)
            shard.send(to: shard.process, after: Self.timeout, timer)
        }
        held[payment]!.parts.append((index, end))
        let received = held[payment]!.parts.reduce(Millisatoshi.zero) { $0 + htlcs[$1.index].amount }
        guard received >= total else { return }
        for part in release(payment) { settle(part.index, at: part.end, &shard) }
    }

    /// The first part has waited long enough for the others.
    func failHeldParts(of payment: PaymentToken, _ shard: inout Shard<NetworkMessage>) {
        for part in release(payment.rawValue) {
            fail(part.index, .mppTimeout, distance: 0, at: part.end, &shard)
        }
    }

    /// The chain has given a part back to who sent it.
    func loseHeldPart(_ htlc: HTLC, at end: DirectionIndex) {
        held[htlc.payment]?.parts.removeAll { $0.end == end && htlcs[$0.index].id == htlc.id }
        if held[htlc.payment]?.parts.isEmpty == true { held[htlc.payment] = nil }
    }

    /// Nothing where the payment was complete, or never was: a timer is not taken back.
    private func release(_ payment: UInt64) -> [(index: HTLCIndex, end: DirectionIndex)] {
        guard let set = held.removeValue(forKey: payment) else { return [] }
        for part in set.parts { htlcs[part.index].partnerChannel = .max }
        return set.parts
    }
}
