import Foundation
import RunStore
import Topologies

/// A directory that is a graph: the three tables of the CLoTH simulator.
struct GraphDirectory {
    private let path: String
    /// The topology that refers to the directory's files, so that a run keeps copies of them as of any others.
    let topology: InputFile

    /// Nil for anything but a directory in which one of the tables lies.
    init?(_ path: String) {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue,
            Topology.cloTHFileNames.contains(where: { name in
                FileManager.default.fileExists(atPath: PathText.join(path, name))
            })
        else { return nil }
        self.path = path
        let text = """
            millrace: 1
            graph: {format: cloth, file: .}
            traffic: assumed

            """
        topology = InputFile(name: "cloth.yaml", bytes: Array(text.utf8), role: .topology)
    }

    /// Refuses a directory in which not all of the tables lie.
    func requireTables() throws(CommandFailure) {
        let names = Topology.cloTHFileNames
        let missing = names.filter { !FileManager.default.fileExists(atPath: PathText.join(path, $0)) }
        guard !missing.isEmpty else { return }
        throw CommandFailure(
            .inputOutput,
            "\(path) lacks \(missing.joined(separator: ", ")); CLoTH's network is \(names.joined(separator: ", "))"
        )
    }
}
