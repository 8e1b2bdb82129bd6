import Cryptography
import LightningTypes
import Testing

@testable import Settlement

/// The figures of BOLT 3, Appendix A, "Expected Weights".
@Suite struct WeightTests {
    private func key(_ number: UInt64) -> PublicKey { PublicKey(Bytes32(words: number, 0, 0, 0)) }
    private func coin(_ index: UInt32) -> Input { Input(Chain.genesisOutpoint(index)) }

    private var funding: Output {
        Output(value: Satoshi(1_000_000), conditions: [SpendCondition(keys: [key(1), key(2)])])
    }
    private var toLocal: Output {
        Output(
            value: Satoshi(400_000),
            conditions: [
                SpendCondition(keys: [key(3)], hashlock: .zero),
                SpendCondition(keys: [key(4)], relativeLock: 144),
            ])
    }
    private var toRemote: Output { Output(value: Satoshi(300_000), key: key(5)) }
    private var toRemoteDelayed: Output {
        Output(value: Satoshi(300_000), conditions: [SpendCondition(keys: [key(5)], relativeLock: 1)])
    }
    private var anchor: Output {
        Output(
            value: Satoshi(330),
            conditions: [SpendCondition(keys: [key(1)]), SpendCondition(relativeLock: 16)])
    }
    private var htlc: Output { offered(lock: 0) }

    /// Revocation, the owner's second stage, the other side's way out.
    private func offered(lock: UInt16) -> Output {
        Output(
            value: Satoshi(10_000),
            conditions: [
                SpendCondition(keys: [key(6)], hashlock: .zero),
                SpendCondition(keys: [key(7), key(8)], absoluteLock: BlockHeight(500)),
                SpendCondition(keys: [key(8)], hashlock: sha256(Bytes32.zero), relativeLock: lock),
            ])
    }

    private func accepted(lock: UInt16) -> Output {
        Output(
            value: Satoshi(10_000),
            conditions: [
                SpendCondition(keys: [key(6)], hashlock: .zero),
                SpendCondition(keys: [key(7), key(8)], hashlock: sha256(Bytes32.zero)),
                SpendCondition(keys: [key(8)], absoluteLock: BlockHeight(500), relativeLock: lock),
            ])
    }

    private func weight(of outputs: [Output], spending spent: Output, condition: Int) -> UInt64 {
        let witness = Witness(condition: condition, signatures: [])
        let input = Input(Chain.genesisOutpoint(0), witness: witness)
        return Transaction(inputs: [input], outputs: outputs).weight(spending: [spent])
    }

    @Test(arguments: [0, 1, 2, 30, 300, 966])
    func `a commitment weighs 724 and 172 for each HTLC`(htlcs: Int) {
        let outputs = [toLocal, toRemote] + Array(repeating: htlc, count: htlcs)
        let commitment = Transaction(inputs: [coin(0)], outputs: outputs)
        #expect(commitment.weight(spending: [funding]) == 724 + 172 * UInt64(htlcs))
    }

    @Test(arguments: [0, 1, 2, 30, 300, 966])
    func `a commitment with anchors weighs 1124 and 172 for each HTLC`(htlcs: Int) {
        let outputs = [toLocal, toRemoteDelayed, anchor, anchor] + Array(repeating: htlc, count: htlcs)
        let commitment = Transaction(inputs: [coin(0)], outputs: outputs)
        #expect(commitment.weight(spending: [funding]) == 1_124 + 172 * UInt64(htlcs))
    }

    @Test func `an output weighs 124 for one key and 172 for anything else`() {
        #expect(toRemote.weight == 124)
        for output in [funding, toLocal, toRemoteDelayed, anchor, htlc] { #expect(output.weight == 172) }
        #expect(
            Output(value: .zero, conditions: [SpendCondition(keys: [key(1)], hashlock: .zero)]).weight == 172)
        #expect(
            Output(value: .zero, conditions: [SpendCondition(keys: [key(1)], absoluteLock: BlockHeight(0))])
                .weight == 172)
        #expect(Output(value: .zero, conditions: []).weight == 172)
    }

    @Test func `HTLC-timeout weighs 663 and HTLC-success 703, 3 more with anchors`() {
        #expect(weight(of: [toLocal], spending: offered(lock: 0), condition: 1) == 663)
        #expect(weight(of: [toLocal], spending: accepted(lock: 0), condition: 1) == 703)
        #expect(weight(of: [toLocal], spending: offered(lock: 1), condition: 1) == 666)
        #expect(weight(of: [toLocal], spending: accepted(lock: 1), condition: 1) == 706)
    }

    /// BOLT 5, "Penalty Transactions Weight Calculation": inputs of 324, 407 and 413 (164 and a witness of 160, 243,
    /// 249) beside 4 × 53 + 2 of everything else, with one P2WSH output.
    @Test func `a penalty weighs what BOLT 5 says of each output it takes`() {
        #expect(weight(of: [toLocal], spending: toLocal, condition: 0) == 324 + 4 * 53 + 2)
        #expect(weight(of: [toLocal], spending: offered(lock: 0), condition: 0) == 407 + 4 * 53 + 2)
        #expect(weight(of: [toLocal], spending: accepted(lock: 0), condition: 0) == 413 + 4 * 53 + 2)
    }

    @Test func `the other ways out of an HTLC and a delayed output show one signature`() {
        let rest: UInt64 = 164 + 4 * 53 + 2
        #expect(weight(of: [toLocal], spending: toLocal, condition: 1) == rest + 160)
        #expect(weight(of: [toLocal], spending: offered(lock: 1), condition: 2) == rest + 245)
        #expect(weight(of: [toLocal], spending: accepted(lock: 1), condition: 2) == rest + 219)
    }

    /// 4 × (4 + 1 + 1 + 4) + 2, then by Appendix A: inputs 4 × 41 with 108 or 222 bytes of witness, outputs 124, 172.
    @Test func `a funding transaction weighs what its wallet inputs, its output and its change weigh`() {
        let wallet = Output(value: Satoshi(1_000_000), key: key(8))
        let funding = Transaction(inputs: [coin(0)], outputs: [self.funding, toRemote])
        #expect(funding.weight(spending: [wallet]) == 42 + (164 + 108) + 172 + 124)
        let two = Transaction(inputs: [coin(0), coin(1)], outputs: [self.funding, toRemote])
        #expect(two.weight(spending: [wallet, wallet]) == 42 + 2 * (164 + 108) + 172 + 124)
    }

    /// Expected of a cooperative close to two wallets: a funding input and two P2WPKH outputs.
    @Test func `a cooperative close weighs a funding input and its outputs`() {
        let close = Transaction(inputs: [coin(0)], outputs: [toRemote, toRemote])
        #expect(close.weight(spending: [funding]) == 42 + (164 + 222) + 2 * 124)
    }

    @Test func `weight depends on the condition met and not on what the witness holds`() {
        let sweep = Transaction(inputs: [coin(0)], outputs: [toRemote])
        let conditions = [
            SpendCondition(keys: [key(1)]),
            SpendCondition(keys: [key(1), key(2)], hashlock: .zero, absoluteLock: BlockHeight(1)),
        ]
        let unnamed = Output(value: Satoshi(1), conditions: conditions)
        let unsigned = sweep.weight(spending: [unnamed])
        // Elements 1, signature 74, choice 1, script length 1; key 35, OP_IF and so on 3, two keys 71, hash 27,
        // height 6.
        #expect(unsigned == 42 + 124 + 164 + (1 + 74 + 1 + 1) + (35 + 3 + 71 + 27 + 6))
        #expect(weight(of: [toRemote], spending: unnamed, condition: 0) == unsigned)
        // One signature, CHECKMULTISIG's empty element and a secret more.
        #expect(weight(of: [toRemote], spending: unnamed, condition: 1) == unsigned + 74 + 1 + 33)
    }

    @Test func `a long script's length takes three bytes`() {
        let sweep = Transaction(inputs: [coin(0)], outputs: [toRemote])
        func weight(keys: Int) -> UInt64 {
            let keys = (0..<keys).map { key(UInt64($0)) }
            return sweep.weight(
                spending: [Output(value: Satoshi(500_000), conditions: [SpendCondition(keys: keys)])])
        }
        #expect(weight(keys: 7) - weight(keys: 6) == 34 + 74)
        #expect(weight(keys: 8) - weight(keys: 7) == 34 + 74 + 2)
    }
}
