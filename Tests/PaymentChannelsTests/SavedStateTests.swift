import Cryptography
import LightningTypes
import Randomness
import Settlement
import Snapshots
import Testing

@testable import PaymentChannels

@Suite struct `A saved channel` {
    private func saved(_ peer: Peer) -> [UInt8] {
        var writer = SnapshotWriter()
        peer.channel.write(to: &writer)
        let htlcs = peer.htlcs
        writer.write(count: htlcs.count)
        for htlc in htlcs { htlc.write(to: &writer) }
        return writer.finish()
    }

    private func restored(_ bytes: [UInt8], _ terms: ChannelTerms, isFunder: Bool, keys: ChannelKeys) throws
        -> Peer
    {
        let peer = Peer(
            keys: keys, channel: Channel(terms: terms, isFunder: isFunder, ours: sat(500_000), phase: .normal)
        )
        var reader = SnapshotReader(bytes)
        try peer.channel.read(from: &reader)
        for _ in 0..<(try reader.readCount()) {
            _ = peer.channel.restore(try HTLC(from: &reader), in: &peer.pool)
        }
        try reader.finish()
        return peer
    }

    /// At any moment, whatever is under way: the same commitment can be rebuilt, and every field is the same.
    @Test(arguments: 0..<10 as Range<UInt64>)
    func `is the same when it is restored`(seed: UInt64) throws {
        var stream = RandomStream(seed: seed, purpose: .init("saving"), process: 0)
        let terms = ChannelTerms.free(dust: 354, reserve: 1_000, feerate: 253)
        let pair = ChannelPair(terms, alice: sat(500_000))
        for _ in 0..<150 {
            let side: Side = stream.below(2) == 0 ? .first : .second
            let peer = pair[side]
            switch stream.below(8) {
            case 0: if peer.channel.refusal(of: sat(900)) == nil { try pair.offer(sat(900), from: side) }
            case 1: if peer.channel.canCommit { pair.commit(by: side) }
            case 2: if !peer.held.isEmpty { pair.resolve(.fulfilled, by: side) }
            case 3: if stream.below(5) == 0 { pair.reconnect() }
            case 4: if pair.alice.canUpdateFee(to: 999) { pair.updateFee(to: 999, by: .first) }
            default: if !peer.inbox.isEmpty { try pair.deliver(to: side) }
            }
            let bytes = saved(peer)
            let copy = try restored(bytes, terms, isFunder: side == .first, keys: peer.keys)
            let isConsistent = copy.channel.isConsistent(in: copy.pool)
            #expect(isConsistent)
            #expect(saved(copy) == bytes)
            #expect(copy.htlcs.map(\.state) == peer.htlcs.map(\.state))
            let there = pair.replacing(side, by: copy)
            #expect(there.latest(of: side)?.transaction == pair.latest(of: side)?.transaction)
        }
    }

    @Test func `of another party is refused`() throws {
        let terms = ChannelTerms.free()
        let pair = ChannelPair(terms, alice: sat(500_000))
        let bytes = saved(pair.alice)
        #expect(throws: SnapshotError.self) {
            _ = try restored(bytes, terms, isFunder: false, keys: ChannelPair.bobKeys)
        }
        for length in 0..<bytes.count {
            #expect(throws: SnapshotError.self) {
                _ = try restored(Array(bytes[..<length]), terms, isFunder: true, keys: ChannelPair.aliceKeys)
            }
        }
    }
}

@Suite struct `A channel that is given up` {
    @Test(arguments: [ChannelPhase.awaitingReady, .normal, .shuttingDown, .closing])
    func `holds its party's money until the chain has settled it`(phase: ChannelPhase) {
        var channel = Channel(terms: .free(), isFunder: true, ours: sat(500_000), phase: phase)
        channel.fail()
        #expect(channel.phase == .failed && channel.isFunded && channel.capital == sat(500_000))
        #expect(!channel.isUsable && !channel.canCommit)
        channel.close()
        #expect(channel.phase == .closed && channel.capital == .zero)
    }

    @Test func `takes no message any more`() throws {
        let pair = ChannelPair(.free(), alice: sat(500_000))
        try pair.offer(sat(1_000), from: .first)
        pair.commit(by: .first)
        pair.bob.channel.fail()
        #expect(throws: ProtocolViolation.unexpectedMessage(.failed)) { try pair.deliver(to: .second) }
        #expect(throws: ProtocolViolation.unexpectedMessage(.failed)) { try pair.deliver(to: .second) }
        #expect(pair.bob.htlcs.isEmpty && pair.bob.channel.localNumber == 0)
    }
}

@Suite struct `A fee wallet` {
    private func wallet(_ values: [UInt64]) -> FeeWallet {
        FeeWallet(
            key: SigningKey(seed: .zero),
            coins: values.enumerated().map {
                FeeWallet.Coin(outpoint: Chain.genesisOutpoint(UInt32($0.offset)), value: Satoshi($0.element))
            })
    }

    @Test func `reserves the smallest coin that is enough`() {
        var wallet = wallet([5_000, 800, 2_000])
        #expect(wallet.reserve(Satoshi(900))?.map(\.value) == [Satoshi(2_000)])
        #expect(wallet.total == Satoshi(5_800))
        #expect(wallet.reserve(Satoshi(800))?.map(\.value) == [Satoshi(800)], "exactly enough is enough")
    }

    @Test func `reserves the largest together where no coin is enough`() {
        var wallet = wallet([500, 800, 2_000])
        #expect(wallet.reserve(Satoshi(2_500))?.map(\.value) == [Satoshi(2_000), Satoshi(800)])
        #expect(wallet.coins.map(\.value) == [Satoshi(500)])
    }

    @Test func `reserves nothing where all together are not enough`() {
        var wallet = wallet([500, 800])
        #expect(wallet.reserve(Satoshi(1_301)) == nil && wallet.total == Satoshi(1_300))
        #expect(wallet.reserve(Satoshi(1_300))?.count == 2)
    }

    /// What an anchor brings may be enough for a child at the lowest rates, which takes a coin all the same.
    @Test func `that is empty reserves nothing for nothing`() {
        var wallet = wallet([])
        #expect(wallet.reserve(.zero) == nil)
    }

    /// The wallet has nothing: with anchors no fee can be added, and the money waits.
    @Test func `that is empty leaves second stages and children undone`() throws {
        let pair = ChannelPair(.free(dust: 354, feerate: 253, anchors: true, delay: 6), alice: sat(500_000))
        try pair.add(sat(50_000), from: .first, payment: 11, expiry: BlockHeight(20))
        let dispute = Dispute(pair)
        for coin in dispute.alice.wallet.coins { _ = dispute.alice.wallet.reserve(coin.value) }
        try dispute.publish(by: .first)
        dispute.mine(10)
        #expect(!dispute.alice.isClosed && dispute.alice.wallet.total == .zero)
        // Its balance came in meanwhile and pays for the HTLC.
        dispute.settle()
        #expect(
            dispute.alice.resolved.values.allSatisfy { $0 == .failed } && dispute.alice.resolved.count == 1)
    }
}
