import Reports
import Topologies

extension ProgressLine {
    /// A stage of making a network, where it is large enough to take a while.
    func draw(_ stage: LoadingStage) {
        func network(_ nodes: Int, _ channels: Int) -> String {
            "\(Figures.counted(UInt64(nodes), "node")), \(Figures.counted(UInt64(channels), "channel"))"
        }
        switch stage {
        case .reading(let bytes):
            if bytes >= 4_000_000 { draw("reading \(Figures.count(UInt64(bytes / 1_000_000))) MB …") }
        case .generating(let nodes, let channels):
            if channels >= 50_000 { draw("generating \(network(nodes, channels)) …") }
        case .ordering(let nodes, let channels):
            if channels >= 50_000 { draw("putting \(network(nodes, channels)) in order …") }
        case .drawingChurn(let nodes, let channels):
            if channels >= 50_000 { draw("drawing who comes and goes: \(network(nodes, channels)) …") }
        case .building(let nodes, let channels):
            if channels >= 50_000 { draw("building the network: \(network(nodes, channels)) …") }
        }
    }
}
