import Cryptography
import EventSimulation
import LightningTypes
import PaymentChannels
import Settlement

/// Layer 1 as a process: takes transactions in, mines blocks while there is something to mine or somebody waits, and
/// tells those who asked what is confirmed how deeply.
final class LayerOneProcess {
    var chain: Chain
    /// Transactions confirmed so far.
    var transactionCount: UInt64 = 0
    let world: NetworkWorld
    var isBlockDue = false
    /// Who wants to know of a transaction not confirmed yet.
    var watches: [TransactionID: [Watch]] = [:]
    /// Who waits for a depth, by the height that reaches it; in order of registration.
    var waiting: [(height: BlockHeight, watch: Watch)] = []
    var purposes: [TransactionID: (purpose: TransactionPurpose, channel: Int32)] = [:]

    struct Watch {
        var process: UInt32
        var end: DirectionIndex
        var purpose: TransactionPurpose
        var depth: UInt32
    }

    init(_ world: NetworkWorld) {
        self.world = world
        let layer = world.topology.layerOne
        chain = Chain(
            genesisValues: world.genesisValues,
            conditions: { [unowned world] in world.genesisConditions($0) },
            rules: ChainRules(
                blockWeightMaximum: layer.blockWeight,
                transactionWeightMaximum: min(400_000, layer.blockWeight),
                feerateMinimum: min(253, world.feeratePerKiloweight)))
    }

    /// A node broadcasts a transaction.
    ///
    /// - Returns: what is wrong with it; honest nodes make none that the chain refuses.
    func receive(
        _ message: NetworkMessage, _ shard: inout Shard<NetworkMessage>, _ clock: inout BlockClock
    ) -> String? {
        defer { shard.attachments.release(message.attachment) }
        do {
            let bytes = UnsafeRawBufferPointer(shard.attachments.bytes(of: message.attachment))
            catchUp(shard, &clock)
            let id = try chain.submit(Transaction(decoding: bytes))
            purposes[id] = (message.purpose, Int32(message.end.channel))
            scheduleBlock(&shard, &clock)
            return nil
        } catch {
            return
                "layer 1 refused the \(message.purpose) transaction of channel \(message.end.channel): \(error)"
        }
    }

    func watch(_ message: NetworkMessage, _ shard: inout Shard<NetworkMessage>, _ clock: inout BlockClock) {
        let bytes = UnsafeRawBufferPointer(shard.attachments.bytes(of: message.attachment))
        let id = TransactionID(Bytes32(bytes: bytes))
        shard.attachments.release(message.attachment)
        let watch = Watch(
            process: world.owners[Int(message.end.rawValue)], end: message.end, purpose: message.purpose,
            depth: max(UInt32(message.id), 1))
        watches[id, default: []].append(watch)
        scheduleBlock(&shard, &clock)
    }

    /// Mines the block whose time has come.
    func mine(
        _ shard: inout Shard<NetworkMessage>, _ clock: inout BlockClock, record: (ChainRecord) -> Void
    ) {
        isBlockDue = false
        let height = clock.height(at: shard.now)
        while chain.height < height {
            let block = chain.mineBlock()
            shard.fold(UInt64(block.height.rawValue), UInt64(block.transactions.count))
            transactionCount += UInt64(block.transactions.count)
            for mined in block.transactions {
                shard.fold(mined.id.bytes.words.0, mined.fee.rawValue)
                if let (purpose, channel) = purposes.removeValue(forKey: mined.id) {
                    record(
                        ChainRecord(
                            height: block.height.rawValue, position: mined.position, confirmedAt: shard.now,
                            transactionID: mined.id.description,
                            kind: purpose == .funding ? .funding : .closing,
                            channel: channel, weight: mined.weight, fee: mined.fee))
                }
                for watch in watches.removeValue(forKey: mined.id) ?? [] {
                    waiting.append((block.height + (watch.depth - 1), watch))
                }
            }
        }
        chain.checkTotals()
        for entry in waiting where entry.height <= height {
            var message = NetworkMessage(.transactionConfirmed, end: entry.watch.end)
            message.purpose = entry.watch.purpose
            message.id = UInt64(entry.watch.depth)
            shard.send(to: entry.watch.process, after: world.lookahead, message)
        }
        waiting.removeAll { $0.height <= height }
        scheduleBlock(&shard, &clock)
    }

    /// Empty blocks nobody waited for pass without an event; the chain grows by them when it is next needed.
    private func catchUp(_ shard: borrowing Shard<NetworkMessage>, _ clock: inout BlockClock) {
        if chain.isMempoolEmpty { chain.passEmptyBlocks(upTo: clock.height(at: shard.now)) }
    }

    private func scheduleBlock(_ shard: inout Shard<NetworkMessage>, _ clock: inout BlockClock) {
        guard !isBlockDue, !chain.isMempoolEmpty || !waiting.isEmpty else { return }
        isBlockDue = true
        let next = clock.height(at: shard.now) + 1
        shard.send(
            to: shard.process, at: max(clock.time(of: next), shard.now),
            NetworkMessage(.blockTimer, end: DirectionIndex(0)))
    }
}
