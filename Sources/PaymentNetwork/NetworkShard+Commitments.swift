import Cryptography
import EventSimulation
import LightningTypes
import PaymentChannels
import Settlement

// BOLT 2, "Committing Updates So Far": changes are collected for `commitment_interval`, then signed for together.
extension NetworkShard {
    /// Sees to it that pending changes are signed for, at the latest a commitment interval from now.
    func scheduleCommit(at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        let position = Int(end.rawValue)
        guard world.channels[position].canCommit, !world.channels[position].isCommitScheduled else { return }
        world.channels[position].isCommitScheduled = true
        shard.send(to: shard.process, after: world.commitmentInterval, NetworkMessage(.commitTimer, end: end))
    }

    func commit(at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        let position = Int(end.rawValue)
        world.channels[position].isCommitScheduled = false
        guard world.channels[position].canCommit else { return }
        send(world.channels[position].commit(in: &htlcs, &settled), at: end, &shard)
    }

    /// Sends `commitment_signed`, for the first time or again.
    func send(
        _ signed: CommitmentSigned, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) {
        let position = Int(end.rawValue)
        var message = NetworkMessage(.commitmentSigned, end: end)
        message.id = signed.number
        message.amount = signed.fingerprint
        if isEager {
            let session = session(of: end)
            let commitment = world.channels[position].signedRemoteCommitment(
                context(of: end), point: session.theirPoint(signed.number), in: htlcs)
            let signatures = CommitmentSignatures(commitment, with: session.keys)
            statistics.primitives.count(signaturesMade: signatures.all.count)
            message.attachment = shard.attach(signatures.all)
        }
        send(message, from: end, &shard)
    }

    func receiveCommitment(
        _ message: NetworkMessage, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) throws(ProtocolViolation) {
        let position = Int(end.rawValue)
        let signed = CommitmentSigned(number: message.id, fingerprint: message.amount)
        if world.hasFaults, world.faults.isCheat(shard.process) { archive(at: end) }
        let revoked = try world.channels[position].receiveCommit(signed, in: &htlcs, &settled)
        use?.revoked(at: end)
        var answer = NetworkMessage(.revokeAndAck, end: end)
        answer.id = revoked
        if isEager {
            try verifySignatures(message, at: end, &shard)
            let revocation = session(of: end).revoke(revoked)
            statistics.primitives.countRevocation(of: revoked)
            answer.attachment = shard.attach([revocation.secret, revocation.nextPoint])
        }
        send(answer, from: end, &shard)
        bookSettled(at: end, &shard)
        scheduleCommit(at: end, &shard)
    }

    /// BOLT 2: the receiver of a signature that is not valid fails the channel.
    private func verifySignatures(
        _ message: NetworkMessage, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) throws(ProtocolViolation) {
        let session = session(of: end)
        let commitment = world.channels[Int(end.rawValue)].latestCommitment(
            context(of: end), point: session.point(message.id), in: htlcs)
        guard let commitment else { throw .commitmentMismatch(number: message.id) }
        let signatures = CommitmentSignatures(all: detach(message.attachment, &shard))
        statistics.primitives.count(signaturesVerified: signatures.all.count)
        guard signatures.areValid(for: commitment, by: session.theirs) else {
            throw .badSignature(number: message.id)
        }
    }

    func receiveRevocation(
        _ message: NetworkMessage, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) throws(ProtocolViolation) {
        try world.channels[Int(end.rawValue)].receiveRevocation(of: message.id, in: &htlcs, &settled)
        noteCapital(of: end, shard)
        statistics.lastRevocation = shard.now
        if world.isTowerClient(end) {
            var update = NetworkMessage(.towerUpdate, end: end)
            update.id = message.id
            shard.send(to: world.towerProcess, after: world.lookahead, update)
        }
        if isEager {
            let values: [Bytes32] = detach(message.attachment, &shard)
            statistics.primitives.countRevealedSecret(of: message.id)
            try session(of: end).receiveRevocation(of: message.id, secret: values[0], nextPoint: values[1])
        }
        let committed = settled.committed
        bookSettled(at: end, &shard)
        for htlc in committed { forwardOrAccept(htlc, at: end, &shard) }
        scheduleCommit(at: end, &shard)
    }

    /// Books what the last step settled for good, passes failures on, and takes a closing further.
    private func bookSettled(at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        if !settled.removed.isEmpty {
            let removed = settled.removed
            settled.clear()
            for htlc in removed { finish(htlc, at: end, &shard) }
        } else if !settled.committed.isEmpty {
            settled.clear()
        }
        if world.channels[Int(end.rawValue)].phase == .shuttingDown { continueClosing(of: end, &shard) }
    }

    // MARK: Eager signatures

    /// Made when first needed; the peer's keys and its points of commitments 0 and 1 came with the opening.
    func session(of end: DirectionIndex) -> ChannelSession {
        if let session = world.sessions[Int(end.rawValue)] { return session }
        let peer = world.keys.channelKeys(end.reversed)
        let session = ChannelSession(
            keys: world.keys.channelKeys(end), peer: peer.publicKeys,
            points: [peer.perCommitmentPoint(0), peer.perCommitmentPoint(1)])
        world.sessions[Int(end.rawValue)] = session
        statistics.primitives.countSession()
        return session
    }

    func context(of end: DirectionIndex) -> CommitmentContext {
        session(of: end).context(funding: world.fundings[Int(end.rawValue)], world.keys)
    }

    /// The values of an attachment, which is released.
    func detach<Value: BitwiseCopyable>(
        _ attachment: Attachment, _ shard: inout Shard<NetworkMessage>
    ) -> [Value] {
        let bytes = shard.attachments.bytes(of: attachment)
        let values = stride(from: 0, to: bytes.count, by: MemoryLayout<Value>.stride).map {
            bytes.loadUnaligned(fromByteOffset: $0, as: Value.self)
        }
        shard.attachments.release(attachment)
        return values
    }
}

extension Shard {
    /// Trivial values as an attachment's bytes.
    mutating func attach<Value: BitwiseCopyable>(_ values: [Value]) -> Attachment {
        values.withUnsafeBytes { bytes in
            let attachment = attachments.allocate(count: bytes.count)
            attachments.bytes(of: attachment).copyBytes(from: bytes)
            return attachment
        }
    }
}
