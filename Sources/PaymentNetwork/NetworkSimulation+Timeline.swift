import LightningTypes

// What the network looks like at the end of every simulated hour.
extension NetworkSimulation {
    /// Samples the network for every hour that is over before an event at `time` is handled.
    func sampleHours(before time: UInt64) {
        var next = (UInt64(services.statistics.samples.count) + 1) * HourlyFeerates.hour
        guard next <= time else { return }
        // Nothing happened since the last event: hours without any look alike.
        let sample = sample()
        while next <= time {
            services.statistics.samples.append(sample)
            watcher?(.hour(services.statistics.samples.count - 1, sample))
            next += HourlyFeerates.hour
        }
    }

    /// The hours counted, each with the network and the fee market at its end; the last with the network as it was
    /// left.
    func timeline(_ statistics: RunStatistics) -> [TimelineRecord] {
        let last = sample()
        var feerates = [UInt64](repeating: world.feeratePerKiloweight, count: statistics.hours.count)
        if world.hasFeeMarket, let layerOne = services.layerOne {
            feerates = layerOne.feerates(ofHours: feerates.count, services.clock)
        }
        return statistics.hours.enumerated().map { index, hour in
            var hour = hour
            hour.feeratePerKiloweight = feerates[index]
            hour.network = index < statistics.samples.count ? statistics.samples[index] : last
            return hour
        }
    }

    /// Tells whoever watches of faults whose time has come.
    func noteFaults(before time: UInt64) {
        guard let watcher else { return }
        while faultsNoted < world.faults.planned.count {
            let happening = world.faults.planned[faultsNoted]
            guard happening.start < time else { return }
            faultsNoted += 1
            watcher(.fault(happening, world.topology.faults[happening.fault].kind))
        }
    }

    /// Linear in the number of channels.
    private func sample() -> NetworkSample {
        var sample = NetworkSample()
        // Both ends of a channel know of an HTLC.
        sample.pendingHTLCs = UInt64((simulation.models.reduce(0) { $0 + $1.htlcs.count } + 1) / 2)
        // By channels in their order, not by nodes: of millions, memory gives what lies together several times as fast.
        var changes = [Int64](repeating: 0, count: world.nodeCount)
        for position in 0..<world.endCount {
            let offer = world.channels.offer(of: DirectionIndex(UInt32(position)))
            guard offer.isUsable else { continue }
            let capacity = Millisatoshi(world.channels[position].terms.capacity)
            sample.openDirections += 1
            if offer.spendable.rawValue < capacity.rawValue / NetworkSample.depletionShare {
                sample.depletedDirections += 1
            }
            let capital = world.channels[position].capital
            changes[Int(world.owners[position])] +=
                Int64(capital.rawValue) - Int64(world.startingBalances[position].rawValue)
        }
        sample.drift = Millisatoshi(changes.reduce(0) { $0 + $1.magnitude } / 2)
        return sample
    }
}
