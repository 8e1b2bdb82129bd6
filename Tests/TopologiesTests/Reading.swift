import Foundation

@testable import Topologies

/// Where the repository lies, and beside it the data that is no part of it.
enum Place {
    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    static let shared = repository.deletingLastPathComponent().appendingPathComponent("shared")

    static let hasSnapshots = FileManager.default.fileExists(
        atPath: shared.appendingPathComponent("data/mainnet-2026-02-03").path)

    /// What a program prints that unpacks a file of the shared data.
    static func unpacked(_ program: String, _ path: String) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program, "-dc", shared.appendingPathComponent("data/" + path).path]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Array(data)
    }
}

func read(
    _ text: String, directory: String = "", options: Topology.ReadOptions = .init()
) throws(TopologyError) -> Topology {
    try Topology(bytes: Array(text.utf8), fileName: "t.yaml", directory: directory, options: options)
}

/// The error that reading these bytes ends in.
func fault(_ bytes: [UInt8]) -> TopologyError? {
    do {
        _ = try Topology(bytes: bytes, fileName: "t.yaml", directory: "/nowhere")
        return nil
    } catch {
        return error
    }
}

/// A directory of its own that goes when the test ends.
func withDirectory(_ body: (String) throws -> Void) throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    try body(directory.path)
}

/// Three nodes in a row, alice - bob - carol, one flow.
let row = """
    millrace: 1
    nodes: [alice, bob, carol]
    channels:
      - {from: alice, to: bob, capacity_sat: 1_000_000}
      - {from: bob, to: carol, capacity_sat: 1_000_000}
    traffic:
      - {from: alice, to: carol, rate_per_hour: 60, amount_sat: 1000}
    """
