import LightningTypes
import Randomness
import Topologies

extension RandomStream {
    /// A stream of its own for each channel, named by its short channel id: adding or dropping other channels changes
    /// none of its draws.
    init(seed: UInt64, purpose: Purpose, channel: ShortChannelID) {
        // Streams of channels that share the low 32 bits lie 2^20 draws apart.
        self.init(
            seed: seed, purpose: purpose, process: channel.rawValue & 0xFFFF_FFFF,
            position: (channel.rawValue >> 32) << 20)
    }
}

extension Topology.Channel {
    /// What node1 owns at the start: given, drawn by `rule`, or, for a channel opened in the run, what the funder
    /// does not push to the other side.
    func startingBalance1(rule: Topology.BalanceRule, seed: UInt64) -> Millisatoshi {
        let whole = Millisatoshi(capacity)
        if opensAt != nil { return funder == .second ? pushed : whole - pushed }
        if let balance1 { return balance1 }
        var stream = RandomStream(seed: seed, purpose: .init("balances"), channel: shortChannelID)
        switch rule {
        case .even: return Millisatoshi(whole.rawValue / 2)
        case .uniform: return Millisatoshi(stream.within(0...whole.rawValue))
        case .oneSided: return stream.below(2) == 0 ? whole : .zero
        }
    }

    /// Who pays the channel's costs: as the file says, else whoever owns more of it, node1 when they own the same.
    func payer(balance1: Millisatoshi) -> Side {
        funder ?? (balance1 + balance1 >= Millisatoshi(capacity) ? .first : .second)
    }
}

extension Topology.Latency {
    /// Quantiles of 1,448 round-trip times measured between hosts of the real network, in milliseconds: from
    /// nothing to the largest, linear in between.
    private static let roundTrips: [(quantile: Double, milliseconds: Double)] = [
        (0, 0.2), (0.01, 0.7), (0.10, 13), (0.25, 36), (0.50, 90), (0.75, 107), (0.90, 138), (0.99, 276),
        (1, 846),
    ]

    /// One way over the link of a channel, in microseconds, never below the floor.
    func delay(of channel: ShortChannelID, seed: UInt64) -> UInt64 {
        let floor = max(floor.microseconds, 2)
        if let fixed { return max(fixed.microseconds, floor) }
        var stream = RandomStream(seed: seed, purpose: .init("latency"), channel: channel)
        let u = stream.unitInterval()
        var upper = 1
        while Self.roundTrips[upper].quantile < u { upper += 1 }
        let (low, high) = (Self.roundTrips[upper - 1], Self.roundTrips[upper])
        let share = (u - low.quantile) / (high.quantile - low.quantile)
        let roundTrip = low.milliseconds + share * (high.milliseconds - low.milliseconds)
        return max(UInt64(roundTrip * 500), floor)
    }
}

extension Duration {
    /// Whole microseconds, rounded down; negative durations do not occur in a topology.
    var microseconds: UInt64 {
        let (seconds, attoseconds) = components
        return UInt64(seconds) * 1_000_000 + UInt64(attoseconds / 1_000_000_000_000)
    }
}
