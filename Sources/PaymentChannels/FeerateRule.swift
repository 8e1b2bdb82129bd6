import LightningTypes

/// By what rule a funder lets the rate of its channel follow the fee market: lnd's, with its defaults, and the room
/// that rust-lightning leaves for HTLCs that cross.
///
/// BOLT 2 asks for a rate that is "sufficient (by a significant margin) for timely processing of the commitment
/// transaction" and leaves the rest to the implementations. Core Lightning follows every change of its target,
/// rust-lightning every rise and a fall to a half; all keep to what the funder can pay.
public enum FeerateRule {
    /// Blocks within which a commitment should be confirmed (lnd, `sampleNetworkFee`).
    public static let target = 3
    /// By which part of itself a rate has to be off before it is changed: a tenth (lnd, `shouldAdjustCommitFee`).
    static let tolerance: UInt32 = 10
    /// The most that a commitment with anchors pays by itself, whatever the market: 10 sat a virtual byte (lnd,
    /// `max-commit-fee-rate-anchors`). A child that spends the anchor pays the rest on the day.
    static let anchorsMaximum: UInt32 = 2_500
    /// Which part of its balance a funder gives for the fee at most: a half (lnd, `max-channel-fee-allocation`).
    static let allocation: UInt64 = 2
    /// HTLCs of the peer that may cross an `update_fee` and have to be paid for as well (rust-lightning,
    /// `CONCURRENT_INBOUND_HTLC_FEE_BUFFER`).
    static let crossingHTLCs = 2
}

// When a funder sends `update_fee`, and what its peer goes along with.
extension Channel {
    /// The rate for which the funder should send `update_fee` now; nil where the present one will do, no other can be
    /// paid, or none can be sent.
    ///
    /// - Parameters:
    ///   - estimate: satoshi per 1,000 weight for a confirmation within `FeerateRule.target` blocks.
    ///   - lowest: the least that layer 1 relays.
    public func feerateWanted(
        estimate: UInt64, lowest: UInt32, in pool: borrowing HTLCPool
    ) -> UInt32? {
        guard isFunder, !isFeeUnderWay else { return nil }
        let present = terms.feeratePerKiloweight
        var wanted = UInt32(clamping: estimate)
        if terms.hasAnchors { wanted = min(wanted, FeerateRule.anchorsMaximum) }
        let acceptable = acceptableFeerates(from: lowest)
        wanted = min(max(wanted, acceptable.lowerBound), acceptable.upperBound)
        // What it cannot pay is no reason to pay less than now.
        if wanted > present, PlantedBug.planted != .raisesFeesBlindly {
            wanted = max(min(wanted, feerateAffordable), present)
        }
        let step = present / FeerateRule.tolerance
        let isFar = wanted > present ? wanted - present >= step : present - wanted >= step
        guard isFar || present < lowest, canUpdateFee(to: wanted, in: pool) else { return nil }
        return wanted
    }

    /// The rates that this party takes from the funder. BOLT 2 has it fail the channel where one "is too low for timely
    /// processing", as what no node relays, "or is unreasonably large": one at which half the capacity would go.
    public func acceptableFeerates(from lowest: UInt32) -> ClosedRange<UInt32> {
        let least = max(lowest, 1)
        let half = Satoshi(terms.capacity.rawValue / FeerateRule.allocation)
        return least...max(least, feerate(paying: half, untrimmedHTLCs: 0))
    }

    /// The highest rate at which the funder keeps its reserve and gives no more than its part of the balance, though
    /// HTLCs of the peer cross.
    private var feerateAffordable: UInt32 {
        let funds = min(local.ours, remote.ours).roundedDown
        let left = funds.subtractingOrZero(terms.anchors + terms.channelReserve)
        return feerate(
            paying: min(left, Satoshi(funds.rawValue / FeerateRule.allocation)),
            untrimmedHTLCs: Int(untrimmedMaximum) + FeerateRule.crossingHTLCs)
    }

    /// The highest rate at which a commitment costs no more than `fee`.
    private func feerate(paying fee: Satoshi, untrimmedHTLCs count: Int) -> UInt32 {
        UInt32(clamping: fee.rawValue * 1_000 / terms.commitmentWeight(untrimmedHTLCs: count))
    }
}
