import EventSimulation
import LightningTypes
import Randomness
import Snapshots

// Traffic in a checkpoint: how far each stream was drawn, and what was decided but has not started.

extension TrafficProcess {
    func write(to writer: inout SnapshotWriter) {
        writer.write(count)
        writer.write(lastStart)
        writer.write(timer != nil)
        writer.write(timer ?? 0)
        writer.write(drawn != nil)
        if let drawn { drawn.write(to: &writer) }
        source.write(to: &writer)
        circulation.write(to: &writer)
    }

    func read(from reader: inout SnapshotReader) throws(SnapshotError) {
        count = try reader.read()
        try reader.check(count <= PaymentToken.numberMaximum, "the number of payments")
        lastStart = try reader.read()
        let isSet = try reader.readFlag()
        let time = try reader.read(UInt64.self)
        timer = isSet ? time : nil
        drawn = nil
        if try reader.readFlag() {
            let payment = try PlannedPayment(from: &reader, in: world)
            try reader.check(payment.time >= 2 * world.lookahead, "the payment that comes next")
            drawn = payment
        }
        try source.read(from: &reader, seed: world.topology.seed)
        try circulation.read(from: &reader, in: world)
    }
}

extension PlannedPayment {
    fileprivate func write(to writer: inout SnapshotWriter) {
        writer.write(number)
        writer.write(time)
        writer.write(source)
        writer.write(destination)
        writer.write(amount.rawValue)
        writer.write(flow ?? -1)
    }

    fileprivate init(from reader: inout SnapshotReader, in world: NetworkWorld) throws(SnapshotError) {
        self.init(
            number: try reader.read(), time: try reader.read(), source: try reader.read(),
            destination: try reader.read(), amount: Millisatoshi(try reader.read()), flow: nil)
        let flow = try reader.read(Int32.self)
        if flow >= 0 { self.flow = flow }
        let nodes = 0..<Int32(world.nodeCount)
        try reader.check(
            nodes.contains(source) && nodes.contains(destination) && source != destination
                && number <= PaymentToken.numberMaximum && amount > .zero && flow >= -1
                && flow < Int32(world.flowCount),
            "a payment that is to come")
    }
}

extension TrafficSource {
    fileprivate func write(to writer: inout SnapshotWriter) {
        writer.write(count)
        writer.write(count: flows.count)
        for flow in flows {
            writer.write(flow.gaps.position)
            writer.write(flow.choices.position)
            writer.write(flow.next)
            guard let burst = flow.burst else { continue }
            writer.write(burst.stream.position)
            writer.write(burst.isOn)
            writer.write(burst.until)
        }
    }

    fileprivate mutating func read(from reader: inout SnapshotReader, seed: UInt64) throws(SnapshotError) {
        count = try reader.read()
        let isInTrace = flows.isEmpty ? count <= UInt64(trace.count) : true
        try reader.check(try reader.readCount(of: 24) == flows.count && isInTrace, "how far the traffic is")
        for (place, index) in indices.enumerated() {
            flows[place].resume(
                gaps: try reader.read(), choices: try reader.read(), next: try reader.readDouble(),
                seed: seed,
                index: index)
            try reader.check(flows[place].next >= 0, "the time of the next payment")
            guard let bursts = flows[place].flow.bursts else { continue }
            let stream = BurstState.stream(of: index, seed: seed, position: try reader.read())
            let burst = BurstState(
                bursts, isOn: try reader.readFlag(), until: try reader.readDouble(), stream)
            try reader.check(burst.until >= 0, "the end of a burst")
            flows[place].resume(burst: burst)
        }
    }
}

extension Circulation {
    fileprivate func write(to writer: inout SnapshotWriter) {
        writer.write(sequence)
        for (_, stream) in streams.sorted(by: { $0.key < $1.key }) { writer.write(stream.position) }
        writer.write(count: plans.items.count)
        for plan in plans.items.sorted(by: { $0.sequence < $1.sequence }) {
            plan.payment.write(to: &writer)
            writer.write(plan.purpose != nil)
            if let purpose = plan.purpose { purpose.write(to: &writer) }
            writer.write(plan.sequence)
        }
        writer.write(count: underway.count)
        for (number, payment) in underway.sorted(by: { $0.key < $1.key }) {
            writer.write(number)
            payment.purpose.write(to: &writer)
            writer.write(payment.destination)
            writer.write(payment.amount.rawValue)
        }
    }

    fileprivate mutating func read(
        from reader: inout SnapshotReader, in world: NetworkWorld
    ) throws(SnapshotError) {
        let sequence: UInt64 = try reader.read()
        for flow in streams.keys.sorted() {
            streams[flow] = Self.stream(of: flow, seed: world.topology.seed, position: try reader.read())
        }
        var plans: [Plan] = []
        for _ in 0..<(try reader.readCount(of: 41, "the number of planned payments")) {
            let payment = try PlannedPayment(from: &reader, in: world)
            let purpose = try reader.readFlag() ? try Purpose(from: &reader, in: world) : nil
            let place: UInt64 = try reader.read()
            try reader.check(
                place < sequence && plans.last.map { $0.sequence < place } ?? true
                    && payment.flow.map { streams[$0] != nil } ?? false, "a planned payment")
            plans.append(Plan(payment: payment, purpose: purpose, sequence: place))
        }
        var underway: [(UInt64, Underway)] = []
        for _ in 0..<(try reader.readCount(of: 29, "the number of payments underway")) {
            let number: UInt64 = try reader.read()
            let purpose = try Purpose(from: &reader, in: world)
            let payment = Underway(
                purpose: purpose, destination: try reader.read(), amount: Millisatoshi(try reader.read()))
            try reader.check(
                underway.last.map { $0.0 < number } ?? true
                    && (0..<Int32(world.nodeCount)).contains(payment.destination)
                    && streams[purpose.flow] != nil,
                "a payment underway")
            underway.append((number, payment))
        }
        restore(plans: plans, underway: underway, sequence: sequence)
    }
}

extension Circulation.Purpose {
    fileprivate func write(to writer: inout SnapshotWriter) {
        writer.write(flow)
        writer.write(origin)
        writer.write(isSwap)
    }

    fileprivate init(from reader: inout SnapshotReader, in world: NetworkWorld) throws(SnapshotError) {
        self.init(flow: try reader.read(), origin: try reader.read(), isSwap: try reader.readFlag())
        try reader.check(
            (0..<Int32(world.flowCount)).contains(flow) && (0..<Int32(world.nodeCount)).contains(origin),
            "whose money a payment is")
    }
}
