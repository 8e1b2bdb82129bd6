import Foundation

/// A copy of the package in which every mutant waits behind a switch: the environment variable `MILLRACE_MUTANT`, a
/// mutant's number. Nothing of it is in the sources themselves.
struct Planting {
    let repository: URL
    let mutants: [Mutant]

    /// Untracked, and kept: the next build is incremental.
    var copy: URL { repository.appending(path: ".build/mutants/package") }

    /// What the build needs and the tests read.
    private static let parts = [
        "Package.swift", "Sources", "Tests", "Fuzz", "docs", "topologies", "scripts", "README.md",
    ]

    /// The switch of a target. In a file of its own, so that no target needs to depend on anything for it.
    private static let switchFile = """
        import Foundation

        @usableFromInline let millraceMutantChosen: UInt32 =
            getenv("MILLRACE_MUTANT").flatMap { UInt32(String(cString: $0)) } ?? 0
        @inlinable func millraceMutant(_ number: UInt32) -> Bool { millraceMutantChosen == number }

        """

    /// Writes the copy, only what is new or different.
    func write() throws {
        let planted = try plantedFiles()
        var wanted: Set<String> = []
        for part in Self.parts {
            for path in try Self.files(at: repository, part) {
                wanted.insert(path)
                let data = try planted[path] ?? Data(contentsOf: repository.appending(path: path))
                try put(data, at: path)
            }
        }
        for target in Set(mutants.flatMap { $0.sites.map(\.target) }) {
            let path = "Sources/\(target)/MillraceMutant.swift"
            wanted.insert(path)
            try put(Data(Self.switchFile.utf8), at: path)
        }
        for part in Self.parts {
            for path in try Self.files(at: copy, part) where !wanted.contains(path) {
                try FileManager.default.removeItem(at: copy.appending(path: path))
            }
        }
        // Reference data beside the repository, where there is any.
        let link = copy.deletingLastPathComponent().appending(path: "shared")
        if (try? FileManager.default.destinationOfSymbolicLink(atPath: link.path)) == nil {
            let data = repository.deletingLastPathComponent().appending(path: "shared")
            try FileManager.default.createSymbolicLink(at: link, withDestinationURL: data)
        }
    }

    private func put(_ data: Data, at path: String) throws {
        let file = copy.appending(path: path)
        if let old = try? Data(contentsOf: file), old == data { return }
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: file)
    }

    private static func files(at folder: URL, _ part: String) throws -> [String] {
        var isFolder: ObjCBool = false
        guard
            FileManager.default.fileExists(atPath: folder.appending(path: part).path, isDirectory: &isFolder)
        else {
            return []
        }
        guard isFolder.boolValue else { return [part] }
        return try FileManager.default.subpathsOfDirectory(atPath: folder.appending(path: part).path)
            .map { "\(part)/\($0)" }
            .filter {
                var isFolder: ObjCBool = false
                let path = folder.appending(path: $0).path
                return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
                    && !isFolder.boolValue
            }
    }

    /// The files with mutants, planted, by path. Throws where a line's text is no longer there, or no longer once: all
    /// such lines are named.
    private func plantedFiles() throws -> [String: Data] {
        var result: [String: Data] = [:]
        var wrong: [String] = []
        let sites = mutants.flatMap { mutant in
            mutant.sites.map { NumberedSite(number: mutant.number, id: mutant.id, site: $0) }
        }
        for (file, sites) in Dictionary(grouping: sites, by: \.site.file) {
            let path = "Sources/\(file)"
            guard let source = try? String(contentsOf: repository.appending(path: path), encoding: .utf8)
            else {
                wrong += sites.map { "\($0.id): there is no \(path)" }
                continue
            }
            let text = Array(source.utf8)
            let placed = sites.compactMap { numbered in
                let found = text.ranges(of: Array(numbered.site.place.utf8))
                guard found.count == 1, let start = found.first?.lowerBound else {
                    wrong.append("\(numbered.id): \(path) has “\(numbered.site.place)” \(found.count) times")
                    return nil as PlacedSite?
                }
                let from = start + numbered.site.before.utf8.count
                return PlacedSite(site: numbered, range: from..<from + numbered.site.text.utf8.count)
            }
            // Outer before inner.
            .sorted {
                ($0.range.lowerBound, $1.range.upperBound) < ($1.range.lowerBound, $0.range.upperBound)
            }
            do {
                var rest = placed[...]
                result[path] = Data(try Self.plant(&rest, in: text, 0..<text.count))
            } catch let complaint as Complaint {
                wrong.append("\(path): \(complaint)")
            }
        }
        guard wrong.isEmpty else { throw Complaint(wrong.sorted().joined(separator: "\n")) }
        return result
    }

    private struct NumberedSite {
        let number: UInt32
        let id: String
        let site: Mutant.Site
    }

    private struct PlacedSite {
        let site: NumberedSite
        let range: Range<Int>
    }

    /// A stretch of a file with the mutants that begin in it, each around what lies inside it.
    private static func plant(
        _ rest: inout ArraySlice<PlacedSite>, in text: [UInt8], _ stretch: Range<Int>
    ) throws -> [UInt8] {
        var (output, position): ([UInt8], Int) = ([], stretch.lowerBound)
        while let placed = rest.first, placed.range.lowerBound < stretch.upperBound {
            guard placed.range.upperBound <= stretch.upperBound else {
                throw Complaint(
                    "\(placed.site.id) overlaps another mutant and lies neither in it nor around it")
            }
            rest.removeFirst()
            output += text[position..<placed.range.lowerBound]
            let inner = try plant(&rest, in: text, placed.range)
            output += around(inner, placed.site)
            position = placed.range.upperBound
        }
        return output + text[position..<stretch.upperBound]
    }

    private static func around(_ inner: [UInt8], _ numbered: NumberedSite) -> [UInt8] {
        let (change, test) = (numbered.site.change, "millraceMutant(\(numbered.number))")
        guard change.hasPrefix(";") else {
            return Array("(\(test) ? (\(change)) : (".utf8) + inner + Array("))".utf8)
        }
        let instead = change.dropFirst()
        return Array("if \(test) { \(instead) } else { ".utf8) + inner + Array(" }".utf8)
    }
}
