import Foundation

/// A broken invariant traps, and so does memory that is not there; the shell is to see one line and an exit code, not a
/// signal's number.
enum InvariantTrap {
    /// What the language's runtime wrote of its own end, so that it does not stand beside our line.
    nonisolated(unsafe) private static var lastWords: UnsafeMutablePointer<CChar>?
    private static let lastWordsSize = 4_096

    static func install() {
        // A file that would grow beyond `ulimit -f` is a failure to write, which is told as any other.
        signal(SIGXFSZ, SIG_IGN)
        // Who asked for Swift's own backtrace gets it.
        guard getenv("SWIFT_BACKTRACE") == nil else { return }
        keepLastWords()
        // The stack may be what is gone.
        let size = 64 << 10
        var stack = stack_t(ss_sp: malloc(size), ss_flags: 0, ss_size: size)
        sigaltstack(&stack, nil)
        for number in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS] {
            var action = sigaction()
            sigemptyset(&action.sa_mask)
            action.sa_flags = Int32(SA_ONSTACK)
            #if os(Linux)
                action.__sigaction_handler.sa_handler = { _ in InvariantTrap.leave() }
            #else
                action.__sigaction_u.__sa_handler = { _ in InvariantTrap.leave() }
            #endif
            sigaction(number, &action, nil)
        }
    }

    /// The runtime writes to C's `stderr`, nothing of ours does: from now on that is a piece of memory.
    private static func keepLastWords() {
        let words = UnsafeMutablePointer<CChar>.allocate(capacity: lastWordsSize)
        words.initialize(repeating: 0, count: lastWordsSize)
        // Its name is a variable of C's that Swift 6 does not let anybody touch.
        guard let place = dlsym(nil, "stderr"), let file = fmemopen(words, lastWordsSize - 1, "w") else {
            return
        }
        setvbuf(file, nil, Int32(_IONBF), 0)
        place.storeBytes(of: file, as: UnsafeMutablePointer<FILE>.self)
        lastWords = words
    }

    /// Only calls that a signal handler may make.
    private static func leave() -> Never {
        if isMemoryGone {
            say(
                "millrace: no memory left: a smaller network or fewer payments take less, or 'ulimit -v' allows too little\n"
            )
            _exit(ExitStatus.inputOutput.rawValue)
        }
        if let lastWords { write(STDERR_FILENO, lastWords, strlen(lastWords)) }
        say(
            "millrace: an invariant is broken, which is a fault of the program; please report the command. Set SWIFT_BACKTRACE=enable=yes to see where.\n"
        )
        _exit(ExitStatus.brokenInvariant.rawValue)
    }

    private static func say(_ message: StaticString) {
        write(STDERR_FILENO, message.utf8Start, message.utf8CodeUnitCount)
    }

    /// Whether memory that was asked for was not given.
    private static var isMemoryGone: Bool {
        guard let lastWords else { return false }
        // The runtime's words, and those of `LargeMemory`.
        return strstr(lastWords, "failed to allocate") != nil || strstr(lastWords, "no memory left") != nil
    }
}
