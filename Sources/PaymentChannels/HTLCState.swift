/// Where an HTLC stands in one party's eyes, in protocol order (BOLT 2, "Normal Operation").
///
/// An HTLC is added to and removed from four commitments' worth of states: it enters the peer's commitment, then
/// one's own (or the other way round), and leaves them in the same order. Each step is one message; the first ten
/// states belong to HTLCs this party offered, the last ten to those it received. An HTLC may be forwarded only once
/// it is irrevocably committed, and its failure reported only once it is irrevocably removed.
///
/// A peer that offers walks the first half while its counterparty walks the second.
@frozen public enum HTLCState: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    // Offered by this party.
    case sentAdd
    case sentAddCommit
    case receivedAddRevocation
    case receivedAddAckCommit
    /// Irrevocably committed.
    case sentAddAckRevocation
    case receivedRemove
    case receivedRemoveCommit
    case sentRemoveRevocation
    case sentRemoveAckCommit
    /// Irrevocably removed; the record goes.
    case receivedRemoveAckRevocation

    // Offered by the peer.
    case receivedAdd
    case receivedAddCommit
    case sentAddRevocation
    case sentAddAckCommit
    /// Irrevocably committed.
    case receivedAddAckRevocation
    case sentRemove
    case sentRemoveCommit
    case receivedRemoveRevocation
    case receivedRemoveAckCommit
    /// Irrevocably removed; the record goes.
    case sentRemoveAckRevocation
}

/// The message that moves HTLCs on; adding and removing messages name their HTLC, these concern all.
@frozen public enum CommitmentStep: Sendable {
    case sentCommit, receivedCommit, sentRevocation, receivedRevocation
}

extension HTLCState {
    /// The state after `step`, or nil where the step does not concern it.
    public func advanced(by step: CommitmentStep) -> HTLCState? {
        switch (self, step) {
        case (.sentAdd, .sentCommit): .sentAddCommit
        case (.sentAddCommit, .receivedRevocation): .receivedAddRevocation
        case (.receivedAddRevocation, .receivedCommit): .receivedAddAckCommit
        case (.receivedAddAckCommit, .sentRevocation): .sentAddAckRevocation
        case (.receivedRemove, .receivedCommit): .receivedRemoveCommit
        case (.receivedRemoveCommit, .sentRevocation): .sentRemoveRevocation
        case (.sentRemoveRevocation, .sentCommit): .sentRemoveAckCommit
        case (.sentRemoveAckCommit, .receivedRevocation): .receivedRemoveAckRevocation

        case (.receivedAdd, .receivedCommit): .receivedAddCommit
        case (.receivedAddCommit, .sentRevocation): .sentAddRevocation
        case (.sentAddRevocation, .sentCommit): .sentAddAckCommit
        case (.sentAddAckCommit, .receivedRevocation): .receivedAddAckRevocation
        case (.sentRemove, .sentCommit): .sentRemoveCommit
        case (.sentRemoveCommit, .receivedRevocation): .receivedRemoveRevocation
        case (.receivedRemoveRevocation, .receivedCommit): .receivedRemoveAckCommit
        case (.receivedRemoveAckCommit, .sentRevocation): .sentRemoveAckRevocation

        case (.sentAdd, _), (.sentAddCommit, _), (.receivedAddRevocation, _), (.receivedAddAckCommit, _),
            (.sentAddAckRevocation, _), (.receivedRemove, _), (.receivedRemoveCommit, _),
            (.sentRemoveRevocation, _), (.sentRemoveAckCommit, _), (.receivedRemoveAckRevocation, _),
            (.receivedAdd, _), (.receivedAddCommit, _), (.sentAddRevocation, _), (.sentAddAckCommit, _),
            (.receivedAddAckRevocation, _), (.sentRemove, _), (.sentRemoveCommit, _),
            (.receivedRemoveRevocation, _), (.receivedRemoveAckCommit, _), (.sentRemoveAckRevocation, _):
            nil
        }
    }

    /// Whether this party offered the HTLC.
    @inlinable public var isOffered: Bool { rawValue <= HTLCState.receivedRemoveAckRevocation.rawValue }

    /// Whether the next commitment of this party that the peer will sign has the HTLC.
    public var isInLocal: Bool {
        switch self {
        case .receivedAddRevocation, .receivedAddAckCommit, .sentAddAckRevocation,
            .receivedAdd, .receivedAddCommit, .sentAddRevocation, .sentAddAckCommit,
            .receivedAddAckRevocation, .sentRemove, .sentRemoveCommit:
            true
        case .sentAdd, .sentAddCommit, .receivedRemove, .receivedRemoveCommit, .sentRemoveRevocation,
            .sentRemoveAckCommit, .receivedRemoveAckRevocation,
            .receivedRemoveRevocation, .receivedRemoveAckCommit, .sentRemoveAckRevocation:
            false
        }
    }

    /// Whether the next commitment of the peer that this party will sign has the HTLC.
    public var isInRemote: Bool {
        switch self {
        case .sentAdd, .sentAddCommit, .receivedAddRevocation, .receivedAddAckCommit, .sentAddAckRevocation,
            .receivedRemove, .receivedRemoveCommit,
            .sentAddRevocation, .sentAddAckCommit, .receivedAddAckRevocation:
            true
        case .sentRemoveRevocation, .sentRemoveAckCommit, .receivedRemoveAckRevocation,
            .receivedAdd, .receivedAddCommit, .sentRemove, .sentRemoveCommit, .receivedRemoveRevocation,
            .receivedRemoveAckCommit, .sentRemoveAckRevocation:
            false
        }
    }

    /// Whether this party owes a `commitment_signed` for the change.
    @inlinable public var awaitsOurCommit: Bool {
        switch self {
        case .sentAdd, .sentRemoveRevocation, .sentAddRevocation, .sentRemove: true
        case .sentAddCommit, .receivedAddRevocation, .receivedAddAckCommit, .sentAddAckRevocation,
            .receivedRemove, .receivedRemoveCommit, .sentRemoveAckCommit, .receivedRemoveAckRevocation,
            .receivedAdd, .receivedAddCommit, .sentAddAckCommit, .receivedAddAckRevocation, .sentRemoveCommit,
            .receivedRemoveRevocation, .receivedRemoveAckCommit, .sentRemoveAckRevocation:
            false
        }
    }

    /// Whether the HTLC is gone from every commitment that could still be broadcast.
    @inlinable public var isRemoved: Bool {
        self == .receivedRemoveAckRevocation || self == .sentRemoveAckRevocation
    }

    /// Whether the HTLC is being added or is there, its removal not begun.
    var isAdding: Bool {
        switch self {
        case .sentAdd, .sentAddCommit, .receivedAddRevocation, .receivedAddAckCommit, .sentAddAckRevocation,
            .receivedAdd, .receivedAddCommit, .sentAddRevocation, .sentAddAckCommit,
            .receivedAddAckRevocation:
            true
        case .receivedRemove, .receivedRemoveCommit, .sentRemoveRevocation, .sentRemoveAckCommit,
            .receivedRemoveAckRevocation, .sentRemove, .sentRemoveCommit, .receivedRemoveRevocation,
            .receivedRemoveAckCommit, .sentRemoveAckRevocation:
            false
        }
    }

    /// Whether the change is in this party's next commitment but not in one that the peer has signed.
    var isUnsignedInLocal: Bool {
        switch self {
        case .receivedAdd, .receivedAddRevocation, .receivedRemove, .receivedRemoveRevocation: true
        case .sentAdd, .sentAddCommit, .receivedAddAckCommit, .sentAddAckRevocation, .receivedRemoveCommit,
            .sentRemoveRevocation, .sentRemoveAckCommit, .receivedRemoveAckRevocation,
            .receivedAddCommit, .sentAddRevocation, .sentAddAckCommit, .receivedAddAckRevocation, .sentRemove,
            .sentRemoveCommit, .receivedRemoveAckCommit, .sentRemoveAckRevocation:
            false
        }
    }
}
