import Cryptography
import LightningTypes
import Settlement
import Snapshots

// What a checkpoint keeps of a tower and of its clients.
extension Watchtower {
    public func write(to writer: inout SnapshotWriter) {
        writer.write(height.rawValue)
        writer.write(count: appointments.count)
        for (_, appointment) in appointments.sorted(by: { $0.key < $1.key }) {
            appointment.write(to: &writer)
        }
        writer.write(count: open.count)
        for answer in open {
            answer.penalty.write(to: &writer)
            writer.write(answer.seen.rawValue)
            writer.write(UInt64(answer.rate.map { $0 + 1 } ?? 0))
            writer.write(answer.spent != nil)
            writer.write(answer.spent?.rawValue ?? 0)
        }
    }

    /// A tower as it was written.
    public init(from reader: inout SnapshotReader) throws(SnapshotError) {
        self.init()
        height = BlockHeight(try reader.read())
        for _ in 0..<(try reader.readCount(of: 40, "the number of appointments")) {
            accept(try TowerAppointment(from: &reader))
        }
        for _ in 0..<(try reader.readCount(of: 60, "the number of answers")) {
            let penalty = try TowerAppointment.Penalty(from: &reader)
            let seen = BlockHeight(try reader.read())
            let rate = try reader.read(UInt64.self)
            try reader.check(rate <= UInt64(penalty.choices.count), "the rate of a penalty")
            let isSpent = try reader.readFlag()
            let spent = BlockHeight(try reader.read())
            open.append(
                Answer(
                    penalty: penalty, seen: seen, rate: rate == 0 ? nil : Int(rate) - 1,
                    spent: isSpent ? spent : nil))
        }
    }
}

extension TowerClient {
    public func write(to writer: inout SnapshotWriter) {
        writer.write(count: signed.count)
        for (number, commitment) in signed {
            writer.write(number)
            commitment.write(to: &writer)
        }
        writer.write(count: waiting.count)
        for appointment in waiting { appointment.write(to: &writer) }
    }

    /// Takes a client of the same channel and tower to the state written.
    public mutating func read(from reader: inout SnapshotReader) throws(SnapshotError) {
        signed = []
        for _ in 0..<(try reader.readCount(of: 26, "the number of signed commitments")) {
            let number = try reader.read(UInt64.self)
            signed.append((number, try CommitmentTransaction(from: &reader)))
        }
        waiting = []
        for _ in 0..<(try reader.readCount(of: 40, "the number of appointments")) {
            waiting.append(try TowerAppointment(from: &reader))
        }
    }
}

extension TowerAppointment {
    fileprivate func write(to writer: inout SnapshotWriter) {
        writer.write(commitment.bytes)
        writer.write(count: penalties.count)
        for penalty in penalties { penalty.write(to: &writer) }
    }

    fileprivate init(from reader: inout SnapshotReader) throws(SnapshotError) {
        commitment = try reader.readTransactionID()
        penalties = []
        for _ in 0..<(try reader.readCount(of: 44, "the number of penalties")) {
            penalties.append(try Penalty(from: &reader))
        }
    }
}

extension TowerAppointment.Penalty {
    fileprivate func write(to writer: inout SnapshotWriter) {
        writer.write(outpoint)
        writer.write(count: choices.count)
        for choice in choices {
            writer.write(choice.feerate)
            writer.write(choice.transaction)
        }
    }

    fileprivate init(from reader: inout SnapshotReader) throws(SnapshotError) {
        outpoint = try reader.readOutpoint()
        choices = []
        for _ in 0..<(try reader.readCount(of: 16, "the number of rates")) {
            let feerate = try reader.read(UInt64.self)
            choices.append(
                TowerAppointment.Choice(feerate: feerate, transaction: try reader.readTransaction()))
        }
        try reader.check(!choices.isEmpty, "a penalty without a transaction")
    }
}

extension CommitmentTransaction {
    /// Unsigned, as it is.
    public func write(to writer: inout SnapshotWriter) {
        writer.write(transaction)
        writer.write(fee.rawValue)
        writer.write(hasAnchors)
        writer.write(count: secondStage.count)
        for second in secondStage { writer.write(second) }
    }

    public init(from reader: inout SnapshotReader) throws(SnapshotError) {
        transaction = try reader.readTransaction()
        fee = Satoshi(try reader.read())
        hasAnchors = try reader.readFlag()
        secondStage = []
        for _ in 0..<(try reader.readCount(of: 80, "the number of second-stage transactions")) {
            let second = try reader.readTransaction()
            try reader.check(
                second.inputs.count == 1 && second.outputs.count == 1, "a second-stage transaction")
            secondStage.append(second)
        }
    }
}
