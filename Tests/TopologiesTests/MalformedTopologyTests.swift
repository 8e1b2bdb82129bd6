import Testing

@testable import Topologies

/// Files that are wrong in one way each: what the one line about them says, and in which line they are wrong.
struct MalformedTopologyTests {
    struct Malformed: CustomTestStringConvertible, Sendable {
        var name: String
        var bytes: [UInt8]
        var says: String
        var line: Int?
        var testDescription: String { name }

        init(_ name: String, _ text: String, says: String, line: Int?) {
            self.init(name, bytes: Array(text.utf8), says: says, line: line)
        }

        init(_ name: String, bytes: [UInt8], says: String, line: Int?) {
            (self.name, self.bytes, self.says, self.line) = (name, bytes, says, line)
        }
    }

    /// The row of three with one line in place of another; line numbers are those of `row`.
    static func changed(_ old: String, _ new: String) -> String {
        precondition(row.contains(old), "the row has no \(old)")
        return row.replacing(old, with: new)
    }

    static func channel(_ keys: String) -> String {
        changed("{from: bob, to: carol, capacity_sat: 1_000_000}", "{from: bob, to: carol, \(keys)}")
    }

    static func flow(_ keys: String) -> String {
        changed("{from: alice, to: carol, rate_per_hour: 60, amount_sat: 1000}", "{\(keys)}")
    }

    static let notYAML: [Malformed] = [
        Malformed("empty", "", says: "the file is empty", line: 1),
        Malformed("blank lines", "\n\n  \n", says: "the file is empty", line: 1),
        Malformed("only comments", "# a village\n# of comments\n", says: "the file is empty", line: 1),
        Malformed("truncated mapping", "millrace: 1\nnodes: [a, b", says: "not YAML", line: 2),
        Malformed("truncated string", "millrace: 1\nname: \"vill", says: "not YAML", line: 2),
        Malformed("tabs", "millrace: 1\nnodes:\n\t- a\n", says: "tabs cannot indent", line: 3),
        Malformed(
            "not UTF-8", bytes: Array("millrace: 1\nname: ".utf8) + [0xFF, 0xFE], says: "not UTF-8", line: 2),
        Malformed(
            "half a character", bytes: Array("millrace: 1\nname: ".utf8) + [0xE2, 0x82], says: "not UTF-8",
            line: 2),
        Malformed(
            "surrogates", bytes: Array("name: ".utf8) + [0xED, 0xA0, 0x80], says: "not UTF-8", line: 1),
        Malformed("overlong", bytes: Array("name: ".utf8) + [0xC0, 0xAF], says: "not UTF-8", line: 1),
        Malformed("UTF-16", bytes: [0xFF, 0xFE, 0x6D, 0x00], says: "UTF-16", line: 1),
        Malformed(
            "binary", bytes: Array("\u{7F}ELF".utf8) + [2, 1, 1, 0, 0, 0], says: "control character", line: 1),
        Malformed("a NUL byte", "millrace: 1\nname: a\0b", says: "control character", line: 2),
        Malformed("gzip", bytes: [0x1F, 0x8B, 8, 0, 0], says: "gzip -dc t.yaml | millrace run -", line: nil),
        Malformed(
            "xz", bytes: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], says: "xz -dc t.yaml | millrace run -", line: nil),
        Malformed(
            "zstd", bytes: [0x28, 0xB5, 0x2F, 0xFD], says: "zstd -dc t.yaml | millrace run -", line: nil),
        Malformed("a list at top", "- a\n- b\n", says: "expected the topology as a mapping", line: 1),
        Malformed("a word at top", "village", says: "expected the topology as a mapping", line: 1),
        Malformed("two documents", row + "\n---\n" + row, says: "a second document", line: 8),
        Malformed(
            "deep nesting in flow", "millrace: 1\nnodes: " + String(repeating: "[", count: 100_000),
            says: "nested more than 32 deep",
            line: 2),
        Malformed(
            "deep nesting, closed",
            "millrace: 1\nnodes: " + String(repeating: "[", count: 500) + String(repeating: "]", count: 500),
            says: "nested more than 32 deep", line: 2),
        Malformed(
            "deep nesting in blocks", "millrace: 1\nnodes:\n " + String(repeating: "- ", count: 50_000) + "a",
            says: "nested more than 32 deep", line: 3),
        Malformed("a cycle of anchors", "millrace: 1\nnodes: &a [*a]\n", says: "undefined alias", line: 2),
        Malformed("an alias without anchor", "millrace: 1\nnodes: *a\n", says: "undefined alias", line: 2),
        Malformed(
            "merge keys", "millrace: 1\ndefaults: &d {anchors: false}\nlayer_1:\n  <<: *d\n",
            says: "merge keys",
            line: 4),
        Malformed("a duplicate key", "millrace: 1\nseed: 1\nseed: 2\n", says: "'seed' stands twice", line: 2),
        Malformed("a list as a key", "millrace: 1\n? [a, b]\n: 1\n", says: "as a key", line: 2),
        Malformed(
            "an alias as a key", "millrace: 1\nname: &a b\n*a : 1\n", says: "an alias as a key", line: 3),
    ]

    static let wrongValues: [Malformed] = [
        Malformed(
            "no format version", "nodes: [a, b]", says: "a topology begins with 'millrace: 1'", line: 1),
        Malformed(
            "a later format", changed("millrace: 1", "millrace: 2"), says: "this program reads 1", line: 1),
        Malformed(
            "an unknown key", changed("traffic:", "trafic:"),
            says: "unknown key 'trafic' in the topology; did you mean 'traffic'?",
            line: 6),
        Malformed(
            "an unknown key of a channel", channel("capacty_sat: 5"),
            says: "unknown key 'capacty_sat' in a channel; did you mean 'capacity_sat'?", line: 5),
        Malformed(
            "a key of nowhere", "millrace: 1\nwombat: 1", says: "its keys are millrace, name, seed", line: 2),
        Malformed("a key without a value", "millrace: 1\nseed:\n", says: "'seed' has no value", line: 2),
        Malformed(
            "text for a number", "millrace: 1\nseed: one", says: "expected a whole number, found 'one'",
            line: 2),
        Malformed(
            "a fraction", channel("capacity_sat: 1.5"), says: "expected a whole number of satoshis in digits",
            line: 5),
        Malformed("an exponent", channel("capacity_sat: 1e6"), says: "expected a whole number", line: 5),
        Malformed("octal", channel("capacity_sat: 0100"), says: "begins with a zero", line: 5),
        Malformed("hexadecimal", channel("capacity_sat: 0x10"), says: "expected a whole number", line: 5),
        Malformed("a negative number", channel("capacity_sat: -5"), says: "-5 is negative", line: 5),
        Malformed("no capacity", channel("capacity_sat: 0"), says: "too small; at least 1", line: 5),
        Malformed(
            "more than there is", channel("capacity_sat: 2100000000000001"), says: "too large", line: 5),
        Malformed("overflow", "millrace: 1\nseed: 18446744073709551616", says: "too large", line: 2),
        Malformed(
            "overflow of a delta", channel("capacity_sat: 50000, to_self_delay: 65536"),
            says: "at most 65535", line: 5),
        Malformed("a list for a number", channel("capacity_sat: [1]"), says: "found a list", line: 5),
        Malformed(
            "a billion channels",
            changed("channels:\n", "channels: 1000000000\n").split(separator: "\n").prefix(3).joined(
                separator: "\n"), says: "expected a list, found '1000000000'", line: 3),
        Malformed(
            "a number for a word", "millrace: 1\nbalances: 5",
            says: "expected one of even, uniform, one-sided", line: 2),
        Malformed(
            "yes for true", channel("capacity_sat: 50000, standing: yes"), says: "expected true or false",
            line: 5),
        Malformed(
            "a duration without unit", "millrace: 1\nduration: 90", says: "expected a duration such as",
            line: 2),
        Malformed(
            "a negative duration", "millrace: 1\nduration: -5s", says: "expected a duration such as", line: 2),
        Malformed("no duration", "millrace: 1\nduration: 0s", says: "too short", line: 2),
        Malformed(
            "nothing after the warm-up", "millrace: 1\nduration: 1h\nwarmup: 1h", says: "leaves nothing",
            line: 3),
        Malformed(
            "a path for a name", "millrace: 1\nname: ../../etc", says: "cannot name a run directory", line: 2),
        Malformed(
            "483 HTLCs at most", channel("capacity_sat: 50000, max_accepted_htlcs: 484"), says: "at most 483",
            line: 5),
        Malformed("no blocks", "millrace: 1\nlayer_1: {block_interval: 0s}", says: "too short", line: 2),
        Malformed(
            "latency below its floor", "millrace: 1\nlatency: {floor: 5ms, fixed: 1ms}",
            says: "shorter than 'floor'", line: 2),
    ]

    static let wrongNetworks: [Malformed] = [
        Malformed(
            "an unknown node", changed("from: bob", "from: bbo"),
            says: "unknown node 'bbo'; did you mean 'bob'?",
            line: 5),
        Malformed(
            "a channel to nobody", changed("from: bob, to: carol,", "from: bob,"),
            says: "a channel without 'to'",
            line: 5),
        Malformed(
            "a channel to oneself", changed("from: bob, to: carol", "from: bob, to: bob"),
            says: "from a node to itself", line: 5),
        Malformed("no capacity anywhere", channel("push_sat: 1"), says: "without 'capacity_sat'", line: 5),
        Malformed(
            "a node twice", changed("[alice, bob, carol]", "[alice, bob, alice, carol]"),
            says: "'alice' stands twice", line: 2),
        Malformed(
            "a node named all", changed("[alice, bob, carol]", "[alice, bob, carol, all]"),
            says: "'all' cannot name a node", line: 2),
        Malformed(
            "a node without a name", changed("[alice, bob, carol]", "[alice, bob, carol, {group: x}]"),
            says: "without a name", line: 2),
        Malformed(
            "a group of nowhere", changed("[alice, bob, carol]", "[{name: alice, group: shops}, bob, carol]"),
            says: "unknown group 'shops'", line: 2),
        Malformed(
            "a node of two groups", "millrace: 1\ngroups:\n  a: {members: [x]}\n  b: {members: [x]}\n",
            says: "in the group 'a' already", line: 4),
        Malformed(
            "a short channel id twice", channel("capacity_sat: 50000, short_channel_id: 0x1x0"),
            says: "0x1x0 stands twice, first in line 4", line: 5),
        Malformed(
            "a bad short channel id", channel("capacity_sat: 50000, short_channel_id: 1x2"),
            says: "such as 700000x12x1", line: 5),
        Malformed(
            "balance above capacity", channel("capacity_sat: 50000, standing: true, balance_sat: 50001"),
            says: "more than the capacity", line: 5),
        Malformed(
            "balance of an opened channel", channel("capacity_sat: 50000, balance_sat: 1"),
            says: "opened in the run", line: 5),
        Malformed(
            "push above capacity", channel("capacity_sat: 50000, push_sat: 50001"),
            says: "more than the capacity", line: 5),
        Malformed(
            "push of all", channel("capacity_sat: 50000, push_sat: 50000"),
            says: "its first commitment transaction costs", line: 5),
        Malformed(
            "push of a standing channel", channel("capacity_sat: 50000, standing: true, push_sat: 1"),
            says: "open before the run", line: 5),
        Malformed(
            "reserve above capacity", channel("capacity_sat: 50000, channel_reserve_sat: 50000"),
            says: "leaves nothing", line: 5),
        Malformed(
            "closes before it opens", channel("capacity_sat: 50000, opens_at: 2h, closes_at: 1h"),
            says: "close before it opens", line: 5),
        Malformed(
            "a stranger as funder", channel("capacity_sat: 50000, funder: alice"),
            says: "one of the channel's two nodes", line: 5),
        Malformed(
            "a graph without a file", "millrace: 1\ngraph: {format: lnd}", says: "lacks 'file'", line: 2),
        Malformed(
            "a graph that is not there", "millrace: 1\ngraph: {format: lnd, file: g.json}",
            says: "no such file", line: 2),
        Malformed(
            "a graph of a device", "millrace: 1\ngraph: {format: lnd, file: /dev/zero}",
            says: "no regular file", line: 2),
        Malformed(
            "a public key that is none", "millrace: 1\nnodes: [{name: a, public_key: 02ff}]",
            says: "66 lower-case hexadecimal", line: 2),
    ]

    static let wrongTraffic: [Malformed] = [
        Malformed(
            "NaN", flow("from: alice, to: bob, rate_per_hour: .nan, amount_sat: 1"),
            says: "expected a positive number", line: 7),
        Malformed(
            "nan", flow("from: alice, to: bob, rate_per_hour: nan, amount_sat: 1"),
            says: "expected a positive number", line: 7),
        Malformed(
            "infinity", flow("from: alice, to: bob, rate_per_hour: inf, amount_sat: 1"),
            says: "expected a positive number", line: 7),
        Malformed(
            "too large for a Double", flow("from: alice, to: bob, rate_per_hour: 1e999, amount_sat: 1"),
            says: "expected a positive number", line: 7),
        Malformed(
            "absurdly fast", flow("from: alice, to: bob, rate_per_second: 1e300, amount_sat: 1"),
            says: "more than 1000000000 payments a second", line: 7),
        Malformed(
            "no rate at all", flow("from: alice, to: bob, rate_per_hour: 0, amount_sat: 1"),
            says: "expected a positive number", line: 7),
        Malformed(
            "a negative rate", flow("from: alice, to: bob, rate_per_hour: -1, amount_sat: 1"),
            says: "expected a positive number", line: 7),
        Malformed(
            "two rates", flow("from: alice, to: bob, rate_per_hour: 1, rate_per_day: 1, amount_sat: 1"),
            says: "exactly one of", line: 7),
        Malformed(
            "without a rate", flow("from: alice, to: bob, amount_sat: 1"), says: "exactly one of", line: 7),
        Malformed(
            "without an amount", flow("from: alice, to: bob, rate_per_hour: 1"),
            says: "either amount_sat or amount_msat", line: 7),
        Malformed(
            "two amounts", flow("from: alice, to: bob, rate_per_hour: 1, amount_sat: 1, amount_msat: 1"),
            says: "either amount_sat or amount_msat", line: 7),
        Malformed(
            "an amount of nothing", flow("from: alice, to: bob, rate_per_hour: 1, amount_sat: 0"),
            says: "at least 1", line: 7),
        Malformed(
            "a range upside down",
            flow("from: alice, to: bob, rate_per_hour: 1, amount_sat: {from: 2, to: 1}"),
            says: "'from' is above 'to'", line: 7),
        Malformed(
            "half a range", flow("from: alice, to: bob, rate_per_hour: 1, amount_sat: {from: 2}"),
            says: "expected 'from' and 'to' (uniform)", line: 7),
        Malformed(
            "a mean without a median", flow("rate_per_hour: 1, amount_sat: {mean: 2}"),
            says: "a 'mean' and a 'median'", line: 7),
        Malformed(
            "a median above the mean", flow("rate_per_hour: 1, amount_sat: {mean: 2, median: 3}"),
            says: "not above its mean", line: 7),
        Malformed(
            "half a satoshi", flow("rate_per_hour: 1, amount_sat: {values: [1, 2.5]}"),
            says: "whole satoshis", line: 7),
        Malformed(
            "a weight too few", flow("rate_per_hour: 1, amount_sat: {values: [1, 2], weights: [1]}"),
            says: "one for each of 'values'", line: 7),
        Malformed(
            "an unknown weight", flow("rate_per_hour: 1, amount_sat: 1, to_weights: size"),
            says: "expected even, capacity, rank", line: 7),
        Malformed(
            "a share of everything and more", flow("rate_per_hour: 1, amount_sat: 1, to_weights: {first: 2}"),
            says: "'first': expected a number from 0 to 1, found '2'", line: 7),
        Malformed(
            "merchants of another weight",
            flow("rate_per_hour: 1, amount_sat: 1, to_weights: {first: 0.1, weights: rank}"),
            says: "expected one of even, capacity", line: 7),
        Malformed(
            "a pair of one", flow("rate_per_hour: 1, amount_sat: 1, pairs: [[alice]]"),
            says: "expected [payer, payee]", line: 7),
        Malformed(
            "a pair of the same", flow("rate_per_hour: 1, amount_sat: 1, pairs: [[alice, alice]]"),
            says: "cannot pay itself", line: 7),
        Malformed(
            "pairs and payers", flow("from: alice, rate_per_hour: 1, amount_sat: 1, pairs: [[alice, bob]]"),
            says: "go without them", line: 7),
        Malformed(
            "a short day", flow("rate_per_hour: 1, amount_sat: 1, hours: [1, 2]"),
            says: "expected 24 weights", line: 7),
        Malformed(
            "a burst that is none",
            flow("rate_per_hour: 1, amount_sat: 1, bursts: {factor: 1, lasting: 1m, every: 1h}"),
            says: "'factor' above 1", line: 7),
        Malformed(
            "money spent twice",
            flow("rate_per_hour: 1, amount_sat: 1, circulation: {spend: 0.7, give_back: 0.4}"),
            says: "more than 1", line: 7),
        Malformed(
            "a swap with nobody", flow("rate_per_hour: 1, amount_sat: 1, circulation: {swap: 0.4}"),
            says: "'swap' and 'swap_nodes' go together", line: 7),
        Malformed(
            "a payer of nowhere", flow("from: alcie, to: bob, rate_per_hour: 1, amount_sat: 1"),
            says: "unknown node 'alcie'; did you mean 'alice'?", line: 7),
        Malformed(
            "who pays himself", flow("from: bob, to: [bob], rate_per_hour: 1, amount_sat: 1"),
            says: "no pair of two different nodes", line: 7),
        Malformed(
            "ends before it starts",
            flow("from: alice, to: bob, rate_per_hour: 1, amount_sat: 1, starts_at: 2h, ends_at: 1h"),
            says: "end before it starts", line: 7),
        Malformed(
            "starts after the end",
            flow("from: alice, to: bob, rate_per_hour: 1, amount_sat: 1, starts_at: 2h"),
            says: "no payment can start", line: nil),
        Malformed("traffic and a trace", row + "\ntrace: t.csv", says: "not both", line: 8),
    ]

    /// Some ten thousand values of six bytes make a hundred million of them.
    static let bomb: String = {
        var text = "millrace: 1\nx0: &a0 [n, n, n, n, n, n, n, n, n, n]\n"
        for level in 1...8 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "x\(level): &a\(level) [\(aliases)]\n"
        }
        return text
    }()

    static let bombs: [Malformed] = [
        Malformed("an alias bomb", bomb, says: "aliases expand to too many values", line: nil),
        Malformed("an alias bomb as nodes", bomb + "nodes: *a8\n", says: "aliases expand", line: nil),
        Malformed("an alias bomb as a key", bomb + "? [*a8]\n: 1\n", says: "as a key", line: 11),
        Malformed(
            "an alias bomb as a key in flow", bomb + "nodes: {{x: *a8}: 1}\n", says: "as a key", line: 11),
        Malformed("a bare alias bomb as a key", bomb + "*a8 : 1\n", says: "an alias as a key", line: 11),
    ]

    @Test(.timeLimit(.minutes(1)), arguments: notYAML + wrongValues + wrongNetworks + wrongTraffic + bombs)
    func `every malformed file ends in one short line with its place`(_ file: Malformed) throws {
        let error = try #require(fault(file.bytes), "the file was accepted")
        #expect(error.message.contains(file.says), "\(error)")
        if let line = file.line {
            #expect(error.line == line, "\(error)")
            #expect(error.description.hasPrefix("t.yaml:\(line): "))
        } else {
            #expect(error.description.hasPrefix("t.yaml"))
        }
        #expect(error.description.utf8.count < 400, "\(error)")
        #expect(!error.description.contains("\n"))
    }

    @Test func `a file cut off anywhere is refused or is a topology, and never a crash`() {
        let bytes = Array(row.utf8)
        for end in bytes.indices {
            if let error = fault(Array(bytes[..<end])) { #expect(!error.description.contains("\n")) }
        }
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `a file with bytes changed at random never crashes the reader`(seed: UInt64) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        let signs = Array("&*[]{}:,-?!|>'\"#%@`\n\t \u{FF}0a".utf8)
        for _ in 0..<50 {
            var bytes = Array(row.utf8)
            for _ in 0...next(4) { bytes[next(bytes.count)] = signs[next(signs.count)] }
            if let error = fault(bytes) { #expect(!error.description.contains("\n"), "\(error)") }
        }
    }
}
