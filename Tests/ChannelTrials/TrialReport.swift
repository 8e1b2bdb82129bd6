/// What happened in a trial: whoever runs many can see that they come everywhere.
public struct TrialReport: Sendable, CustomStringConvertible {
    public enum Event: String, CaseIterable, Sendable {
        case offers, offersRefused, forwards, forwardsRefused, claimsOffChain, claimsOnChain, failures,
            malformed
        case feeUpdates, reconnections, restarts, staleRestores, lostData, peerLostData
        case blocks, reorganisations, absences, cooperativeCloses, unilateralCloses, deadlines
        case cheats, breaches, towerAnswers, learnedOnChain, resolvedOnChain, settledPairs, brokenPairs
    }

    /// How often, by what.
    public private(set) var events: [Event: Int] = [:]
    public init() {}

    mutating func count(_ event: Event) { events[event, default: 0] += 1 }

    public mutating func add(_ other: TrialReport) {
        events.merge(other.events, uniquingKeysWith: +)
    }

    public var description: String {
        Event.allCases.map { "\(events[$0] ?? 0) \($0)" }.joined(separator: ", ")
    }
}
