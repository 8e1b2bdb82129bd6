import Cryptography
import LightningTypes
import Settlement
import Testing

@testable import PaymentChannels

@Suite struct `A cooperative close` {
    private let aliceWallet = SigningKey(seed: Bytes32(words: 10, 0, 0, 0)).publicKey
    private let bobWallet = SigningKey(seed: Bytes32(words: 11, 0, 0, 0)).publicKey

    private func closing(_ pair: ChannelPair, _ side: Side = .first, feerate: UInt64 = 1_000) -> Transaction?
    {
        closingTransaction(
            pair[side].channel, funding: ChannelPair.funding, fundedBy: pair.fundingOutput,
            ours: side == .first ? aliceWallet : bobWallet, theirs: side == .first ? bobWallet : aliceWallet,
            feeratePerKiloweight: feerate)
    }

    private func paid(_ transaction: Transaction, to wallet: PublicKey) -> UInt64 {
        transaction.outputs.filter { $0.conditions[0].keys == [wallet] }.reduce(0) { $0 + $1.value.rawValue }
    }

    @Test(arguments: [true, false])
    func `pays both shares, less the funder's fee, by a transaction the chain takes`(aliceFunds: Bool) throws
    {
        let pair = ChannelPair(.free(dust: 354), alice: sat(700_000), aliceFunds: aliceFunds)
        try pair.add(sat(100_000), from: .first)
        pair.resolve(.fulfilled, by: .second)
        try pair.settle()
        let transaction = try #require(closing(pair))
        #expect(closing(pair, .second) == transaction, "both build the same")
        // BOLT 3's expected weight of a mutual close: 4 × 113 bytes, the header's 2 and the witness's 222.
        let fee = transaction.weight(spending: [pair.fundingOutput])
        #expect(fee == 4 * (9 + 1 + 41 + 31 + 31) + 2 + 222)
        #expect(paid(transaction, to: aliceWallet) == 600_000 - (aliceFunds ? fee : 0))
        #expect(paid(transaction, to: bobWallet) == 400_000 - (aliceFunds ? 0 : fee))

        var story = ChainStory(pair)
        let signed = story.fullySigned(transaction)
        var flipped = signed
        flipped.inputs[0].witness!.signatures[0] = signed.inputs[0].witness!.signatures[0].flipped(3)
        #expect(story.refusal(of: flipped) == .badSignature(input: 0, key: 0))
        #expect(story.refusal(of: signed) == nil)
        let block = story.chain.mineBlock()
        #expect(block.fees == Satoshi(fee))
        story.chain.checkTotals()
    }

    @Test func `rounds its fee up to the rate and each share down to a satoshi`() throws {
        let pair = ChannelPair(.free(capacity: 100_000), alice: Millisatoshi(60_000_999))
        let transaction = try #require(closing(pair, feerate: 253))
        let weight = transaction.weight(spending: [pair.fundingOutput])
        let fee = (weight * 253 + 999) / 1_000
        #expect(paid(transaction, to: aliceWallet) == 60_000 - fee)
        #expect(paid(transaction, to: bobWallet) == 39_999, "the torn satoshi goes to the fee")
    }

    @Test func `leaves out what is dust or nothing`() throws {
        let dusty = ChannelPair(.free(dust: 546), alice: sat(545))
        let transaction = try #require(closing(dusty, feerate: 0))
        #expect(transaction.outputs == [Output(value: Satoshi(999_455), key: bobWallet)])
        let limit = try #require(closing(ChannelPair(.free(dust: 546), alice: sat(546)), feerate: 0))
        #expect(limit.outputs.count == 2)
        let empty = try #require(closing(ChannelPair(.free(), alice: .zero), feerate: 0))
        #expect(empty.outputs == [Output(value: Satoshi(1_000_000), key: bobWallet)])
    }

    /// A fee below what the chain relays would close nothing: the weight of 676 asks for 676 sat at 1,000 sat/kw.
    @Test func `takes from the other side what the funder cannot pay`() throws {
        let pair = ChannelPair(.free(), alice: sat(100))
        let transaction = try #require(closing(pair))
        #expect(transaction.outputs == [Output(value: Satoshi(1_000_000 - 676), key: bobWallet)])
    }

    @Test func `is nothing where nothing is above the dust limit`() {
        #expect(closing(ChannelPair(.free(capacity: 1_000, dust: 600), alice: sat(500))) == nil)
    }

    @Test func `orders equal shares by key`() throws {
        let pair = ChannelPair(.free(), alice: sat(500_000))
        let transaction = try #require(closing(pair, feerate: 0))
        #expect(transaction.outputs.map(\.conditions[0].keys[0]) == [aliceWallet, bobWallet].sorted())
    }
}
