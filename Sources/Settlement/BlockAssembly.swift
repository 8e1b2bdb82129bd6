import LightningTypes

// Which transactions a miner takes, as Bitcoin Core does since 0.13 (`BlockAssembler::addPackageTxs`): a transaction
// counts with all that it spends from and that waits too, so that a child pays for its parent.
//
// The best package by (fees of the package ÷ its weight) goes in; every transaction that spends from it then counts
// without it. Background demand stands among the packages by fee rate alone and can be divided at will.

/// A transaction with those ancestors of it that are not in the block yet.
private struct Package {
    let id: TransactionID
    var fees: Satoshi
    var weight: UInt64

    /// The higher fee rate goes first, then the lower id.
    func precedes(_ other: Package) -> Bool {
        // Crosswise products compare the rates exactly, where quotients would round.
        let ours = fees.rawValue.multipliedFullWidth(by: other.weight)
        let theirs = other.fees.rawValue.multipliedFullWidth(by: weight)
        if ours.high != theirs.high { return ours.high > theirs.high }
        if ours.low != theirs.low { return ours.low > theirs.low }
        return id < other.id
    }

    /// Satoshi per 1,000 weight, rounded down.
    var feerate: UInt64 { fees.rawValue * 1_000 / weight }
}

/// What a block takes from the mempool and the background.
struct BlockAssembly {
    private(set) var transactions: [PendingTransaction] = []
    private(set) var backgroundWeight: UInt64 = 0
    /// The lowest fee rate taken, in satoshi per 1,000 weight, and of the package it came in; nil for an empty block.
    private(set) var feerateLowest: UInt64?

    private var weightLeft: UInt64

    /// O(n log n) in the transactions waiting where few spend from each other.
    init(from mempool: Mempool, _ demand: inout BackgroundDemand?, weightMaximum: UInt64) {
        weightLeft = weightMaximum
        var packages = Packages(mempool)
        while let best = packages.popBest() {
            takeBackground(above: best.feerate, &demand)
            guard best.weight <= weightLeft else { continue }
            weightLeft -= best.weight
            feerateLowest = min(feerateLowest ?? .max, best.feerate)
            for id in packages.take(best.id) {
                guard let pending = mempool[id] else { preconditionFailure("a package of what is not there") }
                transactions.append(pending)
            }
        }
        takeBackground(above: 0, &demand)
    }

    private mutating func takeBackground(above feerate: UInt64, _ demand: inout BackgroundDemand?) {
        guard let taken = demand?.take(upTo: weightLeft, above: feerate), taken.weight > 0 else { return }
        weightLeft -= taken.weight
        backgroundWeight += taken.weight
        feerateLowest = min(feerateLowest ?? .max, taken.feerateLowest)
    }
}

extension BlockAssembly {
    /// The packages of all transactions waiting, best first.
    private struct Packages {
        private let mempool: Mempool
        private var current: [TransactionID: Package] = [:]
        /// The best at the end; one whose transaction is taken or has changed since is passed over.
        private var order: [Package] = []

        init(_ mempool: Mempool) {
            self.mempool = mempool
            for pending in mempool.transactions {
                var package = Package(id: pending.id, fees: pending.fee, weight: pending.weight)
                for ancestor in mempool.withAncestors(pending.id) where ancestor != pending.id {
                    guard let other = mempool[ancestor] else { continue }
                    package.fees += other.fee
                    package.weight += other.weight
                }
                current[pending.id] = package
                order.append(package)
            }
            order.sort { $1.precedes($0) }
        }

        mutating func popBest() -> Package? {
            while let last = order.popLast() {
                guard let now = current[last.id], now.fees == last.fees, now.weight == last.weight else {
                    continue
                }
                return last
            }
            return nil
        }

        /// Takes out a transaction and its ancestors; what spends from them counts without them from now on.
        ///
        /// - Returns: those taken, parents before children.
        mutating func take(_ id: TransactionID) -> [TransactionID] {
            let members = mempool.withAncestors(id).filter { current[$0] != nil }
            let depths = members.map { (depth: mempool.withAncestors($0).count, id: $0) }
            let ordered = depths.sorted { ($0.depth, $0.id) < ($1.depth, $1.id) }.map(\.id)
            for member in ordered { current[member] = nil }
            var changed: Set<TransactionID> = []
            for member in ordered {
                guard let pending = mempool[member] else { continue }
                for descendant in mempool.withDescendants([member]) where current[descendant] != nil {
                    current[descendant]?.fees -= pending.fee
                    current[descendant]?.weight -= pending.weight
                    changed.insert(descendant)
                }
            }
            for descendant in changed {
                if let package = current[descendant] { order.insert(package, at: place(of: package)) }
            }
            return ordered
        }

        /// Where a package belongs among the others, which are sorted from the last to be mined to the first.
        private func place(of package: Package) -> Int {
            var low = 0
            var high = order.count
            while low < high {
                let middle = (low + high) / 2
                if package.precedes(order[middle]) { low = middle + 1 } else { high = middle }
            }
            return low
        }
    }
}
