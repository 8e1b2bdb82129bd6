import LightningTypes
import Routing
import Snapshots

// Policies that changed, at the nodes that did it and at the senders that learned of it; written where they differ from
// the topology, which in most runs they never do.
extension NetworkSimulation {
    func savePolicies(to writer: inout SnapshotWriter) {
        let changed = (0..<UInt32(world.endCount)).lazy.map { DirectionIndex($0) }.filter {
            self.world.policies[Int($0.rawValue)] != self.world.firstPolicy(of: $0)
        }
        writer.write(count: changed.count)
        for end in changed {
            writer.write(end.rawValue)
            writer.write(world.policies[Int(end.rawValue)])
        }
        for node in 0..<world.nodeCount {
            let (former, learned) = (world.nodes[node].formerPolicies, world.nodes[node].learnedPolicies)
            writer.write(count: former.count + learned.count)
            if former.isEmpty, learned.isEmpty { continue }
            writer.write(count: former.count)
            for entry in former {
                writer.write(entry.end.rawValue)
                writer.write(entry.policy)
                writer.write(entry.until)
            }
            for entry in learned {
                writer.write(entry.direction.rawValue)
                writer.write(entry.policy)
                writer.write(entry.until)
            }
        }
    }

    func restorePolicies(from reader: inout SnapshotReader) throws(SnapshotError) {
        for _ in 0..<(try reader.readCount(of: 32, "the number of policies")) {
            let end = try reader.readEnd(below: world.endCount)
            world.policies[Int(end.rawValue)] = try reader.readPolicy()
        }
        for node in 0..<world.nodeCount {
            let count = try reader.readCount(of: 40, "the number of policies")
            if count == 0 { continue }
            let formerCount = try reader.readCount(of: 40, "the number of policies")
            try reader.check(
                formerCount <= count && count - formerCount <= LearnedPolicy.countMaximum,
                "the number of policies")
            for index in 0..<count {
                let end = try reader.readEnd(below: world.endCount)
                let policy = try reader.readPolicy()
                let until = try reader.read(UInt64.self)
                if index < formerCount {
                    world.nodes[node].formerPolicies.append(
                        FormerPolicy(end: end, policy: policy, until: until))
                } else {
                    world.nodes[node].learnedPolicies.append(
                        LearnedPolicy(direction: end, policy: policy, until: until))
                }
            }
        }
    }
}

extension SnapshotWriter {
    mutating func write(_ policy: ChannelPolicy) {
        let words = PolicyWords(policy)
        write(words.fees)
        write(words.minimum)
        write(words.maximum)
        write(words.rest)
    }

    mutating func write(_ update: DirectionUpdate) {
        write(update.direction.rawValue)
        write(update.isUsable)
        write(update.policy != nil)
        if let policy = update.policy { write(policy) }
    }
}

extension SnapshotReader {
    mutating func readPolicy() throws(SnapshotError) -> ChannelPolicy {
        let words = PolicyWords(
            fees: try read(), minimum: try read(), maximum: try read(), rest: try read())
        try check(words.rest <= PolicyWords.disableBit | 0xFFFF, "a policy")
        return words.policy
    }

    mutating func readDirectionUpdate(below endCount: Int) throws(SnapshotError) -> DirectionUpdate {
        let direction = try readEnd(below: endCount)
        let isUsable = try readFlag()
        return DirectionUpdate(
            direction, isUsable: isUsable, policy: try readFlag() ? try readPolicy() : nil)
    }
}
