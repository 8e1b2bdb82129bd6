import Cryptography
import LightningTypes
import PaymentChannels
import Settlement

/// Why a trial is a finding.
public struct TrialFailure: Error, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}

/// One of the three nodes: its ends, its money on chain and what it knows.
final class TrialNode {
    let place: Int
    let ends: [TrialEnd]
    var wallet: FeeWallet
    /// Payments whose preimage it has; a payee, those that it has decided to claim.
    var known: Set<UInt64> = []
    /// Payments that it has tried to forward.
    var attempted: Set<UInt64> = []
    var backup: Backup?

    var isOnline = true
    /// The last block seen that still stands; its monitors know whether they saw others that do not.
    var seen = BlockHeight(0)
    var hasUndone = false
    /// Blocks that came while it was away.
    var missed = 0
    /// Restored from a backup: what it loses is its own fault.
    var hasLostData = false

    var tower: Watchtower?
    var isTowerUp = true
    var wasTowerDown = false
    var towerSeen = BlockHeight(0)

    struct Backup {
        var ends: [[UInt8]?]
        var wantsClose: [Bool]
        var known: Set<UInt64>
        var attempted: Set<UInt64>
    }

    init(place: Int, ends: [TrialEnd], wallet: FeeWallet) {
        self.place = place
        self.ends = ends
        self.wallet = wallet
    }

    var hasCheated: Bool { ends.contains { $0.hasCheated } }
    /// Whether it was there whenever it mattered: no margin is narrower.
    var wasPresent: Bool { missed <= Trial.missedMaximum }
    /// Whether it must not lose anything.
    var isProtected: Bool { !hasCheated && !hasLostData && wasPresent }

    func other(than end: TrialEnd) -> TrialEnd? { ends.first { $0 !== end } }

    /// Whether another end has an HTLC of a payment that this node offered and that is not resolved.
    func hasOutgoing(_ payment: UInt64, apartFrom end: TrialEnd) -> HTLC? {
        other(than: end)?.htlcs.first { $0.payment == payment && $0.state.isOffered }
    }
}

/// What a payment was to be.
struct TrialPayment {
    var id: UInt64
    /// Nodes from payer to payee, two or three.
    var route: [Int]
    var amount: Millisatoshi
    /// What the payer offers, its forwarder's fee included.
    var sent: Millisatoshi
    /// Whether its payee has decided to take the money.
    var isClaimed = false
}
