import LightningTypes

/// One entry of sim-ln's `activity`: payments from a source to a destination every so many seconds.
///
/// sim-ln waits the same time between two of them, or one drawn evenly from a range. Here they start at random
/// with the same mean, as those of every flow do; a `count` becomes the time that so many take.
struct SimLNActivity {
    private var source: String
    private var destination: String
    private var startSeconds: UInt64
    private var count: UInt64?
    private var intervalSeconds: ClosedRange<UInt64>
    private var amountMillisatoshi: ClosedRange<UInt64>
    private var offset: Int

    static func readAll(_ cursor: inout JSONCursor) throws(TopologyError) -> [SimLNActivity] {
        var list: [SimLNActivity] = []
        try cursor.elements { (cursor) throws(TopologyError) in
            list.append(try read(&cursor))
            guard list.count <= TopologyReader.flowsMaximum else {
                throw cursor.error("more than \(TopologyReader.flowsMaximum) activities")
            }
        }
        return list
    }

    private static func read(_ cursor: inout JSONCursor) throws(TopologyError) -> SimLNActivity {
        _ = cursor.peek()
        let start = cursor.offset
        var source: String?
        var destination: String?
        var startSeconds: UInt64?
        var count: UInt64??
        var interval: ClosedRange<UInt64>?
        var amount: ClosedRange<UInt64>?
        // No time is longer than a topology's longest.
        let secondsMaximum = durationMaximum.inMicroseconds / 1_000_000
        try cursor.members { (cursor, key) throws(TopologyError) in
            if key.matches("source") {
                try cursor.once(&source, key) { (c) throws(TopologyError) in try c.nodeID("source") }
            } else if key.matches("destination") {
                try cursor.once(&destination, key) { (c) throws(TopologyError) in
                    try c.nodeID("destination")
                }
            } else if key.matches("start_secs") {
                try cursor.once(&startSeconds, key) { (c) throws(TopologyError) in
                    try c.null() ? 0 : try c.unsigned("start_secs", to: secondsMaximum)
                }
            } else if key.matches("count") {
                try cursor.once(&count, key) { (c) throws(TopologyError) in
                    try c.null() ? nil : try c.unsigned("count", to: 1_000_000_000_000)
                }
            } else if key.matches("interval_secs") {
                try cursor.once(&interval, key) { (c) throws(TopologyError) in
                    try c.valueOrRange("interval_secs", to: secondsMaximum)
                }
            } else if key.matches("amount_msat") {
                try cursor.once(&amount, key) { (c) throws(TopologyError) in
                    try c.valueOrRange("amount_msat", to: Millisatoshi(.supplyMaximum).rawValue)
                }
            } else {
                try cursor.skipValue()
            }
        }
        guard let source, let destination, let interval, let amount else {
            let missing =
                source == nil
                ? "source"
                : destination == nil ? "destination" : interval == nil ? "interval_secs" : "amount_msat"
            throw cursor.error(at: start, "an activity without '\(missing)'")
        }
        guard interval.upperBound > 0 else { throw cursor.error(at: start, "an activity with no interval") }
        guard amount.lowerBound > 0 else { throw cursor.error(at: start, "an activity that pays nothing") }
        return SimLNActivity(
            source: source, destination: destination, startSeconds: startSeconds ?? 0,
            count: count.flatMap(\.self), intervalSeconds: interval, amountMillisatoshi: amount, offset: start
        )
    }

    /// The activities as flows between nodes of `draft`, which they name by public key or alias.
    static func flows(
        of list: [SimLNActivity], in draft: NetworkDraft, _ cursor: JSONCursor
    ) throws(TopologyError) -> [Topology.Flow] {
        var names = FileNames()
        names.addGraph(draft)
        var flows: [Topology.Flow] = []
        for (position, activity) in list.enumerated() {
            func node(_ name: String) throws(TopologyError) -> Int32 {
                do { return try names.node(name) } catch {
                    throw cursor.error(
                        at: activity.offset, names.message(error, name: name, among: draft.nodes))
                }
            }
            let source = try node(activity.source)
            let destination = try node(activity.destination)
            guard source != destination else {
                throw cursor.error(at: activity.offset, "\(quoted(activity.source)) pays itself")
            }
            // Twice the mean, so that it is a whole number.
            let twiceMean = activity.intervalSeconds.lowerBound + activity.intervalSeconds.upperBound
            let startsAt = Duration.seconds(activity.startSeconds)
            var endsAt: Duration?
            if let count = activity.count {
                let length = count.multipliedReportingOverflow(by: twiceMean)
                let end =
                    startsAt + .milliseconds(length.partialValue / 2 * 1_000 + length.partialValue % 2 * 500)
                guard count > 0, !length.overflow, length.partialValue < 1 << 40, end <= durationMaximum
                else {
                    throw cursor.error(
                        at: activity.offset, "count: \(count) payments take no time, or more than 100 years")
                }
                endsAt = end
            }
            flows.append(
                Topology.Flow(
                    name: "activity \(position + 1)", rate: 2 / Double(twiceMean),
                    amount: try activity.amount(cursor), payers: [source], payees: [destination],
                    startsAt: startsAt, endsAt: endsAt, isAssumed: false))
        }
        return flows
    }

    private func amount(_ cursor: JSONCursor) throws(TopologyError) -> Topology.AmountDistribution {
        let (lowest, highest) = (amountMillisatoshi.lowerBound, amountMillisatoshi.upperBound)
        guard lowest < highest else { return .fixed(Millisatoshi(lowest)) }
        // Ranges are drawn in whole satoshis: those that lie within.
        let (first, last) = ((lowest + 999) / 1_000, highest / 1_000)
        guard first <= last else {
            throw cursor.error(at: offset, "amount_msat: no whole satoshi from \(lowest) to \(highest)")
        }
        return .uniform(lowest: Satoshi(first), highest: Satoshi(last))
    }
}

extension JSONCursor {
    /// sim-ln's `5` or `[1, 10]`.
    fileprivate mutating func valueOrRange(
        _ name: StaticString, to maximum: UInt64
    ) throws(TopologyError) -> ClosedRange<UInt64> {
        guard peek() == UInt8(ascii: "[") else {
            let value = try unsigned(name, to: maximum)
            return value...value
        }
        let start = offset
        var bounds: [UInt64] = []
        try elements { (cursor) throws(TopologyError) in
            guard bounds.count < 2 else { throw cursor.error(at: start, "\(name): expected [LOW, HIGH]") }
            bounds.append(try cursor.unsigned(name, to: maximum))
        }
        guard bounds.count == 2, bounds[0] <= bounds[1] else {
            throw error(at: start, "\(name): expected [LOW, HIGH], the first not above the second")
        }
        return bounds[0]...bounds[1]
    }
}
