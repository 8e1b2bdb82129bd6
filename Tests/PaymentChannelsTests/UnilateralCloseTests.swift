import Cryptography
import LightningTypes
import Settlement
import Testing

@testable import PaymentChannels

/// Alice goes on chain with her latest commitment: an HTLC of hers that times out at height 20, one of Bob's, of which
/// she has the preimage, that times out at height 30, and both balances.
@Suite struct `A unilateral close` {
    private static let delay: UInt16 = 6
    private let toRemote: UInt64 = 1_000_000 - 500_000 - 40_000

    private func story(anchors: Bool = false) throws -> (ChainStory, CommitmentTransaction) {
        let terms = ChannelTerms.free(
            dust: 354, reserve: 1_000, feerate: 2_500, anchors: anchors, delay: Self.delay)
        let pair = ChannelPair(terms, alice: sat(500_000))
        try pair.add(sat(50_000), from: .first, payment: 11, expiry: BlockHeight(20))
        try pair.add(sat(40_000), from: .second, payment: 12, expiry: BlockHeight(30))
        let commitment = try #require(pair.latest(of: .first))
        // With anchors, second-stage transactions carry no fee of their own.
        return (ChainStory(pair, rules: anchors ? ChainRules(feerateMinimum: 0) : .bitcoin), commitment)
    }

    /// Bob's HTLC of 40,000 is the smaller output, so the first of the second stage.
    private let success = 0
    private let timeout = 1

    private func closed(anchors: Bool = false) throws -> (ChainStory, CommitmentTransaction) {
        var (story, commitment) = try story(anchors: anchors)
        #expect(story.refusal(of: story.fullySigned(commitment.transaction)) == nil)
        story.mine()
        #expect(story.chain.confirmations(of: commitment.transaction.id) == 1)
        #expect(story.chain.feesTotal == commitment.fee)
        return (story, commitment)
    }

    private func toLocal(_ commitment: CommitmentTransaction) throws -> Int {
        let paid = commitment.fee + Satoshi(toRemote + 50_000 + 40_000)
        return try commitment.transaction.index(of: 1_000_000 - paid.rawValue)
    }

    @Test func `is accepted with both signatures and with no bit of either flipped`() throws {
        var (story, commitment) = try story()
        let hash = commitment.transaction.signatureHash
        let (alice, bob) = (story.pair.alice.keys.funding, story.pair.bob.keys.funding)
        let isFirst = alice.publicKey < bob.publicKey
        for bit in stride(from: 0, to: 512, by: 37) {
            let byAlice = story.fullySigned(
                commitment.transaction, by: alice.signature(of: hash).flipped(bit))
            #expect(story.refusal(of: byAlice) == .badSignature(input: 0, key: isFirst ? 0 : 1))
            let byBob = story.fullySigned(
                commitment.transaction, by: nil, bob.signature(of: hash).flipped(bit))
            #expect(story.refusal(of: byBob) == .badSignature(input: 0, key: isFirst ? 1 : 0))
        }
        #expect(story.refusal(of: story.fullySigned(commitment.transaction)) == nil)
        let again = story.fullySigned(commitment.transaction)
        #expect(story.refusal(of: again) == .alreadyKnown(commitment.transaction.id))
    }

    @Test func `is refused with one satoshi too many or moved`() throws {
        var (story, commitment) = try story()
        var greedy = commitment.transaction
        greedy.outputs[0].value += commitment.fee + Satoshi(1)
        #expect(
            story.refusal(of: story.fullySigned(greedy))
                == .outputsExceedInputs(inputs: Satoshi(1_000_000), outputs: Satoshi(1_000_001)))
        var thief = story.fullySigned(commitment.transaction)
        thief.outputs[0].value += Satoshi(1)
        guard case .badSignature(input: 0, key: 0) = story.refusal(of: thief) else {
            Issue.record("a satoshi was taken from the fee under a signature that does not cover it")
            return
        }
        // A second spend of the funding output, after the first.
        #expect(story.refusal(of: story.fullySigned(commitment.transaction)) == nil)
        var second = commitment.transaction
        second.outputs[0].value -= Satoshi(1)
        let increment = story.chain.rules.replacementFee(weight: 724 + 2 * 172)
        #expect(
            story.refusal(of: story.fullySigned(second))
                == .replacementFeeTooLow(
                    fee: commitment.fee + Satoshi(1), required: commitment.fee + increment))
    }

    @Test func `times an HTLC out at its expiry and not one block before`() throws {
        var (story, commitment) = try closed()
        let transaction = story.secondStage(commitment, timeout)
        story.mine(to: 19)
        #expect(story.refusal(of: transaction) == .locked(input: 0, until: BlockHeight(20)))
        story.mine()
        #expect(story.refusal(of: transaction) == nil)
        story.mine()
        try expectDelayed(transaction, &story)
    }

    @Test func `claims an HTLC at once with its preimage and with no other`() throws {
        var (story, commitment) = try closed()
        for wrong in [preimage(11), story.pair.alice.keys.perCommitmentSecret(0), nil] {
            let transaction = story.secondStage(commitment, success, preimage: wrong)
            #expect(story.refusal(of: transaction) == .wrongSecret(input: 0))
        }
        let transaction = story.secondStage(commitment, success, preimage: preimage(12))
        var unsigned = transaction
        unsigned.inputs[0].witness?.signatures[1] = transaction.inputs[0].witness!.signatures[0]
        #expect(story.refusal(of: unsigned) == .badSignature(input: 0, key: 1), "Bob must have signed it")
        #expect(story.refusal(of: transaction) == nil)
        story.mine()
        try expectDelayed(transaction, &story)
    }

    /// Own money waits `to_self_delay`, to the block.
    private func expectDelayed(_ parent: Transaction, _ story: inout ChainStory, output index: Int = 0) throws
    {
        let sweep = story.sweep(parent, index, condition: 1, story.pair.alice.keys.delayedPayment)
        while let confirmations = story.chain.confirmations(of: parent.id), confirmations < UInt32(Self.delay)
        {
            let refusal = TransactionRefusal.immature(
                input: 0, confirmations: confirmations, required: Self.delay)
            #expect(story.refusal(of: sweep) == refusal)
            story.mine()
        }
        #expect(story.refusal(of: sweep) == nil)
        story.mine()
        story.chain.checkTotals()
    }

    @Test func `delays its owner's balance and pays the other side at once`() throws {
        var (story, commitment) = try closed()
        let own = try toLocal(commitment)
        let other = try commitment.transaction.index(of: toRemote)
        #expect(
            story.refusal(
                of: story.sweep(commitment.transaction, other, condition: 0, story.pair.bob.keys.payment))
                == nil)
        try expectDelayed(commitment.transaction, &story, output: own)
    }

    @Test func `lets the other side claim with the preimage and time out its own`() throws {
        var (story, commitment) = try closed()
        let transaction = commitment.transaction
        let key = story.pair.bob.keys.htlc
        let (hers, his) = (try transaction.index(of: 50_000), try transaction.index(of: 40_000))
        let claim = story.sweep(transaction, hers, condition: 2, key, secret: preimage(11))
        #expect(story.refusal(of: claim) == nil)
        let refund = story.sweep(transaction, his, condition: 2, key)
        story.mine(to: 29)
        #expect(story.refusal(of: refund) == .locked(input: 0, until: BlockHeight(30)))
        story.mine()
        #expect(story.refusal(of: refund) == nil)
        story.mine()
        story.chain.checkTotals()
    }

    @Test func `with anchors waits a confirmation for all but the anchors, which anyone may sweep later`()
        throws
    {
        var (story, commitment) = try story(anchors: true)
        let transaction = commitment.transaction
        #expect(story.refusal(of: story.fullySigned(transaction)) == nil)
        let success = story.secondStage(commitment, success, preimage: preimage(12))
        let other = story.sweep(
            transaction, try transaction.index(of: toRemote), condition: 0, story.pair.bob.keys.payment)
        let unconfirmed = TransactionRefusal.immature(input: 0, confirmations: 0, required: 1)
        #expect(story.refusal(of: success) == unconfirmed)
        #expect(story.refusal(of: other) == unconfirmed)
        let anchors = [0, 1].map {
            story.sweep(transaction, $0, condition: 0, [story.pair.alice, story.pair.bob][$0].keys.funding)
        }
        #expect(transaction.outputs[...1].map(\.value) == [ChannelTerms.anchor, ChannelTerms.anchor])
        #expect(story.refusal(of: anchors[0]) == nil, "its owner bumps the fee while it waits")
        story.mine()
        #expect(story.refusal(of: success) == nil && story.refusal(of: other) == nil)
        story.mine()
        let stranger = story.sweep(transaction, 1, condition: 1, nil)
        story.mine(to: 15)
        #expect(story.refusal(of: stranger) == .immature(input: 0, confirmations: 15, required: 16))
        story.mine()
        #expect(story.refusal(of: stranger) == nil)
        try expectDelayed(success, &story)
    }

    @Test func `is accepted with 483 HTLCs each way, the most there can be`() throws {
        let pair = ChannelPair(.free(dust: 354, feerate: 253), alice: sat(500_000))
        for _ in 0..<483 {
            for side in Side.allCases { try pair.offer(sat(600), from: side, payment: 11) }
        }
        #expect(pair.alice.channel.refusal(of: sat(600)) == .tooManyHTLCs)
        try pair.settle()
        var story = ChainStory(pair)
        let commitment = try #require(pair.latest(of: .first))
        #expect(commitment.secondStage.count == 966 && commitment.transaction.outputs.count == 968)
        #expect(commitment.fee == Satoshi(253 * (724 + 172 * 966) / 1_000))
        #expect(story.refusal(of: story.fullySigned(commitment.transaction)) == nil)
        for side in Side.allCases {
            while !pair[side].held.isEmpty { pair.resolve(.failed, by: side) }
        }
        try pair.settle()
        pair.expectQuiet()
        #expect(pair.alice.channel.local.ours == sat(500_000))
    }
}

/// Alice goes on chain with a commitment that she has revoked.
@Suite struct `A revoked commitment` {
    private func cheat() throws -> (story: ChainStory, revoked: CommitmentTransaction, number: UInt64) {
        let pair = ChannelPair(
            .free(dust: 354, reserve: 1_000, feerate: 2_500, delay: 6), alice: sat(500_000))
        try pair.add(sat(50_000), from: .first, payment: 11, expiry: BlockHeight(20))
        try pair.add(sat(40_000), from: .second, payment: 12, expiry: BlockHeight(30))
        let old = try #require(pair.latest(of: .first))
        let number = pair.alice.channel.localNumber
        pair.resolve(.fulfilled, by: .second)
        try pair.settle()
        #expect(pair.alice.channel.localNumber > number)
        var story = ChainStory(pair)
        #expect(story.refusal(of: story.fullySigned(old.transaction)) == nil)
        story.mine()
        return (story, old, number)
    }

    @Test func `is punished on every output that was its owner's or an HTLC's`() throws {
        var (story, revoked, number) = try cheat()
        let bob = story.pair.bob.keys
        let secret = story.pair.alice.keys.perCommitmentSecret(number)
        let latest = story.pair.alice.keys.perCommitmentSecret(story.pair.alice.channel.localNumber)
        var punished = 0
        for (index, output) in revoked.transaction.outputs.enumerated() where output.conditions.count > 1 {
            let sweep = { story.sweep(revoked.transaction, index, condition: 0, $0, secret: $1) }
            let (guess, stranger) = (sweep(bob.revocation, latest), sweep(bob.payment, secret))
            let penalty = sweep(bob.revocation, secret)
            #expect(story.refusal(of: guess) == .wrongSecret(input: 0))
            #expect(story.refusal(of: stranger) == .badSignature(input: 0, key: 0))
            #expect(story.refusal(of: penalty) == nil)
            punished += 1
        }
        #expect(punished == 3)
        story.mine()
        story.chain.checkTotals()
    }

    @Test func `is punished on its second stage too`() throws {
        var (story, revoked, number) = try cheat()
        let success = story.secondStage(revoked, 0, preimage: preimage(12))
        #expect(story.refusal(of: success) == nil)
        story.mine()
        let secret = story.pair.alice.keys.perCommitmentSecret(number)
        let penalty = story.sweep(success, 0, condition: 0, story.pair.bob.keys.revocation, secret: secret)
        #expect(story.refusal(of: penalty) == nil)
        story.mine()
        var late = story.sweep(success, 0, condition: 1, story.pair.alice.keys.delayedPayment)
        late.outputs[0].value -= Satoshi(1)
        story.mine(6)
        #expect(story.refusal(of: late) == .alreadySpent(success.outpoint(0), by: penalty.id))
    }
}
