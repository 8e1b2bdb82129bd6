import ArgumentParser
import RunStore
import Topologies

/// How a graph file is read: the same for every command that reads one.
struct GraphOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Channels in which neither side ever announced a policy: keep or drop.", valueName: "keep|drop"))
    var channelsWithoutPolicy: ChannelsWithoutPolicy?

    @Option(
        help: ArgumentHelp(
            "Core Lightning's listnodes, for the names in a listchannels graph.", valueName: "file"))
    var nodes: String?

    func validate() throws {
        if nodes == "-" { throw ValidationError(InputReader.refusal(ofStandardInputFor: "--nodes")) }
    }

    /// The list of nodes, if one is named.
    ///
    /// - Parameter copies: what an earlier run kept of its input, to be read in place of the file.
    func nodeList(from copies: [InputFile]? = nil) throws(CommandFailure) -> InputFile? {
        guard let nodes else { return nil }
        var list =
            if let copies { try copies.file(.nodes) } else { try InputReader.file(at: nodes, limit: .table) }
        list.role = .nodes
        return list
    }

    func readOptions(_ list: InputFile?) -> Topology.ReadOptions {
        var options = Topology.ReadOptions(channelsWithoutPolicy: channelsWithoutPolicy)
        if let nodes, let list {
            options.nodeNames = list.bytes
            options.nodeNamesFile = nodes
        }
        return options
    }
}

extension ChannelsWithoutPolicy: ExpressibleByArgument {}
