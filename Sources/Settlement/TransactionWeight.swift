import LightningTypes

// Weight as Bitcoin counts it (BIP 141): four for each byte, one for each byte of a witness. The figures are those
// of BOLT 3, Appendix A, "Expected Weights", and BOLT 5, Appendix A, which take signatures at 73 bytes and keys at
// 33, so that a fee computed from the specification's figures is the fee at that rate here. What the mock chain's
// own keys, signatures and openly shown conditions would take plays no part.
//
//     bytes of                                                                          size
//     version 4, input count 1, lock time 4                                                9
//     output count: 1, or 3 where there are anchors (as Appendix A reckons commitments)
//     input: outpoint 36, empty script 1, sequence 4                                      41
//     output: value 8, script length 1, script 22 (P2WPKH) or 34 (P2WSH)              31, 43
//     witness header (marker, flag)                                                        2
//     witness of one key and nothing else, P2WPKH (BOLT 5: "108 + 164")                  108
//     witness of n keys: element count 1, empty element 1, signatures n × 74,
//       script length 1, script 34 n + 3; of the funding output's two                    222
//     witness of a revocable output (BOLT 5: to_local), for either condition             160
//     witness of an offered HTLC (script 133): timeout, penalty (BOLT 5), preimage   285, 243, 242
//     witness of an accepted HTLC (script 139): success, penalty (BOLT 5), timeout   325, 249, 216
//       the same with anchors, whose scripts are 3 longer                               each + 3
//
//     commitment transaction           4 × 125 + 2 + 222 =   724, and 172 for each HTLC
//     the same with two anchors        4 × 225 + 2 + 222 = 1,124, and 172 for each HTLC
//     HTLC-timeout, HTLC-success       4 × 94 + 2 + 285 = 663, + 325 = 703
//
// Conditions that the specification does not name are sized by what each part takes in Bitcoin Script.

/// What an output's conditions would be in Bitcoin, recognised by their form alone.
private enum Script {
    /// P2WPKH: one key and nothing else.
    case publicKeyHash
    /// A key with a secret, or a key after a delay: BOLT 3's `to_local` and the outputs of HTLC transactions. A
    /// derived revocation key stands in Bitcoin for the secret, which therefore takes no room.
    case revocable
    /// A revocation; two keys after a height; one with a preimage. BOLT 3's "Offered HTLC Outputs".
    case offeredHTLC(extra: UInt64)
    /// A revocation; two keys with a preimage; one after a height. BOLT 3's "Received HTLC Outputs".
    case acceptedHTLC(extra: UInt64)
    case other

    init(_ conditions: [SpendCondition]) {
        self = .other
        guard let first = conditions.first, first.keys.count == 1 else { return }
        guard first.absoluteLock == nil, first.relativeLock == 0 else { return }
        if conditions.count == 1, first.hashlock == nil { self = .publicKeyHash }
        guard first.hashlock != nil, conditions.count > 1 else { return }
        let (second, third) = (conditions[1], conditions.last!)
        if conditions.count == 2, second.keys.count == 1, second.hashlock == nil, second.absoluteLock == nil {
            self = .revocable
        }
        guard conditions.count == 3, second.keys.count == 2, third.keys.count == 1 else { return }
        // Anchors add `1 OP_CHECKSEQUENCEVERIFY OP_DROP`.
        let extra: UInt64 = third.relativeLock > 0 ? 3 : 0
        let locks = (second.absoluteLock != nil, third.absoluteLock != nil)
        let hashes = (second.hashlock != nil, third.hashlock != nil)
        if locks == (true, false) && hashes == (false, true) { self = .offeredHTLC(extra: extra) }
        if locks == (false, true) && hashes == (true, false) { self = .acceptedHTLC(extra: extra) }
    }
}

extension Output {
    /// BOLT 3's `to_local_anchor` and `to_remote_anchor` are what anyone may spend after some blocks.
    fileprivate var isAnchor: Bool {
        conditions.contains { $0.keys.isEmpty && $0.relativeLock > 0 && $0.hashlock == nil }
    }

    /// The weight this output adds to a transaction that makes it: 124 where one key and nothing else spends it
    /// (P2WPKH), else 172 (P2WSH).
    public var weight: UInt64 {
        if case .publicKeyHash = Script(conditions) { return 4 * (8 + 1 + 22) }
        return 4 * (8 + 1 + 34)
    }

    /// The bytes of the witness that meets one of the conditions.
    fileprivate func witnessSize(meeting condition: Int) -> UInt64 {
        switch Script(conditions) {
        case .publicKeyHash: 108
        case .revocable: 160
        case .offeredHTLC(let extra): [243, 285, 242][condition] + extra
        // Appendix A's 325 are two more than the parts it lists; its 703 is what fees are computed from.
        case .acceptedHTLC(let extra): [249, 325, 216][condition] + extra
        case .other: witnessSizeByParts(meeting: conditions[condition])
        }
    }

    private func witnessSizeByParts(meeting condition: SpendCondition) -> UInt64 {
        // OP_IF, OP_ELSE and OP_ENDIF between each alternative and the next.
        let branches = 3 * UInt64(conditions.count - 1)
        let script = conditions.reduce(branches) { $0 + $1.scriptSize }
        let scriptLength: UInt64 = script < 253 ? 1 : 3
        // OP_CHECKMULTISIG takes one element too many; a choice among alternatives is an element of a byte or none.
        let emptyElement: UInt64 = condition.keys.count > 1 ? 1 : 0
        let choice: UInt64 = conditions.count > 1 ? 1 : 0
        let signatures = UInt64(condition.keys.count) * (1 + 73)
        let secret: UInt64 = condition.hashlock == nil ? 0 : 1 + 32
        return 1 + emptyElement + signatures + secret + choice + scriptLength + script
    }
}

extension SpendCondition {
    fileprivate var scriptSize: UInt64 {
        let signing: UInt64 =
            switch keys.count {
            case 0: 0
            // The key pushed, OP_CHECKSIG.
            case 1: 34 + 1
            // OP_n, the keys pushed, OP_n, OP_CHECKMULTISIG.
            default: 34 * UInt64(keys.count) + 3
            }
        // OP_SIZE, 32 pushed, OP_EQUALVERIFY, OP_HASH160, 20 bytes pushed, OP_EQUALVERIFY.
        let hash: UInt64 = hashlock == nil ? 0 : 1 + 2 + 1 + 1 + 21 + 1
        // A height or a number of blocks pushed, OP_CHECKLOCKTIMEVERIFY or OP_CHECKSEQUENCEVERIFY, OP_DROP.
        let absolute: UInt64 = absoluteLock == nil ? 0 : 4 + 2
        let relative: UInt64 = relativeLock == 0 ? 0 : 3 + 2
        return signing + hash + absolute + relative
    }
}

extension Transaction {
    /// The weight of this transaction, signed, where its inputs spend `outputs` in this order.
    ///
    /// Depends on which conditions are met, not on what the witnesses hold; an input without a witness is taken to
    /// meet the first, so that a fee can be set before anything is signed.
    public func weight(spending spent: [Output]) -> UInt64 {
        precondition(spent.count == inputs.count, "a weight needs the output that each input spends")
        let outputCount: UInt64 = outputs.contains(where: \.isAnchor) ? 3 : 1
        var weight = 4 * (4 + 1 + outputCount + 4) + 2
        for (input, output) in zip(inputs, spent) {
            precondition(!output.conditions.isEmpty, "an output without conditions cannot be spent")
            weight += 4 * 41 + output.witnessSize(meeting: input.witness?.condition ?? 0)
        }
        return outputs.reduce(weight) { $0 + $1.weight }
    }
}
