import Cryptography
import LightningTypes

/// Names a transaction: the hash of everything in it but the witnesses.
@frozen public struct TransactionID: Hashable, Comparable, Sendable, BitwiseCopyable {
    public let bytes: Bytes32

    @inlinable public init(_ bytes: Bytes32) { self.bytes = bytes }

    @inlinable public static func < (a: Self, b: Self) -> Bool { a.bytes < b.bytes }
}

extension TransactionID: CustomStringConvertible {
    public var description: String { bytes.description }
}

/// One output of one transaction.
@frozen public struct Outpoint: Hashable, Comparable, Sendable, BitwiseCopyable {
    public var transaction: TransactionID
    public var index: UInt32

    @inlinable public init(transaction: TransactionID, index: UInt32) {
        self.transaction = transaction
        self.index = index
    }

    /// By transaction, then by index (the order of BIP 69's inputs).
    @inlinable public static func < (a: Self, b: Self) -> Bool {
        a.transaction == b.transaction ? a.index < b.index : a.transaction < b.transaction
    }
}

extension Outpoint: CustomStringConvertible {
    public var description: String { "\(transaction):\(index)" }
}

/// What must be shown to spend an output: all of it together.
///
/// Stands in the place of Bitcoin's scripts. The chain shows it openly, where Bitcoin shows the hash of a script.
public struct SpendCondition: Hashable, Sendable {
    /// Each of these must sign; none for a condition that anyone may meet.
    public var keys: [PublicKey]
    /// The SHA-256 of a 32-byte secret or preimage that must be shown.
    public var hashlock: Bytes32?
    /// The spend may stand in no block up to this one (Bitcoin's nLockTime, `OP_CHECKLOCKTIMEVERIFY`).
    public var absoluteLock: BlockHeight?
    /// Confirmations the spent output must have, 0 for none: the spend may stand no earlier than so many blocks
    /// after the output's own (BIP 68, `OP_CHECKSEQUENCEVERIFY`).
    public var relativeLock: UInt16

    public init(
        keys: [PublicKey] = [], hashlock: Bytes32? = nil, absoluteLock: BlockHeight? = nil,
        relativeLock: UInt16 = 0
    ) {
        self.keys = keys
        self.hashlock = hashlock
        self.absoluteLock = absoluteLock
        self.relativeLock = relativeLock
    }
}

/// Money and the alternative conditions on which it can be spent; with no condition, never.
public struct Output: Hashable, Sendable {
    public var value: Satoshi
    public var conditions: [SpendCondition]

    public init(value: Satoshi, conditions: [SpendCondition]) {
        self.value = value
        self.conditions = conditions
    }

    /// An output that one key spends, as a wallet's.
    public init(value: Satoshi, key: PublicKey) {
        self.init(value: value, conditions: [SpendCondition(keys: [key])])
    }
}

/// What a signature covers.
@frozen public enum SignatureScope: UInt8, Hashable, Sendable {
    /// All inputs and outputs (Bitcoin's SIGHASH_ALL): the hash is `Transaction.signatureHash`.
    case transaction = 0
    /// Its own input and the output in the same place, so that others may be added (Bitcoin's
    /// SIGHASH_SINGLE | SIGHASH_ANYONECANPAY): the hash is `Transaction.pairHash`.
    case pair = 1
}

/// What an input shows to meet one of the conditions of the output it spends.
public struct Witness: Hashable, Sendable {
    /// Which of the output's conditions is met.
    public var condition: Int
    /// One signature for each of the condition's keys, in their order.
    public var signatures: [Signature]
    /// What each signature covers, in their order; empty where all cover the transaction.
    public var scopes: [SignatureScope]
    /// The secret, where and only where the condition has a hashlock.
    public var secret: Bytes32?

    public init(
        condition: Int = 0, signatures: [Signature], scopes: [SignatureScope] = [], secret: Bytes32? = nil
    ) {
        self.condition = condition
        self.signatures = signatures
        self.scopes = scopes
        self.secret = secret
    }
}

/// An output to spend and why it may be; the witness is missing while the transaction is unsigned.
public struct Input: Hashable, Sendable {
    public var outpoint: Outpoint
    public var witness: Witness?

    public init(_ outpoint: Outpoint, witness: Witness? = nil) {
        self.outpoint = outpoint
        self.witness = witness
    }
}

/// Moves money from outputs to new outputs; what the new ones leave over is the fee.
///
/// ```swift
/// var payment = Transaction(inputs: [Input(coin)], outputs: [Output(value: Satoshi(9_000), key: payee)])
/// payment.inputs[0].witness = Witness(signatures: [key.signature(of: payment.signatureHash)])
/// try chain.submit(payment)
/// ```
public struct Transaction: Hashable, Sendable {
    public var inputs: [Input]
    public var outputs: [Output]
    /// A number of its maker's that means nothing to the chain; it takes no room, since Bitcoin has bits to spare in
    /// lock time and sequence, where BOLT 3 puts the obscured number of a commitment.
    public var tag: UInt64?

    public init(inputs: [Input], outputs: [Output], tag: UInt64? = nil) {
        self.inputs = inputs
        self.outputs = outputs
        self.tag = tag
    }

    /// Commits to all but the witnesses, as Bitcoin's transaction ids have since segregated witness, so that a
    /// transaction can be spent from before it is signed. Hashed anew at each call.
    public var id: TransactionID { TransactionID(encodedBody().withUnsafeBytes { sha256($0) }) }

    /// What every input signs: all outpoints and outputs (Bitcoin's SIGHASH_ALL). Values and conditions of what is
    /// spent are committed to by the outpoints. Hashed anew at each call.
    public var signatureHash: Bytes32 {
        var hash = SHA256()
        hash.update(Self.signatureDomain)
        hash.update(id.bytes)
        return hash.finalize()
    }

    /// What an input signs that vouches for itself and the output in its place alone (`SignatureScope.pair`); nil where
    /// there is no such output. Hashed anew at each call.
    public func pairHash(of index: Int) -> Bytes32? {
        guard inputs.indices.contains(index), outputs.indices.contains(index) else { return nil }
        let pair = Transaction(inputs: [Input(inputs[index].outpoint)], outputs: [outputs[index]])
        var hash = SHA256()
        hash.update(Self.pairDomain)
        hash.update(pair.id.bytes)
        return hash.finalize()
    }

    /// Sets signed hashes apart from ids, so that a signature never covers a bare id: "signature", zero-filled.
    private static let signatureDomain = Bytes32(words: 0x7369_676e_6174_7572, 0x65 << 56, 0, 0)

    /// "pair", zero-filled.
    private static let pairDomain = Bytes32(words: 0x7061_6972 << 32, 0, 0, 0)

    /// Where the money of one of its outputs can be spent from.
    public func outpoint(_ index: UInt32) -> Outpoint { Outpoint(transaction: id, index: index) }
}
