/// How much memory there is for a network, and what networks take: asked before any is taken, for a line of a file can
/// describe millions of nodes.
public struct MemoryAllowance: Sendable {
    /// What a network is read for.
    public enum Purpose: Sendable {
        case run
        /// To describe it, or to find routes in it.
        case look
    }

    public var bytes: Double
    /// Whose limit it is: `this machine has`, `'ulimit -v' leaves`.
    public var owner: String
    public var purpose: Purpose

    public init(bytes: Double, owner: String, purpose: Purpose) {
        self.bytes = bytes
        self.owner = owner
        self.purpose = purpose
    }

    /// The program itself, its database and its reports.
    private static let bytesOfProgram = 60e6

    /// What a network takes at the most at one time; measured, docs/PERFORMANCE.md.
    public func bytes(nodes: Double, channels: Double) -> Double {
        switch purpose {
        case .run: Self.bytesOfProgram + 1_000 * nodes + 2_000 * channels
        case .look: Self.bytesOfProgram + 300 * nodes + 450 * channels
        }
    }

    /// Why a network, or one as large as a run makes it, does not fit; nil: it does.
    ///
    /// - Parameter more: bytes that are taken beside it.
    public func refusal(nodes: Double, channels: Double, more: Double = 0) -> String? {
        let needed = bytes(nodes: nodes, channels: channels) + more
        guard needed > bytes else { return nil }
        let what = purpose == .run ? "a run of " : ""
        let rest = more > 1e7 ? " with its payments and what goes wrong" : ""
        var text =
            "\(what)\(NumberText.grouped(nodes)) nodes and \(NumberText.grouped(channels)) channels\(rest) would take some "
            + "\(NumberText.gigabytes(needed)) of memory; \(owner) \(NumberText.gigabytes(bytes))"
        let share = (bytes - Self.bytesOfProgram - more) / (needed - Self.bytesOfProgram - more)
        if share > 0.001, nodes * share >= 100 {
            text +=
                ", enough for about \(NumberText.grouped(NumberText.rounded(nodes * share))) nodes like these"
        }
        return text
    }

    /// Why a file of so many bytes cannot be read; nil: it may be. The least that reading takes, whatever stands in it.
    func refusal(fileOf count: Int) -> String? {
        let needed = Self.bytesOfProgram + 4 * Double(count)
        guard needed > bytes else { return nil }
        return
            "reading its \(NumberText.grouped(Double(count))) bytes takes some \(NumberText.gigabytes(needed)) of memory; "
            + "\(owner) \(NumberText.gigabytes(bytes))"
    }

    /// `4,000,000`, as messages write it; and of bytes `1.5 GB`.
    public static func grouped(_ number: Double) -> String { NumberText.grouped(number) }
    public static func gigabytes(_ bytes: Double) -> String { NumberText.gigabytes(bytes) }
}
