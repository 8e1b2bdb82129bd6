import LightningTypes

/// A stage of making a network, of which a large one takes seconds.
public enum LoadingStage: Sendable, Hashable {
    /// A file of so many bytes is read.
    case reading(bytes: Int)
    case generating(nodes: Int, channels: Int)
    /// Nodes and channels are put into their order.
    case ordering(nodes: Int, channels: Int)
    /// Nodes and channels that come and go are drawn, about so many.
    case drawingChurn(nodes: Int, channels: Int)
    /// The network is made that runs.
    case building(nodes: Int, channels: Int)
}

extension Topology {
    /// What the reader of a file decides in place of the file.
    public struct ReadOptions: Sendable {
        /// Nil: as the file says, else `keep`. Concerns graph files only.
        public var channelsWithoutPolicy: ChannelsWithoutPolicy?
        /// Nil: as the file says, else `uniform`.
        public var balances: BalanceRule?
        /// A `lightning-cli listnodes` output, from which the nodes of a `listchannels` get their aliases; no other
        /// graph is touched.
        public var nodeNames: [UInt8]?
        /// What errors call that file.
        public var nodeNamesFile: String
        /// What is refused before memory is taken for it; nil: nothing is, but what no file may ask for.
        public var memory: MemoryAllowance?
        /// Told of each stage of reading that may take long, before it begins.
        public var loading: (@Sendable (LoadingStage) -> Void)?
        /// Where the files that a topology file names come from, or are kept; nil: read from the disk and forgotten.
        public var files: ReferencedFiles?

        public init(
            channelsWithoutPolicy: ChannelsWithoutPolicy? = nil, balances: BalanceRule? = nil,
            nodeNames: [UInt8]? = nil, nodeNamesFile: String = "listnodes", files: ReferencedFiles? = nil
        ) {
            self.files = files
            self.channelsWithoutPolicy = channelsWithoutPolicy
            self.balances = balances
            self.nodeNames = nodeNames
            self.nodeNamesFile = nodeNamesFile
        }
    }

    /// Reads a topology file (YAML or JSON, docs/TOPOLOGY.md), or a raw channel graph as lnd's
    /// `describegraph` or Core Lightning's `listchannels` prints it, as a sim-ln file or as GraphML. Which of
    /// them it is, its content tells.
    ///
    /// A raw graph gets assumed traffic: 2.5 payments a simulated second of 1,000 to 100,000 sat between the
    /// nodes of its largest strongly connected component, for one hour.
    ///
    /// - Parameters:
    ///   - fileName: What errors call the file; its last part without ending is the topology's default name.
    ///   - directory: What the paths of graph and trace files in the topology are relative to.
    /// - Throws: `TopologyError` for whatever is wrong with these bytes or with a file they refer to.
    public init(
        bytes: [UInt8], fileName: String, directory: String, options: ReadOptions = ReadOptions()
    ) throws(TopologyError) {
        let file = SourceFile(name: fileName)
        let kind = try bytes.withUnsafeBufferPointer { (buffer) throws(TopologyError) -> FileKind in
            try TextBytes.check(buffer, maximum: TextBytes.graphBytesMaximum, file: file)
            return try FileKind.recognise(buffer, file: file)
        }
        if let refusal = options.memory?.refusal(fileOf: bytes.count) { throw file.error(nil, refusal) }
        options.loading?(.reading(bytes: bytes.count))
        switch kind {
        case .graph(let format):
            var draft = try NetworkDraft(graph: bytes, format: format, file: file, options: options)
            if options.channelsWithoutPolicy == .drop { draft.dropChannelsWithoutPolicy() }
            self.init(rawGraph: draft, format: format, name: Self.defaultName(of: fileName), options: options)
        case .topology:
            guard bytes.count <= TextBytes.topologyBytesMaximum else {
                throw file.error(
                    nil, FileFault.tooLong(maximum: TextBytes.topologyBytesMaximum).description)
            }
            let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
            let text = String(decoding: bytes[start...], as: UTF8.self)
            let root = try YAMLDocument.read(text, file: file)
            self = try TopologyReader.read(root, file: file, directory: directory, options: options)
        }
    }

    init(rawGraph draft: NetworkDraft, format: GraphFormat, name: String, options: ReadOptions) {
        let (nodes, channels, newIndex) = draft.inOrder()
        self.init(
            name: name, nodes: nodes, channels: channels, balances: options.balances ?? .uniform,
            layerOne: .standard, payments: .standard, latency: .standard, traffic: .flows([]),
            duration: .seconds(3_600), warmup: .zero, seed: 1,
            graph: Graph(format: format, isWholeTopology: true))
        guard draft.flows.isEmpty else {
            let flows = draft.flows(renumbered: newIndex)
            // An hour of the last to start.
            duration = .seconds(3_600) + (flows.map(\.startsAt).max() ?? .zero)
            traffic = .flows(flows)
            return
        }
        traffic = .flows(assumedFlows(among: draft.partyFilter(newIndex)))
    }

    /// The traffic of a graph that says nothing of any: 2.5 payments a second of 1,000 to 100,000 sat among the
    /// nodes of its largest strongly connected component. None where those are fewer than two.
    func assumedFlows(among isParty: (Int32) -> Bool = { _ in true }) -> [Flow] {
        let parties = connectedNodes.filter(isParty)
        guard parties.count > 1 else { return [] }
        return [
            Flow(
                name: "assumed", rate: 2.5,
                amount: .uniform(lowest: Satoshi(1_000), highest: Satoshi(100_000)),
                payers: parties, payees: parties, startsAt: .zero, endsAt: nil, isAssumed: true)
        ]
    }

    /// The nodes of the largest strongly connected component of enabled directions, ascending: every one of
    /// them can pay every other, balances aside.
    public var connectedNodes: [Int32] { StronglyConnectedComponents(of: self).largest }

    /// The last part of a path, without its ending; `topology` where nothing is left (standard input's `-`).
    static func defaultName(of fileName: String) -> String {
        let last = fileName.split(separator: "/").last.map(String.init) ?? ""
        let stem = last.split(separator: ".", omittingEmptySubsequences: true).first.map(String.init) ?? ""
        return stem.isEmpty || stem == "-" ? "topology" : stem
    }
}

extension NetworkDraft {
    /// Reads a raw graph, and the aliases that `options` bring for it.
    init(
        graph bytes: [UInt8], format: GraphFormat, file: SourceFile, options: Topology.ReadOptions
    ) throws(TopologyError) {
        self = try bytes.withUnsafeBufferPointer { (buffer) throws(TopologyError) -> NetworkDraft in
            try TextBytes.check(buffer, maximum: TextBytes.graphBytesMaximum, file: file)
            var cursor = JSONCursor(buffer, file: file)
            switch format {
            case .lnd: return try LNDGraph.read(&cursor)
            case .cln: return try CLNGraph.read(&cursor)
            case .simLN: return try SimLNGraph.read(&cursor)
            case .graphML: return try GraphMLGraph.read(buffer, file: file)
            case .cloth:
                let names = CLoTHGraph.fileNames.joined(separator: ", ")
                throw file.error(nil, "CLoTH's network is a directory with \(names)")
            case .table: throw file.error(nil, "tables stand in a topology, not in a file of their own")
            }
        }
        guard format == .cln, let names = options.nodeNames else { return }
        let namesFile = SourceFile(name: options.nodeNamesFile)
        var draft = self
        try names.withUnsafeBufferPointer { (buffer) throws(TopologyError) in
            try TextBytes.check(buffer, maximum: TextBytes.graphBytesMaximum, file: namesFile)
            var cursor = JSONCursor(buffer, file: namesFile)
            try CLNGraph.readAliases(&cursor, into: &draft)
        }
        self = draft
    }
}

extension Topology {
    /// The tables that make a directory a network of the CLoTH simulator.
    public static var cloTHFileNames: [String] { CLoTHGraph.fileNames }
}
