import Cryptography
import LightningTypes

// The bytes of a transaction, numbers with the least significant byte first:
//
//     transaction   version u8 (1, or 2 with a tag), [tag u64], inputs u32, input…, outputs u32, output…
//     input         transaction 32, index u32, has witness u8, [witness]
//     witness       condition u32, signatures u16, signature 64…, flags u8 (1 secret, 2 scopes),
//                   [scope u8 for each signature], [secret 32]
//     output        value u64, conditions u16, condition…
//     condition     keys u16, key 32…, flags u8 (1 hashlock, 2 absolute lock), [hashlock 32], [height u32],
//                   relative lock u16
//
// There is one encoding of every transaction: flags other than those, and bytes left over, are refused. The id is
// the hash of the same bytes with the inputs cut down to their outpoints.

/// Why bytes are no transaction.
public enum TransactionDecodingError: Error, Hashable, Sendable {
    /// The bytes begin with another version than 1 or 2.
    case unknownVersion(UInt8)
    /// The bytes end at `offset` where a field begins or goes on.
    case truncated(offset: Int)
    /// A byte that says what follows has a value that means nothing.
    case unknownFlag(UInt8, offset: Int)
    /// The transaction is complete and bytes follow.
    case trailingBytes(count: Int)
}

private let plainVersion: UInt8 = 1
private let taggedVersion: UInt8 = 2

extension Transaction {
    /// The bytes by which a transaction travels between processes; `init(decoding:)` reads them.
    public func encoded() -> [UInt8] { encoded(withWitnesses: true) }

    /// What the id commits to.
    func encodedBody() -> [UInt8] { encoded(withWitnesses: false) }

    private func encoded(withWitnesses: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(16 + 160 * inputs.count + 96 * outputs.count)
        bytes.append(tag == nil ? plainVersion : taggedVersion)
        if let tag { bytes.append(number: tag) }
        bytes.append(number: UInt32(inputs.count))
        for input in inputs {
            bytes.append(input.outpoint.transaction.bytes)
            bytes.append(number: input.outpoint.index)
            if withWitnesses { input.witness.encode(to: &bytes) }
        }
        bytes.append(number: UInt32(outputs.count))
        for output in outputs { output.encode(to: &bytes) }
        return bytes
    }

    /// Reads what `encoded()` wrote and nothing else. Safe on any bytes: takes no more memory than they justify.
    public init(decoding bytes: UnsafeRawBufferPointer) throws(TransactionDecodingError) {
        var reader = ByteReader(bytes)
        let version = try reader.number(UInt8.self)
        guard version == plainVersion || version == taggedVersion else { throw .unknownVersion(version) }
        tag = version == taggedVersion ? try reader.number(UInt64.self) : nil
        inputs = []
        for _ in 0..<(try reader.number(UInt32.self)) {
            let transaction = TransactionID(try reader.bytes32())
            let outpoint = Outpoint(transaction: transaction, index: try reader.number(UInt32.self))
            inputs.append(Input(outpoint, witness: try Witness(optionalFrom: &reader)))
        }
        outputs = []
        for _ in 0..<(try reader.number(UInt32.self)) { outputs.append(try Output(from: &reader)) }
        guard reader.remaining == 0 else { throw .trailingBytes(count: reader.remaining) }
    }

    /// Reads what `encoded()` wrote and nothing else.
    public init(decoding bytes: [UInt8]) throws(TransactionDecodingError) {
        let outcome = bytes.withUnsafeBytes { bytes -> Result<Transaction, TransactionDecodingError> in
            do throws(TransactionDecodingError) { return .success(try Transaction(decoding: bytes)) } catch {
                return .failure(error)
            }
        }
        self = try outcome.get()
    }
}

extension Witness? {
    fileprivate static var secretFlag: UInt8 { 1 }
    fileprivate static var scopesFlag: UInt8 { 2 }

    fileprivate func encode(to bytes: inout [UInt8]) {
        guard let witness = self else { return bytes.append(0) }
        bytes.append(1)
        bytes.append(number: UInt32(witness.condition))
        bytes.append(number: UInt16(witness.signatures.count))
        for signature in witness.signatures {
            bytes.append(signature.r)
            bytes.append(signature.s)
        }
        precondition(
            witness.scopes.isEmpty || witness.scopes.count == witness.signatures.count,
            "a scope belongs to a signature")
        bytes.append(
            (witness.secret == nil ? 0 : Self.secretFlag) | (witness.scopes.isEmpty ? 0 : Self.scopesFlag))
        for scope in witness.scopes { bytes.append(scope.rawValue) }
        if let secret = witness.secret { bytes.append(secret) }
    }
}

extension Witness {
    fileprivate init?(optionalFrom reader: inout ByteReader) throws(TransactionDecodingError) {
        guard try reader.flags(mask: 1) == 1 else { return nil }
        condition = Int(try reader.number(UInt32.self))
        signatures = []
        for _ in 0..<(try reader.number(UInt16.self)) {
            let r = try reader.bytes32()
            signatures.append(Signature(r: r, s: try reader.bytes32()))
        }
        scopes = []
        let flags = try reader.flags(mask: Witness?.secretFlag | Witness?.scopesFlag)
        if flags & Witness?.scopesFlag != 0 {
            // Without a signature there is nothing to cover, and the encoding would not be the only one.
            guard !signatures.isEmpty else { throw .unknownFlag(flags, offset: reader.place - 1) }
            for _ in signatures {
                scopes.append(try reader.flags(mask: 1) == 1 ? .pair : .transaction)
            }
        }
        secret = flags & Witness?.secretFlag != 0 ? try reader.bytes32() : nil
    }
}

extension Output {
    fileprivate func encode(to bytes: inout [UInt8]) {
        bytes.append(number: value.rawValue)
        bytes.append(number: UInt16(conditions.count))
        for condition in conditions { condition.encode(to: &bytes) }
    }

    fileprivate init(from reader: inout ByteReader) throws(TransactionDecodingError) {
        value = Satoshi(try reader.number(UInt64.self))
        conditions = []
        for _ in 0..<(try reader.number(UInt16.self)) {
            conditions.append(try SpendCondition(from: &reader))
        }
    }
}

extension SpendCondition {
    private static let hashlockFlag: UInt8 = 1
    private static let absoluteLockFlag: UInt8 = 2

    fileprivate func encode(to bytes: inout [UInt8]) {
        bytes.append(number: UInt16(keys.count))
        for key in keys { bytes.append(key.bytes) }
        bytes.append(
            (hashlock == nil ? 0 : Self.hashlockFlag) | (absoluteLock == nil ? 0 : Self.absoluteLockFlag))
        if let hashlock { bytes.append(hashlock) }
        if let absoluteLock { bytes.append(number: absoluteLock.rawValue) }
        bytes.append(number: relativeLock)
    }

    fileprivate init(from reader: inout ByteReader) throws(TransactionDecodingError) {
        keys = []
        for _ in 0..<(try reader.number(UInt16.self)) { keys.append(PublicKey(try reader.bytes32())) }
        let flags = try reader.flags(mask: Self.hashlockFlag | Self.absoluteLockFlag)
        hashlock = flags & Self.hashlockFlag != 0 ? try reader.bytes32() : nil
        absoluteLock = flags & Self.absoluteLockFlag != 0 ? BlockHeight(try reader.number(UInt32.self)) : nil
        relativeLock = try reader.number(UInt16.self)
    }
}

extension [UInt8] {
    fileprivate mutating func append(number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func append(_ value: Bytes32) {
        value.withUnsafeBytes { append(contentsOf: $0) }
    }
}

/// Takes fields from the front of bytes that may end anywhere. Lists grow one element at a time as their bytes
/// turn up, so that a count alone reserves nothing.
private struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var remaining: Int { bytes.count - offset }
    var place: Int { offset }

    mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(
        _: Number.Type
    ) throws(TransactionDecodingError) -> Number {
        Number(littleEndian: try take(MemoryLayout<Number>.size).loadUnaligned(as: Number.self))
    }

    mutating func bytes32() throws(TransactionDecodingError) -> Bytes32 { Bytes32(bytes: try take(32)) }

    /// A byte with no bit outside `mask`.
    mutating func flags(mask: UInt8) throws(TransactionDecodingError) -> UInt8 {
        let flags = try number(UInt8.self)
        guard flags & ~mask == 0 else { throw .unknownFlag(flags, offset: offset - 1) }
        return flags
    }

    private mutating func take(_ count: Int) throws(TransactionDecodingError) -> UnsafeRawBufferPointer {
        guard count <= remaining else { throw .truncated(offset: bytes.count) }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }
}
