/// Below which proportional fees the directions of a group are of use, as a search reads a row: numbers to compare with,
/// where a fee of each direction would have to be computed.
struct RowLimits {
    /// Where the group ends.
    let end: Int32
    /// A route over a direction may be as good as the best known.
    let most: UInt64
    /// The same where it leads to a node that the other side has not settled.
    let near: UInt64
    /// Nothing that waits comes before what the direction leads to.
    private(set) var waiting: UInt64

    private let key: UInt64
    private let amount: UInt64
    private let baseFee: UInt64

    /// Before the first group.
    static let none = RowLimits(end: .min, most: 0, near: 0, waiting: 0, key: 0, amount: 1, baseFee: 0)

    private init(
        end: Int32, most: UInt64, near: UInt64, waiting: UInt64, key: UInt64, amount: UInt64, baseFee: UInt64
    ) {
        (self.end, self.most, self.near, self.waiting) = (end, most, near, waiting)
        (self.key, self.amount, self.baseFee) = (key, amount, baseFee)
    }

    /// - Parameters:
    ///   - positions: what is to be read; the group is that of the first.
    ///   - surcharge: what each direction costs beyond its fee, at the least, msat.
    ///   - key: of the way to the node whose row it is; each of its directions makes it longer.
    ///   - best: the key of the best route known.
    ///   - rest: no way from a node that the other side has not settled to that side's end has a lower key.
    ///   - waiting: the least key that waits.
    @inline(__always)
    init(
        _ row: GraphLayout.Row, _ positions: Range<Int32>, after key: UInt64, forwarding amount: UInt64,
        surcharge: UInt64 = 0, best: UInt64, rest: UInt64, waiting: UInt64
    ) {
        let start = positions.lowerBound
        let baseFee = row.baseFeeMinimum(at: start) &+ surcharge
        func limit(_ limit: UInt64) -> UInt64 {
            Self.proportionalFee(from: key, to: limit, baseFee: baseFee, forwarding: amount)
        }
        self.init(
            end: start < row.dearStart ? min(row.dearStart, positions.upperBound) : positions.upperBound,
            most: limit(best), near: rest <= best ? limit(best &- rest) : 0, waiting: limit(waiting),
            key: key, amount: amount, baseFee: baseFee)
    }

    /// A node has been put among what waits.
    @inline(__always) mutating func wait(for reached: UInt64) {
        let limit = Self.proportionalFee(from: key, to: reached, baseFee: baseFee, forwarding: amount)
        waiting = min(waiting, limit)
    }

    /// The least proportional fee whose direction leads above a key; `UInt64.max` where none is known to.
    @inline(__always)
    private static func proportionalFee(
        from key: UInt64, to limit: UInt64, baseFee: UInt64, forwarding amount: UInt64
    ) -> UInt64 {
        guard limit > key else { return 0 }
        let fees = (limit &- key &- 1) >> 8
        guard fees >= baseFee else { return 0 }
        let spare = fees &- baseFee
        // Beyond 88 BTC the product might not fit; what is too dear then, the fee itself shows.
        guard spare < 1 << 43 else { return .max }
        return ((spare &+ 1) &* 1_000_000 &- 1) / amount &+ 1
    }
}

extension EdgeTable {
    /// What is left of a row waits until it may be among the best: the rest of the group that is being read and, where
    /// the row is read for the first time, the group after it.
    ///
    /// - Parameter wait: takes a key that nothing there leads below, and where it begins; not called for what leads
    ///   above the best.
    @inline(__always)
    func putOff(
        _ position: Int32, of row: GraphLayout.Row, isFirst: Bool, after key: UInt64,
        forwarding amount: UInt64, surcharge: UInt64 = 0, best: UInt64,
        _ wait: (_ bound: UInt64, _ position: Int32) -> Void
    ) {
        func putOff(_ position: Int32) {
            let proportional = fee(
                baseFee: 0, proportionalFee: heads[Int(position)].proportionalFee, forwarding: amount)
            let least = proportional &+ row.baseFeeMinimum(at: position) &+ surcharge
            guard least < feeCeiling else { return }
            let bound = key &+ 1 &+ least << 8
            if bound <= best, bound < feeCeiling << 8 { wait(bound, position) }
        }
        putOff(position)
        if isFirst, position < row.dearStart, row.dearStart < row.coreEnd { putOff(row.dearStart) }
    }
}
