import Foundation
import Randomness
import Testing

@testable import EventSimulation

/// PHOLD (Fujimoto 1990): every event sends one event to a random process after an exponential delay.
private struct Hop: EventPayload {
    var attachment = Attachment.none
    var value: UInt64 = 0

    func fold(into digest: inout Digest) { digest.fold(value) }
}

private enum Mischief { case none, drop, alter }

private final class PHOLD: ShardModel {
    var streams: [RandomStream]
    var visits: [Int]
    let mischief: Mischief
    let carriesBytes: Bool
    private var handled = 0

    init(processes: Int, mischief: Mischief, carriesBytes: Bool) {
        streams = (0..<processes).map {
            RandomStream(seed: 7, purpose: .init("phold"), process: UInt64($0))
        }
        visits = Array(repeating: 0, count: processes)
        self.mischief = mischief
        self.carriesBytes = carriesBytes
    }

    func handle(_ event: Event<Hop>, in shard: inout Shard<Hop>) {
        let process = Int(shard.process)
        visits[process] += 1
        handled += 1
        var hop = event.payload
        if carriesBytes && !hop.attachment.isNone {
            let sum = shard.attachments.bytes(of: hop.attachment).reduce(0) { $0 + UInt64($1) }
            precondition(sum == hop.value & 0xFF, "the bytes of an event did not arrive with it")
            shard.attachments.release(hop.attachment)
            hop.attachment = .none
        }
        if mischief == .drop && handled == 500 { return }
        hop.value = streams[process].next()
        if mischief == .alter && handled == 500 { hop.value ^= 1 }
        let target = UInt32(streams[process].below(UInt64(streams.count)))
        let delay = 100 + UInt64(streams[process].exponential() * 1_000)
        if carriesBytes {
            hop.attachment = shard.attachments.allocate(count: Int(hop.value % 200) + 1)
            let bytes = shard.attachments.bytes(of: hop.attachment)
            for index in bytes.indices { bytes[index] = 0 }
            bytes[bytes.count - 1] = UInt8(hop.value & 0xFF)
        }
        shard.send(to: target, after: delay, hop)
    }
}

private func run(
    shards: Int, threads: Int = 1, crewThreshold: Int = 48, mischief: Mischief = .none,
    carriesBytes: Bool = false,
    placement: (Int) -> Int = { $0 }
) -> (digest: Digest, events: UInt64, visits: [Int]) {
    let processes = 60
    let models = (0..<shards).map { _ in
        PHOLD(processes: processes, mischief: mischief, carriesBytes: carriesBytes)
    }
    let simulation = Simulation(
        lookahead: 100, models: models,
        shardOfProcess: (0..<processes).map { UInt16(placement($0) % shards) })
    for process in 0..<UInt32(processes) { simulation.schedule(Hop(), for: process, at: UInt64(process)) }
    #expect(simulation.run(until: 50_000, threads: threads, crewThreshold: crewThreshold) { false })
    let visits = (0..<processes).map { process in models.reduce(0) { $0 + $1.visits[process] } }
    return (simulation.digest, simulation.eventCount, visits)
}

@Suite struct `A simulation` {
    @Test(arguments: [2, 3, 8, 60])
    func `does the same on any number of shards`(shards: Int) {
        let alone = run(shards: 1)
        let sharded = run(shards: shards)
        let scattered = run(shards: shards) { $0 * 37 + 11 }
        #expect(sharded.digest == alone.digest && scattered.digest == alone.digest)
        #expect(sharded.visits == alone.visits && sharded.events == alone.events)
    }

    @Test(arguments: [2, 3, 8], [2, 8, 60])
    func `does the same on any number of threads`(threads: Int, shards: Int) {
        #expect(run(shards: shards, threads: threads).digest == run(shards: 1).digest)
    }

    /// Windows with few events are left to one thread unless it is said otherwise.
    @Test(arguments: [2, 3], [2, 8, 60])
    func `does the same where every window is shared among the threads`(threads: Int, shards: Int) {
        let shared = run(shards: shards, threads: threads, crewThreshold: 1, carriesBytes: true)
        #expect(shared.digest == run(shards: 1).digest)
    }

    @Test(arguments: [1, 4])
    func `carries attachments across shards`(shards: Int) {
        #expect(run(shards: shards, carriesBytes: true).digest == run(shards: 1).digest)
    }

    /// A generator that sends everything to process 0 has a perfectly stable digest.
    @Test(arguments: [1, 2], [1, 8])
    func `spreads its events over all processes`(threads: Int, shards: Int) {
        let visits = run(shards: shards, threads: threads).visits
        let mean = Double(visits.reduce(0, +)) / 60
        let chiSquared = visits.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) / mean }
        #expect(mean > 30)
        // 59 degrees of freedom: 98.3 is passed once in a thousand, and what is below 25 is too even to be drawn.
        #expect(chiSquared < 98.3 && chiSquared > 25)
    }

    @Test func `has another digest when one event is dropped or altered`() {
        let sound = run(shards: 1).digest
        #expect(run(shards: 1, mischief: .drop).digest != sound)
        #expect(run(shards: 1, mischief: .alter).digest != sound)
    }
}

@Suite struct `An event heap` {
    @Test(arguments: 0..<20 as Range<UInt64>)
    func `pops any insertions in the order of their keys`(seed: UInt64) {
        var stream = RandomStream(seed: seed, purpose: .init("heap"), process: 0)
        var heap = EventHeap<Hop>(capacity: 2)
        var pending: [EventKey] = []
        for sequence in 0..<2_000 as Range<UInt64> {
            if stream.below(3) > 0 || pending.isEmpty {
                let key = EventKey(
                    time: stream.below(50), source: UInt32(stream.below(4)), sequence: sequence)
                heap.insert(Event(key: key, destination: 0, payload: Hop(value: sequence)))
                pending.append(key)
            } else {
                let least = pending.min()!
                pending.removeAll { $0 == least }
                let event = heap.popFirst()
                #expect(event.key == least && event.payload.value == least.sequence)
            }
            #expect(heap.count == pending.count)
        }
    }
}

@Suite struct `A calendar queue` {
    /// Windows of 2 to 5,000 µs; events from the open window to far beyond the calendar's end; bursts of equal times.
    @Test(arguments: 0..<40 as Range<UInt64>)
    func `hands out any insertions in the order of their keys`(seed: UInt64) {
        var stream = RandomStream(seed: seed, purpose: .init("calendar"), process: 0)
        let width = [2, 3, 64, 100, 4_999, 5_000][Int(seed % 6)] as UInt64
        var queue = CalendarQueue<Hop>(width: width)
        var pending: [EventKey] = []
        var sequence: UInt64 = 0
        var now: UInt64 = 0
        func insert(after delay: UInt64) {
            let key = EventKey(time: now + delay, source: UInt32(stream.below(5)), sequence: sequence)
            sequence += 1
            queue.insert(Event(key: key, destination: 0, payload: Hop(value: key.sequence)))
            pending.append(key)
        }
        for _ in 0..<300 { insert(after: stream.below(width * 3)) }
        var windows = 0
        while windows < 400, let window = queue.nextWindow {
            windows += 1
            #expect(window == pending.min()!.time / width)
            queue.open(window)
            #expect(queue.pendingEvents().map(\.key) == pending.sorted())
            while let event = queue.popInWindow() {
                let least = pending.min()!
                pending.removeAll { $0 == least }
                #expect(event.key == least && event.payload.value == least.sequence)
                now = least.time
                guard sequence < 3_000 else { continue }
                switch stream.below(8) {
                case 0: insert(after: stream.below(width))
                case 1: for _ in 0..<60 { insert(after: 2 * width) }
                case 2: insert(after: width * (4_000 + stream.below(5_000)))
                case 3: break
                default: insert(after: width + stream.below(20 * width))
                }
            }
            #expect(queue.count == pending.count)
        }
        #expect(windows > 10)
    }
}

@Suite struct `A window crew` {
    @Test(arguments: [1, 2, 3, 8])
    func `does every item of every round once`(threads: Int) {
        let counts = UnsafeMutableBufferPointer<Int>.allocate(capacity: 64)
        counts.initialize(repeating: 0)
        defer { counts.deallocate() }
        WindowCrew.run(threads: threads) { crew in
            for round in 1...2_000 {
                crew.perform(round % 64 + 1) { counts[$0] += 1 }
                // Now and then a pause long enough for the workers to fall asleep.
                if round % 500 == 0 { usleep(20_000) }
            }
        }
        for index in 0..<64 {
            #expect(counts[index] == (1...2_000).count { $0 % 64 + 1 > index })
        }
    }
}

@Suite struct `A digest` {
    @Test func `notices order, repetition and zeros`() {
        func digest(_ words: UInt64...) -> Digest {
            words.reduce(into: Digest()) { $0.fold($1) }
        }
        let all = [
            digest(), digest(0), digest(0, 0), digest(1, 2), digest(2, 1), digest(1, 2, 0), digest(1, 1, 2),
        ]
        #expect(Set(all).count == all.count)
    }

    @Test func `takes a hundred thousand events of one moment in no more than linear time and a bit`() {
        var queue = CalendarQueue<Hop>(width: 5_000)
        let count = 100_000 as UInt64
        // From the last to the first: insertion would move each past all before it.
        for number in (0..<count).reversed() {
            let key = EventKey(time: 12_345, source: UInt32(number), sequence: 0)
            queue.insert(Event(key: key, destination: 0, payload: Hop(value: number)))
        }
        var handed: [UInt64] = []
        let time = ContinuousClock().measure {
            queue.open(2)
            while let event = queue.popInWindow() { handed.append(event.payload.value) }
        }
        #expect(handed == Array(0..<count))
        #expect(time < .seconds(10))
    }
}
