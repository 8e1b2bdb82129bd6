import Foundation
import Testing

@testable import Randomness

@Suite struct `Philox` {
    /// The known answers of Random123's `kat_vectors`, philox4x32 with 10 rounds.
    @Test func `gives the published answers`() {
        let zeros = Philox4x32.block(counter: (0, 0, 0, 0), key: (0, 0))
        #expect(zeros == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
        let f = UInt32.max
        let ones = Philox4x32.block(counter: (f, f, f, f), key: (f, f))
        #expect(ones == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
        let pi = Philox4x32.block(
            counter: (0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), key: (0xa409_3822, 0x299f_31d0))
        #expect(pi == (0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
    }
}

@Suite struct `Random streams` {
    private func stream(_ purpose: StaticString = "test", process: UInt64 = 0, seed: UInt64 = 1)
        -> RandomStream
    {
        RandomStream(seed: seed, purpose: .init(purpose), process: process)
    }

    @Test func `differ by seed, purpose and process and by nothing else`() {
        var first = stream()
        var again = stream()
        var others = [stream("other"), stream(process: 1), stream(seed: 2)]
        for _ in 0..<100 {
            let draw = first.next()
            #expect(draw == again.next())
            for index in others.indices { #expect(others[index].next() != draw) }
        }
    }

    @Test(arguments: 0..<9 as Range<UInt64>)
    func `resume at any position`(position: UInt64) {
        var whole = stream()
        for _ in 0..<position { _ = whole.next() }
        var resumed = RandomStream(seed: 1, purpose: .init("test"), process: 0, position: position)
        for _ in 0..<5 { #expect(whole.next() == resumed.next()) }
    }

    /// Chi-squared over 10 cells, 9 degrees of freedom: 27.9 is passed by one sound stream in a thousand.
    @Test(arguments: 0..<8 as Range<UInt64>)
    func `draw evenly below a bound`(seed: UInt64) {
        var stream = stream(seed: seed)
        var counts = [Double](repeating: 0, count: 10)
        for _ in 0..<100_000 { counts[Int(stream.below(10))] += 1 }
        let chiSquared = counts.reduce(0) { $0 + ($1 - 10_000) * ($1 - 10_000) / 10_000 }
        #expect(chiSquared < 27.9)
    }

    /// Of three quarters of all numbers every third would come twice as often as the others, were none rejected.
    @Test func `draw evenly below a bound that does not divide what there is`() {
        var stream = stream()
        var counts = [Double](repeating: 0, count: 3)
        for _ in 0..<30_000 { counts[Int(stream.below(3 << 62) % 3)] += 1 }
        let chiSquared = counts.reduce(0) { $0 + ($1 - 10_000) * ($1 - 10_000) / 10_000 }
        // 2 degrees of freedom: passed once in a thousand.
        #expect(chiSquared < 13.8)
    }

    @Test func `shuffle into every order, their own too, equally often`() {
        var stream = stream()
        var counts: [[Int]: Double] = [:]
        for _ in 0..<12_000 {
            var items = [0, 1, 2, 3]
            stream.shuffle(&items)
            counts[items, default: 0] += 1
        }
        #expect(counts.count == 24)
        let chiSquared = counts.values.reduce(0) { $0 + ($1 - 500) * ($1 - 500) / 500 }
        // 23 degrees of freedom: passed once in a thousand.
        #expect(chiSquared < 49.7)
    }

    /// Mean 0, variance 1 and kurtosis 3; the standard errors of 100,000 draws are 0.0032, 0.0045 and 0.0155.
    @Test func `draw normally with mean zero and variance one`() {
        var stream = stream()
        let draws = (0..<100_000).map { _ in stream.normal() }
        func moment(_ power: (Double) -> Double) -> Double {
            draws.reduce(0) { $0 + power($1) } / Double(draws.count)
        }
        #expect(abs(moment { $0 }) < 0.013)
        #expect(abs(moment { $0 * $0 } - 1) < 0.018)
        #expect(abs(moment { $0 * $0 * $0 * $0 } - 3) < 0.13)
    }

    @Test func `keep within their range at its ends`() {
        var stream = stream()
        #expect(stream.within(7...7) == 7)
        _ = stream.within(0...UInt64.max)
        var seen = Set<UInt64>()
        for _ in 0..<1_000 { seen.insert(stream.within(3...5)) }
        #expect(seen == [3, 4, 5])
    }

    /// Of 40,000 draws the standard errors of a share are below 0.0025.
    @Test func `draw each index as often as its weight says, and none without weight`() {
        var stream = stream()
        let weights = [1, 0, 3, 0.5, 0, 5.5]
        let sums = weights.indices.map { weights[...$0].reduce(0, +) }
        var counts = [Double](repeating: 0, count: weights.count)
        for _ in 0..<40_000 { counts[stream.index(bySums: sums)] += 1 }
        for (count, weight) in zip(counts, weights) {
            #expect(weight == 0 ? count == 0 : abs(count / 40_000 - weight / 10) < 0.01)
        }
    }

    /// Mean 1 and variance 1; the standard errors of 200,000 draws are 0.0022 and 0.0063.
    @Test func `draw exponentials with mean and variance one`() {
        var stream = stream()
        let draws = (0..<200_000).map { _ in stream.exponential() }
        let mean = draws.reduce(0, +) / Double(draws.count)
        let variance = draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(draws.count)
        #expect(abs(mean - 1) < 0.01)
        #expect(abs(variance - 1) < 0.03)
        #expect(draws.allSatisfy { $0 >= 0 })
    }
}

@Suite struct `The natural logarithm` {
    @Test func `agrees with the C library within four units in the last place`() {
        var stream = RandomStream(seed: 1, purpose: .init("logarithm"), process: 0)
        for _ in 0..<20_000 {
            let x = stream.unitInterval() + 0x1p-53
            let expected = Foundation.log(x)
            #expect(abs(naturalLogarithm(x) - expected) <= 4 * max(expected.ulp, 0x1p-54))
        }
        #expect(naturalLogarithm(1) == 0)
    }
}
