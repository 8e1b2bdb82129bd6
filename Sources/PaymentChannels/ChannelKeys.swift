import Cryptography

/// The static keys of one party of one channel, and the seed of its per-commitment secrets.
///
/// BOLT 3 blinds its basepoints afresh for every commitment; libsodium's Ed25519 signs with seed keys only, so keys
/// stay as they are and a revocable output shows the SHA-256 of a per-commitment secret beside the victim's key.
/// What this changes: observers could link a channel's outputs. What it does not: who can spend what, and when.
public struct ChannelKeys: Sendable {
    public let funding: SigningKey
    public let revocation: SigningKey
    public let payment: SigningKey
    public let delayedPayment: SigningKey
    public let htlc: SigningKey
    public let commitmentSeed: PerCommitmentSeed

    /// All of them from one seed, each by its own label. About 75 µs.
    public init(seed: Bytes32) {
        funding = Self.fundingKey(seed: seed)
        revocation = SigningKey(seed: blake2b("revocation", key: seed))
        payment = SigningKey(seed: blake2b("payment", key: seed))
        delayedPayment = SigningKey(seed: blake2b("delayed payment", key: seed))
        htlc = SigningKey(seed: blake2b("htlc", key: seed))
        commitmentSeed = PerCommitmentSeed(blake2b("per-commitment secrets", key: seed))
    }

    /// The funding key alone, for outputs that are looked up but hardly ever spent.
    public static func fundingKey(seed: Bytes32) -> SigningKey {
        SigningKey(seed: blake2b("funding", key: seed))
    }

    public var publicKeys: ChannelPublicKeys {
        ChannelPublicKeys(
            funding: funding.publicKey, revocation: revocation.publicKey, payment: payment.publicKey,
            delayedPayment: delayedPayment.publicKey, htlc: htlc.publicKey)
    }

    /// The secret that revokes this party's commitment `number`.
    public func perCommitmentSecret(_ number: UInt64) -> Bytes32 {
        commitmentSeed.secret(at: Self.secretIndex(ofCommitment: number))
    }

    /// What commitment `number` shows of its secret, in place of BOLT 3's `per_commitment_point`.
    public func perCommitmentPoint(_ number: UInt64) -> Bytes32 { sha256(perCommitmentSecret(number)) }

    /// BOLT 3 numbers secrets downwards from 2^48 - 1.
    public static func secretIndex(ofCommitment number: UInt64) -> UInt64 {
        precondition(number <= PerCommitmentSeed.firstIndex, "a channel has 2^48 commitments")
        return PerCommitmentSeed.firstIndex - number
    }
}

/// What `open_channel` and `accept_channel` tell the peer of one's keys.
public struct ChannelPublicKeys: Hashable, Sendable, BitwiseCopyable {
    public var funding: PublicKey
    public var revocation: PublicKey
    public var payment: PublicKey
    public var delayedPayment: PublicKey
    public var htlc: PublicKey
}
