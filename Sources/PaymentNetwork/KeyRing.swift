import Cryptography
import LightningTypes
import PaymentChannels

/// Every key, preimage and channel seed of a run, each derived from the run's seed when it is asked for.
///
/// A pure function, so that a signature or a secret can be made at any later time with the same bytes.
struct KeyRing: Sendable {
    private let root: Bytes32

    init(seed: UInt64) {
        root = blake2b("millrace keys", key: Bytes32(words: seed, 0, 0, 0))
    }

    private func derived(_ label: String, _ number: UInt64) -> Bytes32 {
        let purpose = blake2b(label, key: root)
        return Bytes32(words: number, 0, 0, 0).withUnsafeBytes { blake2b($0, key: purpose) }
    }

    /// All keys of one party of one channel.
    func channelKeys(_ end: DirectionIndex) -> ChannelKeys {
        ChannelKeys(seed: derived("channel", UInt64(end.rawValue)))
    }

    func fundingKey(_ end: DirectionIndex) -> SigningKey {
        ChannelKeys.fundingKey(seed: derived("channel", UInt64(end.rawValue)))
    }

    /// The key of a node's on-chain wallet.
    func walletKey(_ node: Int32) -> SigningKey { SigningKey(seed: derived("wallet", UInt64(node))) }

    /// Where the watchtower's rewards go.
    var towerKey: SigningKey { SigningKey(seed: derived("tower", 0)) }

    /// What a node peels onions with. In place of the node's own key, which signs.
    func onionKey(_ node: UInt32) -> RistrettoScalar { scalar(derived("onion", UInt64(node))) }

    /// BOLT 4's `session_key` for a part of a payment, another for each, and what fills up its onion.
    func sessionKey(_ payment: UInt64, part: UInt16) -> (session: RistrettoScalar, padding: Bytes32) {
        let purpose = blake2b("session", key: root)
        let bytes = Bytes32(words: payment, UInt64(part), 0, 0).withUnsafeBytes { blake2b($0, key: purpose) }
        return (scalar(bytes), bytes)
    }

    private func scalar(_ bytes: Bytes32) -> RistrettoScalar {
        guard let scalar = RistrettoScalar(reducing: bytes) else {
            preconditionFailure("a key derived is zero: as likely as any other")
        }
        return scalar
    }

    func preimage(_ payment: UInt64) -> Bytes32 { derived("preimage", payment) }

    func paymentHash(_ payment: UInt64) -> Bytes32 { sha256(preimage(payment)) }
}
