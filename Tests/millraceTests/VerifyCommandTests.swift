import Foundation
import Testing

/// `millrace verify` tells what was changed in a run directory, by its name, with exit code 70; where it cannot repeat the
/// run, with 65.
struct VerifyCommandTests {
    private let program: BuiltProgram

    init() throws {
        program = try BuiltProgram()
        let topology = BuiltProgram.shipped("triangle.yaml")
        let run = try program.run(["run", topology, "--payments", "20", "--quiet", "--out", "out"])
        #expect(run.code == 0, "\(run.errors)")
    }

    private func edit(_ name: String, _ old: String, _ new: String) throws {
        let text = try program.read(name)
        #expect(text.contains(old))
        let place = try #require(text.range(of: old))
        _ = try program.write(text.replacingCharacters(in: place, with: new), to: name)
    }

    private func verify() throws -> BuiltProgram.Outcome { try program.run(["verify", "out", "--quiet"]) }

    @Test(arguments: [
        ("result.json", "\"attempted\": 20", "\"attempted\": 21", 70, "out: result.json differs in line "),
        ("income.csv", "alias", "Alias", 70, "out: income.csv differs in line 1\n"),
        ("report.txt", "Payments", "payments", 70, "out: report.txt differs in line "),
        ("manifest.json", "\"payments\": 20", "\"payments\": 21", 70, "manifest.json differs in line "),
        ("manifest.json", "\"--payments\"", "\"--paymants\"", 65, "out/manifest.json: "),
        ("manifest.json", "\"threads\": 1", "\"threads\":  1", 70, "out: manifest.json differs in line "),
        (
            "manifest.json", "\"program\": \"millrace ", "\"program\": \"millrace 9", 70,
            "table meta differs: of name program"
        ),
        ("manifest.json", "{", "[", 65, "out/manifest.json: no manifest of a run"),
        ("input/triangle.yaml", "millrace: 1", "millrace:  1", 65, "out/input/triangle.yaml: changed since"),
    ])
    func `a changed file is named`(name: String, old: String, new: String, code: Int32, message: String)
        throws
    {
        #expect(try verify().code == 0)
        try edit("out/\(name)", old, new)
        let outcome = try verify()
        #expect(outcome.code == code, "\(outcome.errors)")
        #expect(outcome.errors.contains(message), "\(outcome.errors)")
        #expect(outcome.errors.split(separator: "\n").count == 1 && outcome.output.isEmpty)
    }

    @Test func `a changed digest is told with the one that was found`() throws {
        let digest = try #require(
            try program.read("out/manifest.json").firstMatch(of: /"digest": "([0-9a-f]{16})"/)?.output.1)
        let other = digest.hasPrefix("0") ? "1" + digest.dropFirst() : "0" + digest.dropFirst()
        try edit("out/manifest.json", String(digest), String(other))
        let outcome = try verify()
        #expect(outcome.code == 70)
        #expect(
            outcome.errors.hasPrefix("millrace: out: the digest is \(digest), the manifest says \(other); "))
    }

    @Test(arguments: ["income.csv", "result.json", "report.txt", "run.sqlite", "wall.json"])
    func `a missing file is named`(name: String) throws {
        try program.remove("out/\(name)")
        let outcome = try verify()
        #expect(outcome.code == 70)
        #expect(outcome.errors == "millrace: out: \(name) is missing\n")
    }

    @Test func `a file more is named, and all that differs is told at once`() throws {
        _ = try program.write("mine", to: "out/notes.txt")
        _ = try program.write("not a database, and long enough to be taken for one", to: "out/run.sqlite")
        let outcome = try verify()
        #expect(outcome.code == 70)
        #expect(
            outcome.errors
                == "millrace: out: notes.txt is no file of this run; run.sqlite cannot be read: file is not a database\n"
        )
    }

    @Test
    func `a run of another version of the program is repeated all the same, and says so where it differs`()
        throws
    {
        // As that version would have written it.
        let version = try #require(
            try program.read("out/manifest.json").firstMatch(of: /"program": "(millrace [^"]*)"/)?.output.1)
        try edit("out/manifest.json", "\"\(version)\"", "\"millrace 0.0.1\"")
        let outcome = try verify()
        #expect(outcome.code == 70)
        #expect(
            outcome.errors.contains(
                "table meta differs: of name program, value is \(version), the replay has millrace 0.0.1; it was made by millrace 0.0.1, this is \(version)"
            ), "\(outcome.errors)")
    }
}
