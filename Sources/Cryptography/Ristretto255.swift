import CSodium

/// A number modulo the order of ristretto255 (RFC 9496): a secret key.
public struct RistrettoScalar: Sendable {
    fileprivate let bytes: Bytes32

    /// The scalar of 32 bytes, reduced; nil where that is zero, which is no key.
    public init?(reducing bytes: Bytes32) {
        sodiumIsReady
        var wide = [UInt8](repeating: 0, count: 64)
        bytes.withUnsafeBytes { wide.replaceSubrange(0..<32, with: $0) }
        var reduced = [UInt8](repeating: 0, count: 32)
        crypto_core_ristretto255_scalar_reduce(&reduced, wide)
        guard reduced.contains(where: { $0 != 0 }) else { return nil }
        self.bytes = Bytes32(bytes: reduced)
    }

    private init(_ bytes: Bytes32) { self.bytes = bytes }

    /// The point of this key. About 20 µs.
    public var point: RistrettoPoint {
        var point = [UInt8](repeating: 0, count: 32)
        let status = bytes.withUnsafeBytes { crypto_scalarmult_ristretto255_base(&point, $0.pointer) }
        precondition(status == 0, "no scalar but zero gives the identity")
        return RistrettoPoint(Bytes32(bytes: point))
    }

    public func multiplied(by other: RistrettoScalar) -> RistrettoScalar {
        var product = [UInt8](repeating: 0, count: 32)
        bytes.withUnsafeBytes { a in
            other.bytes.withUnsafeBytes { b in
                crypto_core_ristretto255_scalar_mul(&product, a.pointer, b.pointer)
            }
        }
        return RistrettoScalar(Bytes32(bytes: product))
    }
}

extension RistrettoScalar: CustomStringConvertible, CustomReflectable {
    /// Shows nothing: it is a secret.
    public var description: String { "ristretto255 scalar" }

    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

/// A point of ristretto255 in its 32-byte encoding: a public key.
public struct RistrettoPoint: Hashable, Sendable, BitwiseCopyable {
    public let bytes: Bytes32

    /// Takes any 32 bytes: whether they encode a point shows when they are multiplied.
    public init(_ bytes: Bytes32) { self.bytes = bytes }

    /// The point times a scalar; nil where the bytes encode no point or the product is the identity. About 37 µs.
    public func multiplied(by scalar: RistrettoScalar) -> RistrettoPoint? {
        var product = [UInt8](repeating: 0, count: 32)
        let status = bytes.withUnsafeBytes { point in
            scalar.bytes.withUnsafeBytes {
                crypto_scalarmult_ristretto255(&product, $0.pointer, point.pointer)
            }
        }
        return status == 0 ? RistrettoPoint(Bytes32(bytes: product)) : nil
    }
}
