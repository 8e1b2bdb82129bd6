import Foundation

/// A file that a topology file names.
struct ReferencedFile {
    let bytes: [UInt8]
    let file: SourceFile

    /// Reads a regular file of at most `graphBytesMaximum` bytes; devices and pipes, which may never end, are
    /// refused.
    ///
    /// What `files` have is taken from there, and what is read is kept there.
    init(
        _ path: String, key: String, of section: Section, directory: String, files: ReferencedFiles?
    ) throws(TopologyError) {
        if let given = files?.bytes(of: path) {
            bytes = given
            file = SourceFile(name: path)
            return
        }
        if files?.isComplete == true { throw section.error(key, "there is no copy of \(quoted(path))") }
        let isAbsolute = path.hasPrefix("/")
        let full = isAbsolute || directory.isEmpty ? path : directory + "/" + path
        var attributes: [FileAttributeKey: Any] = [:]
        let resolved = URL(fileURLWithPath: full).resolvingSymlinksInPath().path
        do {
            attributes = try FileManager.default.attributesOfItem(atPath: resolved)
        } catch {
            throw section.error(key, "there is no file \(quoted(full))")
        }
        guard attributes[.type] as? FileAttributeType == .typeRegular else {
            throw section.error(key, "\(quoted(full)) is no regular file")
        }
        guard (attributes[.size] as? NSNumber)?.int64Value ?? 0 <= Int64(TextBytes.graphBytesMaximum) else {
            throw section.error(key, "\(quoted(full)) is larger than \(TextBytes.graphBytesMaximum) bytes")
        }
        guard let data = FileManager.default.contents(atPath: resolved) else {
            throw section.error(key, "\(quoted(full)) cannot be read")
        }
        bytes = Array(data)
        files?.keep(bytes, of: path)
        file = SourceFile(name: path)
    }
}
