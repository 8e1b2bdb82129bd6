import LightningTypes

/// Why the chain took no notice of a transaction. Inputs, keys and conditions are numbered from 0.
public enum TransactionRefusal: Error, Hashable, Sendable {
    case noInputs
    case noOutputs
    /// Two inputs spend the same output.
    case duplicateInput(Outpoint)
    /// It is in the mempool or a block already, whatever its witnesses.
    case alreadyKnown(TransactionID)
    /// No transaction in the mempool or a block made this output.
    case unknownOutput(Outpoint)
    /// A transaction in a block spends this output.
    case alreadySpent(Outpoint, by: TransactionID)
    /// It would replace transactions in the mempool and pays no more than they do with all that spend from them, and
    /// `ChainRules.feerateIncrement` for its own weight (BIP 125, rules 3 and 4).
    case replacementFeeTooLow(fee: Satoshi, required: Satoshi)
    /// It would replace a transaction in the mempool that pays a higher rate.
    case replacementFeerateTooLow(TransactionID)
    /// It would replace more transactions than `ChainRules.replacementsMaximum` (BIP 125, rule 5).
    case tooManyReplaced(count: Int)
    /// It would replace a transaction that it spends from.
    case replacesItsAncestor(TransactionID)
    case missingWitness(input: Int)
    /// The witness names a condition that the output does not have.
    case unknownCondition(input: Int, condition: Int)
    /// One signature is needed for each key of the condition, and a scope for each or none.
    case wrongSignatureCount(input: Int, expected: Int, given: Int)
    /// The signature in the place of this key is not that key's over this transaction.
    case badSignature(input: Int, key: Int)
    /// The secret does not hash to the condition's hashlock, is missing, or is shown where none is asked for.
    case wrongSecret(input: Int)
    /// The condition's absolute lock: the chain must reach this height before it can be met.
    case locked(input: Int, until: BlockHeight)
    /// The condition's relative lock: the spent output has fewer confirmations than it needs.
    case immature(input: Int, confirmations: UInt32, required: UInt16)
    /// The outputs (their sum held at 2^64 - 1) are worth more than what is spent.
    case outputsExceedInputs(inputs: Satoshi, outputs: Satoshi)
    /// `ChainRules.feerateMinimum` asks for more.
    case feerateTooLow(fee: Satoshi, required: Satoshi)
    /// `ChainRules.transactionWeightMaximum` allows less.
    case tooHeavy(weight: UInt64, maximum: UInt64)
}

extension TransactionRefusal: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noInputs: "the transaction spends nothing"
        case .noOutputs: "the transaction pays nobody"
        case .duplicateInput(let outpoint): "output \(outpoint) is spent twice by one transaction"
        case .alreadyKnown(let id): "transaction \(id) is known already"
        case .unknownOutput(let outpoint): "there is no output \(outpoint)"
        case .alreadySpent(let outpoint, let spender): "output \(outpoint) is spent by transaction \(spender)"
        case .replacementFeeTooLow(let fee, let required):
            "a fee of \(fee) is less than the \(required) that replacing what it conflicts with costs"
        case .replacementFeerateTooLow(let id):
            "it pays a lower rate than transaction \(id), which it conflicts with"
        case .tooManyReplaced(let count): "it conflicts with \(count) transactions, too many to replace"
        case .replacesItsAncestor(let id): "it spends from transaction \(id), which it conflicts with"
        case .missingWitness(let input): "input \(input) is not signed"
        case .unknownCondition(let input, let condition):
            "the output spent by input \(input) has no condition \(condition)"
        case .wrongSignatureCount(let input, let expected, let given):
            "input \(input) shows \(given) signatures where \(expected) are needed"
        case .badSignature(let input, let key): "signature \(key) of input \(input) does not verify"
        case .wrongSecret(let input): "input \(input) shows the wrong secret, none, or one too many"
        case .locked(let input, let height): "input \(input) is locked until \(height)"
        case .immature(let input, let confirmations, let required):
            "the output spent by input \(input) has \(confirmations) confirmations of \(required)"
        case .outputsExceedInputs(let inputs, let outputs): "outputs of \(outputs) exceed inputs of \(inputs)"
        case .feerateTooLow(let fee, let required): "a fee of \(fee) is less than the \(required) required"
        case .tooHeavy(let weight, let maximum): "a weight of \(weight) exceeds \(maximum)"
        }
    }
}
