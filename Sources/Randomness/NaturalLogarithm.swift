/// The natural logarithm of a positive, finite, normal number, the same bits on every machine.
///
/// Only `+ - × ÷` and exact scaling by powers of two, so IEEE 754 fixes every bit; the C library's `log` differs
/// between machines in the last place. With x = m·2^e and m in [√½, √2), ln m = 2 artanh s for
/// s = (m − 1)/(m + 1), |s| ≤ 0.172, summed until the terms fall below 2^-56. Within 2 units in the last place.
public func naturalLogarithm(_ x: Double) -> Double {
    precondition(x.isNormal && x > 0, "the logarithm of \(x) is not defined here")
    var exponent = Double(x.exponent)
    var mantissa = x.significand
    if mantissa > 1.414_213_562_373_095 {
        mantissa *= 0.5
        exponent += 1
    }
    let s = (mantissa - 1) / (mantissa + 1)
    let square = s * s
    var series = 0.0
    var odd = 21
    while odd > 0 {
        series = series * square + 1 / Double(odd)
        odd -= 2
    }
    // ln 2 in two parts: the first has 32 trailing zero bits, so that exponent × high is exact.
    let high = 0.693_147_180_369_123_816_490
    let low = 1.908_214_929_270_587_700_02e-10
    return exponent * high + (2 * s * series + exponent * low)
}
