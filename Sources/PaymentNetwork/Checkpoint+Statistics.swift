import LightningTypes
import Snapshots

extension RunStatistics {
    func write(to writer: inout SnapshotWriter) {
        for list in [messages, failures, attemptFailures] {
            writer.write(count: list.count)
            for number in list { writer.write(number) }
        }
        for field in Self.counters { writer.write(self[keyPath: field]) }
        writer.write(amountSettled.rawValue)
        for kind in chainKinds {
            writer.write(kind.count)
            writer.write(kind.weight)
            writer.write(kind.fees.rawValue)
        }
        writer.write(count: punishedChannels.count)
        for channel in punishedChannels.sorted() { writer.write(UInt32(bitPattern: channel)) }
        // The values are those of buckets; the least and the largest recorded are known exactly.
        writer.write(latencies.min)
        writer.write(latencies.maxRecorded)
        let values = Array(latencies.recordedValues())
        writer.write(count: values.count)
        for value in values {
            writer.write(value.value)
            writer.write(value.count)
        }
        writer.write(count: hours.count)
        for hour in hours {
            writer.write(hour.settled)
            writer.write(hour.failed)
            writer.write(hour.volume.rawValue)
            writer.write(hour.fees.rawValue)
        }
        writer.write(count: samples.count)
        for sample in samples {
            writer.write(sample.pendingHTLCs)
            writer.write(sample.depletedDirections)
            writer.write(sample.openDirections)
            writer.write(sample.drift.rawValue)
        }
    }

    mutating func read(from reader: inout SnapshotReader) throws(SnapshotError) {
        for list in [\RunStatistics.messages, \.failures, \.attemptFailures] {
            let count = try reader.readCount(of: 8, "the number of counts")
            try reader.check(count == self[keyPath: list].count, "the number of counts")
            for index in 0..<count { self[keyPath: list][index] = try reader.readTally() }
        }
        for field in Self.counters { self[keyPath: field] = try reader.readTally() }
        amountSettled = Millisatoshi(try reader.readTally())
        for place in chainKinds.indices {
            chainKinds[place].count = try reader.readTally()
            chainKinds[place].weight = try reader.readTally()
            chainKinds[place].fees = Satoshi(try reader.readTally())
        }
        for _ in 0..<(try reader.readCount(of: 4, "the number of punished channels")) {
            punishedChannels.insert(Int32(bitPattern: try reader.read(UInt32.self)))
        }
        try readLatencies(from: &reader)
        for hour in 0..<(try reader.readCount(of: 32, "the number of hours")) {
            try reader.check(hour < Int(UInt32.max), "the number of hours")
            hours.append(
                TimelineRecord(
                    hour: UInt32(hour), settled: try reader.readTally(), failed: try reader.readTally(),
                    volume: Millisatoshi(try reader.readTally()), fees: Millisatoshi(try reader.readTally())))
        }
        for _ in 0..<(try reader.readCount(of: 32, "the number of hours")) {
            var sample = NetworkSample()
            sample.pendingHTLCs = try reader.readTally()
            sample.depletedDirections = try reader.readTally()
            sample.openDirections = try reader.readTally()
            sample.drift = Millisatoshi(try reader.readTally())
            samples.append(sample)
        }
    }

    private mutating func readLatencies(from reader: inout SnapshotReader) throws(SnapshotError) {
        let least = try reader.read(UInt64.self)
        let largest = try reader.read(UInt64.self)
        let bucketCount = try reader.readCount(of: 16, "the number of latencies")
        var total: UInt64 = 0
        for bucket in 0..<bucketCount {
            var value = try reader.read(UInt64.self)
            var count = try reader.readTally()
            total &+= count
            try reader.check(
                value >= 1 && value <= Self.latencyMaximum && count > 0 && total < 1 << 62, "a latency")
            let isLast = bucket == bucketCount - 1
            if bucket == 0 {
                try reader.check(latencies.valuesAreEquivalent(least, value), "the least latency")
                latencies.record(least, count: 1)
                count -= 1
                if !isLast { value = least }
            }
            if isLast {
                try reader.check(latencies.valuesAreEquivalent(largest, value), "the largest latency")
                value = largest
            }
            if count > 0 { latencies.record(value, count: count) }
        }
    }

    private static var counters: [WritableKeyPath<RunStatistics, UInt64>] {
        [
            \.payments.attempted, \.payments.routable, \.payments.settled, \.payments.failed,
            \.warmupPayments,
            \.attempts, \.hops, \.started, \.settled, \.failed,
            \.primitives.keyPairs, \.primitives.signatures, \.primitives.verifications,
            \.primitives.transactionHashes, \.primitives.hashes, \.primitives.pointMultiplications,
            \.primitives.basePointMultiplications, \.primitives.keyedHashes, \.primitives.onionHashes,
            \.primitives.streamBytes,
            \.channelsOpened, \.channelsClosed, \.openingsRefused, \.policyChanges,
            \.cheats, \.breaches, \.dataLosses,
            \.lastRevocation,
        ]
    }
}

extension SnapshotReader {
    /// A sum that can still grow.
    fileprivate mutating func readTally() throws(SnapshotError) -> UInt64 {
        let number = try read(UInt64.self)
        try check(number < 1 << 62, "a sum")
        return number
    }
}
