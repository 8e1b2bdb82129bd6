import LightningTypes
import PaymentChannels
import Routing
import Snapshots

/// Where restored payments lie, by their tokens.
struct PaymentPlaces {
    var places: [UInt64: (process: UInt32, slot: UInt32)] = [:]
}

// Payments under way, in order of their tokens, before the HTLCs that carry their parts; what payees hold; and what
// payers have learned.
extension NetworkSimulation {
    func savePayments(to writer: inout SnapshotWriter) {
        var all: [(process: UInt32, payment: OwnPayment)] = []
        for model in simulation.models {
            for (_, payment) in model.payments.all {
                guard let part = payment.parts.first else { preconditionFailure("a payment has no part") }
                let first = model.parts[part].route.hops[0].direction
                all.append((world.owners[Int(first.rawValue)], payment))
            }
        }
        all.sort { $0.payment.token.rawValue < $1.payment.token.rawValue }
        writer.write(count: all.count)
        for (process, payment) in all {
            writer.write(process)
            payment.write(to: &writer)
        }
    }

    func restorePayments(from reader: inout SnapshotReader) throws(SnapshotError) -> PaymentPlaces {
        var payments = PaymentPlaces()
        for _ in 0..<(try reader.readCount(of: 60, "the number of payments")) {
            let process = try reader.read(UInt32.self)
            try reader.check(Int(process) < world.nodeCount, "a payer")
            let payment = try OwnPayment(from: &reader, in: world)
            let slot = simulation.model(of: process).payments.insert(payment)
            let isNew = payments.places.updateValue((process, slot), forKey: payment.token.rawValue) == nil
            try reader.check(isNew, "the token of a payment")
        }
        return payments
    }

    /// Every payment has parts under way that do not exceed it; every payee's set is whole.
    func joinParts(
        _ payments: PaymentPlaces, _ held: [HTLCLinks.HeldPart], _ reader: borrowing SnapshotReader
    ) throws(SnapshotError) {
        for (process, slot) in payments.places.values {
            let model = simulation.model(of: process)
            let payment = model.payments[slot]
            var sum = payment.settled
            for part in payment.parts {
                let amount = model.parts[part].route.amountDelivered
                try reader.check(amount <= payment.amount, "the amount of a part")
                sum += amount
            }
            try reader.check(!payment.parts.isEmpty && sum <= payment.amount, "the parts of a payment")
        }
        for part in held.sorted(by: { ($0.payment, $0.order) < ($1.payment, $1.order) }) {
            let model = simulation.model(of: world.owners[Int(part.end.rawValue)])
            var set = model.held[part.payment] ?? HeldParts(total: part.total)
            try reader.check(set.total == part.total && Int(part.order) == set.parts.count, "a part held")
            set.parts.append((part.place, part.end))
            model.held[part.payment] = set
        }
    }
}

extension OwnPayment {
    fileprivate func write(to writer: inout SnapshotWriter) {
        writer.write(token.rawValue)
        writer.write(destination)
        writer.write(amount.rawValue)
        writer.write(startedAt)
        writer.write(attempts)
        writer.write(failedAttempts)
        writer.write(count: excluded.count)
        for exclusion in excluded {
            writer.write(exclusion.direction.rawValue)
            writer.write(exclusion.amount.rawValue)
        }
        writer.write(lastFailure?.rawValue ?? .max)
        writer.write(givenUp?.rawValue ?? .max)
        writer.write(settled.rawValue)
        writer.write(fee.rawValue)
        writer.write(hops)
    }

    fileprivate init(from reader: inout SnapshotReader, in world: NetworkWorld) throws(SnapshotError) {
        token = PaymentToken(rawValue: try reader.read())
        destination = try reader.read()
        try reader.check(destination >= 0 && Int(destination) < world.nodeCount, "a destination")
        amount = Millisatoshi(try reader.read())
        startedAt = try reader.read()
        attempts = try reader.read()
        failedAttempts = try reader.read()
        let limit = Millisatoshi(Satoshi.supplyMaximum)
        try reader.check(attempts > 0 && amount > .zero && amount <= limit, "a payment under way")
        for _ in 0..<(try reader.readCount(of: 12, "the number of exclusions")) {
            let direction = try reader.readEnd(below: world.endCount)
            excluded.append(Exclusion(direction, from: Millisatoshi(try reader.read())))
        }
        lastFailure = try Self.readFailure(from: &reader)
        givenUp = try Self.readFailure(from: &reader)
        settled = Millisatoshi(try reader.read())
        fee = Millisatoshi(try reader.read())
        hops = try reader.read()
        try reader.check(settled <= amount && fee <= limit, "the amounts of a payment")
    }

    private static func readFailure(from reader: inout SnapshotReader) throws(SnapshotError) -> FailureName? {
        let number = try reader.read(UInt8.self)
        let failure = FailureName(rawValue: number)
        try reader.check(failure != nil || number == .max, "a failure")
        return failure
    }
}

extension OwnPart {
    func write(to writer: inout SnapshotWriter) {
        writer.write(number)
        writer.write(startedAt)
        writer.write(count: route.hops.count)
        for hop in route.hops {
            writer.write(hop.direction.rawValue)
            writer.write(hop.amount.rawValue)
            writer.write(hop.cltvExpiryDelta)
        }
    }

    init(
        of payment: UInt32, from reader: inout SnapshotReader, in world: NetworkWorld
    ) throws(SnapshotError) {
        self.payment = payment
        number = try reader.read()
        startedAt = try reader.read()
        var hops: [RouteHop] = []
        for _ in 0..<(try reader.readCount(of: 16, "the number of hops")) {
            hops.append(
                RouteHop(
                    direction: try reader.readEnd(below: world.endCount),
                    amount: Millisatoshi(try reader.read()),
                    cltvExpiryDelta: try reader.read()))
        }
        try reader.check(!hops.isEmpty && hops.count < 256, "the hops of a route")
        // A route's fee is what its first HTLC carries beyond its last.
        try reader.check(hops[0].amount >= hops[hops.count - 1].amount, "the amounts of a route")
        route = Route(hops: hops)
    }
}

extension Beliefs {
    func write(to writer: inout SnapshotWriter) {
        let words = words
        writer.write(count: words.count)
        for word in words { writer.write(word) }
    }

    init(from reader: inout SnapshotReader, in world: NetworkWorld) throws(SnapshotError) {
        var words: [UInt32] = []
        for _ in 0..<(try reader.readCount(of: 4, "the size of what was learned")) {
            words.append(try reader.read())
        }
        guard let beliefs = Beliefs(words: words, directionCount: world.endCount) else {
            throw reader.implausible("what was learned")
        }
        self = beliefs
    }
}
