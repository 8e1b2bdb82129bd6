import ArgumentParser
import LightningTypes
import RunStore
import Topologies

/// The value of an option that says what it would have accepted; options read it by `transform: Value.read`.
protocol OptionValue: CustomStringConvertible {
    /// `a rate above zero`: what stands behind "expected".
    static var accepted: String { get }

    init?(_ text: String)
}

extension OptionValue {
    static func read(_ text: String) throws -> Self {
        guard let value = Self(text) else { throw ValidationError("expected \(accepted)") }
        return value
    }
}

/// Reads a whole number of this range; anything else is told the range.
func number(_ range: ClosedRange<UInt64>) -> @Sendable (String) throws -> UInt64 {
    { text in
        guard let value = UInt64(text), range.contains(value) else {
            throw ValidationError("expected a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }
}

/// What options of several commands accept.
enum OptionRange {
    static let threads: ClosedRange<UInt64> = 1...1_024
    static let shards: ClosedRange<UInt64> = 1...4_096
    static let payments: ClosedRange<UInt64> = 1...1_000_000_000_000
    static let nodes: ClosedRange<UInt64> = 0...10_000_000
    static let channels: ClosedRange<UInt64> = 1...50_000_000
    static let seed: ClosedRange<UInt64> = 0...UInt64.max
    static let millisatoshi: ClosedRange<UInt64> = 1...Satoshi.supplyMaximum.rawValue * 1_000
}

/// `250000` or `1000:100000`, in satoshis.
struct AmountValue: OptionValue {
    static let accepted = "satoshis, as 250000 or LOW:HIGH, at least 1 and at most 21 million bitcoin"

    let description: String
    let value: Topology.AmountDistribution

    init?(_ text: String) {
        description = text
        let numbers = text.split(separator: ":", omittingEmptySubsequences: false).map { UInt64($0) }
        let range = 1...Satoshi.supplyMaximum.rawValue
        switch numbers.count {
        case 1:
            guard let amount = numbers[0], range.contains(amount) else { return nil }
            value = .fixed(Millisatoshi(Satoshi(amount)))
        case 2:
            guard let low = numbers[0], let high = numbers[1], range.contains(low), range.contains(high),
                low <= high
            else { return nil }
            value = .uniform(lowest: Satoshi(low), highest: Satoshi(high))
        default: return nil
        }
    }
}

/// `7d`, `90s`: as a topology writes it.
struct DurationValue: OptionValue {
    static let accepted = "a time with its unit, as 7d, 12h, 30m or 90s"

    let description: String
    let value: Duration

    init?(_ text: String) {
        guard let value = parseDuration(text) else { return nil }
        description = text
        self.value = value
    }

    /// A time of some length.
    static func readPositive(_ text: String) throws -> Self {
        let duration = try read(text)
        guard duration.value > .zero else { throw ValidationError("expected a time above zero, as 90s") }
        return duration
    }
}

/// Payments per simulated second.
struct RateValue: OptionValue {
    static let accepted = "payments per simulated second, from 0.000001 to 1000000"

    let description: String
    let value: Double

    init?(_ text: String) {
        guard let value = Double(text), value >= 1e-6, value <= 1e6 else { return nil }
        description = text
        self.value = value
    }
}

/// `1:1000`, a lowest and a highest rate.
struct RateRangeValue: OptionValue {
    static let accepted = "LOW:HIGH in payments per simulated second, as 1:1000, the first below the second"

    let lowest: Double
    let highest: Double
    let description: String

    init?(_ text: String) {
        let rates = text.split(separator: ":", omittingEmptySubsequences: false)
            .map { RateValue(String($0))?.value }
        guard rates.count == 2, let lowest = rates[0], let highest = rates[1], lowest < highest else {
            return nil
        }
        self.lowest = lowest
        self.highest = highest
        description = text
    }
}

extension AttemptSampling: OptionValue {
    static var accepted: String { "all, none, or 1/N for every Nth payment" }
}
