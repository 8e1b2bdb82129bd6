import Foundation
import Topologies

/// Says what a first argument that is no command was probably meant to be.
enum MistypedCommand {
    static func check(_ arguments: [String]) throws(CommandFailure) {
        let names = MillraceCommand.commandNames
        guard let first = arguments.first, !first.hasPrefix("-") || first == "-",
            !names.contains(first), first != "help"
        else { return }
        if first == "-" || FileManager.default.fileExists(atPath: first) {
            throw CommandFailure(.usage, "a command comes first: millrace run \(first)")
        }
        throw CommandFailure(.usage, "no command '\(first)'; \(advice(for: first, among: names))")
    }
}

/// What to type in place of a word that is none of `names`: the nearest of them, or else which there are.
func advice(for word: String, among names: [String]) -> String {
    nearest(to: word, among: names).map { "did you mean '\($0)'?" }
        ?? "there are \(names.joined(separator: ", "))"
}
