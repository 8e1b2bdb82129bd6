import Cryptography
import LightningTypes
import Settlement

/// What the transactions told to a monitor come to.
struct OnChainView: Sendable {
    struct Closing: Hashable, Sendable {
        var spend: FundingSpend
        var transaction: TransactionID
        var height: BlockHeight
    }

    struct Outcome: Hashable, Sendable {
        var removal: HTLCRemoval
        var height: BlockHeight
        var preimage: Bytes32?
    }

    /// What spent the funding output.
    var closing: Closing?
    /// Outputs that are this party's, or may be.
    var claims: [OutputClaim] = []
    private var places: [Outpoint: Int] = [:]
    /// Known HTLCs that have an output.
    var withOutput: Set<MonitoredHTLC.Key> = []
    /// What the spending of their outputs made of them.
    var outcomes: [MonitoredHTLC.Key: Outcome] = [:]

    mutating func add(_ claim: OutputClaim) {
        places[claim.outpoint] = claims.count
        claims.append(claim)
        if let htlc = claim.htlc { withOutput.insert(htlc) }
    }

    func place(of outpoint: Outpoint) -> Int? { places[outpoint] }
}

extension ChannelMonitor {
    /// Takes in a transaction of a block.
    ///
    /// - Returns: whether it concerns the channel.
    mutating func apply(_ transaction: Transaction, _ id: TransactionID, at height: BlockHeight) -> Bool {
        var isRelevant = false
        for (index, input) in transaction.inputs.enumerated() {
            if input.outpoint == surroundings.context.funding {
                close(by: transaction, id, at: height)
                isRelevant = true
            } else if let place = view.place(of: input.outpoint) {
                view.claims[place].spent = OutputClaim.Spent(transaction: id, height: height)
                noteSpend(of: view.claims[place], by: transaction, id, input: index, at: height)
                isRelevant = true
            }
        }
        let isChild = publication?.child.map { child in
            child.transaction.inputs[0].outpoint == transaction.inputs.first?.outpoint
        }
        return isRelevant || isChild == true
    }

    // MARK: The funding output's spending

    func classify(_ transaction: Transaction) -> FundingSpend {
        let context = surroundings.context
        guard let number = context.commitmentNumber(of: transaction, isFunder: isFunder) else {
            return .mutualClose
        }
        if context.isOurs(transaction) == true { return .ours(number: number) }
        if number < revokedBelow { return .revoked(number: number) }
        return number > latestRemote ? .unknown(number: number) : .theirs(number: number)
    }

    private mutating func close(by transaction: Transaction, _ id: TransactionID, at height: BlockHeight) {
        let spend = classify(transaction)
        view.closing = OnChainView.Closing(spend: spend, transaction: id, height: height)
        let context = surroundings.context
        let claims: [OutputClaim]
        let bug = PlantedBug.planted
        switch spend {
        case .revoked where bug == .leavesRevokedBalance: claims = []
        case .mutualClose: claims = []
        case .ours:
            claims = parts(of: transaction, id, owner: context.ours, other: context.theirs) {
                ownClaim($0, $1, $2, place: $3, htlc: $4, height)
            }
        case .theirs, .unknown:
            claims = parts(of: transaction, id, owner: context.theirs, other: context.ours) {
                part, outpoint, output, _, htlc in
                directClaim(part, outpoint, output, htlc: htlc, height)
            }
        case .revoked(let number):
            guard let secret = surroundings.revocationSecret(number) else {
                preconditionFailure("the secret of a revoked commitment is not there")
            }
            claims = parts(of: transaction, id, owner: context.theirs, other: context.ours) {
                part, outpoint, output, _, htlc in
                penalty(part, outpoint, output, secret, htlc: htlc, height)
            }
        }
        for claim in claims where !isLeft(claim) { view.add(claim) }
    }

    /// For the torture suite's proof.
    private func isLeft(_ claim: OutputClaim) -> Bool {
        switch claim.way {
        case .delayed: PlantedBug.planted == .leavesOwnBalance
        case .balance: PlantedBug.planted == .leavesPeersBalance
        case .timeout: PlantedBug.planted == .leavesTimedOutHTLCs
        case .secondStage: PlantedBug.planted == .leavesSecondStages
        case .penalty, .preimage: false
        }
    }

    private typealias Make = (
        CommitmentPart, Outpoint, Output, _ place: Int, _ htlc: MonitoredHTLC.Key?
    ) -> OutputClaim?

    /// Looks at every output; those of HTLCs are counted, in the order in which their second stages were signed, and
    /// matched with the HTLCs known.
    private func parts(
        of transaction: Transaction, _ id: TransactionID, owner: ChannelPublicKeys, other: ChannelPublicKeys,
        _ make: Make
    ) -> [OutputClaim] {
        let ownerIsUs = owner == surroundings.context.ours
        var place = 0
        var free = htlcs
        var claims: [OutputClaim] = []
        for (index, output) in transaction.outputs.enumerated() {
            guard let part = CommitmentPart(output, owner: owner, other: other) else { continue }
            var key: MonitoredHTLC.Key?
            switch part {
            case .toOwner, .toOther, .ownersAnchor, .othersAnchor: break
            case .offered(let hash, let expiry):
                key = Self.match(&free, hash, expiry, output.value, isOffered: ownerIsUs)
            case .received(let hash, let expiry):
                key = Self.match(&free, hash, expiry, output.value, isOffered: !ownerIsUs)
            }
            if let claim = make(part, Outpoint(transaction: id, index: UInt32(index)), output, place, key) {
                claims.append(claim)
            }
            switch part {
            case .toOwner, .toOther, .ownersAnchor, .othersAnchor: break
            case .offered, .received: place += 1
            }
        }
        return claims
    }

    /// The HTLC of an output; among equal ones, which have equal fates, the one added first.
    private static func match(
        _ free: inout [MonitoredHTLC], _ hash: Bytes32, _ expiry: BlockHeight, _ value: Satoshi,
        isOffered: Bool
    ) -> MonitoredHTLC.Key? {
        let place = free.firstIndex {
            $0.hash == hash && $0.expiry == expiry && $0.amount.roundedDown == value
                && $0.key.isOffered == isOffered
        }
        return place.map { free.remove(at: $0).key }
    }

    /// BOLT 5, "Unilateral Close Handling: Local Commitment Transaction".
    private func ownClaim(
        _ part: CommitmentPart, _ outpoint: Outpoint, _ output: Output, place: Int,
        htlc: MonitoredHTLC.Key?, _ height: BlockHeight
    ) -> OutputClaim? {
        switch part {
        case .toOwner: OutputClaim(outpoint, output, .delayed, confirmed: height)
        case .toOther, .ownersAnchor, .othersAnchor: nil
        case .offered(_, let expiry):
            OutputClaim(
                outpoint, output, .secondStage(place: place, hash: nil), confirmed: height,
                deadline: timeoutDeadline(expiry, htlc), htlc: htlc)
        case .received(let hash, let expiry):
            OutputClaim(
                outpoint, output, .secondStage(place: place, hash: hash), confirmed: height,
                deadline: expiry, htlc: htlc)
        }
    }

    /// BOLT 5, "Unilateral Close Handling: Remote Commitment Transaction".
    private func directClaim(
        _ part: CommitmentPart, _ outpoint: Outpoint, _ output: Output, htlc: MonitoredHTLC.Key?,
        _ height: BlockHeight
    ) -> OutputClaim? {
        switch part {
        case .toOther: OutputClaim(outpoint, output, .balance, confirmed: height)
        case .toOwner, .ownersAnchor, .othersAnchor: nil
        case .offered(let hash, let expiry):
            OutputClaim(
                outpoint, output, .preimage(hash: hash), confirmed: height, deadline: expiry, htlc: htlc)
        case .received(_, let expiry):
            OutputClaim(
                outpoint, output, .timeout, confirmed: height, deadline: timeoutDeadline(expiry, htlc),
                htlc: htlc)
        }
    }

    /// BOLT 5, "Revoked Transaction Close Handling".
    private func penalty(
        _ part: CommitmentPart, _ outpoint: Outpoint, _ output: Output, _ secret: Bytes32,
        htlc: MonitoredHTLC.Key?, _ height: BlockHeight
    ) -> OutputClaim? {
        switch part {
        case .toOther: OutputClaim(outpoint, output, .balance, confirmed: height)
        case .ownersAnchor, .othersAnchor: nil
        case .toOwner, .offered, .received:
            OutputClaim(
                outpoint, output, .penalty(secret: secret), confirmed: height,
                deadline: height + UInt32(terms.toSelfDelay), htlc: htlc)
        }
    }

    /// An HTLC that timed out is to be back before the one it was forwarded for expires.
    private func timeoutDeadline(_ expiry: BlockHeight, _ key: MonitoredHTLC.Key?) -> BlockHeight {
        let upstream = htlcs.first { $0.key == key }?.upstreamExpiry
        return upstream ?? expiry + OnChainDeadlines.standard.fulfillment
    }

    // MARK: The spending of what it made

    private mutating func noteSpend(
        of claim: OutputClaim, by transaction: Transaction, _ id: TransactionID, input index: Int,
        at height: BlockHeight
    ) {
        let witness = transaction.inputs[index].witness
        if let key = claim.htlc, let htlc = htlcs.first(where: { $0.key == key }) {
            let preimage = witness?.secret.flatMap { sha256($0) == htlc.hash ? $0 : nil }
            view.outcomes[key] = OnChainView.Outcome(
                removal: preimage == nil ? .failed : .fulfilled, height: height, preimage: preimage)
            if let preimage { preimages[htlc.hash] = preimage }
        }
        // A second-stage transaction keeps its input's place for the output that it makes.
        guard witness?.condition == 1, transaction.outputs.indices.contains(index) else { return }
        let outpoint = Outpoint(transaction: id, index: UInt32(index))
        let output = transaction.outputs[index]
        guard
            CommitmentPart(output, owner: surroundings.context.ours, other: surroundings.context.theirs)
                == .toOwner
                || CommitmentPart(
                    output, owner: surroundings.context.theirs, other: surroundings.context.ours) == .toOwner
        else { return }
        switch claim.way {
        case .secondStage:
            view.add(OutputClaim(outpoint, output, .delayed, confirmed: height))
        case .penalty(let secret):
            view.add(
                OutputClaim(
                    outpoint, output, .penalty(secret: secret), confirmed: height,
                    deadline: height + UInt32(terms.toSelfDelay)))
        case .delayed, .balance, .preimage, .timeout: break
        }
    }
}
