/// What every reader wants to know of untrusted bytes first: text at all, UTF-8, and where in it a fault
/// lies.
enum TextBytes {
    /// A topology file may be this long, since every value of it is a node in memory ...
    static let topologyBytesMaximum = 64 << 20
    /// ... and a graph or trace file this long: sixty times mainnet's.
    static let graphBytesMaximum = 2 << 30

    /// `64 MiB`; limits are whole ones.
    static func inMebibytes(_ bytes: Int) -> String { "\(bytes >> 20) MiB" }

    /// The number of the line `offset` lies in, from 1. Linear; for errors only.
    static func line(of offset: Int, in bytes: UnsafeBufferPointer<UInt8>) -> Int {
        1 + bytes.prefix(offset).reduce(0) { $0 + ($1 == UInt8(ascii: "\n") ? 1 : 0) }
    }

    /// Refuses what is compressed, binary, not UTF-8 or longer than `maximum`.
    static func check(_ bytes: UnsafeBufferPointer<UInt8>, maximum: Int, file: SourceFile)
        throws(TopologyError)
    {
        if let program = compression(of: bytes) {
            throw file.error(
                nil, "the file is compressed; pipe it instead: \(program) -dc \(file.name) | millrace run -")
        }
        guard bytes.count <= maximum else {
            throw file.error(nil, FileFault.tooLong(maximum: maximum).description)
        }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw file.error(1, "UTF-16 text; expected UTF-8")
        }
        if let offset = firstFault(in: bytes) {
            let line = line(of: offset, in: bytes)
            if bytes[offset] < 0x20 || bytes[offset] == 0x7F {
                throw file.error(
                    line, "a control character (byte \(offset), value \(bytes[offset])); expected a text file"
                )
            }
            throw file.error(line, "not UTF-8 text (byte \(offset))")
        }
    }

    /// The program that unpacks a file which begins like this.
    private static func compression(of bytes: UnsafeBufferPointer<UInt8>) -> String? {
        let beginnings: [(magic: [UInt8], program: String)] = [
            ([0x1F, 0x8B], "gzip"), ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "xz"),
            ([0x28, 0xB5, 0x2F, 0xFD], "zstd"),
            ([0x42, 0x5A, 0x68], "bzip2"),
        ]
        return beginnings.first { bytes.starts(with: $0.magic) }?.program
    }

    /// The offset of the first byte that is no part of UTF-8 text without control characters.
    ///
    /// One pass; eight plain ASCII bytes at a time where there are eight, which is most of a graph file.
    private static func firstFault(in bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        let raw = UnsafeRawBufferPointer(bytes)
        var i = 0
        while i < bytes.count {
            if i + 8 <= bytes.count {
                let word = raw.loadUnaligned(fromByteOffset: i, as: UInt64.self)
                // No byte has its top bit, and none is below 0x20 (a byte minus 0x20 borrows into its top
                // bit).
                let high = word | (word &- 0x2020_2020_2020_2020)
                if high & 0x8080_8080_8080_8080 == 0 && !containsDelete(word) {
                    i += 8
                    continue
                }
            }
            let byte = bytes[i]
            if byte < 0x80 {
                let isBlank = byte == 0x09 || byte == 0x0A || byte == 0x0D
                if (byte < 0x20 && !isBlank) || byte == 0x7F { return i }
                i += 1
                continue
            }
            guard let length = sequenceLength(in: bytes, at: i) else { return i }
            i += length
        }
        return nil
    }

    /// Whether one of eight ASCII bytes is 0x7F.
    private static func containsDelete(_ word: UInt64) -> Bool {
        (word &+ 0x0101_0101_0101_0101) & 0x8080_8080_8080_8080 != 0
    }

    /// The length of the well-formed multi-byte sequence at `i` (Unicode, table 3-7).
    private static func sequenceLength(in bytes: UnsafeBufferPointer<UInt8>, at i: Int) -> Int? {
        let second: ClosedRange<UInt8>
        let length: Int
        switch bytes[i] {
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        default: return nil
        }
        guard i + length <= bytes.count, second.contains(bytes[i + 1]) else { return nil }
        for j in (i + 2)..<max(i + 2, i + length) where bytes[j] & 0xC0 != 0x80 { return nil }
        return length
    }
}
