import Foundation

/// How many of its cases a test goes through: all of it in a release build and wherever the environment variable
/// `MILLRACE_ALL_TESTS` is set, a part in other debug builds, which are twenty times slower.
func extent<Count>(_ part: Count, all: Count) -> Count {
    #if DEBUG
        ProcessInfo.processInfo.environment["MILLRACE_ALL_TESTS"] == nil ? part : all
    #else
        all
    #endif
}
