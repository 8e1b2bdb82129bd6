import Cryptography
import EventSimulation
import LightningTypes
import Settlement
import Testing
import Topologies

@testable import PaymentNetwork

/// Alice pays Carol over Bob, who has a channel with Dave too. Every failure of a payment is made to happen once.
@Suite struct `There is a way to` {
    private func network(payments: String = "", amount: Int = 1_000, more: String = "") throws -> Topology {
        func channel(_ from: String, _ to: String, _ capacity: Int) -> String {
            "  - {from: \(from), to: \(to), capacity_sat: \(capacity), standing: true, balance_sat: 600000, "
                + "policy: {base_fee_msat: 1000, fee_ppm: 0, cltv_expiry_delta: 40}}"
        }
        return try topology(
            """
            millrace: 1
            duration: 2m
            payments: {gossip_interval: 1h\(payments)}
            nodes: [alice, bob, carol, dave]
            channels:
              - {from: alice, to: bob, capacity_sat: 3000000, standing: true, balance_sat: 2900000}
            \(channel("bob", "carol", 1_000_000))
            \(channel("bob", "dave", 1_000_000))
            \(more)
            traffic:
              - {from: alice, to: carol, rate_per_second: 0.5, amount_sat: \(amount)}
            """)
    }

    /// Alice pays Bob, over a channel with one thing about it.
    private func neighbours(_ keys: String) throws -> Topology {
        try topology(
            """
            millrace: 1
            duration: 1m
            nodes: [alice, bob]
            channels: [{from: alice, to: bob, capacity_sat: 100000, standing: true, \(keys)}]
            traffic: [{from: alice, to: bob, rate_per_second: 1, amount_sat: 100}]
            """)
    }

    /// Alice pays Dave in parts, one of which will never arrive.
    private func divided() throws -> Topology {
        func channel(_ from: String, _ to: String, _ balance: Int) -> String {
            "  - {from: \(from), to: \(to), capacity_sat: 100000, standing: true, balance_sat: \(balance), "
                + "channel_reserve_sat: 0}"
        }
        return try topology(
            """
            millrace: 1
            duration: 1s
            payments: {split: halving}
            nodes: [alice, bob, carol, dave]
            channels:
            \(channel("alice", "bob", 100_000))
            \(channel("alice", "carol", 100_000))
            \(channel("bob", "dave", 95_000))
            \(channel("carol", "dave", 1_000))
            traffic: [{from: alice, to: dave, rate_per_second: 2, amount_sat: 120000}]
            """)
    }

    /// What attempts and payments of a run failed of.
    private func failures(
        _ topology: Topology, _ signatures: SignatureMode = .lazy,
        prepare: (NetworkSimulation) -> Void = { _ in },
        tamper: ((inout NetworkMessage, borrowing AttachmentPool) -> Bool)? = nil
    ) throws -> Set<FailureName> {
        let notebook = Notebook()
        var settings = RunSettings()
        settings.signatures = signatures
        let simulation = try NetworkSimulation(
            topology, settings: settings, recorder: notebook, shardCount: 4)
        for model in simulation.simulation.models { model.tamper = tamper }
        prepare(simulation)
        _ = try simulation.run()
        return Set(notebook.attempts.compactMap(\.failure) + notebook.payments.compactMap(\.failure))
    }

    /// Alice is a cheat or out of her mind: she changes what a layer of hers says, Bob's or Carol's.
    private func telling(
        bob: Bool, _ change: @escaping (inout OnionLayer) -> Void
    ) throws -> Set<FailureName> {
        try failures(
            network(),
            tamper: { message, attachments in
                guard message.kind == .updateAddHTLC else { return true }
                let bytes = attachments.bytes(of: message.attachment)
                let size = MemoryLayout<OnionLayer>.stride
                guard bytes.count == 2 * size else { return true }
                // The last hop's layer lies first.
                let offset = bob ? size : 0
                var layer = bytes.loadUnaligned(fromByteOffset: offset, as: OnionLayer.self)
                change(&layer)
                bytes.storeBytes(of: layer, toByteOffset: offset, as: OnionLayer.self)
                return true
            })
    }

    /// The onion changes on its way to a node, Bob or Carol.
    private func scrambling(at node: UInt32, _ change: @escaping (UnsafeMutableRawBufferPointer) -> Void)
        throws
        -> Set<FailureName>
    {
        let topology = try network()
        let world = NetworkWorld(topology, settings: RunSettings())
        return try failures(
            topology, .eager,
            tamper: { message, attachments in
                if message.kind == .updateAddHTLC, world.owners[Int(message.end.rawValue)] == node {
                    change(attachments.bytes(of: message.attachment))
                }
                return true
            })
    }

    /// Alice wraps an authentic onion that tells Bob nothing that makes sense.
    private func tellingNonsense() throws -> Set<FailureName> {
        let topology = try network()
        let keys = KeyRing(seed: topology.seed)
        return try failures(
            topology, .eager,
            tamper: { message, attachments in
                guard message.kind == .updateAddHTLC else { return true }
                let token = message.payment.rawValue
                let session = keys.sessionKey(token, part: 0)
                let packet = OnionPacket(
                    to: [(key: keys.onionKey(1).point, payload: [1, 2, 3])], sessionKey: session.session,
                    padding: session.padding,
                    associatedData: keys.paymentHash(token).withUnsafeBytes { Array($0) })
                attachments.bytes(of: message.attachment).copyBytes(from: packet?.encoded() ?? [])
                return true
            })
    }

    /// A node believes in a hundred blocks a second.
    private func hurried(node: Int) throws -> Set<FailureName> {
        try failures(network()) { simulation in
            let shard = Int(simulation.world.placement(onShards: 4)[node])
            simulation.simulation.models[shard].clock = BlockClock(
                seed: 1, meanInterval: 10_000, isRegular: true)
        }
    }

    /// What it takes to bring about a failure.
    private func reached(by name: FailureName) throws -> Set<FailureName> {
        switch name {
        case .temporaryNodeFailure, .permanentNodeFailure:
            // No node of ours reports these; a payer can be told so by one.
            return try failures(
                network(amount: 700_000),
                tamper: { message, _ in
                    if message.kind == .updateFailHTLC { message.failure = name }
                    return true
                })
        case .permanentChannelFailure:
            return try failures(
                network(
                    more: "  - {from: bob, to: carol, capacity_sat: 2000000, standing: true, closes_at: 1m, "
                        + "policy: {base_fee_msat: 0, fee_ppm: 0}}"))
        case .temporaryChannelFailure: return try failures(network(amount: 450_000))
        case .unknownNextPeer: return try telling(bob: true) { $0.next = 0 }
        case .amountBelowMinimum: return try telling(bob: true) { $0.amount = 0 }
        case .feeInsufficient: return try telling(bob: true) { $0.amount += 1 }
        case .incorrectCLTVExpiry: return try telling(bob: true) { $0.expiry += 1 }
        case .expiryTooSoon: return try telling(bob: true) { $0.expiry = 1 }
        case .finalIncorrectCLTVExpiry: return try telling(bob: false) { $0.expiry += 1 }
        case .finalIncorrectHTLCAmount: return try telling(bob: false) { $0.amount += 1 }
        case .incorrectOrUnknownPaymentDetails: return try hurried(node: 2)
        case .expiryTooFar: return try hurried(node: 0)
        case .channelDisabled:
            return try failures(
                network(
                    more: "policy_changes: [{at: 1m, from: bob, to: carol, policy: {disabled: true}}]"))
        case .noRoute:
            return try failures(neighbours("policy: {disabled: true}, balance_sat: 50000"))
        case .insufficientLocalBalance: return try failures(neighbours("balance_sat: 0"))
        case .feeLimitExceeded:
            return try failures(network(payments: ", fee_limit_ppm: 0, fee_limit_minimum_msat: 0"))
        case .attemptsExhausted:
            return try failures(network(payments: ", attempts_maximum: 1", amount: 450_000))
        case .htlcLimit: return try failures(neighbours("max_accepted_htlcs: 0, balance_sat: 50000"))
        case .mppTimeout: return try failures(divided())
        case .invalidOnionVersion: return try scrambling(at: 1) { $0[0] = 1 }
        case .invalidOnionKey:
            return try scrambling(at: 2) { bytes in for place in 1...32 { bytes[place] = 0xFF } }
        case .invalidOnionHMAC: return try scrambling(at: 2) { $0[700] ^= 1 }
        case .invalidOnionPayload: return try tellingNonsense()
        }
    }

    @Test(arguments: FailureName.allCases)
    func `every failure of a payment`(name: FailureName) throws {
        let names = try reached(by: name)
        #expect(names.contains(name), "only \(names)")
    }

    /// Those that a channel does not notice by itself.
    @Test(arguments: ["wrongPreimage", "badSignature", "closingFeeOutOfRange"])
    func `every violation of the protocol that a node notices`(name: String) throws {
        var settings = RunSettings()
        settings.signatures = .eager
        settings.paymentsMaximum = 3
        let simulation = try NetworkSimulation(busyNetwork(opened: true), settings: settings)
        simulation.simulation.models[0].tamper = { message, attachments in
            switch (name, message.kind) {
            case ("wrongPreimage", .updateFulfillHTLC): message.payment.rawValue ^= 1
            case ("badSignature", .commitmentSigned): attachments.bytes(of: message.attachment)[0] ^= 1
            case ("closingFeeOutOfRange", .closingSigned): message.amount += 1
            default: break
            }
            return true
        }
        #expect { try simulation.run() } throws: { "\($0)".contains(name) }
    }
}
