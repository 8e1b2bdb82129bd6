import EventSimulation
import LightningTypes
import Routing

/// What one hop of a route is told to do (BOLT 4, the payload of one layer).
struct OnionLayer: BitwiseCopyable {
    /// The channel to forward over; the receiver's layer names none.
    var next: UInt32
    /// `outgoing_cltv_value`.
    var expiry: UInt32
    /// `amt_to_forward`, millisatoshis.
    var amount: UInt64

    static let noChannel = UInt32.max

    var isFinal: Bool { next == Self.noChannel }
}

// In lazy mode the layers lie open in the attachment, the last hop's first: a hop takes the last one off and passes on
// what is left. It reads its own layer and no other.
extension Shard {
    /// The onion for a route: a layer for every node but the sender.
    ///
    /// - Parameter total: `total_msat` for the receiver, where the route delivers a part.
    mutating func wrapOnion(_ route: Route, height: BlockHeight, total: Millisatoshi?) -> Attachment {
        let hops = route.hops
        let size = MemoryLayout<OnionLayer>.stride
        let start = total == nil ? 0 : MemoryLayout<UInt64>.size
        let attachment = attachments.allocate(count: start + hops.count * size)
        let bytes = attachments.bytes(of: attachment)
        if let total { bytes.storeBytes(of: total.rawValue, as: UInt64.self) }
        for index in hops.indices {
            // What node index + 1 is told: the next channel, and what to send over it; the last one what to expect.
            let isLast = index == hops.count - 1
            let told = isLast ? hops[index] : hops[index + 1]
            let layer = OnionLayer(
                next: isLast ? OnionLayer.noChannel : told.direction.rawValue,
                expiry: height.rawValue + told.cltvExpiryDelta, amount: told.amount.rawValue)
            bytes.storeBytes(
                of: layer, toByteOffset: start + (hops.count - 1 - index) * size, as: OnionLayer.self)
        }
        return attachment
    }

    /// Takes the outermost layer off.
    mutating func peelOnion(_ attachment: Attachment) -> OnionLayer {
        let bytes = attachments.bytes(of: attachment)
        let rest = bytes.count - MemoryLayout<OnionLayer>.stride
        precondition(rest >= 0, "an onion has no layer left")
        let layer = bytes.loadUnaligned(fromByteOffset: rest, as: OnionLayer.self)
        attachments.shorten(attachment, to: rest)
        return layer
    }

    /// What the receiver finds beneath its layer: `total_msat` of the payment that this is a part of, or nothing.
    func totalOfParts(_ attachment: Attachment) -> Millisatoshi? {
        let bytes = attachments.bytes(of: attachment)
        guard bytes.count == MemoryLayout<UInt64>.size else { return nil }
        return Millisatoshi(bytes.loadUnaligned(as: UInt64.self))
    }
}
