import ArgumentParser
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "inspect", abstract: "x")
    @OptionGroup var input: TopologyInput
    func run() throws {}
}
