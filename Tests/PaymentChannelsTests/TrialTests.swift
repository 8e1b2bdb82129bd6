import ChannelTrials
import Foundation
import Randomness
import Testing

@testable import PaymentChannels

@Suite struct `Three nodes` {
    /// Deterministic inputs, the likely actions more often than the others.
    private static func input(_ seed: UInt64) -> [UInt8] {
        var stream = RandomStream(seed: seed, purpose: .init("a trial"), process: 0)
        let talk: [UInt8] = [6, 7, 8, 9, 10, 31]
        var bytes = [UInt8(stream.below(256)), UInt8(stream.below(256))]
        for _ in 0..<10 + stream.below(120) {
            let action: UInt8 =
                switch stream.below(20) {
                case 0..<4: UInt8(stream.below(6))
                case 4..<11: talk[Int(stream.below(6))]
                case 11..<14: 11 + UInt8(stream.below(4))
                case 14, 15: 21
                default: UInt8(stream.below(32))
                }
            bytes.append(action | UInt8(stream.below(8)) << 5)
        }
        return bytes
    }

    /// What the fuzzer has found once, and inputs that go far.
    @Test func `settle in every seed of the fuzzer`() throws {
        let seeds = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../Fuzz/Seeds/channel")
            .standardized
        let files = try FileManager.default.contentsOfDirectory(at: seeds, includingPropertiesForKeys: nil)
        #expect(files.count >= 32)
        for file in files {
            do {
                _ = try Trial.run(Array(Data(contentsOf: file)))
            } catch {
                Issue.record("\(file.lastPathComponent): \(error)")
            }
        }
    }

    /// Every input ends with every HTLC resolved and the books in order, and together they come everywhere.
    @Test func `settle whatever they did`() {
        var report = TrialReport()
        let count: UInt64 = extent(400, all: 10_000)
        for seed in 0..<count {
            do {
                report.add(try Trial.run(Self.input(seed)))
            } catch {
                Issue.record("seed \(seed): \(error)")
            }
        }
        let missing = TrialReport.Event.allCases.filter { report.events[$0] == nil }
        #expect(missing == [], "no input came to these")
        print(report)
    }
}
