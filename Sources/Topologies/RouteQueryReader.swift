import LightningTypes

extension Topology {
    /// A line of a file of route queries.
    public struct RouteQuery: Hashable, Sendable {
        public var source: Int32
        public var destination: Int32
        /// What the destination is to receive.
        public var amount: Millisatoshi

        public init(source: Int32, destination: Int32, amount: Millisatoshi) {
            self.source = source
            self.destination = destination
            self.amount = amount
        }
    }

    /// Reads route queries: CSV whose first columns are `source,destination,amount_msat`, nodes by name, alias or
    /// public key. Columns after the third are not looked at, so that a file of answers is a file of queries too.
    ///
    /// - Throws: `TopologyError` with the line for anything else, a file without queries included. A query
    ///   from a node to itself is one; it has no route.
    public func routeQueries(
        in bytes: [UInt8], fileName: String
    ) throws(TopologyError) -> [RouteQuery] {
        let file = SourceFile(name: fileName)
        try bytes.withUnsafeBufferPointer { (buffer) throws(TopologyError) in
            try TextBytes.check(buffer, maximum: TextBytes.graphBytesMaximum, file: file)
        }
        let names = FileNames(of: self)
        var queries: [RouteQuery] = []
        var line = 0
        var position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        while position < bytes.count {
            line += 1
            let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            var row = bytes[position..<end]
            position = end + 1
            if row.last == UInt8(ascii: "\r") { row = row.dropLast() }
            if row.isEmpty, line > 1, position >= bytes.count { break }
            let fields = try TraceReader.fields(of: row, file: file, line: line)
            if line == 1 {
                guard fields.starts(with: Self.routeQueryHeader) else { break }
                continue
            }
            queries.append(try routeQuery(fields, names, file, line))
        }
        guard !queries.isEmpty else {
            throw file.error(
                1, "expected the header \(Self.routeQueryHeader.joined(separator: ",")) and queries under it")
        }
        return queries
    }

    private static let routeQueryHeader = ["source", "destination", "amount_msat"]

    private func routeQuery(
        _ fields: [String], _ names: FileNames, _ file: SourceFile, _ line: Int
    ) throws(TopologyError) -> RouteQuery {
        let header = Self.routeQueryHeader
        guard fields.count >= header.count else {
            throw file.error(
                line, "\(fields.count) fields; expected at least \(header.joined(separator: ","))")
        }
        func node(_ field: Int) throws(TopologyError) -> Int32 {
            do {
                return try names.node(fields[field])
            } catch {
                throw file.error(
                    line, "\(header[field]): " + names.message(error, name: fields[field], among: nodes))
            }
        }
        let source = try node(0)
        let destination = try node(1)
        guard let amount = try? NumberText.unsigned(fields[2]), amount > 0,
            amount <= Millisatoshi(Satoshi.supplyMaximum).rawValue
        else {
            throw file.error(
                line,
                "amount_msat: expected a whole number of millisatoshis above zero, found " + quoted(fields[2])
            )
        }
        return RouteQuery(source: source, destination: destination, amount: Millisatoshi(amount))
    }
}
