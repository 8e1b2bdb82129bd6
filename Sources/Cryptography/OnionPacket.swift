/// Why a hop cannot read an onion; each has its failure code in BOLT 4, with the BADONION bit.
public enum OnionRefusal: Error, Hashable, Sendable {
    /// `invalid_onion_version`.
    case unknownVersion(UInt8)
    /// `invalid_onion_key`.
    case badKey
    /// `invalid_onion_hmac`.
    case badHMAC
    /// `invalid_onion_payload`: its length makes no sense.
    case badPayload
}

/// A layered packet of fixed size (BOLT 4, "Packet Structure"; Danezis and Goldberg, "Sphinx", 2009).
///
/// Every hop takes one layer off with the key it shares with the sender, and learns its own payload and nothing of how
/// many hops came before or follow: what it takes from the front is filled up at the end.
public struct OnionPacket: Hashable, Sendable {
    /// Bytes of all payloads, lengths and HMACs together.
    public static let payloadsSize = 1_300
    /// The most hops a route can have.
    public static let hopsMaximum = 20
    /// Version, ephemeral key, payloads, HMAC; BOLT 4's is a byte longer, since its keys are.
    public static let size = 1 + 32 + payloadsSize + 32

    static let version: UInt8 = 0

    public let ephemeralKey: RistrettoPoint
    let payloads: [UInt8]
    let hmac: Bytes32

    init(ephemeralKey: RistrettoPoint, payloads: [UInt8], hmac: Bytes32) {
        precondition(payloads.count == Self.payloadsSize, "an onion has a fixed size")
        self.ephemeralKey = ephemeralKey
        self.payloads = payloads
        self.hmac = hmac
    }

    // MARK: Wrapping

    /// An onion for a route.
    ///
    /// - Parameters:
    ///   - payloads: of each hop, without lengths.
    ///   - associatedData: what the packet is bound to, the payment hash for example.
    ///   - padding: a key for what stands behind the last payload, which only its receiver sees.
    /// - Returns: nil where the payloads need more room than there is, or a hop's key is no point.
    public init?(
        to hops: [(key: RistrettoPoint, payload: [UInt8])], sessionKey: RistrettoScalar, padding: Bytes32,
        associatedData: [UInt8]
    ) {
        guard let keys = OnionKeys.route(hops.map(\.key), sessionKey: sessionKey) else { return nil }
        let wrapped = Self.wrap(
            hops.map(\.payload), keys, padding: padding, associatedData: associatedData)
        guard let wrapped else { return nil }
        self.init(ephemeralKey: sessionKey.point, payloads: wrapped.payloads, hmac: wrapped.hmac)
    }

    /// The part that does not depend on the curve.
    static func wrap(
        _ payloads: [[UInt8]], _ keys: [OnionKeys], padding: Bytes32, associatedData: [UInt8]
    ) -> (payloads: [UInt8], hmac: Bytes32)? {
        precondition(payloads.count == keys.count, "a payload for each hop")
        let framed = payloads.map { bigSize($0.count) + $0 }
        let sizes = framed.map { $0.count + 32 }
        guard !payloads.isEmpty, payloads.count <= hopsMaximum, sizes.reduce(0, +) <= payloadsSize else {
            return nil
        }
        let filler = filler(sizes, keys)
        var packet = chaCha20(OnionKeys.key("pad", of: padding), count: payloadsSize)
        var hmac = Bytes32.zero
        for index in payloads.indices.reversed() {
            let front = framed[index] + hmac.array
            packet = front + packet.dropLast(sizes[index])
            packet.combine(with: chaCha20(keys[index].rho, count: payloadsSize))
            if index == payloads.count - 1 {
                packet.replaceSubrange((payloadsSize - filler.count)..., with: filler)
            }
            hmac = hmacSHA256(packet + associatedData, key: keys[index].mu)
        }
        return (packet, hmac)
    }

    /// What stands at the end when the layers before the last have been taken off: zeros that each hop appended, under
    /// the streams of all hops from there on ("Filler Generation").
    private static func filler(_ sizes: [Int], _ keys: [OnionKeys]) -> [UInt8] {
        var filler: [UInt8] = []
        for (size, keys) in zip(sizes, keys).dropLast() {
            let start = payloadsSize - filler.count
            filler += [UInt8](repeating: 0, count: size)
            let stream = chaCha20(keys.rho, count: 2 * payloadsSize)
            filler.combine(with: stream[start..<start + filler.count])
        }
        return filler
    }

    // MARK: Peeling

    /// A layer taken off.
    public struct Layer: Sendable {
        public let payload: [UInt8]
        /// For the next hop; nil at the last.
        public let next: OnionPacket?
        /// The hop keeps them to obfuscate errors that come back.
        public let keys: OnionKeys
    }

    /// Takes a hop's layer off, or refuses the packet. Two multiplications, about 80 µs.
    public func peel(with key: RistrettoScalar, associatedData: [UInt8]) throws(OnionRefusal) -> Layer {
        let keys = try keys(with: key)
        try authenticate(with: keys, associatedData: associatedData)
        return try peel(with: keys)
    }

    /// The first of its three steps: the keys that the hop shares with the sender.
    public func keys(with key: RistrettoScalar) throws(OnionRefusal) -> OnionKeys {
        guard let shared = ephemeralKey.multiplied(by: key) else { throw .badKey }
        return OnionKeys(sharedSecret: sha256(shared.bytes))
    }

    /// The second: whether the packet is the sender's and bound to these data. From here on the hop can answer with an
    /// error that the sender can read.
    public func authenticate(with keys: OnionKeys, associatedData: [UInt8]) throws(OnionRefusal) {
        guard hmacSHA256(payloads + associatedData, key: keys.mu) == hmac else { throw .badHMAC }
    }

    /// The third: the hop's payload and the next hop's packet, of a packet that is authentic.
    public func peel(with keys: OnionKeys) throws(OnionRefusal) -> Layer {
        let layer = try Self.peel(payloads, keys)
        guard layer.hmac != .zero else { return Layer(payload: layer.payload, next: nil, keys: keys) }
        guard let factor = keys.blindingFactor(of: ephemeralKey),
            let blinded = ephemeralKey.multiplied(by: factor)
        else { throw .badKey }
        let next = OnionPacket(ephemeralKey: blinded, payloads: layer.rest, hmac: layer.hmac)
        return Layer(payload: layer.payload, next: next, keys: keys)
    }

    /// The part that does not depend on the curve.
    static func peel(
        _ payloads: [UInt8], _ keys: OnionKeys
    ) throws(OnionRefusal) -> (payload: [UInt8], rest: [UInt8], hmac: Bytes32) {
        var plain = payloads + [UInt8](repeating: 0, count: payloadsSize)
        plain.combine(with: chaCha20(keys.rho, count: 2 * payloadsSize))
        guard let (length, start) = readBigSize(plain), length <= payloadsSize - 32 - start else {
            throw .badPayload
        }
        let end = start + length
        let next = Bytes32(bytes: plain[end..<end + 32])
        return (Array(plain[start..<end]), Array(plain[end + 32..<end + 32 + payloadsSize]), next)
    }

    // MARK: Lengths

    /// BOLT 1's BigSize, of the lengths that a payload can have.
    private static func bigSize(_ length: Int) -> [UInt8] {
        length < 0xFD ? [UInt8(length)] : [0xFD, UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF)]
    }

    /// The length at the front and how many bytes it takes; nil where it is longer than a payload can be, not in its
    /// shortest form, or below 2, which BOLT 4 no longer reads.
    private static func readBigSize(_ bytes: [UInt8]) -> (length: Int, size: Int)? {
        if bytes[0] < 0xFD { return bytes[0] < 2 ? nil : (Int(bytes[0]), 1) }
        let length = Int(bytes[1]) << 8 | Int(bytes[2])
        return bytes[0] == 0xFD && length >= 0xFD ? (length, 3) : nil
    }

    // MARK: On the wire

    public func encoded() -> [UInt8] {
        [Self.version] + ephemeralKey.bytes.array + payloads + hmac.array
    }

    /// Reads what `encoded()` wrote; bytes of another length are a bug of the caller.
    public init(decoding bytes: [UInt8]) throws(OnionRefusal) {
        precondition(bytes.count == Self.size, "an onion has \(Self.size) bytes")
        guard bytes[0] == Self.version else { throw .unknownVersion(bytes[0]) }
        self.init(
            ephemeralKey: RistrettoPoint(Bytes32(bytes: bytes[1..<33])),
            payloads: Array(bytes[33..<33 + Self.payloadsSize]), hmac: Bytes32(bytes: bytes.suffix(32)))
    }
}

extension [UInt8] {
    /// Exclusive or with as many bytes of a stream.
    mutating func combine(with stream: some Sequence<UInt8>) {
        for (place, byte) in zip(indices, stream) { self[place] ^= byte }
    }
}

extension Bytes32 {
    var array: [UInt8] { withUnsafeBytes { Array($0) } }
}
