import EventSimulation
import LightningTypes
import Testing
import Topologies

@testable import PaymentNetwork

/// Alice pays Dave over Bob and Carol with eager signatures, more than Carol has.
@Suite struct `An onion` {
    private static let topologyText = """
        millrace: 1
        duration: 1m
        payments: {attempts_maximum: 1}
        nodes: [alice, bob, carol, dave]
        channels:
          - {from: alice, to: bob, capacity_sat: 1000000, standing: true, balance_sat: 900000}
          - {from: bob, to: carol, capacity_sat: 1000000, standing: true, balance_sat: 900000}
          - {from: carol, to: dave, capacity_sat: 1000000, standing: true, balance_sat: BALANCE}
        traffic:
          - {from: alice, to: dave, rate_per_second: 0.1, amount_sat: 100000}
        """

    private func attempts(
        balance: Int, tamper: @escaping (inout NetworkMessage, borrowing AttachmentPool) -> Bool
    ) throws -> [AttemptRecord] {
        let text = Self.topologyText.replacing("BALANCE", with: "\(balance)")
        let notebook = Notebook()
        var settings = RunSettings()
        settings.signatures = .eager
        let simulation = try NetworkSimulation(topology(text), settings: settings, recorder: notebook)
        simulation.simulation.models[0].tamper = tamper
        _ = try simulation.run()
        #expect(!notebook.attempts.isEmpty)
        return notebook.attempts
    }

    /// Whatever those on the way say, only the error counts that the failing node wrapped for the sender.
    @Test func `brings back a failure that nobody on the way can read or change`() throws {
        let attempts = try attempts(balance: 20_000) { message, _ in
            if message.kind == .updateFailHTLC {
                message.failure = .permanentNodeFailure
                message.distance = 9
            }
            return true
        }
        #expect(Set(attempts.map(\.failure)) == [.temporaryChannelFailure])
        #expect(Set(attempts.map(\.failingHop)) == [2])
    }

    /// Carol cannot read it: Bob, who is told so by `update_fail_malformed_htlc`, tells Alice.
    @Test func `that came scrambled is reported by the node before`() throws {
        var sizes: Set<Int> = []
        let attempts = try attempts(balance: 900_000) { message, attachments in
            if message.kind == .updateAddHTLC {
                let bytes = attachments.bytes(of: message.attachment)
                sizes.insert(bytes.count)
                if message.end == DirectionIndex(channel: 1, from: .second) { bytes[500] ^= 0x10 }
            }
            return true
        }
        #expect(Set(attempts.map(\.failure)) == [.invalidOnionHMAC])
        #expect(Set(attempts.map(\.failingHop)) == [1])
        #expect(sizes == [1_365], "an onion has one size, wherever it is")
    }

    @Test func `that nobody on the way touched brings the payment`() throws {
        let attempts = try attempts(balance: 900_000) { _, _ in true }
        #expect(attempts.allSatisfy { $0.failure == nil })
    }

    /// An error that was changed on its way tells the sender nothing; no honest network changes one.
    @Test func `whose error was changed on its way ends the run`() throws {
        #expect(throws: SimulationError.self) {
            try attempts(balance: 20_000) { message, attachments in
                if message.kind == .updateFailHTLC, message.end == DirectionIndex(channel: 0, from: .first) {
                    attachments.bytes(of: message.attachment)[40] ^= 1
                }
                return true
            }
        }
    }
}
