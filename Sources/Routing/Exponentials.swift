/// The logarithm and the exponential of cost models: the same bits on every machine, unlike the C library's.
///
/// Only `+ - × ÷` and exact scaling by powers of two, which IEEE 754 fixes to the bit. A few units in the last place
/// wrong, which models do not notice; about ten nanoseconds, which searches do.
enum Exponentials {
    private static let naturalLogarithmOfTwo = 0.693_147_180_559_945_3

    /// ln x for a positive, normal x.
    ///
    /// With x = m·2^e and m in [√½, √2), ln m = 2 artanh s for s = (m − 1)/(m + 1), |s| ≤ 0.172.
    @inline(__always)
    static func log(_ x: Double) -> Double {
        // By its bits: the properties of `Double` for both are calls.
        var exponent = Double(Int(x.bitPattern >> 52) - 1_023)
        var mantissa = Double(bitPattern: x.bitPattern & 0x000F_FFFF_FFFF_FFFF | 0x3FF0_0000_0000_0000)
        if mantissa > 1.414_213_562_373_095 {
            mantissa *= 0.5
            exponent += 1
        }
        let s = (mantissa - 1) / (mantissa + 1)
        let t = s * s
        let series =
            1 + t
            * (1.0 / 3 + t
                * (1.0 / 5 + t
                    * (1.0 / 7 + t * (1.0 / 9 + t * (1.0 / 11 + t * (1.0 / 13 + t * (1.0 / 15)))))))
        return exponent * naturalLogarithmOfTwo + 2 * s * series
    }

    /// e^x; zero below −700, and for x above 700 the value there.
    ///
    /// With x = k ln 2 + r and |r| ≤ ½ ln 2, e^x = 2^k e^r, the latter by its series to r^13.
    @inline(__always)
    static func exp(_ x: Double) -> Double {
        guard x > -700 else { return 0 }
        let x = min(x, 700)
        // The nearest whole number: `rounded()` is a call where the processor is not known to have it.
        let quotient = x / naturalLogarithmOfTwo
        let exponent = Int(quotient + (quotient < 0 ? -0.5 : 0.5))
        let r = x - Double(exponent) * naturalLogarithmOfTwo
        var term = 1.0
        for n in stride(from: 13.0, through: 1, by: -1) { term = 1 + r / n * term }
        // At most 1,010, so that the power is a normal number.
        return term * Double(bitPattern: UInt64(1_023 + exponent) << 52)
    }
}
