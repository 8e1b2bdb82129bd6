/// A distribution given by some of its quantiles, linear between them. Two points at one share are a step.
///
/// Plain IEEE arithmetic: the same value on every machine.
struct QuantileTable {
    private let points: [(share: Double, value: Double)]

    /// - Parameter points: shares ascending from 0 to 1, values ascending.
    init(_ points: [(share: Double, value: Double)]) {
        precondition(points.count > 1 && points[0].share == 0 && points[points.count - 1].share == 1)
        precondition(
            zip(points, points.dropFirst()).allSatisfy { $0.share <= $1.share && $0.value <= $1.value })
        self.points = points
    }

    /// The value below which `share` of the distribution lies, to the nearest whole number.
    func value(at share: Double) -> UInt64 {
        var upper = 1
        while upper < points.count - 1, points[upper].share <= share { upper += 1 }
        let (low, high) = (points[upper - 1], points[upper])
        let width = high.share - low.share
        let part = width > 0 ? (share - low.share) / width : 1
        return UInt64(low.value + min(max(part, 0), 1) * (high.value - low.value) + 0.5)
    }

    /// A value for each score: the quantiles in equal steps, in the order of the scores, the earlier first among equals.
    /// O(n log n).
    func dealt(by scores: [Double]) -> [UInt64] {
        var order = scores.enumerated().map { (score: $1, index: $0) }
        order.sort { $0.score < $1.score || $0.score == $1.score && $0.index < $1.index }
        var values = [UInt64](repeating: 0, count: scores.count)
        for (place, item) in order.enumerated() {
            values[item.index] = value(at: (Double(place) + 0.5) / Double(scores.count))
        }
        return values
    }
}
