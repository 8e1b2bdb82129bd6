// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that who builds Millrace does not build its benchmarks. It sees what any other package
// would see: what these loops drive generically has to be public and inlinable, or the figures show it.
let package = Package(
    name: "millrace-benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "millrace", path: "..")],
    targets: [
        .executableTarget(
            name: "Benchmarks",
            dependencies: [
                .product(name: "MillraceModules", package: "millrace")
            ],
            swiftSettings: [.treatAllWarnings(as: .error), .swiftLanguageMode(.v6)])
    ]
)
