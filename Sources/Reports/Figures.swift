import LightningTypes

/// Figures as people read them.
package enum Figures {
    /// `1,234,567`.
    package static func count(_ value: UInt64) -> String { grouped(value.description) }

    /// `−1,234`: a true minus sign, as wide as a plus.
    package static func count(_ value: Int64) -> String { (value < 0 ? "−" : "") + count(value.magnitude) }

    /// Millisatoshi as satoshis with three decimals or, rounded half up, with none.
    package static func satoshis(_ millisatoshis: Int64, decimals: Bool) -> String {
        let magnitude = millisatoshis.magnitude
        let digits: String
        if decimals {
            let rest = (magnitude % 1_000).description
            digits =
                "\(count(magnitude / 1_000)).\(String(repeating: "0", count: 3 - rest.utf8.count))\(rest)"
        } else {
            digits = count(magnitude / 1_000 + (magnitude % 1_000 >= 500 ? 1 : 0))
        }
        let isZero = digits.utf8.allSatisfy { $0 == UInt8(ascii: "0") || $0 == UInt8(ascii: ".") }
        return millisatoshis < 0 && !isZero ? "−" + digits : digits
    }

    package static func satoshis(_ amount: Millisatoshi, decimals: Bool) -> String {
        satoshis(Int64(clamping: amount.rawValue), decimals: decimals)
    }

    /// Satoshis in as many decimals as the amount has: `250` and `0.125`.
    package static func satoshis(_ amount: Millisatoshi) -> String {
        satoshis(amount, decimals: !amount.rawValue.isMultiple(of: 1_000))
    }

    /// A rate given for 1,000 weight, of which four are a virtual byte: `8.00`, `0.104`.
    package static func satoshisPerVirtualByte(_ feeratePerKiloweight: UInt64) -> String {
        let rate = Double(feeratePerKiloweight) / 250
        return decimal(rate, rate < 1 ? 3 : 2)
    }

    /// A fixed number of decimals, thousands grouped: `1,234.50`.
    package static func decimal(_ value: Double, _ places: Int) -> String {
        guard value.isFinite else { return "–" }
        var scale: UInt64 = 1
        for _ in 0..<places { scale *= 10 }
        let scaled = (value.magnitude * Double(scale)).rounded()
        guard scaled < 1e18 else { return value.description }
        let units = UInt64(scaled)
        var text = count(units / scale)
        if places > 0 {
            let rest = (units % scale).description
            text += "." + String(repeating: "0", count: places - rest.utf8.count) + rest
        }
        return (value < 0 && units > 0 ? "−" : "") + text
    }

    /// A fraction in per cent: 0.0512 is `5.12 %`; what rounds to nothing and is not, `< 0.01 %`.
    package static func percent(_ fraction: Double?, places: Int = 2) -> String {
        guard let fraction, fraction.isFinite else { return "–" }
        let percent = fraction * 100
        var smallest = 1.0
        for _ in 0..<places { smallest /= 10 }
        if percent > 0, percent < smallest / 2 { return "< \(decimal(smallest, places)) %" }
        return "\(decimal(percent, places)) %"
    }

    /// A rate of four or five figures at most: `873`, `12.4 k`, `1.32 M`; `0` where nothing happened at all.
    package static func rate(_ value: Double) -> String {
        switch value {
        case 0: "0"
        case ..<9.995: decimal(value, 2)
        case ..<9_999.5: decimal(value, value < 99.95 ? 1 : 0)
        case ..<999_950: "\(decimal(value / 1e3, 1)) k"
        default: "\(decimal(value / 1e6, 2)) M"
        }
    }

    /// A number of payments per second, or of an hour or day where that says more: `2.50 payments/s`,
    /// `40.0 payments/h`.
    package static func paymentRate(perSecond value: Double) -> String {
        if value >= 0.5 { return "\(rate(value)) payments/s" }
        if value * 3_600 >= 0.5 { return "\(rate(value * 3_600)) payments/h" }
        return "\(rate(value * 86_400)) payments/d"
    }

    /// The two largest units of a time: `6 d 23 h`, `1 h 07 min`, `12.0 s`, `35 ms`.
    package static func duration(microseconds: UInt64) -> String {
        // Rounded to the smaller unit shown first, so that 59.99 minutes are an hour.
        let seconds = (microseconds + 500_000) / 1_000_000
        let minutes = (seconds + 30) / 60
        let hours = (minutes + 30) / 60
        if microseconds < 999_500 { return "\((microseconds + 500) / 1_000) ms" }
        if microseconds < 59_950_000 { return "\(decimal(Double(microseconds) / 1e6, 1)) s" }
        if seconds < 3_600 { return pair(seconds / 60, "min", seconds % 60, "s") }
        if minutes < 1_440 { return pair(minutes / 60, "h", minutes % 60, "min") }
        return pair(hours / 24, "d", hours % 24, "h")
    }

    /// Minutes, hours or days, rounded, at least two of them: `67 simulated minutes`, `7 simulated days`.
    package static func simulatedTime(microseconds: UInt64) -> String {
        let seconds = (microseconds + 500_000) / 1_000_000
        let (value, unit): (UInt64, String) =
            switch seconds {
            case ..<120: (seconds, "second")
            case ..<(2 * 3_600): ((seconds + 30) / 60, "minute")
            case ..<(2 * 86_400): ((seconds + 1_800) / 3_600, "hour")
            default: ((seconds + 43_200) / 86_400, "day")
            }
        return "\(count(value)) simulated \(unit)\(value == 1 ? "" : "s")"
    }

    private static func pair(_ large: UInt64, _ largeUnit: String, _ small: UInt64, _ smallUnit: String)
        -> String
    {
        if small == 0 { return "\(count(large)) \(largeUnit)" }
        // Hours of a day stand bare; minutes and seconds have two digits.
        let padded = smallUnit != "h" && small < 10 ? "0\(small)" : small.description
        return "\(count(large)) \(largeUnit) \(padded) \(smallUnit)"
    }

    /// `1 node`, `2 nodes`.
    package static func counted(_ value: UInt64, _ noun: String) -> String {
        "\(count(value)) \(noun)\(value == 1 ? "" : "s")"
    }

    private static func grouped(_ digits: String) -> String {
        var result = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.utf8.count - index).isMultiple(of: 3) { result.append(",") }
            result.append(digit)
        }
        return result
    }
}
