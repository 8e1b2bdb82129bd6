import LightningTypes

// `update_fail_malformed_htlc` (BOLT 2): an onion that its receiver could not read. For the commitments it is a
// failure like another; what is said of it differs, since there is no key to wrap an error with.
extension Channel {
    /// The bit of a failure code that says the onion was bad (BOLT 4).
    public static let badOnionBit: UInt16 = 0x8000

    /// Takes in the peer's report that it could not read the onion of an HTLC.
    ///
    /// BOLT 2: "if the BADONION bit in failure_code is not set for update_fail_malformed_htlc: MUST send a warning and
    /// close the connection, or send an error and fail the channel".
    public mutating func receiveMalformed(
        id: UInt64, code: UInt16, in pool: inout HTLCPool
    ) throws(ProtocolViolation) -> HTLCIndex {
        guard code & Self.badOnionBit != 0 else { throw .badOnionBitMissing(code: code) }
        return try receiveRemoval(id: id, as: .failed, in: &pool)
    }

    /// Fails an HTLC of the peer whose onion could not be read; the caller sends the message with the code.
    public mutating func removeMalformed(_ index: HTLCIndex, code: UInt16, in pool: inout HTLCPool) {
        precondition(code & Self.badOnionBit != 0, "BOLT 2: MUST set the BADONION bit in failure_code")
        remove(index, as: .failed, in: &pool)
    }
}
