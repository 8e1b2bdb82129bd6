import LightningTypes

// How a flow draws its amounts, its pairs and its times, and what becomes of what it paid.
extension TopologyReader {
    /// A flow holds its lists, so they are bounded.
    private static let listMaximum = 100_000
    private static let weightMaximum = 1e12

    func logNormal(_ section: Section) throws(TopologyError) -> Topology.AmountDistribution {
        guard let mean = try section.satoshi("mean", from: 1),
            let median = try section.satoshi("median", from: 1),
            !["from", "to", "values", "weights"].contains(where: section.has)
        else {
            throw file.error(
                section.line, "a log-normal amount has a 'mean' and a 'median', and nothing else")
        }
        guard median <= mean else {
            throw section.error("median", "a log-normal amount's median is not above its mean")
        }
        return .logNormal(mean: mean, median: median)
    }

    func listed(_ section: Section) throws(TopologyError) -> Topology.AmountDistribution {
        guard !["from", "to", "mean", "median"].contains(where: section.has) else {
            throw file.error(section.line, "listed amounts have 'values' and 'weights', and nothing else")
        }
        var values: [Satoshi] = []
        for number in try numbers("values", of: section, from: 1, to: Double(Satoshi.supplyMaximum.rawValue))
        {
            guard let value = UInt64(exactly: number) else {
                throw section.error("values", "expected whole satoshis, found \(number)")
            }
            values.append(Satoshi(value))
        }
        let weights =
            section.has("weights")
            ? try numbers("weights", of: section, from: 0, to: Self.weightMaximum)
            : Array(repeating: 1, count: values.count)
        guard weights.count == values.count, weights.contains(where: { $0 > 0 }) else {
            throw section.error("weights", "expected one for each of 'values', and one above zero")
        }
        return .listed(values: values, weights: weights)
    }

    func weights(_ key: String, of section: Section) throws(TopologyError) -> Topology.Weights {
        let words = "even, capacity, rank, or a share such as {first: 0.05}"
        guard let value = section.value(key) else { return .even }
        guard !section.has("pairs") else {
            throw section.error(key, "'pairs' say who pays whom and how often already")
        }
        switch value.content {
        case .text("even", _): return .even
        case .text("capacity", _): return .capacity
        case .text("rank", _): return .rank
        case .mapping:
            // Just seen to be there.
            let merchants = try section.section(key, keys: ["first", "weights"])!
            guard let share = try share("first", of: merchants), share > 0 else {
                throw section.error(key, "expected \(words)")
            }
            return .first(
                share: share, try merchants.word("weights", of: Topology.MerchantWeights.self) ?? .even)
        case .text, .list: throw section.error(key, "expected \(words), found \(value.kind)")
        }
    }

    /// `circular`, or a list of `[payer, payee]` and `[payer, payee, weight]`.
    func pairing(of section: Section, in topology: Topology) throws(TopologyError) -> Topology.Pairing {
        guard let value = section.value("pairs") else { return .independent }
        if case .text("circular", _) = value.content {
            guard !section.has("to") else {
                throw section.error("to", "circular pairs pay one another: they are all in 'from'")
            }
            return .circular
        }
        guard case .list(let list) = value.content, !list.isEmpty, list.count <= Self.listMaximum else {
            throw section.error(
                "pairs", "expected circular, or a list of [payer, payee] or [payer, payee, weight]")
        }
        guard !section.has("from"), !section.has("to") else {
            throw section.error("pairs", "listed pairs name who pays whom; 'from' and 'to' go without them")
        }
        var pairs: [Topology.Pair] = []
        for entry in list { pairs.append(try pair(entry, in: topology)) }
        return .listed(pairs)
    }

    private func pair(_ entry: YAMLValue, in topology: Topology) throws(TopologyError) -> Topology.Pair {
        let expected = "expected [payer, payee] or [payer, payee, weight]"
        guard case .list(let parts) = entry.content, (2...3).contains(parts.count) else {
            throw file.error(entry.line, "\(expected), found \(entry.kind)")
        }
        var nodes: [Int32] = []
        for part in parts.prefix(2) {
            guard case .text(let name, _) = part.content else {
                throw file.error(part.line, "\(expected), found \(part.kind)")
            }
            do { nodes.append(try names.node(name)) } catch {
                throw file.error(part.line, names.message(error, name: name, among: topology.nodes))
            }
        }
        guard nodes[0] != nodes[1] else { throw file.error(entry.line, "a node cannot pay itself") }
        var weight = 1.0
        if parts.count == 3 { weight = try number(parts[2], of: "pairs", from: 1e-9, to: Self.weightMaximum) }
        return Topology.Pair(payer: nodes[0], payee: nodes[1], weight: weight)
    }

    func hours(of section: Section) throws(TopologyError) -> [Double] {
        guard section.has("hours") else { return [] }
        let weights = try numbers("hours", of: section, from: 0, to: Self.weightMaximum)
        guard weights.count == 24, weights.contains(where: { $0 > 0 }) else {
            throw section.error(
                "hours", "expected 24 weights, one for each hour of the day, not all of them zero")
        }
        return weights
    }

    /// - Parameter rate: of the flow, payments a second.
    func bursts(of section: Section, rate: Double) throws(TopologyError) -> Topology.Bursts? {
        guard let bursts = try section.section("bursts", keys: ["factor", "lasting", "every"]) else {
            return nil
        }
        guard let factor = try bursts.rate("factor"), factor > 1, factor <= 1e6,
            let lasting = try bursts.duration("lasting", from: .seconds(1)),
            let every = try bursts.duration("every", from: .seconds(1))
        else {
            throw section.error(
                "bursts",
                "expected a 'factor' above 1 and at most a million, and two times: 'lasting' and 'every'")
        }
        // Each is drawn, so that a flow of no payments but of bursts would take for ever.
        guard every / .seconds(1) * rate >= 1e-6 else {
            throw bursts.error("every", "a million bursts would pass between two payments of this flow")
        }
        return Topology.Bursts(factor: factor, lasting: lasting, every: every)
    }

    func circulation(
        of section: Section, in topology: Topology, sets: inout NodeSets
    ) throws(TopologyError) -> Topology.Circulation? {
        guard
            let part = try section.section(
                "circulation", keys: ["spend", "give_back", "swap", "swap_nodes", "after"])
        else { return nil }
        let spend = try share("spend", of: part) ?? 0
        let giveBack = try share("give_back", of: part) ?? 0
        let swap = try share("swap", of: part) ?? 0
        guard spend + giveBack + swap > 0, spend + giveBack + swap <= 1 else {
            throw section.error(
                "circulation", "the shares of spend, give_back and swap come to more than 1, or to nothing")
        }
        guard spend <= 0.99 else {
            throw part.error("spend", "who spends all of it never stops: at most 0.99")
        }
        guard (swap > 0) == part.has("swap_nodes") else {
            throw part.error("swap", "'swap' and 'swap_nodes' go together")
        }
        let swapNodes = swap > 0 ? try nodes("swap_nodes", of: part, in: topology, sets: &sets) : []
        guard swap == 0 || !swapNodes.isEmpty else {
            throw part.error("swap_nodes", "expected a node at least")
        }
        return Topology.Circulation(
            spend: spend, giveBack: giveBack, swap: swap, swapNodes: swapNodes,
            after: try part.duration("after") ?? .seconds(3_600))
    }

    private func share(_ key: String, of section: Section) throws(TopologyError) -> Double? {
        guard let value = section.value(key) else { return nil }
        return try number(value, of: key, from: 0, to: 1)
    }

    private func numbers(
        _ key: String, of section: Section, from minimum: Double, to maximum: Double
    ) throws(TopologyError) -> [Double] {
        let list = try section.list(key) ?? []
        guard (1...Self.listMaximum).contains(list.count) else {
            throw section.error(key, "expected 1 to \(Self.listMaximum) numbers, found \(list.count)")
        }
        var numbers: [Double] = []
        for value in list { numbers.append(try number(value, of: key, from: minimum, to: maximum)) }
        return numbers
    }

    private func number(
        _ value: YAMLValue, of key: String, from minimum: Double, to maximum: Double
    ) throws(TopologyError) -> Double {
        guard case .text(let text, _) = value.content, let number = NumberText.decimal(text),
            number >= minimum, number <= maximum
        else {
            throw file.error(
                value.line,
                "\(quoted(key)): expected a number from \(Self.bound(minimum)) to \(Self.bound(maximum)), found \(value.kind)"
            )
        }
        return number
    }

    /// `1` for 1.0: as a file would write it.
    private static func bound(_ number: Double) -> String {
        Int(exactly: number)?.description ?? number.description
    }
}
