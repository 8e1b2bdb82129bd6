import Cryptography
import LightningTypes
import Randomness
import Testing

@testable import Settlement

/// Transactions of every shape, from one seed each.
func randomTransaction(seed: UInt64) -> Transaction {
    var stream = RandomStream(seed: seed, purpose: .init("random transaction"), process: 0)
    func bytes32() -> Bytes32 { Bytes32(words: stream.next(), stream.next(), stream.next(), stream.next()) }
    func some<Element>(_ make: () -> Element) -> [Element] { (0..<stream.below(4)).map { _ in make() } }
    func maybe<Element>(_ make: () -> Element) -> Element? { stream.below(2) == 0 ? nil : make() }
    let inputs = some {
        Input(
            Outpoint(transaction: TransactionID(bytes32()), index: UInt32(truncatingIfNeeded: stream.next())),
            witness: maybe {
                let signatures = some { Signature(r: bytes32(), s: bytes32()) }
                let isMixed = !signatures.isEmpty && stream.below(2) == 0
                return Witness(
                    condition: Int(stream.below(1 << 32)), signatures: signatures,
                    scopes: isMixed
                        ? signatures.map { _ in stream.below(2) == 0 ? .pair : .transaction } : [],
                    secret: maybe(bytes32))
            })
    }
    let outputs = some {
        Output(
            value: Satoshi(stream.next()),
            conditions: some {
                SpendCondition(
                    keys: some { PublicKey(bytes32()) }, hashlock: maybe(bytes32),
                    absoluteLock: maybe { BlockHeight(UInt32(truncatingIfNeeded: stream.next())) },
                    relativeLock: UInt16(truncatingIfNeeded: stream.next()))
            })
    }
    return Transaction(inputs: inputs, outputs: outputs, tag: maybe { stream.next() })
}

@Suite struct EncodingTests {
    @Test(arguments: 0..<64 as Range<UInt64>)
    func `a transaction decodes to itself`(seed: UInt64) throws {
        let transaction = randomTransaction(seed: seed)
        let decoded = try Transaction(decoding: transaction.encoded())
        #expect(decoded == transaction)
        #expect(decoded.id == transaction.id)
    }

    @Test(arguments: 0..<16 as Range<UInt64>)
    func `every truncation is refused, and every byte too many`(seed: UInt64) {
        let bytes = randomTransaction(seed: seed).encoded()
        for length in 0..<bytes.count {
            #expect(throws: TransactionDecodingError.truncated(offset: length)) {
                try Transaction(decoding: Array(bytes[..<length]))
            }
        }
        for count in 1...2 {
            #expect(throws: TransactionDecodingError.trailingBytes(count: count)) {
                try Transaction(decoding: bytes + Array(repeating: 0, count: count))
            }
        }
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func `any bit flipped is refused or gives another transaction, which encodes to those bytes`(seed: UInt64)
    {
        let transaction = randomTransaction(seed: seed)
        let bytes = transaction.encoded()
        for bit in 0..<8 * bytes.count {
            var flipped = bytes
            flipped[bit / 8] ^= 1 << UInt8(bit % 8)
            guard let decoded = try? Transaction(decoding: flipped) else { continue }
            #expect(decoded != transaction)
            #expect(decoded.encoded() == flipped, "there is one encoding of every transaction")
        }
    }

    @Test(arguments: 0..<256 as Range<UInt64>)
    func `random bytes do no harm`(seed: UInt64) {
        var stream = RandomStream(seed: seed, purpose: .init("random bytes"), process: 0)
        // The counts in particular: a list of four billion is refused where its bytes end, not attempted.
        var bytes = (0..<stream.below(400)).map { _ in UInt8(truncatingIfNeeded: stream.next()) }
        if !bytes.isEmpty { bytes[0] = 1 }
        #expect(throws: TransactionDecodingError.self) { try Transaction(decoding: bytes) }
        #expect(throws: TransactionDecodingError.self) {
            try Transaction(decoding: [1, 0xFF, 0xFF, 0xFF, 0xFF] + bytes)
        }
    }

    @Test func `another version and meaningless flags are refused with their place`() {
        let bytes = World.payment().signed().encoded()
        var future = bytes
        future[0] = 3
        #expect(throws: TransactionDecodingError.unknownVersion(3)) { try Transaction(decoding: future) }
        // Version 1, inputs 4, outpoint 36: whether there is a witness.
        var flag = bytes
        flag[41] = 3
        #expect(throws: TransactionDecodingError.unknownFlag(3, offset: 41)) {
            try Transaction(decoding: flag)
        }
        #expect(throws: TransactionDecodingError.truncated(offset: 0)) { try Transaction(decoding: []) }
    }

    @Test func `the id commits to everything but witnesses, and is not what is signed`() {
        let payment = World.payment(spending: [Chain.genesisOutpoint(0), Chain.genesisOutpoint(1)])
        #expect(payment.signed().id == payment.id)
        #expect(payment.signed().signatureHash == payment.signatureHash)
        // Signed is the id after a prefix of 32 bytes: a signature over some hash is none over a transaction.
        let prefix = Array("signature".utf8) + Array(repeating: 0, count: 23)
        let signed = prefix + payment.id.bytes.withUnsafeBytes { Array($0) }
        #expect(payment.signatureHash == signed.withUnsafeBytes { sha256($0) })
        var others: [Transaction] = []
        func alter(_ change: (inout Transaction) -> Void) {
            var other = payment
            change(&other)
            others.append(other)
        }
        alter { $0.inputs.swapAt(0, 1) }
        alter { $0.inputs.removeLast() }
        alter { $0.inputs[1].outpoint.index = 2 }
        alter { $0.inputs[1].outpoint.transaction = payment.id }
        alter { $0.outputs.append($0.outputs[0]) }
        alter { $0.outputs[0].value += Satoshi(1) }
        alter { $0.outputs[0].conditions = [] }
        alter { $0.outputs[0].conditions[0].keys = [] }
        alter { $0.outputs[0].conditions[0].hashlock = .zero }
        alter { $0.outputs[0].conditions[0].absoluteLock = BlockHeight(0) }
        alter { $0.outputs[0].conditions[0].relativeLock = 1 }
        #expect(Set(others.map(\.id) + [payment.id]).count == 12)
        #expect(Set(others.map(\.signatureHash) + [payment.signatureHash]).count == 12)
    }

    @Test func `outpoints are ordered by transaction, then index, and print as both`() {
        let ids = [TransactionID(.zero), TransactionID(Bytes32(words: 1, 0, 0, 0))]
        let outpoints = ids.flatMap { id in (0..<2).map { Outpoint(transaction: id, index: $0) } }
        #expect(outpoints.reversed().sorted() == outpoints)
        #expect(outpoints[1].description == String(repeating: "0", count: 64) + ":1")
    }
}
