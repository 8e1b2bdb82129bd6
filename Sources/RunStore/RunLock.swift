import Foundation
import Synchronization

/// Keeps a run directory to one process: an `flock` on its file `.lock`, which the kernel takes back from a process that
/// was killed.
///
/// The file holds the number of the process that has it, for messages. It goes when the lock is released; a killed run
/// leaves the file, and no lock.
final class RunLock: Sendable {
    static let name = ".lock"

    private let path: String
    /// Nil once released.
    private let descriptor: Mutex<Int32?>

    /// - Throws: `RunStoreError.inUse` where another process, or another lock of this one, has the directory.
    init(of directory: String) throws(RunStoreError) {
        let path = "\(directory)/\(Self.name)"
        self.path = path
        while true {
            let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
            guard file >= 0 else { throw Self.failure(of: path) }
            guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
                let refusal: RunStoreError =
                    errno == EWOULDBLOCK
                    ? .inUse(path: directory, owner: Self.owner(file))
                    : Self.failure(of: path, "; name a directory of another file system with --out")
                close(file)
                throw refusal
            }
            // Whoever had it before may have removed the file between our opening and our locking it.
            if Self.isStill(file, at: path) {
                let text = "\(getpid())\n"
                _ = ftruncate(file, 0)
                _ = text.utf8CString.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count - 1, 0) }
                descriptor = Mutex(file)
                return
            }
            close(file)
        }
    }

    deinit { release() }

    /// Removes the file and gives the directory free; once is enough.
    func release() {
        descriptor.withLock { descriptor in
            guard let file = descriptor else { return }
            unlink(path)
            close(file)
            descriptor = nil
        }
    }

    private static func isStill(_ file: Int32, at path: String) -> Bool {
        var opened = stat()
        var named = stat()
        return fstat(file, &opened) == 0 && stat(path, &named) == 0
            && (opened.st_dev, opened.st_ino) == (named.st_dev, named.st_ino)
    }

    /// Which process says it has the file.
    private static func owner(_ file: Int32) -> Int32? {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = bytes.withUnsafeMutableBytes { pread(file, $0.baseAddress, $0.count, 0) }
        return count > 0 ? Int32(String(decoding: bytes[..<(count - 1)], as: UTF8.self)) : nil
    }

    private static func failure(of path: String, _ advice: String = "") -> RunStoreError {
        .failed(path: path, reason: "cannot be locked: \(String(cString: strerror(errno)))\(advice)")
    }
}
