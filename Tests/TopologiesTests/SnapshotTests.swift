import LightningTypes
import Testing

@testable import Topologies

/// The real network's graphs, which lie beside the repository where they are at hand; skipped elsewhere.
@Suite(.enabled(if: Place.hasSnapshots, "needs the snapshots of ../shared/data"))
struct SnapshotTests {
    // Read once: a debug build takes seconds for each.
    static let describegraph = Result {
        try Place.unpacked("gzip", "mainnet-2026-02-03/describegraph.json.gz")
    }
    static let listchannels = Result { try Place.unpacked("gzip", "mainnet-2026-02-03/listchannels.json.gz") }
    static let listnodes = Result { try Place.unpacked("gzip", "mainnet-2026-02-03/listnodes.json.gz") }

    static func topology(_ bytes: [UInt8], _ options: Topology.ReadOptions = .init()) throws -> Topology {
        try Topology(bytes: bytes, fileName: "snapshot.json", directory: "", options: options)
    }

    @Test func `describegraph of 2026 has the counts its source states`() throws {
        let topology = try Self.topology(Self.describegraph.get())
        let description = topology.describe()
        #expect(description.nodes == 17_324)
        #expect(description.channels == 50_808)
        #expect(description.directionsWithPolicy == 65_810)
        #expect(description.channelsBothWays == 31_917)
        #expect(description.channelsOneWay == 1_976)
        #expect(description.channelsWithoutPolicy == 16_915)
        #expect(description.nodesWithoutPolicy == 10_346)
        #expect(description.capacityTotal.rawValue / 10_000_000 == 53_616)
        #expect(description.capacityMedian == Satoshi(1_283_178))
        #expect(description.baseFeeMillisatoshi.p50 == 33)
        #expect(description.proportionalFeePPM.p25 == 1)
        #expect(description.proportionalFeePPM.p50 == 100)
        #expect(description.proportionalFeePPM.p75 == 569)
        #expect(description.proportionalFeePPM.p90 == 2_000)
        #expect(description.cltvExpiryDelta.p25 == 40)
        #expect(description.cltvExpiryDelta.p50 == 80)
        #expect(description.cltvExpiryDelta.p90 == 144)
        #expect(description.leaves == 9_391)
        #expect(description.degree.p99 == 74)
        #expect(description.degree.maximum == 1_989)
        let acinq = try topology.nodeIndex(named: "ACINQ")
        #expect(
            topology.nodes[Int(acinq)].id
                == "03864ef025fde8fb587d989186ce6a4a186895ee44a926bfc370e2c366597a3f8f")
        for pair in zip(topology.nodes, topology.nodes.dropFirst()) { #expect(pair.0.id < pair.1.id) }
    }

    @Test func `lnd's and Core Lightning's files of one network give one topology`() throws {
        let lnd = try Self.topology(Self.describegraph.get(), .init(channelsWithoutPolicy: .drop))
        let cln = try Self.topology(
            Self.listchannels.get(), .init(channelsWithoutPolicy: .drop, nodeNames: try Self.listnodes.get()))
        #expect(lnd.channels.count == 33_893)
        #expect(lnd.nodes.count == 6_978)
        // Not `#expect(a == b)` on the arrays, which would print them whole.
        let hasEqualChannels = lnd.channels == cln.channels
        let hasEqualNodes = lnd.nodes == cln.nodes
        #expect(hasEqualChannels)
        #expect(hasEqualNodes)
        #expect(lnd.connectedNodes == cln.connectedNodes)
        let nameless = try Self.topology(Self.listchannels.get())
        let hasEqualIDs = nameless.nodes.map(\.id) == lnd.nodes.map(\.id)
        #expect(hasEqualIDs)
        #expect(nameless.nodes.allSatisfy { $0.alias == $0.id })
    }

    @Test func `listchannels of 2019 has the counts its source states`() throws {
        let bytes = try Place.unpacked("xz", "mainnet-2019-05-14/channels_5-14-19.json.xz")
        let topology = try Self.topology(bytes)
        let description = topology.describe()
        #expect(description.channels == 37_497)
        #expect(description.directionsWithPolicy == 68_794)
        #expect(
            topology.channels.allSatisfy { channel in
                [channel.policy1, channel.policy2].allSatisfy {
                    $0 == nil || $0!.htlcMaximum == Millisatoshi(channel.capacity)
                }
            })
    }

    @Test func `a graph cut off anywhere is an error with a place`() throws {
        let bytes = try Self.listnodes.get()
        let graph = Array(try Self.describegraph.get().prefix(200_000))
        for length in stride(from: 1_000, to: graph.count, by: 9_973) {
            let error = try #require(fault(Array(graph[..<length])))
            #expect(error.line != nil)
        }
        #expect(fault(bytes)?.message.contains("listnodes") == true)
    }
}
