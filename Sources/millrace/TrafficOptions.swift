import ArgumentParser
import LightningTypes
import RunStore
import Topologies

/// What `run` and `stress` may change of the file.
struct TrafficOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Every payment carries this much, or uniformly from LOW to HIGH.", valueName: "sat|low:high"))
    var amountSat: AmountArgument?

    @Option(
        help: ArgumentHelp(
            "Payments from a CSV file: time_seconds,source,destination,amount_msat.", valueName: "file.csv"))
    var trace: String?

    @Option(help: ArgumentHelp("Decides everything that is drawn.", valueName: "number"))
    var seed: UInt64?

    @Option(
        help: ArgumentHelp(
            "How balances no file gives are drawn.", valueName: "even|uniform|one-sided"))
    var balanceRule: Topology.BalanceRule?

    func validate() throws {
        if amountSat != nil, trace != nil {
            throw ValidationError("--amount-sat and --trace exclude each other: a trace has its own amounts")
        }
        if trace == "-" { throw ValidationError(InputReader.refusal(ofStandardInputFor: "--trace")) }
    }

    /// Applies these, `rate` and `duration` to a topology. A trace joins `inputs`.
    func apply(
        rate: Double? = nil, duration: DurationArgument? = nil, to topology: inout Topology,
        inputs: inout [InputFile], copies: [InputFile]? = nil
    ) throws(CommandFailure) {
        if let balanceRule { try balanceRule.refuseIfIdle(in: topology) }
        if trace == nil, topology.graph?.isWholeTopology == true, topology.hasNoFlows {
            throw CommandFailure(
                .badInput,
                "\(topology.name): no two nodes of this graph can pay each other, so there is no traffic to assume: "
                    + "no circle of enabled policies; give it payments with --trace FILE.csv")
        }
        var overrides = Topology.Overrides()
        overrides.rate = rate
        overrides.duration = duration?.value
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
        if let amountSat { given.append(("amount-sat", amountSat.text)) }
        if let trace { given.append(("trace", trace)) }
        if let seed { given.append(("seed", seed.description)) }
        if let balanceRule { given.append(("balance-rule", balanceRule.rawValue)) }
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

/// `250000` or `1000:100000`, in satoshis.
struct AmountArgument: ExpressibleByArgument {
    let text: String
    let value: Topology.AmountDistribution

    init?(argument: String) {
        text = argument
        let numbers = argument.split(separator: ":", omittingEmptySubsequences: false).map { UInt64($0) }
        let range = 1...Satoshi.supplyMaximum.rawValue
        switch numbers.count {
        case 1:
            guard let amount = numbers[0], range.contains(amount) else { return nil }
            value = .fixed(Millisatoshi(Satoshi(amount)))
        case 2:
            guard let low = numbers[0], let high = numbers[1], range.contains(low), range.contains(high),
                low <= high
            else { return nil }
            value = .uniform(lowest: Satoshi(low), highest: Satoshi(high))
        default: return nil
        }
    }
}

/// `7d`, `90s`: as a topology writes it.
struct DurationArgument: ExpressibleByArgument {
    let text: String
    let value: Duration

    init?(argument: String) {
        guard let value = parseDuration(argument), value > .zero else { return nil }
        text = argument
        self.value = value
    }
}

/// A rate in payments per simulated second: positive, and not more than a million.
struct RateArgument: ExpressibleByArgument {
    static let maximum = 1_000_000.0

    let text: String
    let value: Double

    init?(argument: String) {
        guard let value = Double(argument), value >= 1e-6, value <= Self.maximum else { return nil }
        text = argument
        self.value = value
    }
}

/// `1:1000`, a lowest and a highest rate.
struct RateRangeArgument: ExpressibleByArgument {
    let lowest: Double
    let highest: Double

    init?(argument: String) {
        let rates = argument.split(separator: ":", omittingEmptySubsequences: false)
            .map { RateArgument(argument: String($0))?.value }
        guard rates.count == 2, let lowest = rates[0], let highest = rates[1], lowest < highest else {
            return nil
        }
        self.lowest = lowest
        self.highest = highest
    }
}

/// `all`, `none` or `1/N`.
extension AttemptSampling: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

/// A count of at least one.
struct CountArgument: ExpressibleByArgument {
    let value: UInt64

    init(_ value: UInt64) { self.value = value }

    init?(argument: String) {
        guard let value = UInt64(argument), value > 0 else { return nil }
        self.value = value
    }

    var defaultValueDescription: String { value.description }
}
