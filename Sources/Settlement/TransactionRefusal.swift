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
    /// A transaction in the mempool or a block spends this output.
    case alreadySpent(Outpoint, by: TransactionID)
    case missingWitness(input: Int)
    /// The witness names a condition that the output does not have.
    case unknownCondition(input: Int, condition: Int)
    /// One signature is needed for each key of the condition.
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
