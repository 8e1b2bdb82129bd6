import Testing

@testable import Topologies

struct ComponentTests {
    /// A random directed graph of up to eight nodes, from a seed.
    static func graph(_ seed: UInt64) -> (count: Int, edges: [(Int, Int)]) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        let count = 1 + next(8)
        let edges = (0..<next(2 * count + 1)).map { _ in (next(count), next(count)) }
        return (count, edges)
    }

    @Test(arguments: 0..<400 as Range<UInt64>)
    func `two nodes share a component when each reaches the other`(seed: UInt64) {
        let (count, edges) = Self.graph(seed)
        var starts = [Int32](repeating: 0, count: count + 1)
        var targets: [Int32] = []
        for node in 0..<count {
            targets += edges.filter { $0.0 == node }.map { Int32($0.1) }
            starts[node + 1] = Int32(targets.count)
        }
        // Warshall's closure: reach by any path, itself included.
        var reaches = (0..<count).map { i in (0..<count).map { $0 == i } }
        for (a, b) in edges { reaches[a][b] = true }
        for k in 0..<count {
            for i in 0..<count where reaches[i][k] {
                for j in 0..<count where reaches[k][j] { reaches[i][j] = true }
            }
        }
        let components = StronglyConnectedComponents(starts: starts, targets: targets)
        for i in 0..<count {
            for j in 0..<count {
                let isShared = components.componentOfNode[i] == components.componentOfNode[j]
                #expect(isShared == (reaches[i][j] && reaches[j][i]))
            }
        }
        let classes = (0..<count).map { i in (0..<count).filter { reaches[i][$0] && reaches[$0][i] } }
        let most = classes.map(\.count).max()
        #expect(components.largest.map(Int.init) == classes.first { $0.count == most })
    }

    @Test func `a path of a million nodes needs no deep stack`() {
        let count = 1_000_000
        let starts = (0...count).map { Int32(min($0, count - 1)) }
        let targets = (1..<count).map { Int32($0) }
        let components = StronglyConnectedComponents(starts: starts, targets: targets)
        #expect(components.count == count)
        #expect(components.largest == [0])
    }

    @Test func `disabled and unannounced directions connect nobody`() throws {
        let topology = try read(
            """
            millrace: 1
            nodes: [a, b, c, d]
            channels:
              - {from: a, to: b, capacity_sat: 50000}
              - {from: b, to: c, capacity_sat: 50000, to_policy: {disabled: true}}
              - {from: c, to: d, capacity_sat: 50000, from_policy: none}
            """)
        #expect(topology.connectedNodes == [0, 1])
        let description = topology.describe()
        #expect(description.weaklyConnectedComponents == 1)
        #expect(description.largestStronglyConnectedComponent == 2)
        #expect(description.disabledDirections == 1)
        #expect(description.directionsWithPolicy == 5)
        #expect(description.channelsOneWay == 1)
        #expect(description.channelsBothWays == 2)
        #expect(description.leaves == 2)
        #expect(description.nodesWithoutPolicy == 0)
    }
}
