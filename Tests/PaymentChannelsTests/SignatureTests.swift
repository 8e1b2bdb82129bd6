import Cryptography
import LightningTypes
import Settlement
import Testing

@testable import PaymentChannels

extension Signature {
    /// The same bits but for one of the 512.
    func flipped(_ bit: Int) -> Signature {
        var bytes = withUnsafeBytes { Array($0) }
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        return bytes.withUnsafeBytes { Signature(bytes: $0) }
    }
}

@Suite struct `The signatures of a commitment` {
    private let terms = ChannelTerms.free(dust: 354, reserve: 10_000, feerate: 253)

    /// Alice's commitment with an HTLC each way and one that is trimmed, signed by Bob when the protocol asks for it.
    private func eager() throws -> (pair: ChannelPair, signatures: CommitmentSignatures) {
        var pair = ChannelPair(terms, alice: sat(500_000))
        pair.makesTransactions = true
        try pair.add(sat(70_000), from: .first)
        try pair.add(sat(50_000), from: .second)
        try pair.add(sat(300), from: .second)
        let signed = try #require(pair.alice.signed)
        return (pair, CommitmentSignatures(signed, with: pair.bob.keys))
    }

    @Test func `are the same bytes whether made at the time or when the chain needs them`() throws {
        let (pair, signatures) = try eager()
        // Much goes on after it, none of it committed.
        try pair.offer(sat(20_000), from: .second)
        try pair.deliver(to: .first)
        pair.resolve(.fulfilled, by: .second)
        try pair.deliver(to: .first)
        let latest = try #require(pair.latest(of: .first))
        #expect(latest.secondStage.count == 2, "a trimmed HTLC has no transaction")
        #expect(CommitmentSignatures(latest, with: pair.bob.keys) == signatures)
        #expect(signatures.areValid(for: latest, by: pair.bob.keys.publicKeys))
        #expect(!signatures.areValid(for: latest, by: pair.alice.keys.publicKeys))
    }

    @Test func `are refused with any bit of any of them flipped`() throws {
        let (pair, signatures) = try eager()
        let latest = try #require(pair.latest(of: .first))
        for place in signatures.all.indices {
            for bit in 0..<512 {
                var flipped = signatures
                flipped.all[place] = flipped.all[place].flipped(bit)
                #expect(!flipped.areValid(for: latest, by: pair.bob.keys.publicKeys))
            }
        }
    }

    @Test func `are refused where one is missing, left over or out of place`() throws {
        let (pair, signatures) = try eager()
        let latest = try #require(pair.latest(of: .first))
        let keys = pair.bob.keys.publicKeys
        #expect(!CommitmentSignatures(all: []).areValid(for: latest, by: keys))
        #expect(!CommitmentSignatures(all: signatures.all.dropLast()).areValid(for: latest, by: keys))
        #expect(
            !CommitmentSignatures(all: signatures.all + [signatures.all[0]]).areValid(for: latest, by: keys))
        var swapped = signatures
        swapped.all.swapAt(1, 2)
        #expect(!swapped.areValid(for: latest, by: keys))
    }

    @Test func `are never made for a commitment whose fingerprint was not received`() throws {
        let (pair, _) = try eager()
        for bit in 0..<64 as Range<UInt64> {
            pair.alice.channel.localFingerprint ^= 1 << bit
            #expect(pair.latest(of: .first) == nil)
            pair.alice.channel.localFingerprint ^= 1 << bit
        }
        #expect(pair.latest(of: .first) != nil)

        // A millisatoshi on the wrong side, too little to show in any output.
        pair.alice.channel.local.ours = pair.alice.channel.local.ours + Millisatoshi(1)
        pair.alice.channel.local.theirs = pair.alice.channel.local.theirs - Millisatoshi(1)
        #expect(pair.latest(of: .first) == nil)
    }

    /// What an HTLC released pays for a newer one before either is committed: undone in the wrong order, a balance
    /// falls below zero.
    @Test(arguments: [HTLCRemoval.fulfilled, .failed])
    func `cover the last signed state while a released HTLC pays for a new one`(removal: HTLCRemoval) throws {
        let payer: Side = removal == .fulfilled ? .second : .first
        let pair = ChannelPair(.free(), alice: sat(1_000_000))
        try pair.add(sat(1_000_000), from: .first)
        pair.resolve(removal, by: .second)
        if removal == .failed { try pair.settle() }
        try pair.offer(sat(1_000_000), from: payer)
        try pair.deliver(to: payer.other)
        if removal == .fulfilled { try pair.deliver(to: .first) }
        for side in Side.allCases {
            let latest = try #require(pair.latest(of: side))
            #expect(latest.transaction.outputs.map(\.value) == [Satoshi(1_000_000)])
        }
        try pair.settle()
        #expect(pair.latest(of: .first) != nil && pair.latest(of: .second) != nil)
    }

    /// Equal amounts everywhere: order must not depend on which party sorts, nor on when it learnt of an HTLC.
    @Test func `cover the same order of outputs on both sides`() throws {
        var pair = ChannelPair(.free(capacity: 60_000, anchors: true), alice: sat(30_660))
        pair.makesTransactions = true
        for expiry in [502, 500, 501, 500] as [UInt32] {
            try pair.offer(sat(5_000), from: .first, expiry: BlockHeight(expiry))
            try pair.offer(sat(5_000), from: .second, expiry: BlockHeight(expiry))
        }
        try pair.settle()
        for side in Side.allCases {
            let latest = try #require(pair.latest(of: side))
            #expect(latest.transaction == pair[side].signed?.transaction)
            #expect(latest.secondStage == pair[side].signed?.secondStage)
            #expect(latest.secondStage.count == 8 && latest.transaction.outputs.count == 12)
        }
    }
}

@Suite struct `The keys of a channel` {
    @Test func `are all of one seed and all different`() {
        let keys = ChannelKeys(seed: Bytes32(words: 3, 0, 0, 0))
        let all = keys.publicKeys
        let distinct: Set = [all.funding, all.revocation, all.payment, all.delayedPayment, all.htlc]
        #expect(distinct.count == 5)
        #expect(ChannelKeys.fundingKey(seed: Bytes32(words: 3, 0, 0, 0)).publicKey == all.funding)
        #expect(ChannelKeys(seed: Bytes32(words: 3, 0, 0, 0)).publicKeys == all)
        #expect(ChannelKeys(seed: Bytes32(words: 4, 0, 0, 0)).publicKeys != all)
    }

    @Test func `number their secrets downwards from the top`() throws {
        let keys = ChannelKeys(seed: Bytes32(words: 3, 0, 0, 0))
        #expect(ChannelKeys.secretIndex(ofCommitment: 0) == 281_474_976_710_655)
        var store = PerCommitmentSecretStore()
        for number in 0..<20 as Range<UInt64> {
            let secret = keys.perCommitmentSecret(number)
            #expect(sha256(secret) == keys.perCommitmentPoint(number))
            try store.insert(secret, at: ChannelKeys.secretIndex(ofCommitment: number))
        }
    }
}
