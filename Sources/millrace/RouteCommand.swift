import ArgumentParser
import LightningTypes
import PaymentNetwork
import Reports
import Routing
import Topologies

struct RouteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "route",
        abstract: "Explains the cheapest route hop by hop.",
        discussion: """
            Answers from public information alone: no balance is drawn or looked at, the payer's own channels \
            included, unless --balances is given. Channels that open in the run count as open. That there is no \
            route is an answer too, and its exit code is 0.
            """)

    @OptionGroup var input: TopologyInput

    @Option(help: ArgumentHelp("Who pays: a name, alias or public key.", valueName: "node"))
    var from: String

    @Option(help: ArgumentHelp("Who is paid.", valueName: "node"))
    var to: String

    @Option(help: ArgumentHelp("What the payee receives, in millisatoshi.", valueName: "msat"))
    var amountMsat: CountArgument

    @Flag(help: "Draw the balances a run would start from, and look at them.")
    var balances = false

    @Option(help: ArgumentHelp("How balances no file gives are drawn.", valueName: "even|uniform|one-sided"))
    var balanceRule: Topology.BalanceRule?

    @Option(help: ArgumentHelp("Decides the balances that are drawn.", valueName: "number"))
    var seed: UInt64?

    @Flag(help: "One JSON object on standard output, and nothing else there.")
    var json = false

    func validate() throws {
        guard amountMsat.value <= Satoshi.supplyMaximum.rawValue * 1_000 else {
            throw ValidationError("--amount-msat is more than all the bitcoin there can be")
        }
        if !balances, seed != nil || balanceRule != nil {
            throw ValidationError("--seed and --balance-rule draw balances, which only --balances looks at")
        }
    }

    func run() throws {
        var (topology, _) = try input.read()
        if let seed { topology.seed = seed }
        if let balanceRule { topology.balances = balanceRule }
        let request = RouteRequest(
            source: try index(of: from, in: topology), destination: try index(of: to, in: topology),
            amount: Millisatoshi(amountMsat.value),
            finalCLTVExpiryDelta: UInt32(topology.payments.finalCLTVExpiryDelta))
        let known = balances ? try drawnBalances(of: topology) : nil
        let report = RouteReport(
            answer(to: request, in: topology, balances: known), to: request, in: topology, balances: known)
        if json {
            try Output.write(report.json.encoded())
        } else {
            try Output.write(report.text(style: Terminal.outputStyle))
        }
    }

    private func index(of name: String, in topology: Topology) throws -> Int32 {
        do {
            return try topology.nodeIndex(named: name)
        } catch {
            throw CommandFailure(.usage, error.description)
        }
    }

    /// Looks at the payer's own balances only, as a payer can.
    private func answer(
        to request: RouteRequest, in topology: Topology, balances: [Millisatoshi]?
    ) -> Result<Route, RoutingFailure> {
        let graph = ChannelGraph(
            nodeCount: topology.nodes.count,
            channels: topology.channels.map { channel in
                ChannelGraph.Channel(
                    node1: channel.node1, node2: channel.node2, shortChannelID: channel.shortChannelID,
                    capacity: channel.capacity, policy1: channel.policy1, policy2: channel.policy2)
            })
        let search = RouteSearch(for: graph)
        let spendable: ((DirectionIndex) -> Millisatoshi)? = balances.map { balances in
            { balances[Int($0.rawValue)] }
        }
        do {
            return .success(try search.cheapestRoute(request, in: graph, spendable: spendable))
        } catch {
            return .failure(error)
        }
    }

    private func drawnBalances(of topology: Topology) throws -> [Millisatoshi] {
        do {
            var balances = try NetworkSimulation(topology, settings: RunSettings()).initialBalances()
            for (index, channel) in topology.channels.enumerated() where channel.opensAt != nil {
                // Not open yet at time zero: what its opening will put on either side.
                let funder = DirectionIndex(channel: index, from: channel.funder ?? .first)
                balances[Int(funder.rawValue)] = Millisatoshi(channel.capacity) - channel.pushed
                balances[Int(funder.reversed.rawValue)] = channel.pushed
            }
            return balances
        } catch {
            throw CommandFailure(duringRun: error)
        }
    }
}
