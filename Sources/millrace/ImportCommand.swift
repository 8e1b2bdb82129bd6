import ArgumentParser
import Topologies

struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Writes the graph of another program as a topology, which reads back as the same network.",
        usage: "millrace import [<format>] <file> [--channels-without-policy <keep|drop>] [--nodes <file>]",
        discussion: """
            A format is one of lnd, cln, cloth, sim-ln and graphml; by default what the content says it is. The \
            file of cloth is the directory of its three tables; '-' reads standard input. The topology goes to \
            standard output: millrace import describegraph.json > mainnet.yaml
            """)

    @Argument(help: ArgumentHelp("The format, if need be, and the file.", valueName: "format> <file"))
    var words: [String] = []

    @Option(
        help: ArgumentHelp(
            "Channels in which neither side ever announced a policy: keep or drop.", valueName: "keep|drop"))
    var channelsWithoutPolicy: ChannelsWithoutPolicy?

    @Option(
        help: ArgumentHelp(
            "Core Lightning's listnodes, for the names in a listchannels graph.", valueName: "file"))
    var nodes: String?

    func validate() throws {
        guard (1...2).contains(words.count) else {
            throw ValidationError("expected a file, with its format before it if need be")
        }
        if nodes == "-" { throw ValidationError(InputReader.refusal(ofStandardInputFor: "--nodes")) }
        if words.count == 2 { _ = try format() }
    }

    private func format() throws -> GraphFormat? {
        guard words.count == 2 else { return nil }
        guard let format = GraphFormat(rawValue: words[0]), GraphFormat.ofFiles.contains(format) else {
            let names = GraphFormat.ofFiles.map(\.rawValue)
            let hint = nearest(to: words[0], among: names).map { "did you mean '\($0)'?" }
            throw ValidationError(
                "no format '\(words[0])'; \(hint ?? "there are \(names.joined(separator: ", "))")")
        }
        return format
    }

    func run() throws {
        let path = words[words.count - 1]
        let format = try format()
        var options = Topology.ReadOptions(channelsWithoutPolicy: channelsWithoutPolicy)
        if let nodes {
            options.nodeNames = try InputReader.file(at: nodes, limit: .table).bytes
            options.nodeNamesFile = nodes
        }
        do {
            if GraphDirectory(path) != nil, format == nil || format == .cloth {
                var tables: [(name: String, bytes: [UInt8])] = []
                for name in Topology.cloTHFileNames {
                    let table = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
                    tables.append((table, try InputReader.file(at: table, limit: .table).bytes))
                }
                try Output.write(Topology.importing(cloTH: tables, name: path, options: options))
                return
            }
            let file =
                path == "-"
                ? try InputReader.standardInput(limit: .topology)
                : try InputReader.file(at: path, limit: .topology)
            try Output.write(
                Topology.importing(
                    file.bytes, format: format, fileName: path == "-" ? "standard-input" : path,
                    options: options))
        } catch let error as TopologyError {
            throw CommandFailure(.badInput, error.description)
        }
    }
}
