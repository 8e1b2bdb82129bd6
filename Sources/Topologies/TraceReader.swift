import LightningTypes

/// Reads a trace of payments: CSV with the columns `time_seconds,source,destination,amount_msat`, times ascending,
/// nodes by name, alias or public key.
struct TraceReader {
    private static let header = ["time_seconds", "source", "destination", "amount_msat"]

    static func read(
        _ bytes: [UInt8], file: SourceFile, names: FileNames, nodes: [Topology.Node], latest: Duration
    ) throws(TopologyError) -> [Topology.TracePayment] {
        try bytes.withUnsafeBufferPointer { (buffer) throws(TopologyError) in
            try TextBytes.check(buffer, maximum: TextBytes.graphBytesMaximum, file: file)
            var table = try CSVTable(buffer, file: file, required: header, isClosed: true)
            var line = table.line
            guard line == 1 else { throw file.error(1, "expected the header, found an empty line") }
            var payments: [Topology.TracePayment] = []
            while try table.next() {
                line += 1
                // At the end an empty line is nothing; before it, it may be what is left of a payment.
                guard table.line == line else { throw file.error(line, "an empty line among the payments") }
                let payment = try payment(table, names, nodes)
                guard payment.microseconds <= latest.inMicroseconds else {
                    throw table.error(0, "later than \(latest.inWords), the longest a run may be")
                }
                if let last = payments.last, payment.microseconds < last.microseconds {
                    throw file.error(line, "the time goes back; payments stand in order of time_seconds")
                }
                payments.append(payment)
            }
            guard !payments.isEmpty else { throw file.error(line, "a trace without payments") }
            return payments
        }
    }

    private static func payment(
        _ table: CSVTable, _ names: FileNames, _ nodes: [Topology.Node]
    ) throws(TopologyError) -> Topology.TracePayment {
        guard let time = NumberText.scaled(table.text(0), places: 6) else {
            throw table.error(
                0, "expected seconds with up to six decimal places, found \(quoted(table.text(0)))")
        }
        let source = try table.node(1, names, nodes)
        let destination = try table.node(2, names, nodes)
        guard source != destination else {
            throw table.file.error(table.line, "\(quoted(table.text(1))) pays itself")
        }
        return Topology.TracePayment(
            microseconds: time, source: source, destination: destination, amount: try table.amount(3))
    }
}

extension CSVTable {
    /// The node that a field names, by name, alias or public key.
    func node(
        _ column: Int, _ names: FileNames, _ nodes: [Topology.Node]
    ) throws(TopologyError) -> Int32 {
        let name = text(column)
        do {
            return try names.node(name)
        } catch {
            throw self.error(column, names.message(error, name: name, among: nodes))
        }
    }

    /// What a payment delivers.
    func amount(_ column: Int) throws(TopologyError) -> Millisatoshi {
        let text = self.text(column)
        guard let amount = try? NumberText.unsigned(text), amount > 0,
            amount <= Millisatoshi(Satoshi.supplyMaximum).rawValue
        else {
            throw error(
                column, "expected a whole number of millisatoshis above zero, found \(quoted(text))")
        }
        return Millisatoshi(amount)
    }
}
