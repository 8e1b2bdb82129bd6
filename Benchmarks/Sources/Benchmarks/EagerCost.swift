import Foundation
import PaymentNetwork
import Topologies

/// What eager signatures add to a run's processor time, against what the primitives they ask for take alone.
func benchmarkEagerCost(_ path: String, repetitions: Int) throws {
    let network = try topology(at: path, rate: 1_000)
    let costs = PrimitiveCosts.measured(repetitions: repetitions)
    let (lazy, eager) = (
        try WholeRun.best(of: repetitions) { try WholeRun(network, payments: 1_000, threads: 1) },
        try WholeRun.best(of: repetitions) {
            try WholeRun(network, payments: 1_000, threads: 1, signatures: .eager)
        }
    )
    precondition(lazy.result.digest == eager.result.digest, "signatures changed the digest")
    let table = Table(
        "Eager signatures: 1,000 payments of \((path as NSString).lastPathComponent), best of \(repetitions)",
        ["primitive", "lazy", "eager", "µs each", "seconds more"])
    var sum = 0.0
    for (name, counter, cost) in [
        ("Ed25519 key pair", \.keyPairs, costs.keyPair), ("Ed25519 signature", \.signatures, costs.signature),
        ("Ed25519 verification", \.verifications, costs.verification),
        ("SHA-256 of a transaction", \.transactionHashes, costs.transactionHash),
        ("SHA-256, BLAKE2b", \.hashes, costs.hash),
        ("ristretto255, a point", \.pointMultiplications, costs.pointMultiplication),
        ("ristretto255, the base", \.basePointMultiplications, costs.basePointMultiplication),
        ("HMAC-SHA256", \.keyedHashes, costs.keyedHash),
        ("HMAC-SHA256 of an onion", \.onionHashes, costs.onionHash),
        ("ChaCha20, a byte", \.streamBytes, costs.streamByte),
    ] as [(String, KeyPath<PrimitiveCounts, UInt64>, Double)] {
        let counts = [lazy, eager].map { $0.result.primitives[keyPath: counter] }
        let seconds = (Double(counts[1]) - Double(counts[0])) * cost
        sum += seconds
        table.row([name, "\(counts[0])", "\(counts[1])", (cost * 1e6).text(), seconds.text(3)])
    }
    let bound = lazy.time.processor + 1.1 * sum
    print(
        "lazy \(lazy.time.processor.text(3)) s, eager \(eager.time.processor.text(3)) s of processor time; "
            + "lazy + 1.1 × \(sum.text(3)) s = \(bound.text(3)) s: "
            + "\((eager.time.processor / bound * 100).text(0)) % of what is allowed")
}
