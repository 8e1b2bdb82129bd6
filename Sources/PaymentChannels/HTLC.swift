import LightningTypes

/// How an HTLC ends (BOLT 2, "Removing an HTLC").
@frozen public enum HTLCRemoval: UInt8, Sendable, BitwiseCopyable {
    /// Still pending.
    case none
    case fulfilled
    case failed
}

/// One HTLC as one party of a channel records it.
///
/// Lies in an `HTLCPool`; `next` and `previous` link the HTLCs of one channel in the order they were added.
public struct HTLC: BitwiseCopyable, Sendable {
    /// `id` of `update_add_htlc`, counted by its offerer.
    public var id: UInt64
    public var amount: Millisatoshi
    /// What stands for the payment hash: the payment it belongs to, from which preimage and hash derive.
    public var payment: UInt64
    /// `cltv_expiry`.
    public var expiry: BlockHeight
    public var state: HTLCState
    public var removal: HTLCRemoval = .none
    /// Why it failed and how many hops downstream, as the owner of the pool encodes it.
    public var failure: UInt16 = 0
    /// The onion packet that came with it, as the owner of the pool keeps it.
    public var onion: UInt32 = .max
    /// Whatever the HTLC is paired with at its node: its other half in another channel, or an own payment.
    public var partner: UInt32 = .max
    public var partnerChannel: UInt32 = .max
    /// What the pair is worth to the node (the fee), known once the other half is gone.
    public var surplus: Millisatoshi = .zero

    var next: HTLCIndex = .none
    var previous: HTLCIndex = .none

    public init(id: UInt64, amount: Millisatoshi, payment: UInt64, expiry: BlockHeight, state: HTLCState) {
        self.id = id
        self.amount = amount
        self.payment = payment
        self.expiry = expiry
        self.state = state
    }
}

/// A place in an `HTLCPool`.
public struct HTLCIndex: Hashable, Sendable, BitwiseCopyable {
    public var rawValue: UInt32

    @inlinable public init(_ rawValue: UInt32) { self.rawValue = rawValue }
    @inlinable public static var none: HTLCIndex { HTLCIndex(.max) }
    @inlinable public var isNone: Bool { rawValue == .max }
}

/// Contiguous storage for the HTLCs of many channels; a removed HTLC's place is used again.
public struct HTLCPool: ~Copyable {
    private var records: UnsafeMutablePointer<HTLC>
    private var capacity: Int
    private var used = 0
    private var free: [HTLCIndex] = []

    public init(capacity: Int = 256) {
        precondition(capacity > 0, "a pool needs room")
        self.capacity = capacity
        records = .allocate(capacity: capacity)
    }

    deinit { records.deallocate() }

    /// HTLCs in the pool now. Zero at the end of a drained run.
    public var count: Int { used - free.count }

    public subscript(index: HTLCIndex) -> HTLC {
        unsafeAddress {
            precondition(index.rawValue < used, "no HTLC there")
            return UnsafePointer(records + Int(index.rawValue))
        }
        unsafeMutableAddress {
            precondition(index.rawValue < used, "no HTLC there")
            return records + Int(index.rawValue)
        }
    }

    mutating func insert(_ htlc: HTLC) -> HTLCIndex {
        if let index = free.popLast() {
            self[index] = htlc
            return index
        }
        if used == capacity {
            let larger = UnsafeMutablePointer<HTLC>.allocate(capacity: capacity * 2)
            larger.update(from: records, count: used)
            records.deallocate()
            records = larger
            capacity *= 2
        }
        used += 1
        let index = HTLCIndex(UInt32(used - 1))
        self[index] = htlc
        return index
    }

    mutating func remove(_ index: HTLCIndex) {
        self[index].amount = .zero
        free.append(index)
    }
}
