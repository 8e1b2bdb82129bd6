import LightningTypes

extension Topology {
    /// What whoever starts a run sets in place of the file. Nil leaves the file's word.
    public struct Overrides: Sendable {
        /// Payments per simulated second over all flows together; their shares stay.
        public var rate: Double?
        /// The amount of every payment of every flow.
        public var amount: AmountDistribution?
        /// A trace (CSV) in place of all traffic, and what errors call it.
        public var trace: (bytes: [UInt8], fileName: String)?
        public var duration: Duration?
        public var warmup: Duration?
        public var seed: UInt64?
        public var balances: BalanceRule?

        public init(
            rate: Double? = nil, amount: AmountDistribution? = nil,
            trace: (bytes: [UInt8], fileName: String)? = nil,
            duration: Duration? = nil, warmup: Duration? = nil, seed: UInt64? = nil,
            balances: BalanceRule? = nil
        ) {
            self.rate = rate
            self.amount = amount
            self.trace = trace
            self.duration = duration
            self.warmup = warmup
            self.seed = seed
            self.balances = balances
        }
    }

    /// Applies overrides, the trace before the rest.
    ///
    /// - Throws: `TopologyError` where an override contradicts the topology: a rate or an amount for a trace
    ///   or for
    ///   no traffic at all, a duration within which nothing could start, a trace that is wrong.
    public mutating func apply(_ overrides: Overrides) throws(TopologyError) {
        let file = SourceFile(name: name)
        if let trace = overrides.trace {
            let traceFile = SourceFile(name: trace.fileName)
            traffic = .trace(
                try TraceReader.read(
                    trace.bytes, file: traceFile, names: FileNames(of: self), nodes: nodes,
                    latest: timeMaximum))
            // The file's duration bounded the file's traffic; a trace ends by itself.
            duration = overrides.duration
        }
        if let rate = overrides.rate {
            guard rate > 0, rate <= TopologyReader.rateMaximum else {
                throw file.error(nil, "--rate: expected payments per second above zero, found \(rate)")
            }
            try changeFlows("--rate", file) { flows in
                let whole = flows.reduce(0) { $0 + $1.rate }
                for index in flows.indices { flows[index].rate *= rate / whole }
            }
        }
        if let amount = overrides.amount {
            switch amount {
            case .fixed(let fixed):
                guard fixed > .zero else { throw file.error(nil, "the amount of a payment is above zero") }
            // As a file gives them; the reader has checked them.
            case .logNormal, .listed: break
            case .uniform(let lowest, let highest):
                guard lowest > .zero, lowest <= highest, highest <= .supplyMaximum else {
                    throw file.error(
                        nil, "amounts from \(lowest) to \(highest): expected LOW:HIGH above zero")
                }
            }
            try changeFlows("an amount", file) { flows in
                for index in flows.indices { flows[index].amount = amount }
            }
        }
        if let duration = overrides.duration {
            guard duration > .zero else { throw file.error(nil, "the duration is above zero") }
            self.duration = duration
        }
        warmup = overrides.warmup ?? warmup
        seed = overrides.seed ?? seed
        balances = overrides.balances ?? balances
        try checkTimes(file: file) { _ in nil }
    }

    private mutating func changeFlows(
        _ what: String, _ file: SourceFile, _ change: (inout [Flow]) -> Void
    ) throws(TopologyError) {
        guard case .flows(var flows) = traffic else {
            throw file.error(nil, "\(what) cannot change a trace, which gives each payment's time and amount")
        }
        guard !flows.isEmpty else { throw file.error(nil, "no traffic that \(what) could change") }
        change(&flows)
        traffic = .flows(flows)
    }

    /// The node that people mean by `name`: an id (name or public key) or an alias.
    ///
    /// - Throws: `TopologyError` for an alias of several nodes, whose keys it lists, and for a name that is
    ///   none,
    ///   with the nearest that is. Linear in the number of nodes.
    public func nodeIndex(named name: String) throws(TopologyError) -> Int32 {
        if let index = nodes.firstIndex(where: { $0.id == name }) { return Int32(index) }
        let names = FileNames(of: self)
        do {
            return try names.node(name)
        } catch {
            throw SourceFile(name: self.name).error(nil, names.message(error, name: name, among: nodes))
        }
    }
}
