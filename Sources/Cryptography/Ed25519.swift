import CSodium

/// An Ed25519 public key (RFC 8032), in its 32-byte encoding.
@frozen public struct PublicKey: Hashable, Comparable, Sendable, BitwiseCopyable {
    public let bytes: Bytes32

    /// Takes any 32 bytes: whether they encode a point shows when a signature is checked against them.
    @inlinable public init(_ bytes: Bytes32) { self.bytes = bytes }

    @inlinable public static func < (a: Self, b: Self) -> Bool { a.bytes < b.bytes }

    /// Whether `signature` was made over `message` with this key's secret.
    ///
    /// False, never an error, for bytes that encode no point, points of small order and signatures that are not
    /// in canonical form, as libsodium judges them. About 40 µs.
    public func verifies(_ signature: Signature, of message: Bytes32) -> Bool {
        sodiumIsReady
        return signature.withUnsafeBytes { signature in
            message.withUnsafeBytes { message in
                bytes.withUnsafeBytes { key in
                    crypto_sign_verify_detached(
                        signature.pointer, message.pointer, UInt64(message.count), key.pointer) == 0
                }
            }
        }
    }
}

extension PublicKey: CustomStringConvertible {
    public var description: String { bytes.description }
}

/// An Ed25519 signature (RFC 8032): the encoding of the point R, then of the scalar S.
@frozen public struct Signature: Hashable, Sendable, BitwiseCopyable {
    public let r: Bytes32
    public let s: Bytes32

    @inlinable public init(r: Bytes32, s: Bytes32) {
        self.r = r
        self.s = s
    }

    /// Copies exactly 64 bytes; another length is a bug of the caller.
    @inlinable public init(bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == 64, "a signature holds 64 bytes, not \(bytes.count)")
        r = Bytes32(bytes: UnsafeRawBufferPointer(rebasing: bytes[..<32]))
        s = Bytes32(bytes: UnsafeRawBufferPointer(rebasing: bytes[32...]))
    }

    /// Lends the 64 bytes in order.
    @inlinable public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        Swift.withUnsafeBytes(of: self, body)
    }
}

extension Signature: CustomStringConvertible {
    public var description: String { "\(r)\(s)" }
}

/// An Ed25519 secret key, which signs deterministically (RFC 8032): the same message, the same 64 bytes.
///
/// That is what allows a signature to be made late: it is a pure function of the seed and the message. The seed
/// cannot be read back and appears in no printed or dumped form of the key.
public struct SigningKey: Sendable {
    // Adjacent, they are libsodium's 64-byte secret key: the seed, then the public key.
    private struct Secret: BitwiseCopyable {
        var seed: Bytes32
        var publicKey: Bytes32
    }
    private let secret: Secret

    /// The key pair of `seed`. About 15 µs.
    public init(seed: Bytes32) {
        sodiumIsReady
        var expanded = Secret(seed: seed, publicKey: .zero)
        var publicKey = Bytes32.zero
        let status = withUnsafeMutableBytes(of: &publicKey) { publicKey in
            withUnsafeMutableBytes(of: &expanded) { expanded in
                seed.withUnsafeBytes { seed in
                    crypto_sign_seed_keypair(publicKey.pointer, expanded.pointer, seed.pointer)
                }
            }
        }
        precondition(status == 0, "libsodium made no key of a seed")
        secret = expanded
    }

    public var publicKey: PublicKey { PublicKey(secret.publicKey) }

    /// The signature of 32 bytes, usually the hash of what is signed. About 13 µs.
    public func signature(of message: Bytes32) -> Signature {
        var signature = Signature(r: .zero, s: .zero)
        let status = withUnsafeMutableBytes(of: &signature) { signature in
            message.withUnsafeBytes { message in
                withUnsafeBytes(of: secret) { secret in
                    crypto_sign_detached(
                        signature.pointer, nil, message.pointer, UInt64(message.count), secret.pointer)
                }
            }
        }
        precondition(status == 0, "libsodium made no signature")
        return signature
    }
}

extension SigningKey: CustomStringConvertible, CustomReflectable {
    /// Names the public key only.
    public var description: String { "signing key of \(publicKey)" }

    public var customMirror: Mirror { Mirror(self, children: ["publicKey": publicKey]) }
}

extension UnsafeRawBufferPointer {
    /// The address as C's `unsigned char *`, for buffers of a fixed length above 0.
    var pointer: UnsafePointer<UInt8> { pointerOrNil! }

    /// The address as C's `unsigned char *`; nil where the buffer is empty and has none.
    var pointerOrNil: UnsafePointer<UInt8>? { baseAddress?.assumingMemoryBound(to: UInt8.self) }
}

extension UnsafeMutableRawBufferPointer {
    /// The address as C's `unsigned char *`, for buffers of a fixed length above 0.
    var pointer: UnsafeMutablePointer<UInt8> { baseAddress!.assumingMemoryBound(to: UInt8.self) }
}
