import Recomputation
import Testing

/// Every figure of a run's files, recomputed by code that has nothing of the simulator's.
struct RecomputationTests {
    @Test(arguments: Scenario.all)
    func `every figure of a run follows from its payments, attempts and chain`(scenario: Scenario) throws {
        let account = try #require(Scenario.accounts[scenario.description])
        #expect(
            account.violations.isEmpty,
            "\(account.violations.count) violations, first \(account.violations.prefix(8))")
    }

    @Test func `nothing is recomputed to a bound alone but what is said to be`() {
        var sum = Account()
        for account in Scenario.accounts.values { sum.add(account) }
        let loose = sum.met.subtracting(sum.exact).subtracting(Recomputation.boundedOnly.keys)
            .subtracting(Recomputation.facts)
        #expect(loose.isEmpty, "never recomputed exactly at a figure that tells something: \(loose.sorted())")
        let superfluous = Set(Recomputation.boundedOnly.keys).intersection(sum.exact)
        #expect(superfluous.isEmpty, "recomputed exactly, though listed: \(superfluous.sorted())")
    }
}
