import EventSimulation
import Histogram
import LightningTypes
import PaymentChannels
import Routing
import Settlement

/// The processes of one shard and what they do with a message. Each method acts for `shard.process` and touches that
/// process's own state only.
///
/// The nodes' behaviour stands in extensions by subject: payments, forwarding, commitments, opening and closing. Layer
/// 1, gossip and traffic, one process each, live on the first shard.
final class NetworkShard: ShardModel {
    let world: NetworkWorld
    /// What this window's events have to report; handed to the recorder when the window ends.
    var records = RecordBuffer()
    let wantsRecords: Bool
    let isEager: Bool
    /// Copied from the public graph when a failure first teaches a sender of this shard a policy.
    let privateGraph = PrivateGraph()
    /// Routes found ahead of time, with several threads.
    var prefetcher: RoutePrefetcher?
    var clock: BlockClock
    var htlcs = HTLCPool()
    var payments = Slab<OwnPayment>()
    var parts = Slab<OwnPart>()
    /// By payment: what payees of this shard hold. Looked up only, so that its order reaches nothing.
    var held: [UInt64: HeldParts] = [:]
    /// What a commitment step settled; empty between events.
    var settled = SettledHTLCs()
    /// Funding transactions signed for but not broadcast, and closing transactions not confirmed, by own end.
    var fundingTransactions: [DirectionIndex: Transaction] = [:]
    /// Follows from these, and from which of them are signed.
    var fundingOrder = FundingOrder()
    var closings: [DirectionIndex: Transaction] = [:]
    /// Rates that layer 1 told for an opening or a closing under way, by own end; satoshi per 1,000 weight.
    var feerates: [DirectionIndex: UInt64] = [:]
    /// Channels that are resolved on chain, by own end.
    var disputes: [DirectionIndex: Dispute] = [:]
    /// What cheats keep, and what was saved for a later restart, by own end.
    var archives: [DirectionIndex: OldCommitment] = [:]
    var backups: [DirectionIndex: StaleBackup] = [:]
    var statistics = RunStatistics()
    /// Nil where nobody asked.
    var use: LiquidityUse?
    /// Empty where nobody asked (`RunSettings.audits`).
    var outcomes: [RunAudit.HTLCOutcome] = []
    /// Set when something happened that an honest network cannot do; ends the run.
    var breakdown: String?

    /// For tests: alters messages on the wire, or drops them by answering false.
    var tamper: ((inout NetworkMessage, borrowing AttachmentPool) -> Bool)?

    let layerOne: LayerOneProcess?
    let gossip: GossipProcess?
    let traffic: TrafficProcess?
    let tower: TowerProcess?

    init(_ world: NetworkWorld, wantsRecords: Bool, hasServices: Bool) {
        self.world = world
        self.wantsRecords = wantsRecords
        isEager = world.settings.signatures == .eager
        let layer = world.topology.layerOne
        clock = BlockClock(
            seed: world.topology.seed, meanInterval: layer.blockInterval.microseconds,
            isRegular: layer.hasRegularBlocks)
        use = world.settings.measuresUse ? LiquidityUse(endCount: world.endCount) : nil
        layerOne = hasServices ? LayerOneProcess(world) : nil
        gossip = hasServices ? GossipProcess(world) : nil
        traffic = hasServices ? TrafficProcess(world) : nil
        tower = hasServices && world.topology.watchtower != nil ? TowerProcess(world) : nil
        if hasServices { statistics.primitives.countOnionPoints(world.onionPoints.count) }
    }

    func handle(_ event: Event<NetworkMessage>, in shard: inout Shard<NetworkMessage>) {
        let message = event.payload
        let end = message.end
        if let links = world.links, !isHeard(message, links, &shard) { return }
        statistics.messages[Int(message.kind.rawValue)] += 1
        do throws(ProtocolViolation) {
            switch message.kind {
            case .updateAddHTLC: try receiveAdd(message, at: end, &shard)
            case .updateFulfillHTLC, .updateFailHTLC: try receiveRemoval(message, at: end, &shard)
            case .commitmentSigned: try receiveCommitment(message, at: end, &shard)
            case .revokeAndAck: try receiveRevocation(message, at: end, &shard)
            case .commitTimer: commit(at: end, &shard)
            case .startPayment: startPayment(message, &shard)
            case .trafficTimer: traffic?.generate(&shard)
            case .paymentEnded: traffic?.hear(of: message, &shard)
            case .openTimer: try beginOpening(of: end, &shard)
            case .openChannel: try receiveOpen(at: end, &shard)
            case .acceptChannel: try receiveAccept(at: end, &shard)
            case .fundingCreated: try receiveFundingCreated(message, at: end, &shard)
            case .fundingSigned: try receiveFundingSigned(message, at: end, &shard)
            case .channelReady: try receiveReady(at: end, &shard)
            case .closeTimer: beginClosing(of: end, &shard)
            case .shutdown: try receiveShutdown(at: end, &shard)
            case .closingSigned: try receiveClosingSigned(message, at: end, &shard)
            case .transactionConfirmed: try receiveConfirmation(message, at: end, &shard)
            case .channelUpdate, .policyUpdate: gossip?.receive(message, &shard)
            case .gossipTimer: gossip?.publish(&shard)
            case .broadcastTransaction: breakdown = breakdown ?? layerOne?.receive(message, &shard, &clock)
            case .watchTransaction: layerOne?.watch(message, &shard, &clock)
            case .blockTimer: mineBlock(&shard)
            case .policyTimer: changePolicy(message, &shard)
            case .partsTimer: failHeldParts(of: message.payment, &shard)
            case .channelReestablish: receiveReestablish(message, at: end, &shard)
            case .linkDown: linkDown(at: end, &shard)
            case .linkUp: linkUp(at: end, &shard)
            case .faultTimer: happen(message, &shard)
            case .deadlineTimer: checkDeadline(of: end, &shard)
            case .holdTimer: releaseHeld(message, at: end, &shard)
            case .layerOneQuestion: layerOne?.answer(message, from: event.key.source, &shard, &clock)
            case .blockNews, .blocksUndone:
                if shard.process == world.towerProcess {
                    tower?.receive(message, &shard)
                } else {
                    try receiveNews(message, at: end, &shard)
                }
            case .towerUpdate: tower?.accept(message, shard)
            case .updateFee: try receiveFee(message, at: end, &shard)
            case .feerateTimer: lookAtFees(message, &shard)
            case .feerateQuestion: layerOne?.answerFeerate(message, &shard, &clock)
            case .feerateEstimate: followFees(message, &shard)
            case .jitterBegins: world.links?[Int(end.rawValue)].jitter += message.amount
            case .jitterEnds: world.links?[Int(end.rawValue)].jitter -= message.amount
            }
        } catch {
            breakdown = breakdown ?? "\(describe(end)) broke the protocol at \(shard.now) µs: \(error)"
        }
    }

    /// Sends a message to the node at the other end of a channel.
    func send(_ message: NetworkMessage, from end: DirectionIndex, _ shard: inout Shard<NetworkMessage>) {
        var message = message
        message.end = end.reversed
        var delay = world.latency(of: end)
        if let links = world.links {
            let link = links[Int(end.rawValue)]
            if link.isDown, !message.kind.isEstablishment {
                shard.attachments.release(message.attachment)
                return
            }
            message.connection = link.connection
            delay = links[Int(end.rawValue)].delay(
                delay, at: shard.now, lateness: world.lateness(of: end, at: shard.now))
        }
        if let tamper, !tamper(&message, shard.attachments) { return }
        shard.send(to: world.owners[Int(end.reversed.rawValue)], after: delay, message)
    }

    func height(_ shard: borrowing Shard<NetworkMessage>) -> BlockHeight { clock.height(at: shard.now) }

    func describe(_ end: DirectionIndex) -> String {
        let channel = world.topology.channels[end.channel]
        return
            "channel \(channel.shortChannelID) of \(world.topology.nodes[Int(world.owners[Int(end.rawValue)])].alias)"
    }

    private func mineBlock(_ shard: inout Shard<NetworkMessage>) {
        let failure = layerOne?.mine(&shard, &clock) {
            statistics.count($0)
            if wantsRecords { records.transactions.append($0) }
        }
        breakdown = breakdown ?? failure
    }

    /// The books' capital follows the channel's, wherever this party's own commitment may have changed it.
    func noteCapital(of end: DirectionIndex, _ shard: borrowing Shard<NetworkMessage>) {
        let capital = world.channels[Int(end.rawValue)].capital
        let books = world.books(of: end)
        if capital == books.pointee.capital.amount { return }
        books.pointee.capital.change(to: capital, at: shard.now, measuredFrom: world.measuredFrom)
    }
}

/// Numbered places for values that come and go; a free place is used again.
struct Slab<Element> {
    private var elements: [Element?] = []
    private var free: [UInt32] = []

    var count: Int { elements.count - free.count }

    mutating func insert(_ element: Element) -> UInt32 {
        if let index = free.popLast() {
            elements[Int(index)] = element
            return index
        }
        elements.append(element)
        return UInt32(elements.count - 1)
    }

    /// All there are, with their places, in order of place.
    var all: [(place: UInt32, element: Element)] {
        elements.enumerated().compactMap { place, element in element.map { (UInt32(place), $0) } }
    }

    mutating func remove(_ index: UInt32) {
        elements[Int(index)] = nil
        free.append(index)
    }

    subscript(index: UInt32) -> Element {
        get {
            guard let element = elements[Int(index)] else { preconditionFailure("nothing lies there") }
            return element
        }
        _modify {
            precondition(elements[Int(index)] != nil, "nothing lies there")
            yield &elements[Int(index)]!
        }
    }
}
