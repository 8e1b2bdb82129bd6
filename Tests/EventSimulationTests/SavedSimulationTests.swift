import Snapshots
import Testing

@testable import EventSimulation

/// An event that says how many more follow it.
private struct Countdown: StorablePayload {
    var attachment = Attachment.none
    var left: UInt64

    init(left: UInt64) { self.left = left }

    init(from reader: inout SnapshotReader) throws(SnapshotError) { left = try reader.read() }

    func write(to writer: inout SnapshotWriter) { writer.write(left) }

    func fold(into digest: inout Digest) { digest.fold(left) }
}

/// Passes each countdown on to the next of three processes.
private final class Relay: ShardModel {
    func handle(_ event: Event<Countdown>, in shard: inout Shard<Countdown>) {
        guard event.payload.left > 0 else { return }
        shard.send(to: (shard.process + 1) % 3, after: 15, Countdown(left: event.payload.left - 1))
    }
}

@Suite struct `A saved simulation` {
    private func fresh() -> Simulation<Relay> {
        Simulation(lookahead: 10, models: [Relay()], shardOfProcess: [0, 0, 0])
    }

    /// After 100 of some 400 microseconds.
    private func underWay() -> Simulation<Relay> {
        let simulation = fresh()
        for process in 0..<3 as Range<UInt32> {
            simulation.schedule(Countdown(left: 20), for: process, at: UInt64(process))
        }
        _ = simulation.run(until: 100, threads: 1) { false }
        return simulation
    }

    private func state(_ simulation: Simulation<Relay>) -> [UInt8] {
        var writer = SnapshotWriter()
        simulation.save(to: &writer)
        return writer.finish()
    }

    private func restored(_ state: [UInt8]) throws(SnapshotError) -> Simulation<Relay> {
        let simulation = fresh()
        var reader = SnapshotReader(state)
        try simulation.restore(from: &reader) { (_, _, _) throws(SnapshotError) in }
        try reader.finish()
        return simulation
    }

    @Test func `goes on to the same digest`() throws {
        let whole = underWay()
        let resumed = try restored(state(whole))
        #expect(state(resumed) == state(whole))
        for simulation in [whole, resumed] { _ = simulation.run(threads: 1) { false } }
        #expect(resumed.digest == whole.digest && resumed.eventCount == whole.eventCount)
        #expect(resumed.eventCount == 63)
    }

    /// Behind the time, the count and the number of processes come sixteen bytes for each, then how many events, and of
    /// the first its time, source and sequence number.
    @Test func `is refused with an event that its source has not sent yet`() throws {
        let whole = state(underWay())
        let place = 3 * 8 + 3 * 16 + 8 + 8
        let source = Int(whole[place])
        let sent = whole[3 * 8 + source * 16]
        #expect(whole[place + 4] == sent - 1)
        var state = whole
        state[place + 4] = sent
        #expect(throws: SnapshotError.self) { try restored(state) }
        state = whole
        state[place] = 3
        #expect(throws: SnapshotError.self) { try restored(state) }
    }
}
