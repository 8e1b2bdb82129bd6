import ArgumentParser
import Foundation
import RunStore
import Topologies

/// Which topology, and how to read it: the same for every command.
struct TopologyInput: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "A topology (YAML), or a graph of lnd, Core Lightning, CLoTH (a directory), sim-ln or GraphML; '-' reads standard input.",
            valueName: "topology"))
    var path: String

    @OptionGroup var graph: GraphOptions

    /// What the paths in the topology are relative to.
    private var directory: String {
        if path == "-" { return "" }
        return GraphDirectory(path) == nil ? PathText.directory(of: path) : path
    }

    /// Reads the whole topology. The files it was made from are returned with it, the topology first.
    ///
    /// - Parameters:
    ///   - purpose: for which memory is allowed.
    ///   - copies: what an earlier run kept of its input, to be read in place of the files.
    ///   - line: shows what takes long.
    func read(
        for purpose: MemoryAllowance.Purpose, from copies: [InputFile]? = nil, line: ProgressLine
    ) throws(CommandFailure) -> (topology: Topology, inputs: [InputFile]) {
        let file: InputFile
        if let copies {
            file = try copies.file(.topology)
        } else {
            let graph = GraphDirectory(path)
            try graph?.requireTables()
            file = if let graph { graph.topology } else { try InputReader.topology(at: path) }
        }
        var inputs = [file]
        let list = try graph.nodeList(from: copies)
        if let list { inputs.append(list) }
        var options = graph.readOptions(list)
        let files = copies.map { ReferencedFiles(given: $0.referenced) } ?? ReferencedFiles()
        options.files = files
        options.memory = SystemMemory.allowance(for: purpose)
        options.loading = { line.draw($0) }
        defer { line.clear() }
        let topology: Topology
        do {
            topology = try Topology(
                bytes: file.bytes, fileName: InputReader.name(of: path),
                directory: directory, options: options)
        } catch {
            throw CommandFailure(.badInput, error.description)
        }
        try refuseIdleOptions(for: topology)
        for (path, bytes) in files.all {
            inputs.append(
                InputFile(name: PathText.name(of: path), bytes: bytes, role: .referenced(path: path)))
        }
        return (topology, inputs)
    }

    /// An option that changes nothing is a mistake that whoever typed it should know of.
    private func refuseIdleOptions(for topology: Topology) throws(CommandFailure) {
        if graph.nodes != nil, topology.graph?.format != .cln {
            throw CommandFailure(
                .usage,
                "--nodes names the nodes of Core Lightning's listchannels; \(path) has no such graph"
            )
        }
        if graph.channelsWithoutPolicy != nil, topology.graph == nil {
            throw CommandFailure(
                .usage,
                "--channels-without-policy is about the channels of a graph file; \(path) has none"
            )
        }
    }
}

extension [InputFile] {
    /// The copy of a run's input that was read as this.
    func file(_ role: InputFile.Role) throws(CommandFailure) -> InputFile {
        guard let file = first(where: { $0.role == role }) else {
            throw CommandFailure(.badInput, "the run directory has no copy of its \(role)")
        }
        return file
    }

    fileprivate var referenced: [(path: String, bytes: [UInt8])] {
        compactMap { file in
            if case .referenced(let path) = file.role { return (path, file.bytes) }
            return nil
        }
    }
}

extension Topology.BalanceRule: ExpressibleByArgument {}

/// Files from the outside, whole.
enum InputReader {
    static func file(at path: String, limit: ByteLimit) throws(CommandFailure) -> InputFile {
        let bytes: [UInt8]
        do {
            bytes = try FileBytes.contents(ofFile: path, limit: limit)
        } catch {
            throw failure(error, of: path)
        }
        try refuseCompressed(bytes, name: path) { "\($0) \(path) | millrace COMMAND -, or > FILE" }
        return InputFile(name: PathText.name(of: path), bytes: bytes)
    }

    /// What '-' or a path names, as every command that reads a topology or a graph means it.
    static func topology(at path: String) throws(CommandFailure) -> InputFile {
        path == "-" ? try standardInput(limit: .topology) : try file(at: path, limit: .topology)
    }

    /// What errors call it.
    static func name(of path: String) -> String { path == "-" ? "standard-input" : path }

    static func standardInput(limit: ByteLimit) throws(CommandFailure) -> InputFile {
        let bytes: [UInt8]
        do {
            bytes = try FileBytes.standardInput(limit: limit)
        } catch {
            throw failure(error, of: "standard input")
        }
        try refuseCompressed(bytes, name: "standard input") { "\($0) FILE | millrace COMMAND -" }
        let ending =
            switch bytes.first(where: { $0 > UInt8(ascii: " ") }) {
            case UInt8(ascii: "{"): "json"
            case UInt8(ascii: "<"): "graphml"
            case _: "yaml"
            }
        return InputFile(name: "standard-input.\(ending)", bytes: bytes)
    }

    /// Standard input ends once; what is read from it is the topology, or a list of queries.
    static func refusal(ofStandardInputFor option: String) -> String {
        "\(option) reads no standard input ('-'), which is for the topology; name a file"
    }

    private static func failure(_ fault: FileFault, of path: String) -> CommandFailure {
        let name = path.isEmpty ? "''" : path
        switch fault {
        case .noSuchFile: return CommandFailure(.inputOutput, "\(name): \(fault)\(suggestion(for: path))")
        case .isDirectory: return CommandFailure(.inputOutput, "\(name) \(fault)")
        case .noRegularFile, .permissionDenied, .system:
            return CommandFailure(.inputOutput, "\(name): \(fault)")
        case .tooLong: return CommandFailure(.badInput, "\(name): \(fault)")
        }
    }

    /// `advice` makes a command line of the one that decompresses.
    private static func refuseCompressed(
        _ bytes: [UInt8], name: String, advice: (String) -> String
    ) throws(CommandFailure) {
        let formats: [(magic: [UInt8], command: String)] = [
            ([0x1F, 0x8B], "gunzip -c"), ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "xz -dc"),
            ([0x28, 0xB5, 0x2F, 0xFD], "zstd -dc"), ([0x42, 0x5A, 0x68], "bunzip2 -c"),
        ]
        for format in formats where bytes.starts(with: format.magic) {
            throw CommandFailure(.badInput, "\(name) is compressed; decompress it: \(advice(format.command))")
        }
    }

    /// The file beside it whose name is nearest.
    private static func suggestion(for path: String) -> String {
        let directory = PathText.directory(of: path)
        let names =
            (try? FileManager.default.contentsOfDirectory(atPath: directory.isEmpty ? "." : directory)) ?? []
        guard let name = nearest(to: PathText.name(of: path), among: names.sorted()) else { return "" }
        return "; did you mean \(PathText.join(directory, name))?"
    }
}
