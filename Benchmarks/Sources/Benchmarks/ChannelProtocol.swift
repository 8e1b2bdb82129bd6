import Cryptography
import LightningTypes
import PaymentChannels
import Settlement

/// The two parties of one channel, and the work that their messages ask of them; nothing of events, nodes or files.
///
/// A round: one party offers HTLCs, both commit and revoke, the other one fulfils them, both commit and revoke.
struct ChannelRounds {
    /// Whether every commitment is built, signed and verified, and every secret derived and checked.
    let isEager: Bool
    private var parties: [Party]
    private(set) var settledCount: UInt64 = 0
    private(set) var fingerprints: UInt64 = 0
    private(set) var signatures: UInt64 = 0

    /// Not copyable: its pool lies where it lies.
    private final class Party {
        var channel: Channel
        var pool = HTLCPool(capacity: 64)
        var settled = SettledHTLCs()
        let keys: ChannelKeys
        var secrets: PerCommitmentSecretSequence
        /// Of the commitments not revoked yet.
        var known: [Bytes32] = []
        var theirs = PerCommitmentSecretStore()
        var theirPoints: [Bytes32] = []

        init(_ channel: Channel, _ keys: ChannelKeys) {
            self.channel = channel
            self.keys = keys
            secrets = PerCommitmentSecretSequence(seed: keys.commitmentSeed)
            for _ in 0..<2 { learnNextSecret() }
        }

        func learnNextSecret() {
            guard let next = secrets.next() else { preconditionFailure("a channel has 2^48 commitments") }
            known.append(next.secret)
        }
    }

    init(isEager: Bool) {
        self.isEager = isEager
        let capacity = Satoshi(10_000_000)
        let terms = ChannelTerms(
            capacity: capacity, dustLimit: Satoshi(354), channelReserve: Satoshi(100_000),
            htlcValueInFlightMaximum: Millisatoshi(capacity), acceptedHTLCsMaximum: 483, toSelfDelay: 144,
            feeratePerKiloweight: 2_500, hasAnchors: true)
        parties = [true, false].map { isFunder in
            Party(
                Channel(
                    terms: terms, isFunder: isFunder, ours: Millisatoshi(Satoshi(5_000_000)), phase: .normal),
                ChannelKeys(seed: Bytes32(words: isFunder ? 1 : 2, 0, 0, 0)))
        }
        for side in 0..<2 { parties[side].theirPoints = parties[1 - side].known.map { sha256($0) } }
    }

    /// - Parameter htlcs: offered together by `side`, and settled together.
    mutating func round(of htlcs: Int, offeredBy side: Int) throws {
        let (offerer, receiver) = (parties[side], parties[1 - side])
        let amount = Millisatoshi(Satoshi(10_000))
        for _ in 0..<htlcs {
            let payment = settledCount
            settledCount += 1
            let index = try offerer.channel.offer(
                amount, payment: payment, expiry: BlockHeight(800_000), in: &offerer.pool)
            _ = try receiver.channel.receiveAdd(
                id: offerer.pool[index].id, amount, payment: payment, expiry: BlockHeight(800_000),
                in: &receiver.pool)
        }
        try commit(from: side)
        try commit(from: 1 - side)
        for index in receiver.settled.committed {
            receiver.channel.remove(index, as: .fulfilled, in: &receiver.pool)
            _ = try offerer.channel.receiveRemoval(
                id: receiver.pool[index].id, as: .fulfilled, in: &offerer.pool)
        }
        receiver.settled.clear()
        try commit(from: 1 - side)
        try commit(from: side)
        precondition(
            receiver.settled.removed.count + offerer.settled.removed.count == 2 * htlcs,
            "both halves of every HTLC are gone for good")
        receiver.settled.clear()
        offerer.settled.clear()
    }

    /// One `commitment_signed` and the `revoke_and_ack` it is answered with.
    private mutating func commit(from side: Int) throws {
        let (sender, receiver) = (parties[side], parties[1 - side])
        let signed = sender.channel.commit(in: &sender.pool, &sender.settled)
        fingerprints ^= signed.fingerprint &* (signed.number | 1)
        var made: CommitmentSignatures?
        if isEager {
            let transaction = sender.channel.signedRemoteCommitment(
                context(sender, receiver), point: sender.theirPoints[1], in: sender.pool)
            made = CommitmentSignatures(transaction, with: sender.keys)
        }
        let revoked = try receiver.channel.receiveCommit(signed, in: &receiver.pool, &receiver.settled)
        if let made {
            let transaction = receiver.channel.latestCommitment(
                context(receiver, sender), point: sha256(receiver.known[1]), in: receiver.pool)
            guard let transaction, made.areValid(for: transaction, by: sender.keys.publicKeys) else {
                preconditionFailure("a signature is not valid")
            }
            signatures += UInt64(made.all.count)
            // revoke_and_ack: the secret, and the point of the commitment after the next.
            let secret = receiver.known.removeFirst()
            receiver.learnNextSecret()
            precondition(sha256(secret) == sender.theirPoints.removeFirst(), "a secret opens its point")
            try sender.theirs.insert(secret, at: ChannelKeys.secretIndex(ofCommitment: revoked))
            sender.theirPoints.append(sha256(receiver.known[1]))
        }
        try sender.channel.receiveRevocation(of: revoked, in: &sender.pool, &sender.settled)
    }

    /// Bytes of a commitment without HTLCs.
    static let commitmentSize: Int = {
        let channel = ChannelRounds(isEager: true)
        let (party, peer) = (channel.parties[0], channel.parties[1])
        let commitment = party.channel.signedRemoteCommitment(
            channel.context(party, peer), point: party.theirPoints[0], in: party.pool)
        return commitment.transaction.encoded().count
    }()

    private func context(_ party: Party, _ peer: Party) -> CommitmentContext {
        CommitmentContext(
            funding: Chain.genesisOutpoint(0), ours: party.keys.publicKeys, theirs: peer.keys.publicKeys,
            paymentHash: { sha256(Bytes32(words: $0, 0, 0, 0)) })
    }
}

func benchmarkChannels(repetitions: Int) throws {
    let table = Table(
        "The channel protocol: HTLCs added and settled, one thread, both parties; best of \(repetitions)",
        ["signatures, HTLCs a commitment", "HTLCs/s", "µs an HTLC", "signatures", "fingerprints"])
    for isEager in [false, true] {
        for batch in [1, 10] {
            let rounds = (isEager ? 2_000 : 500_000) / batch
            let (time, channel) = try Measurement.best(of: repetitions) {
                var channel = ChannelRounds(isEager: isEager)
                for round in 0..<rounds { try channel.round(of: batch, offeredBy: round & 1) }
                return channel
            }
            let count = Double(channel.settledCount)
            table.row([
                "\(isEager ? "eager" : "lazy"), \(batch)", (count / time.wall).text(0),
                (time.wall / count * 1e6).text(), "\(channel.signatures)", channel.fingerprints.hexadecimal,
            ])
        }
    }
}
