import Cryptography
import EventSimulation
import LightningTypes
import PaymentChannels
import Settlement

/// Layer 1 as a process: takes transactions in, mines blocks while there is something to mine or somebody waits, and
/// tells those whom it concerns what the blocks hold.
///
/// Both parties of a channel, and the tower where one of them is its client, are told of every transaction that spends
/// the channel's funding output or what came of it; who asked for a height is told of fees as well.
final class LayerOneProcess {
    var chain: Chain
    var estimator: FeeEstimator
    /// Transactions confirmed so far.
    var transactionCount: UInt64 = 0
    let world: NetworkWorld
    /// When the next block is looked at; `.max`: at none.
    var blockDue = UInt64.max
    /// Who wants to know of a transaction not confirmed yet.
    var watches: [TransactionID: [Watch]] = [:]
    /// Who waits for a depth, by the height that reaches it; in order of registration.
    var waiting: [Waiting] = []
    var purposes: [TransactionID: (purpose: TransactionPurpose, channel: Int32)] = [:]
    /// Unspent outputs of transactions that concern a channel, but for the funding outputs of block 0.
    var outputs: [Outpoint: Int32] = [:]
    /// Channels of which there was something to tell, and who asked for which height.
    var concerned: Set<Int32> = []
    var questions: [Listener: BlockHeight] = [:]
    /// How many blocks are undone when the next one comes.
    var reorganisation = 0
    /// Confirmed transactions whose blocks may still be undone.
    var unsettled: [ChainRecord] = []
    /// Empty without a fee market.
    var hourlyFeerates = HourlyFeerates()
    /// All confirmed transactions, where somebody asked for an audit.
    var history: [(height: BlockHeight, transaction: Transaction)] = []

    /// Blocks of a fee market before time zero: a week of Bitcoin's.
    private static let warmUp = 1_008

    /// Looked at since payments and faults were over. Four times the longest `to_self_delay` is more than any end
    /// needs.
    var drainingBlocks: UInt32 = 0
    private static let drainingBlocksMaximum: UInt32 = 4 * 65_535

    struct Watch {
        var process: UInt32
        var end: DirectionIndex
        var purpose: TransactionPurpose
        var depth: UInt32
    }

    struct Waiting {
        var height: BlockHeight
        var id: TransactionID
        var confirmed: BlockHeight
        var watch: Watch
    }

    /// Who is told, and of which channel's end.
    struct Listener: Hashable, Comparable {
        var process: UInt32
        var end: DirectionIndex

        static func < (a: Listener, b: Listener) -> Bool {
            a.process != b.process ? a.process < b.process : a.end < b.end
        }
    }

    init(_ world: NetworkWorld) {
        self.world = world
        let market = world.topology.layerOne.profile.flatMap { profile in
            world.hasFeeMarket
                ? BackgroundDemand(profile.demand, seed: world.topology.seed, rules: world.rules)
                    .warmedUp(blocks: Self.warmUp, rules: world.rules) : nil
        }
        chain = Chain(
            genesisValues: world.genesisValues,
            conditions: { [unowned world] in world.genesisConditions($0) }, rules: world.rules,
            demand: market?.demand)
        estimator = FeeEstimator(
            feerateMinimum: world.rules.feerateMinimum, after: market?.feerates ?? [])
    }

    /// What nodes reckon with: what the last blocks asked for or, without a market, what the topology says.
    private var estimates: FeeEstimates {
        if let latestEstimates { return latestEstimates }
        let estimates =
            world.hasFeeMarket
            ? FeeEstimates(estimator)
            : FeeEstimates(fixed: max(world.feeratePerKiloweight, world.rules.feerateMinimum))
        latestEstimates = estimates
        return estimates
    }
    /// Those of the latest block, once somebody has asked.
    private var latestEstimates: FeeEstimates?

    // MARK: What comes in

    /// Somebody broadcasts a transaction.
    ///
    /// - Returns: what is wrong with it, if that is more than that the chain went another way: honest nodes make no
    ///   transaction that is refused for what it is.
    func receive(
        _ message: NetworkMessage, _ shard: inout Shard<NetworkMessage>, _ clock: inout BlockClock
    ) -> String? {
        defer { shard.attachments.release(message.attachment) }
        do {
            let bytes = UnsafeRawBufferPointer(shard.attachments.bytes(of: message.attachment))
            catchUp(&shard, &clock)
            let transaction = try Transaction(decoding: bytes)
            let channel = Int32(message.end.channel)
            let id = try chain.submit(transaction)
            purposes[id] = (message.purpose, channel)
            if message.purpose == .funding { outputs[transaction.outpoint(0)] = channel }
            scheduleBlock(&shard, &clock)
            return nil
        } catch let refusal as TransactionRefusal
            where world.hasFaults && refusal.isOvertaken && message.purpose != .funding
        {
            return nil
        } catch {
            return
                "layer 1 refused the \(message.purpose) transaction of channel \(message.end.channel): \(error)"
        }
    }

    func watch(_ message: NetworkMessage, _ shard: inout Shard<NetworkMessage>, _ clock: inout BlockClock) {
        let bytes = UnsafeRawBufferPointer(shard.attachments.bytes(of: message.attachment))
        let id = TransactionID(Bytes32(bytes: bytes))
        shard.attachments.release(message.attachment)
        let watch = Watch(
            process: world.owners[Int(message.end.rawValue)], end: message.end, purpose: message.purpose,
            depth: max(UInt32(message.id), 1))
        if let confirmations = chain.confirmations(of: id), confirmations > 0 {
            // Whoever hears late of what it is to wait for asks late.
            let confirmed = BlockHeight(chain.height.rawValue + 1 - confirmations)
            waiting.append(
                Waiting(height: confirmed + (watch.depth - 1), id: id, confirmed: confirmed, watch: watch))
        } else {
            watches[id, default: []].append(watch)
        }
        scheduleBlock(&shard, &clock)
    }

    /// Somebody wants to hear of a channel at a height, or at once where that is past.
    func answer(
        _ message: NetworkMessage, from process: UInt32, _ shard: inout Shard<NetworkMessage>,
        _ clock: inout BlockClock
    ) {
        catchUp(&shard, &clock)
        let height = BlockHeight(UInt32(message.id))
        let listener = Listener(process: process, end: message.end)
        if world.hasFaults { concerned.insert(Int32(message.end.channel)) }
        guard height > chain.height else { return tell(listener, message.purpose, [], &shard) }
        questions[listener] = height
        scheduleBlock(&shard, &clock)
    }

    /// A funder wants to know what its commitments should pay.
    func answerFeerate(
        _ message: NetworkMessage, _ shard: inout Shard<NetworkMessage>, _ clock: inout BlockClock
    ) {
        catchUp(&shard, &clock)
        var answer = NetworkMessage(.feerateEstimate, end: message.end)
        answer.amount = estimates.feerate(within: FeerateRule.target)
        shard.send(to: world.owners[Int(message.end.rawValue)], after: world.lookahead, answer)
    }

    /// A fault: everybody else bids more from now on, for blocks that have come already no more than they did.
    func raiseDemand(
        by factor: Double, _ shard: inout Shard<NetworkMessage>, _ clock: inout BlockClock
    ) {
        catchUp(&shard, &clock)
        chain.raiseDemand(by: factor)
    }

    /// A fault: when the next block comes, so many before it have given way to others.
    func planReorganisation(
        of depth: Int, _ shard: inout Shard<NetworkMessage>, _ clock: inout BlockClock
    ) {
        reorganisation = max(reorganisation, depth)
        scheduleBlock(&shard, &clock)
    }

    // MARK: Blocks

    /// Mines the blocks whose time has come.
    ///
    /// - Returns: that the run does not come to its end, if it does not.
    func mine(
        _ shard: inout Shard<NetworkMessage>, _ clock: inout BlockClock, record: (ChainRecord) -> Void
    ) -> String? {
        blockDue = .max
        let height = clock.height(at: shard.now)
        if reorganisation > 0, chain.height < height { undoBlocks(&shard, &clock) }
        while chain.height < height { mineOne(&shard, &clock) }
        chain.checkTotals()
        for entry in waiting where entry.height <= height {
            var message = NetworkMessage(.transactionConfirmed, end: entry.watch.end)
            message.purpose = entry.watch.purpose
            message.id = UInt64(entry.watch.depth)
            shard.send(to: entry.watch.process, after: world.lookahead, message)
        }
        waiting.removeAll { $0.height <= height }
        let settled = unsettled.prefix { height.rawValue >= $0.height + world.settlingBlocks }
        for transaction in settled { record(transaction) }
        unsettled.removeFirst(settled.count)
        scheduleBlock(&shard, &clock)
        if world.isTrafficOver, shard.now > world.faults.lastEnd { drainingBlocks += 1 }
        guard drainingBlocks > Self.drainingBlocksMaximum else { return nil }
        return
            "after \(drainingBlocks) blocks since payments and faults were over, something still waits for the chain:"
            + " a transaction that pays too little to be confirmed, as a rule"
    }

    private func mineOne(_ shard: inout Shard<NetworkMessage>, _ clock: inout BlockClock) {
        let next = chain.height + 1
        let time = clock.time(of: next)
        if world.hasFeeMarket { hourlyFeerates.note(before: time, estimator) }
        let block = world.mineBlock(on: &chain, &estimator, at: time, &clock)
        if world.hasFeeMarket { latestEstimates = nil }
        shard.fold(UInt64(block.height.rawValue), UInt64(block.transactions.count))
        transactionCount += UInt64(block.transactions.count)
        var news: [Int32: [Transaction]] = [:]
        for mined in block.transactions {
            shard.fold(mined.id.bytes.words.0, mined.fee.rawValue)
            if world.hasFaults, let channel = follow(mined) {
                news[channel, default: []].append(mined.transaction)
            }
            confirm(mined, in: block, at: shard.now)
            if world.settings.audits { history.append((block.height, mined.transaction)) }
        }
        if world.hasFaults { tell(news, &shard) }
    }

    private func confirm(_ mined: ConfirmedTransaction, in block: Block, at time: UInt64) {
        if let (purpose, channel) = purposes[mined.id] {
            if world.settlingBlocks == 0 { purposes[mined.id] = nil }
            unsettled.append(
                ChainRecord(
                    height: block.height.rawValue, position: mined.position, confirmedAt: time,
                    transactionID: mined.id.description, kind: purpose.kind, channel: channel,
                    weight: mined.weight, fee: mined.fee))
        }
        for watch in watches.removeValue(forKey: mined.id) ?? [] {
            waiting.append(
                Waiting(
                    height: block.height + (watch.depth - 1), id: mined.id, confirmed: block.height,
                    watch: watch))
        }
    }

    /// The channel whose funding output, or what came of it, a transaction spends; its outputs are followed too.
    private func follow(_ mined: ConfirmedTransaction) -> Int32? {
        // It may be paid for with what another channel brought, and concerns that no more.
        if purposes[mined.id]?.purpose == .funding { return nil }
        var found: Int32?
        for input in mined.transaction.inputs {
            found = found ?? outputs[input.outpoint] ?? world.channel(fundedBy: input.outpoint)
        }
        guard let found else { return nil }
        for index in mined.transaction.outputs.indices {
            outputs[mined.transaction.outpoint(UInt32(index))] = found
        }
        return found
    }

    private func undoBlocks(_ shard: inout Shard<NetworkMessage>, _ clock: inout BlockClock) {
        let depth = min(reorganisation, Int(chain.height.rawValue))
        reorganisation = 0
        guard depth > 0 else { return }
        let undone = chain.undoBlocks(depth)
        let kept = chain.height
        transactionCount -= undone.blocks.reduce(0) { $0 + UInt64($1.transactions.count) }
        shard.fold(UInt64(kept.rawValue), UInt64(depth))
        unsettled.removeAll { $0.height > kept.rawValue }
        history.removeAll { $0.height > kept }
        for entry in waiting where entry.confirmed > kept {
            watches[entry.id, default: []].append(entry.watch)
        }
        waiting.removeAll { $0.confirmed > kept }
        for channel in concerned.sorted() {
            for listener in listeners(of: channel) {
                var message = NetworkMessage(.blocksUndone, end: listener.end)
                message.id = UInt64(kept.rawValue)
                shard.send(to: listener.process, after: world.lookahead, message)
            }
        }
        // The branch that replaces them is as long when the next block comes.
        chain.passBranch(of: depth)
    }

    // MARK: Telling

    private func listeners(of channel: Int32) -> [Listener] {
        let first = DirectionIndex(channel: Int(channel), from: .first)
        var all: [Listener] = []
        for end in [first, first.reversed] {
            all.append(Listener(process: world.owners[Int(end.rawValue)], end: end))
            if world.isTowerClient(end) { all.append(Listener(process: world.towerProcess, end: end)) }
        }
        return all
    }

    private func tell(_ news: [Int32: [Transaction]], _ shard: inout Shard<NetworkMessage>) {
        for (channel, transactions) in news.sorted(by: { $0.key < $1.key }) {
            concerned.insert(channel)
            for listener in listeners(of: channel) {
                questions[listener] = nil
                tell(listener, .claim, transactions, &shard)
            }
        }
        for (listener, height) in questions.sorted(by: { $0.key < $1.key }) where height <= chain.height {
            questions[listener] = nil
            tell(listener, .claim, [], &shard)
        }
    }

    private func tell(
        _ listener: Listener, _ purpose: TransactionPurpose, _ transactions: [Transaction],
        _ shard: inout Shard<NetworkMessage>
    ) {
        var message = NetworkMessage(.blockNews, end: listener.end)
        message.id = UInt64(chain.height.rawValue)
        message.purpose = purpose
        message.attachment = shard.attach(ChainNews(estimates, transactions).encoded())
        shard.send(to: listener.process, after: world.lookahead, message)
    }

    // MARK: When

    /// Blocks nobody waited for pass without an event; the chain grows by them when it is next needed.
    private func catchUp(_ shard: inout Shard<NetworkMessage>, _ clock: inout BlockClock) {
        guard chain.isMempoolEmpty, reorganisation == 0 else { return }
        let height = clock.height(at: shard.now)
        if chain.demand == nil {
            chain.passEmptyBlocks(upTo: height)
        } else {
            while chain.height < height { mineOne(&shard, &clock) }
        }
    }

    private func scheduleBlock(_ shard: inout Shard<NetworkMessage>, _ clock: inout BlockClock) {
        let next = clock.height(at: shard.now) + 1
        let isWaiting = !chain.isMempoolEmpty || !waiting.isEmpty || reorganisation > 0 || !unsettled.isEmpty
        guard let height = isWaiting ? next : questions.values.min().map({ max($0, next) }) else { return }
        let time = max(clock.time(of: height), shard.now)
        guard time < blockDue else { return }
        blockDue = time
        shard.send(to: shard.process, at: time, NetworkMessage(.blockTimer, end: DirectionIndex(0)))
    }
}

extension TransactionPurpose {
    fileprivate var kind: ChainRecord.Kind {
        switch self {
        case .funding: .funding
        case .closing: .closing
        case .commitment: .commitment
        case .feeBump: .feeBump
        case .claim: .claim
        case .penalty: .penalty
        }
    }
}

extension TransactionRefusal {
    /// Whether the transaction may have been right when it was made, and the chain went another way since.
    fileprivate var isOvertaken: Bool {
        switch self {
        case .alreadyKnown, .unknownOutput, .alreadySpent, .replacementFeeTooLow, .replacementFeerateTooLow,
            .tooManyReplaced, .replacesItsAncestor, .locked, .immature, .feerateTooLow:
            true
        case .noInputs, .noOutputs, .duplicateInput, .missingWitness, .unknownCondition, .wrongSignatureCount,
            .badSignature, .wrongSecret, .outputsExceedInputs, .tooHeavy:
            false
        }
    }
}

extension NetworkWorld {
    /// Blocks after which one is not undone any more; 0 where none ever is.
    var settlingBlocks: UInt32 { UInt32(faults.reorganisationDepth) }

    /// The channel that an output of block 0 funds.
    func channel(fundedBy outpoint: Outpoint) -> Int32? {
        guard outpoint.transaction == TransactionID(.zero) else { return nil }
        return genesisChannel(outpoint.index)
    }
}
