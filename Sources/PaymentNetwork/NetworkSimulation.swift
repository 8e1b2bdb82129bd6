import Dispatch
import EventSimulation
import LightningTypes
import PaymentChannels
import Snapshots
import Topologies

/// Why a run cannot begin or had to stop.
public enum SimulationError: Error, CustomStringConvertible {
    /// The topology says nothing of who pays whom.
    case noTraffic(String)
    /// In the flow of this name nobody can pay anybody.
    case idleFlow(String)
    /// `progress` asked for the end.
    case interrupted
    /// Something an honest network cannot do: a bug of the simulator, or a planted one.
    case brokenInvariant(String)
    /// These bytes are no state of this run.
    case unusableState(SnapshotError)
    /// The recorder could not write.
    case recordingFailed(any Error)

    public var description: String {
        switch self {
        case .noTraffic(let name):
            "\(name) has no traffic: give it flows, 'traffic: assumed' or a trace, or use --trace FILE.csv"
        case .idleFlow(let name):
            "in the flow '\(name)' nobody can pay anybody (by capacity, only nodes with channels can): "
                + "name other nodes in 'from' and 'to', or weigh them 'even'"
        case .interrupted: "interrupted"
        case .brokenInvariant(let what): what
        case .unusableState(let error): "this is no state of this run: \(error)"
        case .recordingFailed(let error): "the run could not be written: \(error)"
        }
    }
}

extension RunSettings {
    /// Four shards a thread divide a window well enough; with eager signatures, whose events cost a hundred times as
    /// much, it pays to divide it finer.
    fileprivate var shardCount: Int {
        if let shards { return shards }
        if threadsMade == 1 { return 1 }
        return switch signatures {
        case .lazy: threadsMade * 4
        case .eager: threadsMade * 32
        }
    }
}

/// One run of a network: topology in, records and a result out. A pure function of the topology and its seed.
///
///     let simulation = try NetworkSimulation(topology, settings: RunSettings())
///     let result = try simulation.run()
public final class NetworkSimulation {
    let world: NetworkWorld
    let simulation: Simulation<NetworkShard>
    let recorder: (any RunRecorder)?
    let services: NetworkShard
    /// Told between two windows what happened.
    public var watcher: ((RunNote) -> Void)?
    /// Windows of this process so far; of wall time's account, no part of a result.
    private var windowCount: UInt64 = 0
    /// How many faults whoever watches was told of.
    var faultsNoted = 0
    private var areThreadsNoted = false

    /// - Parameter state: of the same topology and settings, as `state()` gave it: the run goes on from there.
    /// - Throws: `SimulationError.noTraffic`, `idleFlow` or, for bytes that are no such state, `unusableState`.
    public convenience init(
        _ topology: Topology, settings: RunSettings, recorder: (any RunRecorder)? = nil,
        resuming state: [UInt8]? = nil
    ) throws(SimulationError) {
        try self.init(
            topology, settings: settings, recorder: recorder, shardCount: settings.shardCount, resuming: state
        )
    }

    init(
        _ topology: Topology, settings: RunSettings, recorder: (any RunRecorder)? = nil, shardCount: Int,
        resuming state: [UInt8]? = nil
    ) throws(SimulationError) {
        switch topology.traffic {
        case .flows(let flows) where flows.isEmpty: throw .noTraffic(topology.name)
        case .flows where topology.duration == nil && settings.paymentsMaximum == nil:
            throw .noTraffic("\(topology.name) has no duration; without --duration or --payments it")
        case .flows, .trace: break
        }
        precondition(
            !settings.measuresUse || shardCount == 1 && topology.faults.isEmpty && state == nil,
            "the use of liquidity is measured on one shard, from the beginning, and where all HTLCs end off chain"
        )
        let world = NetworkWorld(topology, settings: settings)
        let shards = (0..<shardCount).map {
            NetworkShard(world, wantsRecords: recorder != nil, hasServices: $0 == 0)
        }
        simulation = Simulation(
            lookahead: world.lookahead, models: shards, shardOfProcess: world.placement(onShards: shardCount))
        self.world = world
        self.recorder = recorder
        services = shards[0]
        if let flow = services.traffic?.source.idleFlows.first { throw .idleFlow(flow.name) }
        if settings.prefetch, settings.threadsMade > 1, let traffic = services.traffic {
            let prefetcher = RoutePrefetcher(world, traffic: traffic)
            for shard in shards { shard.prefetcher = prefetcher }
        }
        if let state {
            do { try restore(state) } catch { throw .unusableState(error) }
        } else {
            scheduleFirstEvents()
        }
    }

    private func scheduleFirstEvents() {
        for (index, channel) in world.topology.channels.enumerated() {
            let first = DirectionIndex(channel: index, from: .first)
            let end = world.channels[Int(first.rawValue)].isFunder ? first : first.reversed
            let funder = world.owners[Int(end.rawValue)]
            if let opensAt = channel.opensAt {
                simulation.schedule(
                    NetworkMessage(.openTimer, end: end), for: funder, at: opensAt.microseconds)
            }
            if let closesAt = channel.closesAt {
                simulation.schedule(
                    NetworkMessage(.closeTimer, end: end), for: funder, at: closesAt.microseconds)
            }
        }
        world.forEachFirstPolicyChange { node, time, message in
            simulation.schedule(message, for: node, at: time)
        }
        for look in world.firstLooksAtFees() {
            simulation.schedule(look.message, for: look.node, at: look.time)
        }
        scheduleFaults()
        guard let traffic = services.traffic else { return }
        for payment in traffic.takeFirst() {
            simulation.schedule(world.start(payment), for: UInt32(payment.source), at: payment.time)
        }
        if let time = traffic.nextTime {
            traffic.timer = time
            simulation.schedule(
                NetworkMessage(.trafficTimer, end: DirectionIndex(0)), for: world.trafficProcess, at: time)
        }
    }

    /// Wall time of all threads together that went into finding routes ahead, in seconds.
    public var prefetchSeconds: Double { Double(services.prefetcher?.searchNanoseconds ?? 0) / 1e9 }

    /// The balances as drawn for time zero, by `DirectionIndex`.
    public func initialBalances() -> [Millisatoshi] { world.startingBalances }

    /// Runs until nothing is pending: traffic ends, and the network drains.
    ///
    /// - Parameter progress: called about ten times a second of wall time; false interrupts the run.
    /// - Throws: `SimulationError`.
    public func run(progress: (RunProgress) -> Bool = { _ in true }) throws -> RunResult {
        var lastReport = DispatchTime.now().uptimeNanoseconds
        var isStopped = false
        var recordingError: (any Error)?
        func deliverRecords() {
            guard let recorder, recordingError == nil else { return }
            do { try RecordBuffer.deliver(simulation.models, to: recorder) } catch { recordingError = error }
        }
        let isFinished = advance(batch: 1_024) {
            deliverRecords()
            if recordingError != nil || simulation.models.contains(where: { $0.breakdown != nil }) {
                return true
            }
            // The wall clock decides only when to report; nothing of it reaches the model.
            let now = DispatchTime.now().uptimeNanoseconds
            guard now - lastReport > 100_000_000 else { return false }
            lastReport = now
            isStopped = !progress(self.progress)
            return isStopped
        }
        if let breakdown = simulation.models.lazy.compactMap(\.breakdown).first {
            throw SimulationError.brokenInvariant(breakdown)
        }
        deliverRecords()
        if let recordingError { throw SimulationError.recordingFailed(recordingError) }
        guard isFinished, !isStopped else { throw SimulationError.interrupted }
        return try finish()
    }

    /// Handles events until none is pending before `end`, where a window ends, or `interrupt`, asked about every `batch`
    /// events, says to stop.
    func advance(batch: Int, until end: UInt64 = .max, interrupt: () -> Bool) -> Bool {
        // An event with eager signatures takes a hundred times as long: two of them are worth sharing.
        let crewThreshold =
            switch world.settings.signatures {
            case .lazy: 48
            case .eager: 2
            }
        let prefetcher = services.prefetcher
        return simulation.run(
            until: end, threads: world.settings.threadsMade, crewThreshold: crewThreshold, batch: batch,
            beforeWindow: { window, crew in
                windowCount += 1
                noteThreads(of: crew)
                if let epoch = services.gossip?.release() {
                    watcher?(.gossipEpoch(time: epoch.time, updates: epoch.updates))
                }
                world.isTrafficOver = services.traffic?.isOver ?? true
                sampleHours(before: window * world.lookahead)
                noteFaults(before: (window + 1) * world.lookahead)
                if let crew, let prefetcher,
                    prefetcher.lookAhead(from: window * world.lookahead)
                {
                    crew.wakeForErrands()
                }
            }, runErrand: { prefetcher?.answerNext() ?? false }, interrupt: interrupt)
    }

    /// Tells whoever watches, once, where the system gave fewer threads than were asked for.
    private func noteThreads(of crew: WindowCrew?) {
        guard let crew, !areThreadsNoted else { return }
        areThreadsNoted = true
        guard crew.threadCount < world.settings.threadsMade else { return }
        watcher?(.fewerThreads(made: crew.threadCount, asked: world.settings.threadsMade))
    }

    /// How far the run has come.
    public var progress: RunProgress {
        var progress = RunProgress(
            simulated: simulation.now, started: 0, settled: 0, failed: 0, events: simulation.eventCount,
            windows: windowCount, fraction: 0)
        for shard in simulation.models {
            progress.started += shard.statistics.started
            progress.settled += shard.statistics.settled
            progress.failed += shard.statistics.failed
        }
        if let maximum = world.settings.paymentsMaximum {
            progress.fraction = Double(progress.settled + progress.failed) / Double(max(maximum, 1))
        }
        if let duration = world.topology.duration {
            let byTime = Double(progress.simulated) / Double(max(duration.microseconds, 1))
            progress.fraction = max(progress.fraction, byTime)
        }
        progress.fraction = min(progress.fraction, 1)
        return progress
    }

    // MARK: The end

    private func finish() throws -> RunResult {
        let statistics = simulation.models.dropFirst().reduce(into: services.statistics) {
            $0.add($1.statistics)
        }
        try checkInvariants()
        let timeline = timeline(statistics)
        if let recorder {
            do { for hour in timeline { try recorder.record(hour) } } catch {
                throw SimulationError.recordingFailed(error)
            }
        }
        let lastStart = services.traffic?.lastStart ?? 0
        let end = measuredEnd(lastActivity: max(statistics.lastRevocation, lastStart))
        let start = min(world.measuredFrom, end)
        var ends: [ChannelIncome] = []
        ends.reserveCapacity(world.endCount)
        for position in 0..<world.endCount {
            let books = world.booked(DirectionIndex(UInt32(position)))
            var income = books.measured
            income.capital = books.capital.mean(from: start, to: end)
            ends.append(income)
        }
        let lifetime = world.topology.payments.channelLifetimeDays
        let exitDays = Double(world.topology.layerOne.exitDelay.microseconds) / (86_400 * 1_000_000)
        let nodes = (0..<world.nodeCount).map { node in
            NodeIncome(
                node: Int32(node), world.ends(of: node).lazy.map { ends[Int($0.rawValue)] },
                measured: end - start,
                lifetimeDays: lifetime, exitDays: exitDays)
        }
        let settled = statistics.payments.settled
        let latencies = statistics.latencies
        func milliseconds(_ percentile: Double) -> Double {
            settled == 0 ? 0 : Double(latencies.valueAtPercentile(percentile)) / 1_000
        }
        return RunResult(
            digest: simulation.digest.value, seed: world.topology.seed, events: simulation.eventCount,
            messages: statistics.messagesByName,
            simulatedMicroseconds: simulation.now,
            drainMicroseconds: statistics.lastRevocation.subtractingOrZero(lastStart),
            measuredMicroseconds: end - start, payments: statistics.payments,
            warmupPayments: statistics.warmupPayments, failures: Self.ranked(statistics.failures),
            attemptFailures: Self.ranked(statistics.attemptFailures), attempts: statistics.attempts,
            meanHops: settled == 0 ? 0 : Double(statistics.hops) / Double(settled),
            amountSettled: statistics.amountSettled,
            feesPaid: ends.reduce(.zero) { $0 + $1.feesPaid },
            feesEarned: ends.reduce(.zero) { $0 + $1.routingFees },
            latencyMilliseconds: .init(p50: milliseconds(50), p90: milliseconds(90), p99: milliseconds(99)),
            channelIncome: ends,
            finalBalances: (0..<world.endCount).map { world.channels[$0].local.ours },
            nodeIncome: nodes, chain: chainSummary(statistics),
            disputes: disputeSummary(statistics), policyChanges: statistics.policyChanges,
            channelLifetimeDays: lifetime, exitDays: exitDays,
            timeline: timeline, primitives: statistics.primitives)
    }

    /// The run's own length: its duration, and what its last payments took beyond. A run of so many payments that ended
    /// before its duration was as long as these took.
    private func measuredEnd(lastActivity: UInt64) -> UInt64 {
        guard let duration = world.topology.duration, services.traffic?.isCutShort == false else {
            return lastActivity
        }
        return max(duration.microseconds, lastActivity)
    }

    private static func ranked(_ counts: [UInt64]) -> [(name: FailureName, count: UInt64)] {
        FailureName.allCases.map { ($0, counts[Int($0.rawValue)]) }
            .filter { $0.count > 0 }
            .sorted { $0.count != $1.count ? $0.count > $1.count : $0.name.name < $1.name.name }
    }

    private func chainSummary(_ statistics: RunStatistics) -> RunResult.ChainSummary {
        guard let layerOne = services.layerOne else { preconditionFailure("the first shard has layer 1") }
        return RunResult.ChainSummary(
            height: services.clock.height(at: simulation.now).rawValue,
            transactions: layerOne.transactionCount, channelsOpened: statistics.channelsOpened,
            channelsClosed: statistics.channelsClosed, openingsRefused: statistics.openingsRefused,
            closingsRefused: unclosedChannels,
            minerFees: layerOne.chain.feesTotal, genesisAmount: layerOne.chain.genesisTotal,
            kinds: statistics.chainKinds.filter { $0.count > 0 })
    }

    /// Channels that were to close when nothing was pending any more: they hold too little for the fee.
    private var unclosedChannels: UInt64 {
        UInt64(
            (0..<world.endCount).count {
                world.channels[$0].phase == .shuttingDown && world.channels[$0].isFunder
            })
    }

    private func disputeSummary(_ statistics: RunStatistics) -> RunResult.DisputeSummary {
        RunResult.DisputeSummary(
            unilateralCloses: statistics.commitmentsConfirmed, cheats: statistics.cheats,
            breaches: statistics.breaches, punished: UInt64(statistics.punishedChannels.count),
            dataLosses: statistics.dataLosses)
    }

    /// What must hold when nothing is pending: nothing in flight, nobody's books off by a millisatoshi, every open
    /// channel's funding output unspent, and as much money as at the beginning.
    private func checkInvariants() throws(SimulationError) {
        func check(_ holds: Bool, _ what: @autoclosure () -> String) throws(SimulationError) {
            if !holds { throw .brokenInvariant(what()) }
        }
        for shard in simulation.models {
            try check(shard.htlcs.count == 0, "\(shard.htlcs.count) HTLCs are pending after the drain")
            try check(shard.payments.count == 0, "\(shard.payments.count) payments never ended")
            try check(shard.parts.count == 0, "\(shard.parts.count) parts of payments never ended")
            try check(shard.held.isEmpty, "\(shard.held.count) payees hold parts after the drain")
        }
        try check(world.channels.isCurrent, "an offer is not that of its channel")
        try check(simulation.attachmentCount == 0, "\(simulation.attachmentCount) attachments leaked")
        for shard in simulation.models {
            for (end, dispute) in shard.disputes.sorted(by: { $0.key < $1.key })
            where !dispute.isConcluded {
                let isAway = [end, end.reversed].contains {
                    world.nodes[Int(world.owners[Int($0.rawValue)])].isAway
                }
                try check(isAway, "\(shard.describe(end)) is still on chain after the drain")
            }
        }
        guard let layerOne = services.layerOne else { return }
        layerOne.chain.checkTotals()
        var paid = Millisatoshi.zero
        var earned = Millisatoshi.zero
        for node in 0..<world.nodeCount {
            var change = Int64(Millisatoshi(world.nodes[node].wallet.total).rawValue)
            change -= Int64(Millisatoshi(world.nodes[node].startingWallet).rawValue)
            var booked: Int64 = 0
            for end in world.ends(of: node) {
                let position = Int(end.rawValue)
                let channel = world.channels[position]
                let books = world.booked(end)
                try check(
                    channel.phase == .closed || books.capital.amount == channel.capital,
                    "the capital of \(services.describe(end)) went wrong")
                change += Int64(channel.capital.rawValue)
                booked += books.balanceOfBookings
                let planned = world.topology.channels[end.channel]
                if planned.opensAt == nil {
                    change -= Int64(world.startingBalances[position].rawValue)
                    // A standing channel's opening cost was paid before the run.
                    if channel.isFunder { booked += Int64(Millisatoshi(planned.openingCost).rawValue) }
                }
                if channel.isFunded {
                    // A node that never comes back leaves its channel where it was.
                    let isOpen =
                        channel.phase != .closing && channel.phase != .failed && channel.phase != .lostData
                    try check(
                        !isOpen
                            || layerOne.chain.unspentValue(world.fundings[position]) == planned.capacity,
                        "the funding output of \(services.describe(end)) is not there")
                }
                for income in [books.measured, books.warmup] {
                    paid += income.feesPaid
                    earned += income.routingFees
                }
            }
            for coin in world.nodes[node].wallet.coins {
                try check(
                    layerOne.chain.unspentValue(coin.outpoint) == coin.value,
                    "a coin of \(world.topology.nodes[node].alias) is not there: \(coin.outpoint)")
            }
            try check(
                change == booked,
                "the books of \(world.topology.nodes[node].alias) say \(booked) msat, its money says \(change)"
            )
        }
        // Where the chain settled HTLCs on one side alone, what is no fee stands apart.
        let isOnChain = services.statistics.commitmentsConfirmed > 0
        try check(
            paid == earned || isOnChain, "senders paid \(paid) in fees, routers earned \(earned)")
    }
}
