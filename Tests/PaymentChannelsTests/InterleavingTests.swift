import LightningTypes
import Testing

@testable import PaymentChannels

/// One thing that can happen next between two parties that offer one HTLC each.
private enum Action: Hashable {
    case offer(Side)
    case commit(Side)
    case resolve(Side)
    case deliver(Side)
    case updateFee
    case reconnect
}

/// All that tells two moments apart. Numbers of commitments are told by how far the parties' knowledge of them differs:
/// two moments that differ only in how often something was signed before have the same future.
private struct Moment: Hashable {
    struct Half: Hashable {
        let local: CommitmentView
        let remote: CommitmentView
        let awaitsRevocation: Bool
        let awaitsReestablish: Bool
        let hasRevokedLast: Bool
        let isCatchingUp: Bool
        let changes: UInt16
        let feeState: HTLCState
        let feerates: [UInt32]
        let isFirst: Bool
        let states: [HTLCState]
        let removals: [HTLCRemoval]
        let hasOffered: Bool
        let inbox: [Message.Body]
    }
    let halves: [Half]
    let gaps: [UInt64]
    let actionsLeft: [Bool]

    init(_ story: Story) {
        let pair = story.pair
        let (alice, bob) = (pair.alice.channel, pair.bob.channel)
        gaps = [alice.remoteNumber &- bob.localNumber, bob.remoteNumber &- alice.localNumber]
        actionsLeft = [story.canUpdateFee, story.canReconnect]
        halves = Side.allCases.map { side in
            let (peer, channel) = (pair[side], pair[side].channel)
            let other = pair[side.other].channel
            return Half(
                local: channel.local, remote: channel.remote, awaitsRevocation: channel.awaitsRevocation,
                awaitsReestablish: channel.awaitsReestablish, hasRevokedLast: channel.hasRevokedLast,
                isCatchingUp: channel.isCatchingUp,
                changes: channel.changesToCommit, feeState: channel.feeState,
                feerates: [channel.terms.feeratePerKiloweight, channel.feerateNext],
                isFirst: channel.localNumber == 0 && channel.remoteNumber == 0,
                states: peer.htlcs.map(\.state), removals: peer.htlcs.map(\.removal),
                hasOffered: channel.nextOfferedID > 0,
                inbox: peer.inbox.map { Self.relative($0.body, to: channel, other) })
        }
    }

    /// A message whose numbers count from the receiver's own. A fingerprint is a function of number and commitment,
    /// and those are told already.
    private static func relative(
        _ body: Message.Body, to receiver: Channel, _ sender: Channel
    ) -> Message.Body {
        switch body {
        case .commit(let signed):
            .commit(CommitmentSigned(number: signed.number &- receiver.localNumber, fingerprint: 0))
        case .revoke(let number): .revoke(number &- receiver.remoteNumber)
        case .reestablish(let message):
            .reestablish(
                ChannelReestablish(
                    nextCommitmentNumber: message.nextCommitmentNumber &- receiver.remoteNumber,
                    nextRevocationNumber: message.nextRevocationNumber &- receiver.localNumber))
        case .add, .remove, .shutdown, .fee, .malformed, .ready: body
        }
    }
}

/// A pair and what may still happen to it once.
private struct Story {
    let pair: ChannelPair
    var canUpdateFee: Bool
    var canReconnect: Bool

    func copy() -> Story {
        Story(pair: pair.copy(), canUpdateFee: canUpdateFee, canReconnect: canReconnect)
    }
}

/// Every order of what two parties can do; a moment that two orders share goes on once.
private struct Enumeration {
    let terms: ChannelTerms
    let removals: [Side: HTLCRemoval]
    var seen: Set<Moment> = []
    var visited: Set<HTLCState> = []
    var feeStates: Set<HTLCState> = []
    var ends = 0
    var endings: Set<Moment> = []

    mutating func run(fee: Bool, reconnect: Bool) throws {
        let first = Story(
            pair: ChannelPair(terms, alice: sat(600_000)), canUpdateFee: fee, canReconnect: reconnect)
        var open = [first]
        seen.insert(Moment(first))
        while let story = open.popLast() {
            visit(story)
            for action in possible(story) {
                var next = story.copy()
                try perform(action, on: &next)
                if seen.insert(Moment(next)).inserted { open.append(next) }
            }
        }
    }

    private mutating func visit(_ story: Story) {
        for peer in [story.pair.alice, story.pair.bob] {
            visited.formUnion((peer.htlcs + peer.removed).map(\.state))
            feeStates.insert(peer.channel.feeState)
            // `receiveCommit` passes through these on the way to its own revocation.
            if case .commit = peer.inbox.first?.body {
                visited.formUnion(peer.htlcs.compactMap { $0.state.advanced(by: .receivedCommit) })
                if let state = peer.channel.feeState.advanced(by: .receivedCommit) { feeStates.insert(state) }
            }
            // At any moment the latest commitment can be rebuilt, and pays out the capacity.
            let isRebuilt = story.pair.latest(of: peer === story.pair.alice ? .first : .second) != nil
            #expect(isRebuilt, "a signed commitment cannot be rebuilt")
        }
        guard story.pair.alice.channel.nextOfferedID > 0, story.pair.bob.channel.nextOfferedID > 0 else {
            return
        }
        guard possible(story).isEmpty else { return }
        ends += 1
        endings.insert(Moment(story))
        story.pair.expectQuiet()
        let (byAlice, byBob) = (removals[.first], removals[.second])
        let balance = 600_000 + (byAlice == .fulfilled ? 50_000 : 0) - (byBob == .fulfilled ? 70_000 : 0)
        #expect(story.pair.alice.channel.local.ours == sat(UInt64(balance)))
    }

    private func possible(_ story: Story) -> [Action] {
        var actions = Side.allCases.flatMap { side -> [Action] in
            let peer = story.pair[side]
            var actions: [Action] = []
            if peer.channel.nextOfferedID == 0, peer.channel.isUsable { actions.append(.offer(side)) }
            if peer.channel.canCommit { actions.append(.commit(side)) }
            if !peer.held.isEmpty { actions.append(.resolve(side)) }
            if !peer.inbox.isEmpty { actions.append(.deliver(side)) }
            return actions
        }
        if story.canUpdateFee, story.pair.alice.canUpdateFee(to: 400) {
            actions.append(.updateFee)
        }
        if story.canReconnect { actions.append(.reconnect) }
        return actions
    }

    private func perform(_ action: Action, on story: inout Story) throws {
        let pair = story.pair
        switch action {
        case .offer(let side): try pair.offer(sat(side == .first ? 70_000 : 50_000), from: side)
        case .commit(let side): pair.commit(by: side)
        case .resolve(let side): pair.resolve(removals[side]!, by: side)
        case .deliver(let side): try pair.deliver(to: side)
        case .updateFee:
            pair.updateFee(to: 400, by: .first)
            story.canUpdateFee = false
        case .reconnect:
            pair.reconnect()
            story.canReconnect = false
        }
    }
}

@Suite struct `One HTLC each way` {
    /// Without anchors, so that the rate has a say in what an HTLC is worth.
    private func enumeration(_ byAlice: HTLCRemoval, _ byBob: HTLCRemoval, anchors: Bool) -> Enumeration {
        let terms = ChannelTerms.free(dust: 354, reserve: 1_000, feerate: 253, anchors: anchors)
        return Enumeration(terms: terms, removals: [.first: byAlice, .second: byBob])
    }

    @Test(arguments: [HTLCRemoval.fulfilled, .failed], [HTLCRemoval.fulfilled, .failed])
    func `end alike in every order of messages, by way of all twenty states`(
        byAlice: HTLCRemoval, byBob: HTLCRemoval
    ) throws {
        var enumeration = enumeration(byAlice, byBob, anchors: true)
        try enumeration.run(fee: false, reconnect: false)
        #expect(enumeration.visited == Set(HTLCState.allCases))
        #expect(enumeration.seen.count > 900, "too few moments for every order: \(enumeration.seen.count)")
        #expect(enumeration.ends > 0)
    }

    /// The rate changes and the connection breaks once, each at any moment.
    @Test(arguments: [(HTLCRemoval.fulfilled, HTLCRemoval.failed), (.failed, .fulfilled)])
    func `end alike with a fee update and a disconnect at any moment`(
        byAlice: HTLCRemoval, byBob: HTLCRemoval
    ) throws {
        var enumeration = enumeration(byAlice, byBob, anchors: false)
        try enumeration.run(fee: true, reconnect: true)
        #expect(enumeration.visited == Set(HTLCState.allCases))
        #expect(enumeration.feeStates == Set(HTLCState.allCases.filter(\.isAdding)))
        print("\(enumeration.seen.count) moments of two parties, \(enumeration.ends) of them ends")
        #expect(enumeration.ends > 0)
    }
}

@Suite struct `An HTLC's life` {
    private let steps: [CommitmentStep] = [
        .sentCommit, .receivedCommit, .sentRevocation, .receivedRevocation,
    ]

    private func life(from state: HTLCState) -> [HTLCState] {
        var states = [state]
        while let next = steps.compactMap({ states.last!.advanced(by: $0) }).first { states.append(next) }
        return states
    }

    @Test func `follows the order of the protocol in both directions`() {
        let all = HTLCState.allCases
        #expect(all.count == 20)
        #expect(life(from: .sentAdd) + life(from: .receivedRemove) == Array(all[..<10]))
        #expect(life(from: .receivedAdd) + life(from: .sentRemove) == Array(all[10...]))
        for state in all {
            #expect(steps.count { state.advanced(by: $0) != nil } <= 1, "\(state) waits for one message")
            #expect(state.isOffered == (state.rawValue < 10))
        }
    }

    /// The n-th state of an offered HTLC and the n-th of a received one are the two ends of one HTLC.
    @Test func `is the same life at the other end with sent and received exchanged`() {
        func opposite(_ step: CommitmentStep) -> CommitmentStep {
            switch step {
            case .sentCommit: .receivedCommit
            case .receivedCommit: .sentCommit
            case .sentRevocation: .receivedRevocation
            case .receivedRevocation: .sentRevocation
            }
        }
        for state in HTLCState.allCases {
            let other = HTLCState(rawValue: (state.rawValue + 10) % 20)!
            #expect(state.isInLocal == other.isInRemote && state.isInRemote == other.isInLocal)
            for step in steps {
                let (here, there) = (state.advanced(by: step), other.advanced(by: opposite(step)))
                #expect(here.map { ($0.rawValue + 10) % 20 } == there.map(\.rawValue))
            }
        }
    }

    @Test func `owes a commitment exactly where one would move it`() {
        for state in HTLCState.allCases {
            #expect(state.awaitsOurCommit == (state.advanced(by: .sentCommit) != nil))
        }
    }
}
