// swift-tools-version: 6.2
import PackageDescription

// A package of its own, since it builds with a sanitizer only:
// swift build -c release --sanitize=fuzzer --product ReaderFuzzer
let package = Package(
    name: "millrace-fuzz",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "millrace", path: "..")],
    targets: [
        .executableTarget(
            name: "ReaderFuzzer",
            dependencies: [
                .product(name: "MillraceModules", package: "millrace"),
                .product(name: "FuzzTargets", package: "millrace"),
            ],
            swiftSettings: [
                .treatAllWarnings(as: .error), .swiftLanguageMode(.v6),
                // libFuzzer brings `main`.
                .unsafeFlags(["-parse-as-library"]),
            ]),
        .executableTarget(
            name: "ChannelFuzzer",
            dependencies: [.product(name: "FuzzTargets", package: "millrace")],
            swiftSettings: [
                .treatAllWarnings(as: .error), .swiftLanguageMode(.v6), .unsafeFlags(["-parse-as-library"]),
            ]),
    ]
)
