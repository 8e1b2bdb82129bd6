import Cryptography
import EventSimulation
import LightningTypes
import Snapshots

extension NetworkMessage: StorablePayload {
    func write(to writer: inout SnapshotWriter) {
        writer.write(kind.rawValue)
        writer.write(failure.rawValue)
        writer.write(distance)
        writer.write(tag)
        writer.write(end.rawValue)
        writer.write(expiry)
        writer.write(id)
        writer.write(amount)
        writer.write(payment.rawValue)
    }

    init(from reader: inout SnapshotReader) throws(SnapshotError) {
        let kind: Kind = try reader.readCase("the kind of a message")
        let failure: FailureName = try reader.readCase("a failure")
        let distance = try reader.read(UInt8.self)
        let tag = try reader.read(UInt8.self)
        self.init(kind, end: DirectionIndex(try reader.read()))
        self.failure = failure
        self.distance = distance
        connection = tag
        try reader.check(kind.isWire || TransactionPurpose(rawValue: tag) != nil, "a purpose")
        expiry = try reader.read()
        id = try reader.read()
        amount = try reader.read()
        payment = PaymentToken(rawValue: try reader.read())
    }
}

extension NetworkWorld {
    /// Whether a process could be sent such a message with such an attachment.
    func canDeliver(_ message: NetworkMessage, to destination: UInt32, _ bytes: [UInt8]?) -> Bool {
        switch message.kind {
        case .broadcastTransaction, .watchTransaction, .blockTimer, .layerOneQuestion:
            guard destination == layerOneProcess else { return false }
        case .feerateQuestion:
            guard hasFeeMarket, destination == layerOneProcess, world(has: message.end) else { return false }
        case .feerateTimer, .feerateEstimate:
            guard hasFeeMarket, world(has: message.end), message.amount < 1 << 40,
                owners[Int(message.end.rawValue)] == destination
            else { return false }
        case .channelUpdate, .policyUpdate, .gossipTimer:
            guard destination == gossipProcess else { return false }
        case .towerUpdate:
            guard topology.watchtower != nil, destination == towerProcess, world(has: message.end),
                isTowerClient(message.end)
            else { return false }
        case .faultTimer:
            guard message.id < UInt64(faults.planned.count), FaultMoment(rawValue: message.amount) != nil,
                destination == victim(of: Int(message.id))
            else { return false }
        case .blockNews, .blocksUndone:
            guard world(has: message.end), hasFaults || hasFeeMarket, message.id <= UInt64(UInt32.max),
                destination == owners[Int(message.end.rawValue)]
                    || topology.watchtower != nil && destination == towerProcess
            else { return false }
        case .trafficTimer, .paymentEnded: guard destination == trafficProcess else { return false }
        case .startPayment, .partsTimer: guard destination < UInt32(nodeCount) else { return false }
        case .openChannel, .acceptChannel, .fundingCreated, .fundingSigned, .channelReady, .updateAddHTLC,
            .updateFulfillHTLC, .updateFailHTLC, .commitmentSigned, .revokeAndAck, .shutdown, .closingSigned,
            .transactionConfirmed, .openTimer, .closeTimer, .commitTimer, .policyTimer, .channelReestablish,
            .linkDown, .linkUp, .deadlineTimer, .holdTimer, .updateFee:
            guard world(has: message.end), owners[Int(message.end.rawValue)] == destination
            else {
                return false
            }
        }
        if message.kind == .startPayment {
            guard message.id < UInt64(nodeCount), UInt32(message.id) != destination, message.amount > 0 else {
                return false
            }
        }
        if message.kind == .updateFee, message.amount > UInt64(UInt32.max) { return false }
        if message.kind == .policyTimer, !canChange(message, of: destination) { return false }
        // Timers of layer 1, gossip and traffic name no end; what a channel is asked for names one that exists.
        guard endCount == 0 || Int(message.end.rawValue) < endCount else { return false }
        return isAttachment(bytes, of: message.kind)
    }

    private func world(has end: DirectionIndex) -> Bool { Int(end.rawValue) < endCount }

    /// Which process a planned fault befalls.
    private func victim(of index: Int) -> UInt32 {
        if let node = faults.planned[index].node { return UInt32(node) }
        return faults.fault(index).kind == .towerOutage ? towerProcess : layerOneProcess
    }

    private func canChange(_ message: NetworkMessage, of node: UInt32) -> Bool {
        guard message.id < UInt64(topology.policyChanges.count), message.amount < 1 << 40 else {
            return false
        }
        let change = topology.policyChanges[Int(message.id)]
        return ends(of: Int(node), concernedBy: change).contains(message.end)
    }

    private func isAttachment(_ bytes: [UInt8]?, of kind: NetworkMessage.Kind) -> Bool {
        let isEager = settings.signatures == .eager
        switch kind {
        case .updateAddHTLC:
            return bytes.map { isEager ? $0.count == OnionPacket.size : !$0.isEmpty } ?? false
        case .fundingCreated, .fundingSigned: return bytes?.count == 36 + (isEager ? 64 : 0)
        case .commitmentSigned:
            guard isEager else { return bytes == nil }
            return bytes.map { !$0.isEmpty && $0.count.isMultiple(of: 64) } ?? false
        case .revokeAndAck: return isEager ? bytes?.count == 64 : bytes == nil
        case .updateFulfillHTLC: return isEager ? bytes?.count == 32 : bytes == nil
        case .closingSigned: return bytes?.count == 64
        case .blockNews:
            return bytes?.withUnsafeBytes { ChainNews(decoding: $0) } != nil
        case .broadcastTransaction: return bytes != nil
        case .watchTransaction: return bytes?.count == 32
        case .updateFailHTLC:
            return bytes.map { $0.count == (isEager ? OnionError.size : FailureUpdate.size) } ?? true
        case .openChannel, .acceptChannel, .channelReady, .shutdown, .channelUpdate, .policyUpdate,
            .policyTimer, .transactionConfirmed, .blockTimer, .gossipTimer, .trafficTimer, .openTimer,
            .closeTimer,
            .partsTimer,
            .commitTimer, .startPayment, .paymentEnded, .channelReestablish, .linkDown, .linkUp, .faultTimer,
            .deadlineTimer, .holdTimer, .layerOneQuestion, .blocksUndone, .towerUpdate, .updateFee,
            .feerateTimer, .feerateQuestion, .feerateEstimate:
            return bytes == nil
        }
    }
}
