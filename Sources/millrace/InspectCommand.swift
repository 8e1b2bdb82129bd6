import ArgumentParser
import Reports
import Topologies

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract:
            "Validates a topology and describes it: sizes, degrees, capacity, fees, components, traffic.")

    @OptionGroup var input: TopologyInput

    @Flag(help: "One JSON object on standard output, and nothing else there.")
    var json = false

    func run() throws {
        let (topology, _) = try input.read(for: .look, line: ProgressLine(isQuiet: false))
        let report = InspectReport(topology)
        if json {
            try Output.write(report.json.encoded())
        } else {
            try Output.write(report.text(style: Terminal.outputStyle))
        }
    }
}
