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
        guard !path.isEmpty,
            !path.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else { throw section.error(key, "\(quoted(path)) is no path") }
        let full = path.hasPrefix("/") ? path : PathText.join(directory, path)
        file = SourceFile(name: full)
        if let given = files?.bytes(of: path) {
            bytes = given
            return
        }
        if files?.isComplete == true { throw section.error(key, "there is no copy of \(quoted(path))") }
        do {
            bytes = try FileBytes.contents(ofFile: full, limit: .table, onlyRegular: true)
        } catch {
            throw section.error(key, "\(quoted(full)): \(error)")
        }
        files?.keep(bytes, of: path)
    }
}
