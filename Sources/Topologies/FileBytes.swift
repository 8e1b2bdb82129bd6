import Foundation

/// How much of a file is read at most. What follows is never looked at: a pipe or a device may have no end.
public enum ByteLimit: Sendable {
    /// 64 MiB, since every value of a topology is a node in memory; 2 GiB where the file begins as JSON or XML
    /// does, for it may be a raw graph.
    case topology
    /// 2 GiB: a graph, its names, a trace, a list of queries.
    case table
}

/// Why a file could not be read, in one's own words where the cause is a common one.
public enum FileFault: Error, Hashable, CustomStringConvertible {
    case noSuchFile
    case isDirectory
    case noRegularFile
    case permissionDenied
    /// Longer than so many bytes.
    case tooLong(maximum: Int)
    /// Anything else the system says, by its number.
    case system(Int32)

    init(systemNumber number: Int32) {
        switch number {
        case ENOENT: self = .noSuchFile
        case EISDIR: self = .isDirectory
        case EACCES, EPERM: self = .permissionDenied
        case _: self = .system(number)
        }
    }

    public var description: String {
        switch self {
        case .noSuchFile: "no such file"
        case .isDirectory: "is a directory; name a file in it"
        case .noRegularFile: "is no regular file"
        case .permissionDenied: "permission denied"
        case .tooLong(let maximum):
            "longer than \(TextBytes.inMebibytes(maximum)), the most a file of this kind may have"
        case .system(let number): "cannot be read: \(String(cString: strerror(number)))"
        }
    }
}

/// The bytes of files from the outside, for readers that go on to check that they are text.
///
/// Reading ends at the first chunk with a NUL byte: no text has one, and `/dev/zero` has nothing else.
public enum FileBytes {
    private static let chunkCount = 1 << 20

    /// The whole file, pipes and devices included unless `onlyRegular`.
    public static func contents(
        ofFile path: String, limit: ByteLimit, onlyRegular: Bool = false
    ) throws(FileFault) -> [UInt8] {
        // The system would take the text up to it for the path.
        guard !path.utf8.contains(0) else { throw .noSuchFile }
        var status = stat()
        guard stat(path, &status) == 0 else { throw FileFault(systemNumber: errno) }
        let kind = status.st_mode & S_IFMT
        guard kind != S_IFDIR else { throw .isDirectory }
        guard kind == S_IFREG || !onlyRegular else { throw .noRegularFile }
        let expected = kind == S_IFREG ? Int(status.st_size) : 0
        guard expected <= TextBytes.graphBytesMaximum else {
            throw .tooLong(maximum: TextBytes.graphBytesMaximum)
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileFault(systemNumber: errno) }
        defer { close(descriptor) }
        return try read(descriptor, expected: expected, limit: limit)
    }

    public static func standardInput(limit: ByteLimit) throws(FileFault) -> [UInt8] {
        try read(STDIN_FILENO, expected: 0, limit: limit)
    }

    private static func read(
        _ descriptor: Int32, expected: Int, limit: ByteLimit
    ) throws(FileFault) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(expected)
        var chunk = [UInt8](repeating: 0, count: chunkCount)
        var maximum = limit == .table ? TextBytes.graphBytesMaximum : TextBytes.topologyBytesMaximum
        var isDecided = limit == .table
        while true {
            let count = chunk.withUnsafeMutableBytes { Foundation.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw FileFault(systemNumber: errno)
            }
            guard count > 0 else { return bytes }
            bytes.append(contentsOf: chunk[..<count])
            if chunk.withUnsafeBytes({ memchr($0.baseAddress!, 0, count) != nil }) { return bytes }
            if !isDecided, let first = chunk[..<count].first(where: { !mayPrecedeDocument($0) }) {
                isDecided = true
                if "{<".utf8.contains(first) { maximum = TextBytes.graphBytesMaximum }
            }
            guard bytes.count <= maximum else { throw .tooLong(maximum: maximum) }
        }
    }

    /// Blanks, and the bytes of a byte order mark.
    private static func mayPrecedeDocument(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x09, 0x0D, 0x0A, 0xEF, 0xBB, 0xBF: true
        case _: false
        }
    }
}
