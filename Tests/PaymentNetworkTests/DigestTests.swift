import EventSimulation
import Foundation
import LightningTypes
import PaymentChannels
import Testing
import Topologies

@testable import PaymentNetwork

@Suite struct `The digest of a run` {
    @Test(arguments: [2, 3, 8])
    func `is the same on any number of shards`(shards: Int) throws {
        for opened in [false, true] {
            let network = try busyNetwork(opened: opened)
            let alone = try run(network)
            let sharded = try run(network, shards: shards)
            #expect(alone.digest == sharded.digest && alone.events == sharded.events)
            #expect(alone.payments == sharded.payments && alone.finalBalances == sharded.finalBalances)
            #expect(alone.channelIncome == sharded.channelIncome)
        }
    }

    @Test(arguments: [2, 3, 8], [1, 2, 8])
    func `is the same on any number of threads, and so are the records`(threads: Int, shards: Int) throws {
        let network = try busyNetwork(rate: 200)
        func run(threads: Int, shards: Int) throws -> (result: RunResult, notes: Notebook) {
            var settings = RunSettings()
            settings.threads = threads
            settings.paymentsMaximum = 2_000
            let notes = Notebook()
            let simulation = try NetworkSimulation(
                network, settings: settings, recorder: notes, shardCount: shards)
            return (try simulation.run(), notes)
        }
        let alone = try run(threads: 1, shards: 1)
        let together = try run(threads: threads, shards: shards)
        #expect(alone.result.digest == together.result.digest)
        #expect(alone.notes.payments.map(\.number) == together.notes.payments.map(\.number))
        #expect(alone.notes.attempts.map(\.route) == together.notes.attempts.map(\.route))
        #expect(alone.result.latencyMilliseconds == together.result.latencyMilliseconds)
    }

    @Test(arguments: [false, true])
    func `is the same with lazy and eager signatures`(opened: Bool) throws {
        var settings = RunSettings()
        settings.paymentsMaximum = opened ? 60 : 250
        let network = try busyNetwork(opened: opened)
        let lazy = try run(network, settings)
        settings.signatures = .eager
        let eager = try run(network, settings)
        #expect(lazy.digest == eager.digest && lazy.payments == eager.payments)
        #expect(lazy.payments.settled > 0)
    }

    @Test func `differs from seed to seed`() throws {
        var network = try busyNetwork()
        var digests = Set<UInt64>()
        for seed in 1...5 as ClosedRange<UInt64> {
            network.seed = seed
            digests.insert(try run(network).digest)
        }
        #expect(digests.count == 5)
    }

    @Test func `notices one altered message`() throws {
        let sound = try NetworkSimulation(busyNetwork(), settings: RunSettings())
        let digest = try sound.run().digest
        let altered = try NetworkSimulation(busyNetwork(), settings: RunSettings())
        var hasAltered = false
        altered.simulation.models[0].tamper = { message, _ in
            if message.kind == .updateFailHTLC, !hasAltered {
                hasAltered = true
                message.failure = .temporaryNodeFailure
            }
            return true
        }
        #expect(try altered.run().digest != digest)
        #expect(hasAltered)
    }

    @Test func `notices one payment more or a millisatoshi more`() throws {
        func digest(_ rows: String...) throws -> UInt64 {
            var network = try busyNetwork()
            let csv = ["time_seconds,source,destination,amount_msat"] + rows
            try network.apply(.init(trace: (Array(csv.joined(separator: "\n").utf8), "trace.csv")))
            return try run(network).digest
        }
        let first = "0.001,ada,cyd,9000"
        let all = try [digest(first), digest("0.001,ada,cyd,9001"), digest(first, first)]
        #expect(Set(all).count == 3)
    }
}

@Suite struct `A broken protocol` {
    /// With eager signatures every bit of every signature matters.
    @Test(arguments: [0, 255, 511])
    func `ends the run when one bit of a signature flips`(bit: Int) throws {
        var settings = RunSettings()
        settings.signatures = .eager
        settings.paymentsMaximum = 3
        let simulation = try NetworkSimulation(busyNetwork(), settings: settings)
        simulation.simulation.models[0].tamper = { message, attachments in
            if message.kind == .commitmentSigned {
                attachments.bytes(of: message.attachment)[bit / 8] ^= 1 << UInt8(bit % 8)
            }
            return true
        }
        #expect { try simulation.run() } throws: { "\($0)".contains("badSignature") }
    }

    @Test func `ends the run when commitments differ`() throws {
        let simulation = try NetworkSimulation(busyNetwork(), settings: RunSettings())
        simulation.simulation.models[0].tamper = { message, _ in
            if message.kind == .updateAddHTLC { message.amount += 1 }
            return true
        }
        #expect { try simulation.run() } throws: { "\($0)".contains("commitmentMismatch") }
    }

    @Test func `ends the run when a message is lost`() throws {
        let simulation = try NetworkSimulation(busyNetwork(), settings: RunSettings())
        var hasDropped = false
        simulation.simulation.models[0].tamper = { message, _ in
            defer { hasDropped = hasDropped || message.kind == .revokeAndAck }
            return message.kind != .revokeAndAck || hasDropped
        }
        #expect(throws: SimulationError.self) { try simulation.run() }
    }
}
