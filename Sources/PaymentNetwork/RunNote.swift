import Topologies

/// What a running simulation tells between two windows, to whoever watches; no part of a result.
public enum RunNote: Sendable {
    /// A new version of the public graph is out, seen from this simulated time (microseconds) on.
    case gossipEpoch(time: UInt64, updates: Int)
    /// A simulated hour, from 0, is over, and the network is like this.
    case hour(Int, NetworkSample)
    /// Something goes wrong now.
    case fault(Topology.PlannedFault, Topology.Fault.Kind)
    /// The system has no room for as many threads as were asked for; the result is the same.
    case fewerThreads(made: Int, asked: Int)
}
