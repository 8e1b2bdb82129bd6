import Cryptography
import LightningTypes
import Randomness
import Testing

@testable import PaymentChannels
@testable import Settlement

/// Alice: 500,000 less an HTLC of 50,000 that she offers (expiry 40); Bob offers one of 40,000 (expiry 60).
@Suite struct `A channel that comes to the chain` {
    private static let delay: UInt16 = 6
    private let first = MonitoredHTLC.Key(isOffered: true, id: 0)
    private let second = MonitoredHTLC.Key(isOffered: false, id: 0)

    private func pair(anchors: Bool, feerate: UInt32 = 1_000) throws -> ChannelPair {
        let pair = ChannelPair(
            .free(dust: 354, reserve: 1_000, feerate: feerate, anchors: anchors, delay: Self.delay),
            alice: sat(500_000))
        try pair.add(sat(50_000), from: .first, payment: 11, expiry: BlockHeight(40))
        try pair.add(sat(40_000), from: .second, payment: 12, expiry: BlockHeight(60))
        return pair
    }

    @Test(arguments: [false, true], Side.allCases)
    func `pays both their balances, and HTLCs back when nobody knows their preimages`(
        anchors: Bool, publisher: Side
    ) throws {
        let dispute = Dispute(try pair(anchors: anchors))
        try dispute.publish(by: publisher)
        dispute.settle()
        #expect(dispute.chain.height >= BlockHeight(60))
        for side in Side.allCases {
            #expect(dispute[side].resolved == [first: .failed, second: .failed])
        }
        // Only fees are missing, and what anchors hold.
        let (alice, bob) = (dispute.gain(of: .first), dispute.gain(of: .second))
        #expect((500_000 - 8_000..<500_000).contains(alice), "Alice has \(alice)")
        #expect((500_000 - 8_000..<500_000).contains(bob), "Bob has \(bob)")
    }

    @Test(arguments: [false, true], Side.allCases)
    func `pays HTLCs to those who know their preimages, and tells their offerers`(
        anchors: Bool, publisher: Side
    ) throws {
        let dispute = Dispute(try pair(anchors: anchors))
        dispute.alice.monitor.learn(preimage(12))
        dispute.bob.monitor.learn(preimage(11))
        try dispute.publish(by: publisher)
        dispute.mine(20)
        #expect(dispute.alice.learned == [preimage(11)] && dispute.bob.learned == [preimage(12)])
        dispute.settle()
        #expect(dispute.chain.height < BlockHeight(40), "nothing waits for an expiry")
        for side in Side.allCases {
            #expect(dispute[side].resolved == [first: .fulfilled, second: .fulfilled])
        }
        #expect((490_000 - 8_000..<490_000).contains(dispute.gain(of: .first)))
        #expect((510_000 - 8_000..<510_000).contains(dispute.gain(of: .second)))
    }

    @Test func `is nobody's concern where both agreed on its closing`() throws {
        let pair = ChannelPair(.free(delay: Self.delay), alice: sat(500_000))
        let dispute = Dispute(pair)
        let closing = try #require(
            closingTransaction(
                pair.alice.channel, funding: ChannelPair.funding, fundedBy: pair.fundingOutput,
                ours: pair.alice.keys.payment.publicKey, theirs: pair.bob.keys.payment.publicKey,
                feeratePerKiloweight: 1_000))
        try dispute.chain.submit(ChainStory(pair).fullySigned(closing))
        dispute.settle()
        #expect(dispute.alice.news == [.closed(.mutualClose)] && dispute.bob.news == [.closed(.mutualClose)])
    }

    private func broadcasts(_ effects: [MonitorEffect]) -> [Transaction] {
        effects.compactMap { if case .broadcast(let transaction) = $0 { transaction } else { nil } }
    }

    @Test func `offers its commitment again every six blocks until it is confirmed`() throws {
        let dispute = Dispute(try pair(anchors: false))
        try dispute.publish(by: .first)
        let commitment = try #require(dispute.pair.latest(of: .first)).transaction.id
        let alice = dispute.alice
        let again = (1...24 as ClosedRange<UInt32>).filter { height in
            let effects = alice.monitor.connect([], at: BlockHeight(height), dispute.fees, &alice.wallet)
            return broadcasts(effects).contains { $0.id == commitment }
        }
        #expect(again == [6, 12, 18, 24])
    }

    /// Six blocks can be undone: what is in block 1 stands from block 7 on.
    @Test func `takes a closing for final with as many confirmations as are never undone, and not before`()
        throws
    {
        let pair = ChannelPair(.free(delay: Self.delay), alice: sat(500_000))
        let dispute = Dispute(pair)
        let closing = try #require(
            closingTransaction(
                pair.alice.channel, funding: ChannelPair.funding, fundedBy: pair.fundingOutput,
                ours: pair.alice.keys.payment.publicKey, theirs: pair.bob.keys.payment.publicKey,
                feeratePerKiloweight: 1_000))
        let alice = dispute.alice
        let told = (1...12 as ClosedRange<UInt32>).filter { height in
            let block = height == 1 ? [closing] : []
            return alice.monitor.connect(block, at: BlockHeight(height), dispute.fees, &alice.wallet)
                .contains(.closed(.mutualClose))
        }
        #expect(told == [7])
    }

    /// Coins of every size: the smallest that would do for the fee alone leaves nothing for an output.
    @Test(arguments: [1_000, 3_000, 9_000] as [UInt64])
    func `gives back what is worth an output of the coins that it spends`(feerate: UInt64) throws {
        let dispute = Dispute(try pair(anchors: true, feerate: 253))
        let coins = (0..<4_000 as Range<UInt32>).map {
            FeeWallet.Coin(outpoint: Chain.genesisOutpoint(100 + $0), value: Satoshi(300 + 7 * UInt64($0)))
        }
        dispute.alice.wallet = FeeWallet(key: dispute.alice.wallet.key, coins: coins)
        let own = dispute.owned(try #require(dispute.pair.latest(of: .first)), by: .first)
        let effects = dispute.alice.monitor.publish(
            own, at: BlockHeight(0), FeeEstimates(fixed: feerate), &dispute.alice.wallet)
        let child = try #require(broadcasts(effects).first { $0.id != own.transaction.id })
        let change = try #require(child.outputs.last).value
        // No more than a coin's step and the rounding of fees above what an output needs.
        #expect((294...294 + 20).contains(change.rawValue), "\(change)")
    }

    /// Bob's commitment is in block 1; Alice's balance of it is 450,000, and an HTLC of 40,000 whose preimage she knows
    /// is Bob's at 60.
    private func aliceClaims(_ dispute: Dispute) throws -> Transaction {
        let own = dispute.owned(try #require(dispute.pair.latest(of: .second)), by: .second)
        dispute.alice.monitor.learn(preimage(12))
        return own.transaction
    }

    /// A quarter of the estimate more for every block that it waited.
    @Test func `bids more for what has a deadline the longer it waits`() throws {
        let dispute = Dispute(try pair(anchors: false))
        let closing = try aliceClaims(dispute)
        let (alice, fees) = (dispute.alice, FeeEstimates(fixed: 1_000))
        for height in 1...13 as ClosedRange<UInt32> {
            let effects = alice.monitor.connect(
                height == 1 ? [closing] : [], at: BlockHeight(height), fees, &alice.wallet)
            let claim = broadcasts(effects).first { $0.inputs[0].witness?.secret == preimage(12) }
            let outputs = try #require(claim, "block \(height)").outputs
            let weight = claim!.weight(
                spending: [closing.outputs[Int(claim!.inputs[0].outpoint.index)]])
            let rate = UInt64(1_000) * (4 + UInt64(height - 1)) / 4
            #expect(sat(40_000).roundedDown - outputs[0].value == Satoshi((weight * rate + 999) / 1_000))
        }
    }

    /// Sweeping 450,000 would cost more than half of it, for ten blocks; nobody else can take it meanwhile.
    @Test(arguments: [10, 2_016, 2_017] as [UInt32])
    func `spends no more than half of a balance, and waits two weeks for that`(blocks: UInt32) throws {
        let dispute = Dispute(try pair(anchors: false))
        let closing = try aliceClaims(dispute)
        let alice = dispute.alice
        func sweeps(_ transactions: [Transaction], at height: UInt32, _ feerate: UInt64) -> Bool {
            let effects = alice.monitor.connect(
                transactions, at: BlockHeight(height), FeeEstimates(fixed: feerate), &alice.wallet)
            return broadcasts(effects).contains { $0.outputs[0].value > Satoshi(400_000) || feerate > 9_000 }
        }
        for height in [1, blocks] { #expect(!sweeps(height == 1 ? [closing] : [], at: height, 700_000)) }
        #expect(sweeps([], at: blocks + 1, 1_000) == (blocks <= 2_016))
    }

    /// The estimate knows nothing of a spike that begins with the closing; the rate of the commitment is far too low.
    @Test func `is brought through a spike by a child of its commitment, and replacements`() throws {
        let rules = ChainRules.bitcoin
        let figures = DemandFigures(
            feerateTypical: 1_000, volatility: 0.2, halfLife: 100, spread: 0.5, load: 1.1, spikeInterval: 0,
            spikeSize: 0, spikeHalfLife: 72, spikeLoad: 0.2)
        let demand = BackgroundDemand(figures, seed: 3, rules: rules)
        let dispute = Dispute(try pair(anchors: true, feerate: 253), rules: rules, demand: demand)
        dispute.bob.isOnline = false
        dispute.alice.monitor.learn(preimage(12))
        dispute.mine(10)
        dispute.chain.raiseDemand(by: 8)
        try dispute.publish(by: .first)
        let commitment = try #require(dispute.pair.latest(of: .first)).transaction.id
        while (dispute.chain.confirmations(of: commitment) ?? 0) == 0, dispute.chain.height < BlockHeight(38)
        {
            dispute.mine()
        }
        #expect((dispute.chain.confirmations(of: commitment) ?? 0) > 0, "before the first HTLC expires")
        #expect(Set(dispute.alice.broadcasts).count > 3, "the child was replaced")
        dispute.bob.isOnline = true
        dispute.catchUp(dispute.bob)
        dispute.settle(limit: 4_000)
        #expect(dispute.bob.resolved[first] == .failed || dispute.bob.resolved[first] == .fulfilled)
        #expect(dispute.alice.resolved[second] == .fulfilled, "Alice claimed before Bob could time out")
        #expect(dispute.alice.wallet.coins.count >= Int(Dispute.coinsEach), "nothing stays reserved")
        _ = dispute.gain(of: .first)
    }

    /// Both give up at once, each with a child for its commitment: one of them has reserved coins in vain.
    @Test(arguments: Side.allCases)
    func `gives coins back that were reserved for a commitment that lost`(first: Side) throws {
        let dispute = Dispute(try pair(anchors: true, feerate: 253))
        for _ in 0..<20 { dispute.fees.connect(feerate: 3_000) }
        try dispute.publish(by: first)
        try dispute.publish(by: first.other)
        let loser = dispute[first.other]
        #expect(loser.wallet.coins.count < Int(Dispute.coinsEach) && !loser.refusals.isEmpty)
        dispute.settle()
        let kept = loser.wallet.coins.filter { $0.value == Dispute.coin }
        #expect(kept.count == Int(Dispute.coinsEach), "every coin it began with is there")
        let released = loser.news.contains { if case .released = $0 { true } else { false } }
        #expect(released)
    }

    /// Alice has forwarded Bob's HTLC of another channel, which expires at 46: she hurries from 40 on.
    @Test func `times out in time for the HTLC upstream`() throws {
        let dispute = Dispute(try pair(anchors: true))
        dispute.alice.monitor.setUpstreamExpiry(BlockHeight(46), of: first)
        dispute.alice.monitor.setUpstreamExpiry(
            BlockHeight(46), of: MonitoredHTLC.Key(isOffered: true, id: 9))
        try dispute.publish(by: .second)
        dispute.mine(2)
        let claim = dispute.alice.monitor.view.claims.first { $0.htlc == first }
        #expect(claim?.deadline == BlockHeight(46) && claim?.availableFrom == BlockHeight(40))
        dispute.settle()
        #expect(dispute.alice.resolved[first] == .failed)
    }

    /// The height falls below that of the first try.
    @Test(arguments: [false, true])
    func `goes on where the blocks are undone in which it began`(anchors: Bool) throws {
        let dispute = Dispute(try pair(anchors: anchors))
        dispute.mine(2)
        try dispute.publish(by: .first)
        dispute.reorganise(depth: 2)
        dispute.mine()
        dispute.reorganise(depth: 4)
        dispute.settle()
        #expect(dispute.alice.resolved.count == 2)
    }

    /// A commitment's fee is rounded down, so that it pays a little less than its rate.
    @Test func `needs no child where the commitment pays the rate that is asked for`() throws {
        let dispute = Dispute(try pair(anchors: true, feerate: 253))
        try dispute.publish(by: .first)
        #expect(dispute.alice.broadcasts.count == 1 && dispute.alice.wallet.coins.count == 8)
        dispute.settle()
    }

    @Test func `leaves what costs more than it is worth`() throws {
        let pair = ChannelPair(
            .free(dust: 354, feerate: 253, anchors: true, delay: Self.delay), alice: sat(500_000))
        try pair.add(sat(400), from: .first, payment: 11, expiry: BlockHeight(40))
        let dispute = Dispute(pair)
        try dispute.publish(by: .second)
        dispute.settle()
        #expect(dispute.alice.broadcasts.count == 1, "its balance alone")
        #expect(dispute.alice.isClosed)
    }

    /// What one party learns from the chain it can use in another channel; here the block that taught it is undone.
    @Test func `teaches a preimage for good, though its block be undone`() throws {
        let dispute = Dispute(try pair(anchors: true))
        dispute.bob.monitor.learn(preimage(11))
        try dispute.publish(by: .first)
        while dispute.alice.learned.isEmpty { dispute.mine() }
        dispute.reorganise(depth: 2)
        dispute.settle()
        #expect(dispute.alice.learned == [preimage(11)] && dispute.alice.resolved[first] == .fulfilled)
    }

    @Test func `of a party that lost its data pays its balance from whatever the peer publishes`() throws {
        let pair = ChannelPair(
            .free(dust: 354, reserve: 1_000, feerate: 1_000, anchors: true, delay: Self.delay),
            alice: sat(500_000))
        let backup = pair.alice.copy()
        try pair.add(sat(100_000), from: .first)
        pair.resolve(.fulfilled, by: .second)
        try pair.settle()
        let stale = pair.replacing(.first, by: backup)
        let dispute = Dispute(stale)
        dispute.mine(3)
        try dispute.publish(by: .second)
        dispute.settle()
        guard case .closed(.unknown(let number)) = dispute.alice.news.last else {
            Issue.record("Alice knows no such commitment")
            return
        }
        #expect(number == pair.bob.channel.localNumber)
        #expect((398_000..<400_000).contains(dispute.gain(of: .first)))
    }
}

@Suite struct `Whatever the moment` {
    /// Two parties run for a while, connections break, the rate changes; then one of them gives up, at any moment, with
    /// HTLCs in any state. Some know preimages, chains reorganise, parties are away for a few blocks.
    @Test(arguments: 0..<400 as Range<UInt64>)
    func `a channel is given up, HTLCs end alike at both ends and nobody loses more than fees`(seed: UInt64)
        throws
    {
        var stream = RandomStream(seed: seed, purpose: .init("giving up"), process: 0)
        let anchors = stream.below(2) == 0
        let pair = ChannelPair(
            .free(dust: 354, reserve: 10_000, feerate: 500, anchors: anchors, delay: 8), alice: sat(500_000))
        var payment: UInt64 = 0
        for _ in 0..<stream.below(200) {
            let side: Side = stream.below(2) == 0 ? .first : .second
            let peer = pair[side]
            switch stream.below(12) {
            case 0, 1, 2:
                let amount = Millisatoshi(1 + stream.below(60_000_000))
                payment += 1
                if peer.channel.refusal(of: amount) == nil {
                    let expiry = BlockHeight(30 + UInt32(stream.below(60)))
                    try pair.offer(amount, from: side, payment: payment, expiry: expiry)
                }
            case 3, 4: if peer.channel.canCommit { pair.commit(by: side) }
            case 5:
                let removal: HTLCRemoval = stream.below(3) > 0 ? .fulfilled : .failed
                if !peer.held.isEmpty { pair.resolve(removal, by: side) }
            case 6: if stream.below(6) == 0 { pair.reconnect() }
            case 7: if pair.alice.canUpdateFee(to: 700) { pair.updateFee(to: 700, by: .first) }
            default: if !peer.inbox.isEmpty { try pair.deliver(to: side) }
            }
        }
        let dispute = Dispute(pair)
        // Whoever fulfilled knows the preimage; of what is held, some is known.
        for side in Side.allCases {
            for htlc in pair[side].htlcs where !htlc.state.isOffered {
                let isHeld = htlc.removal == .none && htlc.state == .receivedAddAckRevocation
                if htlc.removal == .fulfilled || isHeld && stream.below(2) == 0 {
                    dispute[side].monitor.learn(preimage(htlc.payment))
                }
            }
        }
        let publisher: Side = stream.below(2) == 0 ? .first : .second
        try dispute.publish(by: publisher)
        // Sometimes both do, and one commitment wins.
        if stream.below(4) == 0 { try dispute.publish(by: publisher.other) }
        for _ in 0..<60 {
            switch stream.below(12) {
            case 0 where dispute.chain.height > BlockHeight(8):
                dispute.reorganise(depth: 1 + Int(stream.below(6)))
            case 1: try dispute.restart()
            default: dispute.mine(isEmpty: stream.below(8) == 0)
            }
        }
        dispute.settle()

        let (ours, theirs) = (dispute.alice.resolved, dispute.bob.resolved)
        for (key, removal) in ours {
            let mirrored = MonitoredHTLC.Key(isOffered: !key.isOffered, id: key.id)
            guard let other = theirs[mirrored] else { continue }
            #expect(removal == other || isDust(key, pair), "\(key) ends as \(removal) and \(other)")
        }
        try expectMoney(dispute)
        dispute.closeBooks()
    }

    /// Every satoshi is accounted for, and each party has what the confirmed commitment and the ends of its HTLCs give
    /// it, less no more than all the fees paid after the commitment.
    private func expectMoney(_ dispute: Dispute) throws {
        let closing = try #require(dispute.alice.monitor.view.closing).transaction
        let owner: Side = dispute.pair.latest(of: .first)?.transaction.id == closing ? .first : .second
        let commitment = try #require(dispute.pair.latest(of: owner))
        #expect(commitment.transaction.id == closing)
        let keys = Side.allCases.map { dispute.pair[$0].keys.publicKeys }
        let (own, other) = (keys[Int(owner.rawValue)], keys[Int(owner.other.rawValue)])
        var due: [Side: Int64] = [.first: 0, .second: 0]
        for (index, output) in commitment.transaction.outputs.enumerated() {
            let value = Int64(output.value.rawValue)
            let outpoint = commitment.transaction.outpoint(UInt32(index))
            let claim = dispute[owner].monitor.view.claims.first { $0.outpoint == outpoint }
            let ends = dispute[owner].resolved
            switch try #require(CommitmentPart(output, owner: own, other: other)) {
            case .toOwner: due[owner]! += value
            case .toOther: due[owner.other]! += value
            case .ownersAnchor, .othersAnchor: break
            case .offered:
                let key = try #require(claim?.htlc)
                due[ends[key] == .fulfilled ? owner.other : owner]! += value
            case .received:
                let key = try #require(claim?.htlc)
                due[ends[key] == .fulfilled ? owner : owner.other]! += value
            }
        }
        let fees = Int64(dispute.chain.feesTotal.rawValue) - Int64(commitment.fee.rawValue)
        var left = Int64(dispute.chain.unspentTotal.rawValue)
        for side in Side.allCases {
            // An output that is not worth its sweeping stays where it is.
            #expect(dispute.gain(of: side) >= due[side]! - fees - 1_000, "\(side) has lost")
            left -= Int64(dispute[side].wallet.total.rawValue)
        }
        #expect((0...2 * 330 + 2_000).contains(left), "\(left) satoshi are nobody's")
    }

    private func isDust(_ key: MonitoredHTLC.Key, _ pair: ChannelPair) -> Bool {
        let htlc = pair.alice.htlcs.first { $0.state.isOffered == key.isOffered && $0.id == key.id }
        return htlc.map { $0.amount < sat(354 + 703) } ?? true
    }
}
