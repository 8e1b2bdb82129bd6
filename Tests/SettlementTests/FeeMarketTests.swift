import Foundation
import LightningTypes
import Randomness
import Snapshots
import Testing

@testable import Settlement

@Suite struct `The fee market` {
    private static let rules = ChainRules.bitcoin

    private func demand(
        seed: UInt64 = 1, typical: UInt64 = 2_000, load: Double = 0.9, spikeInterval: Double = 500
    ) -> BackgroundDemand {
        BackgroundDemand(
            DemandFigures(
                feerateTypical: typical, volatility: 0.5, halfLife: 50, spread: 0.7, load: load,
                spikeInterval: spikeInterval, spikeSize: 1, spikeHalfLife: 20, spikeLoad: 0.3),
            seed: seed, rules: Self.rules)
    }

    private func world(_ demand: BackgroundDemand) -> World {
        let conditions = (0..<64).map { [SpendCondition(keys: [World.key($0).publicKey])] }
        var world = World(conditions)
        world.chain.demand = demand
        return world
    }

    /// Pays at a rate from the coin of a number; an output of 124 and an input of 272 beside the rest weigh 438.
    private func payment(_ coin: Int, feerate: UInt64) -> Transaction {
        let fee = (feerate * 438 + 999) / 1_000
        return World.payment(
            spending: [Chain.genesisOutpoint(UInt32(coin))], value: World.coin - Satoshi(fee)
        ).signed(by: [coin])
    }

    @Test func `weighs a payment as the helper above reckons`() {
        let spent = Output(value: World.coin, key: World.key(0).publicKey)
        #expect(payment(0, feerate: 1_000).weight(spending: [spent]) == 438)
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func `is the same for the same seed, whether blocks are mined one by one or passed together`(seed: UInt64)
    {
        var one = world(demand(seed: seed))
        var other = world(demand(seed: seed))
        one.mine(300)
        other.chain.passEmptyBlocks(upTo: BlockHeight(300))
        #expect(one.chain.demand == other.chain.demand)
        var stranger = world(demand(seed: seed + 100))
        stranger.mine(300)
        #expect(stranger.chain.demand != one.chain.demand)
    }

    /// Blocks never exceed their weight, take the best first, and leave what waited and arrived accounted for.
    @Test func `fills blocks from the highest rate down`() {
        var world = world(demand(load: 1.2))
        for _ in 0..<200 {
            let block = world.chain.mineBlock()
            #expect(block.weight <= Self.rules.blockWeightMaximum)
            guard let lowest = block.feerateLowest, let waiting = world.chain.demand else { continue }
            let higher = BackgroundDemand.rates.first { $0 > lowest } ?? .max
            if block.weight == Self.rules.blockWeightMaximum {
                #expect(block.feerateNeeded(Self.rules) == max(253, lowest + 1))
                #expect(waiting.waiting(atLeast: higher) == 0, "nothing better was left behind")
            } else {
                #expect(waiting.waiting == 0, "a block with room left nothing")
            }
        }
    }

    @Test func `returns to the typical rate, and spikes come and fade`() {
        var world = world(demand(load: 0.7, spikeInterval: 0))
        var levels: [UInt64] = []
        for _ in 0..<4_000 {
            world.mine(1)
            levels.append(world.chain.demand!.level)
        }
        let median = levels.sorted()[2_000]
        #expect((1_400...2_900).contains(median), "the median is \(median)")
        #expect(levels.max()! > 3_000 && levels.min()! < 1_300, "it moves")
        let before = world.chain.demand!.level
        world.chain.raiseDemand(by: 10)
        #expect(world.chain.demand!.level > 9 * before)
        world.mine(400)
        #expect(world.chain.demand!.level < 3 * 2_000)
    }

    /// What empty blocks and slow ones leave waits, and rates rise until it is worked off.
    @Test func `makes a queue of what empty blocks leave`() {
        var busy = world(demand(spikeInterval: 0))
        var held = busy
        for _ in 0..<20 {
            _ = busy.chain.mineBlock()
            let block = held.chain.mineBlock(isEmpty: true)
            #expect(block.weight == 0 && block.feerateLowest == nil)
        }
        #expect(held.chain.demand!.waiting > busy.chain.demand!.waiting + 15 * 3_000_000)
        let (fast, slow) = (busy.chain.mineBlock(), held.chain.mineBlock())
        #expect(slow.feerateNeeded(Self.rules) > fast.feerateNeeded(Self.rules))
        var late = world(demand())
        _ = late.chain.mineBlock(after: 5)
        #expect(late.chain.demand!.waiting > 3 * Self.rules.blockWeightMaximum)
        late.chain.raiseDemand(by: 1_000)
        for _ in 0..<300 { _ = late.chain.mineBlock(after: 4) }
        #expect(late.chain.demand!.waiting <= BackgroundDemand.backlogBlocksMaximum * 4_000_000)
    }

    @Test func `confirms at once what pays more than others and makes the rest wait`() throws {
        var world = world(demand(load: 1.5, spikeInterval: 0))
        world.mine(30)
        let needed = world.chain.mineBlock().feerateNeeded(Self.rules)
        #expect(needed > 253)
        let low = try world.chain.submit(payment(0, feerate: 253))
        let high = try world.chain.submit(payment(1, feerate: needed * 3))
        world.mine(1)
        #expect(world.chain.confirmations(of: high) == 1 && world.chain.confirmations(of: low) == 0)
        // A child of 100 times the rate carries its parent along.
        let parent = payment(0, feerate: 253)
        let child = World.payment(spending: [parent.outpoint(0)], value: Satoshi(900_000)).signed(by: [9])
        try world.chain.submit(child)
        world.mine(1)
        #expect(world.chain.confirmations(of: low) == 1 && world.chain.confirmations(of: child.id) == 1)
        world.chain.checkTotals()
    }

    /// A block full of others' transactions at exactly the rate of ours.
    @Test func `takes our own first where others bid the same`() throws {
        var idle = demand(load: 0, spikeInterval: 0)
        let rates = BackgroundDemand.rates.enumerated().filter { $0.element > 253 && $0.element < 100_000 }
        let place = rates.first { ($0.element * 438 + 999) / 1_000 * 1_000 / 438 == $0.element }
        let (index, rate) = try #require(place)
        idle.backlog[index] = 2 * Self.rules.blockWeightMaximum
        var world = world(idle)
        let ours = try world.chain.submit(payment(0, feerate: rate))
        world.mine(1)
        #expect(world.chain.confirmations(of: ours) == 1)
        let next = try world.chain.submit(payment(1, feerate: rate - 4))
        world.mine(1)
        #expect(world.chain.confirmations(of: next) == 0)
    }

    @Test func `mines a package by the rate of all of it, and descendants without what is mined`() throws {
        var world = World(coins: 12)
        // A parent of the lowest rate with a generous child; five payments between the child's rate and the package's.
        let parent = payment(0, feerate: 300)
        let child = World.payment(
            spending: [parent.outpoint(0)], value: parent.outputs[0].value - Satoshi(438 * 10)
        ).signed(by: [9])
        for transaction in [parent, child, payment(1, feerate: 6_000), payment(2, feerate: 5_000)] {
            try world.chain.submit(transaction)
        }
        let mined = world.chain.mineBlock().transactions.map(\.id)
        // (300 + 10,000) ÷ 2 lies between 5,000 and 6,000.
        #expect(mined == [payment(1, feerate: 6_000).id, parent.id, child.id, payment(2, feerate: 5_000).id])
    }

    /// Whatever the tree of parents and children, parents stand before children and every block takes what fits.
    @Test(arguments: 0..<16 as Range<UInt64>)
    func `orders any family of transactions`(seed: UInt64) throws {
        var stream = RandomStream(seed: seed, purpose: .init("families"), process: 0)
        var world = World(
            coins: 6, rules: ChainRules(blockWeightMaximum: 4_000, transactionWeightMaximum: 2_000))
        var coins = (0..<6).map {
            (outpoint: Chain.genesisOutpoint(UInt32($0)), value: UInt64(1_000_000), key: $0)
        }
        for _ in 0..<30 {
            let coin = coins.remove(at: Int(stream.below(UInt64(coins.count))))
            let value = coin.value - 200 - stream.below(coin.value / 8)
            let share = 1 + stream.below(value - 1)
            var transaction = World.payment(spending: [coin.outpoint], value: Satoshi(share))
            transaction.outputs.append(Output(value: Satoshi(value - share), key: World.key(9).publicKey))
            transaction.sign(keys: [coin.key])
            try world.chain.submit(transaction)
            for index in 0..<2 as Range<UInt32> {
                let value = transaction.outputs[Int(index)].value.rawValue
                if value > 2_000 { coins.append((transaction.outpoint(index), value, 9)) }
            }
        }
        var confirmed: Set<TransactionID> = [TransactionID(.zero)]
        while !world.chain.isMempoolEmpty {
            let block = world.chain.mineBlock()
            #expect(!block.transactions.isEmpty && block.weight <= 4_000)
            for mined in block.transactions {
                #expect(mined.transaction.inputs.allSatisfy { confirmed.contains($0.outpoint.transaction) })
                confirmed.insert(mined.id)
            }
        }
        #expect(confirmed.count == 31)
        world.chain.checkTotals()
    }
}

@Suite struct `A fee estimate` {
    /// What a node takes home of an estimator, for the haste that it knows of; in between it pays more, not less.
    @Test func `is kept for the targets that matter`() {
        var estimator = FeeEstimator(feerateMinimum: 253)
        for number in 0..<144 as Range<UInt64> { estimator.connect(feerate: 300 + number * 7_919 % 5_000) }
        let kept = FeeEstimates(estimator)
        for blocks in [1, 2, 3, 6, 144, 1_000] {
            #expect(kept.feerate(within: blocks) == estimator.feerate(within: blocks))
        }
        for blocks in 1...200 {
            #expect(kept.feerate(within: blocks) >= estimator.feerate(within: blocks))
        }
        #expect(Set([1, 3, 144].map { FeeEstimates(fixed: 77).feerate(within: $0) }) == [77])
    }

    @Test func `remembers 144 blocks, and those that are undone no longer`() {
        var estimator = FeeEstimator(feerateMinimum: 253)
        for number in 0..<300 as Range<UInt64> { estimator.connect(feerate: 300 + number) }
        #expect(estimator.lowest == (156..<300).map { 300 + $0 })
        estimator.disconnect(blocks: 6)
        #expect(estimator.lowest == (156..<294).map { 300 + $0 })
    }

    @Test func `is the minimum while nothing is known or blocks have room`() {
        var estimator = FeeEstimator(feerateMinimum: 253)
        #expect(estimator.feerate(within: 6) == 253)
        for _ in 0..<10 { estimator.connect(feerate: 253) }
        #expect(estimator.feerate(within: 1) == 253)
    }

    @Test func `asks less of those who can wait`() {
        var estimator = FeeEstimator(feerateMinimum: 253)
        for number in 0..<144 { estimator.connect(feerate: number % 3 == 0 ? 500 : 4_000) }
        #expect(estimator.feerate(within: 1) == 4_000)
        #expect(estimator.feerate(within: 2) == 4_000)
        #expect(estimator.feerate(within: 3) == 500, "one of any three blocks takes it")
    }

    @Test func `would have been enough 95 times of 100 and no rate below it`() {
        var stream = RandomStream(seed: 5, purpose: .init("estimates"), process: 0)
        for target in [1, 2, 6, 20] {
            var estimator = FeeEstimator(feerateMinimum: 1)
            let rates = (0..<144).map { _ in 1 + stream.below(10_000) }
            for rate in rates { estimator.connect(feerate: rate) }
            let starts = 0...144 - target
            func share(_ rate: UInt64) -> Double {
                let enough = starts.count { rates[$0..<$0 + target].contains { $0 <= rate } }
                return Double(enough) / Double(starts.count)
            }
            let estimate = estimator.feerate(within: target)
            #expect(share(estimate) >= 0.95 && share(estimate - 1) < 0.95)
        }
    }

    @Test(arguments: [0, 1, 144])
    func `is the same after a restart`(blocks: UInt64) throws {
        var estimator = FeeEstimator(feerateMinimum: 253)
        for block in 0..<blocks { estimator.connect(feerate: 1_000 + block) }
        var writer = SnapshotWriter()
        estimator.write(to: &writer)
        var restored = FeeEstimator(feerateMinimum: 253)
        var reader = SnapshotReader(writer.finish())
        try restored.read(from: &reader)
        try reader.finish()
        #expect(restored == estimator)
        var tooMany = SnapshotWriter()
        tooMany.write(count: 145)
        for _ in 0..<145 { tooMany.write(UInt64(1)) }
        var bad = SnapshotReader(tooMany.finish())
        #expect(throws: SnapshotError.self) { try restored.read(from: &bad) }
    }

    /// That is what makes commitments and penalties late.
    @Test func `is too low when a spike begins and too high after it`() {
        var estimator = FeeEstimator(feerateMinimum: 253)
        for _ in 0..<144 { estimator.connect(feerate: 1_000) }
        for _ in 0..<5 { estimator.connect(feerate: 50_000) }
        #expect(estimator.feerate(within: 1) == 1_000, "five blocks of 144 are less than 5 of 100")
        for _ in 0..<20 { estimator.connect(feerate: 50_000) }
        for _ in 0..<20 { estimator.connect(feerate: 1_000) }
        #expect(estimator.feerate(within: 1) == 50_000)
        estimator.disconnect(blocks: 40)
        #expect(estimator.feerate(within: 1) == 1_000)
    }
}

@Suite struct `The profiles` {
    @Test func `are five, found by name`() {
        let names = ["bitcoin", "liquid", "ethereum", "optimistic-rollup", "zk-rollup"]
        #expect(LayerOneProfile.all.map(\.name) == names)
        #expect(names.allSatisfy { LayerOneProfile.named($0)?.name == $0 })
        #expect(LayerOneProfile.named("dogecoin") == nil)
    }

    /// The table "Profiles" of docs/LAYER-ONE.md.
    @Test func `have the figures that are documented`() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/LAYER-ONE.md")
        var rows: [String: [UInt64]] = [:]
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == LayerOneProfile.all.count + 1 else { continue }
            rows[cells[0]] = cells.dropFirst().compactMap { cell in
                UInt64(cell.prefix { $0.isNumber || $0 == "," }.filter { $0 != "," })
            }
        }
        func row(_ name: String, _ value: (LayerOneProfile) -> UInt64) {
            #expect(rows[name] == LayerOneProfile.all.map(value), "\(name)")
        }
        row("seconds between blocks") { $0.blockInterval / 1_000_000 }
        row("confirmations of a funding") { UInt64($0.confirmations) }
        row("dispute window, blocks") { UInt64($0.disputeWindow) }
        row("exit delay, blocks") { UInt64($0.exitDelay) }
        row("deepest reorganisation") { UInt64($0.reorganisationDepth) }
        row("block weight") { $0.rules.blockWeightMaximum }
        row("lowest rate") { $0.rules.feerateMinimum }
        row("typical bid") { $0.demand.feerateTypical }
    }

    /// Rates stay about where the figures put them, and what waits is bounded.
    @Test(arguments: LayerOneProfile.all)
    func `have a market of their own`(profile: LayerOneProfile) {
        var chain = Chain(
            genesis: [Output(value: World.coin, key: World.key(0).publicKey)], rules: profile.rules,
            demand: BackgroundDemand(profile.demand, seed: 1, rules: profile.rules))
        let needed = (0..<20_000).map { _ in chain.mineBlock().feerateNeeded(profile.rules) }.sorted()
        let median = needed[needed.count / 2]
        #expect(median >= profile.rules.feerateMinimum && median <= 2 * profile.demand.feerateTypical)
        #expect(10 * median >= profile.demand.feerateTypical, "the median is \(median)")
        #expect(needed[needed.count * 99 / 100] <= 100 * profile.demand.feerateTypical)
        #expect(
            chain.demand!.waiting <= BackgroundDemand.backlogBlocksMaximum * profile.rules.blockWeightMaximum)
        #expect(profile.reorganisationDepth <= Chain.reorganisationDepthMaximum)
    }
}
