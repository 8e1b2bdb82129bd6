/// An error on its way back to the sender of an onion (BOLT 4, "Returning Errors").
///
/// The hop that failed authenticates it; every hop on the way obfuscates it once more, so that none can tell how far it
/// has come, and only the sender, who shares a key with each, can tell from where.
public struct OnionError: Hashable, Sendable {
    /// What a message and its padding have together: BOLT 4's "SHOULD set pad such that failure_len plus pad_len is
    /// equal to 256".
    public static let messageSize = 256
    /// An HMAC, and two lengths beside message and padding.
    public static let size = 32 + 2 + messageSize + 2

    public private(set) var bytes: [UInt8]

    /// Bytes as they came from downstream.
    public init(bytes: [UInt8]) { self.bytes = bytes }

    /// The error of a hop that fails, obfuscated by itself.
    ///
    /// - Parameter message: failure code and data, at most 256 bytes.
    public init(_ message: [UInt8], by keys: OnionKeys) {
        precondition(message.count <= Self.messageSize, "a failure message has 256 bytes at most")
        let padding = Self.messageSize - message.count
        let body =
            Self.number(message.count) + message + Self.number(padding)
            + [UInt8](repeating: 0, count: padding)
        bytes = hmacSHA256(body, key: keys.um).array + body
        obfuscate(with: keys)
    }

    private static func number(_ value: Int) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xFF)] }

    /// What every hop on the way back does with it.
    public mutating func obfuscate(with keys: OnionKeys) {
        bytes.combine(with: chaCha20(keys.ammag, count: bytes.count))
    }

    /// The sender takes off one hop's layer after another until one authenticates it.
    ///
    /// - Parameter route: the keys shared with each hop, in order.
    /// - Returns: which hop failed, from 0, and its message; nil where no hop of the route made these bytes.
    public func origin(_ route: [OnionKeys]) -> (hop: Int, message: [UInt8])? {
        var error = self
        for (hop, keys) in route.enumerated() {
            error.obfuscate(with: keys)
            guard error.bytes.count >= 36 else { return nil }
            let body = Array(error.bytes.dropFirst(32))
            guard hmacSHA256(body, key: keys.um) == Bytes32(bytes: error.bytes.prefix(32)) else { continue }
            let length = Int(body[0]) << 8 | Int(body[1])
            return length <= body.count - 4 ? (hop, Array(body[2..<2 + length])) : nil
        }
        return nil
    }
}
