import LightningTypes
import Testing

@testable import Reports

struct FiguresTests {
    @Test(
        arguments: [
            (0, "0 ms"), (499, "0 ms"), (500, "1 ms"), (279_400, "279 ms"), (999_499, "999 ms"),
            (999_500, "1.0 s"),
            (59_949_999, "59.9 s"), (59_950_000, "1 min"), (60_000_000, "1 min"), (61_000_000, "1 min 01 s"),
            (3_599_500_000, "1 h"), (4_020_000_000, "1 h 07 min"), (86_400_000_000, "1 d"),
            (86_399_999_999, "1 d"), (601_200_000_000, "6 d 23 h"), (604_800_000_000, "7 d"),
            (31_536_000_000_000, "365 d"),
        ] as [(UInt64, String)])
    func `tells a time in its two largest units`(microseconds: UInt64, text: String) {
        #expect(Figures.duration(microseconds: microseconds) == text)
    }

    @Test(
        arguments: [
            (1, "1 simulated second"), (119, "119 simulated seconds"), (4_020, "67 simulated minutes"),
            (7_200, "2 simulated hours"), (172_800, "2 simulated days"), (583_200, "7 simulated days"),
            (2_591_999, "30 simulated days"),
        ] as [(UInt64, String)])
    func `tells how little a yield was annualised from`(seconds: UInt64, text: String) {
        #expect(Figures.simulatedTime(microseconds: seconds * 1_000_000) == text)
    }

    @Test func `groups thousands`() {
        #expect(
            [0, 999, 1_000, 1_234_567].map { Figures.count(UInt64($0)) } == [
                "0", "999", "1,000", "1,234,567",
            ])
        #expect(Figures.count(Int64(-1_234)) == "−1,234")
        #expect(Figures.count(UInt64.max) == "18,446,744,073,709,551,615")
    }

    @Test func `shows millisatoshi where they matter`() {
        #expect(Figures.satoshis(Int64(1_234_567), decimals: true) == "1,234.567")
        #expect(Figures.satoshis(Int64(-5), decimals: true) == "−0.005")
        #expect(Figures.satoshis(Int64(-499), decimals: false) == "0")
        #expect(Figures.satoshis(Int64(-500), decimals: false) == "−1")
        #expect(Figures.satoshis(Int64(1_499), decimals: false) == "1")
        #expect(Figures.satoshis(Millisatoshi(250_000)) == "250")
        #expect(Figures.satoshis(Millisatoshi(250_001)) == "250.001")
    }

    @Test func `tells a share in per cent`() {
        #expect(Figures.percent(0.0512) == "5.12 %")
        #expect(Figures.percent(-0.0512) == "−5.12 %")
        #expect(Figures.percent(0) == "0.00 %")
        #expect(Figures.percent(0.00000001) == "< 0.01 %")
        #expect(Figures.percent(12.5) == "1,250.00 %")
        #expect(Figures.percent(nil) == "–")
        #expect(Figures.percent(1, places: 1) == "100.0 %")
    }

    @Test func `tells a rate in a few figures`() {
        #expect(
            [0, 0.004, 1, 9.99, 10, 464.2, 9_999, 12_345, 1_322_000].map { Figures.rate($0) }
                == ["0", "0.00", "1.00", "9.99", "10.0", "464", "9,999", "12.3 k", "1.32 M"])
        #expect(Figures.paymentRate(perSecond: 40.0 / 3_600) == "40.0 payments/h")
        #expect(Figures.paymentRate(perSecond: 3.0 / 86_400) == "3.00 payments/d")
    }
}
