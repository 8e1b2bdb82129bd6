/// Events on their way from one shard to another, with the bytes of their attachments: what crosses shards takes its
/// bytes along, so that no shard reads another's pool.
///
/// Filled by its sender during a window, emptied by its receiver in the next; its memory stays.
@usableFromInline struct Mailbox<Payload: EventPayload>: ~Copyable {
    @usableFromInline var events: UnsafeMutablePointer<Event<Payload>>
    @usableFromInline var count = 0
    @usableFromInline var capacity = 0
    /// The attachments' bytes one after another, and how many each has.
    @usableFromInline var bytes: [UInt8] = []
    @usableFromInline var lengths: [Int] = []

    @usableFromInline init() { events = .allocate(capacity: 0) }

    deinit { events.deallocate() }

    @inlinable mutating func append(_ event: Event<Payload>, takingBytesFrom pool: inout AttachmentPool) {
        if count == capacity { grow() }
        events[count] = event
        count += 1
        let attachment = event.payload.attachment
        if attachment.isNone { return }
        let source = pool.bytes(of: attachment)
        bytes.append(contentsOf: source)
        lengths.append(source.count)
        pool.release(attachment)
    }

    @usableFromInline mutating func grow() {
        let larger = max(64, capacity * 2)
        let moved = UnsafeMutablePointer<Event<Payload>>.allocate(capacity: larger)
        moved.update(from: events, count: count)
        events.deallocate()
        events = moved
        capacity = larger
    }

    /// Hands everything over; keys order it, so the order of delivery does not matter.
    @inlinable mutating func empty(into queue: inout CalendarQueue<Payload>, _ pool: inout AttachmentPool) {
        var nextLength = 0
        var offset = 0
        for index in 0..<count {
            if !events[index].payload.attachment.isNone {
                let length = lengths[nextLength]
                let attachment = pool.allocate(count: length)
                pool.bytes(of: attachment).copyBytes(from: bytes[offset..<offset + length])
                events[index].payload.attachment = attachment
                nextLength += 1
                offset += length
            }
            queue.insert(events[index])
        }
        count = 0
        if nextLength > 0 {
            bytes.removeAll(keepingCapacity: true)
            lengths.removeAll(keepingCapacity: true)
        }
    }
}
