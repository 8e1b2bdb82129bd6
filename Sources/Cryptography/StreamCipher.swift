import CSodium

/// HMAC-SHA256 (RFC 2104) of any number of bytes under a key of any length.
public func hmacSHA256(_ bytes: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer) -> Bytes32 {
    var state = crypto_auth_hmacsha256_state()
    precondition(key.count > 0, "a key has bytes")
    crypto_auth_hmacsha256_init(&state, key.pointer, key.count)
    crypto_auth_hmacsha256_update(&state, bytes.pointerOrNil, UInt64(bytes.count))
    var digest = Bytes32.zero
    _ = withUnsafeMutableBytes(of: &digest) { crypto_auth_hmacsha256_final(&state, $0.pointer) }
    return digest
}

/// HMAC-SHA256 under a key of 32 bytes.
public func hmacSHA256(_ bytes: [UInt8], key: Bytes32) -> Bytes32 {
    bytes.withUnsafeBytes { bytes in key.withUnsafeBytes { hmacSHA256(bytes, key: $0) } }
}

/// So many bytes of the ChaCha20 stream (RFC 8439) of a key, with a nonce of zeros and a counter from zero, as BOLT 4
/// uses it: a key serves once.
public func chaCha20(_ key: Bytes32, count: Int) -> [UInt8] {
    let nonce = [UInt8](repeating: 0, count: Int(crypto_stream_chacha20_IETF_NONCEBYTES))
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        guard let start = buffer.baseAddress, count > 0 else { return }
        let status = key.withUnsafeBytes {
            crypto_stream_chacha20_ietf(start, UInt64(count), nonce, $0.pointer)
        }
        precondition(status == 0, "libsodium refused a stream of \(count) bytes")
        initialized = count
    }
}
