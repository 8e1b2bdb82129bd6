import LightningTypes

/// Reads a trace of payments: CSV with the header `time_seconds,source,destination,amount_msat`, times
/// ascending, nodes by name, alias or public key.
///
/// Fields may stand in double quotes, as RFC 4180 has it, since an alias may contain a comma.
struct TraceReader {
    static let header = ["time_seconds", "source", "destination", "amount_msat"]

    static func read(
        _ bytes: [UInt8], file: SourceFile, names: FileNames, nodes: [Topology.Node], latest: Duration
    ) throws(TopologyError) -> [Topology.TracePayment] {
        try bytes.withUnsafeBufferPointer { (buffer) throws(TopologyError) in
            try TextBytes.check(buffer, maximum: TextBytes.graphBytesMaximum, file: file)
        }
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        var payments: [Topology.TracePayment] = []
        var line = 0
        var emptyLine: Int?
        var position = start
        while position < bytes.count {
            line += 1
            let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            var row = bytes[position..<end]
            position = end + 1
            if row.last == UInt8(ascii: "\r") { row = row.dropLast() }
            if line == 1 {
                guard try fields(of: row, file: file, line: line) == header else {
                    throw file.error(1, "expected the header \(header.joined(separator: ","))")
                }
                continue
            }
            // At the end they are nothing; before it they may be what is left of a payment.
            if row.isEmpty {
                emptyLine = emptyLine ?? line
                continue
            }
            if let emptyLine { throw file.error(emptyLine, "an empty line among the payments") }
            let payment = try payment(
                try fields(of: row, file: file, line: line), names: names, nodes: nodes, file: file,
                line: line)
            guard payment.microseconds <= latest.inMicroseconds else {
                throw file.error(
                    line, "time_seconds: later than \(latest.inWords), the longest a run may be")
            }
            if let last = payments.last, payment.microseconds < last.microseconds {
                throw file.error(line, "the time goes back; payments stand in order of time_seconds")
            }
            payments.append(payment)
        }
        guard line > 0 else { throw file.error(1, "expected the header \(header.joined(separator: ","))") }
        guard !payments.isEmpty else { throw file.error(line, "a trace without payments") }
        return payments
    }

    private static func payment(
        _ fields: [String], names: FileNames, nodes: [Topology.Node], file: SourceFile, line: Int
    ) throws(TopologyError) -> Topology.TracePayment {
        guard fields.count == header.count else {
            throw file.error(line, "\(fields.count) fields; expected \(header.joined(separator: ","))")
        }
        guard let time = NumberText.scaled(fields[0], places: 6) else {
            throw file.error(
                line,
                "time_seconds: expected seconds with up to six decimal places, found \(quoted(fields[0]))")
        }
        func node(_ field: Int) throws(TopologyError) -> Int32 {
            do {
                return try names.node(fields[field])
            } catch {
                throw file.error(
                    line, "\(header[field]): " + names.message(error, name: fields[field], among: nodes))
            }
        }
        let source = try node(1)
        let destination = try node(2)
        guard source != destination else { throw file.error(line, "\(quoted(fields[1])) pays itself") }
        guard let amount = try? NumberText.unsigned(fields[3]), amount > 0,
            amount <= Millisatoshi(Satoshi.supplyMaximum).rawValue
        else {
            throw file.error(
                line,
                "amount_msat: expected a whole number of millisatoshis above zero, found "
                    + quoted(fields[3]))
        }
        return Topology.TracePayment(
            microseconds: time, source: source, destination: destination, amount: Millisatoshi(amount))
    }

    static func fields(
        of row: ArraySlice<UInt8>, file: SourceFile, line: Int
    ) throws(TopologyError) -> [String] {
        var fields: [String] = []
        var field: [UInt8] = []
        var isQuoted = false
        var wasQuoted = false
        var i = row.startIndex
        while i < row.endIndex {
            let byte = row[i]
            i += 1
            if isQuoted {
                guard byte == UInt8(ascii: "\"") else {
                    field.append(byte)
                    continue
                }
                if i < row.endIndex, row[i] == byte {
                    field.append(byte)
                    i += 1
                    continue
                }
                (isQuoted, wasQuoted) = (false, true)
            } else if byte == UInt8(ascii: ",") {
                fields.append(String(decoding: field, as: UTF8.self))
                field.removeAll(keepingCapacity: true)
                wasQuoted = false
            } else if byte == UInt8(ascii: "\""), field.isEmpty, !wasQuoted {
                isQuoted = true
            } else if wasQuoted {
                throw file.error(line, "text after a closing quote; expected a comma")
            } else {
                field.append(byte)
            }
        }
        guard !isQuoted else { throw file.error(line, "a quote without its end") }
        fields.append(String(decoding: field, as: UTF8.self))
        return fields
    }
}
