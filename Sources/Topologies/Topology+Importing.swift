extension Topology {
    /// A graph of another program as a topology of Millrace, as text that reads back as the same network.
    ///
    /// - Parameters:
    ///   - format: Nil: what its content says it is.
    ///   - fileName: What errors call it; its last part without ending becomes the topology's name.
    public static func importing(
        _ bytes: [UInt8], format: GraphFormat? = nil, fileName: String, options: ReadOptions = ReadOptions()
    ) throws(TopologyError) -> String {
        let file = SourceFile(name: fileName)
        let kind = try bytes.withUnsafeBufferPointer { (buffer) throws(TopologyError) -> FileKind in
            try TextBytes.check(buffer, maximum: TextBytes.graphBytesMaximum, file: file)
            return try FileKind.recognise(buffer, file: file)
        }
        let recognised: GraphFormat? = if case .graph(let format) = kind { format } else { nil }
        guard let format = format ?? recognised else {
            throw file.error(1, "this is no graph of another program; expected one of \(GraphFormat.files)")
        }
        return try text(
            of: NetworkDraft(graph: bytes, format: format, file: file, options: options), format, fileName,
            options)
    }

    /// The same for CLoTH's three tables, in the order of `cloTHFileNames`.
    public static func importing(
        cloTH tables: [(name: String, bytes: [UInt8])], name: String, options: ReadOptions = ReadOptions()
    ) throws(TopologyError) -> String {
        let files = tables.map { (bytes: $0.bytes, file: SourceFile(name: $0.name)) }
        return try text(of: CLoTHGraph.read(files), .cloth, name, options)
    }

    private static func text(
        of draft: NetworkDraft, _ format: GraphFormat, _ fileName: String, _ options: ReadOptions
    ) throws(TopologyError) -> String {
        var draft = draft
        if options.channelsWithoutPolicy == .drop { draft.dropChannelsWithoutPolicy() }
        let isParty = draft.partyFilter(draft.inOrder().newIndex)
        let topology = Topology(
            rawGraph: draft, format: format, name: defaultName(of: fileName), options: options)
        do {
            return try TopologyWriter.text(
                of: topology, onlyForwards: topology.nodes.indices.map { !isParty(Int32($0)) })
        } catch {
            throw SourceFile(name: fileName).error(
                nil, "\(error); let a topology refer to it: 'graph: {format: \(format.rawValue), file: ...}'")
        }
    }
}

extension GraphFormat {
    /// The formats that a file or directory of its own may have.
    public static var ofFiles: [GraphFormat] { allCases.filter { $0 != .table } }

    static var files: String { ofFiles.map(\.rawValue).joined(separator: ", ") }
}
