import Testing
import TortureSuite

@Suite struct TortureTests {
    @Test("Whatever a seed draws, nobody honest loses more than the chain takes", arguments: 0..<10)
    func seeds(tens: UInt64) {
        for seed in tens * 20 + 1...tens * 20 + 20 {
            let run = TortureRun(seed: seed)
            #expect(run.violations.isEmpty, "seed \(seed): scripts/torture --seed \(seed)")
        }
    }
}
