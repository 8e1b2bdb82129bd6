import Cryptography
import LightningTypes

/// The mock layer 1: outputs, a mempool and blocks.
///
/// Checks every transaction by itself (amounts, locks, secrets, signatures) and trusts nobody; knows of no channel.
/// There is no subsidy: all the money there will be is made by block 0 at height 0.
///
/// ```swift
/// var chain = Chain(genesis: [Output(value: Satoshi(100_000), key: key.publicKey)], rules: .bitcoin)
/// var payment = Transaction(
///     inputs: [Input(Chain.genesisOutpoint(0))], outputs: [Output(value: Satoshi(99_000), key: payee)])
/// payment.inputs[0].witness = Witness(signatures: [key.signature(of: payment.signatureHash)])
/// try chain.submit(payment)
/// let block = chain.mineBlock()
/// ```
///
/// Invariant: unspent confirmed outputs + fees of all blocks = what block 0 made. Every input of every transaction
/// in the mempool is an output of another there or an unspent confirmed one, and no two of them are the same.
public struct Chain: Sendable {
    struct Confirmation {
        var height: BlockHeight
        var outputs: [Output]
    }

    public let rules: ChainRules
    /// The height of the last block.
    public internal(set) var height = BlockHeight(0)
    /// The outputs that no confirmed transaction spends; what the mempool would spend or make changes nothing.
    public internal(set) var unspentTotal: Satoshi
    /// What the transactions of all blocks left to the miners.
    public internal(set) var feesTotal = Satoshi.zero
    /// What block 0 made.
    public let genesisTotal: Satoshi

    let genesisValues: [Satoshi]
    private let genesisConditions: @Sendable (UInt32) -> [SpendCondition]
    var confirmations: [TransactionID: Confirmation] = [:]
    /// Which confirmed transaction spends an output.
    var spenders: [Outpoint: TransactionID] = [:]
    var mempool = Mempool()
    /// Everybody else; nil on a chain that has nobody else.
    public internal(set) var demand: BackgroundDemand?
    /// The last blocks, newest last, but for those without transactions: what can be undone.
    var recent: [Block] = []

    /// A chain whose block 0 makes these outputs, `genesisOutpoint(0)` the first.
    public init(genesis: [Output], rules: ChainRules, demand: BackgroundDemand? = nil) {
        self.init(
            genesisValues: genesis.map(\.value), conditions: { genesis[Int($0)].conditions }, rules: rules,
            demand: demand)
    }

    /// A chain whose block 0 makes outputs of these values and works out their conditions when they are asked for.
    ///
    /// A network's standing channels are funded by tens of thousands of outputs, few of which are ever spent. So
    /// neither their keys need to be derived nor their conditions to be kept: 8 bytes each here.
    ///
    /// - Parameter conditions: those of the output of an index; a pure function, the same at every call.
    public init(
        genesisValues: [Satoshi], conditions: @escaping @Sendable (UInt32) -> [SpendCondition],
        rules: ChainRules, demand: BackgroundDemand? = nil
    ) {
        precondition(genesisValues.count <= Int(UInt32.max), "block 0 makes at most 2^32 - 1 outputs")
        self.rules = rules
        self.demand = demand
        self.genesisValues = genesisValues
        genesisConditions = conditions
        genesisTotal = genesisValues.reduce(.zero, +)
        unspentTotal = genesisTotal
    }

    /// The output of block 0 of an index, of any chain: what made it has the id of 32 zero bytes, which no
    /// transaction hashes to.
    public static func genesisOutpoint(_ index: UInt32) -> Outpoint {
        Outpoint(transaction: TransactionID(.zero), index: index)
    }

    // MARK: Asking

    /// Whether no transaction waits for a block.
    public var isMempoolEmpty: Bool { mempool.isEmpty }

    /// The output at an outpoint, confirmed or made in the mempool, that no confirmed transaction spends.
    public func output(_ outpoint: Outpoint) -> Output? {
        spenders[outpoint] == nil ? made(outpoint) : nil
    }

    /// What the output at an outpoint is worth, if there is one that no confirmed transaction spends; its conditions
    /// are not worked out.
    public func unspentValue(_ outpoint: Outpoint) -> Satoshi? {
        guard spenders[outpoint] == nil else { return nil }
        guard outpoint.transaction == TransactionID(.zero) else { return made(outpoint)?.value }
        return Int(outpoint.index) < genesisValues.count ? genesisValues[Int(outpoint.index)] : nil
    }

    /// The transaction, confirmed or in the mempool, that spends an output; nil while there is none.
    public func spender(of outpoint: Outpoint) -> TransactionID? {
        spenders[outpoint] ?? mempool.spender(of: outpoint)
    }

    /// 1 in the last block, one more for each block on it, 0 in the mempool; nil for an unknown transaction.
    public func confirmations(of id: TransactionID) -> UInt32? {
        if let block = confirmationHeight(of: id) { return height.rawValue - block.rawValue + 1 }
        return mempool[id] == nil ? nil : 0
    }

    func confirmationHeight(of id: TransactionID) -> BlockHeight? {
        id == TransactionID(.zero) ? BlockHeight(0) : confirmations[id]?.height
    }

    /// The output at an outpoint, spent or not.
    private func made(_ outpoint: Outpoint) -> Output? {
        let index = Int(outpoint.index)
        if outpoint.transaction == TransactionID(.zero) {
            guard index < genesisValues.count else { return nil }
            return Output(value: genesisValues[index], conditions: genesisConditions(outpoint.index))
        }
        let outputs = confirmations[outpoint.transaction]?.outputs ?? mempool[outpoint.transaction]?.outputs
        guard let outputs, index < outputs.count else { return nil }
        return outputs[index]
    }

    // MARK: Submitting

    /// Takes a transaction into the mempool if it could stand in the next block, after those it spends from.
    ///
    /// What it conflicts with there goes, with all that spends from that, where it pays enough more (BIP 125). Checks
    /// everything, the signatures last since each costs about 40 µs. A refused transaction leaves no trace.
    /// - Returns: its id.
    @discardableResult
    public mutating func submit(_ transaction: Transaction) throws(TransactionRefusal) -> TransactionID {
        guard !transaction.inputs.isEmpty else { throw .noInputs }
        guard !transaction.outputs.isEmpty else { throw .noOutputs }
        let id = transaction.id
        guard confirmations[id] == nil && mempool[id] == nil else { throw .alreadyKnown(id) }

        let spent = try outputsSpent(by: transaction)
        let fee = try self.fee(of: transaction, spending: spent)
        for (index, input) in transaction.inputs.enumerated() {
            try checkForm(of: input, at: index, spending: spent[index])
        }
        let weight = transaction.weight(spending: spent)
        guard weight <= rules.transactionWeightMaximum else {
            throw .tooHeavy(weight: weight, maximum: rules.transactionWeightMaximum)
        }
        let feeRequired = rules.feeMinimum(weight: weight)
        guard fee >= feeRequired else { throw .feerateTooLow(fee: fee, required: feeRequired) }
        let pending = PendingTransaction(id: id, transaction: transaction, fee: fee, weight: weight)
        let replaced = try transactionsReplaced(by: pending)
        try checkConditions(of: transaction, spending: spent)

        for id in replaced { mempool.remove(id) }
        mempool.insert(pending)
        return id
    }

    private func outputsSpent(by transaction: Transaction) throws(TransactionRefusal) -> [Output] {
        var seen: Set<Outpoint> = []
        var spent: [Output] = []
        for outpoint in transaction.inputs.map(\.outpoint) {
            guard seen.insert(outpoint).inserted else { throw .duplicateInput(outpoint) }
            guard let output = made(outpoint) else { throw .unknownOutput(outpoint) }
            if let spender = spenders[outpoint], PlantedBug.planted != .allowsDoubleSpends {
                throw .alreadySpent(outpoint, by: spender)
            }
            spent.append(output)
        }
        return spent
    }

    private func fee(
        of transaction: Transaction, spending spent: [Output]
    ) throws(TransactionRefusal) -> Satoshi {
        // Inputs exist, so that their sum does not exceed what block 0 made; outputs may claim anything.
        let inputs = spent.reduce(.zero) { $0 + $1.value }
        let outputs = transaction.outputs.reduce(Satoshi.zero) { sum, output in
            let (value, overflow) = sum.rawValue.addingReportingOverflow(output.value.rawValue)
            return Satoshi(overflow ? .max : value)
        }
        guard outputs <= inputs else { throw .outputsExceedInputs(inputs: inputs, outputs: outputs) }
        return inputs - outputs
    }

    private func checkForm(
        of input: Input, at index: Int, spending output: Output
    ) throws(TransactionRefusal) {
        guard let witness = input.witness else { throw .missingWitness(input: index) }
        guard output.conditions.indices.contains(witness.condition) else {
            throw .unknownCondition(input: index, condition: witness.condition)
        }
        let condition = output.conditions[witness.condition]
        let scopesFit = witness.scopes.isEmpty || witness.scopes.count == witness.signatures.count
        guard witness.signatures.count == condition.keys.count, scopesFit else {
            throw .wrongSignatureCount(
                input: index, expected: condition.keys.count, given: witness.signatures.count)
        }
    }

    /// Locks, secrets and signatures, of witnesses whose form was checked.
    private func checkConditions(
        of transaction: Transaction, spending spent: [Output]
    ) throws(TransactionRefusal) {
        let message = transaction.signatureHash
        for (index, (input, output)) in zip(transaction.inputs, spent).enumerated() {
            guard let witness = input.witness else { throw .missingWitness(input: index) }
            let condition = output.conditions[witness.condition]
            // Into the next block at the earliest, which is above the lock when the last one has reached it.
            if let lock = condition.absoluteLock, height < lock {
                throw .locked(input: index, until: lock)
            }
            let confirmations = confirmations(of: input.outpoint.transaction) ?? 0
            guard confirmations >= UInt32(condition.relativeLock) || PlantedBug.planted == .ignoresDelays
            else {
                throw .immature(input: index, confirmations: confirmations, required: condition.relativeLock)
            }
            guard witness.secret.map({ sha256($0) }) == condition.hashlock else {
                throw .wrongSecret(input: index)
            }
            for (place, key) in condition.keys.enumerated() {
                let isPair = !witness.scopes.isEmpty && witness.scopes[place] == .pair
                let covered = isPair ? transaction.pairHash(of: index) : message
                guard let covered, key.verifies(witness.signatures[place], of: covered) else {
                    throw .badSignature(input: index, key: place)
                }
            }
        }
    }

    // MARK: Mining

    /// Confirms what pays best in a block at the next height.
    ///
    /// Transactions count with those they spend from that wait too (`BlockAssembly`), so that a child pays for its
    /// parent; of equal rates the lower id goes first. What does not fit is left for a later block.
    ///
    /// - Parameters:
    ///   - intervals: for how many mean block intervals background demand arrived since the last block.
    ///   - isEmpty: a fault: the miner takes nothing.
    public mutating func mineBlock(after intervals: Double = 1, isEmpty: Bool = false) -> Block {
        height = height + 1
        demand?.arrive(before: height, intervals: intervals)
        let assembly = BlockAssembly(
            from: mempool, &demand, weightMaximum: isEmpty ? 0 : rules.blockWeightMaximum)
        var transactions: [ConfirmedTransaction] = []
        transactions.reserveCapacity(assembly.transactions.count)
        for pending in assembly.transactions {
            mempool.remove(pending.id)
            confirm(pending)
            transactions.append(
                ConfirmedTransaction(
                    id: pending.id, transaction: pending.transaction, fee: pending.fee,
                    weight: pending.weight, position: UInt32(transactions.count)))
        }
        checkRunningTotals()
        let block = Block(
            height: height, transactions: transactions, backgroundWeight: assembly.backgroundWeight,
            feerateLowest: assembly.feerateLowest)
        precondition(block.weight <= rules.blockWeightMaximum, "a block is too heavy")
        remember(block)
        return block
    }

    /// Lets blocks pass up to a height while nothing waits for one, however many that are.
    ///
    /// - Parameter intervals: for how many mean block intervals demand arrived before the block of a height.
    public mutating func passEmptyBlocks(
        upTo newHeight: BlockHeight, after intervals: (BlockHeight) -> Double = { _ in 1 }
    ) {
        precondition(isMempoolEmpty, "a block that could confirm something is not empty")
        guard demand != nil else {
            height = max(height, newHeight)
            return forgetOldBlocks()
        }
        while height < newHeight { _ = mineBlock(after: intervals(height + 1)) }
    }

    /// A fault: everybody else bids this much more from now on, which fades as spikes do.
    public mutating func raiseDemand(by factor: Double) { demand?.raise(by: factor) }

    private mutating func confirm(_ pending: PendingTransaction) {
        for outpoint in pending.transaction.inputs.map(\.outpoint) {
            let isConfirmed = confirmationHeight(of: outpoint.transaction) != nil
            guard isConfirmed, let output = output(outpoint) else {
                preconditionFailure("a block spends \(outpoint), which is not there")
            }
            spenders[outpoint] = pending.id
            unspentTotal -= output.value
        }
        confirmations[pending.id] = Confirmation(height: height, outputs: pending.outputs)
        unspentTotal += pending.outputs.reduce(.zero) { $0 + $1.value }
        feesTotal += pending.fee
    }

    // MARK: Checking

    private func checkRunningTotals() {
        precondition(unspentTotal + feesTotal == genesisTotal, "the chain made or lost money")
    }

    /// Counts all outputs anew and compares with the running totals. Linear in all outputs ever made.
    public func checkTotals() {
        checkRunningTotals()
        var recount = Satoshi.zero
        for (index, value) in genesisValues.enumerated()
        where spenders[Self.genesisOutpoint(UInt32(index))] == nil {
            recount += value
        }
        // A sum is the same in any order.
        for (id, confirmation) in confirmations {
            for (index, output) in confirmation.outputs.enumerated()
            where spenders[Outpoint(transaction: id, index: UInt32(index))] == nil {
                recount += output.value
            }
        }
        precondition(recount == unspentTotal, "unspent outputs are worth \(recount), not \(unspentTotal)")
    }
}
