import LightningTypes
import Testing
import Topologies

@testable import PaymentNetwork

/// The busy network over two days in which channels and nodes come and go every few hours.
func churningNetwork(seed: UInt64, feerate: Int = 10) throws -> Topology {
    var network = try topology(
        """
        millrace: 1
        duration: 2d
        layer_1: {feerate_sat_per_vbyte: \(feerate)}
        nodes: [ada, ben, cyd, dan, eve]
        channels:
          - {from: ada, to: ben, capacity_sat: 600_000, standing: true, policy: {fee_ppm: 300}}
          - {from: ben, to: cyd, capacity_sat: 900_000, standing: true}
          - {from: cyd, to: dan, capacity_sat: 700_000, standing: true}
          - {from: dan, to: eve, capacity_sat: 400_000, standing: true}
        churn:
          channels_opened_per_day: 20
          channel_lifetime: 20h
          nodes_joining_per_day: 8
          channels_per_joining_node: 2
          node_lifetime: 2d
        traffic:
          - {rate_per_hour: 60, amount_sat: {from: 500, to: 20000}}
        """)
    network.seed = seed
    try network.drawChurn(until: .seconds(2 * 86_400))
    return network
}

@Suite struct Churn {
    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func `opens and closes channels of nodes old and new, and the books explain what it cost`(seed: UInt64)
        throws
    {
        let notebook = Notebook()
        let network = try churningNetwork(seed: seed)
        let result = try NetworkSimulation(network, settings: RunSettings(), recorder: notebook).run()
        #expect(result.chain.channelsOpened > 30 && result.chain.channelsClosed > 15)
        #expect(result.chain.openingsRefused == 0)
        // Every fee a miner got is somebody's cost; dust and rounding at closings are too.
        let costs = result.channelIncome.reduce(Millisatoshi.zero) { $0 + $1.onchainFees }
        #expect(costs >= Millisatoshi(result.chain.minerFees))
        #expect(costs.roundedDown.rawValue < result.chain.minerFees.rawValue + 1_000)
        #expect(UInt64(notebook.transactions.count) == result.chain.transactions)
        // New nodes take part, and nobody does before joining or after leaving.
        let payers = Set(notebook.payments.map(\.source))
        #expect(payers.contains { $0 >= 5 })
        for payment in notebook.payments {
            let time = Duration.microseconds(Int64(payment.startedAt))
            #expect(network.nodes[Int(payment.source)].isPresent(at: time))
            #expect(network.nodes[Int(payment.destination)].isPresent(at: time))
        }
        #expect(result.payments.settled > 1_000)
    }

    @Test func `costs nothing but dust where layer 1 is free`() throws {
        let result = try run(churningNetwork(seed: 1, feerate: 0))
        #expect(result.channelIncome.allSatisfy { $0.openingCost == .zero })
        // An output below the dust limit is not made, and a closing has two.
        #expect(result.chain.minerFees.rawValue < 2 * 354 * result.chain.channelsClosed)
        #expect(result.chain.channelsClosed > 15)
    }

    @Test(arguments: [2, 8], [1, 3])
    func `is the same on any number of shards and threads`(shards: Int, threads: Int) throws {
        func result(shards: Int, threads: Int) throws -> RunResult {
            var settings = RunSettings()
            settings.threads = threads
            return try NetworkSimulation(churningNetwork(seed: 7), settings: settings, shardCount: shards)
                .run()
        }
        let alone = try result(shards: 1, threads: 1)
        let other = try result(shards: shards, threads: threads)
        #expect(alone.digest == other.digest && alone.nodeIncome.map(\.net) == other.nodeIncome.map(\.net))
    }

    @Test func `is drawn from the seed alone`() throws {
        let (first, second, other) = try (
            churningNetwork(seed: 3), churningNetwork(seed: 3), churningNetwork(seed: 4)
        )
        #expect(first.channels == second.channels && first.nodes == second.nodes)
        #expect(first.channels != other.channels)
    }

    /// 2,000 channels that live ten days on average, and 50 new ones a day, over ten days: within four standard errors.
    @Test func `has the rates and lifetimes of the file`() throws {
        var network = try topology(
            """
            millrace: 1
            generate: {kind: erdos-renyi, nodes: 400, channels: 2000}
            churn: {channels_opened_per_day: 50, channel_lifetime: 10d, nodes_joining_per_day: 20, node_lifetime: 100d}
            """)
        try network.drawChurn(until: .seconds(864_000))
        let standing = network.channels[..<2_000]
        // One way or another a channel of two nodes ends at 1/10 + 2/100 a day.
        let closed = Double(standing.count { $0.closesAt != nil })
        #expect(abs(closed - 2_000 * 0.6988) < 4 * 21)
        #expect(abs(Double(network.nodes.count - 400) - 200) < 4 * 14.2)
        #expect(abs(Double(network.channels.count - 2_000) - 900) < 4 * 36)
        let left = Double(network.nodes[..<400].count { $0.leavesAt != nil })
        #expect(abs(left - 400 * 0.0952) < 4 * 6)
        #expect(
            zip(network.channels, network.channels.dropFirst()).allSatisfy {
                $0.shortChannelID < $1.shortChannelID
            })
        for channel in network.channels {
            for node in [channel.node1, channel.node2] {
                let node = network.nodes[Int(node)]
                #expect(node.isPresent(at: channel.opensAt ?? .zero))
                if let leaves = node.leavesAt { #expect(channel.closesAt.map { $0 <= leaves } == true) }
            }
        }
    }

    @Test func `of more money than there is is refused`() throws {
        var network = try topology(
            """
            millrace: 1
            nodes: [a, b]
            churn: {channels_opened_per_day: 100, capacity_sat: 100_000_000_000_000}
            """)
        #expect(throws: TopologyError.self) { try network.drawChurn(until: .seconds(86_400)) }
    }
}
