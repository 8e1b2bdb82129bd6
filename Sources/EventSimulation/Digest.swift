/// A running fingerprint of what a process did: dropping, altering or reordering one word changes it.
///
/// Multiply and fold the 128-bit product, as wyhash does: 16 bytes a multiplication. It guards against bugs,
/// not against an adversary.
public struct Digest: Hashable, Sendable, BitwiseCopyable {
    public var value: UInt64

    @inlinable public init() { value = 0x9E37_79B9_7F4A_7C15 }

    /// Folds two words.
    @inlinable public mutating func fold(_ a: UInt64, _ b: UInt64) {
        let product = (a ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: b ^ value ^ 0xE703_7ED1_A0B4_28DB)
        // The old value is added so that a product of zero does not forget it.
        value = (product.high ^ product.low) &+ (value << 1 | value >> 63)
    }

    @inlinable public mutating func fold(_ a: UInt64) { fold(a, 0x8EBC_6AF0_9C88_C6E3) }
}
