import Foundation
import LightningTypes
import Testing
import Topologies

@testable import PaymentNetwork

/// The shipped stories of attacks and faults: each runs to the same end on one thread and on two, and shows what its
/// first lines claim. Seeds are the files'.
struct ShippedAttackTests {
    /// A run of a shipped topology, changed where asked.
    private struct Story {
        let topology: Topology
        let result: RunResult
        let transactions: [ChainRecord]
        let payments: [PaymentRecord]

        init(_ name: String, changing changes: [(from: String, to: String)] = []) throws {
            let path = "\(repository)/topologies/\(name).yaml"
            var text = try String(contentsOfFile: path, encoding: .utf8)
            for change in changes {
                #expect(text.contains(change.from), "\(name) has no \(change.from)")
                text = text.replacing(change.from, with: change.to)
            }
            topology = try Topology(bytes: Array(text.utf8), fileName: path, directory: "")
            let recorder = Recorder()
            result = try NetworkSimulation(topology, settings: RunSettings(), recorder: recorder).run()
            (transactions, payments) = (recorder.transactions, recorder.payments)
        }

        func income(_ node: String) throws -> NodeIncome {
            result.nodeIncome[try #require(topology.nodes.firstIndex { $0.alias == node }, "\(node)")]
        }

        /// How many payments of a node settled, of all it started.
        func success(of payer: String, to payees: Set<String>) -> (settled: Int, started: Int) {
            let own = payments.filter {
                topology.nodes[Int($0.source)].alias == payer
                    && payees.contains(topology.nodes[Int($0.destination)].alias)
            }
            return (own.count { $0.failure == nil }, own.count)
        }
    }

    private final class Recorder: RunRecorder {
        var transactions: [ChainRecord] = []
        var payments: [PaymentRecord] = []

        func record(_ payment: PaymentRecord) { payments.append(payment) }
        func record(_ attempt: AttemptRecord) {}
        func record(_ transaction: ChainRecord) { transactions.append(transaction) }
        func record(_ hour: TimelineRecord) {}
        func wantsAttempts(of payment: UInt64) -> Bool { false }
    }

    @Test(arguments: ["watchtower-outage", "mass-exit", "flood-and-loot", "slow-jamming", "reorg"])
    func `two threads give the digest of one`(name: String) throws {
        let story = try Story(name)
        var settings = RunSettings()
        settings.threads = 2
        #expect(try NetworkSimulation(story.topology, settings: settings).run().digest == story.result.digest)
        // What every file claims of itself: it takes no more than a moment, and says how it is run.
        #expect(story.topology.name == name)
    }

    @Test func `who is online or has a tower that is up wins against a cheat, and who has neither loses`()
        throws
    {
        let story = try Story("watchtower-outage")
        #expect(story.result.disputes.cheats == 4 && story.result.disputes.punished == 2)
        let (anna, ben) = (try story.income("anna").net, try story.income("ben").net)
        // All that Mallory kept in the channel, some 700,000 sat of it hers; the tower takes a tenth of Ben's.
        #expect(anna > 300_000_000 && ben > 200_000_000 && ben < anna)
        #expect(try story.income("clara").net < -400_000_000)
        #expect(try story.income("dave").net < -400_000_000)
        let present = try Story(
            "watchtower-outage", changing: [("  - {kind: watchtower-outage, at: 30h, for: 48h}\n", "")])
        #expect(try present.income("clara").net > 200_000_000)
        #expect(try present.income("dave").net < -400_000_000)
    }

    /// docs/DISPUTES.md: weight × rate ÷ 1,000, rounded down; here all rates are 2,500 satoshi for 1,000 weight.
    @Test(arguments: ["watchtower-outage", "flood-and-loot"])
    func `every transaction pays what the table of weights says`(name: String) throws {
        let anchored = name == "watchtower-outage"
        for transaction in try Story(name).transactions {
            let weight = transaction.weight
            switch transaction.kind {
            case .commitment:
                // Dust and millisatoshis go to the fee too.
                let base: UInt64 = anchored ? 1_124 : 724
                #expect(weight >= base && (weight - base).isMultiple(of: 172))
                let fee = weight * 2_500 / 1_000
                #expect((fee...fee + 354).contains(transaction.fee.rawValue), "\(transaction)")
            case .claim:
                let known: Set<UInt64> = anchored ? [446, 490] : [438, 490, 546, 572, 663, 703]
                #expect(known.contains(weight), "\(transaction)")
                let fee = weight * 2_500 / 1_000
                // After their expiry HTLCs are fought for, and rates rise.
                #expect(weight == 546 ? transaction.fee.rawValue >= fee : transaction.fee.rawValue == fee)
            case .penalty:
                // A tower's has an output for it, and one of its rates.
                let rates: [UInt64] = [2_500] + (0..<10).map { 253 << UInt64($0) }
                #expect([490, 614].contains(weight))
                #expect(
                    rates.contains {
                        ($0 * weight / 1_000...$0 * weight / 1_000 + 1).contains(transaction.fee.rawValue)
                    })
            case .funding, .closing, .feeBump: Issue.record("nobody makes one here: \(transaction)")
            }
        }
    }

    @Test func `who leaves when everybody does pays several times as much`() throws {
        let story = try Story("mass-exit")
        #expect(story.result.disputes.unilateralCloses == 24)
        let early = try (1...6).map { try story.income("early-\($0)").onchainFees.rawValue }
        let late = try (1...24).map { number in
            try story.income(number < 10 ? "saver-0\(number)" : "saver-\(number)").onchainFees.rawValue
        }
        #expect(try #require(late.min()) > 4 * #require(early.max()))
        let bumps = try #require(story.result.chain.kinds.first { $0.kind == .feeBump })
        #expect(bumps.count >= 24)
    }

    @Test func `a flood on small blocks loots every victim, and on larger ones none`() throws {
        let story = try Story("flood-and-loot")
        let victims = ["ada", "ben", "cyd", "dan", "eve", "fay", "gus", "hal", "ivy", "jon"]
        var loot: Int64 = 0
        for victim in victims {
            let income = try story.income(victim)
            #expect(income.principal < -100_000_000, "\(victim)")
            loot -= income.principal
        }
        // Each HTLC that the source took back is a payment the sink was paid for by somebody else.
        let lost = try #require(story.result.failures.first { $0.name == .permanentChannelFailure })
        #expect(loot == Int64(lost.count) * 20_000_000)
        #expect(Int64(try story.income("source").onchainFees.rawValue) < loot)
        let roomy = try Story(
            "flood-and-loot", changing: [("block_weight: 20_000,", "block_weight: 100_000,")])
        #expect(roomy.result.disputes.unilateralCloses == 10)
        for victim in victims { #expect(try roomy.income(victim).principal == 0, "\(victim)") }
    }

    @Test func `a jammed mill earns half of what its twin does, and more without the jammer`() throws {
        let story = try Story("slow-jamming")
        func honest(_ story: Story, _ town: String) -> Double {
            let shops: Set<String> = ["baker-\(town)", "smith-\(town)"]
            let all = ["anna", "ben", "cora", "dirk", "ella", "fred"].map {
                story.success(of: "\($0)-\(town)", to: shops)
            }
            return Double(all.reduce(0) { $0 + $1.settled }) / Double(all.reduce(0) { $0 + $1.started })
        }
        #expect(honest(story, "east") < 0.55 && honest(story, "west") > 0.99)
        let (east, west) = (
            try story.income("upper-mill-east").routingFees.rawValue,
            try story.income("upper-mill-west").routingFees.rawValue
        )
        #expect(2 * east < west)
        #expect(story.result.disputes.isEmpty)
        // The jammer's fees are those of satoshis.
        #expect(try story.income("jammer-in").feesPaid.rawValue < 10_000)
        let free = try Story(
            "slow-jamming",
            changing: [("faults:\n  - {kind: hold, node: jammer-out, at: 0s, for: 12h, delay: 40m}\n", "")])
        #expect(honest(free, "east") > 0.99)
        #expect(try free.income("upper-mill-east").routingFees.rawValue > 2 * east)
    }

    @Test func `a funding that a reorganisation undid is confirmed more than a day later`() throws {
        /// Of Hasty's: when it was confirmed for good, and when the first payment over it settled, in minutes.
        func times(_ story: Story) throws -> (confirmed: UInt64, used: UInt64) {
            let channel = try #require(story.topology.channels.firstIndex { $0.opensAt == .seconds(72_000) })
            let funding = try #require(story.transactions.first { $0.channel == Int32(channel) })
            #expect(funding.kind == .funding)
            let hasty = try #require(story.topology.nodes.firstIndex { $0.alias == "hasty" })
            let first = try #require(
                story.payments.filter { Int($0.source) == hasty && $0.failure == nil }.map(\.endedAt).min())
            return (funding.confirmedAt / 60_000_000, first / 60_000_000)
        }
        let story = try Story("reorg")
        let hasty = try times(story)
        #expect((1_210...1_225).contains(hasty.used) && hasty.confirmed > hasty.used + 24 * 60)
        #expect(story.transactions.count { $0.kind == .funding } == 2)
        let careful = try times(Story("reorg", changing: [("confirmations: 1}", "confirmations: 6}")]))
        #expect(careful.used >= careful.confirmed + 50)
        let calm = try times(Story("reorg", changing: [("  - {kind: reorg, at: 1255m, depth: 6}\n", "")]))
        #expect(calm.confirmed == 1_210)
    }
}
