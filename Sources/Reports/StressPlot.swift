import Foundation
import Topologies

/// The curve of a stress test as a picture: success and latency over the offered load, both logarithmic in the load.
public struct StressPlot {
    private static let width = 760.0
    private static let height = 240.0
    private static let left = 70.0
    private static let top = 60.0
    private static let gap = 70.0

    private let curve: StressCurve
    private let title: String

    public init(_ curve: StressCurve, of topology: Topology) {
        self.curve = curve
        title = topology.name
    }

    public var svg: String {
        let steps = curve.steps
        let latencies = steps.compactMap { $0.latency?.p99 }
        let latencyMaximum = max(latencies.max() ?? 0, 1) * 1.1 / 1_000
        let lower = Self.top + Self.height + Self.gap
        let whole = lower + Self.height + 60
        var parts = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Self.text(Self.left + Self.width + 30)) \(Self.text(whole))\" font-family=\"ui-sans-serif, system-ui, sans-serif\" font-size=\"13\" role=\"img\" aria-label=\"Stress test of \(Self.escaped(title))\">",
            "<style>text{fill:#3d444d}.g{stroke:#d1d7e0}.s{stroke:#1a7f37}.l{stroke:#9a6700}.k{stroke:#cf222e}@media(prefers-color-scheme:dark){text{fill:#d1d7e0}.g{stroke:#3d444d}}</style>",
            "<text x=\"\(Self.text(Self.left))\" y=\"24\" font-size=\"16\">\(Self.escaped(headline))</text>",
        ]
        parts += panel("settled, share of payments", at: Self.top, maximum: 1) {
            Figures.percent($0, places: 0)
        }
        parts.append(line("s", at: Self.top, maximum: 1, steps.map { ($0.offeredPerSecond, $0.success) }))
        parts += panel("99th percentile of latency", at: lower, maximum: latencyMaximum) {
            Figures.duration(microseconds: UInt64($0 * 1e6))
        }
        parts.append(
            line(
                "l", at: lower, maximum: latencyMaximum,
                steps.compactMap { step in step.latency.map { (step.offeredPerSecond, $0.p99 / 1_000) } }))
        var lastLabel = -Double.infinity
        for step in steps {
            let place = x(step.offeredPerSecond)
            // A search tries loads closer together than their figures are wide.
            guard place - lastLabel > 48 else { continue }
            lastLabel = place
            parts.append(
                "<text x=\"\(Self.text(place))\" y=\"\(Self.text(lower + Self.height + 20))\" text-anchor=\"middle\" font-size=\"11\">\(Figures.rate(step.offeredPerSecond))</text>"
            )
        }
        parts.append(
            "<text x=\"\(Self.text(Self.left + Self.width / 2))\" y=\"\(Self.text(lower + Self.height + 44))\" text-anchor=\"middle\">payments offered per simulated second</text>"
        )
        if let knee = curve.kneePerSecond {
            let place = Self.text(x(knee))
            parts.append(
                "<path class=\"k\" stroke-dasharray=\"4 4\" d=\"M\(place) \(Self.text(Self.top))V\(Self.text(lower + Self.height))\"/>"
            )
            parts.append(
                "<text x=\"\(place)\" y=\"\(Self.text(Self.top - 8))\" text-anchor=\"middle\">knee</text>")
        }
        return (parts + ["</svg>"]).joined(separator: "\n") + "\n"
    }

    private var headline: String {
        let name = TerminalText(title).truncated(to: 40).text
        guard let knee = curve.kneePerSecond else { return "\(name): nothing gives way" }
        return "\(name): the network bears \(Figures.paymentRate(perSecond: knee))"
    }

    private func panel(_ title: String, at top: Double, maximum: Double, _ label: (Double) -> String)
        -> [String]
    {
        var parts = ["<text x=\"\(Self.text(Self.left + 6))\" y=\"\(Self.text(top + 16))\">\(title)</text>"]
        for quarter in 0...4 {
            let share = Double(quarter) / 4
            let y = Self.text(top + Self.height * (1 - share))
            parts.append(
                "<path class=\"g\" d=\"M\(Self.text(Self.left)) \(y)H\(Self.text(Self.left + Self.width))\"/>"
            )
            parts.append(
                "<text x=\"\(Self.text(Self.left - 8))\" y=\"\(y)\" dy=\"4\" text-anchor=\"end\" font-size=\"11\">\(label(share * maximum))</text>"
            )
        }
        return parts
    }

    private func line(_ style: String, at top: Double, maximum: Double, _ points: [(Double, Double)])
        -> String
    {
        let path = points.map { rate, value in
            "\(Self.text(x(rate))) \(Self.text(top + Self.height * (1 - min(value / maximum, 1))))"
        }
        return
            "<path class=\"\(style)\" fill=\"none\" stroke-width=\"2.5\" stroke-linejoin=\"round\" d=\"M\(path.joined(separator: "L"))\"/>"
    }

    /// Logarithmic.
    private func x(_ rate: Double) -> Double {
        let (lowest, highest) = (
            curve.steps[0].offeredPerSecond, curve.steps[curve.steps.count - 1].offeredPerSecond
        )
        guard highest > lowest else { return Self.left }
        return Self.left + Self.width * log(rate / lowest) / log(highest / lowest)
    }

    private static func text(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths.isMultiple(of: 10) ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in TerminalText(text).text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
        return result
    }
}
