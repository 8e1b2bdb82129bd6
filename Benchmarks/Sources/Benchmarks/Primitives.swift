import Cryptography

/// What each cryptographic primitive costs, in seconds.
struct PrimitiveCosts {
    var keyPair: Double
    var signature: Double
    var verification: Double
    /// SHA-256 of as many bytes as a commitment without HTLCs has.
    var transactionHash: Double
    /// SHA-256 of 32 bytes.
    var hash: Double
    /// ristretto255: any point, and the base point.
    var pointMultiplication: Double
    var basePointMultiplication: Double
    /// HMAC-SHA256 of 32 bytes, and of an onion and a payment hash.
    var keyedHash: Double
    var onionHash: Double
    /// ChaCha20, in streams as long as an onion.
    var streamByte: Double

    static func measured(repetitions: Int) -> PrimitiveCosts {
        let key = SigningKey(seed: Bytes32(words: 1, 2, 3, 4))
        let message = Bytes32(words: 5, 6, 7, 8)
        let signature = key.signature(of: message)
        func scalar(_ number: UInt64) -> RistrettoScalar? {
            RistrettoScalar(reducing: Bytes32(words: number, 0, 0, 0))
        }
        guard let point = scalar(7)?.point else { preconditionFailure("7 is a scalar") }
        let onion = [UInt8](repeating: 7, count: OnionPacket.payloadsSize + 32)
        func seconds(_ count: Int, _ body: (UInt64) -> UInt64) -> Double {
            let (time, sum) = Measurement.best(of: repetitions) {
                (0..<UInt64(count)).reduce(0) { $0 &+ body($1) }
            }
            precondition(sum != 0, "nothing was done")
            return time.processor / Double(count)
        }
        return PrimitiveCosts(
            keyPair: seconds(2_000) { number in
                firstWord(SigningKey(seed: Bytes32(words: number, 0, 0, 0)).publicKey.bytes)
            },
            signature: seconds(2_000) { number in
                firstWord(key.signature(of: Bytes32(words: number, 0, 0, 0)).r)
            },
            verification: seconds(2_000) { _ in key.publicKey.verifies(signature, of: message) ? 1 : 0 },
            transactionHash: seconds(20_000) { number in
                var bytes = [UInt8](repeating: 0, count: ChannelRounds.commitmentSize)
                withUnsafeBytes(of: number) { bytes.replaceSubrange(0..<8, with: $0) }
                return bytes.withUnsafeBytes { firstWord(sha256($0)) }
            },
            hash: seconds(100_000) { number in firstWord(sha256(Bytes32(words: number, 0, 0, 0))) },
            pointMultiplication: seconds(2_000) { number in
                scalar(number + 1).flatMap { point.multiplied(by: $0) }.map { firstWord($0.bytes) } ?? 1
            },
            basePointMultiplication: seconds(2_000) { number in
                scalar(number + 1).map { firstWord($0.point.bytes) } ?? 1
            },
            keyedHash: seconds(50_000) { number in
                let key = Bytes32(words: number, 0, 0, 0)
                return key.withUnsafeBytes { firstWord(hmacSHA256($0, key: $0)) }
            },
            onionHash: seconds(5_000) { number in
                firstWord(hmacSHA256(onion, key: Bytes32(words: number, 0, 0, 0)))
            },
            streamByte: seconds(5_000) { number in
                UInt64(chaCha20(Bytes32(words: number, 0, 0, 0), count: OnionPacket.payloadsSize)[0]) + 1
            } / Double(OnionPacket.payloadsSize))
    }

    private static func firstWord(_ bytes: Bytes32) -> UInt64 {
        bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
    }
}

func benchmarkPrimitives(repetitions: Int) {
    let costs = PrimitiveCosts.measured(repetitions: repetitions)
    let table = Table("Cryptographic primitives, best of \(repetitions)", ["primitive", "µs", "a second"])
    for (name, cost) in [
        ("Ed25519 key pair", costs.keyPair), ("Ed25519 signature", costs.signature),
        ("Ed25519 verification", costs.verification),
        ("SHA-256 of a commitment", costs.transactionHash), ("SHA-256 of 32 bytes", costs.hash),
        ("ristretto255, a point", costs.pointMultiplication),
        ("ristretto255, the base", costs.basePointMultiplication),
        ("HMAC-SHA256 of 32 bytes", costs.keyedHash),
        ("HMAC-SHA256 of an onion", costs.onionHash), ("ChaCha20, a byte", costs.streamByte),
    ] {
        table.row([name, (cost * 1e6).text(), (1 / cost).text(0)])
    }
}
