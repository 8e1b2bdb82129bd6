/// Numbers as this format writes them, read strictly: what one reader calls octal, another a float and a
/// third a name must not depend on a library's taste.
enum NumberText {
    /// Why a text is no whole number of the range wanted.
    enum Fault: Error, Equatable {
        case negative
        case fraction
        case leadingZero
        case overflow
        case notANumber
    }

    /// Decimal digits, with single underscores between digits if wanted (`1_000_000`); no sign, no leading
    /// zero, no exponent.
    static func unsigned(_ text: String) throws(Fault) -> UInt64 {
        let bytes = Array(text.utf8)
        guard let first = bytes.first else { throw .notANumber }
        if first == UInt8(ascii: "-"), bytes.count > 1, bytes[1...].allSatisfy(isDigit) { throw .negative }
        guard isDigit(first) else { throw .notANumber }
        var value: UInt64 = 0
        var previousIsDigit = false
        for (position, byte) in bytes.enumerated() {
            if byte == UInt8(ascii: "_"), previousIsDigit, position + 1 < bytes.count {
                previousIsDigit = false
                continue
            }
            guard isDigit(byte) else {
                throw decimal(text) == nil ? .notANumber : .fraction
            }
            previousIsDigit = true
            let product = value.multipliedReportingOverflow(by: 10)
            let sum = product.partialValue.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
            if product.overflow || sum.overflow { throw .overflow }
            value = sum.partialValue
        }
        if first == UInt8(ascii: "0"), bytes.count > 1 { throw .leadingZero }
        return value
    }

    /// A finite decimal number, `0.25`, `2_000` or `1e-3`; no hexadecimal, no `nan`, no `inf`.
    static func decimal(_ text: String) -> Double? {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, isDigit(first) || first == UInt8(ascii: "-"),
            bytes.allSatisfy({ isDigit($0) || "eE+-._".utf8.contains($0) })
        else { return nil }
        for (position, byte) in bytes.enumerated() where byte == UInt8(ascii: "_") {
            guard position + 1 < bytes.count, isDigit(bytes[position - 1]), isDigit(bytes[position + 1])
            else {
                return nil
            }
        }
        guard let value = Double(text.replacing("_", with: "")), value.isFinite else { return nil }
        return value
    }

    /// The exact number of units of `10^-places` in a decimal such as `1.25`; nil for anything else, for more
    /// places than that (zeros aside) and on overflow.
    static func scaled(_ text: some StringProtocol, places: Int) -> UInt64? {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count <= 2, !parts[0].isEmpty, parts.allSatisfy({ $0.allSatisfy(isDigit) }) else {
            return nil
        }
        var fraction = parts.count == 2 ? Array(parts[1]) : []
        if parts.count == 2, fraction.isEmpty { return nil }
        while fraction.count > places, fraction.last == UInt8(ascii: "0") { fraction.removeLast() }
        guard fraction.count <= places else { return nil }
        fraction += Array(repeating: UInt8(ascii: "0"), count: places - fraction.count)
        var value: UInt64 = 0
        for byte in Array(parts[0]) + fraction {
            let product = value.multipliedReportingOverflow(by: 10)
            let sum = product.partialValue.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
            if product.overflow || sum.overflow { return nil }
            value = sum.partialValue
        }
        return value
    }

    static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    // MARK: Writing

    /// `4,000,000`; of what is larger than anything counted the power of ten alone: `10^18`.
    static func grouped(_ number: Double) -> String {
        guard number < 1e15 else {
            return "10^\(exponent(of: number))"
        }
        var digits = String(UInt64(max(number, 0).rounded()))
        var result = ""
        while digits.count > 3 {
            result = "," + digits.suffix(3) + result
            digits.removeLast(3)
        }
        return digits + result
    }

    /// The exponent of the power of ten below.
    private static func exponent(of number: Double) -> Int {
        var (rest, exponent) = (number, 0)
        while rest >= 10, exponent < 400 {
            rest /= 10
            exponent += 1
        }
        return exponent
    }

    /// `1.5 GB`, `48 GB`, `90 MB`.
    static func gigabytes(_ bytes: Double) -> String {
        if bytes < 1e9 { return "\(grouped((bytes / 1e6).rounded())) MB" }
        let tenths = (bytes / 1e8).rounded()
        if tenths >= 100 || tenths.remainder(dividingBy: 10) == 0 {
            return "\(grouped((bytes / 1e9).rounded())) GB"
        }
        return "\(grouped((tenths / 10).rounded(.down))).\(Int(tenths) % 10) GB"
    }

    /// Two digits, the others zero: an estimate.
    static func rounded(_ number: Double) -> Double {
        var scale = 1.0
        while number / scale >= 100 { scale *= 10 }
        return (number / scale).rounded(.down) * scale
    }
}
