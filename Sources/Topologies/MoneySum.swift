import LightningTypes

/// A sum of money that stays within what there can be: 21 million bitcoin.
struct MoneySum {
    private var total = Satoshi.zero

    /// Adds no more than twice the supply; false, and nothing added, where the sum would exceed it.
    mutating func add(_ amount: Satoshi) -> Bool {
        let sum = total + amount
        guard sum <= .supplyMaximum else { return false }
        total = sum
        return true
    }

    /// What an error says of something that does not fit any more.
    static func refusal(of what: String) -> String {
        "with this, \(what) come to more than there can be (\(Satoshi.supplyMaximum))"
    }
}

extension Topology.LayerOne {
    /// A tenth more than a funding transaction of two inputs and two outputs pays, and the least output there may
    /// be: what a wallet nobody gives gets for each channel its node opens, beyond the capacity.
    ///
    /// 2 P2WPKH inputs and a P2WSH and a P2WPKH output weigh 886 (see Settlement's table).
    /// Where there is a fee market, it is reckoned with twenty times the typical rate.
    var openingAllowance: Satoshi {
        let feerate =
            hasFeeMarket
            ? 20 * (profile?.demand.feerateTypical ?? 0) : 250 * UInt64(feeratePerVirtualByte)
        return Satoshi(feerate * 975 / 1_000 + 294)
    }
}

extension Topology {
    /// The wallets of the genesis block: as given, else what the channels a node opens cost it.
    ///
    /// They and the standing channels are no more than there can be, as the reader has seen.
    public var startingWallets: [Satoshi] {
        var needed = [Satoshi](repeating: .zero, count: nodes.count)
        for channel in channels where channel.opensAt != nil {
            let opener = Int(channel.funder == .second ? channel.node2 : channel.node1)
            if nodes[opener].wallet == nil { needed[opener] += channel.capacity + layerOne.openingAllowance }
        }
        let reserves = claimReserves()
        return nodes.indices.map { nodes[$0].wallet ?? needed[$0] + reserves[$0] }
    }

    /// Whether the genesis block, wallets nobody gives included, holds no more than there can be.
    var isWithinSupply: Bool {
        var genesis = MoneySum()
        return startingWallets.allSatisfy { genesis.add(min($0, .supplyMaximum)) }
            && channels.allSatisfy { $0.opensAt != nil || genesis.add($0.capacity) }
    }

    /// What nodes keep to pay for claims on chain, where something may go wrong: 10,000 sat for each channel, 100,000
    /// at the most, as lnd does for channels with anchors (`anchorChanReservedValue`, `maxAnchorChanReservedValue`).
    private func claimReserves() -> [Satoshi] {
        var reserves = [Satoshi](repeating: .zero, count: nodes.count)
        if faults.isEmpty { return reserves }
        for channel in channels {
            for node in [Int(channel.node1), Int(channel.node2)] {
                reserves[node] = min(reserves[node] + Self.claimReserve, Satoshi(100_000))
            }
        }
        return reserves
    }

    private static let claimReserve = Satoshi(10_000)

    /// The coins of each node's wallet at genesis: one or, where it may have to pay for claims, one for each of those
    /// beside it, for each is held up by what it pays for until that is final.
    public var startingCoins: [[Satoshi]] {
        zip(startingWallets, claimReserves()).map { wallet, reserve in
            let count = min(wallet, reserve).rawValue / Self.claimReserve.rawValue
            let rest = wallet - Satoshi(count * Self.claimReserve.rawValue)
            return Array(repeating: Self.claimReserve, count: Int(count)) + (rest > .zero ? [rest] : [])
        }
    }
}

extension TopologyReader {
    /// Refuses a network with more money in it than there can be: in the genesis block, which holds the standing
    /// channels and every wallet, or in all channels together, whenever they open.
    ///
    /// What opening a standing channel had cost counts too: somebody had it.
    func checkMoney(_ layerOne: Topology.LayerOne) throws(TopologyError) {
        var genesis = MoneySum()
        var channels = MoneySum()
        let everything = "standing channels, their opening costs and the wallets"
        for (index, node) in draft.nodes.enumerated() {
            guard let wallet = node.wallet else { continue }
            guard genesis.add(wallet) else {
                throw file.error(walletLines[Int32(index)], MoneySum.refusal(of: everything))
            }
        }
        for (index, channel) in draft.channels.enumerated() {
            let line = channelLines[index] == 0 ? root.line(of: "graph") : channelLines[index]
            let opener = Int(channel.funder == .second ? channel.node2 : channel.node1)
            let needed: Satoshi
            if channel.opensAt == nil {
                needed = channel.capacity + channel.openingCost
            } else {
                let hasWallet = draft.nodes[opener].wallet != nil
                needed = hasWallet ? .zero : channel.capacity + layerOne.openingAllowance
            }
            guard genesis.add(needed) else { throw file.error(line, MoneySum.refusal(of: everything)) }
            guard channels.add(channel.capacity) else {
                throw file.error(line, MoneySum.refusal(of: "the capacities of all channels"))
            }
        }
    }
}
