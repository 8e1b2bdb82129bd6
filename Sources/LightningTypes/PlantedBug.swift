/// A fault that the program commits on purpose, for the proof that the torture suite would find it. None but in that
/// proof.
package enum PlantedBug: String, Sendable, CaseIterable {
    // What a party does on chain.
    case leavesRevokedBalance
    case leavesTimedOutHTLCs
    case leavesOwnBalance
    case leavesPeersBalance
    case leavesSecondStages
    case ignoresPreimagesOnChain
    case waitsForNoDepth
    case keepsReservedCoins
    case releasesCoinsTwice
    case reservesNoCoins
    // What it does when a connection breaks.
    case forgetsNothing
    case resendsNoRemovals
    case resendsNoAdditions
    case passesPreimagesOnTwice
    case forgetsNoFees
    case resendsNoFees
    // What a node does.
    case missesDeadlines
    case ignoresWhatItMissed
    case publishesLostState
    case booksPrincipalAsFees
    case countsClosingTwice
    case raisesFeesBlindly
    // What layer 1 does.
    case losesUndoneTransactions
    case allowsDoubleSpends
    case ignoresDelays

    /// The one that is committed.
    package nonisolated(unsafe) static var planted: PlantedBug?
}
