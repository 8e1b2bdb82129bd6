/// Why a file is not a topology: one short line with a place in it.
public struct TopologyError: Error, Hashable, CustomStringConvertible {
    /// The file's name as its reader was told.
    public var file: String
    /// From 1; nil where the fault lies in the file as a whole.
    public var line: Int?
    /// What was wrong, what was expected, and the nearest thing that exists.
    public var message: String

    public init(file: String, line: Int?, message: String) {
        self.file = file
        self.line = line
        self.message = message
    }

    /// `village.yaml:12: unknown key 'capacty_sat' in a channel; did you mean 'capacity_sat'?`
    public var description: String {
        guard let line else { return "\(file): \(message)" }
        return "\(file):\(line): \(message)"
    }
}

/// The file that errors are about.
struct SourceFile: Sendable {
    var name: String

    func error(_ line: Int?, _ message: String) -> TopologyError {
        TopologyError(file: name, line: line, message: message)
    }
}

/// Text of an untrusted file as part of a message: quoted, without anything that hides, at most 60 characters.
func quoted(_ text: some StringProtocol) -> String { "'\(PlainText.line(text, countMaximum: 60))'" }
