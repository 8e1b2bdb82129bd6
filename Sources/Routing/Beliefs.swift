import LightningTypes

/// What one payer has learned of other nodes' channels: the last success and the last failure in each direction.
///
/// Facts only; what they mean is for a reading of them: `LiquidityBounds` as LDK's scorer would, `MissionControl` as
/// lnd would. Amounts are kept in whole satoshis, rounded down: a payer then believes in a little less than it saw.
/// At most `directionsMaximum` directions are kept, 20 bytes each; where there are more, the one that was heard of
/// longest ago is forgotten. A payer who never paid holds no memory but the array's header.
///
/// Invariant: entries stand in order of direction; in each, the success is below the failure.
public struct Beliefs: Sendable, Equatable {
    /// One direction's last outcomes.
    struct Entry: BitwiseCopyable, Sendable, Equatable {
        var direction: DirectionIndex
        /// Seconds of simulated time; zero: never, since a payment takes longer to come back than from zero to one.
        var successTime: UInt32
        var failureTime: UInt32
        /// Satoshis.
        var success: UInt32
        var failure: UInt32

        var latest: UInt32 { max(successTime, failureTime) }
    }

    /// A failure that would raise the failing amount counts only this many seconds after the last, as in lnd
    /// (`minFailureRelaxInterval`): outcomes of one payment's attempts may come in out of order.
    static let relaxInterval: UInt32 = 60

    private(set) var entries: [Entry] = []
    /// The most directions remembered.
    public let directionsMaximum: Int

    public init(directionsMaximum: Int = 256) {
        precondition(directionsMaximum > 0, "a memory for something")
        self.directionsMaximum = directionsMaximum
    }

    /// How many directions something is remembered of.
    public var count: Int { entries.count }

    /// Bytes held, the array's header included.
    public var memorySize: Int {
        MemoryLayout<Self>.size
            + (entries.capacity == 0 ? 0 : 32 + entries.capacity * MemoryLayout<Entry>.stride)
    }

    /// All of it as numbers, from which `init(words:)` makes the same again.
    public var words: [UInt32] {
        entries.flatMap {
            [$0.direction.rawValue, $0.successTime, $0.failureTime, $0.success, $0.failure]
        }
    }

    /// Nil where the numbers are none that `words` could give for a graph of so many directions.
    public init?(words: [UInt32], directionCount: Int, directionsMaximum: Int = 256) {
        self.init(directionsMaximum: directionsMaximum)
        guard words.count.isMultiple(of: 5), words.count <= 5 * directionsMaximum else { return nil }
        entries.reserveCapacity(words.count / 5)
        for start in stride(from: 0, to: words.count, by: 5) {
            let entry = Entry(
                direction: DirectionIndex(words[start]), successTime: words[start + 1],
                failureTime: words[start + 2], success: words[start + 3], failure: words[start + 4])
            guard entry.direction.channel < directionCount / 2,
                entries.last.map({ $0.direction < entry.direction }) ?? true
            else { return nil }
            entries.append(entry)
        }
    }

    /// An HTLC of `amount` went through this direction, whether the payment then settled or not.
    ///
    /// - Parameter seconds: simulated time.
    public mutating func recordSuccess(
        _ direction: DirectionIndex, _ amount: Millisatoshi, at seconds: UInt32
    ) {
        change(direction) { entry in
            entry.successTime = max(seconds, 1)
            entry.success = max(entry.success, Self.satoshis(amount))
            if entry.failureTime > 0, entry.success >= entry.failure {
                entry.failure = entry.success == .max ? .max : entry.success + 1
            }
        }
    }

    /// This direction refused an HTLC of `amount` for want of balance.
    public mutating func recordFailure(
        _ direction: DirectionIndex, _ amount: Millisatoshi, at seconds: UInt32
    ) {
        change(direction) { entry in
            let failure = Self.satoshis(amount)
            if entry.failureTime > 0, failure > entry.failure,
                seconds < entry.failureTime + Self.relaxInterval
            {
                return
            }
            entry.failureTime = max(seconds, 1)
            entry.failure = failure
            if entry.success >= failure { entry.success = failure == 0 ? 0 : failure - 1 }
        }
    }

    private static func satoshis(_ amount: Millisatoshi) -> UInt32 {
        UInt32(clamping: amount.roundedDown.rawValue)
    }

    private mutating func change(_ direction: DirectionIndex, _ change: (inout Entry) -> Void) {
        var position = firstPosition(from: direction)
        if position == entries.count || entries[position].direction != direction {
            if entries.count == directionsMaximum {
                let oldest = entries.indices.min { entries[$0].latest < entries[$1].latest }!
                entries.remove(at: oldest)
                if oldest < position { position -= 1 }
            } else if entries.count == entries.capacity {
                // Small steps and never past the bound: most payers learn little, and there are many of them.
                entries.reserveCapacity(min(entries.count + entries.count / 2 + 4, directionsMaximum))
            }
            entries.insert(
                Entry(direction: direction, successTime: 0, failureTime: 0, success: 0, failure: 0),
                at: position)
        }
        change(&entries[position])
    }

    /// What is remembered of a direction. O(log directions)
    @inline(__always) func entry(_ direction: DirectionIndex) -> Entry? {
        guard !entries.isEmpty else { return nil }
        let position = firstPosition(from: direction)
        guard position < entries.count, entries[position].direction == direction else { return nil }
        return entries[position]
    }

    private func firstPosition(from direction: DirectionIndex) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].direction < direction { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
