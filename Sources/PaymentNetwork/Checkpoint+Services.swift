import EventSimulation
import LightningTypes
import Randomness
import Routing
import Settlement
import Snapshots
import Topologies

// The processes that are no nodes: gossip, layer 1 and traffic.

extension GossipBoard {
    /// Versions as what they differ in from what the topology gives.
    func write(to writer: inout SnapshotWriter, of world: NetworkWorld) {
        writer.write(count: versions.count)
        for version in versions {
            writer.write(version.time)
            let ends = (0..<UInt32(world.endCount)).lazy.map { DirectionIndex($0) }
            let changed = ends.filter { version.graph.policy(of: $0) != world.firstAnnounced($0) }
            writer.write(count: changed.count)
            for direction in changed {
                guard let policy = version.graph.policy(of: direction) else {
                    preconditionFailure("a direction lost its policy")
                }
                writer.write(
                    DirectionUpdate(direction, isUsable: !policy.isDisabled, policy: policy))
            }
        }
    }

    func read(from reader: inout SnapshotReader, endCount: Int) throws(SnapshotError) {
        let count = try reader.readCount(of: 16, "the number of graph versions")
        try reader.check((1...2).contains(count), "the number of graph versions")
        var restored: [Version] = []
        for _ in 0..<count {
            let time = try reader.read(UInt64.self)
            try reader.check(restored.last.map { $0.time < time } ?? true, "the time of a graph version")
            var updates: [DirectionUpdate] = []
            for _ in 0..<(try reader.readCount(of: 33, "the number of directions")) {
                updates.append(try reader.readDirectionUpdate(below: endCount))
            }
            restored.append(
                Version(time: time, graph: updates.isEmpty ? latest : latest.withUpdates(updates)))
        }
        restore(restored)
    }
}

extension NetworkWorld {
    /// What the graph of time zero says of a direction.
    fileprivate func firstAnnounced(_ direction: DirectionIndex) -> ChannelPolicy? {
        let channel = topology.channels[direction.channel]
        guard var policy = direction.side == .first ? channel.policy1 : channel.policy2,
            policy.baseFee.rawValue <= UInt64(UInt32.max)
        else { return nil }
        policy.htlcMaximum = min(policy.htlcMaximum, Millisatoshi(channel.capacity))
        policy.isDisabled = policy.isDisabled || channel.opensAt != nil || policy.htlcMaximum == .zero
        return policy
    }
}

extension GossipProcess {
    func write(to writer: inout SnapshotWriter) {
        precondition(made == nil, "a graph version is handed over between windows")
        writer.write(count: updates.count)
        for update in updates { writer.write(update) }
        writer.write(epoch != nil)
        writer.write(epoch ?? 0)
    }

    func read(from reader: inout SnapshotReader) throws(SnapshotError) {
        for _ in 0..<(try reader.readCount(of: 6, "the number of updates")) {
            updates.append(try reader.readDirectionUpdate(below: world.endCount))
        }
        let isDue = try reader.readFlag()
        let time = try reader.read(UInt64.self)
        epoch = isDue ? time : nil
        try reader.check(!isDue || time > world.board.latestTime, "the time of the next graph version")
    }
}

extension LayerOneProcess {
    func write(to writer: inout SnapshotWriter) {
        chain.write(to: &writer)
        estimator.write(to: &writer)
        writer.write(transactionCount)
        writer.write(drainingBlocks)
        writer.write(blockDue)
        writer.write(count: reorganisation)
        writer.write(count: watches.count)
        for (id, list) in watches.sorted(by: { $0.key < $1.key }) {
            writer.write(id.bytes)
            writer.write(count: list.count)
            for watch in list { watch.write(to: &writer) }
        }
        writer.write(count: waiting.count)
        for entry in waiting {
            writer.write(entry.height.rawValue)
            writer.write(entry.id.bytes)
            writer.write(entry.confirmed.rawValue)
            entry.watch.write(to: &writer)
        }
        writer.write(count: purposes.count)
        for (id, entry) in purposes.sorted(by: { $0.key < $1.key }) {
            writer.write(id.bytes)
            writer.write(entry.purpose.rawValue)
            writer.write(entry.channel)
        }
        writer.write(count: outputs.count)
        for (outpoint, channel) in outputs.sorted(by: { $0.key < $1.key }) {
            writer.write(outpoint)
            writer.write(channel)
        }
        writer.write(count: concerned.count)
        for channel in concerned.sorted() { writer.write(channel) }
        writer.write(count: questions.count)
        for (listener, height) in questions.sorted(by: { $0.key < $1.key }) {
            writer.write(listener.process)
            writer.write(listener.end.rawValue)
            writer.write(height.rawValue)
        }
        writer.write(count: unsettled.count)
        for record in unsettled { record.write(to: &writer) }
        writer.write(count: hourlyFeerates.rates.count)
        for rate in hourlyFeerates.rates { writer.write(rate) }
    }

    func read(from reader: inout SnapshotReader) throws(SnapshotError) {
        try chain.read(from: &reader)
        try estimator.read(from: &reader)
        transactionCount = try reader.read()
        drainingBlocks = try reader.read()
        blockDue = try reader.read()
        reorganisation = try reader.readCount(of: 0, "a reorganisation")
        try reader.check(reorganisation <= Chain.reorganisationDepthMaximum, "a reorganisation")
        for _ in 0..<(try reader.readCount(of: 40, "the number of watched transactions")) {
            let id = try reader.readTransactionID()
            var list: [Watch] = []
            for _ in 0..<(try reader.readCount(of: 9, "the number of watches")) {
                list.append(try Watch(from: &reader, in: world))
            }
            watches[id] = list
        }
        for _ in 0..<(try reader.readCount(of: 49, "the number of watches")) {
            let height = BlockHeight(try reader.read())
            let id = try reader.readTransactionID()
            let confirmed = BlockHeight(try reader.read())
            waiting.append(
                Waiting(
                    height: height, id: id, confirmed: confirmed, watch: try Watch(from: &reader, in: world)))
        }
        for _ in 0..<(try reader.readCount(of: 37, "the number of purposes")) {
            let id = try reader.readTransactionID()
            let purpose: TransactionPurpose = try reader.readCase("a purpose")
            purposes[id] = (purpose, try reader.readChannel(in: world))
        }
        for _ in 0..<(try reader.readCount(of: 40, "the number of outputs")) {
            let outpoint = try reader.readOutpoint()
            outputs[outpoint] = try reader.readChannel(in: world)
        }
        for _ in 0..<(try reader.readCount(of: 4, "the number of channels on chain")) {
            concerned.insert(try reader.readChannel(in: world))
        }
        for _ in 0..<(try reader.readCount(of: 12, "the number of questions")) {
            let process = try reader.read(UInt32.self)
            let end = try reader.readEnd(below: world.endCount)
            let isListener =
                process == world.owners[Int(end.rawValue)]
                || process == world.towerProcess && world.isTowerClient(end)
            try reader.check(isListener, "who asks layer 1")
            questions[Listener(process: process, end: end)] = BlockHeight(try reader.read())
        }
        for _ in 0..<(try reader.readCount(of: 48, "the number of transactions")) {
            unsettled.append(try ChainRecord(from: &reader, in: world))
        }
        for _ in 0..<(try reader.readCount(of: 8, "the number of hours")) {
            hourlyFeerates.rates.append(try reader.read())
        }
    }
}

extension ChainRecord {
    fileprivate func write(to writer: inout SnapshotWriter) {
        writer.write(height)
        writer.write(position)
        writer.write(confirmedAt)
        writer.write(list: Array(transactionID.utf8))
        writer.write(list: Array(kind.rawValue.utf8))
        writer.write(channel)
        writer.write(weight)
        writer.write(fee.rawValue)
    }

    fileprivate init(from reader: inout SnapshotReader, in world: NetworkWorld) throws(SnapshotError) {
        height = try reader.read()
        position = try reader.read()
        confirmedAt = try reader.read()
        transactionID = String(decoding: try reader.readList("an id"), as: UTF8.self)
        guard let kind = Kind(rawValue: String(decoding: try reader.readList("a kind"), as: UTF8.self)) else {
            throw reader.implausible("a kind of transaction")
        }
        self.kind = kind
        channel = try reader.readChannel(in: world)
        weight = try reader.read()
        fee = Satoshi(try reader.read())
    }
}

extension SnapshotReader {
    /// The index of a channel that exists.
    fileprivate mutating func readChannel(in world: NetworkWorld) throws(SnapshotError) -> Int32 {
        let channel = try read(Int32.self)
        try check(channel >= 0 && Int(channel) < world.endCount / 2, "a channel")
        return channel
    }
}

extension LayerOneProcess.Watch {
    fileprivate func write(to writer: inout SnapshotWriter) {
        writer.write(end.rawValue)
        writer.write(purpose.rawValue)
        writer.write(depth)
    }

    fileprivate init(from reader: inout SnapshotReader, in world: NetworkWorld) throws(SnapshotError) {
        let end = try reader.readEnd(below: world.endCount)
        self.init(
            process: world.owners[Int(end.rawValue)], end: end, purpose: try reader.readCase("a purpose"),
            depth: try reader.read())
        try reader.check((1...1_000_000).contains(depth), "a depth")
    }
}

extension GossipBoard {
    /// From when the latest version is seen.
    fileprivate var latestTime: UInt64 { versions.last?.time ?? 0 }
}
