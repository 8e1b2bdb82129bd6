import Cryptography
import LightningTypes
import Settlement

/// What a `ChannelMonitor` has found out, or wants done.
public enum MonitorEffect: Hashable, Sendable {
    case broadcast(Transaction)
    /// The chain showed the preimage of an HTLC that this party offered: it can be claimed upstream at once.
    case learned(preimage: Bytes32, MonitoredHTLC)
    /// What became of an HTLC, beyond the reach of reorganisations. `fulfilled`: its receiver has the money.
    case resolved(MonitoredHTLC, HTLCRemoval)
    /// The peer has published a commitment that it had revoked.
    case breach(number: UInt64)
    /// Money came to the wallet's key, beyond the reach of reorganisations: from a claim, or as change.
    case received(FeeWallet.Coin)
    /// Coins of the wallet that were reserved and turned out not to be needed.
    case released([FeeWallet.Coin])
    /// Nothing is left to do for the channel. Money that a watchtower sends later is announced as it comes.
    case closed(FundingSpend)
}

/// Resolves a channel on chain (BOLT 5): blocks in; transactions and news out.
///
/// Made when a party gives a channel up or sees its funding output spent; until then the `Channel` itself is the
/// record, so that channels in peace cost nothing. Says which outpoints it wants to be told of (`watched`), claims what
/// is its party's, each output by a transaction of its own, raises fees by replacement and by a child of the commitment
/// until they are confirmed, and punishes revoked commitments, second stages included.
///
/// All it knows of the chain is derived from the transactions told, in their order; a reorganisation takes the last of
/// them back, and the rest is derived anew. Preimages and reports stay.
///
/// ```swift
/// var monitor = ChannelMonitor(channel, in: pool, surroundings)
/// effects = monitor.publish(own, at: height, fees, &wallet)
/// effects = monitor.connect(relevantTransactions, at: height + 1, fees, &wallet)
/// ```
public struct ChannelMonitor: Sendable {
    /// What a monitor needs to know of its party and of layer 1.
    public struct Surroundings: Sendable {
        public var context: CommitmentContext
        public var keys: ChannelKeys
        public var rules: ChainRules
        /// Confirmations after which nothing is taken back.
        public var finality: UInt32
        /// The secret of a commitment that the peer has revoked.
        public var revocationSecret: @Sendable (_ number: UInt64) -> Bytes32?

        public init(
            context: CommitmentContext, keys: ChannelKeys, rules: ChainRules, finality: UInt32,
            revocationSecret: @escaping @Sendable (_ number: UInt64) -> Bytes32?
        ) {
            precondition(finality > 0, "what is not in a block is not final")
            self.context = context
            self.keys = keys
            self.rules = rules
            self.finality = finality
            self.revocationSecret = revocationSecret
        }
    }

    /// A commitment of this party on its way to the chain.
    struct Publication: Sendable {
        var own: OwnCommitment
        var since: BlockHeight
        /// The child that raises its fee.
        var child: ClaimAttempt?
    }

    let surroundings: Surroundings
    let terms: ChannelTerms
    let isFunder: Bool
    /// The peer's commitments below this one are revoked, those above `latestRemote` were never signed.
    let revokedBelow: UInt64
    let latestRemote: UInt64
    /// The HTLCs that were in any state, in the order they were added.
    public internal(set) var htlcs: [MonitoredHTLC]

    /// Commitments of this party that it can claim the HTLCs of.
    var owned: [OwnCommitment] = []
    var publication: Publication?
    /// By payment hash.
    var preimages: [Bytes32: Bytes32] = [:]
    /// This party's unconfirmed transactions, by the output they take.
    var attempts: [Outpoint: ClaimAttempt] = [:]
    var reports = MonitorReports()

    /// The transactions told, oldest first, and what they come to.
    var confirmed: [(height: BlockHeight, id: TransactionID, transaction: Transaction)] = []
    var view = OnChainView()
    public internal(set) var height = BlockHeight(0)

    /// A monitor of a channel as it stands now.
    public init(_ channel: Channel, in pool: borrowing HTLCPool, _ surroundings: Surroundings) {
        self.surroundings = surroundings
        terms = channel.terms
        isFunder = channel.isFunder
        revokedBelow = channel.reestablish.nextRevocationNumber
        latestRemote = channel.remoteNumber
        htlcs = channel.htlcs(in: pool).map {
            MonitoredHTLC($0, hash: surroundings.context.paymentHash($0.payment))
        }
    }

    /// Outputs whose spending it wants to be told of.
    public var watched: [Outpoint] {
        var all = [surroundings.context.funding]
        all += view.claims.filter { $0.spent == nil }.map(\.outpoint)
        if let publication, let index = anchor(of: publication.own) {
            all.append(Outpoint(transaction: publication.own.id, index: UInt32(index)))
        }
        return all
    }

    /// The next height at which it has something to do even if it is told of no transaction; nil once there is nothing.
    public var nextHeight: BlockHeight? {
        if reports.isClosed {
            return confirmed.filter { !reports.credited.contains($0.id) }.map { final($0.height) }.min()
        }
        if publication != nil && view.closing == nil { return height + 1 }
        var nearest: BlockHeight?
        func consider(_ candidate: BlockHeight) { nearest = min(nearest ?? candidate, candidate) }
        if let closing = view.closing { consider(max(height + 1, final(closing.height))) }
        for claim in view.claims where isOpen(claim) { consider(max(height + 1, claim.availableFrom)) }
        for claim in view.claims {
            if let spent = claim.spent, final(spent.height) > height { consider(final(spent.height)) }
        }
        return nearest
    }

    /// The height at which what was confirmed at another is final.
    func final(_ confirmed: BlockHeight) -> BlockHeight {
        PlantedBug.planted == .waitsForNoDepth ? confirmed : confirmed + (surroundings.finality - 1)
    }

    // MARK: What its party tells it

    /// When the HTLC that one of these was forwarded for expires.
    public mutating func setUpstreamExpiry(_ expiry: BlockHeight, of key: MonitoredHTLC.Key) {
        guard let place = htlcs.firstIndex(where: { $0.key == key }) else { return }
        htlcs[place].upstreamExpiry = expiry
        rederive()
    }

    /// A preimage that this party has come to know, from downstream for example.
    public mutating func learn(_ preimage: Bytes32) { preimages[sha256(preimage)] = preimage }

    /// Goes on chain with a commitment of this party.
    public mutating func publish(
        _ own: OwnCommitment, at height: BlockHeight, _ fees: some FeeRates, _ wallet: inout FeeWallet
    ) -> [MonitorEffect] {
        precondition(publication == nil, "a channel goes on chain once")
        self.height = max(self.height, height)
        owned.append(own)
        publication = Publication(own: own, since: height)
        return act(fees, &wallet)
    }

    // MARK: Blocks

    /// A block has come.
    ///
    /// - Parameter transactions: those in it that spend an outpoint watched, or an output of one of these, in the
    ///   order of the block; others do no harm.
    public mutating func connect(
        _ transactions: [Transaction], at height: BlockHeight, _ fees: some FeeRates,
        _ wallet: inout FeeWallet
    ) -> [MonitorEffect] {
        precondition(height >= self.height, "blocks come in their order")
        self.height = height
        for transaction in transactions {
            let id = transaction.id
            if apply(transaction, id, at: height) { confirmed.append((height, id, transaction)) }
        }
        return act(fees, &wallet)
    }

    /// The blocks above a height are undone; the branch that replaces them is told by `connect`.
    ///
    /// - Returns: what it broadcasts again, since the chain may have thrown it out.
    public mutating func disconnect(to height: BlockHeight) -> [MonitorEffect] {
        self.height = min(self.height, height)
        confirmed.removeAll { $0.height > height }
        for outpoint in attempts.keys { attempts[outpoint]?.undo(to: height) }
        if let since = publication?.since { publication?.since = min(since, height) }
        publication?.child?.undo(to: height)
        rederive()
        var again: [MonitorEffect] = []
        if view.closing == nil, let publication {
            again.append(.broadcast(publication.own.transaction))
            if let child = publication.child { again.append(.broadcast(child.transaction)) }
        }
        for claim in view.claims where isOpen(claim) && claim.availableFrom <= height {
            if let attempt = attempts[claim.outpoint] { again.append(.broadcast(attempt.transaction)) }
        }
        return again
    }

    mutating func rederive() {
        view = OnChainView()
        for told in confirmed { _ = apply(told.transaction, told.id, at: told.height) }
    }
}
