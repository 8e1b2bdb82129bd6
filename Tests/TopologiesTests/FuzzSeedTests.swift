import Foundation
import FuzzedReaders
import Randomness
import Testing

/// What the fuzzers begin with, and what a few strokes make of it. `scripts/fuzz` goes much further.
@Suite struct `A seed of the fuzzers` {
    private func seeds(of reader: FuzzedReader) throws -> [[UInt8]] {
        var directories = [Place.repository.appendingPathComponent("Fuzz/Seeds/" + reader.rawValue)]
        if reader == .topology { directories.append(Place.repository.appendingPathComponent("topologies")) }
        return try directories.flatMap { directory in
            try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
                .filter { ["yaml", "json", "csv", "graphml", ""].contains($0.pathExtension) }
                .sorted { $0.path < $1.path }.map { Array(try Data(contentsOf: $0)) }
        }
    }

    /// A few bytes changed, left out, doubled or cut off.
    private func damaged(_ bytes: [UInt8], _ stream: inout RandomStream) -> [UInt8] {
        var bytes = bytes
        for _ in 0...stream.below(3) where !bytes.isEmpty {
            let place = Int(stream.below(UInt64(bytes.count)))
            let length = min(Int(1 + stream.below(12)), bytes.count - place)
            switch stream.below(5) {
            case 0: bytes[place] = UInt8(stream.below(256))
            case 1: bytes.removeSubrange(place..<place + length)
            case 2: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
            case 3: bytes.removeSubrange(place...)
            default: bytes.replaceSubrange(place..<place + length, with: Array("-9e99{[\"<".utf8))
            }
        }
        return bytes
    }

    @Test(arguments: FuzzedReader.allCases)
    func `is read, and whatever is made of it is read or refused in a line`(reader: FuzzedReader) throws {
        let seeds = try seeds(of: reader)
        #expect(!seeds.isEmpty)
        var stream = RandomStream(seed: 1, purpose: .init("damaged seeds"), process: 0)
        for seed in seeds {
            // Topologies name files that are not there.
            if reader != .topology { #expect(reader.read(seed)) }
            for _ in 0..<100 { reader.read(damaged(seed, &stream)) }
        }
    }
}
