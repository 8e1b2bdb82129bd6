/// A handle to bytes that travel with an event: a route, signatures, a transaction.
///
/// Valid on the shard that holds it only; an event that crosses shards takes its bytes along.
public struct Attachment: Hashable, Sendable, BitwiseCopyable {
    public var slot: UInt32

    @inlinable public init(slot: UInt32) { self.slot = slot }
    @inlinable public static var none: Attachment { Attachment(slot: .max) }
    @inlinable public var isNone: Bool { slot == .max }
}

/// The attachments of one shard: a table of byte buffers whose memory is kept when they are released, so that a
/// steady simulation allocates nothing.
///
/// Invariant: every slot is either held by exactly one event or model record, or is in `free`.
public struct AttachmentPool: ~Copyable {
    @usableFromInline struct Slot: BitwiseCopyable {
        @usableFromInline var bytes: UnsafeMutableRawPointer
        @usableFromInline var count: Int
        @usableFromInline var capacity: Int
        @usableFromInline var isHeld: Bool

        @usableFromInline init(bytes: UnsafeMutableRawPointer, count: Int, capacity: Int) {
            self.bytes = bytes
            self.count = count
            self.capacity = capacity
            isHeld = true
        }
    }

    @usableFromInline var slots: [Slot] = []
    @usableFromInline var free: [UInt32] = []

    public init() {}

    deinit { for slot in slots { slot.bytes.deallocate() } }

    /// How many attachments are held now. Zero at the end of a run, or something leaks.
    public var heldCount: Int { slots.count - free.count }

    /// A new attachment of `count` uninitialised bytes.
    @inlinable public mutating func allocate(count: Int) -> Attachment {
        if let index = free.popLast() {
            let slot = slots[Int(index)]
            if slot.capacity < count {
                slot.bytes.deallocate()
                slots[Int(index)] = Self.newSlot(count: count)
            } else {
                slots[Int(index)].count = count
                slots[Int(index)].isHeld = true
            }
            return Attachment(slot: index)
        }
        precondition(slots.count < UInt32.max, "more than four billion attachments")
        slots.append(Self.newSlot(count: count))
        return Attachment(slot: UInt32(slots.count - 1))
    }

    @usableFromInline static func newSlot(count: Int) -> Slot {
        let capacity = max(64, count)
        return Slot(
            bytes: .allocate(byteCount: capacity, alignment: 16), count: count, capacity: capacity)
    }

    /// The bytes of a held attachment; valid until it is released.
    @inlinable public func bytes(of attachment: Attachment) -> UnsafeMutableRawBufferPointer {
        let slot = slots[Int(attachment.slot)]
        precondition(slot.isHeld, "an attachment is read after its release")
        return UnsafeMutableRawBufferPointer(start: slot.bytes, count: slot.count)
    }

    @inlinable public mutating func release(_ attachment: Attachment) {
        if attachment.isNone { return }
        precondition(slots[Int(attachment.slot)].isHeld, "an attachment is released twice")
        slots[Int(attachment.slot)].isHeld = false
        free.append(attachment.slot)
    }
}

extension AttachmentPool {
    /// Drops the bytes from `count` on.
    @inlinable public mutating func shorten(_ attachment: Attachment, to count: Int) {
        let slot = slots[Int(attachment.slot)]
        precondition(
            slot.isHeld && count <= slot.count, "an attachment cannot be shortened to more than it has")
        slots[Int(attachment.slot)].count = count
    }
}
