/// A stream of random numbers owned by one process for one purpose.
///
/// Streams are keyed by (seed, purpose, process): which shard a process stands on, how many others there are
/// and what they draw changes nothing. The same draws come out on every machine: integers and plain IEEE 754
/// arithmetic only, never the C library's `log` or `exp`.
///
///     var stream = RandomStream(seed: 1, purpose: .init("balances"), process: 42)
///     let sat = stream.below(1_000_000)
public struct RandomStream: Sendable {
    /// What a stream is for, named so that two purposes never share draws.
    public struct Purpose: Sendable, Hashable {
        let rawValue: UInt32

        /// FNV-1a of the name. Purposes of one program must differ; a test compares those in use.
        public init(_ name: StaticString) {
            rawValue = name.withUTF8Buffer { bytes in
                bytes.reduce(0x811C_9DC5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
            }
        }
    }

    private let key: (UInt32, UInt32)
    private let purpose: UInt32
    private let process: UInt32
    /// The number of the next draw: so many were taken, and `init` resumes there.
    public private(set) var position: UInt64
    /// The second half of the last block, drawn when `position` is odd.
    private var spare: UInt64 = 0

    /// - Parameters:
    ///   - process: below 2^32; the index of the process, channel or period that owns the stream.
    ///   - position: the number of draws already taken, so that a stream can be resumed.
    public init(seed: UInt64, purpose: Purpose, process: UInt64, position: UInt64 = 0) {
        precondition(process <= UInt64(UInt32.max), "a stream's process index has 32 bits")
        key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
        self.purpose = purpose.rawValue
        self.process = UInt32(process)
        self.position = position & ~1
        if position & 1 == 1 { _ = next() }
    }

    /// The next 64 random bits.
    public mutating func next() -> UInt64 {
        defer { position &+= 1 }
        guard position & 1 == 0 else { return spare }
        let number = position >> 1
        let block = Philox4x32.block(
            counter: (
                UInt32(truncatingIfNeeded: number), UInt32(truncatingIfNeeded: number >> 32), purpose, process
            ), key: key)
        spare = UInt64(block.3) << 32 | UInt64(block.2)
        return UInt64(block.1) << 32 | UInt64(block.0)
    }

    /// Uniform over 0 ..< `bound`, without bias (Lemire, "Fast random integer generation in an interval", 2019).
    public mutating func below(_ bound: UInt64) -> UInt64 {
        precondition(bound > 0, "no number is below zero")
        var product = next().multipliedFullWidth(by: bound)
        if product.low < bound {
            let rejected = (0 &- bound) % bound
            while product.low < rejected { product = next().multipliedFullWidth(by: bound) }
        }
        return product.high
    }

    /// Uniform over `range`, both ends included.
    public mutating func within(_ range: ClosedRange<UInt64>) -> UInt64 {
        let width = range.upperBound - range.lowerBound
        return width == .max ? next() : range.lowerBound + below(width + 1)
    }

    /// Uniform over [0, 1): a multiple of 2^-53.
    public mutating func unitInterval() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// Exponential with mean 1.
    public mutating func exponential() -> Double {
        -naturalLogarithm(1 - unitInterval())
    }

    /// Normal with mean 0 and variance 1 (Marsaglia and Bray's polar method; the second value of a pair is not kept).
    public mutating func normal() -> Double {
        while true {
            let x = 2 * unitInterval() - 1
            let y = 2 * unitInterval() - 1
            let square = x * x + y * y
            // IEEE 754 fixes every bit of a square root.
            if square > 0x1p-100, square < 1 {
                return x * (-2 * naturalLogarithm(square) / square).squareRoot()
            }
        }
    }

    /// The index i with probability (`sums[i]` − `sums[i − 1]`) ÷ the last sum; O(log n).
    ///
    /// - Parameter sums: running totals of the weights, the last above zero.
    public mutating func index(bySums sums: [Double]) -> Int {
        guard let total = sums.last, total > 0 else { preconditionFailure("weights come to something") }
        let target = unitInterval() * total
        var low = 0
        var high = sums.count - 1
        while low < high {
            let middle = (low + high) / 2
            if sums[middle] > target { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Puts `items` in an order drawn evenly from all of them (Fisher and Yates).
    public mutating func shuffle<Item>(_ items: inout [Item]) {
        for last in stride(from: items.count - 1, to: 0, by: -1) {
            items.swapAt(last, Int(below(UInt64(last + 1))))
        }
    }
}
