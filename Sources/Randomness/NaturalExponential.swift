/// e^x, the same bits on every machine; zero below −700, and for x above 700 the value there.
///
/// Only `+ - × ÷` and exact scaling by powers of two, as in `naturalLogarithm`. With x = k ln 2 + r and |r| ≤ ½ ln 2,
/// e^x = 2^k e^r, the latter by its series to r^14. Within a few units in the last place.
public func naturalExponential(_ x: Double) -> Double {
    guard x > -700 else { return 0 }
    let x = min(x, 700)
    let k = (x / 0.693_147_180_559_945_3).rounded()
    // ln 2 in the two parts that `naturalLogarithm` uses.
    let r = (x - k * 0.693_147_180_369_123_816_490) - k * 1.908_214_929_270_587_700_02e-10
    var series = 1.0
    for n in stride(from: 14.0, through: 1, by: -1) { series = 1 + r / n * series }
    return Double(sign: .plus, exponent: Int(k), significand: series)
}
