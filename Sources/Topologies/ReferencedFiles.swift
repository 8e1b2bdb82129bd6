import Synchronization

/// The files that a topology file names, by the paths it gives: kept as they are read, or given from the start.
///
/// A run keeps a copy of all it was made from, so that it can be repeated where those files are gone or changed.
public final class ReferencedFiles: Sendable {
    private let files: Mutex<[(path: String, bytes: [UInt8])]>
    /// Whether a path that was not given is an error; else it is read from the disk and kept.
    let isComplete: Bool

    /// Keeps what is read from the disk.
    public init() {
        files = Mutex([])
        isComplete = false
    }

    /// Stands in for the disk: no other file is read.
    public init(given: [(path: String, bytes: [UInt8])]) {
        files = Mutex(given)
        isComplete = true
    }

    /// In the order in which they were read.
    public var all: [(path: String, bytes: [UInt8])] { files.withLock { $0 } }

    func bytes(of path: String) -> [UInt8]? { files.withLock { $0.first { $0.path == path }?.bytes } }

    func keep(_ bytes: [UInt8], of path: String) {
        files.withLock { files in
            if !files.contains(where: { $0.path == path }) { files.append((path, bytes)) }
        }
    }
}
