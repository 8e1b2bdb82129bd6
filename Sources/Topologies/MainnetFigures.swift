/// How Bitcoin's mainnet was distributed on 3 February 2026: quantiles of 17,324 nodes, 50,808 channels and 65,810
/// announced directions. docs/GENERATORS.md compares what comes of them with the snapshot.
enum MainnetFigures {
    /// Channels of a node.
    static let degree = QuantileTable([
        (0, 1), (0.542, 1), (0.542, 2), (0.707, 2), (0.707, 3), (0.784, 3), (0.784, 4), (0.827, 4),
        (0.827, 5),
        (0.857, 5), (0.857, 6), (0.877, 6), (0.877, 7), (0.892, 7), (0.892, 8), (0.904, 8), (0.904, 9),
        (0.925, 11), (0.95, 17), (0.96, 22), (0.97, 31), (0.975, 38), (0.98, 45), (0.985, 55), (0.99, 74),
        (0.9925, 94), (0.995, 130), (0.9965, 165), (0.998, 222), (0.9985, 273), (0.999, 451),
        (0.99925, 533), (0.9995, 651), (0.9997, 1_088), (0.9998, 1_206), (0.9999, 1_268), (1, 1_989),
    ])

    /// Of a channel that a side announced, in satoshis.
    static let capacity = QuantileTable([
        (0, 10_000), (0.01, 20_000), (0.045, 20_000), (0.05, 33_487), (0.10, 200_000), (0.15, 500_000),
        (0.20, 1_000_000), (0.30, 1_003_345), (0.32, 1_250_000), (0.34, 1_545_142), (0.35, 1_972_000),
        (0.36, 2_000_000), (0.42, 2_000_000), (0.45, 2_500_000),
        (0.50, 3_000_000), (0.55, 4_078_053), (0.60, 5_000_000), (0.65, 5_000_000), (0.70, 7_005_822),
        (0.75, 10_000_000), (0.82, 10_000_000), (0.85, 15_000_000), (0.90, 21_000_000), (0.925, 35_000_000),
        (0.93, 50_000_000), (0.95, 50_000_000), (0.97, 100_000_000), (0.975, 100_900_000),
        (0.98, 175_000_000), (0.985, 200_000_000), (0.99, 300_000_000), (0.995, 500_000_000),
        (0.9999, 500_000_000), (1, 720_000_000),
    ])

    /// Of a channel that neither side announced.
    static let unannouncedCapacity = QuantileTable([
        (0, 1_050), (0.02, 1_200), (0.05, 2_000), (0.10, 10_000), (0.12, 20_000), (0.235, 20_000),
        (0.30, 48_461), (0.40, 90_000), (0.42, 100_000), (0.51, 100_000), (0.55, 200_000), (0.60, 250_000),
        (0.65, 300_000), (0.70, 500_000), (0.75, 600_000), (0.78, 1_000_000), (0.84, 1_000_000),
        (0.85, 1_051_824), (0.88, 2_000_000), (0.90, 2_000_000), (0.93, 4_000_000), (0.95, 5_000_000),
        (0.97, 8_247_846), (0.98, 10_000_000),
        (0.99, 16_773_156), (0.995, 20_360_263), (0.998, 50_000_000), (0.9995, 100_000_000),
        (0.9999, 200_000_000), (1, 1_000_000_000),
    ])

    /// Of a direction, in millisatoshis: most ask for nothing, or for the 1,000 that implementations begin with.
    static let baseFee = QuantileTable([
        (0, 0), (0.453, 0), (0.453, 1), (0.487, 1), (0.5, 33), (0.52, 500), (0.536, 500), (0.55, 990),
        (0.555, 1_000), (0.963, 1_000), (0.963, 2_000), (0.971, 2_000), (0.98, 5_000), (0.99, 10_000),
        (1, 10_000),
    ])

    /// Of a direction, in millionths.
    static let proportionalFee = QuantileTable([
        (0, 0), (0.069, 0), (0.069, 1), (0.291, 1), (0.30, 3), (0.32, 10), (0.365, 10), (0.40, 33),
        (0.42, 50), (0.44, 50), (0.45, 80), (0.48, 100), (0.525, 100), (0.55, 188), (0.60, 262), (0.65, 428),
        (0.67, 500), (0.72, 500), (0.75, 569), (0.80, 960), (0.81, 1_000), (0.84, 1_000), (0.85, 1_113),
        (0.90, 2_000), (0.95, 3_000), (0.98, 5_000), (0.99, 10_000), (0.999, 50_000), (1, 50_000),
    ])

    /// Of a direction, in blocks.
    static let cltvExpiryDelta = QuantileTable([
        (0, 18), (0.035, 18), (0.035, 34), (0.10, 34), (0.10, 40), (0.285, 40), (0.285, 80), (0.68, 80),
        (0.68, 100), (0.795, 100), (0.795, 120), (0.81, 144), (0.985, 144), (0.985, 200), (1, 200),
    ])

    /// Of a direction, in millisatoshis.
    static let htlcMinimum = QuantileTable([
        (0, 0), (0.017, 0), (0.017, 1), (0.12, 1), (0.12, 1_000), (0.92, 1_000), (0.92, 10_000),
        (0.93, 10_000), (0.93, 100_000), (0.96, 100_000), (0.96, 1_000_000), (1, 1_000_000),
    ])

    /// The share of nodes none of whose channels has any policy, by the number of binary digits of their degree.
    static let silentShare = [0, 0.685, 0.640, 0.444, 0.291, 0.173, 0.133, 0.095, 0.065, 0]

    /// Of the ends of channels at silent nodes: those that lead to another silent node.
    static let silentToSilent = 0.71
    /// Of channels between nodes that do announce: those that neither side announced ...
    static let unannounced = 0.0252
    /// ... and of the rest those that one side announced alone. None of either direction was disabled.
    static let oneWay = 0.0583
    /// How far the logarithm of a node's size is from that of its degree, as a standard deviation, and that of a
    /// channel's from the lesser of its nodes': chosen so that Spearman's correlation of an announced channel's
    /// capacity with the lesser degree is 0.60.
    static let sizeDeviation = 2.2
    static let capacityDeviation = 0.2
    /// How far a direction's fee is from its node's level, in standard deviations of these levels, and what a capacity
    /// e times as large adds to it: 0.63 of the variance of fees' logarithms is between nodes, and Spearman's
    /// correlation of fee and capacity is 0.24.
    static let feeDeviation = 0.75
    static let feeOfSize = 0.18
    /// Largest HTLC in hundredths of the capacity, as most directions have it.
    static let htlcMaximumPercent: UInt64 = 99
}
