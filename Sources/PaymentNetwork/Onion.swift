import Cryptography
import EventSimulation
import LightningTypes
import PaymentChannels
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

    /// What node index + 1 of a route is told: the next channel, and what to send over it; the last one what to expect.
    init(_ index: Int, of route: Route, height: BlockHeight) {
        let isLast = index == route.hops.count - 1
        let told = isLast ? route.hops[index] : route.hops[index + 1]
        next = isLast ? Self.noChannel : told.direction.rawValue
        expiry = height.rawValue + told.cltvExpiryDelta
        amount = told.amount.rawValue
    }
}

// With eager signatures an onion is BOLT 4's packet: each hop peels it with its key, checks what it is bound to and
// reads its payload; what it learns of the others is nothing. With lazy ones the layers lie open in the attachment, the
// last hop's first: a hop takes the last one off and passes on what is left, and reads its own layer and no other.
extension NetworkShard {
    /// The onion for a part of an own payment: a layer for every node but the sender.
    ///
    /// - Parameter total: `total_msat` for the receiver, where the route delivers a part.
    func wrapOnion(
        _ route: Route, _ part: UInt32, height: BlockHeight, total: Millisatoshi?,
        _ shard: inout Shard<NetworkMessage>
    ) -> Attachment {
        guard isEager else {
            return Self.openOnion(route, height: height, total: total, &shard.attachments)
        }
        let payloads = route.hops.indices.map { index in
            let layer = OnionLayer(index, of: route, height: height)
            return Self.bytes([layer]) + (layer.isFinal ? Self.bytes(total.map { [$0.rawValue] } ?? []) : [])
        }
        let token = payments[parts[part].payment].token.rawValue
        let keys = world.keys.sessionKey(token, part: parts[part].number)
        let points = onionPoints(of: route)
        statistics.primitives.countRoute(points.count)
        statistics.primitives.countOnion(points.count)
        let packet = OnionPacket(
            to: zip(points, payloads).map { (key: $0, payload: $1) }, sessionKey: keys.session,
            padding: keys.padding, associatedData: Self.bytes([world.keys.paymentHash(token)]))
        guard let packet else { preconditionFailure("an onion of \(points.count) hops is too large") }
        return shard.attach(packet.encoded())
    }

    private static func openOnion(
        _ route: Route, height: BlockHeight, total: Millisatoshi?, _ attachments: inout AttachmentPool
    ) -> Attachment {
        let size = MemoryLayout<OnionLayer>.stride
        let start = total == nil ? 0 : MemoryLayout<UInt64>.size
        let attachment = attachments.allocate(count: start + route.hops.count * size)
        let bytes = attachments.bytes(of: attachment)
        if let total { bytes.storeBytes(of: total.rawValue, as: UInt64.self) }
        for index in route.hops.indices {
            bytes.storeBytes(
                of: OnionLayer(index, of: route, height: height),
                toByteOffset: start + (route.hops.count - 1 - index) * size, as: OnionLayer.self)
        }
        return attachment
    }

    private func onionPoints(of route: Route) -> [RistrettoPoint] {
        route.hops.map { world.onionPoints[Int(world.owners[Int($0.direction.reversed.rawValue)])] }
    }

    /// Takes the outermost layer off; the attachment is then the next hop's, or what else the receiver finds:
    /// `total_msat` of the payment that this is a part of, or nothing.
    func peelOnion(
        _ attachment: Attachment, of index: HTLCIndex, _ shard: inout Shard<NetworkMessage>
    ) throws(OnionRefusal) -> OnionLayer {
        let bytes = shard.attachments.bytes(of: attachment)
        let size = MemoryLayout<OnionLayer>.stride
        guard isEager else {
            precondition(bytes.count >= size, "an onion has no layer left")
            let layer = bytes.loadUnaligned(fromByteOffset: bytes.count - size, as: OnionLayer.self)
            shard.attachments.shorten(attachment, to: bytes.count - size)
            return layer
        }
        let packet = try OnionPacket(decoding: Array(bytes))
        let hash = world.keys.paymentHash(htlcs[index].payment)
        let keys = try packet.keys(with: world.keys.onionKey(shard.process))
        try packet.authenticate(with: keys, associatedData: Self.bytes([hash]))
        // Kept for an error, this node's own or one that comes back.
        htlcs[index].onion = shard.attach([keys.sharedSecret]).slot
        let peeled = try packet.peel(with: keys)
        statistics.primitives.countPeeling(isLast: peeled.next == nil)
        let rest = peeled.payload.dropFirst(size)
        guard peeled.payload.count >= size, rest.isEmpty || rest.count == MemoryLayout<UInt64>.size else {
            throw .badPayload
        }
        let layer = peeled.payload.withUnsafeBytes { $0.loadUnaligned(as: OnionLayer.self) }
        guard layer.isFinal == (peeled.next == nil) else { throw .badPayload }
        let left = peeled.next?.encoded() ?? Array(rest)
        bytes.copyBytes(from: left)
        shard.attachments.shorten(attachment, to: left.count)
        return layer
    }

    /// `total_msat`, where the receiver has found one.
    func totalOfParts(_ attachment: Attachment, _ shard: borrowing Shard<NetworkMessage>) -> Millisatoshi? {
        let bytes = shard.attachments.bytes(of: attachment)
        guard bytes.count == MemoryLayout<UInt64>.size else { return nil }
        return Millisatoshi(bytes.loadUnaligned(as: UInt64.self))
    }

    private static func bytes<Value: BitwiseCopyable>(_ values: [Value]) -> [UInt8] {
        values.withUnsafeBytes { Array($0) }
    }

    // MARK: Errors (BOLT 4, "Returning Errors")

    /// The error that goes upstream with a failure: a new one of this node's own, or the next node's, obfuscated once
    /// more. None for an onion that this node could not read: it shares no key with the sender.
    func wrapError(
        _ failure: FailureName, distance: UInt8, _ attachment: Attachment, of index: HTLCIndex,
        _ shard: inout Shard<NetworkMessage>
    ) -> Attachment {
        guard htlcs[index].onion != Attachment.none.slot else { return .none }
        let secret: [Bytes32] = detach(Attachment(slot: htlcs[index].onion), &shard)
        let keys = OnionKeys(sharedSecret: secret[0])
        let came: [UInt8] = attachment.isNone ? [] : detach(attachment, &shard)
        statistics.primitives.countErrorStream()
        var error: OnionError
        if distance == 0 {
            statistics.primitives.countErrorHash()
            error = OnionError(Self.bytes([failure.code.bigEndian]) + came, by: keys)
        } else {
            error = OnionError(bytes: came)
            error.obfuscate(with: keys)
        }
        return shard.attach(error.bytes)
    }

    /// What became of a part of an own payment: with eager signatures, what the error says that only the sender can
    /// read, whoever passed it on.
    func unwrapError(
        of htlc: HTLC, _ shard: inout Shard<NetworkMessage>
    ) -> (failure: FailureName, distance: UInt8, update: Attachment) {
        let (failure, distance) = htlc.reason
        let attachment = Attachment(slot: htlc.onion)
        guard isEager, !attachment.isNone else { return (failure, distance, attachment) }
        let part = parts[htlc.partner]
        let hops = onionPoints(of: part.route)
        let session = world.keys.sessionKey(htlc.payment, part: part.number).session
        statistics.primitives.countRoute(hops.count)
        let error = OnionError(bytes: detach(attachment, &shard) as [UInt8])
        guard let keys = OnionKeys.route(hops, sessionKey: session), let origin = error.origin(keys),
            origin.message.count >= 2,
            let told = FailureName(code: UInt16(origin.message[0]) << 8 | UInt16(origin.message[1]))
        else {
            breakdown = breakdown ?? "a failure came back that no node of the route can have sent"
            return (failure, distance, .none)
        }
        for _ in 0...origin.hop {
            statistics.primitives.countErrorStream()
            statistics.primitives.countErrorHash()
        }
        let update = origin.message.dropFirst(2)
        return (
            told, UInt8(origin.hop),
            update.count == FailureUpdate.size ? shard.attach(Array(update)) : .none
        )
    }
}

extension FailureName {
    init(_ refusal: OnionRefusal) {
        self =
            switch refusal {
            case .unknownVersion: .invalidOnionVersion
            case .badKey: .invalidOnionKey
            case .badHMAC: .invalidOnionHMAC
            case .badPayload: .invalidOnionPayload
            }
    }

    /// BOLT 4's `failure_code`; 0 for the sender's own reasons, which travel nowhere.
    var code: UInt16 {
        switch self {
        case .temporaryNodeFailure: 0x2002
        case .permanentNodeFailure: 0x6002
        case .invalidOnionVersion: 0xC004
        case .invalidOnionHMAC: 0xC005
        case .invalidOnionKey: 0xC006
        case .temporaryChannelFailure: 0x1007
        case .permanentChannelFailure: 0x4008
        case .unknownNextPeer: 0x400A
        case .amountBelowMinimum: 0x100B
        case .feeInsufficient: 0x100C
        case .incorrectCLTVExpiry: 0x100D
        case .expiryTooSoon: 0x100E
        case .incorrectOrUnknownPaymentDetails: 0x400F
        case .finalIncorrectCLTVExpiry: 18
        case .finalIncorrectHTLCAmount: 19
        case .channelDisabled: 0x1014
        case .expiryTooFar: 21
        case .invalidOnionPayload: 0x4016
        case .mppTimeout: 23
        case .noRoute, .insufficientLocalBalance, .feeLimitExceeded, .attemptsExhausted, .htlcLimit: 0
        }
    }

    init?(code: UInt16) {
        guard code != 0, let name = Self.allCases.first(where: { $0.code == code }) else { return nil }
        self = name
    }

    /// The code of `update_fail_malformed_htlc`, of the failures that have BADONION.
    var badOnionCode: UInt16? { code & Channel.badOnionBit == 0 ? nil : code }
}
