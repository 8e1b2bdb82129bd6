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

    /// Linear in the transactions waiting, and for those taken O(log n) each, where few spend from each other.
    init(from mempool: Mempool, _ demand: inout BackgroundDemand?, weightMaximum: UInt64) {
        weightLeft = weightMaximum
        var packages = Packages(mempool)
        // Where nothing fits any more nothing is looked at: behind a long queue most blocks are full.
        while weightLeft >= packages.weightMinimum, let best = packages.popBest() {
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
        /// A heap, the best on top; one whose transaction is taken or has changed since is passed over. Its order is
        /// total, so that it does not matter in which one they came.
        private var heap: [Package] = []
        /// Those that count without an ancestor that is taken.
        private var changed: [TransactionID: Package] = [:]
        private var taken: Set<TransactionID> = []
        /// No transaction waiting is lighter.
        private(set) var weightMinimum = UInt64.max

        init(_ mempool: Mempool) {
            self.mempool = mempool
            for pending in mempool.inNoOrder {
                heap.append(package(of: pending))
                weightMinimum = min(weightMinimum, pending.weight)
            }
            for place in stride(from: heap.count / 2 - 1, through: 0, by: -1) { sink(place) }
        }

        /// A transaction with all its ancestors.
        private func package(of pending: PendingTransaction) -> Package {
            var package = Package(id: pending.id, fees: pending.fee, weight: pending.weight)
            guard mempool.hasParents(pending) else { return package }
            for ancestor in mempool.withAncestors(pending.id) where ancestor != pending.id {
                guard let other = mempool[ancestor] else { continue }
                package.fees += other.fee
                package.weight += other.weight
            }
            return package
        }

        mutating func popBest() -> Package? {
            while let best = heap.first {
                heap.swapAt(0, heap.count - 1)
                heap.removeLast()
                sink(0)
                if taken.contains(best.id) { continue }
                if let now = changed[best.id], now.fees != best.fees || now.weight != best.weight { continue }
                return best
            }
            return nil
        }

        /// Takes out a transaction and its ancestors; what spends from them counts without them from now on.
        ///
        /// - Returns: those taken, parents before children.
        mutating func take(_ id: TransactionID) -> [TransactionID] {
            let members = mempool.withAncestors(id).filter { !taken.contains($0) }
            let depths = members.map { (depth: mempool.withAncestors($0).count, id: $0) }
            let ordered = depths.sorted { ($0.depth, $0.id) < ($1.depth, $1.id) }.map(\.id)
            taken.formUnion(ordered)
            var touched: Set<TransactionID> = []
            for member in ordered {
                guard let pending = mempool[member] else { continue }
                for descendant in mempool.withDescendants([member]) where !taken.contains(descendant) {
                    guard let other = mempool[descendant] else { continue }
                    // What has not changed yet counts with all its ancestors, for none of them was taken before.
                    var package = changed[descendant] ?? package(of: other)
                    package.fees -= pending.fee
                    package.weight -= pending.weight
                    changed[descendant] = package
                    touched.insert(descendant)
                }
            }
            for descendant in touched {
                if let package = changed[descendant] { push(package) }
            }
            return ordered
        }

        // MARK: The heap

        private mutating func push(_ package: Package) {
            heap.append(package)
            var place = heap.count - 1
            while place > 0, heap[place].precedes(heap[(place - 1) / 2]) {
                heap.swapAt(place, (place - 1) / 2)
                place = (place - 1) / 2
            }
        }

        private mutating func sink(_ start: Int) {
            var place = start
            while true {
                var best = place
                let (left, right) = (2 * place + 1, 2 * place + 2)
                if left < heap.count, heap[left].precedes(heap[best]) { best = left }
                if right < heap.count, heap[right].precedes(heap[best]) { best = right }
                guard best != place else { return }
                heap.swapAt(place, best)
                place = best
            }
        }
    }
}
