import LightningTypes
import Randomness

extension Topology {
    /// What nodes change of their policies in the run: at a time, or again and again at random times.
    public struct PolicyChange: Sendable, Hashable {
        public enum Timing: Sendable, Hashable {
            case at(Duration)
            /// Changes a second of each direction concerned, at random times (Poisson).
            case rate(Double)
        }

        /// A factor between two, its logarithm uniform.
        public struct Factor: Sendable, Hashable {
            public var lowest: Double
            public var highest: Double

            public init(lowest: Double, highest: Double) {
                self.lowest = lowest
                self.highest = highest
            }

            func draw(_ stream: inout RandomStream) -> Double {
                lowest * naturalExponential(stream.unitInterval() * naturalLogarithm(highest / lowest))
            }
        }

        public var timing: Timing
        /// Whose policies change, and only in channels to whom; ascending. Nil: all.
        public internal(set) var nodes: [Int32]?
        public internal(set) var peers: [Int32]?
        /// Nil: in all channels.
        public internal(set) var channel: ShortChannelID?
        /// The fields that get these values.
        var fields: PolicyDraft
        /// What the fees of the topology are multiplied by, drawn at each change; nil: nothing.
        var feeFactor: Factor?

        public func concerns(node: Int32) -> Bool { Self.contains(nodes, node) }

        public func concerns(peer: Int32, channel id: ShortChannelID) -> Bool {
            Self.contains(peers, peer) && (channel == nil || channel == id)
        }

        private static func contains(_ nodes: [Int32]?, _ node: Int32) -> Bool {
            guard let nodes else { return true }
            var low = 0
            var high = nodes.count
            while low < high {
                let middle = (low + high) / 2
                if nodes[middle] < node { low = middle + 1 } else { high = middle }
            }
            return low < nodes.count && nodes[low] == node
        }

        /// The policy after a change.
        ///
        /// - Parameters:
        ///   - policy: the one it replaces.
        ///   - first: the topology's: fees change about those, so that they do not wander off over a long run.
        public func applied(
            to policy: ChannelPolicy, startingFrom first: ChannelPolicy, capacity: Satoshi,
            _ stream: inout RandomStream
        ) -> ChannelPolicy {
            var policy = policy
            if let feeFactor {
                let factor = feeFactor.draw(&stream)
                policy.baseFee = Millisatoshi(
                    UInt64(Self.scaled(UInt32(clamping: first.baseFee.rawValue), by: factor)))
                policy.proportionalFee = Self.scaled(first.proportionalFee, by: factor)
            }
            let former = PolicyDraft(
                baseFee: policy.baseFee, proportionalFee: policy.proportionalFee,
                cltvExpiryDelta: policy.cltvExpiryDelta, htlcMinimum: policy.htlcMinimum,
                htlcMaximum: policy.htlcMaximum, isDisabled: policy.isDisabled)
            return fields.over(former).resolved(capacity: capacity)
        }

        private static func scaled(_ fee: UInt32, by factor: Double) -> UInt32 {
            UInt32(min((Double(fee) * factor).rounded(), Double(UInt32.max)))
        }
    }
}

extension Topology {
    /// No payment that the file asks for starts later.
    public var trafficHorizon: Duration {
        switch traffic {
        case .flows: duration ?? timeMaximum
        case .trace(let payments):
            min(duration ?? timeMaximum, .microseconds(payments.last?.microseconds ?? 0))
        }
    }
}
