import LightningTypes
import PaymentChannels
import Settlement

/// The facts of a run that whoever checks it needs, as they are and without any sum of the simulator's own.
public struct RunAudit: Sendable {
    /// What an HTLC came to in the eyes of one of its channel's parties.
    public struct HTLCOutcome: Sendable, Hashable {
        /// The party's end of the channel.
        public var end: DirectionIndex
        /// Counted by the party that offered it.
        public var id: UInt64
        public var isOffered: Bool
        /// The number of the payment.
        public var payment: UInt64
        public var amount: Millisatoshi
        /// Whether its receiver has the money.
        public var isFulfilled: Bool
        /// Whether the chain decided it.
        public var isOnChain: Bool
    }

    /// One party's end of a channel as the run left it.
    public struct End: Sendable, Hashable {
        public var phase: ChannelPhase
        public var balance: Millisatoshi
        /// Nil for a channel that was never funded.
        public var funding: Outpoint?
    }

    /// In the order each node learned them.
    public var outcomes: [HTLCOutcome]
    /// The transactions of all blocks, in their order.
    public var transactions: [(height: BlockHeight, transaction: Transaction)]
    public var genesis: [Output]
    public var rules: ChainRules
    /// By node: the coins of its wallet now, and what it began with.
    public var wallets: [[FeeWallet.Coin]]
    public var startingWallets: [Satoshi]
    /// By `DirectionIndex`.
    public var ends: [End]
    /// The balances of standing channels at the start.
    public var startingBalances: [Millisatoshi]
    /// By `DirectionIndex`, the nodes.
    public var owners: [Int32]
    /// Whoever spends an output of these keys is the tower.
    public var towerKey: SpendCondition
}

extension NetworkSimulation {
    /// The state after so many events at least, or at the end, and to the recorder what happened until then: for checks
    /// of saved states.
    public func state(afterEvents count: UInt64) throws -> [UInt8] {
        _ = advance(batch: 1) { eventCount >= count }
        if let recorder { try RecordBuffer.deliver(simulation.models, to: recorder) }
        return state()
    }

    /// The facts of the run so far; nil where the settings did not ask for them (`RunSettings.audits`).
    public func audit() -> RunAudit? {
        guard world.settings.audits, let layerOne = services.layerOne else { return nil }
        return RunAudit(
            outcomes: simulation.models.flatMap(\.outcomes), transactions: layerOne.history,
            genesis: world.genesisValues.enumerated().map { index, value in
                Output(value: value, conditions: world.genesisConditions(UInt32(index)))
            },
            rules: world.rules, wallets: (0..<world.nodeCount).map { world.nodes[$0].wallet.coins },
            startingWallets: (0..<world.nodeCount).map { world.nodes[$0].startingWallet },
            ends: (0..<world.endCount).map { position in
                let channel = world.channels[position]
                let isFunded =
                    world.topology.channels[position / 2].opensAt == nil
                    || world.fundings[position].transaction != TransactionID(.zero)
                return RunAudit.End(
                    phase: channel.phase, balance: channel.local.ours,
                    funding: isFunded ? world.fundings[position] : nil)
            },
            startingBalances: world.startingBalances,
            owners: (0..<world.endCount).map { Int32(world.owners[$0]) },
            towerKey: SpendCondition(keys: [world.keys.towerKey.publicKey]))
    }
}
