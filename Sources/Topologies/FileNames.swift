import LightningTypes

/// Whom a topology file means by a name: its own names, public keys, and the aliases of a graph it refers to.
struct FileNames {
    /// The words that name no node or group: every node, and the largest strongly connected component.
    static let reserved = ["all", "connected"]

    private var ofFile: [String: Int32] = [:]
    private var indicesOfFile: Set<Int32> = []
    private var keys: [String: Int32] = [:]
    private var aliases: [String: [Int32]] = [:]
    private(set) var groups: [String: GroupDraft] = [:]
    /// In the file's order, since a dictionary has none.
    private(set) var groupNames: [String] = []
    private(set) var membersOfGroup: [String: [Int32]] = [:]

    /// What a group gives its members.
    struct GroupDraft {
        var policy = PolicyDraft()
        var wallet: Satoshi?
        var walletLine = 0
    }

    /// Why a name means no single node.
    enum Fault: Error {
        case unknown
        case ambiguous([Int32])
    }

    init() {}

    /// The names a finished topology knows its nodes by.
    init(of topology: Topology) {
        for (index, node) in topology.nodes.enumerated() {
            keys[node.id] = Int32(index)
            if node.alias != node.id { aliases[node.alias, default: []].append(Int32(index)) }
        }
    }

    mutating func addGraph(_ draft: NetworkDraft) {
        for (index, node) in draft.nodes.enumerated() {
            keys[node.id] = Int32(index)
            if node.alias != node.id { aliases[node.alias, default: []].append(Int32(index)) }
        }
    }

    mutating func add(name: String, _ index: Int32) {
        ofFile[name] = index
        indicesOfFile.insert(index)
    }

    mutating func add(key: String, _ index: Int32) { keys[key] = index }
    mutating func add(alias: String, _ index: Int32) { aliases[alias, default: []].append(index) }

    mutating func add(group: String, _ draft: GroupDraft) {
        groups[group] = draft
        groupNames.append(group)
        membersOfGroup[group] = []
    }

    mutating func add(member: Int32, of group: String) { membersOfGroup[group, default: []].append(member) }

    func isGroup(_ name: String) -> Bool { groups[name] != nil }
    func isNodeOfFile(_ name: String) -> Bool { ofFile[name] != nil }
    func hasFileName(_ index: Int32) -> Bool { indicesOfFile.contains(index) }
    func nodes(withAlias alias: String) -> [Int32] { aliases[alias] ?? [] }

    /// A name of the file before a key, a key before an alias.
    func node(_ name: String) throws(Fault) -> Int32 {
        // No name is that long; comparing one of millions of combining marks would take for ever.
        guard name.utf8.count <= NetworkDraft.aliasBytesMaximum else { throw .unknown }
        if let index = ofFile[name] ?? keys[name] { return index }
        let candidates = aliases[name] ?? []
        if candidates.count > 1 { throw .ambiguous(candidates) }
        if let index = candidates.first { return index }
        throw .unknown
    }

    /// What to tell whoever wrote `name`; `nodes` are those the indices speak of.
    func message(_ fault: Fault, name: String, among nodes: [Topology.Node]) -> String {
        switch fault {
        case .unknown:
            // Sorted, so that of equally near names every run proposes the same.
            let all = ofFile.keys.sorted() + groupNames + aliases.keys.sorted() + keys.keys.sorted()
            return "unknown node \(quoted(name))\(suggestion(for: name, among: all))"
        case .ambiguous(let indices):
            let keys =
                indices.prefix(4).map { PlainText.line(nodes[Int($0)].id, countMaximum: 66) }.joined(
                    separator: ", ")
                + (indices.count > 4 ? ", …" : "")
            return "\(indices.count) nodes have the alias \(quoted(name)); write the public key: \(keys)"
        }
    }

    /// Replaces every index by the one `newIndex` gives for it.
    mutating func renumber(_ newIndex: [Int32]) {
        indicesOfFile = Set(indicesOfFile.map { newIndex[Int($0)] })
        ofFile = ofFile.mapValues { newIndex[Int($0)] }
        keys = keys.mapValues { newIndex[Int($0)] }
        aliases = aliases.mapValues { $0.map { newIndex[Int($0)] } }
        membersOfGroup = membersOfGroup.mapValues { $0.map { newIndex[Int($0)] } }
    }
}
