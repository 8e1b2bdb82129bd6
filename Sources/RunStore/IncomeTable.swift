import LightningTypes
import PaymentNetwork
import Topologies

/// What every node earned, in the columns that `income.csv`, the database and `--json` share.
public struct IncomeTable: Sendable {
    private static let columns = [
        "node", "alias", "forwards", "volume_msat", "routing_fees_msat", "fees_paid_msat",
        "onchain_fees_msat", "penalties_msat", "principal_msat", "net_msat", "capital_msat", "apr_gross",
        "apr_net",
    ]

    private let incomes: [NodeIncome]
    private let nodes: [Topology.Node]

    /// One row a node, in the topology's order.
    public init(_ result: RunResult, of topology: Topology) {
        incomes = result.nodeIncome
        nodes = topology.nodes
    }

    private func row(_ index: Int) -> [JSONValue] {
        let income = incomes[index]
        let node = nodes[Int(income.node)]
        return [
            .text(node.id), .text(node.alias), .unsigned(income.forwards),
            .unsigned(income.volume.rawValue), .unsigned(income.routingFees.rawValue),
            .unsigned(income.feesPaid.rawValue), .unsigned(income.onchainFees.rawValue),
            .integer(income.penalties), .integer(income.principal), .integer(income.net),
            .unsigned(income.capital.rawValue), JSONValue(income.aprGross), JSONValue(income.aprNet),
        ]
    }

    public var json: JSONValue {
        .rows(count: incomes.count) { index in
            .object(zip(Self.columns, row(index)).map { .init($0, $1) })
        }
    }

    /// RFC 4180, with line feeds alone; an absent figure is empty, a name harmless to spreadsheets (`CSVCell`).
    public func csv() -> [UInt8] {
        var output = Array(Self.columns.joined(separator: ",").utf8)
        output.append(UInt8(ascii: "\n"))
        for index in incomes.indices {
            output.append(contentsOf: row(index).map(Self.field).joined(separator: ",").utf8)
            output.append(UInt8(ascii: "\n"))
        }
        return output
    }

    private static func field(_ value: JSONValue) -> String {
        switch value {
        case .null: ""
        case .boolean(let value): value.description
        case .integer(let value): value.description
        case .unsigned(let value): value.description
        case .number(let value): value.isFinite ? value.description : ""
        case .text(let value): CSVCell.text(value)
        case .array, .object, .rows: preconditionFailure("a field holds one figure")
        }
    }
}
