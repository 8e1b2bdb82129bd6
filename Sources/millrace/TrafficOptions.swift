import ArgumentParser
import LightningTypes
import Routing
import RunStore
import Topologies

/// What `run` and `stress` may change of the file.
struct TrafficOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Every payment carries this much, or uniformly from LOW to HIGH.", valueName: "sat|low:high"),
        transform: AmountValue.read)
    var amountSat: AmountValue?

    @Option(
        help: ArgumentHelp(
            "Payments from a CSV file: time_seconds,source,destination,amount_msat.", valueName: "file.csv"))
    var trace: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Decides everything that is drawn.", valueName: "number"),
        transform: number(OptionRange.seed))
    var seed: UInt64?

    @Option(
        help: ArgumentHelp(
            "How balances no file gives are drawn.", valueName: "even|uniform|one-sided"))
    var balanceRule: Topology.BalanceRule?

    @Option(help: ArgumentHelp("What payers mind: whose cost their routes are best by.", valueName: "name"))
    var model: RoutingModel?

    @Option(
        help: ArgumentHelp(
            "How payers divide an amount: mcf is the flow of least cost, in place of a model.",
            valueName: "none|halving|mcf"))
    var split: Splitting?

    func validate() throws {
        if amountSat != nil, trace != nil {
            throw ValidationError("--amount-sat and --trace exclude each other: a trace has its own amounts")
        }
        if split == .minimumCostFlow, model != nil {
            throw ValidationError("--split mcf has a cost of its own: it takes no --model")
        }
        if trace == "-" { throw ValidationError(InputReader.refusal(ofStandardInputFor: "--trace")) }
    }

    /// Applies these, `rate` and `duration` to a topology. A trace joins `inputs`.
    func apply(
        rate: Double? = nil, duration: Duration? = nil, warmup: Duration? = nil, to topology: inout Topology,
        inputs: inout [InputFile], copies: [InputFile]? = nil
    ) throws(CommandFailure) {
        if let balanceRule { try balanceRule.refuseIfIdle(in: topology) }
        if trace == nil, topology.graph?.isWholeTopology == true, topology.hasNoFlows {
            throw CommandFailure(
                .badInput,
                "\(topology.name): no two nodes of this graph can pay each other, so there is no traffic to assume: "
                    + "no circle of enabled policies; give it payments with --trace FILE.csv")
        }
        // A choice of one replaces the file's choice of the other where the two exclude each other.
        if let split {
            topology.payments.splitting = split
            if split == .minimumCostFlow { topology.payments.model = .cheapestFee }
        }
        if let model {
            topology.payments.model = model
            if topology.payments.splitting == .minimumCostFlow { topology.payments.splitting = .none }
        }
        var overrides = Topology.Overrides()
        overrides.rate = rate
        overrides.duration = duration
        overrides.warmup = warmup
        overrides.amount = amountSat?.value
        overrides.seed = seed
        overrides.balances = balanceRule
        if let trace {
            var file =
                if let copies { try copies.file(.trace) } else {
                    try InputReader.file(at: trace, limit: .table)
                }
            file.role = .trace
            overrides.trace = (file.bytes, trace)
            inputs.append(file)
        }
        do {
            try topology.apply(overrides)
        } catch {
            throw CommandFailure(trace == nil ? .usage : .badInput, error.description)
        }
    }

    /// The options given, for the manifest.
    var given: [(option: String, value: String)] {
        var given: [(option: String, value: String)] = []
        if let amountSat { given.append(("amount-sat", amountSat.description)) }
        if let trace { given.append(("trace", trace)) }
        if let seed { given.append(("seed", seed.description)) }
        if let balanceRule { given.append(("balance-rule", balanceRule.rawValue)) }
        if let model { given.append(("model", model.rawValue)) }
        if let split { given.append(("split", split.rawValue)) }
        return given
    }
}

extension Topology.BalanceRule {
    /// Refuses the option `--balance-rule` where it would change nothing.
    func refuseIfIdle(in topology: Topology) throws(CommandFailure) {
        guard !topology.drawsBalances else { return }
        throw CommandFailure(
            .usage,
            "--balance-rule: \(topology.name) leaves no balance to be drawn; every channel gives its own, or is "
                + "opened in the run")
    }
}

extension Topology {
    fileprivate var hasNoFlows: Bool {
        switch traffic {
        case .flows(let flows): flows.isEmpty
        case .trace: false
        }
    }
}
