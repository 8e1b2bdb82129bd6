import EventSimulation
import LightningTypes
import PaymentChannels
import Randomness

extension RandomStream.Purpose {
    /// When a node looks at the fee market.
    fileprivate static let feerates = Self("feerates")
}

// Commitments whose rate follows the fee market (BOLT 2, `update_fee`). A node that funds channels asks layer 1 what a
// commitment has to pay, every 10 to 60 minutes as lnd's links do (`DefaultMinLinkFeeUpdateTimeout`), and tells the
// peers of the channels whose rate is far from it.
extension NetworkShard {
    /// The time to look has come. A node that is away does not, and nobody does once the traffic is over.
    func lookAtFees(_ message: NetworkMessage, _ shard: inout Shard<NetworkMessage>) {
        guard !world.isTrafficOver else { return }
        if !world.nodes[Int(shard.process)].isAway {
            let question = NetworkMessage(.feerateQuestion, end: message.end)
            shard.send(to: world.layerOneProcess, after: world.lookahead, question)
        }
        let next = world.nextLookAtFees(
            of: shard.process, end: message.end, after: shard.now, position: message.amount)
        if let next { shard.send(to: shard.process, at: next.time, next.message) }
    }

    /// Layer 1 has told what a commitment has to pay.
    func followFees(_ message: NetworkMessage, _ shard: inout Shard<NetworkMessage>) {
        guard !world.nodes[Int(shard.process)].isAway else { return }
        for end in world.ends(of: Int(shard.process)) {
            let position = Int(end.rawValue)
            let wanted = world.channels[position].feerateWanted(
                estimate: message.amount, lowest: world.feerateRelayed, in: htlcs)
            guard let wanted else { continue }
            world.channels[position].updateFee(to: wanted, in: htlcs)
            sendFee(wanted, from: end, &shard)
            scheduleCommit(at: end, &shard)
        }
    }

    /// Sends `update_fee`, for the first time or again.
    func sendFee(_ feerate: UInt32, from end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        var message = NetworkMessage(.updateFee, end: end)
        message.amount = UInt64(feerate)
        send(message, from: end, &shard)
    }

    func receiveFee(
        _ message: NetworkMessage, at end: DirectionIndex, _ shard: inout Shard<NetworkMessage>
    ) throws(ProtocolViolation) {
        let position = Int(end.rawValue)
        let acceptable = world.channels[position].acceptableFeerates(from: world.feerateRelayed)
        try world.channels[position].receiveFee(
            UInt32(message.amount), acceptable: acceptable, in: htlcs)
    }
}

extension NetworkWorld {
    /// Microseconds between two looks of a node at the fee market: 10 to 60 minutes.
    private static let lookInterval: ClosedRange<UInt64> = 600_000_000...3_600_000_000

    /// The least that layer 1 relays, satoshi for 1,000 weight.
    fileprivate var feerateRelayed: UInt32 { UInt32(clamping: rules.feerateMinimum) }

    /// The events by which nodes begin to follow the fee market, if there is one.
    func firstLooksAtFees() -> [(node: UInt32, time: UInt64, message: NetworkMessage)] {
        guard hasFeeMarket else { return [] }
        return (0..<nodeCount).compactMap { node in
            let funded = ends(of: node).first { channels[Int($0.rawValue)].isFunder }
            guard let funded else { return nil }
            let first = nextLookAtFees(of: UInt32(node), end: funded, after: 0, position: 0)
            return first.map { (UInt32(node), $0.time, $0.message) }
        }
    }

    /// The event of a node's next look; nil: none before the traffic ends.
    fileprivate func nextLookAtFees(
        of node: UInt32, end: DirectionIndex, after time: UInt64, position: UInt64
    ) -> (time: UInt64, message: NetworkMessage)? {
        var stream = RandomStream(
            seed: topology.seed, purpose: .feerates, process: UInt64(node), position: position)
        let next = time + stream.within(Self.lookInterval)
        guard next < trafficHorizon else { return nil }
        var message = NetworkMessage(.feerateTimer, end: end)
        message.amount = stream.position
        return (next, message)
    }
}
