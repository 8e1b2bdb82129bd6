import LightningTypes

// A reorganisation: the last blocks give way to a longer branch. Heights go on as they would have (the branch is one
// block longer than what it replaces when it is seen); what stood in the blocks waits again and may be confirmed at
// another height, replaced, or never.
extension Chain {
    /// The most blocks that can be undone: what Bitcoin's users have waited for since its first clients.
    public static let reorganisationDepthMaximum = 6

    /// What undoing blocks did.
    public struct Undone: Sendable {
        /// The blocks undone, newest first; those without transactions are left out.
        public var blocks: [Block] = []
        /// Transactions that can stand in no next block any more, since a lock of theirs counts from what was undone,
        /// by id: whoever wants them broadcasts them again.
        public var evicted: [TransactionID] = []
    }

    /// Undoes the last blocks: the height falls, and their transactions wait again.
    ///
    /// The branch that replaces them is mined by `mineBlock()`, or passed by `passBranch(of:)`. What the background had
    /// in them is not given back: it stands in the other branch as well.
    public mutating func undoBlocks(_ depth: Int) -> Undone {
        precondition((1...Self.reorganisationDepthMaximum).contains(depth), "a chain undoes 1 to 6 blocks")
        precondition(height.rawValue >= UInt32(depth), "block 0 stands for ever")
        let kept = BlockHeight(height.rawValue - UInt32(depth))
        var undone = Undone()
        while let block = recent.last, kept < block.height {
            recent.removeLast()
            for confirmed in block.transactions.reversed() { unconfirm(confirmed) }
            undone.blocks.append(block)
        }
        height = kept
        undone.evicted = evictLocked()
        return undone
    }

    /// The branch that came in place of undone blocks: as long, without their transactions, which its miners had not
    /// heard of or did not take. What the background had stands in it too, at the rates it had.
    public mutating func passBranch(of blocks: Int) {
        precondition((1...Self.reorganisationDepthMaximum).contains(blocks), "a chain undoes 1 to 6 blocks")
        height = height + UInt32(blocks)
        forgetOldBlocks()
    }

    private mutating func unconfirm(_ confirmed: ConfirmedTransaction) {
        guard let confirmation = confirmations.removeValue(forKey: confirmed.id) else {
            preconditionFailure("an undone block's transaction was not confirmed")
        }
        unspentTotal -= confirmation.outputs.reduce(.zero) { $0 + $1.value }
        feesTotal -= confirmed.fee
        for input in confirmed.transaction.inputs {
            spenders[input.outpoint] = nil
            guard let output = output(input.outpoint) else {
                preconditionFailure("an undone transaction spent what is not there")
            }
            unspentTotal += output.value
        }
        if PlantedBug.planted == .losesUndoneTransactions { return }
        mempool.insert(
            PendingTransaction(
                id: confirmed.id, transaction: confirmed.transaction, fee: confirmed.fee,
                weight: confirmed.weight))
    }

    /// Removes what waits and is locked at the height there is now, with all that spends from it.
    private mutating func evictLocked() -> [TransactionID] {
        let locked = mempool.transactions.filter { pending in
            pending.transaction.inputs.contains { isLocked($0) }
        }
        let evicted = mempool.withDescendants(locked.map(\.id)).sorted()
        for id in evicted { mempool.remove(id) }
        return evicted
    }

    private func isLocked(_ input: Input) -> Bool {
        guard let condition = output(input.outpoint)?.conditions[input.witness?.condition ?? 0] else {
            return true
        }
        if let lock = condition.absoluteLock, height < lock { return true }
        return (confirmations(of: input.outpoint.transaction) ?? 0) < UInt32(condition.relativeLock)
    }

    /// Whether the block of a height can be undone.
    func isRecent(_ block: BlockHeight) -> Bool {
        block.rawValue + UInt32(Self.reorganisationDepthMaximum) > height.rawValue
    }

    mutating func remember(_ block: Block) {
        if !block.transactions.isEmpty { recent.append(block) }
        forgetOldBlocks()
    }

    mutating func forgetOldBlocks() {
        let kept = recent.firstIndex { isRecent($0.height) } ?? recent.count
        if kept > 0 { recent.removeFirst(kept) }
    }
}
