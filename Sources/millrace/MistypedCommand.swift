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
        let suggestion = nearest(to: first, among: names).map { "did you mean '\($0)'?" }
        throw CommandFailure(
            .usage, "no command '\(first)'; \(suggestion ?? "there are \(names.joined(separator: ", "))")")
    }
}
