import LightningTypes
import Testing

struct ChannelPolicyTests {
    /// BOLT 7's nodes: base fee, millionths, delta.
    static let b = policy(200, 2_000, 20)
    static let d = policy(400, 4_000, 40)

    static func policy(_ base: UInt64, _ millionths: UInt32, _ delta: UInt16 = 0) -> ChannelPolicy {
        ChannelPolicy(
            baseFee: Millisatoshi(base), proportionalFee: millionths, cltvExpiryDelta: delta,
            htlcMaximum: Millisatoshi(.max))
    }

    @Test func `asks what BOLT 7's example asks`() {
        let received = Millisatoshi(4_999_999)
        #expect(Self.b.fee(forwarding: received) == Millisatoshi(10_199))
        #expect(received + Self.b.fee(forwarding: received) == Millisatoshi(5_010_198))
        #expect(Self.d.fee(forwarding: received) == Millisatoshi(20_399))
        #expect(received + Self.d.fee(forwarding: received) == Millisatoshi(5_020_398))
    }

    @Test func `rounds the proportional part down`() {
        #expect(Self.policy(0, 1).fee(forwarding: Millisatoshi(999_999)) == .zero)
        #expect(Self.policy(0, 1).fee(forwarding: Millisatoshi(1_000_000)) == Millisatoshi(1))
        #expect(Self.policy(7, 1).fee(forwarding: .zero) == Millisatoshi(7))
        #expect(Self.policy(0, 0).fee(forwarding: Millisatoshi(.max)) == .zero)
    }

    @Test func `goes through 128 bits where the product leaves 64`() {
        // The whole supply in msat (2.1e18) at 100 % and at 1,000 %; the products need 81 and 84 bits.
        let supply = Millisatoshi(.supplyMaximum)
        #expect(Self.policy(0, 1_000_000).fee(forwarding: supply) == supply)
        #expect(Self.policy(0, 999_999).fee(forwarding: supply).rawValue == 2_099_997_900_000_000_000)
        #expect(Self.policy(0, 1_000_000).fee(forwarding: Millisatoshi(.max)).rawValue == .max)
        #expect(Self.policy(0, 8_000_000).fee(forwarding: supply).rawValue == 16_800_000_000_000_000_000)
    }

    @Test(arguments: [0, 1, 2, 3, 4, 5, 6, 7] as [UInt64])
    func `agrees with division digit by digit on both sides of 64 bits`(seed: UInt64) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
        func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 1
        }
        for _ in 0..<2_000 {
            let amount = next() >> (next() % 63)
            let millionths = UInt32(next() % 1_000_001)
            // amount = q million + r, so floor(amount * p / million) = q * p + floor(r * p / million), in 64
            // bits.
            let (quotient, rest) = amount.quotientAndRemainder(dividingBy: 1_000_000)
            let expected = quotient * UInt64(millionths) + rest * UInt64(millionths) / 1_000_000
            #expect(Self.policy(0, millionths).fee(forwarding: Millisatoshi(amount)).rawValue == expected)
        }
    }

    @Test func `never charges less for more`() {
        let policy = Self.policy(1_000, 333)
        var last = Millisatoshi.zero
        for amount in stride(from: 0 as UInt64, through: 100_000, by: 7) {
            let fee = policy.fee(forwarding: Millisatoshi(amount))
            #expect(fee >= last)
            last = fee
        }
    }

    @Test func `traps where a fee cannot be written in 64 bits`() async {
        await #expect(processExitsWith: .failure) {
            _ = ChannelPolicy(
                baseFee: .zero, proportionalFee: .max, cltvExpiryDelta: 0, htlcMaximum: .zero
            ).fee(forwarding: Millisatoshi(.max))
        }
        await #expect(processExitsWith: .failure) {
            _ = ChannelPolicy(
                baseFee: Millisatoshi(1), proportionalFee: 1_000_000, cltvExpiryDelta: 0, htlcMaximum: .zero
            ).fee(forwarding: Millisatoshi(.max))
        }
    }
}
