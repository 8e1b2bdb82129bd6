import Cryptography
import LightningTypes
import PaymentChannels
import Settlement
import Snapshots

/// A message between two ends, and what only a test can know: what its sender believed when it sent it.
struct TrialMessage {
    enum Body {
        case add(id: UInt64, Millisatoshi, payment: UInt64, BlockHeight)
        case remove(id: UInt64, HTLCRemoval)
        case malformed(id: UInt64, code: UInt16)
        case commit(CommitmentSigned)
        case revoke(UInt64)
        case fee(UInt32)
        case shutdown
        case closing(Transaction)
        case reestablish(ChannelReestablish)
    }

    var body: Body
    /// The receiver's next commitment as the sender sees it; none where messages may have been lost.
    var view: CommitmentView?
}

/// One node's end of one of the two channels.
final class TrialEnd {
    let link: Int
    let side: Side
    let keys: ChannelKeys
    let peerKeys: ChannelKeys
    let terms: ChannelTerms
    let isFunder: Bool
    let ours: Millisatoshi

    var channel: Channel
    var pool = HTLCPool(capacity: 1)
    var settled = SettledHTLCs()
    var inbox: [TrialMessage] = []
    /// Once the channel has come to the chain.
    var monitor: ChannelMonitor?
    var tower: TowerClient?
    /// Whether its node wants the channel closed by both.
    var wantsClose = false
    /// Whether `closing_signed` went out on this connection.
    var hasSentClosing = false
    /// Restored from a backup that nobody has compared with the peer's state yet: it publishes nothing.
    var isUnsure = false

    // What a test keeps and no node would.

    /// The commitments of this end by number, as the peer made them when it signed.
    var history: [UInt64: CommitmentTransaction] = [:]
    var hasCheated = false
    var hasSeenBreach = false
    /// How HTLCs ended, by payment.
    var outcomes: [UInt64: HTLCRemoval] = [:]

    init(
        link: Int, side: Side, keys: ChannelKeys, peerKeys: ChannelKeys, terms: ChannelTerms,
        isFunder: Bool, ours: Millisatoshi
    ) {
        (self.link, self.side, self.keys, self.peerKeys) = (link, side, keys, peerKeys)
        (self.terms, self.isFunder, self.ours) = (terms, isFunder, ours)
        channel = Channel(terms: terms, isFunder: isFunder, ours: ours, phase: .normal)
    }

    var funding: Outpoint { Chain.genesisOutpoint(UInt32(link)) }

    var fundingOutput: Output {
        PaymentChannels.fundingOutput(
            capacity: terms.capacity, keys.funding.publicKey, peerKeys.funding.publicKey)
    }

    var context: CommitmentContext {
        CommitmentContext(
            funding: funding, ours: keys.publicKeys, theirs: peerKeys.publicKeys,
            paymentHash: { sha256(Trial.preimage($0)) })
    }

    var htlcs: [HTLC] { channel.htlcs(in: pool) }

    /// Whether messages can still change the channel.
    var isAlive: Bool {
        monitor == nil
            && (channel.phase == .normal || channel.phase == .shuttingDown || channel.phase == .closing)
    }

    /// The latest commitment with a signature of the peer, rebuilt.
    var latest: CommitmentTransaction? {
        channel.latestCommitment(
            context, point: keys.perCommitmentPoint(channel.localNumber), in: pool)
    }

    /// HTLCs of the peer that are irrevocably committed and not resolved.
    var held: [(index: HTLCIndex, htlc: HTLC)] {
        channel.htlcIndices(in: pool).map { ($0, pool[$0]) }.filter {
            $0.1.state == .receivedAddAckRevocation
        }
    }

    /// A commitment with both signatures.
    func signed(_ commitment: CommitmentTransaction) -> OwnCommitment {
        OwnCommitment(
            commitment, theirs: CommitmentSignatures(commitment, with: peerKeys), keys: keys,
            peer: peerKeys.publicKeys)
    }

    func surroundings(_ rules: ChainRules) -> ChannelMonitor.Surroundings {
        let revoked = channel.reestablish.nextRevocationNumber
        let peer = peerKeys
        return ChannelMonitor.Surroundings(
            context: context, keys: keys, rules: rules, finality: Trial.finality,
            revocationSecret: { $0 < revoked ? peer.perCommitmentSecret($0) : nil })
    }

    /// What would be on its disk.
    func saved() -> [UInt8] {
        var writer = SnapshotWriter(capacity: 1 << 10)
        channel.write(to: &writer)
        let all = htlcs
        writer.write(count: all.count)
        for htlc in all { htlc.write(to: &writer) }
        return writer.finish()
    }

    func restore(_ bytes: [UInt8]) throws {
        var reader = SnapshotReader(bytes)
        channel = Channel(terms: terms, isFunder: isFunder, ours: ours, phase: .normal)
        pool = HTLCPool(capacity: 1)
        try channel.read(from: &reader)
        for _ in 0..<(try reader.readCount()) {
            _ = channel.restore(try HTLC(from: &reader), in: &pool)
        }
        try reader.finish()
        guard channel.isConsistent(in: pool) else { throw TrialFailure("a saved state is inconsistent") }
    }

    /// The monitor and the tower's client are saved and restored.
    func restartServices(_ rules: ChainRules) throws {
        if let old = monitor {
            var writer = SnapshotWriter(capacity: 1 << 12)
            old.write(to: &writer)
            let bytes = writer.finish()
            var reader = SnapshotReader(bytes)
            monitor = try ChannelMonitor(
                from: &reader, terms: channel.terms, isFunder: isFunder, surroundings(rules))
            try reader.finish()
        }
        if tower != nil {
            var writer = SnapshotWriter(capacity: 1 << 12)
            tower?.write(to: &writer)
            let bytes = writer.finish()
            var reader = SnapshotReader(bytes)
            try tower?.read(from: &reader)
            try reader.finish()
        }
    }
}

extension CommitmentView {
    /// Whether this commitment, of one party, is another as the other party sees it.
    func mirrors(_ view: CommitmentView) -> Bool {
        ours == view.theirs && theirs == view.ours && offered == view.received && received == view.offered
            && offeredCount == view.receivedCount && receivedCount == view.offeredCount
            && untrimmedCount == view.untrimmedCount
    }
}
