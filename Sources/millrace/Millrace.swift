import ArgumentParser
import Foundation

/// The program: parses, runs a command, and turns what happens into one line and an exit code.
@main
enum Millrace {
    /// Also the version in every manifest.
    static let version = "0.1.0"

    static func main() {
        InvariantTrap.install()
        exit(run(Array(CommandLine.arguments.dropFirst())).rawValue)
    }

    private static func run(_ arguments: [String]) -> ExitStatus {
        do {
            try MistypedCommand.check(arguments)
            if ResumeCommand.isMeant(by: arguments) {
                try ResumeCommand.parse(programArguments: arguments).run()
                return .done
            }
            var command = try MillraceCommand.parseAsRoot(arguments)
            try command.run()
            return .done
        } catch let failure as CommandFailure {
            Diagnostics.say(failure.message)
            return failure.status
        } catch {
            guard MillraceCommand.exitCode(for: error) == .success else {
                var message = MillraceCommand.message(for: error)
                if message.hasSuffix(".") { message.removeLast() }
                // Long lists of values come one a line.
                message = message.replacing(":\n  - ", with: ": ").replacing("\n  - ", with: ", ")
                Diagnostics.say("\(message); see \(helpCommand(for: arguments))")
                return .usage
            }
            print(MillraceCommand.fullMessage(for: error))
            return .done
        }
    }

    private static func helpCommand(for arguments: [String]) -> String {
        let name = arguments.first { MillraceCommand.commandNames.contains($0) }
        return ["millrace", name, "--help"].compactMap(\.self).joined(separator: " ")
    }
}

struct MillraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "millrace",
        abstract:
            "Simulates Lightning-style payment channel networks: payments, layer 1, and what every node earns.",
        discussion: """
            A TOPOLOGY is a Millrace topology (YAML), or the graph of another program: lnd's describegraph, Core \
            Lightning's listchannels, a directory of CLoTH's tables, sim-ln's sim_network, GraphML; '-' reads standard input.

            Exit codes: 0 done, 64 usage, 65 bad input file, 70 broken invariant, 74 input or output failed, \
            75 in use by another process, 130 interrupted, 143 terminated.
            """,
        version: "millrace \(Millrace.version)",
        subcommands: [
            RunCommand.self, VerifyCommand.self, StressCommand.self, InspectCommand.self, RouteCommand.self,
            ImportCommand.self, GenerateCommand.self,
        ])

    static var commandNames: [String] {
        configuration.subcommands.compactMap { $0.configuration.commandName }
    }
}
