import LightningTypes

// What the network looks like at the end of every simulated hour.
extension NetworkSimulation {
    private static let hour: UInt64 = 3_600_000_000

    /// Samples the network for every hour that is over before an event at `time` is handled.
    func sampleHours(before time: UInt64) {
        var next = (UInt64(services.statistics.samples.count) + 1) * Self.hour
        guard next <= time else { return }
        // Nothing happened since the last event: hours without any look alike.
        let sample = sample()
        while next <= time {
            services.statistics.samples.append(sample)
            watcher?(.hour(services.statistics.samples.count - 1, sample))
            next += Self.hour
        }
    }

    /// The hours counted, each with the network at its end; the last with the network as it was left.
    func timeline(_ statistics: RunStatistics) -> [TimelineRecord] {
        let last = sample()
        return statistics.hours.enumerated().map { index, hour in
            var hour = hour
            hour.feerate = world.topology.layerOne.feeratePerVirtualByte
            hour.network = index < statistics.samples.count ? statistics.samples[index] : last
            return hour
        }
    }

    /// Linear in the number of channels.
    private func sample() -> NetworkSample {
        var sample = NetworkSample()
        // Both ends of a channel know of an HTLC.
        sample.pendingHTLCs = UInt64((simulation.models.reduce(0) { $0 + $1.htlcs.count } + 1) / 2)
        var drift: UInt64 = 0
        for node in 0..<world.nodeCount {
            var change: Int64 = 0
            for end in world.ends(of: node) {
                let channel = world.channels + Int(end.rawValue)
                guard channel.pointee.isUsable else { continue }
                let capacity = Millisatoshi(world.topology.channels[end.channel].capacity)
                sample.openDirections += 1
                if channel.pointee.spendable.rawValue < capacity.rawValue / NetworkSample.depletionShare {
                    sample.depletedDirections += 1
                }
                change += Int64(channel.pointee.capital.rawValue)
                change -= Int64(world.startingBalances[Int(end.rawValue)].rawValue)
            }
            drift += change.magnitude
        }
        sample.drift = Millisatoshi(drift / 2)
        return sample
    }
}
