/// The key that orders the world: (time, source, the source's own sequence number).
///
/// No two events share one. No global counter, thread timing or hash order enters it.
public struct EventKey: Hashable, Comparable, Sendable, BitwiseCopyable {
    /// Simulated microseconds.
    public var time: UInt64
    /// How many events that process had sent before.
    public var sequence: UInt64
    /// The process that sent the event. Last, so that what follows a key shares its last 8 bytes.
    public var source: UInt32

    @inlinable public init(time: UInt64, source: UInt32, sequence: UInt64) {
        self.time = time
        self.source = source
        self.sequence = sequence
    }

    @inlinable public static func < (a: Self, b: Self) -> Bool {
        if a.time != b.time { return a.time < b.time }
        if a.source != b.source { return a.source < b.source }
        return a.sequence < b.sequence
    }
}

/// What an event carries. Small and trivially copied; what does not fit goes into an `Attachment`.
public protocol EventPayload: BitwiseCopyable, Sendable {
    /// The bytes that travel with the event, or `.none`. The receiver owns them and releases or resends them.
    var attachment: Attachment { get set }
    /// Folds the meaning of the event: every field but the attachment's handle.
    func fold(into digest: inout Digest)
}

/// One event: a message from one process to another, or a timer of a process for itself.
public struct Event<Payload: EventPayload>: BitwiseCopyable, Sendable {
    public var key: EventKey
    public var destination: UInt32
    public var payload: Payload

    @inlinable public init(key: EventKey, destination: UInt32, payload: Payload) {
        self.key = key
        self.destination = destination
        self.payload = payload
    }
}
