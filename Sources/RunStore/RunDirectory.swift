import Foundation

/// The directory of one run: a manifest, a copy of the input, the database and the tables.
///
/// Files come into being under a hidden name and are renamed when they are whole and on the disk, so that a
/// killed run never leaves half a file under a name that means something.
public struct RunDirectory: Sendable {
    public let path: String

    /// Makes `path`, and what leads to it, unless it stands there empty.
    public init(creating path: String) throws(RunStoreError) {
        try Self.make(path)
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
            throw .failed(path: path, reason: "cannot be listed")
        }
        guard names.isEmpty else { throw .occupied(path: path) }
        self.path = path
    }

    /// Makes `parent/NAME-SEED`, or the first of `NAME-SEED-2`, `NAME-SEED-3`, … that does not exist yet.
    public init(numbered name: String, seed: UInt64, under parent: String = "runs") throws(RunStoreError) {
        try Self.make(parent)
        let base = "\(parent)/\(Self.fileName(from: name))-\(seed)"
        for number in 1...1_000_000 {
            let candidate = number == 1 ? base : "\(base)-\(number)"
            // One call both asks and takes, so two runs that start together never share a directory.
            if mkdir(candidate, 0o777) == 0 {
                path = candidate
                return
            }
            guard errno == EEXIST else {
                throw .failed(path: candidate, reason: "cannot make this directory: \(Self.systemReason())")
            }
        }
        throw .failed(path: base, reason: "a million runs of this name exist; remove some")
    }

    /// A directory that a run was stored in.
    public init(existing path: String) throws(RunStoreError) {
        self.path = path
        guard has("manifest.json") else {
            var isDirectory: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
            guard exists, isDirectory.boolValue else {
                throw .notResumable(path: path, reason: "no such run directory")
            }
            throw .notResumable(
                path: path,
                reason: "no manifest.json: a run was killed before it began, or this is none; start it anew")
        }
    }

    func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(of: name)) }

    /// The whole file.
    func read(_ name: String) throws(RunStoreError) -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path(of: name)) else {
            throw .failed(path: path(of: name), reason: "cannot be read")
        }
        return [UInt8](data)
    }

    /// The names in a subdirectory, sorted; none where it does not exist.
    func names(in subdirectory: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path(of: subdirectory))) ?? []).sorted()
    }

    func removeSubdirectory(_ name: String) {
        for file in names(in: name) { remove("\(name)/\(file)") }
        rmdir(path(of: name))
    }

    /// A name that is one plain path component: letters, digits, `.`, `_` and `-`, at most 80 of them.
    static func fileName(from name: String) -> String {
        let kept = name.unicodeScalars.prefix(80).map { scalar in
            let isKept = scalar.properties.isAlphabetic || scalar.properties.numericType != nil
            return isKept || "._-".unicodeScalars.contains(scalar) ? Character(scalar) : "-"
        }
        let trimmed = String(kept.drop { $0 == "." || $0 == "-" })
        return trimmed.isEmpty ? "run" : trimmed
    }

    func path(of name: String) -> String { "\(path)/\(name)" }

    /// Writes a whole file under its final name, or nothing.
    func write(_ bytes: [UInt8], to name: String) throws(RunStoreError) {
        let temporary = path(of: Self.temporaryName(of: name))
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw Self.failure(of: temporary) }
        defer { close(descriptor) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Foundation.write(descriptor, $0.baseAddress! + written, bytes.count - written)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw Self.failure(of: temporary)
            }
            written += count
        }
        guard fsync(descriptor) == 0 else { throw Self.failure(of: temporary) }
        try rename(temporaryOf: name)
    }

    /// Gives the finished temporary file of `name` its final name, and makes the name last through a power cut.
    func rename(temporaryOf name: String) throws(RunStoreError) {
        guard Foundation.rename(path(of: Self.temporaryName(of: name)), path(of: name)) == 0 else {
            throw Self.failure(of: path(of: name))
        }
        try synchronize(path)
    }

    /// Waits until a file's, or a directory's, content is on the disk.
    func synchronize(_ path: String) throws(RunStoreError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure(of: path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Self.failure(of: path) }
    }

    func makeSubdirectory(_ name: String) throws(RunStoreError) {
        guard mkdir(path(of: name), 0o777) == 0 || errno == EEXIST else {
            throw Self.failure(of: path(of: name))
        }
    }

    /// Removes a scratch file; that it is not there is no failure.
    func remove(_ name: String) { unlink(path(of: name)) }

    /// `input/x.yaml` → `input/.x.yaml.partial`.
    static func temporaryName(of name: String) -> String {
        var components = name.split(separator: "/").map(String.init)
        components[components.count - 1] = ".\(components[components.count - 1]).partial"
        return components.joined(separator: "/")
    }

    private static func failure(of path: String) -> RunStoreError {
        .failed(path: path, reason: systemReason())
    }

    private static func systemReason() -> String { String(cString: strerror(errno)) }

    /// Makes a directory and what leads to it, as far as it is not there.
    private static func make(_ path: String) throws(RunStoreError) {
        func refuse(_ reason: String) -> RunStoreError {
            .failed(path: path, reason: "cannot make this directory: \(reason)")
        }
        let ends = path.indices.filter { path[$0] == "/" && $0 > path.startIndex } + [path.endIndex]
        for end in ends {
            guard mkdir(String(path[..<end]), 0o777) == 0 || errno == EEXIST else {
                throw refuse(systemReason())
            }
        }
        var status = stat()
        guard stat(path, &status) == 0 else { throw refuse(systemReason()) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw refuse("a file of this name stands there") }
    }
}
