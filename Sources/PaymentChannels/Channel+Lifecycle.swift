import LightningTypes

// Opening and closing (BOLT 2, "Channel Establishment" and "Channel Close"). Who sends what when is the node's to
// decide; these are the steps a channel allows.
extension Channel {
    /// `open_channel` is sent or received.
    public mutating func beginOpening() throws(ProtocolViolation) {
        guard phase == .planned else { throw .unexpectedMessage(phase) }
        phase = .opening
    }

    /// The funding transaction is signed for: `funding_signed` is sent or received.
    public mutating func fund() throws(ProtocolViolation) {
        guard phase == .opening else { throw .unexpectedMessage(phase) }
        phase = .awaitingReady
    }

    /// The opening came to nothing before any money moved.
    public mutating func abandonOpening() {
        precondition(phase == .opening, "only an opening can be abandoned")
        phase = .closed
    }

    /// `channel_ready` is sent; after both have sent it the channel is usable.
    public mutating func sendReady() throws(ProtocolViolation) {
        guard phase == .awaitingReady, !hasSentReady else { throw .unexpectedMessage(phase) }
        hasSentReady = true
        if hasReceivedReady { phase = .normal }
    }

    /// Takes in the peer's `channel_ready`.
    ///
    /// One that comes again before the peer's first `commitment_signed` is that of a reconnection (BOLT 2: "MUST ignore
    /// any redundant channel_ready it receives"), though this party may have signed in the meantime.
    public mutating func receiveReady() throws(ProtocolViolation) {
        if hasReceivedReady, localNumber == 0 { return }
        guard phase == .awaitingReady, !hasReceivedReady else { throw .unexpectedMessage(phase) }
        hasReceivedReady = true
        if hasSentReady { phase = .normal }
    }

    /// Offers no HTLC any more, so that pending changes run out and `shutdown` can be sent.
    public mutating func stopOffering() { hasStoppedOffering = true }

    /// Sends `shutdown`: no HTLC is offered any more.
    public mutating func sendShutdown() {
        precondition(phase == .normal || phase == .shuttingDown, "a channel is shut down once it is open")
        precondition(!hasSentShutdown, "BOLT 2: MUST NOT send multiple shutdown messages")
        phase = .shuttingDown
        hasSentShutdown = true
    }

    /// Takes in the peer's `shutdown`: it offers no HTLC any more.
    ///
    /// After a reconnection it comes again, and the peer may not know that the closing transaction is signed.
    public mutating func receiveShutdown() throws(ProtocolViolation) {
        guard phase == .normal || phase == .shuttingDown || phase == .closing, !hasReceivedShutdown else {
            throw .unexpectedMessage(phase)
        }
        if phase == .normal { phase = .shuttingDown }
        hasReceivedShutdown = true
    }

    /// Whether the peer's `shutdown` waits for an answer, and BOLT 2 allows it: "MUST NOT send a shutdown if there are
    /// updates pending on the receiving node's commitment transaction".
    public var owesShutdown: Bool {
        hasReceivedShutdown && !hasSentShutdown && changesToCommit == 0 && !awaitsRevocation
    }

    /// Whether neither commitment has an HTLC and no change is under way.
    public var isQuiet: Bool { !hasHTLCs && !isFeeUnderWay && changesToCommit == 0 && !awaitsRevocation }

    /// BOLT 2: `closing_signed` follows "once shutdown is complete, the channel is empty of HTLCs, there are no
    /// commitments for which a revocation is owed, and all updates are included on both commitments".
    ///
    /// What has been signed is signed again after a reconnection: the peer may not have got it.
    public var canSignClosing: Bool {
        (phase == .shuttingDown || phase == .closing) && hasSentShutdown && hasReceivedShutdown && isQuiet
    }

    /// The closing transaction is signed; what remains is its confirmation.
    public mutating func beginClosing() throws(ProtocolViolation) {
        guard canSignClosing else { throw .unexpectedMessage(phase) }
        phase = .closing
    }

    /// The funding output is spent and confirmed: the channel is no more.
    public mutating func close() {
        precondition(
            phase == .closing || phase == .failed || phase == .lostData,
            "a channel closes after a transaction that spends its funding output")
        phase = .closed
    }

    /// Gives the channel up (BOLT 5, "Unilateral Close"): from here on only the chain decides. Allowed at any moment
    /// once the funding is signed for.
    ///
    /// The HTLCs stay as they are: what becomes of them is the `ChannelMonitor`'s to find out.
    public mutating func fail() {
        precondition(isFunded, "a channel without money has nothing to give up")
        precondition(phase != .lostData, "BOLT 2: MUST NOT broadcast its commitment transaction")
        phase = .failed
    }

    /// Whether this party's money is locked in the channel: from the funding to the closing.
    public var isFunded: Bool {
        switch phase {
        case .planned, .opening, .closed: false
        case .awaitingReady, .normal, .shuttingDown, .closing, .failed, .lostData: true
        }
    }
}
