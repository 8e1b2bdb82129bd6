import Cryptography
import LightningTypes
import Settlement

/// The funding output of a channel: both must sign, keys in ascending order (BOLT 3, "Funding Transaction Output").
public func fundingOutput(capacity: Satoshi, _ a: PublicKey, _ b: PublicKey) -> Output {
    Output(value: capacity, conditions: [SpendCondition(keys: [min(a, b), max(a, b)])])
}

/// Puts two parties' signatures into the order the funding output asks for.
public func fundingWitness(
    _ a: (key: PublicKey, signature: Signature), _ b: (key: PublicKey, signature: Signature)
)
    -> Witness
{
    Witness(signatures: a.key < b.key ? [a.signature, b.signature] : [b.signature, a.signature])
}

/// A cooperative close (BOLT 3, "Closing Transaction"), unsigned.
///
/// The funder pays the fee, and the other side what the funder cannot; millisatoshis below a satoshi and outputs below
/// the dust limit add to the fee.
///
/// - Parameters:
///   - keys: where each party's money goes; ours first.
///   - feeratePerKiloweight: satoshi per 1,000 weight units.
/// - Returns: nil where nothing would be left above the dust limit.
public func closingTransaction(
    _ channel: Channel, funding: Outpoint, fundedBy output: Output, ours: PublicKey, theirs: PublicKey,
    feeratePerKiloweight: UInt64
) -> Transaction? {
    precondition(channel.isQuiet, "BOLT 2: closing_signed only after every HTLC is resolved")
    var ourShare = channel.local.ours.roundedDown
    var theirShare = channel.local.theirs.roundedDown
    let inputs = [Input(funding)]
    func transaction(_ first: Satoshi, _ second: Satoshi) -> Transaction {
        var outputs: [Output] = []
        for (value, key) in [(first, ours), (second, theirs)]
        where value > .zero && value >= channel.terms.dustLimit {
            outputs.append(Output(value: value, key: key))
        }
        // BIP 69: by value, then by script.
        outputs.sort {
            $0.value != $1.value ? $0.value < $1.value : $0.conditions[0].keys[0] < $1.conditions[0].keys[0]
        }
        return Transaction(inputs: inputs, outputs: outputs)
    }
    let weight = transaction(ourShare, theirShare).weight(spending: [output])
    let fee = Satoshi((weight * feeratePerKiloweight + 999) / 1_000)
    guard ourShare + theirShare >= fee else { return nil }
    let (funders, others) = channel.isFunder ? (ourShare, theirShare) : (theirShare, ourShare)
    let fundersLeft = funders.subtractingOrZero(fee)
    let othersLeft = others - fee.subtractingOrZero(funders)
    (ourShare, theirShare) = channel.isFunder ? (fundersLeft, othersLeft) : (othersLeft, fundersLeft)
    let closing = transaction(ourShare, theirShare)
    return closing.outputs.isEmpty ? nil : closing
}
