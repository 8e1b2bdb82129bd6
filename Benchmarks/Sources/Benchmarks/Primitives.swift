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

    static func measured(repetitions: Int) -> PrimitiveCosts {
        let key = SigningKey(seed: Bytes32(words: 1, 2, 3, 4))
        let message = Bytes32(words: 5, 6, 7, 8)
        let signature = key.signature(of: message)
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
            hash: seconds(100_000) { number in firstWord(sha256(Bytes32(words: number, 0, 0, 0))) })
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
    ] {
        table.row([name, (cost * 1e6).text(), (1 / cost).text(0)])
    }
}
