import LightningTypes
import Randomness
import Testing

@testable import Settlement

@Suite struct BlockClockTests {
    /// Bitcoin's ten minutes in microseconds.
    private static let mean: UInt64 = 600_000_000

    @Test func `regular blocks come exactly every interval`() {
        var clock = BlockClock(seed: 1, meanInterval: 60_000_000, isRegular: true)
        for block in UInt32(0)..<200 {
            let time = UInt64(block) * 60_000_000
            #expect(clock.time(of: BlockHeight(block)) == time)
            #expect(clock.height(at: time) == BlockHeight(block))
            #expect(clock.height(at: time + 59_999_999) == BlockHeight(block))
        }
    }

    @Test(arguments: [1, 2, 3, 1_000, 600_000_000] as [UInt64], [false, true])
    func `heights and times agree to the microsecond, and times strictly increase`(
        mean: UInt64, isRegular: Bool
    ) {
        var clock = BlockClock(seed: 7, meanInterval: mean, isRegular: isRegular)
        #expect(clock.time(of: BlockHeight(0)) == 0)
        #expect(clock.height(at: 0) == BlockHeight(0))
        var before: UInt64 = 0
        for block in UInt32(1)...400 {
            let time = clock.time(of: BlockHeight(block))
            #expect(time > before)
            #expect(clock.height(at: time - 1) == BlockHeight(block - 1))
            #expect(clock.height(at: time) == BlockHeight(block))
            before = time
        }
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func `the answer does not depend on what was asked before`(seed: UInt64) {
        var stream = RandomStream(seed: seed, purpose: .init("questions"), process: 0)
        var asked = BlockClock(seed: seed, meanInterval: Self.mean, isRegular: false)
        for _ in 0..<500 {
            let time = stream.below(Self.mean * 64 * 5)
            var fresh = BlockClock(seed: seed, meanInterval: Self.mean, isRegular: false)
            #expect(asked.height(at: time) == fresh.height(at: time))
            #expect(asked.height(at: time) == fresh.height(at: time))
        }
    }

    @Test func `far times need no way there`() {
        var clock = BlockClock(seed: 3, meanInterval: Self.mean, isRegular: false)
        let far = BlockHeight(4_000_000_000)
        #expect(clock.height(at: clock.time(of: far)) == far)
    }

    @Test func `every period holds 64 blocks, and seeds differ`() {
        var one = BlockClock(seed: 1, meanInterval: Self.mean, isRegular: false)
        var two = BlockClock(seed: 2, meanInterval: Self.mean, isRegular: false)
        for period in UInt64(1)...50 {
            #expect(one.height(at: period * 64 * Self.mean) == BlockHeight(UInt32(64 * period)))
        }
        #expect((1...64).contains { one.time(of: BlockHeight($0)) != two.time(of: BlockHeight($0)) })
    }

    /// Seed 11, 4,096 periods: standard errors of mean, variance and tails are below 0.004.
    @Test func `intervals are distributed nearly exponentially`() {
        var clock = BlockClock(seed: 11, meanInterval: Self.mean, isRegular: false)
        let count = 64 * 4_096
        var gaps: [Double] = []
        var before: UInt64 = 0
        for block in 1...UInt32(count) {
            let time = clock.time(of: BlockHeight(block))
            gaps.append(Double(time - before) / Double(Self.mean))
            before = time
        }
        let mean = gaps.reduce(0, +) / Double(count)
        let variance = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
        #expect(abs(mean - 1) < 0.001)
        #expect(abs(variance - 0.970) < 0.02, "\(variance)")
        // e^-0.5, e^-1, e^-2 and e^-3 of an exponential's gaps are longer.
        for (length, share) in [(0.5, 0.6065), (1, 0.3679), (2, 0.1353), (3, 0.0498)] {
            let found = Double(gaps.count { $0 > length }) / Double(count)
            #expect(abs(found - share) < 0.006, "\(found) of the gaps exceed \(length)")
        }
        // Neighbours are all but independent: within a period their correlation is -1/64.
        let products = zip(gaps, gaps.dropFirst()).reduce(0) { $0 + ($1.0 - mean) * ($1.1 - mean) }
        #expect(abs(products / Double(count) / variance) < 0.03)
    }
}
