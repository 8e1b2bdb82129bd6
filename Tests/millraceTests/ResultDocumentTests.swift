import Foundation
import Testing

/// `docs/RUN-STORE.md` says of every figure of the result what it is.
struct ResultDocumentTests {
    /// Objects whose keys are names of messages and failures, which no page lists.
    private static let countsByName = ["messages", "failures", "attempt_failures"]

    /// Every key of a document, those inside its objects and arrays too.
    private func keys(of value: Any) -> Set<String> {
        if let list = value as? [Any] {
            return list.reduce(into: []) { $0.formUnion(keys(of: $1)) }
        }
        guard let object = value as? [String: Any] else { return [] }
        return object.reduce(into: Set(object.keys)) { found, member in
            if !Self.countsByName.contains(member.key) { found.formUnion(keys(of: member.value)) }
        }
    }

    @Test func `the page names every key that a run prints, and every file it leaves`() throws {
        let program = try BuiltProgram()
        let story = BuiltProgram.shipped("watchtower-outage.yaml")
        let document = try program.run(["run", story, "--json", "--quiet", "--out", "out"]).json()
        let page = try String(
            contentsOfFile: BuiltProgram.shipped("../docs/RUN-STORE.md"), encoding: .utf8)
        let section = try #require(
            page.components(separatedBy: "## `result.json`").last?.components(separatedBy: "\n## ").first)
        let keys = keys(of: document)
        #expect(keys.count > 80 && keys.contains("stream_bytes") && keys.contains("apr_net"))
        for key in keys.sorted() { #expect(section.contains("`\(key)`"), "\(key)") }
        let files = try FileManager.default.contentsOfDirectory(
            atPath: program.directory.appendingPathComponent("out").path)
        for file in files { #expect(page.contains("`\(file)`") || page.contains("`\(file)/`"), "\(file)") }
    }
}
