import Cryptography
import LightningTypes
import Randomness
import Snapshots
import Testing

@testable import PaymentChannels
@testable import Settlement

/// A channel with a past: Alice, who will cheat, has kept every commitment of hers; Bob has kept secrets alone.
private final class Past {
    static let delay: UInt16 = 20
    let pair: ChannelPair
    /// Alice's revoked commitments, by number.
    private(set) var archive: [CommitmentTransaction] = []
    /// What Bob's tower was given for each.
    private(set) var tower: TowerClient
    private(set) var payments: UInt64 = 0

    static let towerKey = SigningKey(seed: Bytes32(words: 7, 7, 7, 7))
    static let clientKey = SigningKey(seed: Bytes32(words: 1_001, 0, 0, 0))

    /// Pays to and fro until Alice has revoked so many commitments.
    init(seed: UInt64, revoked: Int, anchors: Bool) throws {
        var stream = RandomStream(seed: seed, purpose: .init("a past"), process: 0)
        let terms = ChannelTerms.free(
            dust: 354, reserve: 20_000, feerate: 253, anchors: anchors, delay: Self.delay)
        pair = ChannelPair(terms, alice: sat(500_000))
        tower = TowerClient(
            keys: pair.bob.keys, terms: terms,
            tower: TowerTerms(
                feerates: [253, 1_000, 4_000, 16_000], rewardPermille: 10, key: Self.towerKey.publicKey),
            wallet: Self.clientKey.publicKey)
        noteForTower()
        while archive.count < revoked {
            let side: Side = stream.below(2) == 0 ? .first : .second
            let peer = pair[side]
            switch stream.below(8) {
            case 0, 1:
                let amount = Millisatoshi(1 + stream.below(80_000_000))
                payments += 1
                if peer.channel.refusal(of: amount) == nil, peer.htlcs.count < 6 {
                    let expiry = BlockHeight(20 + UInt32(stream.below(100)))
                    try pair.offer(amount, from: side, payment: payments, expiry: expiry)
                }
            case 2:
                let removal: HTLCRemoval = stream.below(3) > 0 ? .fulfilled : .failed
                if !peer.held.isEmpty { pair.resolve(removal, by: side) }
            case 3, 4: if peer.channel.canCommit { commit(by: side) }
            default: if !peer.inbox.isEmpty { try deliver(to: side) }
            }
        }
    }

    private func commit(by side: Side) {
        pair.commit(by: side)
        if side == .second { noteForTower() }
    }

    private func noteForTower() {
        let number = pair.bob.channel.remoteNumber
        let commitment = pair.bob.channel.signedRemoteCommitment(
            pair.context(of: .second), point: pair.alice.keys.perCommitmentPoint(number), in: pair.bob.pool)
        tower.note(commitment, number: number)
    }

    private func deliver(to side: Side) throws {
        // Alice keeps what she is about to revoke.
        let old = side == .first ? pair.latest(of: .first) : nil
        let number = pair.alice.channel.localNumber
        let isRevoking = if case .commit = pair[side].inbox[0].body { true } else { false }
        if case .revoke(let number) = pair[side].inbox[0].body, side == .second {
            tower.prepare(revoked: number, secret: pair.alice.keys.perCommitmentSecret(number))
        }
        try pair.deliver(to: side)
        if side == .first, isRevoking, let old {
            precondition(archive.count == Int(number), "one of each number")
            archive.append(old)
        }
    }

    /// The commitments whose secrets Bob has.
    var revoked: Int { Int(pair.bob.channel.reestablish.nextRevocationNumber) }

    /// Alice publishes a commitment that she has revoked, with all the preimages there are.
    func cheat(_ number: Int, victimIsOnline: Bool = true) throws -> Dispute {
        let dispute = Dispute(pair)
        dispute.bob.isOnline = victimIsOnline
        for payment in 0...payments { dispute.alice.monitor.learn(preimage(payment)) }
        try dispute.publish(by: .first, archive[number])
        return dispute
    }

    /// Bob's balance in the latest state, in whole satoshis.
    var victimsBalance: Int64 { Int64(pair.bob.channel.local.ours.roundedDown.rawValue) }
}

@Suite struct `A cheat` {
    /// BOLT 3 leaves a cheat its anchor, which nobody can revoke.
    private static let granted = Int64(ChannelTerms.anchor.rawValue)

    /// 50 channels of 200 revoked commitments each; a tenth of them in a debug build.
    @Test(arguments: 0..<extent(5, all: 50) as Range<UInt64>)
    func `with any revoked commitment loses all of the channel to a victim that watches`(seed: UInt64) throws
    {
        let past = try Past(seed: seed, revoked: 201, anchors: seed % 2 == 0)
        var penalised = 0
        var chased = 0
        for number in 0..<200 where number < past.revoked {
            let dispute = try past.cheat(number)
            dispute.settle(limit: 400)
            #expect(dispute.bob.breaches == 1)
            guard case .closed(.revoked(let seen)) = dispute.bob.news.last else {
                Issue.record("commitment \(number) was not recognised")
                continue
            }
            #expect(seen == UInt64(number))
            #expect(dispute.gain(of: .second) >= past.victimsBalance, "the victim has lost at \(number)")
            #expect(dispute.gain(of: .first) <= Self.granted, "the cheat has gained at \(number)")
            penalised += 1
            chased += dispute.bob.monitor.view.claims.count > past.outputs(number) ? 1 : 0
        }
        #expect(penalised == 200)
        #expect(chased > 0, "second stages were punished too")
        print("penalised \(penalised) cheats, \(chased) of them at their second stage")
    }

    /// Bob is away: for long enough, Alice has her old balance.
    @Test func `succeeds where nobody watches until its delay is over`() throws {
        let past = try Past(seed: 1, revoked: 41, anchors: true)
        var succeeded = 0
        for number in 0..<40 {
            let dispute = try past.cheat(number, victimIsOnline: false)
            dispute.mine(Int(Past.delay) + 10)
            dispute.bob.isOnline = true
            dispute.catchUp(dispute.bob)
            dispute.settle(limit: 600)
            if dispute.gain(of: .first) > 100_000 { succeeded += 1 }
        }
        #expect(succeeded > 30, "only \(succeeded) succeeded")
    }

    @Test(arguments: [5, 15])
    func `fails where the victim is back while the delay lasts`(away: Int) throws {
        let past = try Past(seed: 2, revoked: 41, anchors: true)
        for number in 0..<40 {
            let dispute = try past.cheat(number, victimIsOnline: false)
            dispute.mine(away)
            dispute.bob.isOnline = true
            dispute.catchUp(dispute.bob)
            dispute.settle(limit: 600)
            #expect(
                dispute.gain(of: .second) >= past.victimsBalance && dispute.gain(of: .first) <= Self.granted)
        }
    }

    /// The breach stands in blocks that are undone, and comes again.
    @Test func `is punished through reorganisations`() throws {
        let past = try Past(seed: 3, revoked: 21, anchors: true)
        for number in 0..<20 {
            let dispute = try past.cheat(number)
            for depth in [1, 2, 4] {
                dispute.mine(depth)
                dispute.reorganise(depth: depth)
            }
            dispute.settle(limit: 600)
            #expect(
                dispute.gain(of: .second) >= past.victimsBalance && dispute.gain(of: .first) <= Self.granted)
            #expect(dispute.bob.breaches == 1, "a breach is reported once")
        }
    }
}

extension Past {
    /// Outputs of an archived commitment that are the victim's once it is punished.
    fileprivate func outputs(_ number: Int) -> Int {
        archive[number].transaction.outputs.count { $0.value != ChannelTerms.anchor }
    }
}

@Suite struct `A watchtower` {
    private func run(
        _ past: Past, _ number: Int, _ tower: Watchtower, backAt back: BlockHeight = BlockHeight(0),
        blocks: Int = 80
    ) throws -> (dispute: Dispute, tower: Watchtower) {
        let dispute = try past.cheat(number, victimIsOnline: false)
        var tower = tower
        var missed: [Block] = []
        for _ in 0..<blocks {
            dispute.mine()
            if let block = dispute.bob.missed.last { missed.append(block) }
            guard dispute.chain.height >= back else { continue }
            if number % 8 == 0, dispute.chain.height == BlockHeight(15) { tower = try restarted(tower) }
            for block in missed {
                let answers = tower.connect(
                    block.transactions.map(\.transaction), at: block.height, dispute.fees)
                for answer in answers { _ = try? dispute.chain.submit(answer) }
            }
            missed = []
        }
        return (dispute, tower)
    }

    /// Saved and restored.
    private func restarted(_ tower: Watchtower) throws -> Watchtower {
        var writer = SnapshotWriter()
        tower.write(to: &writer)
        let bytes = writer.finish()
        var reader = SnapshotReader(bytes)
        let restored = try Watchtower(from: &reader)
        try reader.finish()
        var again = SnapshotWriter()
        restored.write(to: &again)
        #expect(again.finish() == bytes)
        return restored
    }

    @Test func `has clients whose appointments survive a restart`() throws {
        let past = try Past(seed: 9, revoked: 11, anchors: false)
        var writer = SnapshotWriter()
        past.tower.write(to: &writer)
        let bytes = writer.finish()
        var fresh = try Past(seed: 9, revoked: 0, anchors: false).tower
        var reader = SnapshotReader(bytes)
        try fresh.read(from: &reader)
        try reader.finish()
        #expect(fresh.waiting == past.tower.waiting && fresh.waiting.count >= 10)
    }

    /// Ten permille, rounded down to the satoshi; what would be no output is left to the client.
    @Test func `takes its share of what it saves, to the satoshi`() throws {
        let past = try Past(seed: 9, revoked: 30, anchors: false)
        var rewards: Set<UInt64> = []
        for appointment in past.tower.waiting {
            let commitment = past.archive.first { $0.transaction.id == appointment.commitment }
            let outputs = try #require(commitment).transaction.outputs
            for penalty in appointment.penalties where penalty.outpoint.transaction == appointment.commitment
            {
                let reward = outputs[Int(penalty.outpoint.index)].value.rawValue * 10 / 1_000
                for choice in penalty.choices {
                    let others = choice.transaction.outputs.dropFirst()
                    #expect(others.map(\.value.rawValue) == (reward >= 294 ? [reward] : []))
                    #expect(others.allSatisfy { $0.conditions[0].keys == [Past.towerKey.publicKey] })
                }
                rewards.insert(reward)
            }
        }
        #expect(rewards.contains { $0 % 10 != 0 && $0 >= 294 })
    }

    /// Signed for 253, 1,000, 4,000 and 16,000.
    @Test(arguments: [(253, 253), (254, 1_000), (1_000, 1_000), (4_001, 16_000), (16_001, 16_000)])
    func `answers at the lowest rate that is enough`(needed: UInt64, used: UInt64) throws {
        let past = try Past(seed: 4, revoked: 11, anchors: false)
        var tower = tower(of: past)
        let breach = past.archive[0].transaction
        let answers = tower.connect([breach], at: BlockHeight(5), FeeEstimates(fixed: needed))
        let penalties = past.tower.waiting.first { $0.commitment == breach.id }?.penalties ?? []
        #expect(!answers.isEmpty)
        #expect(answers == penalties.map { $0.choices.last { $0.feerate <= used }!.transaction })
    }

    @Test func `has nothing to answer once the breach is undone`() throws {
        let past = try Past(seed: 4, revoked: 11, anchors: false)
        var tower = tower(of: past)
        let (breach, fees) = (past.archive[0].transaction, FeeEstimates(fixed: 1_000))
        #expect(!tower.connect([breach], at: BlockHeight(5), fees).isEmpty && tower.isBusy)
        tower.disconnect(to: BlockHeight(4))
        #expect(!tower.isBusy && tower.connect([], at: BlockHeight(5), fees).isEmpty)
        #expect(!tower.connect([breach], at: BlockHeight(6), fees).isEmpty)
    }

    /// The block with the breach is undone after the tower has answered, and comes again.
    @Test func `answers again after a reorganisation`() throws {
        let past = try Past(seed: 4, revoked: 11, anchors: false)
        for number in 0..<10 {
            let dispute = try past.cheat(number, victimIsOnline: false)
            var tower = tower(of: past)
            func mine(_ count: Int) {
                for _ in 0..<count {
                    dispute.mine()
                    guard let block = dispute.bob.missed.last else { continue }
                    let transactions = block.transactions.map(\.transaction)
                    for answer in tower.connect(transactions, at: block.height, dispute.fees) {
                        _ = try? dispute.chain.submit(answer)
                    }
                }
            }
            mine(2)
            for depth in [2, 1, 3] {
                _ = dispute.chain.undoBlocks(min(depth, Int(dispute.chain.height.rawValue)))
                dispute.fees.disconnect(blocks: depth)
                _ = dispute.alice.monitor.disconnect(to: dispute.chain.height)
                tower.disconnect(to: dispute.chain.height)
                mine(depth + 1)
            }
            mine(40)
            #expect(paid(dispute, to: Past.clientKey) > Satoshi(300_000))
        }
    }

    private func tower(of past: Past) -> Watchtower {
        var (client, tower) = (past.tower, Watchtower())
        for appointment in client.handOver() { tower.accept(appointment) }
        #expect(client.waiting.isEmpty)
        return tower
    }

    /// What the keys of the client and its tower can spend of the channel.
    private func paid(_ dispute: Dispute, to key: SigningKey) -> Satoshi {
        dispute.chain.unspentOutputs(of: key.publicKey)
    }

    @Test(arguments: [false, true])
    func `punishes while its client is away, and takes its share`(anchors: Bool) throws {
        let past = try Past(seed: 4, revoked: 41, anchors: anchors)
        let tower = tower(of: past)
        #expect(tower.appointmentCount >= 40)
        for number in 0..<40 {
            let (dispute, _) = try run(past, number, tower)
            let hasBalance = past.archive[number].transaction.outputs.contains {
                $0.conditions.count == 2 && $0.conditions[0].hashlock != nil
            }
            #expect(dispute.gain(of: .first) <= 330 || anchors, "the cheat has gained at \(number)")
            if hasBalance { #expect(paid(dispute, to: Past.towerKey) > .zero) }
            #expect(paid(dispute, to: Past.clientKey) > paid(dispute, to: Past.towerKey))
        }
    }

    /// For a commitment seen later, its second stage aside: with anchors that is all there is.
    @Test func `is prepared for a commitment by itself`() throws {
        let past = try Past(seed: 4, revoked: 11, anchors: true)
        var client = past.tower
        let waiting = client.handOver()
        for number in 0..<10 {
            let commitment = past.archive[number].transaction
            let made = try #require(
                client.appointment(
                    for: commitment, secret: past.pair.alice.keys.perCommitmentSecret(UInt64(number))))
            #expect(made == waiting.first { $0.commitment == commitment.id })
            #expect(client.appointment(for: commitment, secret: .zero) == nil, "it is not revoked by that")
        }
    }

    @Test func `is busy until every penalty is confirmed`() throws {
        let past = try Past(seed: 4, revoked: 11, anchors: true)
        let (dispute, after) = try run(past, 5, tower(of: past))
        var before = tower(of: past)
        _ = before.connect([past.archive[5].transaction], at: BlockHeight(1), dispute.fees)
        let isBusy = (before: before.isBusy, after: after.isBusy)
        #expect(isBusy.before && !isBusy.after)
    }

    @Test func `that is out beyond the delay is no use`() throws {
        let past = try Past(seed: 4, revoked: 21, anchors: true)
        let tower = tower(of: past)
        var lost = 0
        for number in 0..<20 {
            let (dispute, _) = try run(past, number, tower, backAt: BlockHeight(60))
            if dispute.gain(of: .first) > 100_000 { lost += 1 }
        }
        #expect(lost > 15)
    }

    @Test func `that comes back in time looks at what it missed`() throws {
        let past = try Past(seed: 4, revoked: 21, anchors: false)
        let tower = tower(of: past)
        for number in 0..<20 {
            let (dispute, _) = try run(past, number, tower, backAt: BlockHeight(12))
            #expect(paid(dispute, to: Past.clientKey) > Satoshi(300_000))
        }
    }
}

extension Chain {
    /// What outputs of one key are worth that are confirmed and unspent, block 0's apart.
    fileprivate func unspentOutputs(of key: PublicKey) -> Satoshi {
        var sum = Satoshi.zero
        for (id, confirmation) in confirmations {
            for (index, output) in confirmation.outputs.enumerated()
            where output.conditions.count == 1 && output.conditions[0].keys == [key] {
                sum += self.output(Outpoint(transaction: id, index: UInt32(index)))?.value ?? .zero
            }
        }
        return sum
    }
}
