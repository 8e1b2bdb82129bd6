/// What each end of each channel earned, spent and held, recomputed.
struct Books {
    struct End {
        var forwards: Int64 = 0
        var volume: Int64 = 0
        var routingFees: Int64 = 0
        var feesPaid: Int64 = 0
        var sent: Int64 = 0
        var received: Int64 = 0
        var openingCost: Int64 = 0
        /// Nil: not recomputed alone.
        var closingCost: Int64? = 0
        var penalties: Int64? = 0
        var principal: Int64? = 0
        /// Of the three, what is known together where they are not known alone: principal and penalties less closing.
        var settlement: Int64 = 0
        var refused: ClosedRange<Int64> = 0...0
        var refusedForBalance: ClosedRange<Int64> = 0...0
        var refusedForLimits: ClosedRange<Int64> = 0...0
        var initial: Int64 = 0
        var final: Int64 = 0
        var capital: ClosedRange<Int64> = 0...0
    }

    private(set) var ends: [End]
    /// All that changed what an end held, channels' openings and ends included.
    private(set) var changes: [Change] = []
    private(set) var violations: [String] = []

    private let facts: RunFacts
    private let file: TopologyFile
    private let rules: Rules

    init(_ facts: RunFacts, _ audit: AuditedRun, _ flows: Flows, _ file: TopologyFile, _ rules: Rules) {
        self.facts = facts
        self.file = file
        self.rules = rules
        ends = facts.directions.map { End(initial: $0.initial, final: $0.initial) }
        bookPayments(flows)
        bookRefusals(flows)
        bookChain(audit)
        bookCapital(flows)
    }

    private func isMeasured(_ payment: Int64) -> Bool {
        facts.payments[Int(payment)].started >= rules.warmup
    }

    /// Fees to the direction that a forward left by, and a payer's to the one its payment left by.
    private mutating func bookPayments(_ flows: Flows) {
        for hop in flows.hops {
            if hop.isPaid { ends[hop.direction].final -= hop.amount }
            if hop.isReceived { ends[hop.direction ^ 1].final += hop.amount }
        }
        for (index, places) in flows.byAttempt.enumerated() where isMeasured(facts.attempts[index].payment) {
            let attempt = facts.attempts[index]
            for (place, position) in places.enumerated() {
                let hop = flows.hops[position]
                if place == 0, hop.isPaid {
                    ends[hop.direction].sent += hop.amount - attempt.fee
                    ends[hop.direction].feesPaid += attempt.fee
                }
                if place == attempt.route.count - 1, hop.isReceived {
                    ends[hop.direction ^ 1].received += hop.amount
                }
                guard place > 0 else { continue }
                let former = flows.hops[places[place - 1]]
                switch (former.isReceived, hop.isPaid) {
                case (true, true):
                    ends[hop.direction].forwards += 1
                    ends[hop.direction].volume += hop.amount
                    ends[hop.direction].routingFees += former.amount - hop.amount
                case (true, false): ends[hop.direction].principal! += former.amount
                case (false, true): ends[hop.direction].principal! -= hop.amount
                case (false, false): break
                }
            }
        }
    }

    /// HTLCs that a router had no room for: each a failed attempt of this reason. Of which of the two it was, what could
    /// have been in the channel then decides.
    private mutating func bookRefusals(_ flows: Flows) {
        for (index, attempt) in facts.attempts.enumerated()
        where attempt.failure == "temporary_channel_failure" && isMeasured(attempt.payment) {
            guard let place = attempt.failingHop, place > 0, place < attempt.route.count else { continue }
            let direction = attempt.route[place]
            let (balance, limits) = reasons(attempt, direction, flows.delivered[index], flows)
            func add(_ range: inout ClosedRange<Int64>, _ isPossible: Bool, _ isCertain: Bool) {
                let least = range.lowerBound + (isCertain ? 1 : 0)
                range = least...max(least, range.upperBound + (isPossible ? 1 : 0))
            }
            let isCertain = rules.isFaultless && rules.keepsPolicies
            add(&ends[direction].refused, true, isCertain)
            add(&ends[direction].refusedForBalance, balance, isCertain && !limits)
            add(&ends[direction].refusedForLimits, limits, isCertain && !balance)
        }
        guard !rules.isFaultless else { return }
        // What the chain kept from the payer.
        let lost = Int64(facts.attempts.count { $0.failure == "permanent_channel_failure" })
        for index in ends.indices {
            ends[index].refused = ends[index].refused.lowerBound...ends[index].refused.upperBound + lost
            ends[index].refusedForBalance =
                ends[index].refusedForBalance.lowerBound...ends[index].refusedForBalance.upperBound + lost
            ends[index].refusedForLimits =
                ends[index].refusedForLimits.lowerBound...ends[index].refusedForLimits.upperBound + lost
        }
    }

    /// Whether an attempt can have been refused for want of balance, and for a limit.
    private func reasons(
        _ attempt: RunFacts.Attempt, _ direction: Int, _ amount: Int64, _ flows: Flows
    ) -> (balance: Bool, limits: Bool) {
        // With a fee market the rate of a commitment is not known, and with it what a funder has to keep.
        guard rules.isFaultless, rules.keepsPolicies, !rules.hasFeeMarket else { return (true, true) }
        let channel = facts.channels[direction / 2]
        var slots: Int64 = 0
        var inFlight: Int64 = 0
        var least = [ends[direction].initial, ends[direction ^ 1].initial]
        for (position, end) in [direction, direction ^ 1].enumerated() {
            for place in flows.byDirection[end] ?? [] {
                let hop = flows.hops[place]
                let other = facts.attempts[hop.attempt]
                let span = rules.timing.lies(other)
                if span.lowerBound > attempt.ended { continue }
                let mayLie = span.upperBound >= attempt.started
                if mayLie, position == 0 {
                    slots += 1
                    inFlight += hop.amount
                }
                if hop.isPaid || mayLie { least[position] -= hop.amount }
                if hop.isPaid, !mayLie { least[1 - position] += hop.amount }
            }
        }
        var kept = channel.reserve * 1_000
        let isFunder = facts.funder(of: direction / 2) == direction
        let fee = rules.commitmentFee(channel, htlcs: min(slots, 966) + 2) * 1_000
        let anchors: Int64 = channel.hasAnchors ? 660_000 : 0
        if isFunder { kept += anchors + 2 * fee }
        let peerIsShort = !isFunder && least[1] < fee + anchors + channel.reserve * 1_000
        // A fee on the way is a few per cent of the amount at the most.
        let most = amount + amount / 10 + 100_000
        return (
            least[0] - kept < most || peerIsShort,
            slots >= channel.accepted
                || channel.inFlight < channel.capacity * 1_000 && inFlight + most > channel.inFlight
        )
    }

    // MARK: The chain

    private mutating func bookChain(_ audit: AuditedRun) {
        var wallets: [Int64: [Int: Int64]] = [:]
        for transaction in audit.transactions where transaction.kind != "funding" {
            for (node, change) in transaction.walletChanges {
                wallets[transaction.channel, default: [:]][node, default: 0] += change * 1_000
            }
        }
        for (index, channel) in facts.channels.enumerated() {
            let funder = facts.funder(of: index)
            let rows = facts.chainByChannel[index]
            if channel.opensAt == nil {
                ends[funder].openingCost = channel.openingCost * 1_000
            } else {
                ends[funder].openingCost =
                    rows.filter { $0.kind == "funding" }.reduce(0) { $0 + $1.fee } * 1_000
            }
            if let closing = rows.first(where: { $0.kind == "closing" }) {
                bookAgreedClosing(index, funder, fee: closing.fee)
            } else if rows.contains(where: { $0.kind == "commitment" }) {
                bookDispute(
                    index, wallets[Int64(index)] ?? [:], isPunished: rows.contains { $0.kind == "penalty" })
            }
        }
    }

    /// BOLT 3, "Closing Transaction": each side's output is its balance in whole satoshis, none below the dust limit; the
    /// fee, which the chain shows, is the funder's.
    private mutating func bookAgreedClosing(_ channel: Int, _ funder: Int, fee: Int64) {
        let other = funder ^ 1
        let dust = facts.channels[channel].dust
        var others = ends[other].final / 1_000
        if others < dust { others = 0 }
        let funders = facts.channels[channel].capacity - fee - others
        if funders < 0 { others += funders }
        ends[other].closingCost = ends[other].final - others * 1_000
        ends[funder].closingCost = ends[funder].final - max(funders, 0) * 1_000
    }

    /// BOLT 5: what came to a side's wallet, less what it gave for it, against what was due to it.
    private mutating func bookDispute(_ channel: Int, _ wallets: [Int: Int64], isPunished: Bool) {
        let nodes = facts.channels[channel].nodes
        let mayBeCheated = nodes.contains { rules.cheats.contains($0) || rules.forgetful.contains($0) }
        for end in [2 * channel, 2 * channel + 1] {
            let difference = (wallets[facts.node(of: end)] ?? 0) - ends[end].final
            ends[end].settlement = difference
            if isPunished {
                ends[end].penalties! += difference
            } else if mayBeCheated {
                ends[end].closingCost = nil
                ends[end].penalties = nil
                ends[end].principal = nil
            } else if difference <= 0 {
                ends[end].closingCost! -= difference
            } else {
                ends[end].principal! += difference
            }
        }
    }

    // MARK: Capital

    /// Own side and HTLCs offered, over the measured time: as exact as the moments are known at which HTLCs settled.
    private mutating func bookCapital(_ flows: Flows) {
        changes = flows.changes(facts, rules.timing)
        for (index, channel) in facts.channels.enumerated() {
            let rows = facts.chainByChannel[index]
            for end in [2 * index, 2 * index + 1] {
                if channel.opensAt != nil {
                    guard let funding = rows.first(where: { $0.kind == "funding" }) else { continue }
                    let time = rules.fundedAt(
                        channel, isFunder: facts.funder(of: index) == end, funding.confirmed)
                    changes.append(Change(end: end, amount: ends[end].initial, time: time))
                }
                let closings = rows.filter { $0.kind == "closing" || $0.kind == "commitment" }
                guard let closing = closings.map(\.confirmed).min() else { continue }
                let isAgreed = closings.contains { $0.kind == "closing" }
                let time =
                    isAgreed && !rules.hasFaults
                    ? closing + rules.lookahead...closing + rules.lookahead : closing...Int64.max
                changes.append(Change(end: end, amount: -ends[end].final, time: time))
            }
        }
        let (start, end) = (rules.measured.lowerBound, rules.measured.upperBound)
        guard end > start else { return }
        var low = [Int128](repeating: 0, count: ends.count)
        var high = low
        for (index, channel) in facts.channels.enumerated() where channel.opensAt == nil {
            for position in [2 * index, 2 * index + 1] {
                low[position] = Int128(ends[position].initial) * Int128(end - start)
                high[position] = low[position]
            }
        }
        for change in changes {
            let early = Int128(end - min(max(change.time.lowerBound, start), end)) * Int128(change.amount)
            let late = Int128(end - min(max(change.time.upperBound, start), end)) * Int128(change.amount)
            low[change.end] += min(early, late)
            high[change.end] += max(early, late)
        }
        for position in ends.indices {
            let length = Int128(end - start)
            ends[position].capital =
                Int64(max(low[position], 0) / length)...Int64(max(high[position], 0) / length)
        }
    }

    // MARK: What the tables have to say

    func income() -> ExpectedTable {
        var table = ExpectedTable()
        for (index, end) in ends.enumerated() {
            table[index] = [
                "direction": .exactly(index), "channel": .exactly(index / 2),
                "node": .exactly(facts.node(of: index)), "forwards": .exactly(end.forwards),
                "refused_for_balance": .between(end.refusedForBalance),
                "refused_for_limits": .between(end.refusedForLimits), "volume_msat": .exactly(end.volume),
                "routing_fees_msat": .exactly(end.routingFees), "fees_paid_msat": .exactly(end.feesPaid),
                "sent_msat": .exactly(end.sent), "received_msat": .exactly(end.received),
                "opening_cost_msat": .exactly(end.openingCost),
                "closing_cost_msat": Self.expectation(end.closingCost),
                "penalties_msat": Self.expectation(end.penalties),
                "principal_msat": Self.expectation(end.principal), "capital_msat": .between(end.capital),
            ]
        }
        return table
    }

    /// What may be of a sum of which the others are not known.
    private static func expectation(_ amount: Int64?) -> Expectation {
        amount.map { .exactly($0) } ?? .between(-2.1e18, 2.1e18)
    }

    /// Identities of what is known only together.
    mutating func check(_ stored: [[String: Figure]]) {
        for row in stored {
            guard let index = row.optional("direction").map({ Int($0) }), ends.indices.contains(index) else {
                continue
            }
            let end = ends[index]
            let refused = row.integer("refused_for_balance") + row.integer("refused_for_limits")
            if !end.refused.contains(refused) {
                violations.append("income of \(index): \(refused) refused, recomputed \(end.refused)")
            }
            guard end.closingCost == nil else { continue }
            let sum =
                row.integer("penalties_msat") + row.integer("principal_msat")
                - row.integer("closing_cost_msat")
            if sum != end.settlement {
                violations.append(
                    "income of \(index): penalties and principal less closing cost are \(sum), recomputed \(end.settlement)"
                )
            }
        }
    }

    /// From the rows of `income`, which stand under their own checks.
    func nodeIncome(_ stored: [[String: Figure]]) -> [NodeSum] {
        var sums = (0..<facts.nodeCount).map { NodeSum(node: $0) }
        for row in stored {
            let node = Int(row.integer("node"))
            guard sums.indices.contains(node) else { continue }
            sums[node].add(row)
        }
        return sums
    }
}

/// What a node's ends come to, and what that is in a year.
struct NodeSum {
    var node: Int
    var forwards: Int64 = 0
    var volume: Int64 = 0
    var routingFees: Int64 = 0
    var feesPaid: Int64 = 0
    var onchainFees: Int64 = 0
    var penalties: Int64 = 0
    var principal: Int64 = 0
    var capital: Int64 = 0

    var net: Int64 { routingFees - onchainFees + penalties + principal }

    mutating func add(_ row: [String: Figure]) {
        forwards += row.integer("forwards")
        volume += row.integer("volume_msat")
        routingFees += row.integer("routing_fees_msat")
        feesPaid += row.integer("fees_paid_msat")
        onchainFees += row.integer("opening_cost_msat") + row.integer("closing_cost_msat")
        penalties += row.integer("penalties_msat")
        principal += row.integer("principal_msat")
        capital += row.integer("capital_msat")
    }

    mutating func add(_ other: NodeSum) {
        forwards += other.forwards
        volume += other.volume
        routingFees += other.routingFees
        feesPaid += other.feesPaid
        onchainFees += other.onchainFees
        penalties += other.penalties
        principal += other.principal
        capital += other.capital
    }

    /// Routing fees of a year on the capital; nil without capital.
    func gross(_ rules: Rules) -> Double? {
        let days = Double(rules.measured.upperBound - rules.measured.lowerBound) / 8.64e10
        guard capital > 0, days > 0 else { return nil }
        return Double(routingFees) * 365 / days / Double(capital)
    }

    /// The same with what happens once in a channel's life, on capital that is longer away than that.
    func net(_ rules: Rules) -> Double? {
        guard let gross = gross(rules) else { return nil }
        let once = Double(onchainFees - penalties - principal) / Double(capital) * 365 / rules.lifetimeDays
        return (gross - once) * rules.lifetimeDays / (rules.lifetimeDays + rules.exitDays)
    }

    func row(_ rules: Rules) -> [String: Expectation] {
        func near(_ value: Double?) -> Expectation {
            value.map { .near($0, within: 1e-9) } ?? .exactly(.null)
        }
        return [
            "node": .exactly(node), "forwards": .exactly(forwards), "volume_msat": .exactly(volume),
            "routing_fees_msat": .exactly(routingFees), "fees_paid_msat": .exactly(feesPaid),
            "onchain_fees_msat": .exactly(onchainFees), "penalties_msat": .exactly(penalties),
            "principal_msat": .exactly(principal), "net_msat": .exactly(net),
            "capital_msat": .exactly(capital),
            "apr_gross": near(gross(rules)), "apr_net": near(net(rules)),
        ]
    }
}
