import Cryptography
import LightningTypes
import Settlement

/// Whose commitment spends a channel's funding output, and which (BOLT 5, "On-chain Transaction Handling").
public enum FundingSpend: Hashable, Sendable {
    /// Not a commitment: both agreed on it.
    case mutualClose
    /// This party's.
    case ours(number: UInt64)
    /// The peer's latest or the one before it, which it has not revoked.
    case theirs(number: UInt64)
    /// The peer's, revoked: a breach.
    case revoked(number: UInt64)
    /// The peer's, of a number this party has never signed: it has lost states.
    case unknown(number: UInt64)

    /// Whether the peer published what it had revoked.
    public var isRevoked: Bool {
        switch self {
        case .revoked: true
        case .mutualClose, .ours, .theirs, .unknown: false
        }
    }
}

/// What an output of a commitment is, told by the conditions it shows (BOLT 3).
enum CommitmentPart: Hashable {
    /// The owner's balance: delayed and revocable.
    case toOwner
    /// The other party's balance.
    case toOther
    case ownersAnchor
    case othersAnchor
    /// An HTLC that the owner offered, or received.
    case offered(hash: Bytes32, expiry: BlockHeight)
    case received(hash: Bytes32, expiry: BlockHeight)

    /// Nil for an output that no commitment of these parties has.
    init?(_ output: Output, owner: ChannelPublicKeys, other: ChannelPublicKeys) {
        let conditions = output.conditions
        switch conditions.count {
        case 1 where conditions[0].keys == [other.payment]: self = .toOther
        case 2 where conditions[1].keys == [owner.delayedPayment]: self = .toOwner
        case 2 where conditions[1].keys.isEmpty && conditions[0].keys == [owner.funding]: self = .ownersAnchor
        case 2 where conditions[1].keys.isEmpty && conditions[0].keys == [other.funding]: self = .othersAnchor
        case 3 where conditions[1].keys == [owner.htlc, other.htlc]:
            if let expiry = conditions[1].absoluteLock, let hash = conditions[2].hashlock {
                self = .offered(hash: hash, expiry: expiry)
            } else if let expiry = conditions[2].absoluteLock, let hash = conditions[1].hashlock {
                self = .received(hash: hash, expiry: expiry)
            } else {
                return nil
            }
        default: return nil
        }
    }
}

extension CommitmentContext {
    /// Whether a commitment is this party's, told by an output that only one of the two has; nil where none tells.
    func isOurs(_ transaction: Transaction) -> Bool? {
        for output in transaction.outputs {
            if output.conditions.count == 1 {
                if output.conditions[0].keys == [ours.payment] { return false }
                if output.conditions[0].keys == [theirs.payment] { return true }
            } else if output.conditions[0].hashlock != nil {
                if output.conditions[0].keys == [ours.revocation] { return false }
                if output.conditions[0].keys == [theirs.revocation] { return true }
            }
        }
        return nil
    }
}
