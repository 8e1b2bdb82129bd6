import EventSimulation
import Foundation

/// An event of PHOLD says nothing but that it came: 32 bytes with its key.
struct Hop: EventPayload {
    var attachment = Attachment.none

    @inlinable func fold(into digest: inout Digest) {}
}

/// PHOLD (Fujimoto, "Performance of Time Warp under synthetic workloads", 1990): every event sends one, to a process
/// drawn uniformly from all others or, otherwise, to its own, after the lookahead and an exponential delay.
final class PHOLD: ShardModel {
    /// What one process keeps: 16 bytes that its shard alone touches.
    struct Process: BitwiseCopyable {
        var random: UInt64
        /// Events that came from other processes.
        var arrivals: UInt64 = 0

        /// SplitMix64 (Steele, Lea and Flood 2014).
        @inline(__always) mutating func next() -> UInt64 {
            random &+= 0x9E37_79B9_7F4A_7C15
            var bits = random
            bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
            bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
            return bits ^ (bits >> 31)
        }
    }

    static let lookahead: UInt64 = 500_000
    /// Ten times the lookahead: a window holds a tenth of the pending events. In microseconds so many that hardly two
    /// events fall into one.
    static let mean: UInt64 = 5_000_000

    private let processes: UnsafeMutablePointer<Process>
    private let processCount: UInt64
    /// Of 2^32.
    private let remoteShare: UInt64

    init(_ processes: UnsafeMutablePointer<Process>, count: Int, remote: Double) {
        self.processes = processes
        processCount = UInt64(count)
        remoteShare = UInt64(remote * 0x1p32)
    }

    /// Microseconds; `bits` is uniform.
    @inline(__always) static func exponentialDelay(_ bits: UInt64) -> UInt64 {
        UInt64(-log(Double((bits >> 11) + 1) * 0x1p-53) * Double(mean - lookahead))
    }

    func handle(_ event: Event<Hop>, in shard: inout Shard<Hop>) {
        let process = shard.process
        let own = processes + Int(process)
        if event.key.source != process { own.pointee.arrivals &+= 1 }
        let bits = own.pointee.next()
        var target = UInt64(process)
        if bits & 0xFFFF_FFFF < remoteShare {
            target += 1 + ((bits >> 32) &* (processCount - 1)) >> 32
            if target >= processCount { target -= processCount }
        }
        shard.send(
            to: UInt32(target), after: Self.lookahead + Self.exponentialDelay(own.pointee.next()),
            event.payload)
    }
}

struct PHOLDResult {
    var time: Measurement
    var events: UInt64
    var digest: UInt64
    /// How far the arrivals of processes are from a uniform draw, in standard deviations of chi-squared.
    var deviation: Double
}

/// One run of about `events` events.
func runPHOLD(
    processes count: Int, eventsPerProcess: Int, remote: Double, threads: Int, shards shardCount: Int,
    events: UInt64
) -> PHOLDResult {
    let processes = UnsafeMutablePointer<PHOLD.Process>.allocate(capacity: count)
    defer { processes.deallocate() }
    for index in 0..<count {
        (processes + index).initialize(to: PHOLD.Process(random: UInt64(index) &* 0xD134_2543_DE82_EF95))
    }
    let models = (0..<shardCount).map { _ in PHOLD(processes, count: count, remote: remote) }
    // Neighbours share a shard: what one thread writes lies together.
    let simulation = Simulation(
        lookahead: PHOLD.lookahead, models: models,
        shardOfProcess: (0..<count).map { UInt16($0 * shardCount / count) })
    for index in 0..<count {
        for _ in 0..<eventsPerProcess {
            let time = PHOLD.exponentialDelay((processes + index).pointee.next())
            simulation.schedule(Hop(), for: UInt32(index), at: time)
        }
    }
    let windows = events * PHOLD.mean / UInt64(count * eventsPerProcess) / PHOLD.lookahead
    let (time, isFinished) = Measurement.once {
        simulation.run(until: windows * PHOLD.lookahead, threads: threads) { false }
    }
    precondition(isFinished, "nobody interrupted it")
    return PHOLDResult(
        time: time, events: simulation.eventCount, digest: simulation.digest.value,
        deviation: deviationFromUniform((0..<count).map { processes[$0].arrivals }))
}

/// Pearson's chi-squared of counts against a uniform draw, less its mean and over its standard deviation.
func deviationFromUniform(_ counts: [UInt64]) -> Double {
    let mean = Double(counts.reduce(0, +)) / Double(counts.count)
    let sum = counts.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) / mean }
    let freedom = Double(counts.count - 1)
    return (sum - freedom) / (2 * freedom).squareRoot()
}

func benchmarkPHOLD(repetitions: Int) {
    let table = Table(
        "PHOLD: lookahead 0.1 of the mean delay; million events per second, best of \(repetitions)",
        ["processes, events each, remote", "1 thread", "2 threads", "ratio", "events", "deviation", "digest"])
    for (processes, each, remote) in [
        (20_000, 1, 1.0), (20_000, 1, 0.25), (20_000, 10, 1.0), (20_000, 10, 0.25), (200_000, 1, 1.0),
        (1_000_000, 1, 1.0),
    ] {
        var rates: [Double] = []
        var last: PHOLDResult?
        for threads in [1, 2] {
            var best = 0.0
            for _ in 0..<repetitions {
                let result = runPHOLD(
                    processes: processes, eventsPerProcess: each, remote: remote, threads: threads,
                    shards: threads == 1 ? 1 : 4 * threads, events: 8_000_000)
                // A generator that sends every event to one process has a perfectly stable digest.
                precondition(abs(result.deviation) < 6, "events did not go to all processes alike")
                precondition(last.map { $0.digest == result.digest } ?? true, "threads changed the digest")
                best = max(best, Double(result.events) / result.time.wall / 1e6)
                last = result
            }
            rates.append(best)
        }
        guard let last else { continue }
        table.row([
            "\(processes), \(each), \(remote)", rates[0].text(), rates[1].text(),
            (rates[1] / rates[0]).text(),
            "\(last.events)", last.deviation.text(), last.digest.hexadecimal,
        ])
    }
}
