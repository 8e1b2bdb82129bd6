import Snapshots

/// A payload that a saved simulation can hold.
public protocol StorablePayload: EventPayload {
    /// Writes every field but the attachment, whose bytes the simulation writes.
    func write(to writer: inout SnapshotWriter)
    /// Reads what `write` wrote; the attachment is `.none`.
    init(from reader: inout SnapshotReader) throws(SnapshotError)
}

// A simulation is saved between windows, when no shard is at work and nothing is on its way between shards. What is
// written does not depend on how processes were placed: a state saved with one shard can be restored into eight.
extension Simulation where Payload: StorablePayload {
    /// Writes how far every process is, and all pending events in the order of their keys with their attachments'
    /// bytes. The models write what is theirs.
    public func save(to writer: inout SnapshotWriter) {
        writer.write(now)
        writer.write(eventCount)
        writer.write(count: processCount)
        for process in 0..<processCount {
            writer.write(shards[0].progress[process].sequence)
            writer.write(shards[0].progress[process].digest.value)
        }
        var pending: [(event: Event<Payload>, shard: Int)] = []
        for shard in 0..<shardCount {
            precondition(
                shards[shard].outgoingCount == 0 && mailCount == 0, "a simulation is saved between windows")
            pending += shards[shard].queue.pendingEvents().map { ($0, shard) }
        }
        if shardCount > 1 { pending.sort { $0.event.key < $1.event.key } }
        writer.write(count: pending.count)
        for (event, shard) in pending {
            writer.write(event.key.time)
            writer.write(event.key.source)
            writer.write(event.key.sequence)
            writer.write(event.destination)
            event.payload.write(to: &writer)
            let attachment = event.payload.attachment
            writer.write(!attachment.isNone)
            if !attachment.isNone {
                let bytes = UnsafeRawBufferPointer(shards[shard].attachments.bytes(of: attachment))
                writer.write(count: bytes.count)
                writer.write(bytes)
            }
        }
    }

    /// Takes a fresh simulation of the same processes to where the saved one was.
    ///
    /// - Parameter check: throws for a payload that the models could not handle.
    /// - Throws: `SnapshotError`; the simulation must not be used then.
    public func restore(
        from reader: inout SnapshotReader,
        check: (borrowing SnapshotReader, Event<Payload>, [UInt8]?) throws(SnapshotError) -> Void
    ) throws(SnapshotError) {
        precondition(eventCount == 0 && isDone, "only a fresh simulation can be restored")
        let now = try reader.read(UInt64.self)
        let handled = try reader.read(UInt64.self)
        for shard in 0..<shardCount { shards[shard].now = now }
        shards[0].eventCount = handled
        try reader.check(try reader.read(UInt64.self) == UInt64(processCount), "the number of processes")
        for process in 0..<processCount {
            shards[0].progress[process].sequence = try reader.read()
            shards[0].progress[process].digest.value = try reader.read()
        }
        var previous: EventKey?
        for _ in 0..<(try reader.readCount(of: 25, "the number of events")) {
            let time = try reader.read(UInt64.self)
            let source = try reader.read(UInt32.self)
            let sequence = try reader.read(UInt64.self)
            let destination = try reader.read(UInt32.self)
            try reader.check(time >= now && time < 1 << 62, "the time of an event")
            try reader.check(Int(source) < processCount, "the source of an event")
            try reader.check(Int(destination) < processCount, "the destination of an event")
            try reader.check(
                sequence < shards[0].progress[Int(source)].sequence, "the sequence number of an event")
            let key = EventKey(time: time, source: source, sequence: sequence)
            try reader.check(previous.map { $0 < key } ?? true, "the order of events")
            previous = key
            var payload = try Payload(from: &reader)
            let bytes = try reader.readFlag() ? try reader.readList("the length of an attachment") : nil
            try check(reader, Event(key: key, destination: destination, payload: payload), bytes)
            if let bytes { payload.attachment = attach(bytes, heldBy: destination) }
            let shard = Int(shards[0].shardOfProcess[Int(destination)])
            shards[shard].queue.insert(Event(key: key, destination: destination, payload: payload))
            nextWindows[shard] = min(nextWindows[shard], time / lookahead)
        }
    }

    /// A copy of the bytes of an attachment that a process's model holds.
    public func bytes(of attachment: Attachment, heldBy process: UInt32) -> [UInt8] {
        Array(shards[shard(of: process)].attachments.bytes(of: attachment))
    }

    /// Gives a process's model an attachment.
    public func attach(_ bytes: [UInt8], heldBy process: UInt32) -> Attachment {
        let shard = shard(of: process)
        let attachment = shards[shard].attachments.allocate(count: bytes.count)
        shards[shard].attachments.bytes(of: attachment).copyBytes(from: bytes)
        return attachment
    }

    /// The model that acts for a process.
    public func model(of process: UInt32) -> Model { models[shard(of: process)] }

    private func shard(of process: UInt32) -> Int { Int(shards[0].shardOfProcess[Int(process)]) }
}
