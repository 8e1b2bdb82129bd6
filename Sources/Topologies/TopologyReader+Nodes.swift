import LightningTypes

extension TopologyReader {
    static let groupKeys = ["members", "wallet_sat", "policy"]
    static let graphKeys = [
        "format", "file", "nodes", "channels_without_policy", "node_table", "channel_table",
    ]
    static let nodeKeys = ["name", "alias", "public_key", "group", "wallet_sat", "policy"]

    /// Groups before nodes, so that a node's `group` is known; their members after, so that `nodes` may say
    /// more about one.
    mutating func readGroups() throws(TopologyError) {
        guard let value = root.value("groups") else { return }
        guard case .mapping(let entries) = value.content else {
            throw root.error(
                "groups", "expected a mapping of group names to what their nodes share, found \(value.kind)")
        }
        for entry in entries {
            try checkName(entry.key, "a group", line: entry.line)
            guard !names.isGroup(entry.key) else {
                throw file.error(entry.line, "the group \(quoted(entry.key)) stands twice")
            }
            let section = try groupSection(entry)
            names.add(
                group: entry.key,
                FileNames.GroupDraft(
                    policy: try Self.policy("policy", of: section) ?? PolicyDraft(),
                    wallet: try section.satoshi("wallet_sat"), walletLine: section.line(of: "wallet_sat")))
        }
    }

    private func groupSection(_ entry: YAMLValue.Entry) throws(TopologyError) -> Section {
        // A group may be a bare name: `shops:`.
        let value = entry.value.isEmpty ? YAMLValue(content: .mapping([]), line: entry.line) : entry.value
        return try Section(
            value, title: "the group \(quoted(entry.key))", keys: Self.groupKeys,
            file: file)
    }

    /// The graph that `graph` holds or refers to, or that `generate` describes.
    mutating func readGraph() throws(TopologyError) {
        guard let section = try root.section("graph", keys: Self.graphKeys) else {
            return try readGenerator()
        }
        guard !root.has("generate") else {
            throw root.error("generate", "a topology has 'graph' or 'generate', not both")
        }
        guard let format = try section.word("format", of: GraphFormat.self) else {
            throw file.error(section.line, "'graph' lacks 'format'; expected \(GraphFormat.names)")
        }
        graphFormat = format
        draft = format == .table ? try tables(of: section) : try graph(of: section, format: format)
        let rule = try section.word("channels_without_policy", of: ChannelsWithoutPolicy.self)
        if options.channelsWithoutPolicy ?? rule == .drop { draft.dropChannelsWithoutPolicy() }
        addGraphNames()
    }

    /// Makes the nodes of the graph known by their names.
    mutating func addGraphNames() {
        names.addGraph(draft)
        channelLines = Array(repeating: 0, count: draft.channels.count)
    }

    private func graph(of section: Section, format: GraphFormat) throws(TopologyError) -> NetworkDraft {
        for key in ["node_table", "channel_table"] where section.has(key) {
            throw section.error(key, "this is for 'format: table'")
        }
        guard let path = try section.text("file") else {
            throw file.error(section.line, "'graph' lacks 'file', the path of the graph")
        }
        var options = options
        if let names = try section.text("nodes") {
            guard format == .cln else {
                throw section.error("nodes", "only a cln graph needs a file of names; lnd's has them itself")
            }
            if options.nodeNames == nil {
                let names = try ReferencedFile(
                    names, key: "nodes", of: section, directory: directory, files: options.files)
                options.nodeNames = names.bytes
                options.nodeNamesFile = names.file.name
            }
        }
        return try referencedGraph(path, format: format, of: section, options: options)
    }

    mutating func readNodes() throws(TopologyError) {
        let list = try root.list("nodes") ?? []
        guard list.count <= NetworkDraft.nodesMaximum else {
            throw root.error("nodes", "\(list.count) nodes; at most \(NetworkDraft.nodesMaximum)")
        }
        for value in list {
            if case .text(let name, _) = value.content {
                guard !value.isEmpty else { throw file.error(value.line, "a node without a name") }
                singleOut(try addNode(name, line: value.line))
            } else {
                try readNode(Section(value, title: "a node", keys: Self.nodeKeys, file: file))
            }
        }
        try readMembers()
        for index in draft.nodes.indices {
            guard draft.nodes[index].wallet == nil, let group = draft.nodes[index].group,
                let draftOfGroup = names.groups[group], let wallet = draftOfGroup.wallet
            else { continue }
            draft.withNode(Int32(index)) { $0.wallet = wallet }
            walletLines[Int32(index)] = draftOfGroup.walletLine
        }
    }

    private mutating func readNode(_ section: Section) throws(TopologyError) {
        guard let name = try section.text("name") else {
            throw file.error(section.line, "a node without a name")
        }
        let key = try section.text("public_key")
        if let key { try check(publicKey: key, of: section) }
        let index = try addNode(name, publicKey: key, line: section.line(of: "name"))
        singleOut(index)
        let alias = try section.text("alias")
        if let alias {
            try checkText(alias, "a node", line: section.line(of: "alias"))
            draft.withNode(index) { $0.alias = alias }
            if alias != name { names.add(alias: alias, index) }
        }
        if let wallet = try section.satoshi("wallet_sat") {
            draft.withNode(index) { $0.wallet = wallet }
            walletLines[index] = section.line(of: "wallet_sat")
        }
        if let group = try section.text("group") {
            guard names.isGroup(group) else {
                throw section.error(
                    "group",
                    "unknown group \(quoted(group))\(suggestion(for: group, among: names.groupNames))")
            }
            try join(index, group: group, line: section.line(of: "group"))
        }
        nodePolicies[index] = try Self.policy("policy", of: section)
    }

    private mutating func singleOut(_ index: Int32) {
        guard root.value("graph") != nil else { return }
        draft.withNode(index) { $0.isSingledOut = true }
    }

    private func check(publicKey key: String, of section: Section) throws(TopologyError) {
        let isKey = key.utf8.count == 66 && key.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
        guard isKey else {
            throw section.error(
                "public_key", "expected 66 lower-case hexadecimal digits, found \(quoted(key))")
        }
        if let index = draft.index(of: key), names.hasFileName(index) {
            throw section.error("public_key", "two nodes of this file have the key \(quoted(key))")
        }
    }

    /// Adds a node of the file, or gives the graph's node with this key a name.
    private mutating func addNode(
        _ name: String, publicKey: String? = nil, line: Int
    ) throws(TopologyError) -> Int32 {
        try checkName(name, "a node", line: line)
        guard !names.isNodeOfFile(name) else {
            throw file.error(line, "the node \(quoted(name)) stands twice")
        }
        guard !names.isGroup(name) else {
            throw file.error(line, "\(quoted(name)) names a group already; a node needs another name")
        }
        if publicKey == nil, let key = draft.index(of: name) ?? names.nodes(withAlias: name).first {
            throw file.error(
                line,
                "the graph has a node \(quoted(name)) already; give its public_key "
                    + "(\(draft.nodes[Int(key)].id)) to mean that one")
        }
        let isInGraph = publicKey.map { draft.index(of: $0) != nil } ?? false
        let index = draft.intern(publicKey ?? name)
        names.add(name: name, index)
        if let publicKey, !isInGraph {
            names.add(key: publicKey, index)
            draft.withNode(index) { $0.alias = name }
        }
        return index
    }

    private mutating func readMembers() throws(TopologyError) {
        guard case .mapping(let entries)? = root.value("groups")?.content else { return }
        for entry in entries {
            let section = try groupSection(entry)
            for member in try section.list("members") ?? [] {
                guard case .text(let name, _) = member.content, !member.isEmpty else {
                    throw file.error(member.line, "expected the name of a member, found \(member.kind)")
                }
                let known = try? names.node(name)
                let index: Int32
                if let known { index = known } else { index = try addNode(name, line: member.line) }
                try join(index, group: entry.key, line: member.line)
            }
        }
    }

    private mutating func join(_ index: Int32, group: String, line: Int) throws(TopologyError) {
        if let other = draft.nodes[Int(index)].group {
            let name = draft.nodes[Int(index)].alias
            throw file.error(
                line,
                other == group
                    ? "\(quoted(name)) stands in the group \(quoted(group)) twice"
                    : "\(quoted(name)) is in the group \(quoted(other)) already; a node is in one at most")
        }
        draft.withNode(index) { $0.group = group }
        names.add(member: index, of: group)
    }

    private func checkName(_ name: String, _ what: String, line: Int) throws(TopologyError) {
        try checkText(name, what, line: line)
        guard !FileNames.reserved.contains(name) else {
            throw file.error(
                line, "\(quoted(name)) cannot name \(what); in 'traffic' it means a set of nodes")
        }
    }

    /// What stands in tables: short, and without anything that is no letter of any kind.
    func checkText(_ name: String, _ what: String, line: Int) throws(TopologyError) {
        guard (1...200).contains(name.utf8.count),
            !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else {
            throw file.error(
                line,
                "\(quoted(name)) cannot name \(what); expected 1 to 200 bytes without control characters")
        }
    }
}
