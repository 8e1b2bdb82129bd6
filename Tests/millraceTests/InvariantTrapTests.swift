import Foundation
import Testing

@testable import millrace

struct InvariantTrapTests {
    @Test func `a broken invariant is exit code 70`() async {
        await #expect(processExitsWith: .exitCode(70)) {
            unsetenv("SWIFT_BACKTRACE")
            InvariantTrap.install()
            preconditionFailure("planted")
        }
    }
}
