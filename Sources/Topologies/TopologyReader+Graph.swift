extension TopologyReader {
    /// The graph at a path that `graph` gives: a file, or the directory of CLoTH's three.
    func referencedGraph(
        _ path: String, format: GraphFormat, of section: Section, options: Topology.ReadOptions
    ) throws(TopologyError) -> NetworkDraft {
        func file(_ path: String) throws(TopologyError) -> (bytes: [UInt8], file: SourceFile) {
            let file = try ReferencedFile(
                path, key: "file", of: section, directory: directory, files: options.files)
            return (file.bytes, file.file)
        }
        guard format == .cloth else {
            let graph = try file(path)
            return try NetworkDraft(graph: graph.bytes, format: format, file: graph.file, options: options)
        }
        let prefix = path == "." ? "" : path.hasSuffix("/") ? path : path + "/"
        var files: [(bytes: [UInt8], file: SourceFile)] = []
        for name in CLoTHGraph.fileNames { files.append(try file(prefix + name)) }
        return try CLoTHGraph.read(files)
    }

    /// The traffic of the graph: `traffic: assumed`, or what the graph's own file asks for where the topology
    /// has neither traffic nor trace. False where there is none.
    func readGraphTraffic(
        into topology: inout Topology, _ newIndex: [Int32]
    ) throws(TopologyError) -> Bool {
        let flows: [Topology.Flow]
        if case .text("assumed", _)? = root.value("traffic")?.content {
            guard !root.has("trace") else {
                throw root.error("trace", "a topology has 'traffic' or 'trace', not both")
            }
            flows = topology.assumedFlows(among: draft.partyFilter(newIndex))
        } else {
            guard !root.has("traffic"), !root.has("trace"), !draft.flows.isEmpty else { return false }
            flows = draft.flows(renumbered: newIndex)
        }
        let last = flows.map(\.startsAt).max() ?? .zero
        if !flows.isEmpty, topology.duration == nil { topology.duration = .seconds(3_600) + last }
        topology.traffic = .flows(flows)
        return true
    }
}

extension NetworkDraft {
    /// Whether a node, by its place in a topology, may pay and be paid.
    func partyFilter(_ newIndex: [Int32]) -> (Int32) -> Bool {
        guard !onlyForwards.isEmpty else { return { _ in true } }
        var isParty = [Bool](repeating: true, count: newIndex.count)
        for (old, isSilent) in onlyForwards.enumerated() { isParty[Int(newIndex[old])] = !isSilent }
        return { isParty[Int($0)] }
    }
}
