/// An HTLC on one channel, as both of its ends saw it end.
struct Hop {
    var direction: Int
    var payment: Int64
    /// Its place in `RunFacts.attempts`, and which of its route's channels this is.
    var attempt: Int
    var place: Int
    var amount: Int64
    var isPaid: Bool
    var isReceived: Bool
}

/// Money that changed at one end of a channel, between two moments.
struct Change {
    var end: Int
    var amount: Int64
    var time: ClosedRange<Int64>
}

/// Where every HTLC of a run went: found by walking each attempt's route backwards, where policies and parts allow,
/// else taken from the audit.
struct Flows {
    private(set) var hops: [Hop] = []
    /// By direction, places in `hops`.
    private(set) var byDirection: [Int: [Int]] = [:]
    /// By place in `attempts`.
    private(set) var byAttempt: [[Int]] = []
    /// What each attempt delivered, by its place.
    private(set) var delivered: [Int64] = []
    private(set) var violations: [String] = []

    private struct Key: Hashable {
        var payment: Int64
        var end: Int
    }

    private struct Side {
        var amount: Int64
        var isFulfilled: Bool
    }

    /// - Parameters:
    ///   - isWalkable: whether the policies of the table held all along.
    ///   - isFaultless: whether every HTLC ended off the chain and over connections that never broke.
    init(_ facts: RunFacts, _ audit: AuditedRun, isSplit: Bool, isWalkable: Bool, isFaultless: Bool) {
        var offered: [Key: [Side]] = [:]
        var received: [Key: [Side]] = [:]
        for htlc in audit.htlcs.sorted(by: { ($0.end, $0.id) < ($1.end, $1.id) }) {
            let key = Key(payment: htlc.payment, end: htlc.end)
            let side = Side(amount: htlc.amount, isFulfilled: htlc.isFulfilled)
            if htlc.isOffered {
                offered[key, default: []].append(side)
            } else {
                received[key, default: []].append(side)
            }
        }
        byAttempt = Array(repeating: [], count: facts.attempts.count)
        delivered = facts.attempts.map { facts.payments[Int($0.payment)].amount }
        if isSplit {
            var taken: [Key: Int] = [:]
            for (index, attempt) in facts.attempts.enumerated() {
                guard let first = attempt.route.first else { continue }
                let key = Key(payment: attempt.payment, end: first)
                let place = taken[key, default: 0]
                taken[key] = place + 1
                guard let all = offered[key], place < all.count else {
                    violations.append(
                        "attempt \(attempt.number) of payment \(attempt.payment) offered nothing")
                    continue
                }
                delivered[index] = all[place].amount - attempt.fee
            }
        }
        var walked = facts.attempts.indices.map { isWalkable ? walk($0, facts) : [] }
        if isWalkable {
            for (index, amounts) in walked.enumerated()
            where amounts.isEmpty || amounts[0] - delivered[index] != facts.attempts[index].fee {
                let attempt = facts.attempts[index]
                violations.append(
                    "attempts.fee_msat of \(attempt.payment)/\(attempt.number) is \(attempt.fee), its route asks for "
                        + "\(amounts.first.map { $0 - delivered[index] } ?? 0)")
                walked[index] = []
            }
        }
        /// Of an attempt's amount, and ended as the attempt did if there are several.
        func take(_ all: inout [Key: [Side]], _ key: Key, _ amount: Int64?, isSettled: Bool) -> Side? {
            guard let sides = all[key] else { return nil }
            let places = sides.indices.filter { amount == nil || sides[$0].amount == amount }
            let place = places.first { sides[$0].isFulfilled == isSettled } ?? places.first
            return place.map { all[key]!.remove(at: $0) }
        }
        func extend(_ index: Int, to count: Int, mayEnd: Bool) {
            let attempt = facts.attempts[index]
            for place in byAttempt[index].count..<max(count, byAttempt[index].count) {
                let direction = attempt.route[place]
                let amount = walked[index].isEmpty ? nil : walked[index][place]
                guard
                    let paid = take(
                        &offered, Key(payment: attempt.payment, end: direction), amount,
                        isSettled: attempt.failure == nil)
                else {
                    if !mayEnd {
                        violations.append(
                            "no HTLC over direction \(direction) for attempt \(attempt.number) of payment \(attempt.payment), of \(amount ?? 0) msat"
                        )
                    }
                    return
                }
                let got = take(
                    &received, Key(payment: attempt.payment, end: direction ^ 1), paid.amount,
                    isSettled: paid.isFulfilled)
                byAttempt[index].append(hops.count)
                byDirection[direction, default: []].append(hops.count)
                hops.append(
                    Hop(
                        direction: direction, payment: attempt.payment, attempt: index, place: place,
                        amount: paid.amount, isPaid: paid.isFulfilled, isReceived: got?.isFulfilled ?? false))
                if isFaultless,
                    paid.isFulfilled != (attempt.failure == nil) || got?.isFulfilled != paid.isFulfilled
                {
                    violations.append(
                        "an HTLC of attempt \(attempt.number) of payment \(attempt.payment) ends otherwise")
                }
            }
        }
        for (index, attempt) in facts.attempts.enumerated() where !attempt.route.contains(-1) {
            let count = attempt.failure == nil ? attempt.route.count : max(attempt.failingHop ?? 0, 1)
            extend(index, to: min(count, attempt.route.count), mayEnd: !isFaultless)
        }
        if !isFaultless {
            for (index, attempt) in facts.attempts.enumerated()
            where attempt.failure != nil && !attempt.route.contains(-1) {
                extend(index, to: attempt.route.count, mayEnd: true)
            }
        }
        for (kind, rest) in [("offered", offered), ("received", received)] {
            let left = rest.filter { !$0.value.isEmpty }
            for (key, sides) in left where isFaultless || sides.contains(where: \.isFulfilled) {
                violations.append(
                    "HTLCs \(kind) of payment \(key.payment) at end \(key.end) are of no attempt: \(sides)")
            }
        }
    }

    /// What the HTLC over each channel of an attempt's route carries.
    private func walk(_ index: Int, _ facts: RunFacts) -> [Int64] {
        let route = facts.attempts[index].route
        guard !route.isEmpty, !route.contains(-1) else { return [] }
        var amounts = [delivered[index]]
        for direction in route.dropFirst().reversed() {
            guard let fee = facts.directions[direction].fee(forwarding: amounts[0]) else { return [] }
            amounts.insert(amounts[0] + fee, at: 0)
        }
        return amounts
    }

    /// What HTLCs moved, end by end, in the bounds of when.
    ///
    /// - Parameter timing: of the links.
    func changes(_ facts: RunFacts, _ timing: Timing) -> [Change] {
        var changes: [Change] = []
        for hop in hops {
            let attempt = facts.attempts[hop.attempt]
            if hop.isPaid {
                changes.append(
                    Change(
                        end: hop.direction, amount: -hop.amount,
                        time: timing.paid(attempt, hop.place, isSettled: attempt.failure == nil)))
            }
            if hop.isReceived {
                changes.append(
                    Change(
                        end: hop.direction ^ 1, amount: hop.amount,
                        time: timing.received(attempt, hop.place, isSettled: attempt.failure == nil)))
            }
        }
        return changes
    }
}

/// When things happen on the way, as far as latency and the pause before commitments tell.
struct Timing {
    /// One way over every link, where all are alike.
    var latency: Int64?
    var commitmentInterval: Int64
    var isFaultless: Bool

    /// How long an HTLC's removal may take to be revoked for: two commitments, each waiting for the one before it.
    private func removal(_ attempt: RunFacts.Attempt) -> Int64 {
        4 * (commitmentInterval + (latency.map { 2 * $0 } ?? attempt.ended - attempt.started)) + 1_000
    }

    /// The offerer learns the preimage, which goes back at once.
    func paid(_ attempt: RunFacts.Attempt, _ place: Int, isSettled: Bool) -> ClosedRange<Int64> {
        guard isFaultless, isSettled else { return attempt.started...Int64.max }
        if place == 0 { return attempt.ended...attempt.ended }
        guard let latency else { return attempt.started...attempt.ended }
        let time = attempt.ended - Int64(place) * latency
        return time...time
    }

    func received(_ attempt: RunFacts.Attempt, _ place: Int, isSettled: Bool) -> ClosedRange<Int64> {
        guard isFaultless, isSettled else { return attempt.started...Int64.max }
        guard let latency else { return attempt.started...attempt.ended + removal(attempt) }
        let time = attempt.ended - Int64(place + 1) * latency
        return time...time + removal(attempt)
    }

    /// How long an HTLC may lie at either end of a channel.
    func lies(_ attempt: RunFacts.Attempt) -> ClosedRange<Int64> {
        isFaultless ? attempt.started...attempt.ended + removal(attempt) : attempt.started...Int64.max
    }
}
