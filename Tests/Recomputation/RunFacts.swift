/// The rows that everything else is recomputed from.
struct RunFacts {
    struct Payment {
        var number, source, destination, amount, started, ended, attempts, hops, fee: Int64
        var failure: String?
    }

    struct Attempt {
        var payment, number, started, ended, fee: Int64
        var failingHop: Int?
        var failure: String?
        /// Directions.
        var route: [Int]
    }

    struct Transaction {
        var height, confirmed, channel, weight, fee: Int64
        var kind: String
    }

    struct Channel {
        var nodes: [Int]
        /// Satoshi.
        var capacity, dust, reserve, feerate: Int64
        /// 1, 2 or nil: whoever has more.
        var funder: Int64?
        /// Millisatoshi.
        var pushed, inFlight: Int64
        var accepted: Int64
        var opensAt: Int64?
        var closesAt: Int64?
        /// Satoshi.
        var openingCost: Int64
        var hasAnchors: Bool
    }

    struct Direction {
        var baseFee, proportionalFee: Int64?
        var initial: Int64

        /// BOLT 7: `fee_base_msat + ( amount_to_forward * fee_proportional_millionths / 1000000 )`.
        func fee(forwarding amount: Int64) -> Int64? {
            guard let baseFee, let proportionalFee else { return nil }
            return baseFee + Int64(Int128(amount) * Int128(proportionalFee) / 1_000_000)
        }
    }

    var payments: [Payment] = []
    var attempts: [Attempt] = []
    var chain: [Transaction] = []
    var chainByChannel: [[Transaction]] = []
    var channels: [Channel] = []
    var directions: [Direction] = []
    var nodeCount = 0
    var meta: [String: String] = [:]

    struct Missing: Error { var what: String }

    init(_ files: StoredFiles) throws {
        func rows(_ table: String) throws -> [[String: Figure]] {
            guard let table = files.tables.first(where: { $0.name == table }) else {
                throw Missing(what: "table \(table)")
            }
            return table.rows
        }
        for row in try rows("meta") {
            if case .text(let name)? = row["name"], case .text(let value)? = row["value"] {
                meta[name] = value
            }
        }
        nodeCount = try rows("nodes").count
        var places: [String: Int] = [:]
        for row in try rows("channels").sorted(by: { $0.integer("channel") < $1.integer("channel") }) {
            places[row.text("short_channel_id") ?? ""] = channels.count
            channels.append(
                Channel(
                    nodes: [Int(row.integer("node1")), Int(row.integer("node2"))],
                    capacity: row.integer("capacity_sat"), dust: row.integer("dust_limit_sat"),
                    reserve: row.integer("channel_reserve_sat"), feerate: row.integer("feerate_per_kw"),
                    funder: row.optional("funder"), pushed: row.integer("pushed_msat"),
                    inFlight: row.integer("htlc_value_in_flight_maximum_msat"),
                    accepted: row.integer("accepted_htlcs_maximum"), opensAt: row.optional("opens_at_us"),
                    closesAt: row.optional("closes_at_us"), openingCost: row.integer("opening_cost_sat"),
                    hasAnchors: row.integer("has_anchors") == 1))
        }
        for row in try rows("directions").sorted(by: { $0.integer("direction") < $1.integer("direction") }) {
            directions.append(
                Direction(
                    baseFee: row.optional("base_fee_msat"), proportionalFee: row.optional("fee_ppm"),
                    initial: row.integer("initial_balance_msat")))
        }
        for row in try rows("payments").sorted(by: { $0.integer("payment") < $1.integer("payment") }) {
            payments.append(
                Payment(
                    number: row.integer("payment"), source: row.integer("source"),
                    destination: row.integer("destination"), amount: row.integer("amount_msat"),
                    started: row.integer("started_us"), ended: row.integer("ended_us"),
                    attempts: row.integer("attempts"), hops: row.integer("hops"),
                    fee: row.integer("fee_msat"),
                    failure: row.text("failure")))
        }
        for row in try rows("attempts") {
            attempts.append(
                Attempt(
                    payment: row.integer("payment"), number: row.integer("attempt"),
                    started: row.integer("started_us"), ended: row.integer("ended_us"),
                    fee: row.integer("fee_msat"), failingHop: row.optional("failing_hop").map { Int($0) },
                    failure: row.text("failure"), route: Self.route(row.text("route") ?? "", places)))
        }
        attempts.sort { ($0.payment, $0.number) < ($1.payment, $1.number) }
        for row in try rows("chain") {
            chain.append(
                Transaction(
                    height: row.integer("height"), confirmed: row.integer("confirmed_us"),
                    channel: row.integer("channel"), weight: row.integer("weight"),
                    fee: row.integer("fee_sat"),
                    kind: row.text("kind") ?? ""))
        }
        chainByChannel = Array(repeating: [], count: channels.count)
        for transaction in chain where channels.indices.contains(Int(transaction.channel)) {
            chainByChannel[Int(transaction.channel)].append(transaction)
        }
    }

    /// `["0x1x0/0","0x2x0/1"]`; -1 for what is no direction.
    private static func route(_ text: String, _ places: [String: Int]) -> [Int] {
        text.dropFirst().dropLast().split(separator: ",").map { part in
            let words = part.dropFirst().dropLast().split(separator: "/")
            guard words.count == 2, let place = places[String(words[0])], let side = Int(words[1]), side < 2
            else { return -1 }
            return 2 * place + side
        }
    }

    func node(of direction: Int) -> Int { channels[direction / 2].nodes[direction & 1] }

    /// Channels that were to close and did not: too little was in them.
    var unclosed: Int {
        channels.indices.count { index in
            let kinds = chainByChannel[index].map(\.kind)
            return channels[index].closesAt != nil && !kinds.contains("closing")
                && !kinds.contains("commitment")
                && (channels[index].opensAt == nil || kinds.contains("funding"))
        }
    }

    /// The direction of the end that funds a channel: as the file says, else the one with more.
    func funder(of channel: Int) -> Int {
        switch channels[channel].funder {
        case 1: 2 * channel
        case 2: 2 * channel + 1
        default:
            directions[2 * channel].initial >= directions[2 * channel + 1].initial
                ? 2 * channel : 2 * channel + 1
        }
    }
}

extension [String: Figure] {
    func integer(_ column: String) -> Int64 { optional(column) ?? .min }

    func optional(_ column: String) -> Int64? {
        if case .integer(let value)? = self[column] { value } else { nil }
    }

    func text(_ column: String) -> String? {
        if case .text(let value)? = self[column] { value } else { nil }
    }
}
