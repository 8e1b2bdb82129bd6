import LightningTypes

/// What a graph is generated from: a family, and the figures that its kind of graph has.
public struct GraphRecipe: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        /// Degrees, capacities and policies distributed as on Bitcoin's mainnet.
        case mainnetLike = "mainnet-like"
        /// Each new node opens channels to nodes in proportion to those they have.
        case barabasiAlbert = "barabasi-albert"
        /// A ring of near neighbours, some channels led elsewhere.
        case wattsStrogatz = "watts-strogatz"
        /// Channels between pairs drawn evenly.
        case erdosRenyi = "erdos-renyi"
        case grid
        case ring
        /// One node in the middle.
        case star
        /// Hubs joined to each other, every other node to one of them.
        case hubAndSpoke = "hub-and-spoke"

        /// The figures besides `nodes` that make a graph of this kind.
        var figures: [String] {
            switch self {
            case .mainnetLike, .erdosRenyi: ["channels"]
            case .barabasiAlbert: ["channels_per_node"]
            case .wattsStrogatz: ["channels_per_node", "rewiring"]
            case .grid: ["columns"]
            case .hubAndSpoke: ["hubs"]
            case .ring, .star: []
            }
        }
    }

    /// The size of the snapshot that `mainnet-like` is calibrated on.
    public static let mainnetNodes = 17_324
    static let mainnetChannels = 50_808
    public static let nodesMaximum = NetworkDraft.nodesMaximum
    static let channelsMaximum = NetworkDraft.channelsMaximum

    public var kind: Kind
    public var nodes: Int
    /// Of `mainnet-like` and `erdos-renyi`: how many in all.
    public var channels: Int
    /// Of `barabasi-albert`: how many a new node opens. Of `watts-strogatz`: how many a node of the ring has.
    public var channelsPerNode: Int
    /// Of `watts-strogatz`: the probability that a channel leads elsewhere.
    public var rewiring: Double
    /// Of `grid`: nodes in a row.
    public var columns: Int
    public var hubs: Int
    public var seed: UInt64
    /// Of every channel; `mainnet-like` draws its own.
    public var capacity: Satoshi
    /// Of every direction; `mainnet-like` draws its own.
    var policy = PolicyDraft()
    var limits = LimitsDraft()

    /// What a figure is that nobody gives.
    ///
    /// - Throws: `Fault` for a figure that the kind does not have, or that no graph of it can have.
    public init(
        _ kind: Kind, nodes: Int? = nil, channels: Int? = nil, channelsPerNode: Int? = nil,
        rewiring: Double? = nil, columns: Int? = nil, hubs: Int? = nil, seed: UInt64 = 1,
        capacity: Satoshi? = nil
    ) throws(Fault) {
        let given: [(key: String, isGiven: Bool)] = [
            ("channels", channels != nil), ("channels_per_node", channelsPerNode != nil),
            ("rewiring", rewiring != nil), ("columns", columns != nil), ("hubs", hubs != nil),
        ]
        if let stray = given.first(where: { $0.isGiven && !kind.figures.contains($0.key) }) {
            let known =
                kind.figures.isEmpty ? "nodes alone" : "nodes and \(kind.figures.joined(separator: ", "))"
            throw Fault(
                key: stray.key, message: "means nothing for \(kind.rawValue), which takes \(known)")
        }
        let nodes = nodes ?? (kind == .mainnetLike ? Self.mainnetNodes : 100)
        let least =
            switch kind {
            case .mainnetLike: 10
            case .ring: 3
            case .barabasiAlbert, .erdosRenyi, .grid, .star, .hubAndSpoke: 2
            case .wattsStrogatz: 4
            }
        guard (least...Self.nodesMaximum).contains(nodes) else {
            throw Fault(key: "nodes", message: "expected \(least) to \(Self.nodesMaximum)")
        }
        self.kind = kind
        self.nodes = nodes
        self.seed = seed
        self.capacity = capacity ?? Satoshi(1_000_000)
        self.channels = try Self.channels(channels, kind, nodes)
        self.channelsPerNode = try Self.channelsPerNode(channelsPerNode, kind, nodes)
        self.rewiring = rewiring ?? 0.1
        guard (0...1).contains(self.rewiring) else {
            throw Fault(key: "rewiring", message: "expected a probability, 0 to 1")
        }
        self.columns = columns ?? (1...nodes).first { $0 * $0 >= nodes }!
        guard (1...nodes).contains(self.columns) else {
            throw Fault(key: "columns", message: "expected 1 to \(nodes), the number of nodes")
        }
        // Hubs are all joined to each other.
        let hubsMaximum = min(nodes - 1, 1_000)
        self.hubs = hubs ?? max(1, min(nodes / 20, hubsMaximum))
        guard (1...hubsMaximum).contains(self.hubs) else {
            throw Fault(key: "hubs", message: "expected 1 to \(hubsMaximum)")
        }
    }

    /// About how many channels the graph has.
    public var expectedChannels: Double {
        let (nodes, each) = (Double(nodes), Double(channelsPerNode))
        return switch kind {
        case .mainnetLike, .erdosRenyi: Double(channels)
        case .barabasiAlbert: nodes * each
        case .wattsStrogatz: nodes * each / 2
        case .grid: 2 * nodes
        case .ring, .star: nodes
        case .hubAndSpoke: nodes + Double(hubs * (hubs - 1) / 2)
        }
    }

    private static func channels(_ given: Int?, _ kind: Kind, _ nodes: Int) throws(Fault) -> Int {
        switch kind {
        case .mainnetLike:
            let channels = given ?? nodes * mainnetChannels / mainnetNodes
            // Every node has a channel, and some have more.
            guard (nodes...channelsMaximum).contains(channels) else {
                throw Fault(key: "channels", message: "expected \(nodes), one a node, to \(channelsMaximum)")
            }
            return channels
        case .erdosRenyi:
            let pairs = nodes * (nodes - 1) / 2
            let channels = given ?? min(nodes * 3, pairs)
            guard (0...min(pairs, channelsMaximum)).contains(channels) else {
                throw Fault(key: "channels", message: "expected at most \(min(pairs, channelsMaximum)) pairs")
            }
            return channels
        case .barabasiAlbert, .wattsStrogatz, .grid, .ring, .star, .hubAndSpoke: return 0
        }
    }

    private static func channelsPerNode(_ given: Int?, _ kind: Kind, _ nodes: Int) throws(Fault) -> Int {
        switch kind {
        case .barabasiAlbert:
            let count = given ?? min(2, nodes - 1)
            let most = min(nodes - 1, channelsMaximum / nodes)
            guard count >= 1, count <= most else {
                throw Fault(key: "channels_per_node", message: "expected 1 to \(most)")
            }
            return count
        case .wattsStrogatz:
            let count = given ?? min(4, (nodes - 1) / 2 * 2)
            let most = min((nodes - 1) / 2 * 2, channelsMaximum / nodes * 2)
            guard count >= 2, count.isMultiple(of: 2), count <= most else {
                throw Fault(
                    key: "channels_per_node",
                    message: "expected an even number, 2 to \(most), half of them each way"
                )
            }
            return count
        case .mainnetLike, .erdosRenyi, .grid, .ring, .star, .hubAndSpoke: return 0
        }
    }

    /// A figure that no graph of its kind can have.
    public struct Fault: Error {
        /// As a topology names it.
        public var key: String
        public var message: String

        public init(key: String, message: String) {
            self.key = key
            self.message = message
        }
    }

    /// The topology of the graph alone, with the traffic of a graph that says nothing of any, as text.
    ///
    /// - Parameter memory: what is refused before memory is taken for it.
    /// - Throws: `Fault` for a graph that is too large to be written down; `generate` can describe it.
    public func topologyText(memory: MemoryAllowance? = nil) throws(Fault) -> String {
        if let refusal = memory?.refusal(nodes: Double(nodes), channels: expectedChannels) {
            throw Fault(key: "nodes", message: refusal)
        }
        let (nodes, channels, _) = GraphGenerator.draft(of: self).inOrder()
        var topology = Topology(
            name: kind.rawValue, nodes: nodes, channels: channels, balances: .uniform, layerOne: .standard,
            payments: .standard, latency: .standard, traffic: .flows([]), duration: .seconds(3_600),
            warmup: .zero, seed: seed)
        topology.traffic = .flows(topology.assumedFlows())
        do {
            return try TopologyWriter.text(of: topology)
        } catch {
            throw Fault(
                key: "nodes",
                message: "\(error); let a topology describe it: 'generate: {kind: \(kind.rawValue), ...}'")
        }
    }
}
