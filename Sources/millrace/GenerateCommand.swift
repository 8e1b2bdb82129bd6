import ArgumentParser
import LightningTypes
import Reports
import Topologies

struct GenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Writes a topology of a family of graphs, the same for every seed on every machine.",
        discussion: """
            Kinds: mainnet-like, barabasi-albert, watts-strogatz, erdos-renyi, grid, ring, star, hub-and-spoke. The \
            topology goes to standard output: millrace generate mainnet-like --nodes 5000 > net.yaml. A topology can \
            also describe its graph: 'generate: {kind: mainnet-like, nodes: 5000}'.
            """)

    @Argument(
        help: ArgumentHelp("The family of graphs.", valueName: "kind"),
        transform: { text in
            guard let kind = GraphRecipe.Kind(rawValue: text) else {
                throw ValidationError(
                    advice(for: text, among: GraphRecipe.Kind.allCases.map(\.rawValue)))
            }
            return kind
        })
    var kind: GraphRecipe.Kind

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How many nodes. (default: 100; mainnet-like 17,324)", valueName: "count"),
        transform: number(2...UInt64(GraphRecipe.nodesMaximum)))
    var nodes: UInt64?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Of mainnet-like and erdos-renyi: how many channels.", valueName: "count"),
        transform: number(OptionRange.channels))
    var channels: UInt64?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Of barabasi-albert: channels a new node opens (default: 2); of watts-strogatz: channels of a node on the ring (default: 4).",
            valueName: "count"),
        transform: number(OptionRange.channels))
    var channelsPerNode: UInt64?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Of watts-strogatz: the probability that a channel leads elsewhere. (default: 0.1)",
            valueName: "probability"))
    var rewiring: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Of grid: nodes in a row. (default: as many as rows)", valueName: "count"),
        transform: number(OptionRange.channels))
    var columns: UInt64?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Of hub-and-spoke. (default: one node in 20, at most 1,000)", valueName: "count"),
        transform: number(OptionRange.channels))
    var hubs: UInt64?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("From which all randomness comes. (default: 1)", valueName: "seed"),
        transform: number(OptionRange.seed))
    var seed: UInt64 = 1

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Capacity of every channel; mainnet-like draws its own. (default: 1000000)", valueName: "sat"),
        transform: number(1...Satoshi.supplyMaximum.rawValue))
    var capacitySat: UInt64?

    func run() throws {
        do {
            if kind == .mainnetLike, capacitySat != nil {
                throw GraphRecipe.Fault(key: "capacity-sat", message: "mainnet-like draws its capacities")
            }
            let recipe = try GraphRecipe(
                kind, nodes: nodes.map { Int($0) }, channels: channels.map { Int($0) },
                channelsPerNode: channelsPerNode.map { Int($0) }, rewiring: rewiring,
                columns: columns.map { Int($0) }, hubs: hubs.map { Int($0) }, seed: seed,
                capacity: capacitySat.map { Satoshi($0) })
            // Ten million nodes take minutes, and say nothing on standard output before their end.
            let line = ProgressLine(isQuiet: false)
            line.draw("generating \(Figures.counted(UInt64(recipe.nodes), "node")) …")
            defer { line.clear() }
            let text = try recipe.topologyText(memory: SystemMemory.allowance(for: .look))
            line.clear()
            try Output.write(text)
        } catch let fault as GraphRecipe.Fault {
            let option = fault.key.replacing("_", with: "-")
            throw CommandFailure(.usage, "--\(option): \(fault.message)")
        }
    }
}
