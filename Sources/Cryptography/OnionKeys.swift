/// The keys of one hop of an onion (BOLT 4, "Key Generation"): all of one secret shared by sender and hop.
public struct OnionKeys: Sendable {
    public let sharedSecret: Bytes32

    public init(sharedSecret: Bytes32) { self.sharedSecret = sharedSecret }

    /// HMAC-SHA256 of the shared secret under the name of the key.
    static func key(_ type: StaticString, of secret: Bytes32) -> Bytes32 {
        type.withUTF8Buffer { name in
            secret.withUnsafeBytes { hmacSHA256($0, key: UnsafeRawBufferPointer(name)) }
        }
    }

    /// Obfuscates the packet.
    var rho: Bytes32 { Self.key("rho", of: sharedSecret) }
    /// Authenticates the packet.
    var mu: Bytes32 { Self.key("mu", of: sharedSecret) }
    /// Authenticates an error.
    var um: Bytes32 { Self.key("um", of: sharedSecret) }
    /// Obfuscates an error.
    var ammag: Bytes32 { Self.key("ammag", of: sharedSecret) }

    /// The keys that the sender shares with each hop of a route, in its order.
    ///
    /// Every hop sees another ephemeral key: "for each hop, the ephemeral private key is multiplied by the blinding
    /// factor" (BOLT 4, "Packet Construction"), the SHA-256 of the ephemeral public key and the shared secret. In place
    /// of secp256k1 stands ristretto255.
    ///
    /// - Returns: nil where a hop's key is no point.
    public static func route(
        _ hops: [RistrettoPoint], sessionKey: RistrettoScalar
    ) -> [OnionKeys]? {
        var ephemeral = sessionKey
        var all: [OnionKeys] = []
        for hop in hops {
            guard let shared = hop.multiplied(by: ephemeral) else { return nil }
            let keys = OnionKeys(sharedSecret: sha256(shared.bytes))
            all.append(keys)
            guard let factor = keys.blindingFactor(of: ephemeral.point) else { return nil }
            ephemeral = ephemeral.multiplied(by: factor)
        }
        return all
    }

    func blindingFactor(of ephemeral: RistrettoPoint) -> RistrettoScalar? {
        var hash = SHA256()
        hash.update(ephemeral.bytes)
        hash.update(sharedSecret)
        return RistrettoScalar(reducing: hash.finalize())
    }
}
