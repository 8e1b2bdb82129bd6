import Cryptography
import LightningTypes
import PaymentChannels
import Settlement

/// What one party of a channel keeps with eager signatures: keys, points and secrets.
///
/// Per-commitment secrets are revealed and stored as BOLT 3 says; a store of 49 values holds all that came.
final class ChannelSession {
    let keys: ChannelKeys
    let publicKeys: ChannelPublicKeys
    let theirs: ChannelPublicKeys
    /// This party's secrets from the oldest unrevoked commitment on, and the next ones of the sequence.
    private var secrets: [Bytes32] = []
    private(set) var firstSecret: UInt64 = 0
    private var sequence: PerCommitmentSecretSequence
    /// The peer's points from its oldest unrevoked commitment on.
    private(set) var points: [Bytes32] = []
    private(set) var firstPoint: UInt64 = 0
    private(set) var store = PerCommitmentSecretStore()

    /// - Parameters:
    ///   - peer: the keys the peer told in `open_channel` or `accept_channel`, and its points of the commitments 0 and
    ///     1, the second of which comes with `channel_ready`.
    init(keys: ChannelKeys, peer: ChannelPublicKeys, points: [Bytes32]) {
        self.keys = keys
        publicKeys = keys.publicKeys
        theirs = peer
        self.points = points
        sequence = PerCommitmentSecretSequence(seed: keys.commitmentSeed)
    }

    /// What came of the secrets and points of both sides, as a checkpoint keeps it.
    struct Progress {
        var firstSecret: UInt64
        var points: [Bytes32]
        var firstPoint: UInt64
        var store: PerCommitmentSecretStore
    }

    /// A session that goes on where another was.
    init(keys: ChannelKeys, peer: ChannelPublicKeys, resuming progress: Progress) {
        self.keys = keys
        publicKeys = keys.publicKeys
        theirs = peer
        points = progress.points
        firstPoint = progress.firstPoint
        firstSecret = progress.firstSecret
        store = progress.store
        sequence = PerCommitmentSecretSequence(
            seed: keys.commitmentSeed, startingAt: ChannelKeys.secretIndex(ofCommitment: firstSecret))
    }

    /// What this party shows of its commitment `number`.
    func point(_ number: UInt64) -> Bytes32 { sha256(secret(number)) }

    /// Reveals the secret of commitment `number` and the point of the second one after it (`revoke_and_ack`).
    func revoke(_ number: UInt64) -> (secret: Bytes32, nextPoint: Bytes32) {
        let secret = secret(number)
        let next = point(number + 2)
        secrets.removeFirst()
        firstSecret += 1
        return (secret, next)
    }

    /// What `revoke` gave for commitment `number`, whose message was lost.
    func revocationAgain(_ number: UInt64) -> (secret: Bytes32, nextPoint: Bytes32) {
        precondition(number < firstSecret, "what was not revealed is not revealed again")
        return (keys.perCommitmentSecret(number), point(number + 2))
    }

    private func secret(_ number: UInt64) -> Bytes32 {
        precondition(number >= firstSecret, "a revoked secret is asked for again")
        while firstSecret + UInt64(secrets.count) <= number {
            guard let next = sequence.next() else { preconditionFailure("a channel has 2^48 commitments") }
            secrets.append(next.secret)
        }
        return secrets[Int(number - firstSecret)]
    }

    /// The peer's point of its commitment `number`.
    func theirPoint(_ number: UInt64) -> Bytes32 { points[Int(number - firstPoint)] }

    /// Takes in the peer's `revoke_and_ack`: the secret must open the point, and fit those before it.
    func receiveRevocation(of number: UInt64, secret: Bytes32, nextPoint: Bytes32) throws(ProtocolViolation) {
        guard number == firstPoint, sha256(secret) == points[0] else { throw .wrongSecret(number: number) }
        do {
            try store.insert(secret, at: ChannelKeys.secretIndex(ofCommitment: number))
        } catch { throw .wrongSecret(number: number) }
        points.removeFirst()
        points.append(nextPoint)
        firstPoint += 1
    }

    /// The context of both parties' commitment transactions.
    func context(funding: Outpoint, _ keys: KeyRing) -> CommitmentContext {
        CommitmentContext(
            funding: funding, ours: publicKeys, theirs: theirs, paymentHash: { keys.paymentHash($0) })
    }
}
