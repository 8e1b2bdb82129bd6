import LightningTypes

/// The formats in which other programs write a channel graph.
public enum GraphFormat: String, Sendable, CaseIterable {
    /// `lncli describegraph`.
    case lnd
    /// Core Lightning's `lightning-cli listchannels`.
    case cln
    /// The three tables of the CLoTH simulator, in a directory.
    case cloth
    /// A simulation file of sim-ln with a network of its own.
    case simLN = "sim-ln"
    /// GraphML, as graph libraries write it.
    case graphML = "graphml"
    /// Two tables inside the topology file itself.
    case table

    /// What an error proposes.
    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

/// What becomes of channels in which neither direction was ever announced: nobody can pay over them, but they
/// hold capital.
public enum ChannelsWithoutPolicy: String, Sendable, CaseIterable {
    case keep
    /// Nodes that are left without any channel go too.
    case drop
}

/// What a file turns out to be by its content.
enum FileKind: Equatable {
    case topology
    case graph(GraphFormat)

    /// Looks at the top-level keys of a JSON document, and for the first tag of an XML one; anything else can
    /// only be a topology.
    ///
    /// Stops at the first key that decides, so that a long file costs nothing; the reader proper then finds
    /// the faults behind it.
    static func recognise(
        _ bytes: UnsafeBufferPointer<UInt8>, file: SourceFile
    ) throws(TopologyError) -> FileKind {
        var cursor = JSONCursor(bytes, file: file)
        if cursor.peek() == UInt8(ascii: "<") { return .graph(.graphML) }
        guard cursor.peek() == UInt8(ascii: "{") else { return .topology }
        var kind: FileKind?
        var isNodeList = false
        var hasNoChannels = false
        do {
            try cursor.members { (cursor, key) throws(TopologyError) in
                if key.matches("millrace") {
                    kind = .topology
                } else if key.matches("edges") {
                    kind = .graph(.lnd)
                } else if key.matches("sim_network") {
                    kind = .graph(.simLN)
                } else if key.matches("nodes"), try cursor.firstElementHas("pub_key") {
                    kind = .graph(.lnd)
                } else if key.matches("channels"), try cursor.firstElementHas("short_channel_id", "source") {
                    kind = .graph(.cln)
                } else if key.matches("nodes"), try cursor.firstElementHas("nodeid") {
                    isNodeList = true
                } else if key.matches("channels"), cursor.isEmptyListNext() {
                    hasNoChannels = true
                }
                if kind != nil { throw cursor.error("decided") }
                try cursor.skipValue()
            }
            try cursor.end()
        } catch {
            // Not JSON after all, or decided: either way whoever reads the file next says what is wrong with
            // it.
            return kind ?? .topology
        }
        if isNodeList {
            throw file.error(
                1, "a list of nodes (listnodes); expected listchannels, or a topology (millrace: 1)")
        }
        if hasNoChannels {
            throw file.error(
                1,
                "'channels' is empty: a listchannels without a channel is no network; a topology begins with 'millrace: 1'"
            )
        }
        throw file.error(
            1,
            "neither a topology ('millrace: 1'), nor lnd's describegraph ('nodes', 'edges'), "
                + "nor Core Lightning's listchannels ('channels'), nor sim-ln's 'sim_network'")
    }
}

extension JSONCursor {
    /// Whether the array that comes next begins with an object that has one of these keys; takes nothing.
    fileprivate func firstElementHas(_ names: StaticString...) throws(TopologyError) -> Bool {
        var ahead = self
        guard ahead.peek() == UInt8(ascii: "[") else { return false }
        var isFound = false
        try? ahead.elements { (cursor) throws(TopologyError) in
            guard cursor.peek() == UInt8(ascii: "{") else { throw cursor.error("no object") }
            try cursor.members { (cursor, key) throws(TopologyError) in
                if names.contains(where: { key.matches($0) }) { isFound = true }
                try cursor.skipValue()
            }
            throw cursor.error("seen enough")
        }
        return isFound
    }

    /// Whether what comes next is `[]`; takes nothing.
    fileprivate func isEmptyListNext() -> Bool {
        var ahead = self
        do {
            try ahead.elements { (cursor) throws(TopologyError) in throw cursor.error("not empty") }
        } catch { return false }
        return true
    }

    /// Reads a value whose key may stand only once in its object.
    mutating func once<Value>(
        _ slot: inout Value?, _ key: Key, _ read: (inout JSONCursor) throws(TopologyError) -> Value
    ) throws(TopologyError) {
        guard slot == nil else { throw error("the key \(quoted(key.text)) stands twice in one object") }
        slot = try read(&self)
    }

    /// A short channel id as `500000x1x0` or as the 64-bit number it packs to.
    mutating func shortChannelID(_ name: StaticString) throws(TopologyError) -> ShortChannelID {
        guard peek() == UInt8(ascii: "\"") else { return ShortChannelID(try unsigned(name)) }
        let start = offset
        let text = try string()
        guard let id = ShortChannelID(text) else {
            throw error(
                at: start, "\(name): expected a short channel id such as 500000x1x0, found \(quoted(text))")
        }
        return id
    }

    /// A node's key. Its form is not checked further: graphs made by research tools name their nodes freely.
    mutating func nodeID(_ name: StaticString) throws(TopologyError) -> String {
        guard peek() == UInt8(ascii: "\"") else { throw error("\(name): expected a public key in quotes") }
        let start = offset
        let text = try string()
        guard (1...200).contains(text.utf8.count) else {
            throw error(at: start, "\(name): expected a public key, found \(quoted(text))")
        }
        return text
    }

    /// The capacity of a channel: some, and no more than there can be.
    func checkedCapacity(_ capacity: Satoshi, of id: ShortChannelID, at start: Int) throws(TopologyError)
        -> Satoshi
    {
        guard capacity > .zero else { throw error(at: start, "channel \(id) has no capacity") }
        guard capacity <= .supplyMaximum else {
            throw error(
                at: start, "channel \(id): \(capacity) is more than there can be (\(Satoshi.supplyMaximum))")
        }
        return capacity
    }
}
