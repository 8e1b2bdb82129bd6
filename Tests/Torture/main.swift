// The torture suite by hand: torture FROM COUNT runs so many seeds and prints what they covered and broke; exit code 1
// where anything broke. "torture plant BUG FROM COUNT" ends with the first seed that finds a fault put in on purpose.
// `scripts/torture` builds and calls it.
import Foundation
import TortureSuite

nonisolated(unsafe) var seedUnderWay: UInt64 = 0

/// Whether one broken seed is enough.
var isPlanted = false

/// At once, so that nothing is lost where a later seed traps.
func tell(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }

/// A trap takes the whole process down, and so does a seed that takes more than a minute of processor time; the seed is
/// told first. With SWIFT_BACKTRACE=enable=yes Swift shows the place of a trap instead.
let isTraced = ProcessInfo.processInfo.environment["SWIFT_BACKTRACE"]?.contains("enable=yes") ?? false
for number in isTraced ? [SIGPROF] : [SIGILL, SIGTRAP, SIGSEGV, SIGABRT, SIGPROF] {
    signal(number) { number in
        let what = number == SIGPROF ? "takes too long" : "trapped"
        var text = Array("seed \(seedUnderWay): the program \(what)\n".utf8)
        _ = write(1, &text, text.count)
        _exit(70)
    }
}

var arguments = Array(CommandLine.arguments.dropFirst())
if arguments == ["bugs"] {
    for bug in TortureRun.plantableBugs { tell(bug) }
    exit(0)
}
if arguments.first == "plant", arguments.count > 1 {
    guard TortureRun.plant(arguments[1]) else {
        tell("there is no bug \(arguments[1]); torture bugs names them")
        exit(64)
    }
    arguments.removeFirst(2)
    isPlanted = true
}
let numbers = arguments.compactMap { UInt64($0) }
guard numbers.count == 2 else {
    tell("torture [plant BUG] FROM COUNT, or torture bugs")
    exit(64)
}
if numbers[1] == 1 { tell(TortureCase(seed: numbers[0]).topology) }
var broken = 0
var totals: [String: Int] = [:]
for seed in numbers[0]..<numbers[0] + numbers[1] {
    seedUnderWay = seed
    var limit = itimerval(it_interval: timeval(), it_value: timeval(tv_sec: 60, tv_usec: 0))
    setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &limit, nil)
    let run = TortureRun(seed: seed)
    for (name, count) in run.counts { totals[name, default: 0] += count }
    guard !run.violations.isEmpty else { continue }
    broken += 1
    tell("seed \(seed):")
    for violation in run.violations.prefix(12) { tell("  \(violation)") }
    if isPlanted { break }
}

for (name, count) in totals.sorted(by: { $0.key < $1.key }) { tell("\(count)\t\(name)") }
tell("\(numbers[1]) seeds from \(numbers[0]), \(broken) broken")
exit(broken == 0 ? 0 : 1)
