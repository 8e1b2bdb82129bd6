// The torture suite by hand: torture FROM COUNT runs so many seeds and prints what they covered and broke; exit code 1
// where anything broke. `scripts/torture` builds and calls it.
import Foundation
import TortureSuite

nonisolated(unsafe) var seedUnderWay: UInt64 = 0

/// At once, so that nothing is lost where a later seed traps.
func tell(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }

/// A trap takes the whole process down; its seed is told first.
/// So does one that takes more than a minute. With SWIFT_BACKTRACE=enable=yes Swift shows the place of a trap instead.
let isTraced = ProcessInfo.processInfo.environment["SWIFT_BACKTRACE"]?.contains("enable=yes") ?? false
for number in isTraced ? [SIGALRM] : [SIGILL, SIGTRAP, SIGSEGV, SIGABRT, SIGALRM] {
    signal(number) { number in
        let what = number == SIGALRM ? "takes too long" : "trapped"
        var text = Array("seed \(seedUnderWay): the program \(what)\n".utf8)
        _ = write(1, &text, text.count)
        _exit(70)
    }
}

let numbers = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
guard numbers.count == 2 else {
    tell("torture FROM COUNT")
    exit(64)
}
if numbers[1] == 1 { tell(TortureCase(seed: numbers[0]).topology) }
var broken = 0
var totals: [String: Int] = [:]
for seed in numbers[0]..<numbers[0] + numbers[1] {
    seedUnderWay = seed
    alarm(60)
    let run = TortureRun(seed: seed)
    for (name, count) in run.counts { totals[name, default: 0] += count }
    guard !run.violations.isEmpty else { continue }
    broken += 1
    tell("seed \(seed):")
    for violation in run.violations.prefix(5) { tell("  \(violation)") }
}

for (name, count) in totals.sorted(by: { $0.key < $1.key }) { tell("\(count)\t\(name)") }
tell("\(numbers[1]) seeds from \(numbers[0]), \(broken) broken")
exit(broken == 0 ? 0 : 1)
