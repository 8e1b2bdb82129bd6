import Histogram
import LightningTypes

/// What one shard counted. Memory does not grow with the number of payments.
struct RunStatistics {
    /// By `NetworkMessage.Kind`.
    var messages = [UInt64](repeating: 0, count: NetworkMessage.Kind.allCases.count)
    var payments = RunResult.PaymentCounts()
    var warmupPayments: UInt64 = 0
    /// By `FailureName`.
    var failures = [UInt64](repeating: 0, count: FailureName.allCases.count)
    var attemptFailures = [UInt64](repeating: 0, count: FailureName.allCases.count)
    var attempts: UInt64 = 0
    var hops: UInt64 = 0
    var amountSettled: Millisatoshi = .zero
    /// All payments, warm-up included: for progress.
    var started: UInt64 = 0
    var settled: UInt64 = 0
    var failed: UInt64 = 0
    var primitives = PrimitiveCounts()
    var channelsOpened: UInt64 = 0
    var channelsClosed: UInt64 = 0
    var openingsRefused: UInt64 = 0
    var policyChanges: UInt64 = 0
    /// Channels that a revoked commitment closed.
    var cheats: UInt64 = 0
    /// Revoked commitments that their victims saw on the chain.
    var breaches: UInt64 = 0
    /// Channels whose node found its state to be old.
    var dataLosses: UInt64 = 0
    /// Confirmed transactions, by `ChainRecord.Kind`; of the first shard alone, as the next.
    var chainKinds = ChainRecord.Kind.allCases.map { RunResult.KindSummary($0) }
    /// Channels with a confirmed penalty.
    var punishedChannels: Set<Int32> = []
    /// Simulated microseconds of the last `revoke_and_ack`, after which nothing of an HTLC was pending.
    var lastRevocation: UInt64 = 0
    /// Of settled payments in simulated microseconds, from 1 ms to 285 years within 0.1 %: the times of a topology end
    /// at 100 years. With 1 ms as the lowest to discern, buckets would be 512 µs wide.
    var latencies = Histogram<UInt64>(
        lowestDiscernibleValue: 1, highestTrackableValue: latencyMaximum,
        numberOfSignificantValueDigits: .three)
    static let latencyMinimum: UInt64 = 1_000
    static let latencyMaximum: UInt64 = 1 << 53
    var hours: [TimelineRecord] = []
    /// The network at the end of each hour that is over; of the first shard alone.
    var samples: [NetworkSample] = []

    /// Channels that a node took to the chain, those with a revoked commitment among them.
    var commitmentsConfirmed: UInt64 { chainKinds.first { $0.kind == .commitment }?.count ?? 0 }

    mutating func count(_ transaction: ChainRecord) {
        for place in chainKinds.indices where chainKinds[place].kind == transaction.kind {
            chainKinds[place].count += 1
            chainKinds[place].weight += transaction.weight
            chainKinds[place].fees += transaction.fee
        }
        if transaction.kind == .penalty { punishedChannels.insert(transaction.channel) }
    }

    mutating func count(_ payment: PaymentRecord, isMeasured: Bool) {
        if payment.failure == nil { settled += 1 } else { failed += 1 }
        let hour = Int(payment.endedAt / 3_600_000_000)
        while hours.count <= hour {
            hours.append(
                TimelineRecord(hour: UInt32(hours.count), settled: 0, failed: 0, volume: .zero, fees: .zero))
        }
        guard isMeasured else {
            warmupPayments += 1
            return
        }
        payments.attempted += 1
        if let failure = payment.failure {
            payments.failed += 1
            failures[Int(failure.rawValue)] += 1
            hours[hour].failed += 1
        } else {
            payments.settled += 1
            hops += UInt64(payment.hops)
            amountSettled += payment.amount
            latencies.record(max(payment.endedAt - payment.startedAt, Self.latencyMinimum))
            hours[hour].settled += 1
            hours[hour].volume += payment.amount
            hours[hour].fees += payment.fee
        }
    }

    /// Messages between nodes and to gossip by their names in the specification, in a fixed order.
    var messagesByName: [(name: String, count: UInt64)] {
        var counts: [(name: String, count: UInt64)] = []
        for kind in NetworkMessage.Kind.allCases {
            let count = messages[Int(kind.rawValue)]
            guard count > 0, let name = kind.messageName else { continue }
            if let place = counts.firstIndex(where: { $0.name == name }) {
                counts[place].count += count
            } else {
                counts.append((name, count))
            }
        }
        return counts
    }

    /// Adds another shard's counts.
    mutating func add(_ other: RunStatistics) {
        for index in messages.indices { messages[index] += other.messages[index] }
        for index in failures.indices {
            failures[index] += other.failures[index]
            attemptFailures[index] += other.attemptFailures[index]
        }
        payments.attempted += other.payments.attempted
        payments.routable += other.payments.routable
        payments.settled += other.payments.settled
        payments.failed += other.payments.failed
        warmupPayments += other.warmupPayments
        attempts += other.attempts
        hops += other.hops
        amountSettled += other.amountSettled
        started += other.started
        settled += other.settled
        failed += other.failed
        primitives.add(other.primitives)
        channelsOpened += other.channelsOpened
        channelsClosed += other.channelsClosed
        openingsRefused += other.openingsRefused
        policyChanges += other.policyChanges
        cheats += other.cheats
        breaches += other.breaches
        dataLosses += other.dataLosses
        for place in chainKinds.indices {
            chainKinds[place].count += other.chainKinds[place].count
            chainKinds[place].weight += other.chainKinds[place].weight
            chainKinds[place].fees += other.chainKinds[place].fees
        }
        punishedChannels.formUnion(other.punishedChannels)
        lastRevocation = max(lastRevocation, other.lastRevocation)
        // Not by replaying its values: those are rounded up, and the largest recorded bounds every quantile.
        latencies.add(other.latencies)
        for hour in other.hours {
            while hours.count <= Int(hour.hour) {
                hours.append(
                    TimelineRecord(
                        hour: UInt32(hours.count), settled: 0, failed: 0, volume: .zero, fees: .zero))
            }
            let index = Int(hour.hour)
            hours[index].settled += hour.settled
            hours[index].failed += hour.failed
            hours[index].volume += hour.volume
            hours[index].fees += hour.fees
        }
    }
}
