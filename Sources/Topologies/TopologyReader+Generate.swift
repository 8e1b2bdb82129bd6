import LightningTypes

extension TopologyReader {
    static let generateKeys = [
        "kind", "nodes", "channels", "channels_per_node", "rewiring", "columns", "hubs", "seed",
    ]

    /// The graph that `generate` describes; its seed is the topology's where it has none of its own.
    mutating func readGenerator() throws(TopologyError) {
        guard let section = try root.section("generate", keys: Self.generateKeys) else { return }
        guard let kind = try section.word("kind", of: GraphRecipe.Kind.self) else {
            let kinds = GraphRecipe.Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw file.error(section.line, "'generate' lacks 'kind'; expected one of \(kinds)")
        }
        func count(_ key: String) throws(TopologyError) -> Int? {
            try section.unsigned(key, to: UInt64(GraphRecipe.channelsMaximum)).map { Int($0) }
        }
        var rewiring: Double?
        if let text = try section.text("rewiring") {
            guard let number = NumberText.decimal(text) else {
                throw section.error("rewiring", "expected a probability, 0 to 1, found \(quoted(text))")
            }
            rewiring = number
        }
        let numbers = (
            nodes: try count("nodes"), channels: try count("channels"),
            each: try count("channels_per_node"), columns: try count("columns"), hubs: try count("hubs")
        )
        let ownSeed: UInt64? = try section.integer("seed")
        let seed: UInt64? = try root.integer("seed")
        do throws(GraphRecipe.Fault) {
            var recipe = try GraphRecipe(
                kind, nodes: numbers.nodes, channels: numbers.channels, channelsPerNode: numbers.each,
                rewiring: rewiring, columns: numbers.columns, hubs: numbers.hubs, seed: ownSeed ?? seed ?? 1,
                capacity: defaultCapacity)
            recipe.policy = defaultPolicy
            recipe.limits = defaultLimits
            if let refusal = options.memory?.refusal(
                nodes: Double(recipe.nodes), channels: recipe.expectedChannels)
            {
                throw GraphRecipe.Fault(key: section.has("nodes") ? "nodes" : "kind", message: refusal)
            }
            options.loading?(.generating(nodes: recipe.nodes, channels: Int(recipe.expectedChannels)))
            draft = GraphGenerator.draft(of: recipe)
        } catch {
            throw section.error(error.key, error.message)
        }
        addGraphNames()
    }

    /// The graph of the tables that stand in the topology file.
    func tables(of section: Section) throws(TopologyError) -> NetworkDraft {
        for key in ["file", "nodes"] where section.has(key) {
            throw section.error(key, "tables stand in this file; this is for graphs in others")
        }
        func table(_ key: String) throws(TopologyError) -> (text: String, firstLine: Int) {
            guard let text = try section.text(key) else {
                throw file.error(section.line, "'graph' lacks '\(key)'")
            }
            // A block of text begins on the line below its key.
            return (text, section.line(of: key) + 1)
        }
        return try GraphTable.read(
            nodes: try table("node_table"), channels: try table("channel_table"), file: file)
    }
}
