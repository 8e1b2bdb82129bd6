import Testing

@testable import Cryptography

@Suite struct Ed25519Tests {
    private let key = SigningKey(seed: Bytes32(bytes: UInt8(1)...32))
    private let message = sha256(Bytes32.zero)

    /// RFC 8032, section 7.1, TEST 1, 2 and 3: secret key and public key.
    @Test(arguments: [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
        ),
    ])
    func `a seed gives the public key of RFC 8032`(seed: String, publicKey: String) throws {
        let key = SigningKey(seed: try #require(Bytes32(hex: seed)))
        #expect(key.publicKey == PublicKey(try #require(Bytes32(hex: publicKey))))
    }

    /// RFC 8032's messages are not 32 bytes long; this one, `00` to `1f` under the seed of TEST 1, was signed by
    /// OpenSSL's Ed25519 (Python `cryptography` 48), which is independent of libsodium.
    @Test func `a signature is the one that OpenSSL makes`() throws {
        let seed = try #require(
            Bytes32(hex: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
        let signature = SigningKey(seed: seed).signature(of: Bytes32(bytes: UInt8(0)..<32))
        #expect(
            signature.description
                == "00c1db988bb12fd7351a6054ae3fac90fab7e4fc56b1651c7181f5f55f896f66"
                + "3933d3a90605d9058e9d0ac45950ee2d3c9c9b14857415587179fe0ccac35f09")
    }

    @Test func `the same message is signed with the same bytes, another with others`() {
        let signature = key.signature(of: message)
        #expect(signature == key.signature(of: message))
        #expect(signature != key.signature(of: .zero))
        #expect(key.publicKey.verifies(signature, of: message))
        #expect(signature.withUnsafeBytes { Signature(bytes: $0) } == signature)
    }

    @Test func `a signature with any bit flipped does not verify`() {
        let signature = key.signature(of: message)
        for bit in 0..<512 {
            var bytes = signature.withUnsafeBytes { Array($0) }
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            let flipped = bytes.withUnsafeBytes { Signature(bytes: $0) }
            #expect(!key.publicKey.verifies(flipped, of: message), "bit \(bit)")
        }
    }

    @Test func `a signature verifies for no other message and no other key`() {
        let signature = key.signature(of: message)
        let other = SigningKey(seed: message).publicKey
        #expect(!other.verifies(signature, of: message))
        for bit in 0..<256 {
            var bytes = message.withUnsafeBytes { Array($0) }
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(!key.publicKey.verifies(signature, of: Bytes32(bytes: bytes)), "bit \(bit)")
        }
    }

    @Test func `bytes that are no key verify nothing`() {
        let signature = key.signature(of: message)
        let ones = Bytes32(words: .max, .max, .max, .max)
        #expect(!PublicKey(.zero).verifies(signature, of: message))
        #expect(!PublicKey(ones).verifies(signature, of: message))
        #expect(!PublicKey(.zero).verifies(Signature(r: .zero, s: .zero), of: message))
    }

    @Test func `a key printed or dumped shows its public half only`() {
        let seed = Bytes32(bytes: UInt8(1)...32)
        var dumped = ""
        dump(key, to: &dumped)
        for text in ["\(key)", String(reflecting: key), dumped] {
            #expect(text.contains(key.publicKey.description))
            #expect(!text.contains(seed.description))
        }
        #expect(PublicKey(.zero) < key.publicKey)
    }
}
