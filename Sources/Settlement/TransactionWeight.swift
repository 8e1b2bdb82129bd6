import LightningTypes

// Weight as Bitcoin counts it (BIP 141): four for each byte, one for each byte of a witness. The figures are those
// of BOLT 3, Appendix A, "Expected Weights", which takes signatures at 73 bytes and keys at 33, so that a fee
// computed from the specification's figures is the fee at that rate here. What the mock chain's own keys and
// signatures would take plays no part.
//
//     bytes of                                                                  size
//     version 4, input count 1, lock time 4                                        9
//     output count: 1, or 3 in a commitment with anchors (Appendix A reckons it so)
//     input: outpoint 36, empty script 1, sequence 4                              41
//     output: value 8, script length 1, script of 22 (P2WPKH) or 34 (P2WSH)    31, 43
//     witness header (marker, flag)                                                2
//     P2WPKH witness: element count 1, signature 1 + 73, key 1 + 33              109
//     P2WSH witness of the funding output: element count 1, empty element 1,
//       two signatures 2 × 74, script length 1, script 71                        222
//
//     commitment transaction           4 × 125 + 2 + 222 =   724, and 172 for each HTLC
//     the same with two anchors        4 × 225 + 2 + 222 = 1,124, and 172 for each HTLC
//
// Scripts of conditions that BOLT 3 does not name are sized by what each part takes in Bitcoin Script.

extension Output {
    /// One key and nothing else: pay to witness public key hash. All else: pay to witness script hash.
    var paysToPublicKey: Bool {
        guard conditions.count == 1 else { return false }
        return conditions[0] == SpendCondition(keys: conditions[0].keys) && conditions[0].keys.count == 1
    }

    /// BOLT 3's `to_local_anchor` and `to_remote_anchor` are what anyone may spend after some blocks.
    fileprivate var isAnchor: Bool {
        conditions.contains { $0.keys.isEmpty && $0.relativeLock > 0 && $0.hashlock == nil }
    }

    /// The weight this output adds to a transaction that makes it: 124 or 172.
    public var weight: UInt64 { 4 * (8 + 1 + (paysToPublicKey ? 22 : 34)) }

    /// The bytes of the script that a P2WSH spend shows.
    fileprivate var scriptSize: UInt64 {
        // OP_IF, OP_ELSE and OP_ENDIF between each alternative and the next.
        let branches = 3 * UInt64(max(conditions.count, 1) - 1)
        return conditions.reduce(branches) { $0 + $1.scriptSize }
    }

    /// The bytes of the witness that meets one of the conditions.
    fileprivate func witnessSize(meeting condition: SpendCondition) -> UInt64 {
        let signatures = UInt64(condition.keys.count) * (1 + 73)
        if paysToPublicKey { return 1 + signatures + 1 + 33 }
        // OP_CHECKMULTISIG takes one element too many; a choice among alternatives is an element of a byte or none.
        let emptyElement: UInt64 = condition.keys.count > 1 ? 1 : 0
        let choice: UInt64 = conditions.count > 1 ? 1 : 0
        let secret: UInt64 = condition.hashlock == nil ? 0 : 1 + 32
        let scriptLength: UInt64 = scriptSize < 253 ? 1 : 3
        return 1 + emptyElement + signatures + secret + choice + scriptLength + scriptSize
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
            let condition = input.witness?.condition ?? 0
            weight += 4 * 41 + output.witnessSize(meeting: output.conditions[condition])
        }
        return outputs.reduce(weight) { $0 + $1.weight }
    }
}
