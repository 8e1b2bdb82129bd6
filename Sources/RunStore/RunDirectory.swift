import Foundation

/// The directory of one run: a manifest, a copy of the input, the database and the tables.
///
/// Files come into being under a hidden name and are renamed when they are whole and on the disk, so that a
/// killed run never leaves half a file under a name that means something. While a run writes, its process holds the
/// directory's lock.
public struct RunDirectory: Sendable {
    public let path: String
    /// Nil where the directory is only read.
    private var lock: RunLock?

    /// Makes `path`, and what leads to it, unless it stands there empty or with what a run left that was killed before
    /// it had written its manifest.
    ///
    /// - Throws: `RunStoreError.inUse`, `occupied` or `failed`.
    public init(creating path: String) throws(RunStoreError) {
        try Self.make(path)
        self.path = path
        // Nothing is put into a directory that is somebody else's, not even a lock.
        let found = try names(in: "")
        guard found.isEmpty || found.contains(RunLock.name) else { throw .occupied(path: path) }
        lock = try RunLock(of: path)
        let left = [RunLock.name, "input", Self.temporaryName(of: Self.manifestName)]
        guard try names(in: "").allSatisfy(left.contains) else { throw .occupied(path: path) }
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
                lock = try RunLock(of: path)
                return
            }
            guard errno == EEXIST else {
                throw .failed(path: candidate, reason: "cannot make this directory: \(Self.systemReason())")
            }
        }
        throw .failed(path: base, reason: "a million runs of this name exist; remove some")
    }

    /// A directory that a run was stored in, to be read.
    public init(existing path: String) throws(RunStoreError) {
        self.path = path
        guard has(Self.manifestName) else {
            var isDirectory: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
            guard exists, isDirectory.boolValue else {
                throw .notResumable(path: path, reason: "no such run directory")
            }
            throw .notResumable(
                path: path,
                reason:
                    "no manifest.json: a run was killed before it began, or this is none; give its command "
                    + "again, with the same --out if you like")
        }
    }

    /// Takes the directory for this process, to write in it.
    ///
    /// - Throws: `RunStoreError.inUse` where another process has it.
    public mutating func claim() throws(RunStoreError) { lock = try RunLock(of: path) }

    /// Gives the directory free for other processes; nothing is written in it any more.
    public func release() { lock?.release() }

    static let manifestName = "manifest.json"

    func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(of: name)) }

    /// The whole file.
    func read(_ name: String) throws(RunStoreError) -> [UInt8] {
        let path = path(of: name)
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure(of: path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = part.withUnsafeMutableBytes {
                Foundation.read(descriptor, $0.baseAddress, $0.count)
            }
            if count == 0 { return bytes }
            if count > 0 {
                bytes.append(contentsOf: part[..<count])
            } else if errno != EINTR {
                throw Self.failure(of: path)
            }
        }
    }

    /// The names in a subdirectory, sorted; none where it does not exist.
    func names(in subdirectory: String) throws(RunStoreError) -> [String] {
        let path = subdirectory.isEmpty ? path : path(of: subdirectory)
        guard let directory = opendir(path) else {
            if errno == ENOENT { return [] }
            throw Self.failure(of: path)
        }
        defer { closedir(directory) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
            errno = 0
        }
        guard errno == 0 else { throw Self.failure(of: path) }
        return names.sorted()
    }

    func removeSubdirectory(_ name: String) {
        for file in (try? names(in: name)) ?? [] { remove("\(name)/\(file)") }
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
        do {
            try writeTemporary(bytes, of: name)
            try rename(temporaryOf: name)
        } catch {
            // Half a file takes room on a disk that may be full.
            remove(Self.temporaryName(of: name))
            throw error
        }
    }

    private func writeTemporary(_ bytes: [UInt8], of name: String) throws(RunStoreError) {
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
    }

    /// Gives the finished temporary file of `name` its final name, and makes the name last through a power cut.
    func rename(temporaryOf name: String) throws(RunStoreError) {
        try rename(Self.temporaryName(of: name), to: name)
    }

    func rename(_ old: String, to new: String) throws(RunStoreError) {
        guard Foundation.rename(path(of: old), path(of: new)) == 0 else {
            throw Self.failure(of: path(of: new))
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
