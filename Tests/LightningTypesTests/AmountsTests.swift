import LightningTypes
import Testing

struct AmountsTests {
    @Test func `a satoshi is a thousand millisatoshis`() {
        #expect(Millisatoshi(Satoshi(1)) == Millisatoshi(1_000))
        #expect(Millisatoshi(.supplyMaximum).rawValue == 2_100_000_000_000_000_000)
    }

    @Test(arguments: [(0, 0), (999, 0), (1_000, 1), (1_001, 1), (1_999, 1)] as [(UInt64, UInt64)])
    func `millisatoshis round down to satoshis`(_ millisatoshi: UInt64, _ satoshi: UInt64) {
        #expect(Millisatoshi(millisatoshi).roundedDown == Satoshi(satoshi))
    }

    @Test func `a difference stops at zero where it is asked to`() {
        #expect(Millisatoshi(3).subtractingOrZero(Millisatoshi(5)) == .zero)
        #expect(Millisatoshi(5).subtractingOrZero(Millisatoshi(3)) == Millisatoshi(2))
        #expect(Satoshi(3).subtractingOrZero(Satoshi(3)) == .zero)
        #expect(Satoshi(4).subtractingOrZero(Satoshi(3)) == Satoshi(1))
    }

    @Test func `sums and differences undo each other`() {
        var amount = Millisatoshi(7)
        amount += Millisatoshi(5)
        amount -= Millisatoshi(7)
        #expect(amount == Millisatoshi(5))
        #expect(Satoshi(9) - Satoshi(4) + Satoshi(4) == Satoshi(9))
    }

    @Test func `an amount that cannot exist is a crash`() async {
        await #expect(processExitsWith: .failure) { _ = Millisatoshi(1) - Millisatoshi(2) }
        await #expect(processExitsWith: .failure) { _ = Satoshi(1) - Satoshi(2) }
        await #expect(processExitsWith: .failure) { _ = Millisatoshi(.max) + Millisatoshi(1) }
        await #expect(processExitsWith: .failure) { _ = Millisatoshi(Satoshi(UInt64.max / 1_000 + 1)) }
    }

    @Test func `amounts name their unit`() {
        #expect("\(Millisatoshi(5))" == "5 msat")
        #expect("\(Satoshi(5))" == "5 sat")
    }
}
