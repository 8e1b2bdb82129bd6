import Cryptography
import LightningTypes
import Snapshots

// What a checkpoint keeps of the chain: everything since block 0. Dictionaries are written in the order of their keys.
extension Chain {
    public func write(to writer: inout SnapshotWriter) {
        writer.write(height.rawValue)
        writer.write(feesTotal.rawValue)
        writer.write(count: confirmations.count)
        for (id, confirmation) in confirmations.sorted(by: { $0.key < $1.key }) {
            writer.write(id.bytes)
            writer.write(confirmation.height.rawValue)
            // Outputs travel as those of a transaction that spends nothing.
            writer.write(list: Transaction(inputs: [], outputs: confirmation.outputs).encoded())
        }
        writer.write(count: spenders.count)
        for (outpoint, spender) in spenders.sorted(by: { $0.key < $1.key }) {
            writer.write(outpoint)
            writer.write(spender.bytes)
        }
        let waiting = mempool.transactions
        writer.write(count: waiting.count)
        for pending in waiting {
            writer.write(pending.transaction)
            writer.write(pending.fee.rawValue)
            writer.write(pending.weight)
        }
        writer.write(count: recent.count)
        for block in recent { block.write(to: &writer) }
        if let demand { demand.write(to: &writer) }
    }

    /// Takes a chain that has only its block 0, the same one, to the state written.
    ///
    /// Checks the money: unspent outputs and fees must be what block 0 made.
    public mutating func read(from reader: inout SnapshotReader) throws(SnapshotError) {
        precondition(confirmations.isEmpty && mempool.isEmpty, "only a fresh chain can be restored")
        height = BlockHeight(try reader.read())
        feesTotal = Satoshi(try reader.read())
        try reader.check(height.rawValue < 1 << 31, "the height")
        for _ in 0..<(try reader.readCount(of: 44, "the number of confirmed transactions")) {
            let id = try reader.readTransactionID()
            let confirmedAt = BlockHeight(try reader.read())
            try reader.check(confirmedAt.rawValue <= height.rawValue, "the height of a transaction")
            let outputs = try reader.readTransaction().outputs
            confirmations[id] = Confirmation(height: confirmedAt, outputs: outputs)
        }
        for _ in 0..<(try reader.readCount(of: 68, "the number of spent outputs")) {
            let outpoint = try reader.readOutpoint()
            spenders[outpoint] = try reader.readTransactionID()
        }
        for _ in 0..<(try reader.readCount(of: 24, "the number of waiting transactions")) {
            let transaction = try reader.readTransaction()
            let fee = Satoshi(try reader.read())
            let weight = try reader.read(UInt64.self)
            let id = transaction.id
            let isNew =
                mempool[id] == nil && transaction.inputs.allSatisfy { spender(of: $0.outpoint) == nil }
            let isDistinct = Set(transaction.inputs.map(\.outpoint)).count == transaction.inputs.count
            try reader.check(isNew && isDistinct, "a waiting transaction")
            try reader.check(
                0 < weight && weight <= rules.transactionWeightMaximum && fee <= genesisTotal, "a waiting fee"
            )
            mempool.insert(PendingTransaction(id: id, transaction: transaction, fee: fee, weight: weight))
        }
        guard let unspent = countUnspent(), feesTotal <= genesisTotal, unspent == genesisTotal - feesTotal
        else {
            throw reader.implausible("the money on the chain")
        }
        unspentTotal = unspent
        try readRecent(&reader)
        if demand != nil { try demand?.read(from: &reader) }
    }

    /// The blocks that can be undone: each transaction in them is confirmed at their height.
    private mutating func readRecent(_ reader: inout SnapshotReader) throws(SnapshotError) {
        for _ in 0..<(try reader.readCount(of: 8, "the number of recent blocks")) {
            let block = try Block(from: &reader)
            let isNext = recent.last.map { $0.height < block.height } ?? true
            try reader.check(isNext && isRecent(block.height) && block.height <= height, "a recent block")
            for transaction in block.transactions {
                let isThere =
                    confirmations[transaction.id]?.height == block.height
                    && confirmations[transaction.id]?.outputs == transaction.transaction.outputs
                    && transaction.transaction.inputs.allSatisfy { spenders[$0.outpoint] == transaction.id }
                let isPlausible =
                    0 < transaction.weight && transaction.weight <= rules.transactionWeightMaximum
                try reader.check(
                    isThere && isPlausible && transaction.fee <= feesTotal, "a transaction of a recent block")
            }
            recent.append(block)
        }
    }

    /// Nil where the sum overflows.
    private func countUnspent() -> Satoshi? {
        var sum: UInt64 = 0
        var overflows = false
        func add(_ value: Satoshi, _ outpoint: Outpoint) {
            guard spenders[outpoint] == nil else { return }
            let (next, overflow) = sum.addingReportingOverflow(value.rawValue)
            sum = next
            overflows = overflows || overflow
        }
        for (index, value) in genesisValues.enumerated() { add(value, Self.genesisOutpoint(UInt32(index))) }
        for (id, confirmation) in confirmations {
            for (index, output) in confirmation.outputs.enumerated() {
                add(output.value, Outpoint(transaction: id, index: UInt32(index)))
            }
        }
        return overflows ? nil : Satoshi(sum)
    }
}

extension Block {
    fileprivate func write(to writer: inout SnapshotWriter) {
        writer.write(height.rawValue)
        writer.write(count: transactions.count)
        for confirmed in transactions {
            writer.write(confirmed.transaction)
            writer.write(confirmed.fee.rawValue)
            writer.write(confirmed.weight)
        }
    }

    /// What undoing it takes; what else stood in it is not kept.
    fileprivate init(from reader: inout SnapshotReader) throws(SnapshotError) {
        let height = BlockHeight(try reader.read())
        var transactions: [ConfirmedTransaction] = []
        for position in 0..<(try reader.readCount(of: 24, "the number of a block's transactions")) {
            let transaction = try reader.readTransaction()
            transactions.append(
                ConfirmedTransaction(
                    id: transaction.id, transaction: transaction, fee: Satoshi(try reader.read()),
                    weight: try reader.read(), position: UInt32(position)))
        }
        self.init(height: height, transactions: transactions)
    }
}

extension BackgroundDemand {
    /// What changes; figures and seed come from the settings again.
    fileprivate func write(to writer: inout SnapshotWriter) {
        writer.write(deviation)
        writer.write(spike)
        for weight in backlog { writer.write(weight) }
    }

    fileprivate mutating func read(from reader: inout SnapshotReader) throws(SnapshotError) {
        deviation = try reader.readDouble()
        spike = try reader.readDouble()
        try reader.check(abs(deviation) < 100 && (0..<100).contains(spike), "the level of demand")
        for place in backlog.indices {
            backlog[place] = try reader.read()
            try reader.check(
                backlog[place] <= Self.backlogBlocksMaximum * blockWeight, "the demand that waits")
        }
    }
}

extension FeeEstimator {
    /// What it remembers.
    public func write(to writer: inout SnapshotWriter) {
        writer.write(count: lowest.count)
        for feerate in lowest { writer.write(feerate) }
    }

    public mutating func read(from reader: inout SnapshotReader) throws(SnapshotError) {
        lowest = []
        let count = try reader.readCount(of: 8, "the blocks an estimate remembers")
        try reader.check(count <= Self.memory, "the blocks an estimate remembers")
        for _ in 0..<count { lowest.append(try reader.read()) }
    }
}

// How the nouns of layer 1 stand in a checkpoint.
extension SnapshotWriter {
    public mutating func write(_ value: Bytes32) { value.withUnsafeBytes { write($0) } }

    public mutating func write(_ outpoint: Outpoint) {
        write(outpoint.transaction.bytes)
        write(outpoint.index)
    }

    public mutating func write(_ transaction: Transaction) { write(list: transaction.encoded()) }
}

extension SnapshotReader {
    public mutating func readBytes32() throws(SnapshotError) -> Bytes32 {
        let bytes = try readBytes(32)
        return bytes.withUnsafeBytes { Bytes32(bytes: $0) }
    }

    public mutating func readTransactionID() throws(SnapshotError) -> TransactionID {
        TransactionID(try readBytes32())
    }

    public mutating func readOutpoint() throws(SnapshotError) -> Outpoint {
        Outpoint(transaction: try readTransactionID(), index: try read())
    }

    public mutating func readTransaction() throws(SnapshotError) -> Transaction {
        let bytes = try readList("the length of a transaction")
        do { return try Transaction(decoding: bytes) } catch { throw implausible("a transaction") }
    }
}
