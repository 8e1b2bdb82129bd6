import Foundation
import GRDB
import Testing

@testable import RunStore

struct RunDirectoryTests {
    private let temporary = TemporaryDirectory()

    @Test func `numbers directories of the same name`() throws {
        let parent = "\(temporary.path)/runs"
        let names = try (0..<3).map { _ in try RunDirectory(numbered: "village", seed: 7, under: parent).path
        }
        #expect(names == ["\(parent)/village-7", "\(parent)/village-7-2", "\(parent)/village-7-3"])
    }

    @Test func `takes an empty directory and refuses one that is not`() throws {
        let path = "\(temporary.path)/a/b"
        try RunDirectory(creating: path).release()
        let directory = try RunDirectory(creating: path)
        try directory.write([1, 2, 3], to: "file")
        directory.release()
        let refusal = #expect(throws: RunStoreError.self) { try RunDirectory(creating: path) }
        #expect(refusal?.description == "\(path) is not empty; name a new or empty directory with --out")
        #expect(try temporary.files(below: "a/b") == ["file": Data([1, 2, 3])])
    }

    @Test func `belongs to one process at a time`() throws {
        let path = "\(temporary.path)/run"
        let first = try RunDirectory(creating: path)
        let refusal = #expect(throws: RunStoreError.self) { try RunDirectory(creating: path) }
        #expect(
            refusal?.description
                == "\(path) is in use by another millrace, process \(getpid()); wait until it has ended")
        try first.write([], to: "manifest.json")
        var second = try RunDirectory(existing: path)
        #expect(throws: RunStoreError.self) { try second.claim() }
        first.release()
        try second.claim()
        #expect(throws: RunStoreError.self) { try RunLock(of: path) }
        second.release()
        #expect(try temporary.files(below: "run").keys.sorted() == ["manifest.json"])
    }

    @Test func `takes what a run left that was killed before its manifest, and nothing more`() throws {
        let path = "\(temporary.path)/run"
        let killed = try RunDirectory(creating: path)
        try killed.makeSubdirectory("input")
        try killed.write([1], to: "input/village.yaml")
        try killed.write([2], to: ".manifest.json.partial")
        killed.release()
        // The kernel took the lock from the killed process; its file is still there.
        try killed.write(Array("123\n".utf8), to: RunLock.name)
        try RunDirectory(creating: path).release()
        // Without the lock's file it is somebody else's directory, and with a file of another name, too.
        #expect(throws: RunStoreError.self) { try RunDirectory(creating: path) }
        try killed.write(Array("123\n".utf8), to: RunLock.name)
        try killed.write([3], to: "letter.txt")
        #expect(throws: RunStoreError.self) { try RunDirectory(creating: path) }
        #expect(try killed.read("letter.txt") == [3] && killed.read("input/village.yaml") == [1])
    }

    @Test func `tells what cannot be read or listed from what is not there`() throws {
        let directory = try RunDirectory(creating: "\(temporary.path)/run")
        #expect(try directory.names(in: "checkpoints").isEmpty)
        try directory.write([], to: "checkpoints")
        #expect(throws: RunStoreError.self) { try directory.names(in: "checkpoints") }
        try directory.makeSubdirectory("input")
        #expect(throws: RunStoreError.self) { try directory.read("input") }
        #expect(throws: RunStoreError.self) { try directory.read("nothing") }
    }

    @Test func `refuses a path that leads through a file`() throws {
        try Data().write(to: URL(fileURLWithPath: "\(temporary.path)/file"))
        #expect(throws: RunStoreError.self) { try RunDirectory(creating: "\(temporary.path)/file/run") }
    }

    @Test(arguments: [
        ("village", "village"), ("../../etc", "etc"), ("a/b c", "a-b-c"), ("", "run"), ("..", "run"),
        ("Zürich", "Zürich"), ("x\u{0}y\n", "x-y-"),
    ])
    func `makes one plain path component of any name`(name: String, expected: String) {
        #expect(RunDirectory.fileName(from: name) == expected)
    }
}

struct RunStoreErrorTests {
    @Test func `a database that refuses is told with its run`() throws {
        let temporary = TemporaryDirectory()
        let directory = try RunDirectory(creating: "\(temporary.path)/run")
        let database = try RunDatabase(in: directory, .empty(isJournaled: false))
        let failed = #expect(throws: RunStoreError.self) {
            try database.write { try $0.execute(sql: "INSERT INTO nowhere VALUES (1)") }
        }
        #expect(failed?.description == "\(directory.path)/run.sqlite: no such table: nowhere")
        let refused = #expect(throws: RunStoreError.self) {
            try database.write { database in
                try database.execute(sql: "PRAGMA max_page_count = 1")
                var insert = try BulkInsert(into: "meta", columns: 2, in: database)
                for number in 0..<100_000 {
                    insert.bind("\(number)")
                    insert.bind("value")
                    try insert.insertRow()
                }
            }
        }
        #expect(refused?.description == "\(directory.path)/run.sqlite: database or disk is full")
    }
}

struct AttemptSamplingTests {
    @Test(arguments: ["all", "none", "1/10", "1/18446744073709551615"])
    func `reads what it writes`(text: String) {
        #expect(AttemptSampling(text)?.description == text)
    }

    @Test(arguments: ["", "1/0", "2/10", "1/", "1/-3", "some", "1/1.5", "ALL"])
    func `refuses anything else`(text: String) {
        #expect(AttemptSampling(text) == nil)
    }

    @Test func `keeps about a million payments' attempts of a large run`() {
        #expect(AttemptSampling(forPayments: 0) == .oneIn(1))
        #expect(AttemptSampling(forPayments: 1_000_000) == .oneIn(1))
        #expect(AttemptSampling(forPayments: 1_000_001) == .oneIn(2))
        #expect(AttemptSampling(forPayments: 6_600_000) == .oneIn(7))
    }
}

struct JSONValueTests {
    @Test func `keeps the order of members and a line a row`() {
        let value: JSONValue = [
            "z": .integer(-1), "a": ["one": .number(1), "none": .null],
            "rows": .array([["x": .unsigned(.max)], ["x": .number(.infinity)]]), "empty": [],
        ]
        #expect(
            String(decoding: value.encoded(), as: UTF8.self) == """
                {
                  "z": -1,
                  "a": {"one": 1.0, "none": null},
                  "rows": [
                    {"x": 18446744073709551615},
                    {"x": null}
                  ],
                  "empty": []
                }

                """)
    }

    @Test(arguments: ["", "plain", "\"\\/", "\u{0}\u{1B}[31m\u{7F}\u{9B}", "🥕é\u{2028}", "a\tb\r\n"])
    func `escapes text so that it reads back`(text: String) throws {
        let bytes = JSONValue.array([.text(text)]).encoded()
        #expect(bytes.allSatisfy { $0 >= 0x20 || $0 == 0x0A })
        #expect(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String] == [text])
    }
}
