import LightningTypes
import Settlement
import Testing

@testable import PaymentChannels

/// An HTLC of a published example, in satoshi.
private struct Example {
    let amount: UInt64
    let isOffered: Bool
    var expiry: UInt32 = 500
}

/// The funder's commitment with these HTLCs and, HTLCs apart, these balances, at any feerate: agreed on while
/// transactions are free, since BOLT 2 lets nobody offer an HTLC at the rates some examples have.
private func commitment(
    toLocal: UInt64, toRemote: UInt64, _ htlcs: [Example], dust: UInt64, feerate: UInt32,
    anchors: Bool = false
) throws -> CommitmentTransaction {
    let offered = htlcs.reduce(0) { $0 + ($1.isOffered ? $1.amount : 0) }
    let capacity = htlcs.reduce(toLocal + toRemote) { $0 + $1.amount }
    let pair = ChannelPair(.free(capacity: capacity), alice: sat(toLocal + offered))
    for htlc in htlcs {
        try pair.add(
            sat(htlc.amount), from: htlc.isOffered ? .first : .second, expiry: BlockHeight(htlc.expiry))
    }
    let agreed = pair.alice.channel
    let terms = ChannelTerms.free(capacity: capacity, dust: dust, feerate: feerate, anchors: anchors)
    var rated = Channel(terms: terms, isFunder: true, ours: agreed.local.total, phase: .normal)
    (rated.local, rated.localNumber) = (agreed.local, agreed.localNumber)
    (rated.firstHTLC, rated.lastHTLC) = (agreed.firstHTLC, agreed.lastHTLC)
    rated.localFingerprint = rated.fingerprint(of: rated.local, number: rated.localNumber, ownerIsUs: true)
    let point = pair.alice.keys.perCommitmentPoint(rated.localNumber)
    let latest = rated.latestCommitment(pair.context(of: .first), point: point, in: pair.alice.pool)
    return try #require(latest)
}

@Suite struct `Commitment fees` {
    /// BOLT 3, "Fee Calculation", "Example".
    @Test func `are those of BOLT 3's example`() throws {
        let htlcs = [
            Example(amount: 5_000, isOffered: true), Example(amount: 1_000, isOffered: true),
            Example(amount: 7_000, isOffered: false), Example(amount: 800, isOffered: false),
        ]
        let terms = ChannelTerms.free(dust: 546, feerate: 5_000)
        #expect(terms.htlcTransactionFee(isSuccess: false) == Satoshi(3_315))
        #expect(terms.htlcTransactionFee(isSuccess: true) == Satoshi(3_515))
        #expect(terms.commitmentFee(untrimmedHTLCs: 2) == Satoshi(5_340))
        let built = try commitment(toLocal: 100_000, toRemote: 100_000, htlcs, dust: 546, feerate: 5_000)
        #expect(built.fee == Satoshi(7_140))
        #expect(
            built.secondStage.map(\.outputs[0].value) == [Satoshi(5_000 - 3_315), Satoshi(7_000 - 3_515)])
    }

    /// One of the commitments of BOLT 3, Appendix C.
    struct Vector: Sendable {
        let feerate: UInt32
        let baseFee: UInt64
        let fee: UInt64
        let toLocal: UInt64?
        let htlcs: [UInt64]
    }

    /// BOLT 3, Appendix C, "Commitment and HTLC Transaction Test Vectors", from "simple commitment tx with 5 HTLCs"
    /// (here "seven outputs untrimmed, minimum feerate") to "fee greater than funder amount": base and actual fees
    /// and amounts; the series without anchors, which the specification had until 2021.
    static let vectors = [
        Vector(
            feerate: 0, baseFee: 0, fee: 0, toLocal: 6_988_000, htlcs: [1_000, 2_000, 2_000, 3_000, 4_000]),
        Vector(
            feerate: 647, baseFee: 1_024, fee: 1_024, toLocal: 6_986_976,
            htlcs: [1_000, 2_000, 2_000, 3_000, 4_000]),
        Vector(
            feerate: 648, baseFee: 914, fee: 1_914, toLocal: 6_987_086, htlcs: [2_000, 2_000, 3_000, 4_000]),
        Vector(
            feerate: 2_069, baseFee: 2_921, fee: 3_921, toLocal: 6_985_079,
            htlcs: [2_000, 2_000, 3_000, 4_000]),
        Vector(feerate: 2_070, baseFee: 2_566, fee: 5_566, toLocal: 6_985_434, htlcs: [2_000, 3_000, 4_000]),
        Vector(feerate: 2_194, baseFee: 2_720, fee: 5_720, toLocal: 6_985_280, htlcs: [2_000, 3_000, 4_000]),
        Vector(feerate: 2_195, baseFee: 2_344, fee: 7_344, toLocal: 6_985_656, htlcs: [3_000, 4_000]),
        Vector(feerate: 3_702, baseFee: 3_953, fee: 8_953, toLocal: 6_984_047, htlcs: [3_000, 4_000]),
        Vector(feerate: 3_703, baseFee: 3_317, fee: 11_317, toLocal: 6_984_683, htlcs: [4_000]),
        Vector(feerate: 4_914, baseFee: 4_402, fee: 12_402, toLocal: 6_983_598, htlcs: [4_000]),
        Vector(feerate: 4_915, baseFee: 3_558, fee: 15_558, toLocal: 6_984_442, htlcs: []),
        Vector(feerate: 9_651_180, baseFee: 6_987_454, fee: 6_999_454, toLocal: 546, htlcs: []),
        Vector(feerate: 9_651_181, baseFee: 6_987_455, fee: 7_000_000, toLocal: nil, htlcs: []),
        Vector(feerate: 9_651_936, baseFee: 6_988_001, fee: 7_000_000, toLocal: nil, htlcs: []),
    ]

    @Test(arguments: vectors)
    func `are those of BOLT 3's appendix C`(vector: Vector) throws {
        let htlcs = [
            Example(amount: 1_000, isOffered: false, expiry: 500),
            Example(amount: 2_000, isOffered: false, expiry: 501),
            Example(amount: 2_000, isOffered: true, expiry: 502),
            Example(amount: 3_000, isOffered: true, expiry: 503),
            Example(amount: 4_000, isOffered: false, expiry: 504),
        ]
        let built = try commitment(
            toLocal: 6_988_000, toRemote: 3_000_000, htlcs, dust: 546, feerate: vector.feerate)
        let expected = vector.htlcs + [3_000_000] + (vector.toLocal.map { [$0] } ?? [])
        #expect(built.transaction.outputs.map(\.value.rawValue) == expected.sorted())
        #expect(built.fee == Satoshi(vector.fee))
        #expect(built.secondStage.count == vector.htlcs.count)
        let terms = ChannelTerms.free(dust: 546, feerate: vector.feerate)
        #expect(terms.commitmentFee(untrimmedHTLCs: vector.htlcs.count) == Satoshi(vector.baseFee))
    }

    /// BOLT 3: an HTLC-timeout weighs 663, an HTLC-success 703, a commitment 724 or 1,124 and 172 for each HTLC.
    @Test(arguments: [false, true], 0...8)
    func `are paid at the agreed rate for the weight the chain measures`(anchors: Bool, count: Int) throws {
        let htlcs = (0..<count).map { Example(amount: 10_000, isOffered: $0 % 3 == 0) }
        let built = try commitment(
            toLocal: 200_000, toRemote: 100_000, htlcs, dust: 546, feerate: 1_000, anchors: anchors)
        let funding = ChannelPair(.free(), alice: .zero).fundingOutput
        let weight = built.transaction.weight(spending: [funding])
        #expect(weight == (anchors ? 1_124 : 724) + 172 * UInt64(count))
        #expect(built.fee == Satoshi(weight), "1,000 satoshi for 1,000 weight")
        guard !anchors else {
            #expect(built.secondStage.allSatisfy { $0.outputs[0].value == Satoshi(10_000) })
            return
        }
        for (place, htlc) in built.secondStage.enumerated() {
            let spent = built.transaction.outputs[place]
            let isTimeout = spent.conditions[1].absoluteLock != nil
            #expect(spent.value - htlc.outputs[0].value == Satoshi(isTimeout ? 663 : 703))
        }
    }

    @Test func `take what is there where the funder has less`() throws {
        let built = try commitment(toLocal: 1_000, toRemote: 50_000, [], dust: 546, feerate: 2_500)
        #expect(built.transaction.outputs.map(\.value) == [Satoshi(50_000)] && built.fee == Satoshi(1_000))
    }

    /// The owner's anchor goes first; anchors are never paid from the other side's money.
    @Test(arguments: [(0, 0), (329, 0), (330, 1), (659, 1), (660, 2), (5_000, 2)] as [(UInt64, Int)])
    func `leave a funder the anchors it can pay for`(funds: UInt64, anchors: Int) throws {
        let htlcs = [Example(amount: 20_000, isOffered: false)]
        let built = try commitment(
            toLocal: funds, toRemote: 50_000, htlcs, dust: 354, feerate: 10_000, anchors: true)
        let values = built.transaction.outputs.map(\.value.rawValue)
        #expect(values == Array(repeating: 330, count: anchors) + [20_000, 50_000])
        #expect(built.fee == Satoshi(funds - 330 * UInt64(anchors)))
        let owner = ChannelPair.aliceKeys.publicKeys.funding
        if anchors > 0 { #expect(built.transaction.outputs[0].conditions[0].keys == [owner]) }
    }

    @Test func `of both anchors fall on a side that has no output but a stake in HTLCs`() throws {
        let quiet = try commitment(toLocal: 100_000, toRemote: 100, [], dust: 354, feerate: 0, anchors: true)
        #expect(quiet.transaction.outputs.map(\.value.rawValue) == [330, 100_000 - 660])
        #expect(quiet.fee == Satoshi(100 + 330), "the absent anchor was subtracted all the same")
        let htlcs = [Example(amount: 20_000, isOffered: false)]
        let busy = try commitment(
            toLocal: 100_000, toRemote: 100, htlcs, dust: 354, feerate: 0, anchors: true)
        #expect(busy.transaction.outputs.map(\.value.rawValue) == [330, 330, 20_000, 100_000 - 660])
    }

    @Test func `swallow millisatoshis and what would be an output of nothing`() throws {
        let pair = ChannelPair(.free(capacity: 1_000), alice: Millisatoshi(600_400))
        try pair.add(Millisatoshi(999), from: .first)
        try pair.add(Millisatoshi(1_000), from: .first)
        let latest = try #require(pair.latest(of: .first))
        #expect(latest.transaction.outputs.map(\.value.rawValue) == [1, 399, 598])
        #expect(latest.fee == Satoshi(2) && pair.alice.channel.local.untrimmedCount == 1)
    }
}
