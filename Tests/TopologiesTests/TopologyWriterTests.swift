import LightningTypes
import Testing

@testable import Topologies

/// What is written reads back as the same network.
struct TopologyWriterTests {
    /// Everything that a run depends on, as text: any difference shows.
    private func story(_ topology: Topology) -> String {
        "\(topology.nodes)\n\(topology.channels)\n\(topology.traffic)\n\(topology.balances) "
            + "\(String(describing: topology.duration)) \(topology.warmup) \(topology.seed) \(topology.name)"
    }

    private func expectSame(_ bytes: [UInt8], _ options: Topology.ReadOptions = .init()) throws {
        let original = try Topology(bytes: bytes, fileName: "t.yaml", directory: "", options: options)
        let text = try Topology.importing(bytes, fileName: "t.yaml", options: options)
        let again = try read(text)
        let isSame = story(original) == story(again)
        #expect(isSame)
    }

    @Test(arguments: [GraphSamples.simLN, GraphSamples.plainGraphML, GraphSamples.directedGraphML])
    func `graphs of other programs`(text: String) throws { try expectSame(Array(text.utf8)) }

    @Test func `who only forwards pays nobody afterwards either`() throws {
        let network = GraphSamples.simLN.components(separatedBy: ", \"activity\"")[0]
        try expectSame(Array((network + ", \"exclude\": [\"020a\"]}").utf8))
    }

    @Test func `CLoTH's tables, balances to the millisatoshi`() throws {
        let tables = zip(Topology.cloTHFileNames, GraphSamples.cloth).map {
            (name: $0, bytes: Array($1.utf8))
        }
        let again = try read(Topology.importing(cloTH: tables, name: "net"))
        #expect(again.channels.map(\.balance1?.rawValue) == [4_300_909, 19_157_026])
        #expect(again.name == "net")
    }

    @Test func `any name there may be`() throws {
        let aliases = [
            "a,b", "\"quoted\"", " blank ", "&anchor", "*alias", "back\\slash", "line\u{2028}break",
            "tab\there",
            "\u{FEFF}bom", "new\nline", "# hash", "- dash", "'", "🚀", "\u{85}next", "{x: 1}", "e\u{301}",
            "| >",
        ]
        var nodes = ""
        for (index, alias) in aliases.enumerated() {
            let escaped = alias.unicodeScalars.map { scalar in
                scalar.value < 0x80 && scalar != "\"" && scalar != "\\" && scalar.value >= 0x20
                    ? String(scalar)
                    : scalar.value > 0xFFFF
                        ? String(scalar) : "\\u" + String(scalar.value + 0x10000, radix: 16).suffix(4)
            }.joined()
            nodes += (index > 0 ? "," : "") + "{\"pub_key\": \"\(index)\", \"alias\": \"\(escaped)\"}"
        }
        let graph = "{\"nodes\": [\(nodes)], \"edges\": []}"
        let text = try Topology.importing(Array(graph.utf8), fileName: "g.json")
        #expect(Set(try read(text).nodes.map(\.alias)) == Set(aliases))
    }

    @Test(arguments: GraphRecipe.Kind.allCases)
    func `generated graphs`(kind: GraphRecipe.Kind) throws {
        let text = try GraphRecipe(kind, nodes: 200, seed: 5).topologyText()
        let again = try read(text)
        let described = try read(
            "millrace: 1\nname: \(kind.rawValue)\nseed: 5\ngenerate: {kind: \(kind.rawValue), nodes: 200}\ntraffic: assumed"
        )
        let isSame = story(again) == story(described)
        #expect(isSame)
    }

    @Test(arguments: [
        ("short_channel_id,node1", "short_channel_idd,node1", "no column 'short_channel_id'"),
        ("700000x1x0,0,1", "700000x1x0,0,2", "has 2 rows"), ("700000x1x0,0,1", "700000x1x0,1,1", "to itself"),
        (",100,40", ",100,", "expected a whole number"), ("id,alias", "id,alais", "did you mean 'alias'"),
        ("ACINQ", "A\\q", "an escape"), ("03bb", "02aa", "stands twice"),
    ])
    func `a table that is wrong is an error in its own line`(old: String, new: String, part: String) throws {
        let text = """
            millrace: 1
            graph:
              format: table
              node_table: |
                id,alias
                02aa,ACINQ
                03bb,
              channel_table: |
                short_channel_id,node1,node2,capacity_sat,base_fee_1_msat,fee_1_ppm,cltv_expiry_delta_1
                700000x1x0,0,1,1000000,0,100,40
            """
        #expect(try read(text).channels[0].policy2 == nil)
        let error = try #require(fault(Array(text.replacing(old, with: new).utf8)))
        #expect(error.message.contains(part), "\(error)")
        let line = text.split(separator: "\n").firstIndex { $0.contains(old) }! + 1
        #expect(error.line == line)
    }

    @Test(.enabled(if: Place.hasSnapshots, "needs the snapshots of ../shared/data"))
    func `the real network`() throws {
        try expectSame(SnapshotTests.describegraph.get())
        try expectSame(
            SnapshotTests.listchannels.get(),
            .init(channelsWithoutPolicy: .drop, nodeNames: try SnapshotTests.listnodes.get()))
        try expectSame(Place.unpacked("xz", "mainnet-2019-05-14/channels_5-14-19.json.xz"))
    }
}
