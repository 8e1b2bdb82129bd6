import Cryptography
import LightningTypes
import PaymentChannels
import Routing
import Settlement
import Topologies

/// What all shards of one run share: frozen facts, and storage of which each process touches its own part alone.
///
/// Processes are the nodes, in the topology's order, then layer 1, gossip, traffic and, where there is one, the tower.
final class NetworkWorld: @unchecked Sendable {
    // Unchecked, for the pointers: a channel's end belongs to the process of its node, `nodes[i]` to process i, and
    // the board to the gossip process. Nothing else here changes after `init`, but `isTrafficOver` between windows.

    let topology: Topology
    let settings: RunSettings
    let keys: KeyRing
    /// What senders wrap onions for, by node; none with lazy signatures.
    let onionPoints: [RistrettoPoint]
    let board: GossipBoard
    let searches = SearchPool()
    /// Microseconds.
    let lookahead: UInt64
    let commitmentInterval: UInt64
    let gossipInterval: UInt64
    let policyGrace: UInt64
    /// What the traffic lasts at the most: from then on no policy changes at random, and nobody follows the fee market.
    let trafficHorizon: UInt64
    /// Whether no payment starts any more; as it was before the present window.
    var isTrafficOver = false
    /// The end of the warm-up.
    let measuredFrom: UInt64
    /// What nodes pay for layer-1 transactions where there is no fee market, satoshi per 1,000 weight units.
    let feeratePerKiloweight: UInt64
    let rules: ChainRules
    let faults: FaultPlan
    /// Confirmations after which nodes reckon with no reorganisation any more.
    let finality: UInt32
    /// By node, whether the tower watches for it; empty where there is no tower.
    private let towerClients: [Bool]

    let nodeCount: Int
    let endCount: Int
    /// Indexed by `DirectionIndex`: one party's copy of a channel, its books, and the node it belongs to.
    let channels: ChannelTable
    private let bookTable: BookTable
    let owners: UnsafeMutablePointer<UInt32>
    /// The funding output, once there is one.
    let fundings: FundingTable
    /// Keys, points and secrets, made when first needed: with eager signatures, and when a channel closes.
    let sessions: UnsafeMutablePointer<ChannelSession?>
    let policies: UnsafeMutablePointer<ChannelPolicy>
    let nodes: UnsafeMutablePointer<NodeState>
    /// Indexed by channel: one-way latency of its link, microseconds.
    private let latencies: UnsafeMutablePointer<UInt32>
    /// Indexed by `DirectionIndex`; nil where nothing goes wrong.
    let links: UnsafeMutablePointer<LinkState>?
    /// Every node's own ends, in rows by node.
    private let endRows: [Int32]
    private let endList: [DirectionIndex]
    /// The balances drawn for time zero, by `DirectionIndex`.
    let startingBalances: [Millisatoshi]
    /// The genesis block's outputs: one for each standing channel, then one for each wallet.
    let genesisValues: [Satoshi]
    private let genesisChannels: [Int32]
    private let genesisWallets: [Int32]

    var layerOneProcess: UInt32 { UInt32(nodeCount) }
    var gossipProcess: UInt32 { UInt32(nodeCount) + 1 }
    var trafficProcess: UInt32 { UInt32(nodeCount) + 2 }
    var flowCount: Int {
        switch topology.traffic {
        case .flows(let flows): flows.count
        case .trace: 0
        }
    }
    /// There is one where the topology has a watchtower.
    var towerProcess: UInt32 { UInt32(nodeCount) + 3 }
    var processCount: Int { nodeCount + (topology.watchtower == nil ? 3 : 4) }
    var hasFaults: Bool { links != nil }
    var hasFeeMarket: Bool { topology.layerOne.hasFeeMarket }

    init(_ topology: Topology, settings: RunSettings) {
        precondition(topology.churn == nil, "churn is drawn before the run")
        self.topology = topology
        self.settings = settings
        let seed = topology.seed
        let keys = KeyRing(seed: seed)
        self.keys = keys
        onionPoints =
            settings.signatures == .eager
            ? topology.nodes.indices.map { keys.onionKey(UInt32($0)).point } : []
        // The engine's windows last from 2 µs to a minute; a shorter lookahead than the floor is always right.
        lookahead = min(max(topology.latency.floor.microseconds, 2), 60_000_000)
        commitmentInterval = topology.payments.commitmentInterval.microseconds
        gossipInterval = max(topology.payments.gossipInterval.microseconds, 2 * lookahead)
        policyGrace = topology.payments.policyGrace.microseconds
        trafficHorizon = topology.trafficHorizon.microseconds
        measuredFrom = topology.warmup.microseconds
        feeratePerKiloweight = topology.layerOne.feeratePerKiloweight
        rules = topology.layerOne.rules
        finality =
            UInt32(topology.layerOne.profile?.reorganisationDepth ?? Chain.reorganisationDepthMaximum) + 1
        faults = FaultPlan(topology, until: topology.faultHorizon)
        var clients: [Bool] = []
        if let watchtower = topology.watchtower {
            clients = Array(repeating: false, count: topology.nodes.count)
            for node in watchtower.nodes { clients[Int(node)] = true }
        }
        towerClients = clients
        nodeCount = topology.nodes.count
        endCount = topology.channels.count * 2
        if faults.isEmpty {
            links = nil
        } else {
            links = LargeMemory.allocate(LinkState.self, count: endCount)
            links?.initialize(repeating: LinkState(), count: endCount)
        }

        // Before all that stays: what the graph is made of is as large.
        board = GossipBoard(topology.graph())
        bookTable = BookTable(count: endCount)
        owners = LargeMemory.allocate(UInt32.self, count: endCount)
        fundings = FundingTable(channelCount: topology.channels.count) {
            topology.channels[$0].opensAt != nil
        }
        sessions = LargeMemory.allocate(ChannelSession?.self, count: endCount)
        sessions.initialize(repeating: nil, count: endCount)
        policies = LargeMemory.allocate(ChannelPolicy.self, count: endCount)
        nodes = LargeMemory.allocate(NodeState.self, count: nodeCount)
        nodes.initialize(repeating: NodeState(), count: nodeCount)
        latencies = LargeMemory.allocate(UInt32.self, count: topology.channels.count)

        var starting = [Millisatoshi](repeating: .zero, count: endCount)
        var genesis: [Satoshi] = []
        var standing: [Int32] = []
        var rows = [Int32](repeating: 0, count: nodeCount + 1)
        for (index, channel) in topology.channels.enumerated() {
            let balance1 = channel.startingBalance1(rule: topology.balances, seed: seed)
            for side in Side.allCases {
                let position = Int(DirectionIndex(channel: index, from: side).rawValue)
                starting[position] = side == .first ? balance1 : Millisatoshi(channel.capacity) - balance1
                let node = side == .first ? channel.node1 : channel.node2
                owners[position] = UInt32(node)
                rows[Int(node) + 1] += 1
                policies[position] = (side == .first ? channel.policy1 : channel.policy2) ?? Self.noPolicy
            }
            latencies[index] = UInt32(
                clamping: topology.latency.delay(of: channel.shortChannelID, seed: seed))
            if channel.opensAt == nil {
                standing.append(Int32(index))
                genesis.append(channel.capacity)
            }
        }
        for node in 0..<nodeCount { rows[node + 1] += rows[node] }
        var list = [DirectionIndex](repeating: DirectionIndex(0), count: endCount)
        var filled = rows
        for end in 0..<endCount {
            let node = Int(owners[end])
            list[Int(filled[node])] = DirectionIndex(UInt32(end))
            filled[node] += 1
        }
        endRows = rows
        endList = list
        startingBalances = starting
        channels = ChannelTable(rows: list) { end in
            let channel = topology.channels[end.channel]
            let balance1 = starting[Int(DirectionIndex(channel: end.channel, from: .first).rawValue)]
            return Channel(
                terms: ChannelTerms(channel), isFunder: channel.payer(balance1: balance1) == end.side,
                ours: starting[Int(end.rawValue)], phase: channel.opensAt == nil ? .normal : .planned)
        }

        // Wallets come after the standing channels in the genesis block.
        var wallets: [Int32] = []
        for (index, coins) in topology.startingCoins.enumerated() {
            nodes[index].startingWallet = coins.reduce(.zero, +)
            for value in coins {
                let outpoint = Chain.genesisOutpoint(UInt32(genesis.count))
                nodes[index].wallet.receive(Wallet.Coin(outpoint: outpoint, value: value))
                wallets.append(Int32(index))
                genesis.append(value)
            }
        }
        genesisChannels = standing
        genesisWallets = wallets
        genesisValues = genesis
    }

    deinit {
        channels.deallocate()
        bookTable.deallocate()
        LargeMemory.free(owners)
        fundings.deallocate()
        sessions.deinitialize(count: endCount)
        LargeMemory.free(sessions)
        LargeMemory.free(policies)
        nodes.deinitialize(count: nodeCount)
        LargeMemory.free(nodes)
        LargeMemory.free(latencies)
        links.map(LargeMemory.free)
    }

    /// Whether the tower watches for the node of an end.
    @inline(__always) func isTowerClient(_ end: DirectionIndex) -> Bool {
        !towerClients.isEmpty && towerClients[Int(owners[Int(end.rawValue)])]
    }

    /// The ends of a node's own channels, in order of short channel id.
    func ends(of node: Int) -> ArraySlice<DirectionIndex> { endList[places(ofEndsOf: node)] }

    /// Where these stand among those of all nodes, as in `ChannelTable`.
    func places(ofEndsOf node: Int) -> Range<Int> { Int(endRows[node])..<Int(endRows[node + 1]) }

    /// One way over the link that an end belongs to, microseconds.
    func latency(of end: DirectionIndex) -> UInt64 { UInt64(latencies[end.channel]) }

    /// What must be shown to spend an output of the genesis block.
    func genesisConditions(_ output: UInt32) -> [SpendCondition] {
        if Int(output) < genesisChannels.count {
            return fundingOutput(ofChannel: Int(genesisChannels[Int(output)])).conditions
        }
        let node = genesisWallets[Int(output) - genesisChannels.count]
        return [SpendCondition(keys: [keys.walletKey(node).publicKey])]
    }

    /// The standing channel that an output of the genesis block funds.
    func genesisChannel(_ output: UInt32) -> Int32? {
        Int(output) < genesisChannels.count ? genesisChannels[Int(output)] : nil
    }

    func fundingOutput(ofChannel channel: Int) -> Output {
        PaymentChannels.fundingOutput(
            capacity: topology.channels[channel].capacity,
            keys.fundingKey(DirectionIndex(channel: channel, from: .first)).publicKey,
            keys.fundingKey(DirectionIndex(channel: channel, from: .second)).publicKey)
    }
}

extension NetworkWorld {
    /// The books of an end, to write in.
    @inline(__always)
    func books(of end: DirectionIndex) -> UnsafeMutablePointer<ChannelBooks> {
        bookTable.open(Int(end.rawValue), startingFrom: firstBooks(of: end))
    }

    /// What the books of an end say.
    func booked(_ end: DirectionIndex) -> ChannelBooks {
        bookTable.opened(Int(end.rawValue)) ?? firstBooks(of: end)
    }

    /// What they say before the run: the capital, and what opening a standing channel had cost its funder.
    func firstBooks(of end: DirectionIndex) -> ChannelBooks {
        var books = ChannelBooks()
        let planned = topology.channels[end.channel]
        guard planned.opensAt == nil else { return books }
        books.capital.amount = startingBalances[Int(end.rawValue)]
        if channels[Int(end.rawValue)].isFunder {
            books.measured.openingCost = Millisatoshi(planned.openingCost)
        }
        return books
    }
}

/// What a node keeps beside its channels.
struct NodeState: Sendable {
    var wallet = Wallet()
    var startingWallet: Satoshi = .zero
    /// What its payments taught it; nothing where its cost model does not learn.
    var beliefs = Beliefs()
    /// Policies it replaced a short time ago, and those that failures taught it; both short.
    var formerPolicies: [FormerPolicy] = []
    var learnedPolicies: [LearnedPolicy] = []
    /// For how many reasons it is away, and what layer 1 told meanwhile, which it looks at when it is back.
    var awayCount: UInt32 = 0
    var missed: [NetworkMessage] = []

    var isAway: Bool { awayCount > 0 }
}

extension ChannelTerms {
    init(_ channel: Topology.Channel) {
        let limits = channel.limits
        self.init(
            capacity: channel.capacity, dustLimit: limits.dustLimit, channelReserve: limits.channelReserve,
            htlcValueInFlightMaximum: limits.htlcValueInFlightMaximum,
            acceptedHTLCsMaximum: limits.acceptedHTLCsMaximum, toSelfDelay: limits.toSelfDelay,
            feeratePerKiloweight: limits.feeratePerKiloweight, hasAnchors: limits.hasAnchors)
    }
}

extension ChannelGraph.Channel {
    init(_ channel: Topology.Channel) {
        self.init(
            node1: channel.node1, node2: channel.node2, shortChannelID: channel.shortChannelID,
            capacity: channel.capacity, policy1: channel.policy1, policy2: channel.policy2,
            isOpen: channel.opensAt == nil)
    }
}

extension Topology {
    /// The public graph as it is at time zero, for answering routes without a run.
    public func graph() -> ChannelGraph {
        ChannelGraph(nodeCount: nodes.count, channels: channels.map { ChannelGraph.Channel($0) })
    }
}

extension NetworkWorld {
    /// Which shard each process stands on: nodes by falling number of channels, each to the shard with the fewest so
    /// far, since channels are where messages come from. Layer 1, gossip, traffic and the tower share the first.
    func placement(onShards count: Int) -> [UInt16] {
        var placement = [UInt16](repeating: 0, count: processCount)
        guard count > 1 else { return placement }
        var loads = [Int](repeating: 0, count: count)
        let byDegree = (0..<nodeCount).sorted {
            let (a, b) = (ends(of: $0).count, ends(of: $1).count)
            return a != b ? a > b : $0 < $1
        }
        for node in byDegree {
            guard let lightest = loads.indices.min(by: { loads[$0] < loads[$1] }) else { break }
            placement[node] = UInt16(lightest)
            loads[lightest] += ends(of: node).count + 1
        }
        return placement
    }
}
