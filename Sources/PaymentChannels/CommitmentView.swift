import LightningTypes

/// What one commitment says, as one party sees it: who owns what, and how many HTLCs there are.
///
/// Each party keeps two: `local`, the next commitment of its own that the peer will sign, and `remote`, the next one
/// of the peer's that it will sign itself.
///
/// Invariant: `ours + theirs + offered + received` = capacity in millisatoshi, before fees.
public struct CommitmentView: BitwiseCopyable, Sendable, Hashable {
    /// Balances of this party and its peer, HTLCs apart.
    public internal(set) var ours: Millisatoshi
    public internal(set) var theirs: Millisatoshi
    /// HTLCs this party offered, and those it received.
    public internal(set) var offered: Millisatoshi = .zero
    public internal(set) var received: Millisatoshi = .zero
    public internal(set) var offeredCount: UInt16 = 0
    public internal(set) var receivedCount: UInt16 = 0
    /// HTLCs with an output of their own.
    public internal(set) var untrimmedCount: UInt16 = 0
    /// A sum over its HTLCs that does not depend on their order; part of the fingerprint.
    var htlcSum: UInt64 = 0

    init(ours: Millisatoshi, theirs: Millisatoshi) {
        self.ours = ours
        self.theirs = theirs
    }

    /// Capacity, if nothing was lost or made.
    public var total: Millisatoshi { ours + theirs + offered + received }

    /// An HTLC enters: its offerer's balance pays for it.
    mutating func add(_ htlc: borrowing HTLC, isUntrimmed: Bool, mark: UInt64) {
        if htlc.state.isOffered { ours -= htlc.amount } else { theirs -= htlc.amount }
        count(htlc, isUntrimmed: isUntrimmed, mark: mark)
    }

    /// Counts an HTLC that the balances have paid for already.
    mutating func count(_ htlc: borrowing HTLC, isUntrimmed: Bool, mark: UInt64) {
        if htlc.state.isOffered {
            offered += htlc.amount
            offeredCount += 1
        } else {
            received += htlc.amount
            receivedCount += 1
        }
        if isUntrimmed { untrimmedCount += 1 }
        htlcSum &+= mark
    }

    /// An HTLC leaves: to its receiver when fulfilled, back to its offerer when failed.
    mutating func remove(_ htlc: borrowing HTLC, isUntrimmed: Bool, mark: UInt64) {
        let isOffered = htlc.state.isOffered
        if isOffered {
            offered -= htlc.amount
            offeredCount -= 1
        } else {
            received -= htlc.amount
            receivedCount -= 1
        }
        switch (htlc.removal, isOffered) {
        case (.fulfilled, true), (.failed, false): theirs += htlc.amount
        case (.fulfilled, false), (.failed, true): ours += htlc.amount
        case (.none, _): preconditionFailure("an HTLC leaves a commitment without a reason")
        }
        if isUntrimmed { untrimmedCount -= 1 }
        htlcSum &-= mark
    }

    /// The chain ends an HTLC that had left already, or had not come in yet: the money goes where the chain gave it.
    mutating func settle(_ htlc: borrowing HTLC, as removal: HTLCRemoval) {
        let isPaid = removal == .fulfilled
        // Until it came in, the money was its offerer's.
        guard isPaid != (htlc.removal == .fulfilled) else { return }
        if htlc.state.isOffered == isPaid {
            ours -= htlc.amount
            theirs += htlc.amount
        } else {
            theirs -= htlc.amount
            ours += htlc.amount
        }
    }

    /// An HTLC that had left is there again.
    mutating func restore(_ htlc: borrowing HTLC, isUntrimmed: Bool, mark: UInt64) {
        undo(htlc)
        count(htlc, isUntrimmed: isUntrimmed, mark: mark)
    }

    /// Gives the balances back what the HTLC's last change took or gave: its addition, or its removal where it has one.
    mutating func undo(_ htlc: borrowing HTLC) {
        switch (htlc.removal, htlc.state.isOffered) {
        case (.none, true): ours += htlc.amount
        case (.none, false): theirs += htlc.amount
        case (.fulfilled, true), (.failed, false): theirs -= htlc.amount
        case (.fulfilled, false), (.failed, true): ours -= htlc.amount
        }
    }
}
