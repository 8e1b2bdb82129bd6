import LightningTypes

// What a channel that was given up learns from its `ChannelMonitor`.
extension Channel {
    /// Takes out an HTLC that the chain has resolved for good (`MonitorEffect.resolved`), and moves its money in both
    /// views.
    ///
    /// - Returns: the HTLC as it was, with the end that the chain gave it; nil where there is none of that name.
    public mutating func resolve(
        _ key: MonitoredHTLC.Key, as removal: HTLCRemoval, in pool: inout HTLCPool
    ) -> HTLC? {
        precondition(phase == .failed || phase == .lostData, "the chain resolves what was given up")
        precondition(removal != .none, "an HTLC is removed for a reason")
        let index = htlcIndices(in: pool).first {
            pool[$0].id == key.id && pool[$0].state.isOffered == key.isOffered
        }
        guard let index else { return nil }
        let former = pool[index]
        var htlc = former
        htlc.removal = removal
        if htlc.state.isInLocal {
            local.remove(
                htlc, isUntrimmed: isUntrimmed(htlc, ownerIsUs: true), mark: mark(htlc, ownerIsUs: true))
        } else {
            local.settle(former, as: removal)
        }
        if htlc.state.isInRemote {
            remote.remove(
                htlc, isUntrimmed: isUntrimmed(htlc, ownerIsUs: false), mark: mark(htlc, ownerIsUs: false))
        } else {
            remote.settle(former, as: removal)
        }
        unlink(index, in: &pool)
        recount(in: pool)
        return htlc
    }
}
