import CSodium

/// SHA-256 (FIPS 180-4) of any number of bytes.
public func sha256(_ bytes: UnsafeRawBufferPointer) -> Bytes32 {
    var digest = Bytes32.zero
    _ = withUnsafeMutableBytes(of: &digest) {
        crypto_hash_sha256($0.pointer, bytes.pointerOrNil, UInt64(bytes.count))
    }
    return digest
}

/// SHA-256 of 32 bytes: the payment hash of a preimage, or one step of the per-commitment secrets.
public func sha256(_ value: Bytes32) -> Bytes32 { value.withUnsafeBytes(sha256) }

/// SHA-256 of bytes that arrive in pieces.
///
/// ```swift
/// var hash = SHA256()
/// hash.update(header)
/// hash.update(UInt64(amount))
/// let digest = hash.finalize()
/// ```
public struct SHA256: Sendable {
    private var state = crypto_hash_sha256_state()

    public init() { crypto_hash_sha256_init(&state) }

    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        crypto_hash_sha256_update(&state, bytes.pointerOrNil, UInt64(bytes.count))
    }

    public mutating func update(_ value: Bytes32) { value.withUnsafeBytes { update($0) } }

    /// Adds a number, its least significant byte first, as Bitcoin writes numbers.
    public mutating func update(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.littleEndian) { update($0) }
    }

    /// The hash of everything added; the struct itself stays as it was, so that more can follow.
    public func finalize() -> Bytes32 {
        var copy = state
        var digest = Bytes32.zero
        _ = withUnsafeMutableBytes(of: &digest) { crypto_hash_sha256_final(&copy, $0.pointer) }
        return digest
    }
}

/// BLAKE2b (RFC 7693) with a digest of 32 bytes, keyed where a key is given.
public func blake2b(_ bytes: UnsafeRawBufferPointer, key: Bytes32? = nil) -> Bytes32 {
    sodiumIsReady
    var digest = Bytes32.zero
    let status = withUnsafeMutableBytes(of: &digest) { digest in
        if let key {
            key.withUnsafeBytes { key in
                crypto_generichash(
                    digest.pointer, 32, bytes.pointerOrNil, UInt64(bytes.count), key.pointer, 32)
            }
        } else {
            crypto_generichash(digest.pointer, 32, bytes.pointerOrNil, UInt64(bytes.count), nil, 0)
        }
    }
    precondition(status == 0, "libsodium refused a BLAKE2b of \(bytes.count) bytes")
    return digest
}

/// BLAKE2b of a label under a key: derives a seed for one purpose from a seed for many.
///
/// ```swift
/// let funding = SigningKey(seed: blake2b("funding", key: channelSeed))
/// ```
public func blake2b(_ label: String, key: Bytes32) -> Bytes32 {
    var label = label
    return label.withUTF8 { blake2b(UnsafeRawBufferPointer($0), key: key) }
}

/// SipHash-2-4 under a key of zeros: tells whether bytes are those they were, not whether somebody meant them to be.
public func sipHash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash: UInt64 = 0
    let key = Bytes32.zero
    _ = withUnsafeMutableBytes(of: &hash) { hash in
        key.withUnsafeBytes { key in
            crypto_shorthash(hash.pointer, bytes.pointerOrNil, UInt64(bytes.count), key.pointer)
        }
    }
    return UInt64(littleEndian: hash)
}
