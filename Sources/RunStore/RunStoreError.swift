import Foundation
import GRDB

/// Why a run could not be stored. Each description is one line that names the path.
public enum RunStoreError: Error, CustomStringConvertible {
    /// The directory asked for already holds something.
    case occupied(path: String)
    /// The file system refused.
    case failed(path: String, reason: String)
    /// The directory holds no run that could be gone on with.
    case notResumable(path: String, reason: String)
    /// The tables are those of another version of the program.
    case otherSchema(path: String, found: Int, program: String)
    /// Another process, of this number where it says so, has the directory.
    case inUse(path: String, owner: Int32?)
    /// The rows that a killed run recorded are not those that its checkpoint speaks of.
    case otherRows(path: String, reason: String)
    /// SQLite refused.
    case database(path: String, reason: String)

    public var description: String {
        switch self {
        case .occupied(let path): "\(path) is not empty; name a new or empty directory with --out"
        case .inUse(let path, let owner):
            "\(path) is in use by another millrace\(owner.map { ", process \($0)" } ?? ""); wait until it has ended"
        case .notResumable(let path, let reason): "\(path): \(reason)"
        case .otherSchema(let path, let found, let program):
            "\(path): its tables have schema \(found), of \(program); this program writes schema "
                + "\(RunDatabase.schemaVersion), and neither verifies nor goes on with another"
        case .failed(let path, let reason), .otherRows(let path, let reason), .database(let path, let reason):
            "\(path): \(reason)"
        }
    }
}

extension RunStoreError {
    /// What `ulimit -f` lets a file grow to, where it sets a limit: SQLite does not say that this was it.
    private static var sizeLimit: String {
        var limit = rlimit()
        #if os(Linux)
            guard getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { return "" }
        #else
            guard getrlimit(RLIMIT_FSIZE, &limit) == 0 else { return "" }
        #endif
        guard limit.rlim_cur < rlim_t.max / 2 else { return "" }
        return "; 'ulimit -f' allows files of \(limit.rlim_cur) bytes"
    }

    /// What SQLite says of itself, in a few words.
    static func reason(of error: any Error) -> String {
        switch error {
        case let refusal as SQLiteRefusal: refusal.reason
        case let error as DatabaseError:
            (error.message ?? "SQLite error \(error.resultCode.rawValue)")
                + (error.resultCode == .SQLITE_IOERR || error.resultCode == .SQLITE_FULL ? sizeLimit : "")
        case let error: "\(error)"
        }
    }
}
