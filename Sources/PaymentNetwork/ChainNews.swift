import EventSimulation
import LightningTypes
import Settlement

/// What layer 1 tells of a channel: the fees of its height, and transactions that concern the channel.
struct ChainNews {
    var estimates: FeeEstimates
    var transactions: [Transaction] = []

    /// The bytes by which it travels.
    func encoded() -> [UInt8] {
        var bytes = withUnsafeBytes(of: estimates) { Array($0) }
        for transaction in transactions {
            let body = transaction.encoded()
            withUnsafeBytes(of: UInt32(body.count)) { bytes += $0 }
            bytes += body
        }
        return bytes
    }

    /// Reads what `encoded()` wrote; nil for other bytes.
    init?(decoding bytes: UnsafeRawBufferPointer) {
        let size = MemoryLayout<FeeEstimates>.size
        guard bytes.count >= size else { return nil }
        estimates = bytes.loadUnaligned(as: FeeEstimates.self)
        var place = size
        while place < bytes.count {
            guard bytes.count - place >= 4 else { return nil }
            let count = Int(bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self))
            place += 4
            guard bytes.count - place >= count else { return nil }
            let body = UnsafeRawBufferPointer(rebasing: bytes[place..<place + count])
            guard let transaction = try? Transaction(decoding: body) else { return nil }
            transactions.append(transaction)
            place += count
        }
    }

    init(_ estimates: FeeEstimates, _ transactions: [Transaction] = []) {
        self.estimates = estimates
        self.transactions = transactions
    }
}
