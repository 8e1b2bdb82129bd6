import Foundation
import Testing

@testable import Cryptography

/// BOLT 4's test vectors of onions and errors, as JSON. Their keys are secp256k1's; all that is made of the shared
/// secrets does not depend on the curve.
private struct Vectors {
    struct Hop: Decodable {
        var payload: String?
        var sharedSecret: String?
        var ammag: String?

        enum CodingKeys: String, CodingKey {
            case payload
            case sharedSecret = "hop_shared_secret"
            case ammag = "ammag_key"
        }
    }

    struct Generation: Decodable {
        var sessionKey: String
        var associatedData: String?
        var failureMessage: String?
        var hops: [Hop]

        enum CodingKeys: String, CodingKey {
            case hops
            case sessionKey = "session_key"
            case associatedData = "associated_data"
            case failureMessage = "failure_message"
        }
    }

    struct File: Decodable {
        var generate: Generation
        var onion: String?
        var errorpacket: String?
    }

    let onion: File
    let error: File

    /// The vectors lie beside the repository's folder, not in it.
    private static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "shared/vectors")

    static let areThere = Vectors() != nil

    init?() {
        func read(_ name: String) -> File? {
            guard let data = try? Data(contentsOf: Self.folder.appending(path: name)) else { return nil }
            return try? JSONDecoder().decode(File.self, from: data)
        }
        guard let onion = read("bolt04-onion-test.json"), let error = read("bolt04-onion-error-test.json")
        else {
            return nil
        }
        (self.onion, self.error) = (onion, error)
    }

    /// The same route in both files; the secrets stand in that of errors.
    var keys: [OnionKeys] {
        error.generate.hops.compactMap { $0.sharedSecret.flatMap { Bytes32(hex: $0) } }
            .map { OnionKeys(sharedSecret: $0) }
    }
}

private func bytes(_ hex: String) -> [UInt8] {
    let digits = Array(hex)
    return stride(from: 0, to: digits.count, by: 2).compactMap {
        UInt8(String(digits[$0...$0 + 1]), radix: 16)
    }
}

@Suite(.enabled(if: Vectors.areThere, "the specification's vectors are not beside the repository"))
struct `BOLT 4's vectors` {
    @Test func `give the packet byte for byte, its keys apart`() throws {
        let vectors = try #require(Vectors())
        let data = bytes(try #require(vectors.onion.generate.associatedData))
        // The vectors' payloads begin with their lengths.
        let payloads = vectors.onion.generate.hops.compactMap(\.payload).map(bytes).map { payload in
            Array(payload.dropFirst(payload[0] == 0xFD ? 3 : 1))
        }
        let session = try #require(Bytes32(hex: vectors.onion.generate.sessionKey))
        #expect(vectors.keys.count == 5 && payloads.count == 5)
        let wrapped = try #require(
            OnionPacket.wrap(payloads, vectors.keys, padding: session, associatedData: data))
        let expected = bytes(try #require(vectors.onion.onion))
        #expect(wrapped.payloads == Array(expected[34..<1_334]))
        #expect(wrapped.hmac == Bytes32(bytes: expected.suffix(32)))

        var (packet, hmac) = wrapped
        for (keys, payload) in zip(vectors.keys, payloads) {
            #expect(hmacSHA256(packet + data, key: keys.mu) == hmac)
            let layer = try OnionPacket.peel(packet, keys)
            #expect(layer.payload == payload)
            (packet, hmac) = (layer.rest, layer.hmac)
        }
        #expect(hmac == .zero, "the last layer says so")
    }

    @Test func `give the error byte for byte`() throws {
        let vectors = try #require(Vectors())
        let message = bytes(try #require(vectors.error.generate.failureMessage))
        for (hop, keys) in zip(vectors.error.generate.hops, vectors.keys) {
            if let ammag = hop.ammag { #expect(keys.ammag == Bytes32(hex: ammag)) }
        }
        var error = OnionError(message, by: vectors.keys[4])
        for keys in vectors.keys.dropLast().reversed() { error.obfuscate(with: keys) }
        #expect(error.bytes == bytes(try #require(vectors.error.errorpacket)))
        let origin = try #require(error.origin(vectors.keys))
        #expect(origin.hop == 4 && origin.message == message)
    }
}

@Suite struct `An onion` {
    private func scalar(_ number: Int) -> RistrettoScalar {
        RistrettoScalar(reducing: sha256(Bytes32(words: UInt64(number), 7, 7, 7)))!
    }

    private let data = [UInt8](repeating: 0x42, count: 32)

    private func onion(_ payloads: [[UInt8]]) -> OnionPacket? {
        let hops = payloads.enumerated().map { (key: scalar($0.offset).point, payload: $0.element) }
        return OnionPacket(
            to: hops, sessionKey: scalar(100), padding: Bytes32(words: 1, 2, 3, 4), associatedData: data)
    }

    /// Payloads of 2 to 300 bytes; each hop finds its own, all packets have one size, and no two share a key.
    @Test(arguments: 1...20)
    func `of any length is peeled hop by hop`(hops: Int) throws {
        let payloads = (0..<hops).map {
            [UInt8](repeating: UInt8($0 + 1), count: $0 == 2 && hops < 5 ? 300 : 2 + $0)
        }
        var packet = try #require(onion(payloads))
        var seen: Set<Bytes32> = []
        for hop in 0..<hops {
            let bytes = packet.encoded()
            #expect(bytes.count == OnionPacket.size)
            #expect(seen.insert(packet.ephemeralKey.bytes).inserted)
            #expect(try OnionPacket(decoding: bytes) == packet)
            let layer = try packet.peel(with: scalar(hop), associatedData: data)
            #expect(layer.payload == payloads[hop])
            #expect((layer.next == nil) == (hop == hops - 1))
            if let next = layer.next { packet = next }
        }
    }

    @Test func `has room for 1,300 bytes and 20 hops and no more`() {
        #expect(onion([[UInt8](repeating: 1, count: 1_300 - 32 - 3)]) != nil)
        #expect(onion([[UInt8](repeating: 1, count: 1_300 - 32 - 2)]) == nil)
        #expect(onion(Array(repeating: [1, 1], count: 20)) != nil)
        #expect(onion(Array(repeating: [1, 1], count: 21)) == nil)
        #expect(onion([]) == nil)
    }

    @Test func `is read by nobody else, with nothing else, and not when a bit is flipped`() throws {
        let packet = try #require(onion([[1, 2, 3], [4, 5, 6]]))
        #expect(throws: OnionRefusal.badHMAC) { try packet.peel(with: scalar(1), associatedData: data) }
        #expect(throws: OnionRefusal.badHMAC) { try packet.peel(with: scalar(0), associatedData: []) }
        let bytes = packet.encoded()
        for place in stride(from: 33, to: OnionPacket.size, by: 13) {
            var flipped = bytes
            flipped[place] ^= 1
            #expect(throws: OnionRefusal.badHMAC) {
                try OnionPacket(decoding: flipped).peel(with: scalar(0), associatedData: data)
            }
        }
        var future = bytes
        future[0] = 1
        #expect(throws: OnionRefusal.unknownVersion(1)) { try OnionPacket(decoding: future) }
        var pointless = bytes
        pointless.replaceSubrange(1..<33, with: repeatElement(0xFF, count: 32))
        #expect(throws: OnionRefusal.badKey) {
            try OnionPacket(decoding: pointless).peel(with: scalar(0), associatedData: data)
        }
    }

    /// The sender is the one that cheats: an authentic layer whose length makes no sense.
    @Test(arguments: [[0], [1], [0xFD, 0x00, 0x10], [0xFD, 0x05, 0x00], [0xFE, 0, 0, 1, 0]] as [[UInt8]])
    func `with a length that makes no sense is refused`(front: [UInt8]) throws {
        let keys = OnionKeys(sharedSecret: Bytes32(words: 9, 9, 9, 9))
        var packet = front + [UInt8](repeating: 0, count: OnionPacket.payloadsSize - front.count)
        packet.combine(with: chaCha20(keys.rho, count: OnionPacket.payloadsSize))
        #expect(throws: OnionRefusal.badPayload) { _ = try OnionPacket.peel(packet, keys) }
    }

    @Test func `shares with each hop what the hop computes itself`() throws {
        let points = (0..<4).map { scalar($0).point }
        let keys = try #require(OnionKeys.route(points, sessionKey: scalar(100)))
        var packet = try #require(onion((0..<4).map { [UInt8($0), 1] }))
        for hop in 0..<4 {
            let layer = try packet.peel(with: scalar(hop), associatedData: data)
            #expect(layer.keys.sharedSecret == keys[hop].sharedSecret)
            if let next = layer.next { packet = next }
        }
        #expect(OnionKeys.route([RistrettoPoint(.zero)], sessionKey: scalar(1)) == nil, "no point, no key")
        #expect(RistrettoScalar(reducing: .zero) == nil)
    }
}

@Suite struct `An error on its way back` {
    private let keys = (0..<20).map { OnionKeys(sharedSecret: sha256(Bytes32(words: UInt64($0), 1, 1, 1))) }

    @Test(arguments: 0..<20)
    func `names the hop that failed, and only to the sender`(hop: Int) throws {
        let message = (0..<UInt8(hop + 2)).map { $0 }
        var error = OnionError(message, by: keys[hop])
        #expect(error.bytes.count == 32 + 2 + 2 + OnionError.messageSize)
        for keys in keys[..<hop].reversed() { error.obfuscate(with: keys) }
        let origin = try #require(error.origin(keys))
        #expect(origin.hop == hop && origin.message == message)
        #expect(error.origin(Array(keys.dropFirst())) == nil)
        var damaged = OnionError(bytes: error.bytes)
        damaged.obfuscate(with: OnionKeys(sharedSecret: .zero))
        #expect(damaged.origin(keys) == nil, "a hop that spoils it remains unknown")
        #expect(OnionError(bytes: []).origin(keys) == nil)
    }

    @Test(arguments: [0, 1, 255, 256])
    func `carries a message of any length up to 256 bytes`(length: Int) throws {
        let message = [UInt8](repeating: 7, count: length)
        let origin = try #require(OnionError(message, by: keys[0]).origin(keys))
        #expect(origin.hop == 0 && origin.message == message)
    }
}
