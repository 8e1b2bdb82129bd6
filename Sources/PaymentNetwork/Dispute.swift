import LightningTypes
import PaymentChannels
import Settlement

/// A channel on its way over the chain, as one of its parties sees it.
struct Dispute {
    /// Nil until layer 1 has told the height and the fees at which a commitment is published.
    var monitor: ChannelMonitor?
    /// The revoked commitment that a cheat publishes in place of its latest one.
    var cheatsWith: OldCommitment?
    /// Whether a revoked commitment decides the channel.
    var isBreach = false
    /// Whether it is over and booked. The client of a tower goes on watching a breach: what was not worth its fee to
    /// it, the tower may punish when fees are lower.
    var isConcluded = false
    /// What has come to the wallet from the channel, less what the wallet gave for it; satoshis.
    var balance: Int64 = 0
    /// Payments whose preimages came while layer 1 was asked.
    var preimages: Set<UInt64> = []
    /// The height for which news were asked for last.
    var asked: BlockHeight?
}

/// A commitment that a cheat has kept beyond its revocation.
struct OldCommitment {
    var number: UInt64
    var commitment: CommitmentTransaction
    /// What it would pay its owner.
    var worth: Satoshi
}
