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

    @Option(
        help: ArgumentHelp(
            "Channels in which neither side ever announced a policy: keep or drop.", valueName: "keep|drop"))
    var channelsWithoutPolicy: ChannelsWithoutPolicy?

    @Option(
        help: ArgumentHelp(
            "Core Lightning's listnodes, for the names in a listchannels graph.", valueName: "file"))
    var nodes: String?

    /// What the paths in the topology are relative to.
    private var directory: String {
        if path == "-" { return "" }
        return GraphDirectory(path) == nil ? (path as NSString).deletingLastPathComponent : path
    }

    /// Reads the whole topology. The files it was made from are returned with it, the topology first.
    ///
    /// - Parameter copies: what an earlier run kept of its input, to be read in place of the files.
    func read(
        from copies: [InputFile]? = nil
    ) throws(CommandFailure) -> (topology: Topology, inputs: [InputFile]) {
        let file: InputFile
        if let copies {
            file = try copies.file(.topology)
        } else {
            file =
                if path == "-" { try InputReader.standardInput() } else if let graph = GraphDirectory(path) {
                    graph.topology
                } else { try InputReader.file(at: path) }
        }
        var inputs = [file]
        var options = Topology.ReadOptions()
        options.channelsWithoutPolicy = channelsWithoutPolicy
        let files = copies.map { ReferencedFiles(given: $0.referenced) } ?? ReferencedFiles()
        options.files = files
        if let nodes {
            var list = if let copies { try copies.file(.nodes) } else { try InputReader.file(at: nodes) }
            list.role = .nodes
            options.nodeNames = list.bytes
            options.nodeNamesFile = nodes
            inputs.append(list)
        }
        do {
            let topology = try Topology(
                bytes: file.bytes, fileName: path == "-" ? "standard-input" : path,
                directory: directory, options: options)
            for (path, bytes) in files.all {
                let name = (path as NSString).lastPathComponent
                inputs.append(InputFile(name: name, bytes: bytes, role: .referenced(path: path)))
            }
            return (topology, inputs)
        } catch {
            throw CommandFailure(.badInput, error.description)
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

extension ChannelsWithoutPolicy: ExpressibleByArgument {}
extension Topology.BalanceRule: ExpressibleByArgument {}

/// Files from the outside, whole.
enum InputReader {
    static func file(at path: String) throws(CommandFailure) -> InputFile {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw CommandFailure(.inputOutput, "\(path): no such file\(suggestion(for: path))")
        }
        guard !isDirectory.boolValue else {
            throw CommandFailure(.inputOutput, "\(path) is a directory; name a file in it")
        }
        // A handle also reads pipes, such as a shell's <(command).
        guard let handle = FileHandle(forReadingAtPath: path), let data = try? handle.readToEnd() ?? Data()
        else {
            throw CommandFailure(.inputOutput, "\(path): cannot be read")
        }
        let bytes = [UInt8](data)
        try refuseCompressed(bytes, name: path) { "\($0) \(path) | millrace COMMAND -, or > FILE" }
        return InputFile(name: (path as NSString).lastPathComponent, bytes: bytes)
    }

    static func standardInput() throws(CommandFailure) -> InputFile {
        do {
            let bytes = [UInt8](try FileHandle.standardInput.readToEnd() ?? Data())
            try refuseCompressed(bytes, name: "standard input") { "\($0) FILE | millrace COMMAND -" }
            let ending =
                switch bytes.first(where: { $0 > UInt8(ascii: " ") }) {
                case UInt8(ascii: "{"): "json"
                case UInt8(ascii: "<"): "graphml"
                case _: "yaml"
                }
            return InputFile(name: "standard-input.\(ending)", bytes: bytes)
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure(.inputOutput, "standard input: cannot be read")
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
        let directory = (path as NSString).deletingLastPathComponent
        let names =
            (try? FileManager.default.contentsOfDirectory(atPath: directory.isEmpty ? "." : directory)) ?? []
        guard let name = nearest(to: (path as NSString).lastPathComponent, among: names.sorted()) else {
            return ""
        }
        return "; did you mean \((directory as NSString).appendingPathComponent(name))?"
    }
}
