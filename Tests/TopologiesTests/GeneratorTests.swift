import Foundation
import LightningTypes
import Testing

@testable import Topologies

/// The families of graphs have what defines them.
struct GeneratorTests {
    private func topology(_ recipe: String, _ rest: String = "") throws(TopologyError) -> Topology {
        try read("millrace: 1\ngenerate: {\(recipe)}\n\(rest)")
    }

    private func degrees(_ topology: Topology) -> [Int] {
        var degrees = [Int](repeating: 0, count: topology.nodes.count)
        for channel in topology.channels {
            degrees[Int(channel.node1)] += 1
            degrees[Int(channel.node2)] += 1
        }
        return degrees
    }

    private func hasParallels(_ topology: Topology) -> Bool {
        Set(topology.channels.map { [$0.node1, $0.node2] }).count < topology.channels.count
    }

    @Test func `regular families have exactly their channels`() throws {
        #expect(degrees(try topology("kind: ring, nodes: 5")) == [2, 2, 2, 2, 2])
        #expect(degrees(try topology("kind: star, nodes: 5")) == [4, 1, 1, 1, 1])
        #expect(degrees(try topology("kind: grid, nodes: 7, columns: 3")) == [2, 3, 2, 3, 3, 2, 1])
        let hubs = try topology("kind: hub-and-spoke, nodes: 8, hubs: 3")
        #expect(degrees(hubs) == [4, 4, 3, 1, 1, 1, 1, 1])
        #expect(hubs.nodes.map(\.id) == (1...8).map { "n\($0)" })
        #expect(try topology("kind: ring, nodes: 12").nodes[1].id == "n02")
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `random families keep their counts, join no node to itself and no pair twice`(seed: UInt64) throws {
        let albert = try topology("kind: barabasi-albert, nodes: 60, channels_per_node: 3, seed: \(seed)")
        #expect(albert.channels.count == 6 + 56 * 3)
        #expect(degrees(albert).allSatisfy { $0 >= 3 })
        let small = try topology(
            "kind: watts-strogatz, nodes: 50, channels_per_node: 6, rewiring: 0.5, seed: \(seed)")
        #expect(small.channels.count == 150)
        let random = try topology("kind: erdos-renyi, nodes: 9, channels: 36, seed: \(seed)")
        #expect(degrees(random) == [Int](repeating: 8, count: 9))
        for graph in [albert, small, random] {
            #expect(!hasParallels(graph))
            #expect(graph.channels.allSatisfy { $0.node1 < $0.node2 })
        }
    }

    @Test func `rewiring decides how much of the ring is left`() throws {
        func ring(_ rewiring: String) throws -> Int {
            let graph = try topology(
                "kind: watts-strogatz, nodes: 400, channels_per_node: 2, rewiring: \(rewiring)")
            return graph.channels.count { ($0.node2 - $0.node1) == 1 || ($0.node2 - $0.node1) == 399 }
        }
        #expect(try ring("0") == 400)
        #expect((280...360).contains(try ring("0.2")))
        #expect(try ring("1") < 20)
    }

    @Test func `preferential attachment makes hubs where even choice makes none`() throws {
        let albert = degrees(try topology("kind: barabasi-albert, nodes: 2_000, channels_per_node: 2"))
        let random = degrees(try topology("kind: erdos-renyi, nodes: 2_000, channels: 3_997"))
        #expect(albert.max()! > 60)
        #expect(random.max()! < 20)
    }

    @Test func `the seed decides the graph, the topology's where there is no other`() throws {
        let own = try topology("kind: barabasi-albert, seed: 7")
        let shared = try topology("kind: barabasi-albert", "seed: 7")
        let other = try topology("kind: barabasi-albert")
        #expect(own.channels == shared.channels)
        #expect(own.channels != other.channels)
    }

    @Test func `defaults hold for generated channels, and nodes may be added`() throws {
        let topology = try topology(
            "kind: ring, nodes: 3",
            """
            defaults: {capacity_sat: 70_000, policy: {fee_ppm: 9}, to_self_delay: 7}
            nodes: [me]
            channels: [{from: me, to: n1}]
            """)
        #expect(topology.channels.count == 4)
        #expect(topology.channels.allSatisfy { $0.capacity == Satoshi(70_000) })
        #expect(topology.channels.allSatisfy { $0.policy1?.proportionalFee == 9 })
        #expect(topology.channels.allSatisfy { $0.limits.toSelfDelay == 7 })
    }

    @Test(arguments: [
        ("kind: ring, hubs: 3", "means nothing for ring, which takes nodes alone"),
        ("kind: watts-strogatz, hubs: 3", "which takes nodes and channels_per_node, rewiring"),
        ("kind: rign", "expected one of"),
        ("nodes: 4", "lacks 'kind'"), ("kind: ring, nodes: 2", "expected 3 to"),
        ("kind: watts-strogatz, channels_per_node: 3", "an even number"),
        ("kind: watts-strogatz, rewiring: 1.5", "0 to 1"),
        ("kind: erdos-renyi, nodes: 4, channels: 7", "at most 6"),
        ("kind: mainnet-like, nodes: 100, channels: 99", "one a node"),
        ("kind: hub-and-spoke, nodes: 4, hubs: 4", "1 to 3"),
    ])
    func `figures that no such graph has are an error`(recipe: String, part: String) throws {
        let error = try #require(fault(Array("millrace: 1\ngenerate: {\(recipe)}".utf8)))
        #expect(error.message.contains(part), "\(error)")
        #expect(error.line == 2)
    }

    @Test(arguments: [(10, 30), (40, 60), (500, 1_466), (900, 9_000)])
    func `mainnet-like has the nodes and channels asked for, at any size`(nodes: Int, channels: Int) throws {
        let graph = try topology("kind: mainnet-like, nodes: \(nodes), channels: \(channels)")
        #expect(graph.nodes.count == nodes)
        #expect(graph.channels.count == channels)
        #expect(degrees(graph).allSatisfy { $0 >= 1 })
    }

    /// The published figures of the snapshot it is calibrated on; docs/GENERATORS.md has the whole table.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func `mainnet-like is distributed like mainnet`(seed: UInt64) throws {
        let graph = try topology("kind: mainnet-like, seed: \(seed)").describe()
        func isNear(_ value: UInt64, _ published: UInt64, within percent: UInt64) -> Bool {
            let difference = value > published ? value - published : published - value
            return difference * 100 <= published * percent
        }
        #expect(graph.nodes == 17_324)
        #expect(graph.channels == 50_808)
        #expect(isNear(UInt64(graph.leaves), 9_391, within: 1))
        #expect(graph.degree.p75 == 3 && graph.degree.p90 == 8)
        #expect(isNear(graph.degree.p99, 74, within: 5))
        #expect(isNear(graph.degree.maximum, 1_989, within: 5))
        #expect(isNear(UInt64(graph.channelsBothWays), 31_917, within: 5))
        #expect(isNear(UInt64(graph.channelsOneWay), 1_976, within: 10))
        #expect(isNear(UInt64(graph.channelsWithoutPolicy), 16_915, within: 8))
        #expect(isNear(UInt64(graph.nodesWithoutPolicy), 10_346, within: 5))
        #expect(graph.disabledDirections == 0)
        #expect(isNear(graph.capacityTotal.rawValue, 536_168_000_000, within: 2))
        #expect(isNear(graph.capacityMedian.rawValue, 1_283_178, within: 5))
        #expect(graph.proportionalFeePPM.p25 == 1)
        #expect(isNear(graph.proportionalFeePPM.p50, 100, within: 5))
        #expect(isNear(graph.proportionalFeePPM.p75, 569, within: 5))
        #expect(isNear(graph.proportionalFeePPM.p90, 2_000, within: 5))
        #expect(graph.baseFeeMillisatoshi.p25 == 0)
        #expect((1...200).contains(graph.baseFeeMillisatoshi.p50))
        #expect(graph.baseFeeMillisatoshi.p90 == 1_000)
        #expect(graph.cltvExpiryDelta.p25 == 40 && graph.cltvExpiryDelta.p50 == 80)
        #expect(graph.cltvExpiryDelta.p90 == 144)
        #expect(isNear(UInt64(graph.largestStronglyConnectedComponent), 6_191, within: 10))
    }

    /// Snapshot: 0.60, and announced channels' median of 3,000,000 sat, the others' of 100,000.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func `mainnet-like has large channels between nodes with many`(seed: UInt64) throws {
        let graph = try topology("kind: mainnet-like, seed: \(seed)")
        let degree = degrees(graph)
        let announced = graph.channels.filter { $0.policy1 != nil || $0.policy2 != nil }
        let capacities = announced.map { Double($0.capacity.rawValue) }
        let lesser = announced.map { Double(min(degree[Int($0.node1)], degree[Int($0.node2)])) }
        #expect(abs(rankCorrelation(capacities, lesser) - 0.60) < 0.05)
        #expect(abs(capacities.sorted()[capacities.count / 2] / 3_000_000 - 1) < 0.02)
        let silent = graph.channels.filter { $0.policy1 == nil && $0.policy2 == nil }.map(\.capacity).sorted()
        #expect(abs(Double(silent[silent.count / 2].rawValue) / 100_000 - 1) < 0.1)
    }

    /// Snapshot: 0.63 of the variance of the logarithm is between nodes; fee and capacity correlate by 0.24.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func `mainnet-like has dear nodes and cheap ones`(seed: UInt64) throws {
        let graph = try topology("kind: mainnet-like, seed: \(seed)")
        var fees: [Double] = []
        var capacities: [Double] = []
        var sums = [(count: Double, sum: Double)](repeating: (0, 0), count: graph.nodes.count)
        for channel in graph.channels {
            for (node, policy) in [(channel.node1, channel.policy1), (channel.node2, channel.policy2)] {
                guard let policy else { continue }
                fees.append(log(1 + Double(policy.proportionalFee)))
                capacities.append(Double(channel.capacity.rawValue))
                sums[Int(node)].count += 1
                sums[Int(node)].sum += fees[fees.count - 1]
            }
        }
        let mean = fees.reduce(0, +) / Double(fees.count)
        let whole = fees.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let between = sums.filter { $0.count > 0 }.reduce(0) {
            let difference = $1.sum / $1.count - mean
            return $0 + $1.count * difference * difference
        }
        #expect(abs(between / whole - 0.63) < 0.05)
        #expect(abs(rankCorrelation(fees, capacities) - 0.24) < 0.06)
    }

    /// Spearman's: that of the ranks, equal values at the middle of theirs.
    private func rankCorrelation(_ a: [Double], _ b: [Double]) -> Double {
        func ranks(_ values: [Double]) -> [Double] {
            let order = values.indices.sorted { values[$0] < values[$1] }
            var ranks = [Double](repeating: 0, count: values.count)
            var start = 0
            while start < order.count {
                var end = start
                while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
                for place in start..<end { ranks[order[place]] = Double(start + end - 1) / 2 }
                start = end
            }
            return ranks
        }
        let middle = Double(a.count - 1) / 2
        func product(_ x: [Double], _ y: [Double]) -> Double {
            zip(x, y).reduce(0) { $0 + ($1.0 - middle) * ($1.1 - middle) }
        }
        let (x, y) = (ranks(a), ranks(b))
        return product(x, y) / (product(x, x) * product(y, y)).squareRoot()
    }

    @Test func `the shipped month of mainnet generates its graph`() throws {
        let path = Place.repository.appendingPathComponent("topologies/mainnet-like.yaml")
        let month = try Topology(
            bytes: Array(try Data(contentsOf: path)), fileName: path.path, directory: "")
        #expect(month.name == "mainnet-like")
        #expect(month.nodes.count == GraphRecipe.mainnetNodes)
        #expect(month.duration == .seconds(30 * 86_400))
    }
}
