import ArgumentParser
import LightningTypes
import PaymentNetwork
import Reports
import Routing
import Topologies

struct RouteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "route",
        abstract: "Explains the cheapest route hop by hop, or answers a file of queries.",
        discussion: """
            --queries reads CSV with the header source,destination,amount_msat (further columns are ignored) and \
            writes CSV with fee_msat, hops (with --split also parts) and microseconds, the wall time of the search, in \
            the same order; fee and hops are empty where there is no route. The summary of --json counts the routable \
            queries' times.

            Answers from public information alone: no balance is drawn or looked at, the payer's own channels \
            included, unless --balances is given. Channels that open in the run count as open. That there is no \
            route is an answer too, and its exit code is 0.
            """)

    @OptionGroup var input: TopologyInput

    @Option(help: ArgumentHelp("Who pays: a name, alias or public key.", valueName: "node"))
    var from: String?

    @Option(help: ArgumentHelp("Who is paid.", valueName: "node"))
    var to: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("What the payee receives, in millisatoshi.", valueName: "msat"),
        transform: number(OptionRange.millisatoshi))
    var amountMsat: UInt64?

    @Option(
        help: ArgumentHelp(
            "Many queries from a CSV file: source,destination,amount_msat.", valueName: "file.csv"))
    var queries: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Threads over which --queries are spread. (default: 1)", valueName: "count"),
        transform: number(OptionRange.threads))
    var threads: UInt64?

    @Option(help: ArgumentHelp("What the payer minds: whose cost the route is best by."))
    var model: RoutingModel = .cheapestFee

    @Option(
        help: ArgumentHelp(
            "Divides the amount: by halves where no route carries it, or as the flow of least cost, which has a cost of its own in place of a model.",
            valueName: "none|halving|mcf"))
    var split: Splitting = .none

    @Flag(help: "Draw the balances a run would start from, and look at them.")
    var balances = false

    @Option(help: ArgumentHelp("How balances no file gives are drawn.", valueName: "even|uniform|one-sided"))
    var balanceRule: Topology.BalanceRule?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Decides the balances that are drawn.", valueName: "number"),
        transform: number(OptionRange.seed))
    var seed: UInt64?

    @Flag(help: "One JSON object on standard output, and nothing else there.")
    var json = false

    func validate() throws {
        if queries != nil {
            guard from == nil, to == nil, amountMsat == nil else {
                throw ValidationError("--queries and a single --from, --to, --amount-msat exclude each other")
            }
        } else if from == nil || to == nil || amountMsat == nil {
            throw ValidationError("a route needs --from, --to and --amount-msat, or --queries for many")
        }
        if split == .minimumCostFlow, model != .cheapestFee {
            throw ValidationError("--split mcf has a cost of its own: it takes no --model")
        }
        if queries == nil, threads != nil {
            throw ValidationError("--threads spreads --queries; a single route has nothing to spread")
        }
        if !balances, seed != nil || balanceRule != nil {
            throw ValidationError("--seed and --balance-rule draw balances, which only --balances looks at")
        }
    }

    func run() throws {
        var (topology, _) = try input.read(for: .look, line: ProgressLine(isQuiet: false))
        if let seed { topology.seed = seed }
        if let balanceRule {
            try balanceRule.refuseIfIdle(in: topology)
            topology.balances = balanceRule
        }
        var open = topology
        open.openFromTheBeginning()
        let graph = open.graph()
        let known = balances ? try drawnBalances(of: open) : nil
        if let queries {
            try answer(queriesAt: queries, of: topology, in: graph, balances: known)
        } else if let from, let to, let amountMsat {
            let request = RouteRequest(
                source: try index(of: from, in: topology), destination: try index(of: to, in: topology),
                amount: Millisatoshi(amountMsat),
                finalCLTVExpiryDelta: UInt32(topology.payments.finalCLTVExpiryDelta))
            let result = Self.answer(
                to: request, in: graph, by: RouteSearch(for: graph), model: model, split: split,
                balances: known)
            guard split == .none else {
                let report = SplitReport(result, to: request, in: topology, balances: known)
                try Output.write(
                    json ? report.json.encoded() : Array(report.text(style: Terminal.outputStyle).utf8))
                return
            }
            let report = RouteReport(result.map { $0[0] }, to: request, in: topology, balances: known)
            try Output.write(
                json ? report.json.encoded() : Array(report.text(style: Terminal.outputStyle).utf8))
        }
    }

    private func answer(
        queriesAt path: String, of topology: Topology, in graph: ChannelGraph, balances: [Millisatoshi]?
    ) throws(CommandFailure) {
        guard path != "-" || input.path != "-" else {
            throw CommandFailure(.usage, "standard input cannot be both the topology and the queries")
        }
        let file =
            path == "-"
            ? try InputReader.standardInput(limit: .table) : try InputReader.file(at: path, limit: .table)
        let queries: [Topology.RouteQuery]
        do {
            queries = try topology.routeQueries(
                in: file.bytes, fileName: path == "-" ? "standard-input" : path)
        } catch {
            throw CommandFailure(.badInput, error.description)
        }
        let (model, split) = (model, split)
        Interruption.listen()
        let batch = try RouteBatch(
            queries, of: topology, in: graph, threads: Int(threads ?? 1), showsParts: split != .none,
            line: ProgressLine(isQuiet: false)
        ) { request, search in
            Self.answer(to: request, in: graph, by: search, model: model, split: split, balances: balances)
        }
        try Output.write(json ? batch.json.encoded() : batch.csv)
    }

    private func index(of name: String, in topology: Topology) throws -> Int32 {
        do {
            return try topology.nodeIndex(named: name)
        } catch {
            throw CommandFailure(.usage, error.description)
        }
    }

    /// Looks at the payer's own balances only, as a payer can.
    private static func answer(
        to request: RouteRequest, in graph: ChannelGraph, by search: RouteSearch,
        model: RoutingModel, split: Splitting, balances: [Millisatoshi]?
    ) -> Result<[Route], RoutingFailure> {
        var whole = SplitRequest(request, splitting: split, model: model)
        whole.spendable = balances.map { balances in { direction, _ in balances[Int(direction.rawValue)] } }
        do {
            return .success(try search.parts(whole, in: graph))
        } catch {
            return .failure(error)
        }
    }

    private func drawnBalances(of topology: Topology) throws -> [Millisatoshi] {
        do {
            return try NetworkSimulation(topology, settings: RunSettings()).initialBalances()
        } catch {
            throw CommandFailure(duringRun: error)
        }
    }
}

extension RoutingModel: ExpressibleByArgument {}
extension Splitting: ExpressibleByArgument {}
