import LightningTypes
import PaymentChannels
import Settlement

/// What the fee market asked for at the end of each simulated hour: the estimate for six blocks, satoshi per 1,000
/// weight.
struct HourlyFeerates {
    static let hour: UInt64 = 3_600_000_000

    var rates: [UInt64] = []

    /// A block comes at `time`: hours that were over before it ended with what the blocks until then asked for.
    mutating func note(before time: UInt64, _ estimator: FeeEstimator) {
        let count = time / Self.hour
        guard UInt64(rates.count) < count else { return }
        let rate = estimator.feerate(within: 6)
        while UInt64(rates.count) < count { rates.append(rate) }
    }
}

extension LayerOneProcess {
    /// The rates of so many hours. Blocks that nobody waited for come in a copy: the chain stays as it is.
    func feerates(ofHours count: Int, _ clock: BlockClock) -> [UInt64] {
        let end = UInt64(count) * HourlyFeerates.hour
        var (chain, estimator, hourly, clock) = (chain, estimator, hourlyFeerates, clock)
        while true {
            let next = chain.height + 1
            let time = clock.time(of: next)
            hourly.note(before: min(time, end), estimator)
            guard time < end else { return Array(hourly.rates.prefix(count)) }
            _ = world.mineBlock(on: &chain, &estimator, at: time, &clock)
        }
    }
}

extension NetworkWorld {
    /// Mines the next block of a chain, which comes at `time`; where there is a fee market, its estimator learns of it.
    func mineBlock(
        on chain: inout Chain, _ estimator: inout FeeEstimator, at time: UInt64, _ clock: inout BlockClock
    ) -> Block {
        let intervals = intervals(before: chain.height + 1, &clock)
        let isEmpty = faults.isEmptyBlock(at: time)
        let block = chain.mineBlock(after: intervals, isEmpty: isEmpty)
        // A block that takes nothing says nothing of what another would have asked for.
        if hasFeeMarket, !isEmpty { estimator.connect(block, rules: rules) }
        return block
    }

    /// For how many mean block intervals demand arrived before the block of a height.
    private func intervals(before height: BlockHeight, _ clock: inout BlockClock) -> Double {
        guard hasFeeMarket else { return 1 }
        let last = clock.time(of: BlockHeight(height.rawValue - 1))
        return Double(clock.time(of: height) - last) / Double(topology.layerOne.blockInterval.microseconds)
    }
}
