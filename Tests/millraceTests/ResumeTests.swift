import Foundation
import Testing

/// Runs that are stopped from outside and go on. The village, with traffic enough for seconds.
struct ResumeTests {
    private let program: BuiltProgram
    private let arguments = [
        "run", BuiltProgram.shipped("village.yaml"), "--rate", "2", "--payments", Self.payments, "--quiet",
        "--checkpoint-every", "1ms",
    ]
    /// A release build is so much faster.
    #if DEBUG
        private static let payments = "3000"
    #else
        private static let payments = "40000"
    #endif

    init() throws { program = try BuiltProgram() }

    /// A run that is under way, with at least one checkpoint, and stays so for a while.
    private func started(_ name: String) throws -> Process {
        let process = try program.start(arguments + ["--out", name])
        let path = program.directory.appendingPathComponent("\(name)/checkpoints").path
        func hasCheckpoint() -> Bool {
            let names = try? FileManager.default.contentsOfDirectory(atPath: path)
            return names?.contains { $0.hasSuffix(".ckpt") } ?? false
        }
        for _ in 0..<6_000 where !hasCheckpoint() {
            try #require(process.isRunning, "the run ended before its first checkpoint")
            usleep(10_000)
        }
        return process
    }

    /// Every file but the figures of real time.
    private func files(below name: String) throws -> [String: Data] {
        let root = program.directory.appendingPathComponent(name)
        var files: [String: Data] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: root.path) where path != "wall.json" {
            files[path] = try? Data(contentsOf: root.appendingPathComponent(path))
        }
        return files
    }

    @Test func `one that is terminated or killed goes on to the same files, and never for two at once`()
        throws
    {
        #expect(try program.run(arguments + ["--out", "whole"]).code == 0)

        // SIGTERM is Control-C's twin.
        let process = try started("run")
        process.terminate()
        process.waitUntilExit()
        #expect(process.terminationReason == .exit && process.terminationStatus == 143)
        let stopped = try files(below: "run")

        // A second comer is told so, and changes nothing.
        let lock = open(try program.write("4711\n", to: "run/.lock"), O_RDWR)
        #expect(flock(lock, LOCK_EX) == 0)
        for command in [["run", "--resume", "run"], arguments + ["--out", "run"]] {
            let second = try program.run(command)
            #expect(second.code == 75)
            #expect(
                second.errors
                    == "millrace: run is in use by another millrace, process 4711; wait until it has ended\n")
        }
        close(lock)
        try program.remove("run/.lock")
        #expect(try files(below: "run") == stopped)

        // A checkpoint that cannot be read ends the command, and changes nothing.
        let latest = try #require(stopped.keys.filter { $0.hasSuffix(".ckpt") }.max())
        let path = program.directory.appendingPathComponent("run/\(latest)")
        let bytes = try Data(contentsOf: path)
        try FileManager.default.removeItem(at: path)
        try FileManager.default.createDirectory(at: path, withIntermediateDirectories: false)
        let refused = try program.run(["run", "--resume", "run"])
        #expect(refused.code == 74 && refused.errors == "millrace: run/\(latest): Is a directory\n")
        try FileManager.default.removeItem(at: path)
        try bytes.write(to: path)
        #expect(try files(below: "run") == stopped)

        // Killed once more, and through.
        let resumed = try program.start(["run", "--resume", "run", "--quiet"])
        usleep(300_000)
        kill(resumed.processIdentifier, SIGKILL)
        resumed.waitUntilExit()
        let last = try program.run(["run", "--resume", "run"])
        #expect(last.code == 0, "\(last.errors)")
        #expect(!last.errors.contains("starts over") && !last.errors.contains("no use"))
        #expect(try files(below: "run") == files(below: "whole"))
    }

    @Test func `one that was killed before its manifest gives its directory to the same command`() throws {
        _ = try program.write("12345\n", to: "run/.lock")
        _ = try program.write("half an inp", to: "run/input/.village.yaml.partial")
        let resumed = try program.run(["run", "--resume", "run"])
        #expect(resumed.code == 65 && resumed.errors.contains("give its command again, with the same --out"))
        let again = [
            "run", BuiltProgram.shipped("triangle.yaml"), "--duration", "2h", "--quiet", "--out", "run",
        ]
        #expect(try program.run(again).code == 0)
        #expect(try program.run(again).errors.contains("is not empty"))
    }
}
