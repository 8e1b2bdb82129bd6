import Cryptography
import EventSimulation
import LightningTypes
import PaymentChannels
import Routing
import Settlement
import Snapshots

/// HTLCs whose other half is to be found once all of them are there again.
struct HTLCLinks {
    /// Of each end, where its HTLCs lie now.
    var places: [[HTLCIndex]]
    var open: [Link] = []
    var held: [HeldPart] = []

    struct Link {
        var end: DirectionIndex
        var place: HTLCIndex
        var partnerEnd: DirectionIndex
        /// Which of the partner end's HTLCs it is, from the oldest.
        var partnerOrder: Int
    }

    /// A part that a payee holds: the how manieth that came.
    struct HeldPart {
        var payment: UInt64
        var total: Millisatoshi
        var order: UInt32
        var end: DirectionIndex
        var place: HTLCIndex
    }

    init(endCount: Int) { places = Array(repeating: [], count: endCount) }
}

/// What an HTLC is paired with at its node.
private enum Partner: UInt8 {
    case none
    /// A part under way of an own payment, which follows.
    case part
    /// A part whose preimage has come: only the HTLC's removal is missing.
    case endedPart
    /// The other half of a forward.
    case forward
    /// A forward whose other half is gone.
    case halfForward
    /// The other parts of the payment that its payee waits for.
    case held
    /// A forward whose incoming half the chain gave back.
    case refunded
}

// One end of a channel: a byte says whether anything differs from the start of the run, which most ends of a large
// network never do, and whether it has a session.
extension NetworkSimulation {
    private static var isTouched: UInt8 { 1 }
    private static var hasSession: UInt8 { 2 }

    /// - Returns: how many parts of own payments hang on its HTLCs.
    func saveEnd(_ end: DirectionIndex, to writer: inout SnapshotWriter) -> Int {
        let position = Int(end.rawValue)
        let planned = world.topology.channels[end.channel]
        let channel = world.channels[position]
        let session = world.sessions[position]
        let start = Channel(
            terms: channel.terms, isFunder: channel.isFunder, ours: world.startingBalances[position],
            phase: planned.opensAt == nil ? .normal : .planned)
        let books = world.booked(end)
        let isTouched = channel != start || books != world.firstBooks(of: end)
        writer.write((isTouched ? Self.isTouched : 0) | (session == nil ? 0 : Self.hasSession))
        session?.progress.write(to: &writer)
        guard isTouched else { return 0 }
        channel.write(to: &writer)
        books.write(to: &writer)
        if planned.opensAt != nil { writer.write(world.fundings[position]) }
        let model = simulation.model(of: world.owners[position])
        let places = channel.htlcIndices(in: model.htlcs)
        writer.write(count: places.count)
        return places.reduce(0) { $0 + (saveHTLC($1, of: model, at: end, to: &writer) ? 1 : 0) }
    }

    /// - Returns: whether a part of an own payment hangs on it.
    private func saveHTLC(
        _ place: HTLCIndex, of model: NetworkShard, at end: DirectionIndex, to writer: inout SnapshotWriter
    ) -> Bool {
        let htlc = model.htlcs[place]
        htlc.write(to: &writer)
        let onion = Attachment(slot: htlc.onion)
        writer.write(!onion.isNone)
        if !onion.isNone {
            writer.write(list: simulation.bytes(of: onion, heldBy: world.owners[Int(end.rawValue)]))
        }
        switch htlc.partnerChannel {
        case .max:
            writer.write(Partner.none.rawValue)
        case ownPartMark:
            guard !htlc.hasPreimage else {
                writer.write(Partner.endedPart.rawValue)
                return false
            }
            writer.write(Partner.part.rawValue)
            model.parts[htlc.partner].write(to: &writer)
            return true
        case refundedUpstreamMark: writer.write(Partner.refunded.rawValue)
        case heldPartMark:
            writer.write(Partner.held.rawValue)
            guard let set = model.held[htlc.payment],
                let order = set.parts.firstIndex(where: { $0.index == place })
            else { preconditionFailure("a part that is held belongs to no set") }
            writer.write(set.total.rawValue)
            writer.write(UInt32(order))
        default:
            let partner = HTLCIndex(htlc.partner)
            writer.write((partner.isNone ? Partner.halfForward : Partner.forward).rawValue)
            writer.write(htlc.partnerChannel)
            guard !partner.isNone else { return false }
            let others = world.channels[Int(htlc.partnerChannel)].htlcIndices(in: model.htlcs)
            guard let order = others.firstIndex(of: partner) else {
                preconditionFailure("the other half of a forward is not in its channel")
            }
            writer.write(UInt32(order))
        }
        return false
    }

    func restoreEnd(
        _ end: DirectionIndex, from reader: inout SnapshotReader, _ payments: PaymentPlaces,
        _ links: inout HTLCLinks
    ) throws(SnapshotError) {
        let position = Int(end.rawValue)
        let flags = try reader.read(UInt8.self)
        try reader.check(flags <= Self.isTouched | Self.hasSession, "a flag")
        if flags & Self.hasSession != 0 {
            world.sessions[position] = ChannelSession(
                keys: world.keys.channelKeys(end), peer: world.keys.channelKeys(end.reversed).publicKeys,
                resuming: try ChannelSession.Progress(from: &reader))
        }
        if flags & Self.isTouched != 0 {
            try world.channels[position].read(from: &reader)
            try world.books(of: end).pointee.read(from: &reader)
            if world.topology.channels[end.channel].opensAt != nil {
                world.fundings[position] = try reader.readOutpoint()
            }
            let model = simulation.model(of: world.owners[position])
            for _ in 0..<(try reader.readCount(of: 44, "the number of HTLCs")) {
                try restoreHTLC(of: model, at: end, from: &reader, payments, &links)
            }
            try reader.check(world.channels[position].isConsistent(in: model.htlcs), "the money of a channel")
        }
        // The next signature is made for, and the next revocation reveals, what these numbers say.
        if world.settings.signatures == .eager, let progress = world.sessions[position]?.progress {
            let channel = world.channels[position]
            let revoked = channel.awaitsRevocation ? channel.remoteNumber &- 1 : channel.remoteNumber
            try reader.check(
                progress.firstSecret == channel.localNumber && progress.firstPoint == revoked,
                "the number of a commitment")
        }
    }

    private func restoreHTLC(
        of model: NetworkShard, at end: DirectionIndex, from reader: inout SnapshotReader,
        _ payments: PaymentPlaces, _ links: inout HTLCLinks
    ) throws(SnapshotError) {
        let position = Int(end.rawValue)
        let owner = world.owners[position]
        var htlc = try HTLC(from: &reader)
        if try reader.readFlag() {
            let bytes: [UInt8] = try reader.readList("the length of an onion")
            // What was offered holds a failure's channel_update or error instead, or the onion to be sent again; what
            // was received and read, the secret shared with its sender.
            let failureSize = model.isEager ? OnionError.size : FailureUpdate.size
            try reader.check(
                !htlc.state.isOffered || world.hasFaults || bytes.count == failureSize, "a failure")
            let sizes = [OnionPacket.size, OnionError.size, MemoryLayout<Bytes32>.size]
            try reader.check(!model.isEager || sizes.contains(bytes.count), "an onion")
            htlc.onion = simulation.attach(bytes, heldBy: owner).slot
        }
        let place: HTLCIndex
        switch try reader.readCase("what an HTLC is paired with", Partner.self) {
        case .none: place = world.channels[position].restore(htlc, in: &model.htlcs)
        case .part:
            guard let payment = payments.places[htlc.payment], payment.process == owner else {
                throw reader.implausible("the payment of a part")
            }
            let part = try OwnPart(of: payment.slot, from: &reader, in: world)
            htlc.partnerChannel = ownPartMark
            htlc.partner = model.parts.insert(part)
            model.payments[payment.slot].parts.append(htlc.partner)
            place = world.channels[position].restore(htlc, in: &model.htlcs)
        case .held:
            let total = Millisatoshi(try reader.read())
            let order = try reader.read(UInt32.self)
            htlc.partnerChannel = heldPartMark
            place = world.channels[position].restore(htlc, in: &model.htlcs)
            links.held.append(
                .init(payment: htlc.payment, total: total, order: order, end: end, place: place))
        case .endedPart:
            try reader.check(htlc.hasPreimage, "an ended payment")
            htlc.partnerChannel = ownPartMark
            place = world.channels[position].restore(htlc, in: &model.htlcs)
        case .refunded:
            htlc.partnerChannel = refundedUpstreamMark
            place = world.channels[position].restore(htlc, in: &model.htlcs)
        case .halfForward:
            htlc.partnerChannel = try reader.readEnd(below: world.endCount).rawValue
            place = world.channels[position].restore(htlc, in: &model.htlcs)
        case .forward:
            let partnerEnd = try reader.readEnd(below: world.endCount)
            try reader.check(world.owners[Int(partnerEnd.rawValue)] == owner, "the other half of a forward")
            htlc.partnerChannel = partnerEnd.rawValue
            let order = Int(try reader.read(UInt32.self))
            place = world.channels[position].restore(htlc, in: &model.htlcs)
            links.open.append(.init(end: end, place: place, partnerEnd: partnerEnd, partnerOrder: order))
        }
        links.places[position].append(place)
    }

    /// Finds the other half of every forward; each must name the other.
    func joinHTLCs(_ links: HTLCLinks, _ reader: borrowing SnapshotReader) throws(SnapshotError) {
        for link in links.open {
            let others = links.places[Int(link.partnerEnd.rawValue)]
            try reader.check(link.partnerOrder < others.count, "the other half of a forward")
            let model = simulation.model(of: world.owners[Int(link.end.rawValue)])
            model.htlcs[link.place].partner = others[link.partnerOrder].rawValue
        }
        for link in links.open {
            let model = simulation.model(of: world.owners[Int(link.end.rawValue)])
            let partner = model.htlcs[HTLCIndex(model.htlcs[link.place].partner)]
            try reader.check(
                partner.partner == link.place.rawValue && partner.partnerChannel == link.end.rawValue
                    && partner.state.isOffered != model.htlcs[link.place].state.isOffered,
                "the other half of a forward")
        }
    }
}

extension ChannelBooks {
    func write(to writer: inout SnapshotWriter) {
        measured.write(to: &writer)
        warmup.write(to: &writer)
        writer.write(pushed.rawValue)
        writer.write(receivedPush.rawValue)
        writer.write(capital.amount.rawValue)
        writer.write(capital.since)
        writer.write(capital.closedAt)
        writer.write(UInt64(truncatingIfNeeded: capital.integral))
        writer.write(UInt64(truncatingIfNeeded: capital.integral >> 64))
    }

    mutating func read(from reader: inout SnapshotReader) throws(SnapshotError) {
        measured = try ChannelIncome(from: &reader)
        warmup = try ChannelIncome(from: &reader)
        pushed = Millisatoshi(try reader.read())
        receivedPush = Millisatoshi(try reader.read())
        capital.amount = Millisatoshi(try reader.read())
        capital.since = try reader.read()
        capital.closedAt = try reader.read()
        capital.integral = UInt128(try reader.read(UInt64.self))
        capital.integral |= UInt128(try reader.read(UInt64.self)) << 64
    }
}

extension ChannelIncome {
    fileprivate func write(to writer: inout SnapshotWriter) {
        for count in [forwards, refusedForBalance, refusedForLimits] { writer.write(count) }
        for amount in [volume, routingFees, feesPaid, sent, received, openingCost, closingCost, capital] {
            writer.write(amount.rawValue)
        }
        writer.write(penalties)
        writer.write(principal)
    }

    fileprivate init(from reader: inout SnapshotReader) throws(SnapshotError) {
        self.init()
        forwards = try reader.read()
        refusedForBalance = try reader.read()
        refusedForLimits = try reader.read()
        volume = Millisatoshi(try reader.read())
        routingFees = Millisatoshi(try reader.read())
        feesPaid = Millisatoshi(try reader.read())
        sent = Millisatoshi(try reader.read())
        received = Millisatoshi(try reader.read())
        openingCost = Millisatoshi(try reader.read())
        closingCost = Millisatoshi(try reader.read())
        capital = Millisatoshi(try reader.read())
        penalties = try reader.read()
        principal = try reader.read()
    }
}

extension ChannelSession {
    var progress: Progress {
        Progress(firstSecret: firstSecret, points: points, firstPoint: firstPoint, store: store)
    }
}

extension ChannelSession.Progress {
    fileprivate func write(to writer: inout SnapshotWriter) {
        writer.write(firstSecret)
        writer.write(firstPoint)
        writer.write(count: points.count)
        for point in points { writer.write(point) }
        writer.write(count: store.count)
        for (index, secret) in store.values {
            writer.write(index)
            writer.write(secret)
        }
    }

    fileprivate init(from reader: inout SnapshotReader) throws(SnapshotError) {
        firstSecret = try reader.read()
        firstPoint = try reader.read()
        points = []
        for _ in 0..<(try reader.readCount(of: 32, "the number of points")) {
            points.append(try reader.readBytes32())
        }
        var values: [(index: UInt64, secret: Bytes32)] = []
        for _ in 0..<(try reader.readCount(of: 40, "the number of secrets")) {
            values.append((try reader.read(UInt64.self), try reader.readBytes32()))
        }
        guard let store = PerCommitmentSecretStore(values: values) else {
            throw reader.implausible("a store of secrets")
        }
        self.store = store
        // A session has the points of two commitments, and a secret of each that was revoked.
        let isInRange =
            firstSecret <= PerCommitmentSeed.firstIndex && firstPoint <= PerCommitmentSeed.firstIndex
        try reader.check(isInRange && points.count == 2, "the number of a commitment")
        let next = PerCommitmentSeed.firstIndex - firstPoint
        try reader.check(store.nextIndex == next, "the last of the secrets")
    }
}
