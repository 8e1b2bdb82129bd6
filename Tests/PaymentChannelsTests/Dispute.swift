import Cryptography
import LightningTypes
import Settlement
import Snapshots
import Testing

@testable import PaymentChannels

/// A party of a channel that has come to the chain: its monitor, its wallet and what it was told.
final class Disputant {
    var monitor: ChannelMonitor
    var wallet: FeeWallet
    var news: [MonitorEffect] = []
    /// Whether it sees blocks; those it missed are told when it is back.
    var isOnline = true
    var missed: [Block] = []
    /// What the chain said to its transactions.
    var refusals: [TransactionRefusal] = []
    /// How often it broadcast a transaction that took the place of one of its own.
    var broadcasts: [TransactionID] = []

    init(_ monitor: ChannelMonitor, _ wallet: FeeWallet) {
        self.monitor = monitor
        self.wallet = wallet
    }

    var isClosed: Bool { news.contains { if case .closed = $0 { true } else { false } } }
    var breaches: Int { news.count { if case .breach = $0 { true } else { false } } }
    var learned: [Bytes32] {
        news.compactMap { if case .learned(let preimage, _) = $0 { preimage } else { nil } }
    }

    /// What became of the HTLCs, by their names.
    var resolved: [MonitoredHTLC.Key: HTLCRemoval] {
        var all: [MonitoredHTLC.Key: HTLCRemoval] = [:]
        for effect in news {
            guard case .resolved(let htlc, let removal) = effect else { continue }
            #expect(all.updateValue(removal, forKey: htlc.key) == nil, "an HTLC is resolved once")
        }
        return all
    }
}

/// Two parties, their channel's funding output in block 0 of a chain, and a wallet of each beside it.
final class Dispute {
    let pair: ChannelPair
    var chain: Chain
    var fees: FeeEstimator
    let alice: Disputant
    let bob: Disputant

    static let coin = Satoshi(100_000)
    static let coinsEach: UInt32 = 8

    /// - Parameters:
    ///   - demand: everybody else's; none if nil.
    ///   - finality: confirmations after which nothing is taken back.
    init(
        _ pair: ChannelPair, rules: ChainRules = .bitcoin, demand: BackgroundDemand? = nil,
        finality: UInt32 = 7
    ) {
        self.pair = pair
        let keys = [Side.first, .second].map { side in
            SigningKey(seed: Bytes32(words: 1_000 + UInt64(side.rawValue), 0, 0, 0))
        }
        var genesis = [pair.fundingOutput]
        for key in keys {
            genesis += (0..<Self.coinsEach).map { _ in Output(value: Self.coin, key: key.publicKey) }
        }
        chain = Chain(genesis: genesis, rules: rules, demand: demand)
        fees = FeeEstimator(feerateMinimum: rules.feerateMinimum)
        let sides = Side.allCases.map { side -> Disputant in
            let first = 1 + UInt32(side.rawValue) * Self.coinsEach
            let coins = (first..<first + Self.coinsEach).map {
                FeeWallet.Coin(outpoint: Chain.genesisOutpoint($0), value: Self.coin)
            }
            let peer = pair[side.other].keys
            let revoked = pair[side].channel.reestablish.nextRevocationNumber
            let surroundings = ChannelMonitor.Surroundings(
                context: pair.context(of: side), keys: pair[side].keys, rules: rules, finality: finality,
                revocationSecret: { $0 < revoked ? peer.perCommitmentSecret($0) : nil })
            return Disputant(
                ChannelMonitor(pair[side].channel, in: pair[side].pool, surroundings),
                FeeWallet(key: keys[Int(side.rawValue)], coins: coins))
        }
        (alice, bob) = (sides[0], sides[1])
    }

    subscript(side: Side) -> Disputant { side == .first ? alice : bob }

    /// A commitment with the signatures that the peer sent for it.
    func owned(_ commitment: CommitmentTransaction, by side: Side) -> OwnCommitment {
        let peer = pair[side.other].keys
        return OwnCommitment(
            commitment, theirs: CommitmentSignatures(commitment, with: peer), keys: pair[side].keys,
            peer: peer.publicKeys)
    }

    /// The party gives the channel up and publishes a commitment, its latest unless told otherwise.
    func publish(by side: Side, _ commitment: CommitmentTransaction? = nil) throws {
        let own = owned(try #require(commitment ?? pair.latest(of: side)), by: side)
        let party = self[side]
        pair[side].channel.fail()
        handle(party.monitor.publish(own, at: chain.height, fees, &party.wallet), of: party)
    }

    /// Both monitors are saved and restored: nothing must be lost.
    func restart() throws {
        for side in Side.allCases {
            let party = self[side]
            var writer = SnapshotWriter()
            party.monitor.write(to: &writer)
            let bytes = writer.finish()
            var reader = SnapshotReader(bytes)
            let restored = try ChannelMonitor(
                from: &reader, terms: pair[side].channel.terms, isFunder: pair[side].channel.isFunder,
                party.monitor.surroundings)
            try reader.finish()
            var again = SnapshotWriter()
            restored.write(to: &again)
            #expect(again.finish() == bytes && restored.watched == party.monitor.watched)
            #expect(restored.nextHeight == party.monitor.nextHeight)
            party.monitor = restored
        }
    }

    func mine(_ count: Int = 1, isEmpty: Bool = false) {
        for _ in 0..<count {
            let block = chain.mineBlock(isEmpty: isEmpty)
            fees.connect(block, rules: chain.rules)
            for party in [alice, bob] {
                party.missed.append(block)
                if party.isOnline { catchUp(party) }
            }
        }
    }

    func catchUp(_ party: Disputant) {
        for block in party.missed {
            let transactions = block.transactions.map(\.transaction)
            handle(party.monitor.connect(transactions, at: block.height, fees, &party.wallet), of: party)
        }
        party.missed = []
    }

    /// The last blocks give way to a branch that is longer by one.
    func reorganise(depth: Int) {
        _ = chain.undoBlocks(depth)
        fees.disconnect(blocks: depth)
        for party in [alice, bob] where party.isOnline {
            handle(party.monitor.disconnect(to: chain.height), of: party)
        }
        mine(depth + 1)
    }

    private func handle(_ effects: [MonitorEffect], of party: Disputant) {
        party.news += effects
        for effect in effects {
            switch effect {
            case .broadcast(let transaction):
                do throws(TransactionRefusal) {
                    party.broadcasts.append(try chain.submit(transaction))
                } catch {
                    party.refusals.append(error)
                }
            case .received(let coin): party.wallet.receive(coin)
            case .released(let coins): for coin in coins { party.wallet.receive(coin) }
            case .learned, .resolved, .breach, .closed: break
            }
        }
    }

    /// The channels' own books of the HTLCs are closed by what the monitors have found.
    func closeBooks() {
        for side in Side.allCases {
            let peer = pair[side]
            if peer.channel.phase != .lostData { peer.channel.fail() }
            for (key, removal) in self[side].resolved.sorted(by: { $0.key < $1.key }) {
                let htlc = peer.channel.resolve(key, as: removal, in: &peer.pool)
                #expect(htlc?.removal == removal)
                #expect(peer.channel.resolve(key, as: removal, in: &peer.pool) == nil, "it is gone")
            }
            #expect(!peer.channel.hasHTLCs && peer.pool.count == 0)
            #expect(peer.channel.local.offered == .zero && peer.channel.remote.received == .zero)
            peer.channel.close()
        }
    }

    /// Mines until both monitors have nothing left to do.
    func settle(limit: Int = 2_000) {
        var blocks = 0
        while !(alice.isClosed && bob.isClosed), blocks < limit {
            mine()
            blocks += 1
        }
        #expect(alice.isClosed && bob.isClosed, "unsettled after \(limit) blocks")
        chain.checkTotals()
    }

    /// What a party has gained on chain: what its key can spend, less what it began with; reserved coins are its own.
    func gain(of side: Side) -> Int64 {
        let party = self[side]
        #expect(
            party.wallet.coins.allSatisfy { chain.unspentValue($0.outpoint) == $0.value },
            "coins that are there")
        #expect(Set(party.wallet.coins.map(\.outpoint)).count == party.wallet.coins.count)
        return Int64(party.wallet.total.rawValue) - Int64(Self.coin.rawValue) * Int64(Self.coinsEach)
    }
}
