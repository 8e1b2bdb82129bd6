import LightningTypes
import Snapshots

// What a checkpoint keeps of a channel. Terms, but for the rate, and funder come from the topology again; places in a
// pool are handles and mean nothing elsewhere, so HTLCs are written in their order and linked anew.
extension Channel {
    /// Writes all that can change, HTLCs apart.
    public func write(to writer: inout SnapshotWriter) {
        writer.write(phase.rawValue)
        writer.write(terms.feeratePerKiloweight)
        writer.write(feeState.rawValue)
        writer.write(feerateNext)
        local.write(to: &writer)
        remote.write(to: &writer)
        writer.write(localNumber)
        writer.write(remoteNumber)
        writer.write(localFingerprint)
        writer.write(awaitsRevocation)
        writer.write(changesToCommit)
        writer.write(hasSentShutdown)
        writer.write(hasReceivedShutdown)
        writer.write(isCommitScheduled)
        writer.write(hasStoppedOffering)
        writer.write(hasSentReady)
        writer.write(hasReceivedReady)
        writer.write(awaitsReestablish)
        writer.write(hasRevokedLast)
        writer.write(isCatchingUp)
        writer.write(nextOfferedID)
        writer.write(nextReceivedID)
    }

    /// Takes a channel of these terms to the state written; its HTLCs are to follow by `restore`.
    public mutating func read(from reader: inout SnapshotReader) throws(SnapshotError) {
        phase = try reader.readCase("the phase of a channel")
        terms.feeratePerKiloweight = try reader.read()
        feeState = try reader.readCase("the state of a fee update")
        try reader.check(feeState.isAdding && feeState.isOffered == isFunder, "the state of a fee update")
        feerateNext = try reader.read()
        local = try CommitmentView(from: &reader)
        remote = try CommitmentView(from: &reader)
        localNumber = try reader.read()
        remoteNumber = try reader.read()
        localFingerprint = try reader.read()
        awaitsRevocation = try reader.readFlag()
        changesToCommit = try reader.read()
        hasSentShutdown = try reader.readFlag()
        hasReceivedShutdown = try reader.readFlag()
        isCommitScheduled = try reader.readFlag()
        hasStoppedOffering = try reader.readFlag()
        hasSentReady = try reader.readFlag()
        hasReceivedReady = try reader.readFlag()
        awaitsReestablish = try reader.readFlag()
        hasRevokedLast = try reader.readFlag()
        isCatchingUp = try reader.readFlag()
        nextOfferedID = try reader.read()
        nextReceivedID = try reader.read()
        firstHTLC = .none
        lastHTLC = .none
    }

    /// The channel, its HTLCs still to be put back (`restore`).
    public var withoutHTLCs: Channel {
        var copy = self
        (copy.firstHTLC, copy.lastHTLC) = (.none, .none)
        return copy
    }

    /// Puts an HTLC that was saved behind those that are there; nothing but the links changes.
    public mutating func restore(_ htlc: HTLC, in pool: inout HTLCPool) -> HTLCIndex {
        append(htlc, to: &pool)
    }

    /// The places of the channel's HTLCs, oldest first.
    public func htlcIndices(in pool: borrowing HTLCPool) -> [HTLCIndex] {
        var all: [HTLCIndex] = []
        var index = firstHTLC
        while !index.isNone {
            all.append(index)
            index = pool[index].next
        }
        return all
    }

    /// Whether balances and HTLCs, as read from somewhere, fit each other and the capacity; what `recount` traps for.
    public func isConsistent(in pool: borrowing HTLCPool) -> Bool {
        let capacity = Millisatoshi(terms.capacity)
        for view in [local, remote] {
            let parts = [view.ours, view.theirs, view.offered, view.received]
            // Four parts of at most all the bitcoin there can be do not overflow.
            guard parts.allSatisfy({ $0 <= capacity }), view.total == capacity else { return false }
        }
        let htlcs = htlcs(in: pool)
        guard htlcs.count < 1 << 15 else { return false }
        var sum: UInt64 = 0
        for htlc in htlcs {
            let (next, overflow) = sum.addingReportingOverflow(htlc.amount.rawValue)
            guard !overflow, htlc.amount > .zero, htlc.expiry < Self.expiryLimit else { return false }
            sum = next
        }
        let counted = counted(in: pool)
        return counted.local == local && counted.remote == remote
    }
}

extension CommitmentView {
    fileprivate func write(to writer: inout SnapshotWriter) {
        writer.write(ours.rawValue)
        writer.write(theirs.rawValue)
        writer.write(offered.rawValue)
        writer.write(received.rawValue)
        writer.write(offeredCount)
        writer.write(receivedCount)
        writer.write(untrimmedCount)
        writer.write(htlcSum)
    }

    fileprivate init(from reader: inout SnapshotReader) throws(SnapshotError) {
        self.init(ours: Millisatoshi(try reader.read()), theirs: Millisatoshi(try reader.read()))
        offered = Millisatoshi(try reader.read())
        received = Millisatoshi(try reader.read())
        offeredCount = try reader.read()
        receivedCount = try reader.read()
        untrimmedCount = try reader.read()
        htlcSum = try reader.read()
    }
}

extension HTLC {
    /// Writes what the channel knows of it; onion and partner are the node's.
    public func write(to writer: inout SnapshotWriter) {
        writer.write(id)
        writer.write(amount.rawValue)
        writer.write(payment)
        writer.write(expiry.rawValue)
        writer.write(state.rawValue)
        writer.write(removal.rawValue)
        writer.write(failure)
        writer.write(surplus.rawValue)
    }

    /// Reads what `write` wrote; the HTLC has no onion and no partner yet.
    public init(from reader: inout SnapshotReader) throws(SnapshotError) {
        let id = try reader.read(UInt64.self)
        let amount = Millisatoshi(try reader.read())
        let payment = try reader.read(UInt64.self)
        let expiry = BlockHeight(try reader.read())
        self.init(
            id: id, amount: amount, payment: payment, expiry: expiry,
            state: try reader.readCase("the state of an HTLC"))
        removal = try reader.readCase("the end of an HTLC")
        failure = try reader.read()
        surplus = Millisatoshi(try reader.read())
    }
}
