import Routing
import Testing
import Topologies

@testable import PaymentNetwork

@Suite struct `Routes found ahead on several threads` {
    /// Sparse traffic, in which nearly every search can be made ahead, and dense, in which threads search while others
    /// are at work.
    @Test(
        arguments: [
            (RoutingModel.cheapestFee, Splitting.none), (.ldk, .none), (.lnd, .none), (.ldk, .halving),
            (.cheapestFee, .minimumCostFlow),
        ], [2, 100])
    func `decide nothing, whatever senders mind`(rule: (RoutingModel, Splitting), rate: Int) throws {
        var network = try busyNetwork(rate: rate)
        network.payments.model = rule.0
        network.payments.splitting = rule.1
        var settings = RunSettings()
        settings.paymentsMaximum = 1_500
        let alone = try NetworkSimulation(network, settings: settings, shardCount: 1).run()
        settings.threads = 3
        let together = try NetworkSimulation(network, settings: settings, shardCount: 4)
        let result = try together.run()
        #expect(result.digest == alone.digest && result.payments == alone.payments)
        #expect(result.attempts == alone.attempts && result.attempts > result.payments.routable)
        #expect(together.prefetchSeconds > 0)
    }

    /// Versions of the graph follow each other every five seconds, each in the memory of an older one.
    @Test(arguments: [RoutingModel.cheapestFee, .ldk], [2, 3])
    func `are forgotten with the graph they were found in`(model: RoutingModel, threads: Int) throws {
        var network = try changingNetwork()
        network.payments.model = model
        var settings = RunSettings()
        settings.paymentsMaximum = 2_000
        let alone = try NetworkSimulation(network, settings: settings, shardCount: 1).run()
        settings.threads = threads
        let together = try NetworkSimulation(network, settings: settings, shardCount: 4)
        #expect(try together.run().digest == alone.digest)
        #expect(together.prefetchSeconds > 0)
    }
}
