import Foundation
import Testing

/// A run directory whose copies of the input somebody edited is neither repeated nor continued, and loses nothing.
struct ChangedInputTests {
    private let program: BuiltProgram

    init() throws {
        program = try BuiltProgram()
        let topology = BuiltProgram.shipped("triangle.yaml")
        let run = try program.run(["run", topology, "--payments", "50", "--quiet", "--out", "out"])
        #expect(run.code == 0, "\(run.errors)")
    }

    private func edit(_ name: String, _ change: (String) -> String) throws {
        let text = try program.read(name)
        let changed = change(text)
        #expect(changed != text)
        _ = try program.write(changed, to: name)
    }

    /// Every file of the run directory, by its path there.
    private func files() throws -> [String: Data] {
        let root = program.directory.appendingPathComponent("out").path
        return try FileManager.default.subpathsOfDirectory(atPath: root).reduce(into: [:]) {
            $0[$1] = FileManager.default.contents(atPath: "\(root)/\($1)")
        }
    }

    @Test func `resume refuses an edited copy and leaves every file as it was`() throws {
        // As a killed run leaves it, with what may be a checkpoint.
        try edit("out/manifest.json") { text in
            text.replacing("\"status\": \"complete\"", with: "\"status\": \"incomplete\"")
                .replacing(/"digest": "[0-9a-f]+"/, with: "\"digest\": null")
        }
        _ = try program.write("a state", to: "out/checkpoints/0000001.ckpt")
        try edit("out/input/triangle.yaml") { $0 + "# edited\n" }
        let before = try files()
        let outcome = try program.run(["run", "--resume", "out"])
        #expect(outcome.code == 65)
        #expect(outcome.output.isEmpty)
        #expect(
            outcome.errors
                == "millrace: out/input/triangle.yaml: changed since the run was made; put the copy back, or run the changed file anew\n"
        )
        #expect(try files() == before)
        try edit("out/input/triangle.yaml") { $0.replacing("# edited\n", with: "") }
        #expect(try program.run(["run", "--resume", "out", "--quiet"]).code == 0)
    }

    @Test func `verify refuses an edited copy by its name`() throws {
        #expect(try program.run(["verify", "out", "--quiet"]).code == 0)
        try edit("out/input/triangle.yaml") { $0 + "# edited\n" }
        let outcome = try program.run(["verify", "out", "--quiet"])
        #expect(outcome.code == 65)
        #expect(outcome.errors.hasPrefix("millrace: out/input/triangle.yaml: changed since"))
    }
}
