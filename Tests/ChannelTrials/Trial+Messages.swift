import Cryptography
import LightningTypes
import PaymentChannels
import Settlement

// What the nodes say to each other.
extension Trial {
    /// Puts a message on its way; one that cannot be sent now is sent again after the reconnection.
    func send(_ body: TrialMessage.Body, from end: TrialEnd) {
        guard isConnected[end.link], !end.channel.awaitsReestablish else { return }
        peer(of: end).inbox.append(TrialMessage(body: body, view: end.channel.remote))
    }

    func commit(_ end: TrialEnd) throws {
        guard node(of: end).isOnline, isConnected[end.link], end.isAlive, end.channel.canCommit else {
            return
        }
        let message = end.channel.commit(in: &end.pool, &end.settled)
        let number = end.channel.remoteNumber
        let made = end.channel.signedRemoteCommitment(
            end.context, point: end.peerKeys.perCommitmentPoint(number), in: end.pool)
        peer(of: end).history[number] = made
        end.tower?.note(made, number: number)
        collect(end)
        send(.commit(message), from: end)
        try drive(node(of: end))
    }

    /// Takes note of HTLCs that are gone for good; those that are committed are found in the pool.
    func collect(_ end: TrialEnd) {
        for htlc in end.settled.removed { end.outcomes[htlc.payment] = htlc.removal }
        end.settled.clear()
    }

    func remove(_ index: HTLCIndex, _ removal: HTLCRemoval, at end: TrialEnd, code: UInt16? = nil) {
        let id = end.pool[index].id
        if let code {
            end.channel.removeMalformed(index, code: code, in: &end.pool)
            send(.malformed(id: id, code: code), from: end)
        } else {
            end.channel.remove(index, as: removal, in: &end.pool)
            send(.remove(id: id, removal), from: end)
        }
    }

    func deliver(to end: TrialEnd) throws {
        guard node(of: end).isOnline, !end.inbox.isEmpty else { return }
        let message = end.inbox.removeFirst()
        // Who has given up does not listen any more.
        guard end.isAlive || end.channel.phase == .lostData && end.monitor == nil else { return }
        do {
            try receive(message.body, at: end)
        } catch let violation as ProtocolViolation {
            throw TrialFailure("\(violation) from \(message.body)")
        }
        collect(end)
        if let view = message.view, !end.channel.awaitsReestablish, end.isAlive,
            !end.channel.local.mirrors(view)
        {
            throw TrialFailure("two rebuild different commitments after \(message.body)")
        }
        try drive(node(of: end))
    }

    private func receive(_ body: TrialMessage.Body, at end: TrialEnd) throws {
        switch body {
        case .add(let id, let amount, let payment, let expiry):
            _ = try end.channel.receiveAdd(id: id, amount, payment: payment, expiry: expiry, in: &end.pool)
        case .remove(let id, let removal):
            let index = try end.channel.receiveRemoval(id: id, as: removal, in: &end.pool)
            if removal == .fulfilled { node(of: end).known.insert(end.pool[index].payment) }
        case .malformed(let id, let code):
            _ = try end.channel.receiveMalformed(id: id, code: code, in: &end.pool)
        case .commit(let signed):
            let revoked = try end.channel.receiveCommit(signed, in: &end.pool, &end.settled)
            try checkLatest(of: end)
            send(.revoke(revoked), from: end)
        case .revoke(let number):
            try end.channel.receiveRevocation(of: number, in: &end.pool, &end.settled)
            end.tower?.prepare(revoked: number, secret: end.peerKeys.perCommitmentSecret(number))
            handOver(node(of: end))
        case .fee(let feerate):
            try end.channel.receiveFee(feerate, acceptable: 253...5_000, in: end.pool)
        case .shutdown:
            try end.channel.receiveShutdown()
            end.wantsClose = true
            end.channel.stopOffering()
        case .closing(let transaction):
            try receiveClosing(transaction, at: end)
        case .reestablish(let message):
            try receiveReestablish(message, at: end)
        }
    }

    /// The end can rebuild what the peer has signed, and it is the same.
    func checkLatest(of end: TrialEnd) throws {
        guard let latest = end.latest, let made = end.history[end.channel.localNumber] else {
            throw TrialFailure("commitment \(end.channel.localNumber) cannot be rebuilt")
        }
        guard latest.transaction == made.transaction, latest.secondStage == made.secondStage else {
            throw TrialFailure("commitment \(end.channel.localNumber) is not the one that was signed")
        }
    }

    // MARK: Connections

    func disconnect(_ link: Int) throws {
        guard isConnected[link] else { return }
        isConnected[link] = false
        for end in [ends[link * 2], ends[link * 2 + 1]] {
            end.inbox = []
            end.hasSentClosing = false
            if end.isAlive { end.channel.disconnect(in: &end.pool) }
        }
    }

    func reconnect(_ link: Int) {
        let pair = [ends[link * 2], ends[link * 2 + 1]]
        guard !isConnected[link], pair.allSatisfy({ node(of: $0).isOnline && canTalk($0) }) else { return }
        isConnected[link] = true
        for end in pair {
            peer(of: end).inbox.append(
                TrialMessage(body: .reestablish(end.channel.reestablish), view: nil))
        }
        report.count(.reconnections)
    }

    private func canTalk(_ end: TrialEnd) -> Bool {
        end.isAlive || end.channel.phase == .lostData && end.monitor == nil
    }

    private func receiveReestablish(_ message: ChannelReestablish, at end: TrialEnd) throws {
        let again: [Retransmission]
        do throws(ReestablishFailure) {
            again = try end.channel.receiveReestablish(message, provesSecret: true, in: end.pool)
        } catch {
            guard nodes.contains(where: \.hasLostData) else {
                throw TrialFailure("a reconnection failed: \(error)")
            }
            switch error {
            case .lostData: return report.count(.lostData)
            case .peerLostData, .inconsistent:
                report.count(.peerLostData)
                end.isUnsure = false
                return try publish(end)
            case .notAwaited: throw TrialFailure("a reconnection nobody awaited")
            }
        }
        end.isUnsure = false
        for message in again { retransmit(message, from: end) }
    }

    private func retransmit(_ message: Retransmission, from end: TrialEnd) {
        func htlc(_ index: HTLCIndex) -> HTLC { end.pool[index] }
        let body: TrialMessage.Body
        switch message {
        case .channelReady: return
        case .removal(let index): body = .remove(id: htlc(index).id, htlc(index).removal)
        case .fee(let feerate): body = .fee(feerate)
        case .add(let index):
            body = .add(
                id: htlc(index).id, htlc(index).amount, payment: htlc(index).payment, htlc(index).expiry)
        case .commitmentSigned(let signed): body = .commit(signed)
        case .revokeAndAck(let number): body = .revoke(number)
        case .shutdown: body = .shutdown
        }
        peer(of: end).inbox.append(TrialMessage(body: body, view: nil))
    }

    // MARK: Closing together

    /// The funder proposes once nothing is pending; the other side agrees, and the funder broadcasts.
    func continueClosing(_ end: TrialEnd) throws {
        guard isConnected[end.link], end.isAlive, !end.channel.awaitsReestablish else { return }
        if end.wantsClose, end.channel.phase != .closing, !end.channel.hasSentShutdown,
            end.channel.changesToCommit == 0, !end.channel.awaitsRevocation
        {
            end.channel.sendShutdown()
            send(.shutdown, from: end)
        }
        guard end.isFunder, end.channel.canSignClosing, !end.hasSentClosing else { return }
        end.hasSentClosing = true
        send(.closing(try closing(of: end)), from: end)
    }

    private func closing(of end: TrialEnd) throws -> Transaction {
        let peer = node(of: peer(of: end))
        let transaction = closingTransaction(
            end.channel, funding: end.funding, fundedBy: end.fundingOutput,
            ours: node(of: end).wallet.publicKey, theirs: peer.wallet.publicKey, feeratePerKiloweight: 253)
        guard let transaction else { throw TrialFailure("a channel that cannot pay for its closing") }
        return transaction
    }

    private func receiveClosing(_ proposed: Transaction, at end: TrialEnd) throws {
        var transaction = try closing(of: end)
        guard transaction == proposed else { throw TrialFailure("two closing transactions") }
        try end.channel.beginClosing()
        guard end.isFunder else { return send(.closing(transaction), from: end) }
        let hash = transaction.signatureHash
        transaction.inputs[0].witness = fundingWitness(
            (end.keys.funding.publicKey, end.keys.funding.signature(of: hash)),
            (end.peerKeys.funding.publicKey, end.peerKeys.funding.signature(of: hash)))
        broadcast(transaction)
        report.count(.cooperativeCloses)
    }

    // MARK: What a node does by itself

    /// Forwards, settles and claims all that can be by what the node knows.
    func drive(_ node: TrialNode) throws {
        guard node.isOnline else { return }
        for end in node.ends {
            if end.monitor != nil {
                for payment in node.known.sorted() { end.monitor?.learn(Self.preimage(payment)) }
            }
            guard end.isAlive else { continue }
            for (index, htlc) in end.held where htlc.removal == .none {
                try resolve(index, htlc, at: end, of: node)
            }
            try continueClosing(end)
        }
    }

    private func resolve(_ index: HTLCIndex, _ htlc: HTLC, at end: TrialEnd, of node: TrialNode) throws {
        if node.known.contains(htlc.payment) { return remove(index, .fulfilled, at: end) }
        let payment = payment(htlc.payment)
        guard payment.route.last != node.place, node.hasOutgoing(payment.id, apartFrom: end) == nil else {
            return
        }
        let expiry = BlockHeight(htlc.expiry.rawValue - Self.expiryDelta)
        guard node.attempted.insert(payment.id).inserted, let next = node.other(than: end), next.isAlive,
            !next.isUnsure, node.seen + Self.expiryMargin < expiry,
            next.channel.refusal(of: payment.amount) == nil
        else {
            report.count(.forwardsRefused)
            return remove(index, .failed, at: end)
        }
        report.count(.forwards)
        try offer(payment.amount, payment.id, expiry, over: next)
    }

    // MARK: Restarts

    func restart(_ node: TrialNode) throws {
        for end in node.ends {
            try disconnect(end.link)
            try end.restore(end.saved())
            try end.restartServices(chain.rules)
        }
        report.count(.restarts)
    }

    func backUp(_ node: TrialNode) {
        node.backup = TrialNode.Backup(
            ends: node.ends.map { $0.isAlive ? $0.saved() : nil }, wantsClose: node.ends.map(\.wantsClose),
            known: node.known, attempted: node.attempted)
    }

    /// Two that forgot different things could agree on something new; one is enough to test what the others do.
    func restore(_ node: TrialNode) throws {
        guard node.isOnline, let backup = node.backup, !nodes.contains(where: \.hasLostData),
            !nodes.contains(where: \.hasCheated)
        else { return }
        node.hasLostData = true
        for (place, end) in node.ends.enumerated() {
            try disconnect(end.link)
            guard let saved = backup.ends[place], end.isAlive else { continue }
            try end.restore(saved)
            end.channel.disconnect(in: &end.pool)
            end.wantsClose = backup.wantsClose[place]
            end.isUnsure = true
        }
        (node.known, node.attempted) = (backup.known, backup.attempted)
        report.count(.staleRestores)
    }
}
