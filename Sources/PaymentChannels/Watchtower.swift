import Cryptography
import LightningTypes
import Settlement

/// What a watchtower asks for.
public struct TowerTerms: Hashable, Sendable {
    /// The rates at which penalties are signed in advance, rising: the tower cannot sign others.
    public var feerates: [UInt64]
    /// The tower's share of what a penalty brings, in thousandths, and where it goes.
    public var rewardPermille: UInt64
    public var key: PublicKey

    public init(feerates: [UInt64], rewardPermille: UInt64, key: PublicKey) {
        precondition(!feerates.isEmpty && feerates == feerates.sorted(), "rates to choose from, rising")
        precondition(rewardPermille <= 1_000, "a tower takes no more than there is")
        self.feerates = feerates
        self.rewardPermille = rewardPermille
        self.key = key
    }
}

/// What a client gives its tower for one revoked commitment: the penalties, signed, and what to look for.
public struct TowerAppointment: Hashable, Sendable {
    /// One output of the breach, and the penalty for it at each of the tower's rates, rising; those that would leave
    /// nothing are missing.
    public struct Penalty: Hashable, Sendable {
        public var outpoint: Outpoint
        public var choices: [Choice]
    }

    /// A penalty at one rate.
    public struct Choice: Hashable, Sendable {
        public var feerate: UInt64
        public var transaction: Transaction
    }

    /// The revoked commitment.
    public var commitment: TransactionID
    public var penalties: [Penalty]
}

/// A party's side of its dealings with a tower: prepares an appointment for each commitment that the peer revokes.
///
/// With anchors the cheat can add inputs to its second-stage transactions, so that their ids, and penalties for their
/// outputs, cannot be known in advance; those are the client's own to punish, while it is online. Without anchors they
/// are part of the appointment.
public struct TowerClient: Sendable {
    private let keys: ChannelKeys
    private let terms: ChannelTerms
    private let tower: TowerTerms
    /// Where penalties are paid to.
    private let wallet: PublicKey
    /// The peer's commitments that are signed and not revoked: two at most.
    var signed: [(number: UInt64, commitment: CommitmentTransaction)] = []
    /// Appointments the tower has not got yet.
    public internal(set) var waiting: [TowerAppointment] = []

    public init(keys: ChannelKeys, terms: ChannelTerms, tower: TowerTerms, wallet: PublicKey) {
        self.keys = keys
        self.terms = terms
        self.tower = tower
        self.wallet = wallet
    }

    /// A commitment of the peer was signed: `Channel.signedRemoteCommitment`, right after `Channel.commit`.
    public mutating func note(_ commitment: CommitmentTransaction, number: UInt64) {
        signed.append((number, commitment))
    }

    /// The peer has revoked a commitment: about 13 µs for each of its revocable outputs and rates.
    public mutating func prepare(revoked number: UInt64, secret: Bytes32) {
        guard let place = signed.firstIndex(where: { $0.number == number }) else { return }
        let commitment = signed.remove(at: place).commitment
        let second = commitment.hasAnchors ? [] : commitment.secondStage
        let appointment = appointment(for: commitment.transaction, second, secret: secret)
        if let appointment { waiting.append(appointment) }
    }

    /// What the tower needs to punish a revoked commitment of the peer, its second stage aside; nil where there is
    /// nothing worth a penalty.
    public func appointment(for commitment: Transaction, secret: Bytes32) -> TowerAppointment? {
        appointment(for: commitment, [], secret: secret)
    }

    private func appointment(
        for transaction: Transaction, _ secondStage: [Transaction], secret: Bytes32
    ) -> TowerAppointment? {
        let point = sha256(secret)
        var penalties: [TowerAppointment.Penalty] = []
        func consider(_ outpoint: Outpoint, _ output: Output) {
            guard output.conditions.first?.hashlock == point else { return }
            let all = tower.feerates.compactMap { penalty(outpoint, output, secret, feerate: $0) }
            if !all.isEmpty { penalties.append(.init(outpoint: outpoint, choices: all)) }
        }
        for (index, output) in transaction.outputs.enumerated() {
            consider(transaction.outpoint(UInt32(index)), output)
        }
        for second in secondStage { consider(second.outpoint(0), second.outputs[0]) }
        return penalties.isEmpty ? nil : TowerAppointment(commitment: transaction.id, penalties: penalties)
    }

    private func penalty(
        _ outpoint: Outpoint, _ output: Output, _ secret: Bytes32, feerate: UInt64
    ) -> TowerAppointment.Choice? {
        var transaction = Transaction(
            inputs: [Input(outpoint)], outputs: [Output(value: output.value, key: wallet)])
        let reward = Satoshi(output.value.rawValue * tower.rewardPermille / 1_000)
        if reward >= FeeWallet.outputMinimum {
            transaction.outputs.append(Output(value: reward, key: tower.key))
        }
        let weight = transaction.weight(spending: [output])
        let costs = transaction.outputs.dropFirst().reduce(Satoshi((weight * feerate + 999) / 1_000)) {
            $0 + $1.value
        }
        guard output.value >= costs + FeeWallet.outputMinimum else { return nil }
        transaction.outputs[0].value = output.value - costs
        transaction.inputs[0].witness = Witness(
            signatures: [keys.revocation.signature(of: transaction.signatureHash)], secret: secret)
        return TowerAppointment.Choice(feerate: feerate, transaction: transaction)
    }

    /// Hands over what waits, while the tower can be reached.
    public mutating func handOver() -> [TowerAppointment] {
        defer { waiting = [] }
        return waiting
    }
}

/// Watches the chain for commitments that were revoked and answers them with penalties that were signed in advance.
///
/// It knows no key of its client's and can do nothing else. Blocks that it missed it may be shown later, which may be
/// too late.
public struct Watchtower: Sendable {
    private(set) var appointments: [TransactionID: TowerAppointment] = [:]
    /// Penalties under way, in the order in which breaches were seen.
    var open: [Answer] = []
    var height = BlockHeight(0)

    struct Answer: Sendable {
        var penalty: TowerAppointment.Penalty
        /// The height of the block with the breach.
        var seen: BlockHeight
        /// Which of the penalty's choices was broadcast last; none at first.
        var rate: Int?
        var spent: BlockHeight?
    }

    public init() {}

    /// Whether a penalty of its is not confirmed yet.
    ///
    /// Without anchors an appointment counts on second stages too, and is busy for ever with those that never come.
    public var isBusy: Bool { open.contains { $0.spent == nil } }

    /// Revoked commitments it would recognise.
    public var appointmentCount: Int { appointments.count }

    public mutating func accept(_ appointment: TowerAppointment) {
        appointments[appointment.commitment] = appointment
    }

    /// A block has come that the tower sees.
    ///
    /// - Returns: what it broadcasts: each penalty at the lowest of its rates that the blocks left ask for, the next
    ///   one where that was not enough.
    public mutating func connect(
        _ transactions: [Transaction], at height: BlockHeight, _ fees: some FeeRates
    ) -> [Transaction] {
        self.height = height
        for transaction in transactions {
            let spent = Set(transaction.inputs.map(\.outpoint))
            for place in open.indices where spent.contains(open[place].penalty.outpoint) {
                open[place].spent = height
            }
            guard let appointment = appointments[transaction.id] else { continue }
            open += appointment.penalties.map { Answer(penalty: $0, seen: height) }
        }
        let needed = fees.feerate(within: 2)
        return open.indices.compactMap { answer(open[$0], at: $0, needed) }
    }

    private mutating func answer(_ answer: Answer, at place: Int, _ needed: UInt64) -> Transaction? {
        guard answer.spent == nil else { return nil }
        let choices = answer.penalty.choices
        let enough = choices.firstIndex { $0.feerate >= needed } ?? choices.count - 1
        let next = answer.rate.map { $0 + 1 } ?? 0
        let rate = min(max(enough, next), choices.count - 1)
        guard rate != answer.rate else { return nil }
        open[place].rate = rate
        return choices[rate].transaction
    }

    /// The blocks above a height are undone.
    public mutating func disconnect(to height: BlockHeight) {
        self.height = min(self.height, height)
        open.removeAll { $0.seen > height }
        for place in open.indices {
            if let spent = open[place].spent, spent > height { open[place].spent = nil }
            // Thrown out or not, it is broadcast again.
            open[place].rate = nil
        }
    }
}
