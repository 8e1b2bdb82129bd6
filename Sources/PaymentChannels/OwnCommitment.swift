import Cryptography
import LightningTypes
import Settlement

/// A commitment of this party with both parties' signatures: what it takes to go on chain with it.
///
/// Honest parties make one when they need it, of their latest commitment (`Channel.latestCommitment`); a cheat keeps
/// those of revoked ones.
public struct OwnCommitment: Sendable {
    public let commitment: CommitmentTransaction
    /// The commitment transaction, signed by both.
    public let transaction: Transaction
    let id: TransactionID
    let signaturesOfPeer: CommitmentSignatures

    /// - Parameter theirs: what came with the peer's `commitment_signed`.
    public init(
        _ commitment: CommitmentTransaction, theirs: CommitmentSignatures, keys: ChannelKeys,
        peer: ChannelPublicKeys
    ) {
        precondition(
            theirs.all.count == commitment.secondStage.count + 1, "one signature for each transaction")
        self.commitment = commitment
        signaturesOfPeer = theirs
        var signed = commitment.transaction
        signed.inputs[0].witness = fundingWitness(
            (keys.funding.publicKey, keys.funding.signature(of: signed.signatureHash)),
            (peer.funding, theirs.all[0]))
        transaction = signed
        id = signed.id
    }

    /// HTLC-timeout, or with a preimage HTLC-success, as far as the peer signed it: what the owner adds, and its own
    /// signature, are missing.
    func secondStage(_ place: Int) -> Transaction { commitment.secondStage[place] }

    /// What the first input of a second-stage transaction shows, once all of the transaction is there.
    func witness(
        _ transaction: Transaction, _ place: Int, preimage: Bytes32?, keys: ChannelKeys
    ) -> Witness {
        Witness(
            condition: 1,
            signatures: [
                keys.htlc.signature(of: transaction.signatureHash), signaturesOfPeer.all[place + 1],
            ],
            scopes: commitment.hasAnchors ? [.transaction, .pair] : [], secret: preimage)
    }
}
