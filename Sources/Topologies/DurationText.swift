/// Reads a stretch of time as a topology writes it: a decimal number and a unit, `7d`, `2h`, `15m`, `90s`,
/// `10ms`, `250us`, `0.5h`.
///
/// Nil for anything else: no unit, a sign, more than 100 years, or a fraction of a microsecond, the engine's
/// unit of time. The result is exact.
public func parseDuration(_ text: some StringProtocol) -> Duration? {
    let ending = text.drop { !$0.isLetter }
    guard let unit = durationUnits.first(where: { $0.name == ending }) else { return nil }
    // Six decimal places of any unit, as long as they come to whole microseconds.
    guard let scaled = NumberText.scaled(text.dropLast(unit.name.count), places: 6) else { return nil }
    let product = scaled.multipliedFullWidth(by: unit.microseconds)
    guard product.high < 1_000_000 else { return nil }
    let (microseconds, remainder) = UInt64(1_000_000).dividingFullWidth(product)
    guard remainder == 0, microseconds <= durationMaximum.inMicroseconds else { return nil }
    return .microseconds(microseconds)
}

/// The largest first.
private let durationUnits: [(name: String, microseconds: UInt64)] = [
    ("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000),
    ("us", 1),
]

/// 100 years: far beyond any run, and far below what 64 bits of microseconds hold.
let durationMaximum = Duration.seconds(36_500 * 86_400)

extension Topology {
    /// The latest moment at which a payment may start, or a channel open or close.
    public var timeMaximum: Duration { layerOne.timeMaximum }
}

extension Topology.LayerOne {
    /// 100 years, or the whole days of 2^31 blocks where these come faster. A height has 32 bits; the other half of
    /// them is for what the run still has to bring to an end then.
    var timeMaximum: Duration {
        let days = (blockInterval * (1 << 31)).components.seconds / 86_400
        return min(durationMaximum, .seconds(days * 86_400))
    }
}

extension Duration {
    /// Whole microseconds; what a topology holds has no fraction of one.
    var inMicroseconds: UInt64 {
        let (seconds, attoseconds) = components
        precondition(seconds >= 0 && attoseconds >= 0, "a duration of a topology is never negative")
        return UInt64(seconds) * 1_000_000 + UInt64(attoseconds / 1_000_000_000_000)
    }

    /// As a topology writes it, in the largest unit that keeps it whole: `90s`, `6h`, `7d`.
    var inWords: String {
        let microseconds = inMicroseconds
        let unit = durationUnits.first { microseconds.isMultiple(of: $0.microseconds) && microseconds > 0 }
        guard let unit else { return "0s" }
        return "\(microseconds / unit.microseconds)\(unit.name)"
    }
}
