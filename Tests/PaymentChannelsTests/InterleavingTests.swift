import LightningTypes
import Testing

@testable import PaymentChannels

/// One thing that can happen next between two parties that offer one HTLC each.
private enum Action: Hashable {
    case offer(Side)
    case commit(Side)
    case resolve(Side)
    case deliver(Side)
}

/// All that tells two moments apart.
private struct Moment: Hashable {
    struct Half: Hashable {
        let local: CommitmentView
        let remote: CommitmentView
        let numbers: [UInt64]
        let awaitsRevocation: Bool
        let states: [HTLCState]
        let inbox: [Message]
    }
    let halves: [Half]

    init(_ pair: ChannelPair) {
        halves = [pair.alice, pair.bob].map {
            Half(
                local: $0.channel.local, remote: $0.channel.remote,
                numbers: [$0.channel.localNumber, $0.channel.remoteNumber],
                awaitsRevocation: $0.channel.awaitsRevocation, states: $0.htlcs.map(\.state), inbox: $0.inbox)
        }
    }
}

@Suite struct `One HTLC each way` {
    private let terms = ChannelTerms.free(dust: 354, reserve: 1_000, feerate: 253, anchors: true)

    private func replay(_ actions: [Action], _ removals: [Side: HTLCRemoval]) throws -> ChannelPair {
        let pair = ChannelPair(terms, alice: sat(600_000))
        for action in actions { try perform(action, on: pair, removals) }
        return pair
    }

    private func perform(_ action: Action, on pair: ChannelPair, _ removals: [Side: HTLCRemoval]) throws {
        switch action {
        case .offer(let side): try pair.offer(sat(side == .first ? 70_000 : 50_000), from: side)
        case .commit(let side): pair.commit(by: side)
        case .resolve(let side): pair.resolve(removals[side]!, by: side)
        case .deliver(let side): try pair.deliver(to: side)
        }
    }

    private func possible(_ pair: ChannelPair) -> [Action] {
        Side.allCases.flatMap { side -> [Action] in
            let peer = pair[side]
            var actions: [Action] = []
            if peer.channel.nextOfferedID == 0 { actions.append(.offer(side)) }
            if peer.channel.canCommit { actions.append(.commit(side)) }
            if !peer.held.isEmpty { actions.append(.resolve(side)) }
            if !peer.inbox.isEmpty { actions.append(.deliver(side)) }
            return actions
        }
    }

    /// States of the HTLCs of both parties, with those that `receiveCommit` passes through on the way to its own
    /// revocation.
    private func states(in pair: ChannelPair) -> [HTLCState] {
        [pair.alice, pair.bob].flatMap { peer -> [HTLCState] in
            var states = (peer.htlcs + peer.removed).map(\.state)
            if case .commit = peer.inbox.first?.body {
                states += peer.htlcs.compactMap { $0.state.advanced(by: .receivedCommit) }
            }
            return states
        }
    }

    /// Every order of offers, commitments, removals and deliveries; a moment that two orders share goes on once.
    @Test(arguments: [HTLCRemoval.fulfilled, .failed], [HTLCRemoval.fulfilled, .failed])
    func `end alike in every order of messages, by way of all twenty states`(
        byAlice: HTLCRemoval, byBob: HTLCRemoval
    ) throws {
        let removals: [Side: HTLCRemoval] = [.first: byAlice, .second: byBob]
        var paths: [[Action]] = [[]]
        var seen: Set<Moment> = []
        var visited: Set<HTLCState> = []
        var ends: Set<Moment> = []
        while let path = paths.popLast() {
            let pair = try replay(path, removals)
            visited.formUnion(states(in: pair))
            let actions = possible(pair)
            if actions.isEmpty {
                pair.expectQuiet()
                let balance =
                    600_000 + (byAlice == .fulfilled ? 50_000 : 0) - (byBob == .fulfilled ? 70_000 : 0)
                #expect(pair.alice.channel.local.ours == sat(UInt64(balance)))
                ends.insert(Moment(pair))
            }
            for action in actions {
                let next = try replay(path, removals)
                try perform(action, on: next, removals)
                if seen.insert(Moment(next)).inserted { paths.append(path + [action]) }
            }
        }
        #expect(visited == Set(HTLCState.allCases))
        #expect(seen.count > 1_000, "too few moments for every order: \(seen.count)")
        // They differ by how many commitments it took.
        #expect(ends.count > 1)
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
