import EventSimulation
import LightningTypes
import PaymentChannels
import Routing
import Settlement
import Snapshots

// The state of a run: everything that can still reach its result, field by field. What a pure function of topology and
// seed gives (keys, latencies, starting balances, block times) is made again; what is a handle (places in pools and
// slabs, attachments) is written as what it stands for. So a state does not depend on the number of shards or threads.
extension NetworkSimulation {
    /// Changes with the meaning of any byte of a state.
    public static let stateVersion: UInt32 = 10

    /// The state of the run, from which `init(_:settings:recorder:resuming:)` goes on to exactly the same result.
    ///
    /// To be called before the run or from its `progress`: then no shard is at work, and the recorder has the records
    /// of everything that happened up to `simulatedTime`, and of nothing later.
    public func state() -> [UInt8] {
        var writer = SnapshotWriter(capacity: 1 << 20)
        services.gossip?.release()
        simulation.save(to: &writer)
        savePayments(to: &writer)
        var parts = 0
        for position in 0..<world.endCount {
            parts += saveEnd(DirectionIndex(UInt32(position)), to: &writer)
        }
        // A part without an HTLC would be lost; there is none between events.
        precondition(parts == simulation.models.reduce(0) { $0 + $1.parts.count }, "a part has no HTLC")
        for node in 0..<world.nodeCount {
            world.nodes[node].wallet.write(to: &writer)
            world.nodes[node].beliefs.write(to: &writer)
        }
        savePolicies(to: &writer)
        saveTransactions(to: &writer)
        saveFeerates(to: &writer)
        saveFaults(to: &writer)
        world.board.write(to: &writer, of: world)
        services.gossip?.write(to: &writer)
        services.layerOne?.write(to: &writer)
        services.traffic?.write(to: &writer)
        simulation.models.dropFirst().reduce(into: services.statistics) { $0.add($1.statistics) }.write(
            to: &writer)
        return writer.finish()
    }

    /// Simulated microseconds of the latest event handled: records up to here have been made, later ones have not.
    public var simulatedTime: UInt64 { simulation.now }

    /// Events handled so far, before a resumed run's beginning too.
    public var eventCount: UInt64 { simulation.eventCount }

    func restore(_ state: [UInt8]) throws(SnapshotError) {
        var reader = SnapshotReader(state)
        try simulation.restore(from: &reader) { (reader, event, bytes) throws(SnapshotError) in
            try reader.check(world.canDeliver(event.payload, to: event.destination, bytes), "an event")
        }
        var links = HTLCLinks(endCount: world.endCount)
        let payments = try restorePayments(from: &reader)
        for position in 0..<world.endCount {
            try restoreEnd(DirectionIndex(UInt32(position)), from: &reader, payments, &links)
        }
        try joinHTLCs(links, reader)
        try joinParts(payments, links.held, reader)
        for node in 0..<world.nodeCount {
            try world.nodes[node].wallet.read(from: &reader)
            world.nodes[node].beliefs = try Beliefs(from: &reader, in: world)
        }
        try restorePolicies(from: &reader)
        try restoreTransactions(from: &reader)
        try restoreFeerates(from: &reader)
        try restoreFaults(from: &reader)
        try world.board.read(from: &reader, endCount: world.endCount)
        try services.gossip?.read(from: &reader)
        try services.layerOne?.read(from: &reader)
        try services.traffic?.read(from: &reader)
        try services.statistics.read(from: &reader)
        try reader.finish()
    }

    // MARK: Transactions under way

    private func saveTransactions(to writer: inout SnapshotWriter) {
        for list in [\NetworkShard.fundingTransactions, \NetworkShard.closings] {
            let all = simulation.models.flatMap { $0[keyPath: list] }.sorted { $0.key < $1.key }
            writer.write(count: all.count)
            for (end, transaction) in all {
                writer.write(end.rawValue)
                writer.write(transaction)
            }
        }
    }

    private func restoreTransactions(from reader: inout SnapshotReader) throws(SnapshotError) {
        for list in [\NetworkShard.fundingTransactions, \NetworkShard.closings] {
            for _ in 0..<(try reader.readCount(of: 12, "the number of transactions")) {
                let end = try reader.readEnd(below: world.endCount)
                let transaction = try reader.readTransaction()
                try reader.check(!transaction.inputs.isEmpty && !transaction.outputs.isEmpty, "a transaction")
                simulation.model(of: world.owners[Int(end.rawValue)])[keyPath: list][end] = transaction
            }
        }
        for shard in simulation.models {
            shard.fundingOrder = FundingOrder(shard.fundingTransactions) { end in
                world.channels[Int(end.rawValue)].phase == .awaitingReady
            }
        }
    }
}

extension SnapshotReader {
    /// A direction of a channel that exists.
    mutating func readEnd(below endCount: Int) throws(SnapshotError) -> DirectionIndex {
        let end = try read(UInt32.self)
        try check(Int(end) < endCount, "a direction")
        return DirectionIndex(end)
    }
}

extension Wallet {
    func write(to writer: inout SnapshotWriter) {
        writer.write(count: coins.count)
        for coin in coins {
            writer.write(coin.outpoint)
            writer.write(coin.value.rawValue)
        }
    }

    mutating func read(from reader: inout SnapshotReader) throws(SnapshotError) {
        coins = []
        var sum = Satoshi.zero
        for _ in 0..<(try reader.readCount(of: 44, "the number of coins")) {
            let coin = Coin(outpoint: try reader.readOutpoint(), value: Satoshi(try reader.read()))
            // So many that their sum cannot overflow.
            try reader.check(coin.value <= .supplyMaximum && sum <= .supplyMaximum, "the value of a coin")
            sum += coin.value
            coins.append(coin)
        }
    }
}
