/// The network hour by hour, recomputed.
struct Timeline {
    struct Hour {
        var settled: Int64 = 0
        var failed: Int64 = 0
        var volume: Int64 = 0
        var fees: Int64 = 0
        var pending: ClosedRange<Int64> = 0...0
        var depleted: ClosedRange<Int64> = 0...0
        var open: ClosedRange<Int64> = 0...0
        var drift: ClosedRange<Int64> = 0...0
    }

    private(set) var hours: [Hour] = []
    private let facts: RunFacts
    private let rules: Rules
    private let file: TopologyFile
    private let nodes: [String]

    private static let hour: Int64 = 3_600_000_000

    init(
        _ facts: RunFacts, _ books: Books, _ flows: Flows, _ file: TopologyFile, _ rules: Rules,
        nodes: [String]
    ) {
        self.facts = facts
        self.rules = rules
        self.file = file
        self.nodes = nodes
        guard let last = facts.payments.map(\.ended).max() else { return }
        hours = Array(repeating: Hour(), count: Int(last / Self.hour) + 1)
        for payment in facts.payments where payment.started >= rules.warmup {
            let hour = Int(payment.ended / Self.hour)
            if payment.failure == nil {
                hours[hour].settled += 1
                hours[hour].volume += payment.amount
                hours[hour].fees += payment.fee
            } else {
                hours[hour].failed += 1
            }
        }
        let end = Int64(facts.meta["simulated_us"] ?? "") ?? 0
        for index in hours.indices {
            let time = Int64(index + 1) * Self.hour
            // Where the run ended before the hour did, it stays as it was left.
            let isOver = time > end
            look(at: isOver ? .max - 1 : time, hour: index, books, flows)
        }
    }

    private mutating func look(at time: Int64, hour index: Int, _ books: Books, _ flows: Flows) {
        var low = [Int64](repeating: 0, count: books.ends.count)
        for (channel, described) in facts.channels.enumerated() where described.opensAt == nil {
            for end in [2 * channel, 2 * channel + 1] { low[end] = books.ends[end].initial }
        }
        var high = low
        for change in books.changes where change.time.lowerBound <= time {
            let isCertain = change.time.upperBound <= time
            if isCertain || change.amount < 0 { low[change.end] += change.amount }
            if isCertain || change.amount > 0 { high[change.end] += change.amount }
        }
        // What lies in HTLCs: for certain, or perhaps.
        var certain: Int64 = 0
        var possible: Int64 = 0
        var lying = [Int64](repeating: 0, count: books.ends.count)
        for hop in flows.hops {
            let attempt = facts.attempts[hop.attempt]
            let span = rules.timing.lies(attempt)
            guard span.lowerBound <= time, time <= span.upperBound else { continue }
            possible += 2
            lying[hop.direction] += hop.amount
            certain += holders(hop, attempt, at: time)
        }
        hours[index].pending = (certain + 1) / 2...(possible + 1) / 2
        var drifts = [ClosedRange<Int64>](repeating: 0...0, count: facts.nodeCount)
        for end in books.ends.indices {
            let (must, may) = isOpen(end, at: time)
            guard may else { continue }
            add(&hours[index].open, must, may)
            let (isDepleted, mayBeDepleted) = depletion(end, low, high, lying)
            add(&hours[index].depleted, must && isDepleted, mayBeDepleted)
            let initial = books.ends[end].initial
            var difference = low[end] - initial...max(high[end], low[end]) - initial
            if !must { difference = min(difference.lowerBound, 0)...max(difference.upperBound, 0) }
            let node = facts.node(of: end)
            drifts[node] =
                drifts[node].lowerBound + difference.lowerBound...drifts[node].upperBound
                + difference.upperBound
        }
        let lows = drifts.reduce(Int64(0)) {
            $0 + ($1.contains(0) ? 0 : min(abs($1.lowerBound), abs($1.upperBound)))
        }
        let highs = drifts.reduce(Int64(0)) { $0 + max(abs($1.lowerBound), abs($1.upperBound)) }
        hours[index].drift = lows / 2...highs / 2
    }

    private func add(_ range: inout ClosedRange<Int64>, _ must: Bool, _ may: Bool) {
        range = range.lowerBound + (must ? 1 : 0)...range.upperBound + (may ? 1 : 0)
    }

    /// How many of an HTLC's two ends have it for certain: the payer from the start of the attempt, all once it has had
    /// the time to come so far, and until the news of its end may have come back.
    private func holders(_ hop: Hop, _ attempt: RunFacts.Attempt, at time: Int64) -> Int64 {
        if let latency = rules.timing.latency, rules.isFaultless, attempt.failure == nil {
            let step = 4 * (rules.timing.commitmentInterval + 2 * latency)
            let hops = Int64(attempt.route.count)
            if attempt.started + hops * step < time && time < attempt.ended - hops * step { return 2 }
        }
        return hop.place == 0 && attempt.started < time && time < attempt.ended ? 1 : 0
    }

    /// Whether HTLCs could be offered at an end: for certain, and perhaps.
    private func isOpen(_ end: Int, at time: Int64) -> (must: Bool, may: Bool) {
        let index = end / 2
        let channel = facts.channels[index]
        let rows = facts.chainByChannel[index]
        var (must, may) = (true, true)
        if channel.opensAt != nil {
            guard let funding = rows.first(where: { $0.kind == "funding" }) else { return (false, false) }
            // Where blocks are undone it may have been confirmed before.
            may = (rules.hasFaults ? channel.opensAt ?? 0 : funding.confirmed) <= time
            must = false
            if let interval = rules.regularInterval, rules.isFaultless, let latency = rules.timing.latency {
                let ready = funding.confirmed + (rules.confirmations - 1) * interval + rules.lookahead
                may = ready <= time
                must = ready + 2 * latency < time
            } else if time >= Int64.max - 1 {
                must = rules.isFaultless
            }
        }
        if let closesAt = channel.closesAt, closesAt <= time {
            must = false
            if rows.contains(where: { $0.kind == "closing" && $0.confirmed <= time }) { may = false }
        }
        if let spent = rows.filter({ $0.kind == "commitment" }).map(\.confirmed).min() {
            if time > rules.firstFault { must = false }
            // Both have seen it once nothing is to be told any more, unless one is away.
            if time >= .max - 1, rules.isFaultless || !isDisturbed(channel, at: spent) { may = false }
        }
        if !rules.isFaultless, isDisturbed(channel, at: time) { must = false }
        return (must, may)
    }

    private func isDisturbed(_ channel: RunFacts.Channel, at time: Int64) -> Bool {
        let names = channel.nodes.map { nodes[$0] }
        return file.faults.contains { fault in
            guard ["offline", "disconnect", "stale-backup"].contains(fault.kind),
                !fault.nodes.isDisjoint(with: names)
            else { return false }
            guard let at = fault.at, let lasts = fault.lasts else { return true }
            return at - 1_000_000 <= time && time <= at + lasts + 10_000_000
        }
    }

    /// Whether less than a hundredth of the capacity could be sent (BOLT 2: reserve, and of the funder twice the fee of
    /// a commitment with two more HTLCs): for certain, and perhaps.
    private func depletion(
        _ end: Int, _ low: [Int64], _ high: [Int64], _ lying: [Int64]
    ) -> (must: Bool, may: Bool) {
        let channel = facts.channels[end / 2]
        let threshold = channel.capacity * 1_000 / 100
        let isQuiet = lying[end] == 0 && lying[end ^ 1] == 0
        let isFunder = facts.funder(of: end / 2) == end
        let anchors: Int64 = channel.hasAnchors ? 660_000 : 0
        func kept(_ htlcs: Int64) -> Int64 {
            channel.reserve * 1_000
                + (isFunder ? anchors + 2_000 * rules.commitmentFee(channel, htlcs: htlcs) : 0)
        }
        func peerIsShort(_ balance: Int64, _ htlcs: Int64) -> Bool {
            !isFunder
                && balance < 1_000 * rules.commitmentFee(channel, htlcs: htlcs) + anchors + channel.reserve
                    * 1_000
        }
        let peer = end ^ 1
        if rules.hasFeeMarket {
            // The rate of the commitment is not known.
            return (high[end] - channel.reserve * 1_000 < threshold, true)
        }
        let may =
            low[end] - lying[end] - kept(isQuiet ? 2 : 968) < threshold
            || peerIsShort(low[peer] - lying[peer], isQuiet ? 1 : 967)
            || !isQuiet && (channel.accepted < 10 || channel.inFlight < channel.capacity * 1_000)
            || min(channel.inFlight, channel.capacity * 1_000) < threshold
        let must = high[end] - kept(2) < threshold || peerIsShort(high[peer], 1)
        return (must, may || must)
    }

    func table() -> ExpectedTable {
        var table = ExpectedTable()
        for (index, hour) in hours.enumerated() {
            table[index] = [
                "hour": .exactly(index), "settled": .exactly(hour.settled), "failed": .exactly(hour.failed),
                "volume_msat": .exactly(hour.volume), "fees_msat": .exactly(hour.fees),
                "feerate_sat_per_vbyte": rules.fixedFeerate.map { .near(Double($0) / 250, within: 1e-12) }
                    ?? .between(0.001, 100_000),
                "pending_htlcs": .between(hour.pending), "depleted_directions": .between(hour.depleted),
                "open_directions": .between(hour.open), "drift_msat": .between(hour.drift),
            ]
        }
        return table
    }
}
