import Foundation
import Testing

/// What the shell sees: the built program, run in an empty directory of its own.
struct BuiltProgram {
    let directory: URL

    init() throws {
        directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("millrace-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    struct Outcome {
        var code: Int32
        var output: String
        var errors: String

        func json() throws -> [String: Any] {
            try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
        }
    }

    func run(_ arguments: [String], input: String = "") throws -> Outcome {
        let pipe = Pipe()
        return try run(arguments, standardInput: pipe) {
            try pipe.fileHandleForWriting.write(contentsOf: Data(input.utf8))
            try pipe.fileHandleForWriting.close()
        }
    }

    /// - Parameter script: of a shell, which is given the program and its arguments as `"$0" "$@"`.
    func run(_ arguments: [String], under script: String) throws -> Outcome {
        try run(arguments, standardInput: FileHandle.nullDevice, script: script)
    }

    /// - Parameter standardInput: a pipe or a file's handle, as `Process` takes it.
    func run(
        _ arguments: [String], standardInput: Any, script: String? = nil, feed: () throws -> Void = {}
    ) throws -> Outcome {
        let process = try process(arguments)
        if let script, let program = process.executableURL {
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", script, program.path] + arguments
        }
        let (output, errors) = (Pipe(), Pipe())
        process.standardInput = standardInput
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        try feed()
        // Standard error never fills a pipe: it is not a terminal here, so it has a line or two.
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        let diagnostics = String(
            decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        return Outcome(code: process.terminationStatus, output: text, errors: diagnostics)
    }

    /// Starts it and lets it run; what it prints is thrown away.
    func start(_ arguments: [String]) throws -> Process {
        let process = try process(arguments)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    private func process(_ arguments: [String]) throws -> Process {
        let process = Process()
        let program: URL = try #require(Self.program, "millrace is built beside the tests")
        process.executableURL = program
        process.arguments = arguments
        process.currentDirectoryURL = directory
        return process
    }

    /// Writes a file of the directory, and gives its whole path.
    func write(_ text: String, to name: String) throws -> String {
        let file = directory.appendingPathComponent(name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
        return file.path
    }

    func read(_ name: String) throws -> String {
        try String(contentsOf: directory.appendingPathComponent(name), encoding: .utf8)
    }

    func remove(_ name: String) throws {
        try FileManager.default.removeItem(at: directory.appendingPathComponent(name))
    }

    /// Beside the test bundle, or beside what holds it.
    private static let program: URL? = {
        let starts =
            [Bundle.main.bundleURL, Bundle.main.executableURL].compactMap(\.self)
            + Bundle.allBundles.map(\.bundleURL)
        for start in starts {
            var folder = start
            for _ in 0..<4 {
                let candidate = folder.appendingPathComponent("millrace")
                var isDirectory: ObjCBool = false
                let exists = FileManager.default.fileExists(atPath: candidate.path, isDirectory: &isDirectory)
                if exists, !isDirectory.boolValue { return candidate }
                folder.deleteLastPathComponent()
            }
        }
        return nil
    }()

    /// A topology that comes with the program.
    static func shipped(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("topologies/\(name)").path
    }
}
