import Foundation
import Topologies

/// How much memory the system lets this process have.
enum SystemMemory {
    /// The narrowest of what the machine has, what its container has, and what `ulimit` leaves.
    static func allowance(for purpose: MemoryAllowance.Purpose) -> MemoryAllowance {
        var all = [
            MemoryAllowance(
                bytes: Double(ProcessInfo.processInfo.physicalMemory), owner: "this machine has",
                purpose: purpose)
        ]
        for path in ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"] {
            guard let bytes = number(inFile: path) else { continue }
            all.append(MemoryAllowance(bytes: bytes, owner: "its container has", purpose: purpose))
        }
        if let bytes = addressSpaceLeft {
            all.append(MemoryAllowance(bytes: bytes, owner: "'ulimit -v' leaves", purpose: purpose))
        }
        return all.min { $0.bytes < $1.bytes } ?? all[0]
    }

    /// Of the address space that `ulimit -v` allows, what is not taken yet; nil: as much as there is.
    private static var addressSpaceLeft: Double? {
        guard let limit = addressSpaceLimit else { return nil }
        return Double(limit) - (number(inFile: "/proc/self/statm") ?? 0)
            * Double(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// Bytes that `ulimit -v` allows; nil: any. Only calls that a signal handler may make.
    static var addressSpaceLimit: rlim_t? {
        var limit = rlimit()
        #if os(Linux)
            guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0 else { return nil }
        #else
            guard getrlimit(RLIMIT_AS, &limit) == 0 else { return nil }
        #endif
        // Nobody's machine has half of all addresses: no limit.
        return limit.rlim_cur < rlim_t.max / 2 ? limit.rlim_cur : nil
    }

    /// The first number of a file of the system's; nil where it is not there, or says `max`.
    private static func number(inFile path: String) -> Double? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        let digits = data.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return Double(String(decoding: digits, as: UTF8.self))
    }
}
