import EventSimulation
import LightningTypes
import PaymentChannels
import Settlement
import Snapshots

// What a state keeps of links that are down, nodes that are away, and channels that are on chain. Of a run in which
// nothing goes wrong it keeps nothing of them.
extension NetworkSimulation {
    private func all<Value>(_ list: KeyPath<NetworkShard, [DirectionIndex: Value]>) -> [(
        key: DirectionIndex, value: Value
    )] {
        simulation.models.flatMap { $0[keyPath: list] }.sorted { $0.key < $1.key }
    }

    func saveFeerates(to writer: inout SnapshotWriter) {
        let rates = all(\.feerates)
        writer.write(count: rates.count)
        for (end, feerate) in rates {
            writer.write(end.rawValue)
            writer.write(feerate)
        }
    }

    func restoreFeerates(from reader: inout SnapshotReader) throws(SnapshotError) {
        for _ in 0..<(try reader.readCount(of: 12, "the number of rates")) {
            let end = try reader.readEnd(below: world.endCount)
            simulation.model(of: world.owners[Int(end.rawValue)]).feerates[end] = try reader.read()
        }
    }

    func saveFaults(to writer: inout SnapshotWriter) {
        guard let links = world.links else { return }
        for position in 0..<world.endCount {
            writer.write(links[position].downCount)
            writer.write(links[position].connection)
            writer.write(links[position].deadline.rawValue)
            writer.write(links[position].jitter)
            writer.write(links[position].lastArrival)
        }
        for node in 0..<world.nodeCount {
            writer.write(world.nodes[node].awayCount)
            save(world.nodes[node].missed, heldBy: UInt32(node), to: &writer)
        }
        let archives = all(\.archives)
        writer.write(count: archives.count)
        for (end, old) in archives {
            writer.write(end.rawValue)
            old.write(to: &writer)
        }
        let backups = all(\.backups)
        writer.write(count: backups.count)
        for (end, backup) in backups {
            writer.write(end.rawValue)
            backup.write(to: &writer)
        }
        let disputes = all(\.disputes)
        writer.write(count: disputes.count)
        for (end, dispute) in disputes {
            writer.write(end.rawValue)
            dispute.write(to: &writer)
        }
        guard let tower = services.tower else { return }
        tower.write(to: &writer)
        save(tower.missed, heldBy: world.towerProcess, to: &writer)
    }

    func restoreFaults(from reader: inout SnapshotReader) throws(SnapshotError) {
        guard let links = world.links else { return }
        for position in 0..<world.endCount {
            links[position].downCount = try reader.read()
            links[position].connection = try reader.read()
            links[position].deadline = BlockHeight(try reader.read())
            links[position].jitter = try reader.read()
            try reader.check(links[position].jitter < 1 << 40, "the jitter of a link")
            links[position].lastArrival = try reader.read()
        }
        for node in 0..<world.nodeCount {
            world.nodes[node].awayCount = try reader.read()
            world.nodes[node].missed = try restoreMissed(heldBy: UInt32(node), from: &reader)
        }
        for _ in 0..<(try reader.readCount(of: 20, "the number of old commitments")) {
            let end = try reader.readEnd(below: world.endCount)
            let old = try OldCommitment(from: &reader)
            simulation.model(of: world.owners[Int(end.rawValue)]).archives[end] = old
        }
        for _ in 0..<(try reader.readCount(of: 20, "the number of backups")) {
            let end = try reader.readEnd(below: world.endCount)
            let backup = try StaleBackup(from: &reader, of: world.channels[Int(end.rawValue)])
            simulation.model(of: world.owners[Int(end.rawValue)]).backups[end] = backup
        }
        for _ in 0..<(try reader.readCount(of: 20, "the number of channels on chain")) {
            let end = try reader.readEnd(below: world.endCount)
            let model = simulation.model(of: world.owners[Int(end.rawValue)])
            let channel = model.backups[end].flatMap { $0.isInUse ? $0.channel : nil }
            model.disputes[end] = try Dispute(
                from: &reader, of: channel ?? world.channels[Int(end.rawValue)], model.surroundings(of: end))
        }
        guard let tower = services.tower else { return }
        try tower.read(from: &reader)
        tower.missed = try restoreMissed(heldBy: world.towerProcess, from: &reader)
    }

    private func save(_ missed: [NetworkMessage], heldBy process: UInt32, to writer: inout SnapshotWriter) {
        writer.write(count: missed.count)
        for message in missed {
            message.write(to: &writer)
            let attachment = message.attachment
            writer.write(!attachment.isNone)
            if !attachment.isNone { writer.write(list: simulation.bytes(of: attachment, heldBy: process)) }
        }
    }

    private func restoreMissed(
        heldBy process: UInt32, from reader: inout SnapshotReader
    ) throws(SnapshotError) -> [NetworkMessage] {
        var missed: [NetworkMessage] = []
        for _ in 0..<(try reader.readCount(of: 33, "the number of messages missed")) {
            var message = try NetworkMessage(from: &reader)
            let bytes = try reader.readFlag() ? try reader.readList("the length of a message") : nil
            let isMissable = message.kind.isChainNews || message.kind == .towerUpdate
            try reader.check(
                isMissable && world.canDeliver(message, to: process, bytes), "a message that was missed")
            if let bytes { message.attachment = simulation.attach(bytes, heldBy: process) }
            missed.append(message)
        }
        return missed
    }
}

extension OldCommitment {
    fileprivate func write(to writer: inout SnapshotWriter) {
        writer.write(number)
        writer.write(worth.rawValue)
        commitment.write(to: &writer)
    }

    fileprivate init(from reader: inout SnapshotReader) throws(SnapshotError) {
        number = try reader.read()
        worth = Satoshi(try reader.read())
        commitment = try CommitmentTransaction(from: &reader)
    }
}

extension StaleBackup {
    fileprivate func write(to writer: inout SnapshotWriter) {
        channel.write(to: &writer)
        writer.write(isInUse)
        writer.write(count: htlcs.count)
        for htlc in htlcs { htlc.write(to: &writer) }
    }

    fileprivate init(from reader: inout SnapshotReader, of channel: Channel) throws(SnapshotError) {
        self.channel = channel.withoutHTLCs
        try self.channel.read(from: &reader)
        isInUse = try reader.readFlag()
        htlcs = []
        for _ in 0..<(try reader.readCount(of: 40, "the number of HTLCs")) {
            htlcs.append(try HTLC(from: &reader))
        }
        var pool = HTLCPool()
        try reader.check(restored(in: &pool).isConsistent(in: pool), "the money of a backup")
    }
}

extension Dispute {
    fileprivate func write(to writer: inout SnapshotWriter) {
        writer.write(isBreach)
        writer.write(isConcluded)
        writer.write(balance)
        writer.write(asked != nil)
        writer.write(asked?.rawValue ?? 0)
        writer.write(count: preimages.count)
        for payment in preimages.sorted() { writer.write(payment) }
        writer.write(cheatsWith != nil)
        cheatsWith?.write(to: &writer)
        writer.write(monitor != nil)
        monitor?.write(to: &writer)
    }

    fileprivate init(
        from reader: inout SnapshotReader, of channel: Channel,
        _ surroundings: @autoclosure () -> ChannelMonitor.Surroundings
    ) throws(SnapshotError) {
        isBreach = try reader.readFlag()
        isConcluded = try reader.readFlag()
        balance = try reader.read()
        let hasAsked = try reader.readFlag()
        let height = BlockHeight(try reader.read())
        asked = hasAsked ? height : nil
        for _ in 0..<(try reader.readCount(of: 8, "the number of preimages")) {
            preimages.insert(try reader.read())
        }
        if try reader.readFlag() { cheatsWith = try OldCommitment(from: &reader) }
        if try reader.readFlag() {
            monitor = try ChannelMonitor(
                from: &reader, terms: channel.terms, isFunder: channel.isFunder, surroundings())
        }
    }
}

extension TowerProcess {
    fileprivate func write(to writer: inout SnapshotWriter) {
        writer.write(count: handedOver.count)
        for (end, number) in handedOver.sorted(by: { $0.key < $1.key }) {
            writer.write(end.rawValue)
            writer.write(number)
        }
        writer.write(count: watches.count)
        for (end, tower) in watches.sorted(by: { $0.key < $1.key }) {
            writer.write(end.rawValue)
            tower.write(to: &writer)
        }
    }

    fileprivate func read(from reader: inout SnapshotReader) throws(SnapshotError) {
        for _ in 0..<(try reader.readCount(of: 12, "the number of clients' channels")) {
            let end = try reader.readEnd(below: world.endCount)
            handedOver[end] = try reader.read()
        }
        for _ in 0..<(try reader.readCount(of: 24, "the number of breaches")) {
            let end = try reader.readEnd(below: world.endCount)
            watches[end] = try Watchtower(from: &reader)
        }
    }
}
