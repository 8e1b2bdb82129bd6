import Cryptography
import LightningTypes
import Settlement
import Snapshots

// What a checkpoint keeps of a monitor: what it was told and what it said. What these come to is derived again; keys,
// rules and secrets come with the surroundings.
extension ChannelMonitor {
    public func write(to writer: inout SnapshotWriter) {
        writer.write(height.rawValue)
        writer.write(terms.feeratePerKiloweight)
        writer.write(revokedBelow)
        writer.write(latestRemote)
        writer.write(count: htlcs.count)
        for htlc in htlcs { htlc.write(to: &writer) }
        writer.write(count: owned.count)
        for own in owned { own.write(to: &writer) }
        writer.write(publication != nil)
        if let publication {
            writer.write(publication.since.rawValue)
            writer.write(publication.own.id.bytes)
            writer.write(publication.child != nil)
            publication.child?.write(to: &writer)
        }
        writer.write(count: preimages.count)
        for (_, preimage) in preimages.sorted(by: { $0.key < $1.key }) { writer.write(preimage) }
        writer.write(count: attempts.count)
        for (outpoint, attempt) in attempts.sorted(by: { $0.key < $1.key }) {
            writer.write(outpoint)
            attempt.write(to: &writer)
        }
        reports.write(to: &writer)
        writer.write(count: confirmed.count)
        for told in confirmed {
            writer.write(told.height.rawValue)
            writer.write(told.transaction)
        }
    }

    /// A monitor as it was written, of a channel with these terms.
    public init(
        from reader: inout SnapshotReader, terms: ChannelTerms, isFunder: Bool, _ surroundings: Surroundings
    ) throws(SnapshotError) {
        self.surroundings = surroundings
        self.isFunder = isFunder
        let height = BlockHeight(try reader.read())
        var rated = terms
        rated.feeratePerKiloweight = try reader.read()
        self.terms = rated
        revokedBelow = try reader.read()
        latestRemote = try reader.read()
        htlcs = []
        for _ in 0..<(try reader.readCount(of: 35, "the number of a monitor's HTLCs")) {
            htlcs.append(try MonitoredHTLC(from: &reader, surroundings.context))
        }
        for _ in 0..<(try reader.readCount(of: 16, "the number of own commitments")) {
            owned.append(try OwnCommitment(from: &reader))
        }
        if try reader.readFlag() {
            let since = BlockHeight(try reader.read())
            let id = try reader.readTransactionID()
            guard let own = owned.first(where: { $0.id == id }) else {
                throw reader.implausible("the commitment published")
            }
            let child = try reader.readFlag() ? try ClaimAttempt(from: &reader) : nil
            publication = Publication(own: own, since: since, child: child)
        }
        for _ in 0..<(try reader.readCount(of: 32, "the number of preimages")) {
            learn(try reader.readBytes32())
        }
        for _ in 0..<(try reader.readCount(of: 36, "the number of attempts")) {
            let outpoint = try reader.readOutpoint()
            attempts[outpoint] = try ClaimAttempt(from: &reader)
        }
        reports = try MonitorReports(from: &reader)
        for _ in 0..<(try reader.readCount(of: 12, "the number of a monitor's transactions")) {
            let confirmedAt = BlockHeight(try reader.read())
            let isInOrder = confirmed.last.map { $0.height <= confirmedAt } ?? true
            try reader.check(isInOrder && confirmedAt <= height, "the height of a monitor's transaction")
            let transaction = try reader.readTransaction()
            confirmed.append((confirmedAt, transaction.id, transaction))
        }
        self.height = height
        rederive()
    }
}

extension MonitoredHTLC {
    fileprivate func write(to writer: inout SnapshotWriter) {
        key.write(to: &writer)
        writer.write(amount.rawValue)
        writer.write(payment)
        writer.write(expiry.rawValue)
        writer.write(isFulfilled)
        writer.write(upstreamExpiry != nil)
        writer.write(upstreamExpiry?.rawValue ?? 0)
    }

    fileprivate init(
        from reader: inout SnapshotReader, _ context: CommitmentContext
    ) throws(SnapshotError) {
        key = try Key(from: &reader)
        amount = Millisatoshi(try reader.read())
        payment = try reader.read()
        hash = context.paymentHash(payment)
        expiry = BlockHeight(try reader.read())
        isFulfilled = try reader.readFlag()
        let hasUpstream = try reader.readFlag()
        let upstream = BlockHeight(try reader.read())
        upstreamExpiry = hasUpstream ? upstream : nil
    }
}

extension MonitoredHTLC.Key {
    fileprivate func write(to writer: inout SnapshotWriter) {
        writer.write(isOffered)
        writer.write(id)
    }

    fileprivate init(from reader: inout SnapshotReader) throws(SnapshotError) {
        isOffered = try reader.readFlag()
        id = try reader.read()
    }
}

extension OwnCommitment {
    fileprivate func write(to writer: inout SnapshotWriter) {
        commitment.write(to: &writer)
        writer.write(transaction)
        for signature in signaturesOfPeer.all { writer.write(signature) }
    }

    fileprivate init(from reader: inout SnapshotReader) throws(SnapshotError) {
        commitment = try CommitmentTransaction(from: &reader)
        transaction = try reader.readTransaction()
        id = transaction.id
        try reader.check(
            id == commitment.transaction.id, "a commitment and its signed transaction")
        var signatures: [Signature] = []
        for _ in 0...commitment.secondStage.count { signatures.append(try reader.readSignature()) }
        signaturesOfPeer = CommitmentSignatures(all: signatures)
    }
}

extension ClaimAttempt {
    fileprivate func write(to writer: inout SnapshotWriter) {
        writer.write(transaction)
        writer.write(fee.rawValue)
        writer.write(since.rawValue)
        writer.write(count: coins.count)
        for coin in coins {
            writer.write(coin.outpoint)
            writer.write(coin.value.rawValue)
        }
    }

    fileprivate init(from reader: inout SnapshotReader) throws(SnapshotError) {
        transaction = try reader.readTransaction()
        try reader.check(!transaction.inputs.isEmpty, "a claim that spends nothing")
        fee = Satoshi(try reader.read())
        since = BlockHeight(try reader.read())
        for _ in 0..<(try reader.readCount(of: 44, "the number of reserved coins")) {
            let outpoint = try reader.readOutpoint()
            coins.append(FeeWallet.Coin(outpoint: outpoint, value: Satoshi(try reader.read())))
        }
    }
}

extension MonitorReports {
    fileprivate func write(to writer: inout SnapshotWriter) {
        writer.write(hasBreach)
        writer.write(isClosed)
        for keys in [learned, resolved] {
            writer.write(count: keys.count)
            for key in keys.sorted() { key.write(to: &writer) }
        }
        writer.write(count: credited.count)
        for id in credited.sorted() { writer.write(id.bytes) }
        writer.write(count: settled.count)
        for outpoint in settled.sorted() { writer.write(outpoint) }
    }

    fileprivate init(from reader: inout SnapshotReader) throws(SnapshotError) {
        hasBreach = try reader.readFlag()
        isClosed = try reader.readFlag()
        learned = try Self.readKeys(&reader)
        resolved = try Self.readKeys(&reader)
        for _ in 0..<(try reader.readCount(of: 32, "the number of transactions credited")) {
            credited.insert(try reader.readTransactionID())
        }
        for _ in 0..<(try reader.readCount(of: 36, "the number of outputs settled")) {
            settled.insert(try reader.readOutpoint())
        }
    }

    private static func readKeys(
        _ reader: inout SnapshotReader
    ) throws(SnapshotError) -> Set<MonitoredHTLC.Key> {
        var keys: Set<MonitoredHTLC.Key> = []
        for _ in 0..<(try reader.readCount(of: 9, "the number of HTLCs reported")) {
            keys.insert(try MonitoredHTLC.Key(from: &reader))
        }
        return keys
    }
}

extension SnapshotWriter {
    fileprivate mutating func write(_ signature: Signature) {
        write(signature.r)
        write(signature.s)
    }
}

extension SnapshotReader {
    fileprivate mutating func readSignature() throws(SnapshotError) -> Signature {
        let r = try readBytes32()
        return Signature(r: r, s: try readBytes32())
    }
}
