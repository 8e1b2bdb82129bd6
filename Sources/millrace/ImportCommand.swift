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

    @OptionGroup var graph: GraphOptions

    func validate() throws {
        guard (1...2).contains(words.count) else {
            throw ValidationError("expected a file, with its format before it if need be")
        }
        if words.count == 2 { _ = try format() }
    }

    private func format() throws -> GraphFormat? {
        guard words.count == 2 else { return nil }
        guard let format = GraphFormat(rawValue: words[0]), GraphFormat.ofFiles.contains(format) else {
            let names = GraphFormat.ofFiles.map(\.rawValue)
            throw ValidationError("no format '\(words[0])'; \(advice(for: words[0], among: names))")
        }
        return format
    }

    func run() throws {
        let path = words[words.count - 1]
        let format = try format()
        let options = graph.readOptions(try graph.nodeList())
        do {
            if let directory = GraphDirectory(path), format == nil || format == .cloth {
                try directory.requireTables()
                var tables: [(name: String, bytes: [UInt8])] = []
                for name in Topology.cloTHFileNames {
                    let table = PathText.join(path, name)
                    tables.append((table, try InputReader.file(at: table, limit: .table).bytes))
                }
                try Output.write(Topology.importing(cloTH: tables, name: path, options: options))
                return
            }
            try Output.write(
                Topology.importing(
                    InputReader.topology(at: path).bytes, format: format,
                    fileName: InputReader.name(of: path), options: options))
        } catch let error as TopologyError {
            throw CommandFailure(.badInput, error.description)
        }
    }
}
