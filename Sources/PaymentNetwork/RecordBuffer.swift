import LightningTypes
import Routing

/// An attempt that has ended, not yet put into a record: most runs sample them.
struct PendingAttempt {
    var payment: UInt64
    var number: UInt16
    var startedAt: UInt64
    var endedAt: UInt64
    var route: Route
    var failure: FailureName?
    var failingHop: UInt8?
}

/// What the events of one shard have to report since the last delivery.
struct RecordBuffer {
    var payments: [PaymentRecord] = []
    var attempts: [PendingAttempt] = []
    var transactions: [ChainRecord] = []

    /// Hands the records of all shards to the recorder, ordered by what they say and not by who kept them.
    static func deliver(_ shards: [NetworkShard], to recorder: any RunRecorder) throws {
        var all = RecordBuffer()
        for shard in shards {
            all.payments += shard.records.payments
            all.attempts += shard.records.attempts
            all.transactions += shard.records.transactions
            shard.records.payments.removeAll(keepingCapacity: true)
            shard.records.attempts.removeAll(keepingCapacity: true)
            shard.records.transactions.removeAll(keepingCapacity: true)
        }
        all.payments.sort { ($0.endedAt, $0.number) < ($1.endedAt, $1.number) }
        all.attempts.sort { ($0.endedAt, $0.payment, $0.number) < ($1.endedAt, $1.payment, $1.number) }
        for payment in all.payments { try recorder.record(payment) }
        for attempt in all.attempts where recorder.wantsAttempts(of: attempt.payment) {
            try recorder.record(
                AttemptRecord(
                    payment: attempt.payment, number: attempt.number, startedAt: attempt.startedAt,
                    endedAt: attempt.endedAt, route: attempt.route.hops.map(\.direction),
                    fee: attempt.route.totalFee, failure: attempt.failure, failingHop: attempt.failingHop))
        }
        for transaction in all.transactions { try recorder.record(transaction) }
    }
}
