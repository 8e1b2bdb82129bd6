import Cryptography
import LightningTypes
import Settlement

/// A transaction of this party that waits for its confirmation, and what was reserved for it.
struct ClaimAttempt: Hashable, Sendable {
    var transaction: Transaction
    var fee: Satoshi
    /// The height at which the first one for the same output was broadcast.
    var since: BlockHeight
    /// Coins of the wallet that it spends.
    var coins: [FeeWallet.Coin] = []

    /// The blocks above a height are undone: no attempt began there.
    mutating func undo(to height: BlockHeight) { since = min(since, height) }
}

/// Makes and signs the transactions by which a party takes its outputs on chain.
struct ClaimTransactions {
    let keys: ChannelKeys
    let rules: ChainRules
    /// The height they are for.
    let height: BlockHeight

    /// The fee at a rate, rounded up; nil where that is not enough to replace a former transaction.
    private func fee(weight: UInt64, feerate: UInt64, replacing former: ClaimAttempt?) -> Satoshi? {
        let fee = Satoshi((weight * max(feerate, rules.feerateMinimum) + 999) / 1_000)
        guard let former else { return fee }
        return fee >= former.fee + rules.replacementFee(weight: weight) ? fee : nil
    }

    // MARK: What pays for itself

    /// Takes an output to the wallet, or nil where that costs more than `costMaximum`, leaves less than an output is
    /// worth, or does not pay enough to replace `former`.
    func sweep(
        _ claim: OutputClaim, preimage: Bytes32?, feerate: UInt64, costMaximum: Satoshi, to wallet: FeeWallet,
        replacing former: ClaimAttempt?
    ) -> ClaimAttempt? {
        let condition = claim.way.condition
        var transaction = Transaction(
            inputs: [Input(claim.outpoint, witness: Witness(condition: condition, signatures: []))],
            outputs: [Output(value: claim.output.value, key: wallet.publicKey)])
        let weight = transaction.weight(spending: [claim.output])
        guard let fee = fee(weight: weight, feerate: feerate, replacing: former), fee <= costMaximum,
            claim.output.value >= fee + FeeWallet.outputMinimum
        else { return nil }
        transaction.outputs[0].value = claim.output.value - fee
        let (key, secret) = signer(of: claim.way, preimage)
        transaction.inputs[0].witness = Witness(
            condition: condition, signatures: [key.signature(of: transaction.signatureHash)], secret: secret)
        return ClaimAttempt(transaction: transaction, fee: fee, since: former?.since ?? height)
    }

    private func signer(
        of way: OutputClaim.Way, _ preimage: Bytes32?
    ) -> (key: SigningKey, secret: Bytes32?) {
        switch way {
        case .delayed: (keys.delayedPayment, nil)
        case .balance: (keys.payment, nil)
        case .penalty(let secret): (keys.revocation, secret)
        case .preimage: (keys.htlc, preimage)
        case .timeout: (keys.htlc, nil)
        case .secondStage: preconditionFailure("a second-stage transaction was signed by both parties before")
        }
    }

    // MARK: What the wallet pays for

    /// HTLC-timeout or HTLC-success. Without anchors it was signed with its fee and stays as it is; with anchors the
    /// wallet adds the fee (BOLT 3: "zero-fee", signed by the peer with SIGHASH_SINGLE|SIGHASH_ANYONECANPAY).
    func secondStage(
        _ own: OwnCommitment, _ place: Int, _ claim: OutputClaim, preimage: Bytes32?, feerate: UInt64,
        costMaximum: Satoshi, from wallet: inout FeeWallet, replacing former: ClaimAttempt?
    ) -> ClaimAttempt? {
        let bare = own.secondStage(place)
        guard own.commitment.hasAnchors else {
            guard former == nil else { return nil }
            var transaction = bare
            transaction.inputs[0].witness = own.witness(transaction, place, preimage: preimage, keys: keys)
            let fee = claim.output.value - transaction.outputs[0].value
            return ClaimAttempt(transaction: transaction, fee: fee, since: height)
        }
        var draft = bare
        draft.inputs[0].witness = Witness(condition: 1, signatures: [])
        guard
            var attempt = paying(
                for: draft, spending: claim.output, extraWeight: 0, extraFee: .zero, feerate: feerate,
                costMaximum: costMaximum, from: &wallet, replacing: former)
        else { return nil }
        attempt.transaction.inputs[0].witness = own.witness(
            attempt.transaction, place, preimage: preimage, keys: keys)
        return attempt
    }

    /// A child of an unconfirmed commitment that spends this party's anchor and brings both to a fee rate
    /// (BOLT 3, "`to_local_anchor` and `to_remote_anchor` Output": "to allow for spending with CPFP").
    func child(
        of parent: OwnCommitment, weight parentWeight: UInt64, anchor index: Int, feerate: UInt64,
        costMaximum: Satoshi, from wallet: inout FeeWallet, replacing former: ClaimAttempt?
    ) -> ClaimAttempt? {
        let anchor = parent.transaction.outputs[index]
        let draft = Transaction(
            inputs: [
                Input(
                    parent.transaction.outpoint(UInt32(index)), witness: Witness(condition: 0, signatures: [])
                )
            ], outputs: [])
        guard
            var attempt = paying(
                for: draft, spending: anchor, extraWeight: parentWeight, extraFee: parent.commitment.fee,
                feerate: feerate, costMaximum: costMaximum, from: &wallet, replacing: former)
        else { return nil }
        attempt.transaction.inputs[0].witness = Witness(
            signatures: [keys.funding.signature(of: attempt.transaction.signatureHash)])
        return attempt
    }

    /// Adds coins and change to a transaction of one input so that it, and an unconfirmed parent with it, pays a rate;
    /// all but its first input is signed.
    ///
    /// - Parameters:
    ///   - extraWeight: of the parent.
    ///   - extraFee: what the parent pays.
    private func paying(
        for draft: Transaction, spending output: Output, extraWeight: UInt64, extraFee: Satoshi,
        feerate: UInt64, costMaximum: Satoshi, from wallet: inout FeeWallet, replacing former: ClaimAttempt?
    ) -> ClaimAttempt? {
        let brought = output.value.subtractingOrZero(draft.outputs.reduce(.zero) { $0 + $1.value })
        var coins = former?.coins ?? []
        while true {
            var transaction = draft
            transaction.outputs.append(Output(value: .zero, key: wallet.publicKey))
            transaction.inputs += coins.map { Input($0.outpoint) }
            let spent = [output] + coins.map { wallet.output(of: $0) }
            let weight = transaction.weight(spending: spent)
            let together = Satoshi(
                ((weight + extraWeight) * max(feerate, rules.feerateMinimum) + 999) / 1_000)
            let fee = max(together.subtractingOrZero(extraFee), rules.feeMinimum(weight: weight))
            let isEnough = former.map { fee >= $0.fee + rules.replacementFee(weight: weight) } ?? true
            let available = coins.reduce(brought) { $0 + $1.value }
            guard isEnough, fee <= costMaximum else { break }
            let needed = fee + FeeWallet.outputMinimum
            guard coins.isEmpty || available < needed else {
                transaction.outputs[transaction.outputs.count - 1].value = available - fee
                let hash = transaction.signatureHash
                for place in 1..<transaction.inputs.count {
                    transaction.inputs[place].witness = Witness(signatures: [wallet.key.signature(of: hash)])
                }
                return ClaimAttempt(
                    transaction: transaction, fee: fee, since: former?.since ?? height, coins: coins)
            }
            // A coin more weighs 272 as an input.
            let margin = Satoshi((272 * max(feerate, rules.feerateMinimum) + 999) / 1_000)
            guard let more = wallet.reserve((needed + margin).subtractingOrZero(available)) else { break }
            coins += more
        }
        for coin in coins where former?.coins.contains(coin) != true { wallet.receive(coin) }
        return nil
    }
}
