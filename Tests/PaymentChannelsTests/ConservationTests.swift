import LightningTypes
import Randomness
import Testing

@testable import PaymentChannels

/// Two honest parties that do whatever their channel allows, in any order, and a slow wire between them.
private struct RandomTraffic {
    var stream: RandomStream
    let pair: ChannelPair
    var accepted = 0
    var refused = 0

    init(seed: UInt64, process: UInt64) {
        stream = RandomStream(seed: seed, purpose: .init("channel traffic"), process: process)
        let terms = Self.terms(&stream)
        let balance = Self.balance(in: terms, &stream)
        var pair = ChannelPair(terms, alice: balance, aliceFunds: stream.below(2) == 0)
        // Making every transaction costs ten times all the rest.
        pair.makesTransactions = process % 8 == 0
        self.pair = pair
    }

    static func pick<T>(_ choices: [T], _ stream: inout RandomStream) -> T {
        choices[Int(stream.below(UInt64(choices.count)))]
    }

    static func terms(_ stream: inout RandomStream) -> ChannelTerms {
        let capacity: UInt64 = pick([700, 5_000, 20_000, 100_000, 1_000_000, 16_000_000], &stream)
        let whole = sat(capacity)
        return .free(
            capacity: capacity, dust: pick([0, 1, 354, 546], &stream),
            reserve: pick([0, 0, 0, capacity / 100, capacity / 100, 546, capacity / 5], &stream),
            inFlight: stream.below(16) == 0
                ? Millisatoshi(1)
                : pick([whole, whole, Millisatoshi(whole.rawValue / 3), sat(2_000)], &stream),
            slots: pick([1, 2, 5, 30, 483], &stream), feerate: pick([0, 0, 253, 253, 1_000, 5_000], &stream),
            anchors: stream.below(2) == 0)
    }

    static func balance(in terms: ChannelTerms, _ stream: inout RandomStream) -> Millisatoshi {
        let whole = Millisatoshi(terms.capacity)
        switch stream.below(4) {
        case 0: return .zero
        case 1: return whole
        default: return Millisatoshi(stream.within(0...whole.rawValue))
        }
    }

    mutating func amount(spendable: Millisatoshi, _ terms: ChannelTerms) -> Millisatoshi {
        let edge =
            terms.isTrimmed(.zero, isSuccess: true)
            ? Millisatoshi(terms.outputMinimum + terms.htlcTransactionFee(isSuccess: stream.below(2) == 0))
            : .zero
        switch stream.below(12) {
        case 0: return spendable
        case 1: return spendable + Millisatoshi(1)
        case 2: return Millisatoshi(1 + stream.below(2_000))
        case 3: return edge
        case 4: return edge.subtractingOrZero(Millisatoshi(1))
        case 5: return Millisatoshi(stream.within(1...Millisatoshi(terms.capacity).rawValue))
        default: return Millisatoshi(1 + stream.below(spendable.rawValue / 4 + 1))
        }
    }

    mutating func offer(from side: Side) throws {
        let channel = pair[side].channel
        let spendable = channel.spendable
        let amount = max(amount(spendable: spendable, channel.terms), Millisatoshi(1))
        let expiry = BlockHeight(UInt32(500 + stream.below(3)))
        do throws(HTLCRefusal) {
            try pair.offer(amount, from: side, payment: stream.below(3), expiry: expiry)
            accepted += 1
            #expect(amount <= spendable)
        } catch {
            refused += 1
            #expect(amount > spendable, "refused: \(error)")
        }
    }

    mutating func step() throws {
        let side: Side = stream.below(2) == 0 ? .first : .second
        switch stream.below(10) {
        case 0, 1, 2: try offer(from: side)
        case 3, 4: if pair[side].channel.canCommit { pair.commit(by: side) }
        case 5: try resolve(by: side)
        case 6: checkLatest(of: side)
        default: if !pair[side].inbox.isEmpty { try pair.deliver(to: side) }
        }
    }

    mutating func resolve(by side: Side) throws {
        let held = pair[side].held.count
        guard held > 0 else { return }
        pair.resolve(
            stream.below(3) == 0 ? .failed : .fulfilled, by: side, at: Int(stream.below(UInt64(held))))
    }

    /// What is rebuilt late is what was signed at the time.
    func checkLatest(of side: Side) {
        guard let signed = pair[side].signed else { return }
        let latest = pair.latest(of: side)
        #expect(latest?.transaction == signed.transaction)
        #expect(latest?.secondStage == signed.secondStage)
        let outputs = signed.transaction.outputs.reduce(Satoshi.zero) { $0 + $1.value }
        #expect(outputs + signed.fee == pair.alice.channel.terms.capacity)
    }

    /// Resolves everything and settles, until neither party has an HTLC.
    mutating func drain() throws {
        for _ in 0..<1_000 where pair.alice.channel.hasHTLCs || pair.bob.channel.hasHTLCs {
            try pair.settle()
            for side in Side.allCases {
                while !pair[side].held.isEmpty { try resolve(by: side) }
            }
        }
        try pair.settle()
    }
}

@Suite struct `Two honest parties` {
    /// 64 seeds of 64 channels each, with limits that bind and balances that do not pay the fee.
    @Test(arguments: 0..<64 as Range<UInt64>)
    func `conserve funds under any sequence of offers, commits, crossings, fulfilments and failures`(
        seed: UInt64
    ) throws {
        var accepted = 0
        var refused = 0
        for process in 0..<64 as Range<UInt64> {
            var traffic = RandomTraffic(seed: seed, process: process)
            let before = traffic.pair.alice.channel.local.ours
            for _ in 0..<400 { try traffic.step() }
            for side in Side.allCases { traffic.checkLatest(of: side) }

            // Some shut down in the middle of it, and then finish what is under way.
            let shuts = traffic.stream.below(2) == 0
            if shuts {
                traffic.pair.shutdown(by: .first)
                if traffic.stream.below(2) == 0 { traffic.pair.shutdown(by: .second) }
            }
            try traffic.drain()
            traffic.pair.expectQuiet()
            checkBalance(of: traffic.pair, before: before)
            if shuts { try close(traffic.pair) }
            accepted += traffic.accepted
            refused += traffic.refused
        }
        // Or the test would prove nothing.
        #expect(accepted > 500, "few HTLCs were offered: \(accepted)")
        #expect(refused > 500, "few HTLCs were refused: \(refused)")
    }

    /// Only what was fulfilled has moved.
    private func checkBalance(of pair: ChannelPair, before: Millisatoshi) {
        var balance = before
        for htlc in pair.alice.removed where htlc.removal == .fulfilled && !htlc.state.isOffered {
            balance += htlc.amount
        }
        for htlc in pair.alice.removed where htlc.removal == .fulfilled && htlc.state.isOffered {
            balance -= htlc.amount
        }
        #expect(pair.alice.channel.local.ours == balance)
        #expect(pair.alice.channel.capital == balance)
        #expect(pair.alice.removed.count == pair.bob.removed.count)
    }

    private func close(_ pair: ChannelPair) throws {
        if !pair.bob.channel.hasSentShutdown {
            #expect(!pair.bob.channel.canSignClosing)
            pair.shutdown(by: .second)
            try pair.settle()
        }
        for peer in [pair.alice, pair.bob] {
            #expect(peer.channel.canSignClosing)
            try peer.channel.beginClosing()
            peer.channel.close()
            #expect(peer.channel.capital == .zero)
        }
    }
}
