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

    /// Reads route queries: CSV with the columns `source,destination,amount_msat`, nodes by name, alias or public key.
    /// Other columns are not looked at, so that a file of answers is a file of queries too.
    ///
    /// - Throws: `TopologyError` with the line for anything else, a file without queries included. A query from a node
    ///   to itself is one; it has no route.
    public func routeQueries(
        in bytes: [UInt8], fileName: String
    ) throws(TopologyError) -> [RouteQuery] {
        let file = SourceFile(name: fileName)
        let names = FileNames(of: self)
        let header = ["source", "destination", "amount_msat"]
        return try bytes.withUnsafeBufferPointer { (buffer) throws(TopologyError) in
            try TextBytes.check(buffer, maximum: TextBytes.graphBytesMaximum, file: file)
            var table = try CSVTable(buffer, file: file, required: header)
            var queries: [RouteQuery] = []
            while try table.next() {
                queries.append(
                    RouteQuery(
                        source: try table.node(0, names, nodes), destination: try table.node(1, names, nodes),
                        amount: try table.amount(2)))
            }
            guard !queries.isEmpty else {
                throw file.error(
                    1, "expected the header \(header.joined(separator: ",")) and queries under it")
            }
            return queries
        }
    }
}
