import Cryptography
import LightningTypes
import PaymentChannels
import Settlement

/// Three nodes in a row, the channels between them and the chain beneath, driven by bytes.
///
/// Every byte is an action (`TrialAction`). After each, what must always hold is checked; at the end everything
/// settles, and the books are. A failure is a finding; so is a trap in the libraries. The same bytes do the same again.
///
/// ```swift
/// let report = try Trial.run([0, 0, 1, 31, 11, 31])
/// ```
///
/// All nodes follow the protocol, except where an action has one cheat or restart from a stale backup. Blocks come
/// empty and nodes are away for less than the margins of BOLT 2 allow, or what a node loses by it is its own.
public final class Trial {
    /// Confirmations after which nothing is taken back: one more than a chain undoes.
    static let finality: UInt32 = 7
    static let delay: UInt16 = 14
    /// Blocks that a node may miss, and that may be empty, in all, before its margins may be too narrow.
    static let missedMaximum = 4
    static let emptyMaximum = 4
    /// `cltv_expiry_delta` of the node in the middle, and the least expiry it forwards with.
    static let expiryDelta: UInt32 = 42
    static let expiryMargin: UInt32 = 12
    static let forwardingFee = Millisatoshi(1_500)
    static let capacity = Satoshi(1_000_000)
    static let reserve = Satoshi(10_000)
    static let dustLimit = Satoshi(354)
    static let feerates: [UInt32] = [253, 500, 1_000, 2_500]
    static let coin = Satoshi(100_000)
    static let coinsEach: UInt32 = 8
    /// An input is cut off after so many actions.
    static let actionsMaximum = 600

    let nodes: [TrialNode]
    /// By link and side: Alice's, Bob's two, Carol's.
    let ends: [TrialEnd]
    let hasTowers: Bool
    let holdsAtTheEnd: Bool
    var isConnected = [true, true]
    var chain: Chain
    var fees: FeeEstimator
    /// The blocks that stand, block 1 first.
    var blocks: [Block] = []
    var payments: [TrialPayment] = []
    var emptyBlocks = 0
    public internal(set) var report = TrialReport()

    /// Runs an input to its end.
    public static func run(_ bytes: [UInt8]) throws -> TrialReport {
        let trial = Trial(bytes.first ?? 0, bytes.dropFirst().first ?? 0)
        for byte in bytes.dropFirst(2).prefix(actionsMaximum) {
            try trial.take(TrialAction(byte))
            try trial.check()
        }
        try trial.settleForGood()
        try trial.checkTheEnd()
        return trial.report
    }

    private static let keys = (0..<4).map { ChannelKeys(seed: Bytes32(words: 1 + $0, 0, 0, 0)) }
    private static let walletKeys = (0..<3).map { SigningKey(seed: Bytes32(words: 100 + $0, 0, 0, 0)) }
    private static let towerKeys = (0..<3).map { SigningKey(seed: Bytes32(words: 200 + $0, 0, 0, 0)) }

    /// - Parameters:
    ///   - form: whether the channels have anchors, whether there are towers, who funds, and who has how much.
    ///   - rates: of the channels, and whether payees do nothing more at the end, so that HTLCs expire.
    private init(_ form: UInt8, _ rates: UInt8) {
        let shares: [UInt64] = [500_000, 900_000, 60_000, 1_000_000]
        let keys = Self.keys
        ends = (0..<4).map { place in
            let link = place / 2
            let side: Side = place % 2 == 0 ? .first : .second
            let terms = ChannelTerms(
                capacity: Self.capacity, dustLimit: Self.dustLimit, channelReserve: Self.reserve,
                htlcValueInFlightMaximum: Millisatoshi(Satoshi(800_000)), acceptedHTLCsMaximum: 12,
                toSelfDelay: Self.delay,
                feeratePerKiloweight: Self.feerates[Int(rates >> (2 * link)) & 3],
                hasAnchors: form >> link & 1 != 0)
            let firstFunds = form >> (3 + link) & 1 == 0
            // A funder needs something to pay fees from.
            let funders = Satoshi(shares[Int(form >> (5 + link)) & 3 & (link == 0 ? 3 : 1)])
            let isFunder = firstFunds == (side == .first)
            return TrialEnd(
                link: link, side: side, keys: keys[place], peerKeys: keys[place ^ 1], terms: terms,
                isFunder: isFunder, ours: Millisatoshi(isFunder ? funders : Self.capacity - funders))
        }
        var genesis = [ends[0].fundingOutput, ends[2].fundingOutput]
        for key in Self.walletKeys {
            genesis += (0..<Self.coinsEach).map { _ in Output(value: Self.coin, key: key.publicKey) }
        }
        chain = Chain(genesis: genesis, rules: .bitcoin)
        fees = FeeEstimator(feerateMinimum: ChainRules.bitcoin.feerateMinimum)
        let all = ends
        hasTowers = form >> 2 & 1 != 0
        holdsAtTheEnd = rates >> 4 & 1 != 0
        nodes = (0..<3).map { place in
            let coins = (0..<Self.coinsEach).map { coin in
                FeeWallet.Coin(
                    outpoint: Chain.genesisOutpoint(2 + UInt32(place) * Self.coinsEach + coin),
                    value: Self.coin)
            }
            let own = place == 0 ? [all[0]] : place == 1 ? [all[1], all[2]] : [all[3]]
            return TrialNode(
                place: place, ends: own, wallet: FeeWallet(key: Self.walletKeys[place], coins: coins))
        }
        for end in ends {
            end.history[0] = end.latest
            guard hasTowers else { continue }
            let node = node(of: end)
            node.tower = Watchtower()
            end.tower = TowerClient(
                keys: end.keys, terms: end.terms,
                tower: TowerTerms(
                    feerates: [253, 1_000, 4_000], rewardPermille: 10,
                    key: Self.towerKeys[node.place].publicKey),
                wallet: node.wallet.publicKey)
            let first = end.channel.signedRemoteCommitment(
                end.context, point: end.peerKeys.perCommitmentPoint(0), in: end.pool)
            end.tower?.note(first, number: 0)
        }
    }

    /// The preimage of a payment.
    static func preimage(_ payment: UInt64) -> Bytes32 { Bytes32(words: payment, 0, 0, 0) }

    var towerKeys: [PublicKey] { Self.towerKeys.map(\.publicKey) }

    func node(of end: TrialEnd) -> TrialNode {
        nodes[end.link + (end.side == .first ? 0 : 1)]
    }

    func peer(of end: TrialEnd) -> TrialEnd { ends[end.link * 2 + (end.side == .first ? 1 : 0)] }

    func payment(_ id: UInt64) -> TrialPayment { payments[Int(id) - 1] }

    // MARK: Actions

    private static let routes: [[Int]] = [[0, 1], [0, 1, 2], [1, 0], [1, 2], [2, 1, 0], [2, 1]]

    func take(_ action: TrialAction) throws {
        switch action {
        case .offer(let route, let size): try offer(Self.routes[route], size)
        case .commit(let end): try commit(ends[end])
        case .deliver(let end): try deliver(to: ends[end])
        case .deliverAll(let end):
            for _ in 0..<ends[end].inbox.count { try deliver(to: ends[end]) }
        case .fulfil(let node): try claim(at: nodes[node])
        case .fail(let node): try refuse(at: nodes[node], isMalformed: false)
        case .failMalformed(let node): try refuse(at: nodes[node], isMalformed: true)
        case .disconnect(let link): try disconnect(link)
        case .reconnect(let link): reconnect(link)
        case .updateFee(let link, let rate): try updateFee(link, to: Self.feerates[rate])
        case .restart(let node): try restart(nodes[node])
        case .backUp(let node): backUp(nodes[node])
        case .restore(let node): try restore(nodes[node])
        case .mine(let count): for _ in 0..<count { try mine() }
        case .mineEmpty:
            emptyBlocks += 1
            try mine(isEmpty: emptyBlocks <= Self.emptyMaximum)
        case .reorganise(let depth): try reorganise(depth: depth)
        case .close(let end): try close(ends[end])
        case .giveUp(let end): try giveUp(ends[end])
        case .cheat(let end, let oldest): try cheat(ends[end], oldest: oldest)
        case .switchTower(let node): try switchTower(nodes[node])
        case .comeOrGo(let node): try comeOrGo(nodes[node])
        case .settle: try settle()
        }
    }

    private func offer(_ route: [Int], _ size: Int) throws {
        let payer = nodes[route[0]]
        guard payer.isOnline, let end = end(of: payer, towards: route[1]), end.isAlive, !end.isUnsure else {
            return
        }
        let amount = Millisatoshi(Satoshi([300, 4_000, 45_000, 160_000][size & 3]))
        var expiry = payer.seen + (size & 4 == 0 ? 50 : 90)
        var sent = amount
        if route.count == 3 {
            sent += Self.forwardingFee
            expiry = expiry + Self.expiryDelta
        }
        guard end.channel.refusal(of: sent) == nil else { return report.count(.offersRefused) }
        let id = UInt64(payments.count + 1)
        payments.append(TrialPayment(id: id, route: route, amount: amount, sent: sent))
        try offer(sent, id, expiry, over: end)
        report.count(.offers)
    }

    /// Offers an HTLC that the channel has room for.
    func offer(_ amount: Millisatoshi, _ payment: UInt64, _ expiry: BlockHeight, over end: TrialEnd) throws {
        let index: HTLCIndex
        do throws(HTLCRefusal) {
            index = try end.channel.offer(amount, payment: payment, expiry: expiry, in: &end.pool)
        } catch {
            throw TrialFailure("refused what could be offered: \(error)")
        }
        send(.add(id: end.pool[index].id, amount, payment: payment, expiry), from: end)
    }

    func end(of node: TrialNode, towards place: Int) -> TrialEnd? {
        node.ends.first { self.node(of: peer(of: $0)).place == place }
    }

    /// A payee takes the money of the oldest HTLC that it holds, while there is time.
    private func claim(at node: TrialNode) throws {
        guard node.isOnline else { return }
        for end in node.ends where !end.isUnsure {
            // Off chain, until BOLT 2's deadline; on chain, while the claim can still be confirmed.
            let margin: UInt32 = end.isAlive ? OnChainDeadlines.standard.fulfillment : 12
            let htlc = end.held.map(\.htlc).first {
                payment($0.payment).route.last == node.place && !node.known.contains($0.payment)
                    && node.seen + margin < $0.expiry && $0.removal == .none
            }
            guard let htlc, end.channel.phase != .lostData, end.channel.phase != .closed else { continue }
            node.known.insert(htlc.payment)
            payments[Int(htlc.payment) - 1].isClaimed = true
            report.count(end.isAlive ? .claimsOffChain : .claimsOnChain)
            return try drive(node)
        }
    }

    private func refuse(at node: TrialNode, isMalformed: Bool) throws {
        guard node.isOnline else { return }
        for end in node.ends where end.isAlive {
            let held = end.held.first {
                payment($0.htlc.payment).route.last == node.place && !node.known.contains($0.htlc.payment)
            }
            guard let held else { continue }
            remove(held.index, .failed, at: end, code: isMalformed ? 0xC005 : nil)
            report.count(isMalformed ? .malformed : .failures)
            return try drive(node)
        }
    }

    private func updateFee(_ link: Int, to feerate: UInt32) throws {
        let end = ends[link * 2 + (ends[link * 2].isFunder ? 0 : 1)]
        guard node(of: end).isOnline, end.isAlive, isConnected[link],
            end.channel.canUpdateFee(to: feerate, in: end.pool)
        else { return }
        end.channel.updateFee(to: feerate, in: end.pool)
        send(.fee(feerate), from: end)
        report.count(.feeUpdates)
    }

    private func close(_ end: TrialEnd) throws {
        guard node(of: end).isOnline, end.isAlive, !end.isUnsure else { return }
        end.wantsClose = true
        end.channel.stopOffering()
        try drive(node(of: end))
    }
}
