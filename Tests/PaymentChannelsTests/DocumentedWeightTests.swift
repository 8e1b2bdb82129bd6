import Foundation
import LightningTypes
import Testing

@testable import PaymentChannels
@testable import Settlement

/// The table "What transactions weigh" of docs/DISPUTES.md, by the transactions themselves.
@Suite struct `The table of weights` {
    private static func table() throws -> [String: UInt64] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/DISPUTES.md")
        var weights: [String: UInt64] = [:]
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            if cells.count >= 2, let weight = UInt64(cells[1]) { weights[cells[0]] = weight }
        }
        return weights
    }

    private func dispute(anchors: Bool, publisher: Side, revoked: Bool = false) throws -> Dispute {
        let pair = ChannelPair(
            .free(dust: 354, reserve: 1_000, feerate: 253, anchors: anchors, delay: 6), alice: sat(500_000))
        try pair.add(sat(50_000), from: .first, payment: 11, expiry: BlockHeight(10))
        try pair.add(sat(40_000), from: .second, payment: 12, expiry: BlockHeight(60))
        let old = pair.latest(of: publisher)
        if revoked { try pair.add(sat(1_000), from: .first) }
        let dispute = Dispute(pair)
        dispute.alice.monitor.learn(preimage(12))
        try dispute.publish(by: publisher, revoked ? old : nil)
        return dispute
    }

    /// Weights of what a party broadcasts until all is settled, by the way it takes an output.
    private func weights(_ dispute: Dispute, of side: Side) -> [String: UInt64] {
        var all: [String: UInt64] = [:]
        for _ in 0..<80 where !dispute[side].isClosed {
            for claim in dispute[side].monitor.view.claims {
                guard let attempt = dispute[side].monitor.attempts[claim.outpoint] else { continue }
                let coins = attempt.coins.map { dispute[side].wallet.output(of: $0) }
                all[name(claim, dispute)] = attempt.transaction.weight(spending: [claim.output] + coins)
            }
            dispute.mine()
        }
        return all
    }

    private func name(_ claim: OutputClaim, _ dispute: Dispute) -> String {
        let suffix = dispute.pair.alice.channel.terms.hasAnchors ? " with anchors" : ""
        switch claim.way {
        case .delayed: return "sweep of the own balance or a second stage"
        case .balance:
            return suffix.isEmpty ? "sweep of the balance on the peer's commitment" : "balance with anchors"
        case .secondStage(_, nil): return "HTLC-timeout" + suffix
        case .secondStage(_, .some): return "HTLC-success" + suffix
        case .preimage: return "claim with a preimage" + suffix
        case .timeout: return "claim after the expiry" + suffix
        case .penalty:
            guard claim.output.conditions.count == 3 else { return "penalty on the balance" }
            let isOffered = claim.output.conditions[1].absoluteLock != nil
            return "penalty on an HTLC the cheat \(isOffered ? "offered" : "received")" + suffix
        }
    }

    @Test func `says what they weigh`() throws {
        let table = try Self.table()
        var measured: [String: UInt64] = [:]
        for anchors in [false, true] {
            measured.merge(weights(try dispute(anchors: anchors, publisher: .first), of: .first)) { $1 }
            measured.merge(weights(try dispute(anchors: anchors, publisher: .second), of: .first)) { $1 }
        }
        let cheated = try dispute(anchors: false, publisher: .second, revoked: true)
        cheated.bob.isOnline = false
        measured.merge(weights(cheated, of: .first)) { $1 }

        let pair = ChannelPair(.free(), alice: sat(500_000))
        measured["commitment"] = try #require(pair.latest(of: .first)).transaction.weight(spending: [
            pair.fundingOutput
        ])
        let anchored = try dispute(anchors: true, publisher: .first)
        let commitment = try #require(anchored.pair.latest(of: .first)).transaction
        measured["commitment with anchors"] = commitment.weight(spending: [pair.fundingOutput]) - 2 * 172
        anchored.alice.monitor.publication?.child = nil
        for _ in 0..<40 { anchored.fees.connect(feerate: 2_000) }
        anchored.mine(isEmpty: true)
        let child = try #require(anchored.alice.monitor.publication?.child)
        let anchor = try #require(anchored.alice.monitor.anchor(of: anchored.alice.monitor.publication!.own))
        measured["child of a commitment"] = child.transaction.weight(
            spending: [commitment.outputs[anchor]] + child.coins.map { anchored.alice.wallet.output(of: $0) })

        for (name, weight) in table {
            #expect(measured[name] == weight, "\(name) weighs \(measured[name] ?? 0)")
        }
        #expect(table.count == 14)
    }
}
