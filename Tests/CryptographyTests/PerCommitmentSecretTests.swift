import Foundation
import Testing

@testable import Cryptography

/// BOLT 3, Appendix D, as JSON: "Generation Tests" and "Storage Tests".
private struct AppendixD: Decodable {
    struct Generation: Decodable {
        var name: String
        var seed: String
        var index: UInt64
        var output: String

        enum CodingKeys: String, CodingKey {
            case name, seed, output
            case index = "I"
        }
    }

    struct Insertion: Decodable {
        struct Step: Decodable {
            var index: UInt64
            var secret: String
            var output: String

            enum CodingKeys: String, CodingKey {
                case secret, output
                case index = "I"
            }
        }
        var name: String
        var steps: [Step]
    }

    var generate: [Generation]
    var insert: [Insertion]

    /// The vectors lie beside the repository's folder, not in it.
    static let file = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "shared/vectors/bolt03-appendixD-percommitment.json")

    static var isPresent: Bool { FileManager.default.fileExists(atPath: file.path) }

    static func load() throws -> AppendixD {
        try JSONDecoder().decode(AppendixD.self, from: Data(contentsOf: file))
    }
}

@Suite struct PerCommitmentSecretTests {
    private static let first = PerCommitmentSeed.firstIndex
    private let seed = PerCommitmentSeed(Bytes32(bytes: UInt8(1)...32))

    @Test(.enabled(if: AppendixD.isPresent, "the specification's vectors are not beside the repository"))
    func `secrets are generated as in BOLT 3 Appendix D`() throws {
        let vectors = try AppendixD.load().generate
        #expect(vectors.count == 5)
        for vector in vectors {
            let seed = PerCommitmentSeed(try #require(Bytes32(hex: vector.seed)))
            let expected = Bytes32(hex: vector.output)
            #expect(seed.secret(at: vector.index) == expected, "\(vector.name)")
            var sequence = PerCommitmentSecretSequence(seed: seed, startingAt: vector.index)
            #expect(sequence.next()?.secret == expected, "\(vector.name)")
        }
    }

    @Test(.enabled(if: AppendixD.isPresent, "the specification's vectors are not beside the repository"))
    func `secrets are stored and refused as in BOLT 3 Appendix D`() throws {
        let vectors = try AppendixD.load().insert
        #expect(vectors.count == 9)
        for vector in vectors {
            var store = PerCommitmentSecretStore()
            for (number, step) in vector.steps.enumerated() {
                let secret = try #require(Bytes32(hex: step.secret))
                let before = store
                do throws(PerCommitmentSecretRefusal) {
                    try store.insert(secret, at: step.index)
                    #expect(step.output == "OK", "\(vector.name), step \(number)")
                } catch {
                    #expect(step.output == "ERROR", "\(vector.name), step \(number): \(error)")
                    #expect(store == before, "a refused secret leaves no trace")
                }
            }
        }
    }

    @Test func `a sequence yields the same secrets as the seed, from any index`() throws {
        for start in [Self.first, 0xAAAA_AAAA_AAAA, 1 << 47, 1 << 20, 700] {
            var sequence = PerCommitmentSecretSequence(seed: seed, startingAt: start)
            for step in 0...min(600, start) {
                let next = sequence.next()
                let (index, secret) = try #require(next)
                #expect(index == start - step)
                #expect(secret == seed.secret(at: index), "index \(index)")
            }
        }
    }

    @Test func `a sequence ends after index 0`() {
        var sequence = PerCommitmentSecretSequence(seed: seed, startingAt: 2)
        #expect(sequence.next()?.index == 2)
        #expect(sequence.next()?.index == 1)
        let last = sequence.next()
        #expect(last?.index == 0)
        #expect(last?.secret == Bytes32(bytes: UInt8(1)...32), "the secret of index 0 is the seed")
        #expect(sequence.next() == nil)
        #expect(sequence.next() == nil)
    }

    @Test func `a store yields every secret it was given and none beyond, in few values`() throws {
        var store = PerCommitmentSecretStore()
        #expect(store.secret(at: Self.first) == nil)
        var sequence = PerCommitmentSecretSequence(seed: seed)
        for count in 1...300 {
            let next = sequence.next()
            let (index, secret) = try #require(next)
            try store.insert(secret, at: index)
            #expect(store.count <= 10, "bits of the number of secrets, and one")
            #expect(store.nextIndex == index - 1)
            #expect(PerCommitmentSecretStore(values: store.values) == store, "a store restored is the same")
            #expect(store.secret(at: index - 1) == nil)
            for earlier in 0..<UInt64(count) {
                #expect(store.secret(at: Self.first - earlier) == seed.secret(at: Self.first - earlier))
            }
        }
    }

    @Test func `a refused secret names the earlier one that it does not yield`() throws {
        var store = PerCommitmentSecretStore()
        try store.insert(seed.secret(at: Self.first), at: Self.first)
        #expect(throws: PerCommitmentSecretRefusal.inconsistent(index: Self.first - 1, earlier: Self.first)) {
            try store.insert(.zero, at: Self.first - 1)
        }
        try store.insert(seed.secret(at: Self.first - 1), at: Self.first - 1)
        #expect(store.count == 2)
    }

    @Test func `seeds and sequences print nothing secret`() {
        var sequence = PerCommitmentSecretSequence(seed: seed)
        let secret = sequence.next()!.secret
        for value in [seed, sequence] as [Any] {
            var text = "\(value) \(String(reflecting: value))"
            dump(value, to: &text)
            #expect(!text.contains(secret.description))
            #expect(!text.contains(Bytes32(bytes: UInt8(1)...32).description))
        }
    }
}
