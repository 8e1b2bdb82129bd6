import Testing

@testable import Cryptography

@Suite struct HashTests {
    /// FIPS 180-4 examples published by NIST ("SHA256.pdf", messages of one and of two blocks), and the empty message.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func `SHA-256 gives the published digests`(message: String, digest: String) {
        let bytes = Array(message.utf8)
        #expect(bytes.withUnsafeBytes { sha256($0) } == Bytes32(hex: digest))
        for split in 0...bytes.count {
            var hash = SHA256()
            bytes[..<split].withUnsafeBytes { hash.update($0) }
            _ = hash.finalize()
            bytes[split...].withUnsafeBytes { hash.update($0) }
            #expect(hash.finalize() == Bytes32(hex: digest), "split at \(split)")
        }
    }

    @Test func `SHA-256 of a value, a number or a piece is that of its bytes`() {
        let value = Bytes32(bytes: UInt8(0)..<32)
        var pieces = SHA256()
        pieces.update(UInt64(0x0706_0504_0302_0100))
        pieces.update(UInt16(0x0908))
        (UInt8(10)..<32).map { $0 }.withUnsafeBytes { pieces.update($0) }
        #expect(pieces.finalize() == sha256(value))
        var whole = SHA256()
        whole.update(value)
        #expect(whole.finalize() == sha256(value))
    }

    /// Digests as Python 3.11's `hashlib.blake2b(message, digest_size=32, key=…)` gives them: the reference code of
    /// BLAKE2's authors.
    @Test func `BLAKE2b with 32 bytes of digest agrees with the reference implementation`() {
        let key = Bytes32(bytes: UInt8(0)..<32)
        let abc = Array("abc".utf8)
        #expect(
            blake2b(UnsafeRawBufferPointer(start: nil, count: 0))
                == Bytes32(hex: "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"))
        #expect(
            abc.withUnsafeBytes { blake2b($0) }
                == Bytes32(hex: "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"))
        #expect(
            abc.withUnsafeBytes { blake2b($0, key: key) }
                == Bytes32(hex: "d63a32d3e44738d7907f964316c241adaba0abfeabc32349677578a15a203f7f"))
        #expect(blake2b("abc", key: key) == abc.withUnsafeBytes { blake2b($0, key: key) })
        #expect(blake2b("abc", key: key) != blake2b("abd", key: key))
    }
}

@Suite struct Bytes32Tests {
    @Test func `hexadecimal text goes in and out unchanged, in either case`() {
        let text = "00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210"
        let value = Bytes32(hex: text)
        #expect(value?.description == text)
        #expect(Bytes32(hex: text.uppercased()) == value)
        #expect(value?[0] == 0)
        #expect(value?[1] == 0x11)
        #expect(value?[31] == 0x10)
    }

    @Test(arguments: ["", "00", String(repeating: "0", count: 63), String(repeating: "g", count: 64)])
    func `anything but 64 hexadecimal digits is refused`(text: String) {
        #expect(Bytes32(hex: text) == nil)
    }

    @Test func `order is that of the bytes, wherever the first difference lies`() {
        for index in 0..<32 {
            var bytes = [UInt8](repeating: 7, count: 32)
            let lower = Bytes32(bytes: bytes)
            bytes[index] = 8
            for later in (index + 1)..<33 where later < 32 { bytes[later] = 0 }
            let higher = Bytes32(bytes: bytes)
            #expect(lower < higher)
            #expect(!(higher < lower))
            #expect(!(lower < lower))
            #expect(lower.description < higher.description)
        }
    }

    @Test func `words are the bytes with the most significant first`() {
        let value = Bytes32(words: 0x0001_0203_0405_0607, 1, 2, .max)
        #expect(value.description.hasPrefix("0001020304050607000000000000000100000000000000"))
        #expect(value.words == (0x0001_0203_0405_0607, 1, 2, .max))
        #expect(Bytes32.zero.words == (0, 0, 0, 0))
    }

    @Test func `lending the bytes passes on the error of who borrows`() {
        struct Refusal: Error {}
        #expect(throws: Refusal.self) {
            try Bytes32.zero.withUnsafeBytes { _ throws(Refusal) in throw Refusal() }
        }
    }
}
