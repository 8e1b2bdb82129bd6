// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error), .swiftLanguageMode(.v6)]

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(of name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.target(name: name)] + dependencies, swiftSettings: strict)
}

let package = Package(
    name: "millrace",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "millrace", targets: ["millrace"]),
        // For the benchmarks, a package of their own.
        .library(
            name: "MillraceModules",
            targets: [
                "EventSimulation", "LightningTypes", "Randomness", "Cryptography", "Settlement",
                "PaymentChannels", "Routing", "PaymentNetwork", "Topologies",
            ]),
        // For the fuzzers, another.
        .library(name: "FuzzTargets", targets: ["ChannelTrials", "FuzzedReaders"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", exact: "0.2.0"),
    ],
    targets: [
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
        // A header of one line.
        .systemLibrary(name: "CPrefetch"),
        library("LightningTypes"),
        library("Randomness"),
        library("Cryptography", ["CSodium"]),
        library("Snapshots"),
        library("EventSimulation", ["Randomness", "Snapshots"]),
        library("Settlement", ["LightningTypes", "Cryptography", "Randomness", "Snapshots"]),
        library("PaymentChannels", ["LightningTypes", "Cryptography", "Settlement", "Snapshots"]),
        library("Routing", ["LightningTypes", "CPrefetch"]),
        library("Topologies", ["LightningTypes", "Randomness", "Routing", "Settlement", "Yams"]),
        library(
            "PaymentNetwork",
            [
                "LightningTypes", "Randomness", "Cryptography", "EventSimulation", "Settlement",
                "PaymentChannels", "Routing", "Topologies", "Snapshots",
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ]),
        library(
            "RunStore",
            [
                "LightningTypes", "Topologies", "Cryptography", "Settlement", "Snapshots", "PaymentNetwork",
                "EventSimulation",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]),
        library("Reports", ["LightningTypes", "Topologies", "Routing", "PaymentNetwork", "RunStore"]),
        .executableTarget(
            name: "millrace",
            dependencies: [
                "LightningTypes", "Topologies", "Routing", "PaymentNetwork", "RunStore", "Reports",
                "EventSimulation",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        // Three nodes driven by bytes: for tests and for the fuzzer.
        .target(
            name: "ChannelTrials",
            dependencies: ["LightningTypes", "Cryptography", "Settlement", "PaymentChannels", "Snapshots"],
            path: "Tests/ChannelTrials", swiftSettings: strict),
        // Every reader of untrusted bytes, likewise.
        .target(
            name: "FuzzedReaders", dependencies: ["Topologies"], path: "Tests/FuzzedReaders",
            swiftSettings: strict),
        // Every figure of a run directory, recomputed from its rows by code that imports nothing of ours.
        .target(
            name: "Recomputation",
            dependencies: ["Yams", .product(name: "GRDB", package: "GRDB.swift")],
            path: "Tests/Recomputation", swiftSettings: strict),
        .testTarget(
            name: "RecomputationTests",
            dependencies: ["Recomputation", "TortureSuite", "PaymentNetwork", "Topologies"],
            swiftSettings: strict),
        // Whole runs drawn from a seed and checked by independent code; `torture` runs many of them (scripts/torture).
        .target(
            name: "TortureSuite",
            dependencies: [
                "LightningTypes", "Randomness", "Cryptography", "Settlement", "PaymentChannels", "Topologies",
                "PaymentNetwork", "RunStore", "Reports", "Recomputation",
            ],
            path: "Tests/TortureSuite", swiftSettings: strict),
        .executableTarget(
            name: "torture", dependencies: ["TortureSuite"], path: "Tests/Torture", swiftSettings: strict),
        // Faults planted one at a time, which the tests must find (scripts/mutants).
        .executableTarget(
            name: "mutants", path: "Tests/Mutants", exclude: ["mutants.txt"], swiftSettings: strict),
        .testTarget(
            name: "TortureTests", dependencies: ["TortureSuite"], swiftSettings: strict),
        tests(of: "LightningTypes"),
        tests(of: "Snapshots"),
        tests(of: "Randomness"),
        tests(of: "Cryptography"),
        tests(of: "EventSimulation", ["Snapshots"]),
        tests(of: "Settlement"),
        tests(of: "PaymentChannels", ["Randomness", "Snapshots", "ChannelTrials"]),
        tests(of: "Routing", ["Topologies"]),
        tests(of: "Topologies", ["Randomness", "FuzzedReaders"]),
        tests(of: "PaymentNetwork"),
        tests(of: "RunStore"),
        tests(of: "millrace"),
    ]
)
